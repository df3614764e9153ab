package page

import "github.com/kopilka/kopilka/ledger/sale"

// Role is what a user of the pages may do; each may do what the one before may.
type Role uint8

// The roles.
const (
	RoleViewer  Role = 1 // looks
	RoleManager Role = 2 // customers, points, products, staff, flags
	RoleOwner   Role = 3 // programme, tills, stores, users
)

// String is the stored name.
func (r Role) String() string {
	switch r {
	case RoleViewer:
		return "viewer"
	case RoleManager:
		return "manager"
	case RoleOwner:
		return "owner"
	}
	return ""
}

// ParseRole reads a stored name; what is not known may do nothing.
func ParseRole(s string) Role {
	for _, r := range []Role{RoleViewer, RoleManager, RoleOwner} {
		if s == r.String() {
			return r
		}
	}
	return 0
}

// Lang is a user's language: "ru" or "en".
type Lang string

// User is a person who signs in at head office.
type User struct {
	Org   sale.OrgNo
	Login string // folded to lower case
	Name  string
	Role  Role
	Hash  []byte // of the password
	Salt  []byte
	Lang  Lang
	Made  sale.Time
	Gone  bool
}

// Session is a sign-in. Only the hash of its token is stored.
type Session struct {
	Token   [32]byte // SHA-256 of the cookie's token
	CSRF    []byte
	Login   string
	Created sale.Time
	Ends    sale.Time
}

// Pulse changes whenever there is something new to show. Its figures mean nothing by themselves.
type Pulse struct {
	Records int64 // grows with every record of any till
	Tills   int64 // changes when a till reports
	Flags   int64 // open flags
}
