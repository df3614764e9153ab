package sale

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// FiscalKind says who printed the fiscal receipt of a sale.
type FiscalKind uint8

// The kinds: our register, another cash program's, or none at all.
const (
	FiscalOwn     FiscalKind = 1
	FiscalForeign FiscalKind = 2
	FiscalNone    FiscalKind = 3
)

// DocKind is the calculation sign of a receipt (FFD tag 1054) or, above 100, another fiscal document.
type DocKind uint8

// The documents that a till makes.
const (
	DocSale          DocKind = 1
	DocSaleReturn    DocKind = 2
	DocExpense       DocKind = 3
	DocExpenseReturn DocKind = 4
	DocShiftOpen     DocKind = 101
	DocShiftClose    DocKind = 102
	DocOther         DocKind = 199 // registration, reports: not ours to match

	// Correction receipts, by the sign of what they correct (FFD form 31, tag 1054).
	DocSaleCorrection          DocKind = 111
	DocSaleReturnCorrection    DocKind = 112
	DocExpenseCorrection       DocKind = 113
	DocExpenseReturnCorrection DocKind = 114
)

// correctionBase is what a correction's kind has above the sign of what it corrects.
const correctionBase = DocSaleCorrection - DocSale

// Correction is the kind of the correction receipt for a kind of receipt.
func (k DocKind) Correction() DocKind { return k + correctionBase }

// Corrects tells whether this is a correction receipt, and the kind of receipt it stands for.
func (k DocKind) Corrects() (DocKind, bool) {
	if k < DocSaleCorrection || k > DocExpenseReturnCorrection {
		return 0, false
	}
	return k - correctionBase, true
}

// FiscalKey names a fiscal document uniquely in the country: storage serial and document number.
type FiscalKey struct {
	FN string `cbor:"1,keyasint,omitempty" json:"fn"` // serial of the fiscal storage, 16 digits
	FD uint32 `cbor:"2,keyasint,omitempty" json:"fd"` // number of the fiscal document
}

// String is "FN 9999078900001234 FD 17".
func (k FiscalKey) String() string { return fmt.Sprintf("FN %s FD %d", k.FN, k.FD) }

// Fiscal is what the register answered about a document it made. Cash in and out leave no fiscal
// document; then only the register and shift are known.
type Fiscal struct {
	Kind     FiscalKind `cbor:"1,keyasint" json:"kind"`
	Key      FiscalKey  `cbor:"2,keyasint,omitzero" json:"key"`
	Sign     uint32     `cbor:"3,keyasint,omitempty" json:"sign"`  // FPD, tag 1077
	Shift    uint32     `cbor:"4,keyasint,omitempty" json:"shift"` // tag 1038
	Receipt  uint32     `cbor:"5,keyasint,omitempty" json:"receipt"`
	Doc      DocKind    `cbor:"6,keyasint,omitempty" json:"doc"`
	Sum      Money      `cbor:"7,keyasint,omitempty" json:"sum"`
	Stamp    Stamp      `cbor:"8,keyasint,omitempty" json:"stamp"` // the register's own wall clock
	Register string     `cbor:"9,keyasint,omitempty" json:"register"`
	Settled  bool       `cbor:"10,keyasint,omitempty" json:"settled,omitempty"` // outcome found out after a lost answer
}

// QR is the text of the receipt's QR code, as the tax service's app reads it.
func (f Fiscal) QR() string {
	return fmt.Sprintf("t=%s&s=%s&fn=%s&i=%d&fp=%d&n=%d", f.Stamp, f.Sum, f.Key.FN, f.Key.FD, f.Sign, f.Doc)
}

// ErrFiscalQR is wrapped by every refusal of a text that is not a fiscal receipt's QR.
var ErrFiscalQR = errors.New("not the QR code of a fiscal receipt")

// ParseFiscalQR reads the text of a receipt's QR code; the kind is [FiscalForeign] until a journal
// knows better. Order of the fields and extra fields do not matter.
func ParseFiscalQR(text string) (Fiscal, error) {
	if len(text) > 256 || !strings.Contains(text, "fn=") {
		return Fiscal{}, ErrFiscalQR
	}
	q, err := url.ParseQuery(text)
	if err != nil {
		return Fiscal{}, fmt.Errorf("%w: %w", ErrFiscalQR, err)
	}
	f := Fiscal{Kind: FiscalForeign, Stamp: Stamp(q.Get("t")), Key: FiscalKey{FN: q.Get("fn")}}
	if len(f.Key.FN) != 16 || !digitsOnly(f.Key.FN) {
		return Fiscal{}, fmt.Errorf("%w: fn=%q", ErrFiscalQR, f.Key.FN)
	}
	if f.Sum, err = ParseMoney(q.Get("s")); err != nil {
		return Fiscal{}, fmt.Errorf("%w: s: %w", ErrFiscalQR, err)
	}
	fd, errFD := strconv.ParseUint(q.Get("i"), 10, 32)
	sign, errSign := strconv.ParseUint(q.Get("fp"), 10, 32)
	doc, errDoc := strconv.ParseUint(q.Get("n"), 10, 8)
	if err := errors.Join(errFD, errSign, errDoc); err != nil {
		return Fiscal{}, fmt.Errorf("%w: %w", ErrFiscalQR, err)
	}
	f.Key.FD, f.Sign, f.Doc = uint32(fd), uint32(sign), DocKind(doc)
	if f.Key.FD == 0 || f.Sum < 0 || f.Doc < DocSale || f.Doc > DocExpenseReturn {
		return Fiscal{}, fmt.Errorf("%w: document %d of kind %d over %s", ErrFiscalQR, f.Key.FD, f.Doc, f.Sum)
	}
	if _, err := f.Stamp.Time(); err != nil {
		return Fiscal{}, fmt.Errorf("%w: %w", ErrFiscalQR, err)
	}
	return f, nil
}

// Stamp is a register's wall clock to the minute, without a zone, as it prints it: "20261121T2248".
type Stamp string

// StampLayout is the time layout of a Stamp.
const StampLayout = "20060102T1504"

// StampOf writes a wall-clock time as a register would.
func StampOf(t time.Time) Stamp { return Stamp(t.Format(StampLayout)) }

// Time reads the wall clock as if it were UTC; compare Stamps only with Stamps of the same register.
func (s Stamp) Time() (time.Time, error) {
	t, err := time.Parse(StampLayout, string(s))
	if err != nil {
		if t, err = time.Parse("20060102T150405", string(s)); err != nil {
			return time.Time{}, fmt.Errorf("read the register's time %q: %w", string(s), err)
		}
	}
	return t, nil
}
