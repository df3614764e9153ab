package storage

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// marksMax is how many checked codes a storage holds at once; one more is answered MarksFull.
const marksMax = 128

// Bits of a check's outcome, tag 2106 (FFD 1.2).
const (
	VerdictChecked    uint8 = 1 << 0
	VerdictValid      uint8 = 1 << 1
	VerdictStateKnown uint8 = 1 << 2
	VerdictStateValid uint8 = 1 << 3
)

// marks is the table of codes that were checked for the next receipt, and what the marking system knows.
type marks struct {
	checked map[string]uint8 // waiting to be accepted
	kept    map[string]uint8 // accepted: a receipt may carry them
	out     map[string]bool  // pieces that were sold and did not come back
	banned  map[string]bool
	asked   []Asked
}

// Asked is one question about a code, as it came over the wire.
type Asked struct {
	Mark string
	Qty  sale.Qty // zero where none was told, as protocols may do of a piece
}

// askedKept is how many questions a storage remembers: the last receipts'.
const askedKept = 128

// Asked are the last questions, in order.
func (s *Storage) Asked() []Asked { return slices.Clone(s.marks.asked) }

// BanMark makes the marking system refuse a piece, as one that was stolen or recalled.
func (s *Storage) BanMark(raw string) { put(&s.marks.banned, raw, true) }

// CheckMark checks a code for a receipt: in the storage, then in the marking system where the operator of
// fiscal data answers. Returned says that the piece comes back; qty is how much of it, as far as it was told.
func (s *Storage) CheckMark(raw string, returned bool, qty sale.Qty) (verdict uint8, code Code) {
	if s.marks.asked = append(s.marks.asked, Asked{Mark: raw, Qty: qty}); len(s.marks.asked) > askedKept {
		s.marks.asked = s.marks.asked[1:]
	}
	switch {
	case raw == "":
		return 0, Parameter
	case len(s.marks.checked)+len(s.marks.kept) >= marksMax:
		return 0, MarksFull
	}
	verdict = VerdictChecked
	if wellFormed(raw) {
		verdict |= VerdictValid
	}
	if s.answer {
		verdict |= VerdictStateKnown
		if wellFormed(raw) && s.marks.out[raw] == returned && !s.marks.banned[raw] {
			verdict |= VerdictStateValid
		}
	}
	put(&s.marks.checked, raw, verdict)
	return verdict, OK
}

// furs are control marks of fur goods: country, group, series and number.
var furs = regexp.MustCompile(`^[A-Z]{2}-\d{6}-[A-Z]{3}\d{7}$`)

// wellFormed tells a code with a GTIN whose check digit is right, or a pack of tobacco, which begins with one.
func wellFormed(raw string) bool {
	if furs.MatchString(raw) {
		return true
	}
	raw = strings.TrimPrefix(raw, "\x1d")
	if rest, ok := strings.CutPrefix(raw, "01"); ok && len(rest) > 16 && sale.ValidGTIN(rest[:14]) {
		return rest[14:16] == "21"
	}
	return len(raw) == 29 && sale.ValidGTIN(raw[:14])
}

// KeepMark accepts a checked code for the receipt, or drops it.
func (s *Storage) KeepMark(raw string, keep bool) Code {
	verdict, ok := s.marks.checked[raw]
	if !ok {
		return MarkOrder
	}
	delete(s.marks.checked, raw)
	if keep {
		put(&s.marks.kept, raw, verdict)
	}
	return OK
}

// KeptMark is the verdict of a code that a receipt may carry.
func (s *Storage) KeptMark(raw string) (verdict uint8, ok bool) {
	verdict, ok = s.marks.kept[raw]
	return verdict, ok
}

// ClearMarks empties the table.
func (s *Storage) ClearMarks() { s.marks.checked, s.marks.kept = nil, nil }

// judged tells whether every marked line of a document was checked and accepted.
func (s *Storage) judged(lines []Line) Code {
	unchecked := func(l Line) bool { _, ok := s.marks.kept[l.Mark]; return l.Mark != "" && !ok }
	if slices.ContainsFunc(lines, unchecked) {
		return MarkUnknown
	}
	return OK
}

// Marks is how many codes wait for a receipt, checked or accepted.
func (s *Storage) Marks() int { return len(s.marks.checked) + len(s.marks.kept) }

// sold tells the marking system what became of a receipt's pieces.
func (s *Storage) sold(d Document) {
	for _, l := range d.Lines {
		switch {
		case l.Mark == "", d.Type != DocReceipt: // a correction tells of papers, not of pieces
		case sale.DocKind(d.Op) == sale.DocSaleReturn:
			delete(s.marks.out, l.Mark)
		default:
			put(&s.marks.out, l.Mark, true)
		}
	}
	s.ClearMarks()
}

func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}
