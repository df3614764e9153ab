// Package drivers says what a till wants of the devices on its counter: scanners that turn paper into
// codes, and registers that turn sales into fiscal receipts.
//
// What will bite: a register may do the work and lose the answer. So every error says whether the
// work is known not to have been done ([Error].Outcome), and a driver never repeats a step that is
// not idempotent: it reports [OutcomeUnknown], and the till asks the register with [Printer].Snapshot
// and [Printer].Documents what became of it.
package drivers

import (
	"context"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Scanner reads codes. One goroutine calls Read in a loop; Close from another goroutine is not
// needed: Read returns soon after ctx ends.
type Scanner interface {
	// Read waits for the next code. A bad read (too long, control bytes) is an *Error whose Op is
	// "scan": show it and read on. Any other error means that the device is gone: Close and dial anew.
	Read(ctx context.Context) (sale.Code, error)
	Close() error
}

// Printer is a fiscal register. It is owned by one goroutine. Every method returns a *Error on
// failure; methods that read are safe to repeat.
type Printer interface {
	// Identify reads what never changes while the device is on the line.
	Identify(ctx context.Context) (Identity, error)
	// Status reads the flags that a cashier cares for. Safe at any time, also while printing.
	Status(ctx context.Context) (Status, error)
	// Snapshot reads the state that decides what happened to a document: store it before the first
	// irreversible byte, compare it after a lost answer.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Documents reads the fiscal storage's archive: every document with after < FD <= last, in order.
	Documents(ctx context.Context, after, last uint32) ([]Document, error)

	OpenShift(ctx context.Context, who Operator) (sale.Fiscal, error)
	// CloseShift prints the Z report.
	CloseShift(ctx context.Context, who Operator) (sale.Fiscal, error)
	// Print makes one fiscal receipt from the first line to the closed document. On an error whose
	// outcome is OutcomeNotDone it has left no document open, or Snapshot shows it open.
	Print(ctx context.Context, r Receipt) (sale.Fiscal, error)
	// Cancel drops a document that is open and not closed. No document open is not an error.
	Cancel(ctx context.Context) error
	// Resume continues printing after paper was put in. Nothing to resume is not an error.
	Resume(ctx context.Context) error

	Close() error
}

// Identity is what a register is.
type Identity struct {
	Model    string // as the device names itself
	Serial   string // its own number: the device's name stays when the port changes
	Firmware string
	INN      string // of the taxpayer it is registered to
	FN       string // serial of the fiscal storage in it
}

// Operator is the cashier named on a document: tag 1021 and 1203.
type Operator struct {
	Name string
	INN  string
}

// Receipt is a fiscal receipt to print. Prices are net of every discount: nothing is left for the
// register to reckon. Sums are given so that the driver can check what the device answers.
type Receipt struct {
	Doc      sale.DocKind // DocSale or DocSaleReturn
	Operator Operator
	Lines    []ReceiptLine
	Tenders  []sale.Tender // amounts that settle the total
	Given    sale.Money    // cash handed over, at least the cash tender; the register prints the change
	Total    sale.Money
	Tax      TaxSystem
	Contact  string   // phone or e-mail for the electronic receipt, tag 1008; empty: none
	Header   []string // text lines before the positions
	Footer   []string // text lines after the total: points earned and left
	QR       string   // printed below the footer; empty: none
	NoPaper  bool     // electronic receipt only, where the register can
	Extra    string   // tag 1192: the fiscal sign of the wrong receipt that this one puts right, at most 16 characters
	Key      string   // short name of the sale in the journal, tag 1084, where settings ask for it; see [Document].Key
}

// ReceiptLine is one position as the fiscal storage will hold it: Sum = Price × Qty half up.
type ReceiptLine struct {
	Name    string
	Part    sale.Part
	VAT     sale.VAT
	Subject sale.Subject
	Unit    sale.Unit
	Text    []string // printed under the line, not fiscal: full price, discount, points
	Mark    *Mark    // of marked goods: one piece a line; nil for everything else
}

// TaxSystem is FFD tag 1055, a bit.
type TaxSystem uint8

// The tax systems.
const (
	TaxOSN       TaxSystem = 1
	TaxUSNIncome TaxSystem = 2
	TaxUSNProfit TaxSystem = 4
	TaxESN       TaxSystem = 16
	TaxPatent    TaxSystem = 32
)

// Shift is the state of the register's shift.
type Shift uint8

// The states. An expired shift is older than 24 hours: only CloseShift works.
const (
	ShiftClosed  Shift = 1
	ShiftOpen    Shift = 2
	ShiftExpired Shift = 3
)

// Snapshot is the fiscal state of a register at one moment.
type Snapshot struct {
	FN      string // serial of the fiscal storage
	LastFD  uint32 // number of its last document
	Shift   Shift
	ShiftNo uint32    // of the open shift, or of the last one closed
	Open    bool      // a document is open, in the register or in the storage
	Clock   time.Time // the register's wall clock, read as UTC
}

// Document is one document of the fiscal storage's archive.
type Document struct {
	Fiscal sale.Fiscal
	OFD    bool   // the operator of fiscal data has confirmed it
	Key    string // the [Receipt].Key it was made with; empty where the archive does not tell
}

// Condition is one thing that is the matter with a device, or a state worth showing.
type Condition uint16

// The conditions.
const (
	PaperOut       Condition = 1 << iota // no paper: nothing prints
	PaperNear                            // paper near its end
	CoverOpen                            //
	Printing                             // busy with the last document
	WaitsForResume                       // paper is in again; Resume prints the rest
	ShiftOver24h                         // only the Z report works
	NotFiscal                            // not registered: no fiscal storage or before registration
	StorageEnding                        // fiscal storage near its end of life or memory
	OFDOverdue                           // documents wait for the operator longer than allowed
	ClockUnset                           // the date must be confirmed
	Fault                                // mechanical or electronic fault
)

// Status is how a register is, as a set of conditions and not one code.
type Status struct {
	Conditions Condition
	Mode       string    // the device's own words or numbers, for the log
	Unsent     int       // documents not yet confirmed by the operator of fiscal data
	Oldest     time.Time // of the oldest of them; zero when none
}

// Has tells whether a condition holds.
func (s Status) Has(c Condition) bool { return s.Conditions&c != 0 }
