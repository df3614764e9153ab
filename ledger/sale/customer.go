package sale

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Customer is all that a till knows of a person: no full name, no phone, no card number.
type Customer struct {
	No      CustomerNo    `cbor:"1,keyasint" json:"no"`
	Name    string        `cbor:"2,keyasint,omitempty" json:"name"` // first name and an initial: "Анна П."
	Tier    uint16        `cbor:"3,keyasint,omitempty" json:"tier"`
	Home    StoreNo       `cbor:"4,keyasint,omitempty" json:"home"`
	Balance Points        `cbor:"5,keyasint,omitempty" json:"balance"` // active and pending, as of Seen
	Debt    Points        `cbor:"6,keyasint,omitempty" json:"debt,omitempty"`
	State   CustomerState `cbor:"7,keyasint,omitempty" json:"state,omitempty"`
	Seen    Seen          `cbor:"8,keyasint,omitzero" json:"seen"`

	Segment  uint8         `cbor:"9,keyasint,omitempty" json:"segment,omitempty"`
	Staff    StaffNo       `cbor:"10,keyasint,omitempty" json:"staff,omitempty"`    // a member of staff's own card
	Accounts []CustomerNo  `cbor:"11,keyasint,omitempty" json:"accounts,omitempty"` // of enrolments merged into this one, beside No
	Bought   uint32        `cbor:"12,keyasint,omitempty" json:"bought,omitempty"`   // receipts so far, as far as known
	Progress Progress      `cbor:"13,keyasint,omitzero" json:"progress"`
	Expiring Expiring      `cbor:"14,keyasint,omitzero" json:"expiring"`
	Uses     []PromoUse    `cbor:"15,keyasint,omitempty" json:"uses,omitempty"`   // of promotions limited per customer
	Purses   []PurseAmount `cbor:"16,keyasint,omitempty" json:"purses,omitempty"` // beside the points, each less what is owed of it
	Enrolled Time          `cbor:"17,keyasint,omitempty" json:"enrolled,omitempty"`
	// Bearer is a gift certificate: whoever shows its code pays with it as with money. It earns nothing
	// and is nobody's card.
	Bearer bool `cbor:"18,keyasint,omitempty" json:"bearer,omitempty"`
	// Owed is what of each purse is owed, in positive amounts; Purses are less it. What is next earned into the
	// purse pays it first, however much the customer has there.
	Owed []PurseAmount `cbor:"19,keyasint,omitempty" json:"owed,omitempty"`
}

// ShortName is what a till may know of a full name, first name and an initial: of "Петрова Анна Сергеевна" it is
// "Анна П.". A single word stays as it is.
func ShortName(full string) string {
	words := strings.Fields(full)
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	return words[1] + " " + string([]rune(words[0])[:1]) + "."
}

// Progress is what counts towards tiers, within the programme's window.
type Progress struct {
	Spend     Money  `cbor:"1,keyasint,omitempty" json:"spend"`
	Receipts  uint32 `cbor:"2,keyasint,omitempty" json:"receipts"`
	Referrals uint32 `cbor:"3,keyasint,omitempty" json:"referrals"` // friends who have bought
}

// Expiring is the next points to expire.
type Expiring struct {
	Amount Points `cbor:"1,keyasint,omitempty" json:"amount"`
	At     Time   `cbor:"2,keyasint,omitempty" json:"at"`
}

// PromoUse is how often a customer has had a promotion, up to Seen.
type PromoUse struct {
	Promotion uint32 `cbor:"1,keyasint" json:"promotion"`
	Times     uint32 `cbor:"2,keyasint" json:"times"`
}

// Seen says up to where head office had read this till's journal when it reckoned a balance: what the
// till has journalled since comes on top.
type Seen struct {
	Epoch uint32 `cbor:"1,keyasint,omitempty" json:"epoch"`
	Seq   uint64 `cbor:"2,keyasint,omitempty" json:"seq"`
	At    Time   `cbor:"3,keyasint,omitempty" json:"at"`
}

// CustomerState is what may be done with a customer.
type CustomerState uint8

// The states.
const (
	CustomerActive  CustomerState = 0
	CustomerBlocked CustomerState = 1 // neither earns nor redeems
	CustomerTest    CustomerState = 2 // training: left out of analytics
	CustomerErased  CustomerState = 3
	CustomerHouse   CustomerState = 4 // a store's account for buyers without a card: earns nothing, is in no analysis
)

// LookupKey stands for a card or phone number on a till; it cannot be turned back without work.
type LookupKey [8]byte

// CardKey is the key of a card number: HMAC-SHA256 with the organisation's secret, cut to 8 bytes.
func CardKey(secret []byte, card string) LookupKey {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(card))
	return LookupKey(mac.Sum(nil)[:8])
}

// PhoneHash is the cost and salt of an organisation's phone keys. A plain or keyed hash of a phone
// number is enumerated in hours, so the work is made memory-hard (argon2id, RFC 9106).
type PhoneHash struct {
	Salt   []byte `cbor:"1,keyasint" json:"salt"`
	Passes uint32 `cbor:"2,keyasint" json:"passes"`
	KiB    uint32 `cbor:"3,keyasint" json:"kib"`
}

// Costs of a phone key. The default takes some 15 ms on a till of 2020.
const (
	PhonePassesDefault uint32 = 1
	PhoneKiBDefault    uint32 = 12 << 10
	PhoneKiBMax        uint32 = 256 << 10
)

// Key is the look-up key of a phone number in the form of [ParsePhone].
func (h PhoneHash) Key(phone string) LookupKey {
	return LookupKey(argon2.IDKey([]byte(phone), h.Salt, max(1, h.Passes), min(max(8, h.KiB), PhoneKiBMax), 1, 8))
}

// ErrPhone is wrapped by every refusal of a phone number.
var ErrPhone = errors.New("not a phone number: want +7 and ten digits, or + and 8 to 15 digits")

// ParsePhone brings a typed phone number to E.164: spaces, dashes and brackets go, a leading 8 of
// eleven digits becomes +7, ten digits are taken as Russian.
func ParsePhone(s string) (string, error) {
	plus := strings.HasPrefix(strings.TrimSpace(s), "+")
	digits := make([]byte, 0, 15)
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case strings.ContainsRune(" -()+\u00a0\u2011", r):
		default:
			return "", fmt.Errorf("%w: got %q", ErrPhone, s)
		}
		if len(digits) > 15 {
			return "", fmt.Errorf("%w: got %q", ErrPhone, s)
		}
	}
	switch {
	case !plus && len(digits) == 11 && digits[0] == '8':
		digits[0] = '7'
	case !plus && len(digits) == 10:
		digits = append([]byte{'7'}, digits...)
	}
	if len(digits) < 8 || digits[0] == '0' || (digits[0] == '7' && len(digits) != 11) {
		return "", fmt.Errorf("%w: got %q", ErrPhone, s)
	}
	return "+" + string(digits), nil
}

// CodeKey is the key of a promo code: HMAC-SHA256 with the organisation's secret over the campaign and
// the code in capitals without spaces and dashes. A till holds keys only, so it cannot mint codes.
func CodeKey(secret []byte, code string) LookupKey {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("code:" + NormalCode(code)))
	return LookupKey(mac.Sum(nil)[:8])
}

// NormalCode is a promo code as it is compared: capitals, no spaces, no dashes.
func NormalCode(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(code))
}

// ConsentKind is what a customer agreed to; each needs a text and a yes of its own (156-FZ, 38-FZ).
type ConsentKind uint8

// The consents.
const (
	ConsentPersonalData ConsentKind = 1
	ConsentAdvertising  ConsentKind = 2
)

// Consent is one yes or no at enrolment, with the version of the text that was shown.
type Consent struct {
	Kind    ConsentKind `cbor:"1,keyasint" json:"kind"`
	Version uint32      `cbor:"2,keyasint" json:"version"`
	Given   bool        `cbor:"3,keyasint" json:"given"`
}

// Enrolment is a customer taken in at a till. Who it is stands sealed beside the record; so do the phone and the
// card, of which head office makes look-up keys itself: a key in hashed bytes could never be erased, and a
// phone be found from it by trying them all.
type Enrolment struct {
	Customer CustomerNo `cbor:"1,keyasint" json:"customer"`
	Tier     uint16     `cbor:"2,keyasint,omitempty" json:"tier"`
	Person   Commitment `cbor:"3,keyasint" json:"-"` // to the sealed [Person]
	Consents []Consent  `cbor:"5,keyasint,omitempty" json:"consents,omitempty"`
	Code     *CodeUse   `cbor:"6,keyasint,omitempty" json:"code,omitempty"` // of the friend, cashier or channel that brought them
}

// Person is who was enrolled; it is sealed to head office and never enters a record.
type Person struct {
	Salt   [16]byte `cbor:"1,keyasint"`
	Name   string   `cbor:"2,keyasint,omitempty"`
	Phone  string   `cbor:"3,keyasint,omitempty"` // E.164
	Card   string   `cbor:"4,keyasint,omitempty"`
	Friend string   `cbor:"5,keyasint,omitempty"` // referral code as typed, when it is no campaign's
}

// Commit is what the record holds instead of the person.
func (p Person) Commit() (Commitment, error) {
	b, err := Encode(p)
	return HashOf(b), err
}

// Staff is a member of staff as a till knows them. The PIN is kept as an argon2id hash.
type Staff struct {
	No    StaffNo `cbor:"1,keyasint" json:"no"`
	Name  string  `cbor:"2,keyasint" json:"name"` // as printed on the receipt, tag 1021
	INN   string  `cbor:"3,keyasint,omitempty" json:"inn,omitempty"`
	Role  Role    `cbor:"4,keyasint" json:"role"`
	PIN   []byte  `cbor:"5,keyasint,omitempty" json:"-"` // argon2id of the PIN
	Salt  []byte  `cbor:"6,keyasint,omitempty" json:"-"`
	Gone  bool    `cbor:"7,keyasint,omitempty" json:"gone,omitempty"`
	Store StoreNo `cbor:"8,keyasint,omitempty" json:"store,omitempty"` // zero: every store
}

// Role is what a member of staff may do at a till.
type Role uint8

// The roles; each may do what the one before may.
const (
	RoleCashier Role = 1
	RoleManager Role = 2 // returns without a receipt, settling an unknown outcome
)

// Costs of a PIN's hash: a PIN has few digits, so the hash must be slow, yet a cashier waits for it.
const (
	pinPasses = 2
	pinKiB    = 19 << 10
	// PINDigitsMin and PINDigitsMax bound a PIN.
	PINDigitsMin = 4
	PINDigitsMax = 8
)

// HashPIN is the hash kept in [Staff].PIN.
func HashPIN(pin string, salt []byte) []byte {
	return argon2.IDKey([]byte(pin), salt, pinPasses, pinKiB, 1, 32)
}

// CheckPIN tells whether the PIN is this member's, in constant time.
func (s Staff) CheckPIN(pin string) bool {
	return !s.Gone && len(s.PIN) > 0 && hmac.Equal(s.PIN, HashPIN(pin, s.Salt))
}
