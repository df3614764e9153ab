package drivers

import (
	"context"
	"image"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// CashMover is a register that knows its drawer.
type CashMover interface {
	CashIn(ctx context.Context, who Operator, amount sale.Money) error
	CashOut(ctx context.Context, who Operator, amount sale.Money) error
	// CashInDrawer is what the register believes to lie in the drawer; it tells whether a lost
	// CashIn or CashOut went through.
	CashInDrawer(ctx context.Context) (sale.Money, error)
}

// Reporter prints an X report: the shift so far, nothing closed.
type Reporter interface {
	XReport(ctx context.Context, who Operator) error
}

// Slips prints what is not a fiscal document: a copy, a voucher, a test page.
type Slips interface {
	// Slip prints the lines, then the QR code where there is one, then cuts.
	Slip(ctx context.Context, lines []string, qr string) error
}

// Copier prints a copy of the last fiscal document.
type Copier interface {
	CopyLast(ctx context.Context) error
}

// Drawer opens the cash drawer. It is never repeated by itself.
type Drawer interface {
	OpenDrawer(ctx context.Context) error
}

// ClockSetter sets the register's clock; allowed only between shifts.
type ClockSetter interface {
	SetClock(ctx context.Context, wall time.Time) error
}

// Corrector is a register that makes correction receipts (54-FZ, article 4.3): of settlements for which no
// receipt was made, or, from FFD 1.1 on, of wrong ones.
type Corrector interface {
	// Correct makes one correction receipt; failures are as with Print.
	Correct(ctx context.Context, c Correction) (sale.Fiscal, error)
}

// Correction is a correction receipt. The receipt's own kind is DocSale and its like: what is corrected.
type Correction struct {
	Receipt    Receipt
	Prescribed bool      // at the tax office's order, else by the shop itself; tag 1173
	Day        time.Time // of the settlement that is corrected, tag 1178; midnight, read as UTC
	Number     string    // of the order, tag 1179; empty when made by oneself
}

// Mark is the marking code of one piece (Chestny ZNAK).
type Mark struct {
	Raw    string  // as it was read, GS (1Dh) included, AIM identifier not
	Permit *Permit // the answer of the permissive mode, where the till asked for one
}

// Permit is what the marking system answered before the sale (Decree 1944 of 21.11.2023): tag 1260.
type Permit struct {
	Request string // UUID of the answer
	At      int64  // its time stamp, Unix milliseconds
}

// MarkQuery is what a register must know of a code to check it.
type MarkQuery struct {
	Raw    string
	Return bool // the piece comes back
	Unit   sale.Unit
	Qty    sale.Qty // of measured goods, as the position will have it; of a piece there is one, whatever stands here
}

// Measured tells goods of which a code stands for a quantity and not for a piece: tag 2003 has states of their own.
func (q MarkQuery) Measured() bool { return q.Unit != sale.UnitPiece }

// Amount is tag 1023 of the check. A code that was checked for one amount is not checked for another.
func (q MarkQuery) Amount() sale.Qty {
	if !q.Measured() || q.Qty <= 0 {
		return sale.Piece
	}
	return q.Qty
}

// MarkVerdict is tag 2106, the outcome of a check, as bits.
type MarkVerdict uint8

// The bits (FFD 1.2, tag 2106).
const (
	MarkChecked      MarkVerdict = 1 << 0 // the fiscal storage has checked the code
	MarkValid        MarkVerdict = 1 << 1 // with a positive result
	MarkStateKnown   MarkVerdict = 1 << 2 // the marking system has answered
	MarkStateValid   MarkVerdict = 1 << 3 // the piece may be sold, or taken back
	MarkCheckedAlone MarkVerdict = 1 << 4 // the register works without the marking system
)

// Refused tells verdicts with which the piece must not be sold: somebody has looked and said no. A marking
// system that could not be reached is no refusal.
func (v MarkVerdict) Refused() bool {
	return v&MarkChecked != 0 && v&MarkValid == 0 || v&MarkStateKnown != 0 && v&MarkStateValid == 0
}

// MarkChecker is a register that checks marking codes before a receipt (FFD 1.2). Print checks what was not
// checked before by itself: to ask early only tells the cashier early.
type MarkChecker interface {
	// CheckMark asks the fiscal storage, and through the operator of fiscal data the marking system. A code
	// that may not be sold is a verdict, not an error.
	CheckMark(ctx context.Context, q MarkQuery) (MarkVerdict, error)
	// DropMarks forgets codes that were checked for a receipt that is not made.
	DropMarks(ctx context.Context) error
}

// StorageTeller is a register that tells how its fiscal storage is.
type StorageTeller interface {
	Storage(ctx context.Context) (Storage, error)
}

// Storage is a fiscal storage's life.
type Storage struct {
	FN      string
	Expires time.Time // the last day it signs; zero when the register does not tell
	FFD     string    // the format it is registered for, "1.05" or "1.2"; empty when unknown
	Unsent  int       // documents that the operator of fiscal data has not confirmed
	FirstFD uint32    // the first of them
	Oldest  time.Time // when it was made
}

// Preflighter compares the register's own tables with what the till is going to send, so that a wrong VAT
// row shows in the morning and not in a queue.
type Preflighter interface {
	// Preflight joins one *Error for each thing that would fail a receipt.
	Preflight(ctx context.Context, tax TaxSystem, rates []sale.VAT) error
}

// SlipPrinter is a receipt printer without a fiscal storage.
type SlipPrinter interface {
	// Status reads paper, cover and faults, where the printer can tell; a printer that cannot has none.
	Status(ctx context.Context) (Status, error)
	// PrintSlip prints and cuts. Without an error the paper is out, as far as the printer can say so.
	PrintSlip(ctx context.Context, s Slip) error
	OpenDrawer(ctx context.Context) error
	// Width is how many plain characters a line holds.
	Width() int
	Close() error
}

// Slip is what is printed on plain paper.
type Slip struct {
	Logo  image.Image // above everything; nil: none
	Lines []SlipLine
	QR    string // below everything; empty: none
}

// SlipLine is a line of text, wrapped where it is too long. Right stands at the right margin.
type SlipLine struct {
	Text   string
	Right  string
	Bold   bool
	Large  bool // twice as wide and high
	Centre bool
}

// Display is the two lines that face the customer.
type Display interface {
	// Show replaces both lines; what is too long is cut.
	Show(ctx context.Context, top, bottom string) error
	// Width is the characters of a line.
	Width() int
	Close() error
}
