package sale

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// ID names a sale, a return or any other journalled event for ever. It is a UUIDv7 (RFC 9562), made
// on the till and on disk before it is used, so that a repeat is recognised wherever it arrives.
type ID [16]byte

// ErrID is wrapped by every refusal of a malformed ID.
var ErrID = errors.New("not a Kopilka ID (want 32 hexadecimal digits, dashes allowed)")

// NewID makes a UUIDv7 from the caller's clock and randomness; rules hold neither.
func NewID(now time.Time, random io.Reader) (ID, error) {
	var id ID
	if _, err := io.ReadFull(random, id[6:]); err != nil {
		return ID{}, fmt.Errorf("read randomness for an ID: %w", err)
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id, nil
}

// DeriveID makes the ID of a thing that exists once per parent (the lot of a sale, the lease it is
// born with), so that computing it again on another machine gives the same ID. It is a UUIDv8.
func DeriveID(parent ID, purpose string, n int) ID {
	h := sha256.New()
	h.Write(parent[:])
	fmt.Fprintf(h, "/%s/%d", purpose, n)
	var id ID
	copy(id[:], h.Sum(nil))
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Key is a short name of the ID for where 16 characters are all there is, as in a fiscal receipt's own
// requisites: the first 80 bits of its SHA-256 in base 32 (RFC 4648), so that nobody reads a time out of it.
func (id ID) Key() string {
	h := sha256.Sum256(id[:])
	return base32.StdEncoding.EncodeToString(h[:10])
}

// ParseID reads what [ID.String] writes; dashes are optional.
func ParseID(s string) (ID, error) {
	var id ID
	plain := make([]byte, 0, 32)
	for i := range len(s) {
		if s[i] != '-' {
			plain = append(plain, s[i])
		}
	}
	if len(plain) != 2*len(id) {
		return ID{}, fmt.Errorf("%w: got %q", ErrID, s)
	}
	if _, err := hex.Decode(id[:], plain); err != nil {
		return ID{}, fmt.Errorf("%w: got %q", ErrID, s)
	}
	return id, nil
}

// String is the usual 8-4-4-4-12 form.
func (id ID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// IsZero tells an ID that was never given.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText makes IDs readable in JSON and YAML.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (id *ID) UnmarshalText(b []byte) error {
	p, err := ParseID(string(b))
	if err != nil {
		return err
	}
	*id = p
	return nil
}

// OrgNo is the organisation, first in every key of head office.
type OrgNo uint32

// StoreNo is a shop of the organisation.
type StoreNo uint32

// TillNo is a till's number, given at enrolment and never reused. Zero is head office itself.
type TillNo uint32

// TillNoMax keeps numbers for people under 2^53, which JavaScript and the partner API can hold.
const TillNoMax TillNo = 1<<21 - 1

// StaffNo is a member of staff; zero is nobody (the system).
type StaffNo uint32

// PartnerNo is a business that brings customers or honours points.
type PartnerNo uint32

// Number is what people and the partner API call a sale or a customer: the till's number times 2^32
// plus a counter of that till that no epoch resets. Customers made at head office have till zero.
type Number int64

// CustomerNo and OperationNo are Numbers of different things.
type (
	CustomerNo  = Number
	OperationNo = Number
)

// MakeNumber joins a till's number and its counter.
func MakeNumber(till TillNo, counter uint32) Number {
	return Number(till)<<32 | Number(counter)
}

// houseFrom is the first counter of the stores' own accounts, far above what head office gives to people.
const houseFrom = 1 << 31

// HouseNo is the account that a store's receipts without a customer are booked to.
func HouseNo(store StoreNo) CustomerNo { return MakeNumber(0, houseFrom+uint32(store)) }

// House tells a store's own account from a person's.
func (n Number) House() bool { return n.Till() == 0 && n.Counter() >= houseFrom }

// Till is the till that gave the number.
func (n Number) Till() TillNo { return TillNo(n >> 32) }

// Counter is the count within that till.
func (n Number) Counter() uint32 { return uint32(n) }

// String shows a number as people read it aloud: till-counter, "3-1042".
func (n Number) String() string {
	if n.Till() == 0 {
		return fmt.Sprintf("%d", n.Counter())
	}
	return fmt.Sprintf("%d-%d", n.Till(), n.Counter())
}
