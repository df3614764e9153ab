// Package capture keeps what a till and its devices said to each other: every call of a driver and every byte
// on its line with the time, in a file that never grows beyond its size, without personal data. A captured
// session can be run again through the real driver, which is then compared byte by byte.
//
// What will bite: nothing is synced, so a power cut costs the last entries, and a till in a hurry drops entries
// rather than wait for a disk ([Ring.Dropped]). Masking happens before anything is written: who adds a call
// that carries personal data in a new field adds it to [Masker.Learn] too.
package capture

import (
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Kind is what an entry tells.
type Kind string

// The kinds.
const (
	KindSession     Kind = "session"      // a driver was made
	KindDial        Kind = "dial"         // a connection was opened
	KindDialFailed  Kind = "dial-failed"  // or could not be
	KindWrite       Kind = "write"        // the till sent bytes
	KindRead        Kind = "read"         // the device sent bytes
	KindTimeout     Kind = "timeout"      // the till waited for bytes in vain
	KindReadFailed  Kind = "read-failed"  // the connection broke under a read
	KindWriteFailed Kind = "write-failed" // or under a write
	KindClose       Kind = "close"        // the till closed the connection
	KindCall        Kind = "call"         // a call of the driver begins
	KindEnd         Kind = "end"          // and ends
)

// Entry is one line of a capture. Bytes and texts are masked already.
type Entry struct {
	At      int64    `json:"t"`              // Unix microseconds
	Session string   `json:"s,omitempty"`    // unique in a file: device and the moment it began
	Kind    Kind     `json:"k"`              //
	Conn    int      `json:"c,omitempty"`    // number of the connection in its session, from 1
	Data    []byte   `json:"d,omitempty"`    // of a write or read
	Lost    int      `json:"lost,omitempty"` // bytes beyond [burstMax] that were not kept
	About   *About   `json:"about,omitempty"`
	Op      Op       `json:"op,omitempty"`
	Args    *Args    `json:"args,omitempty"`
	Result  *Result  `json:"result,omitempty"`
	Failure *Failure `json:"failure,omitempty"`

	no int // place in its session, when read
}

// Time is when it happened.
func (e Entry) Time() time.Time { return time.UnixMicro(e.At) }

// About says which device a session is with, so that it can be made again.
type About struct {
	Device   string            `json:"device"`
	Type     string            `json:"type"`
	Settings map[string]string `json:"settings,omitempty"` // without secrets
	Withheld []string          `json:"withheld,omitempty"` // names of the settings that are secret
	Program  string            `json:"program,omitempty"`
}

// Op is the name of a call.
type Op string

// The calls of [drivers.Printer], of its optional capabilities, of [drivers.Scanner], [drivers.SlipPrinter] and
// [drivers.Display].
const (
	OpIdentify   Op = "identify"
	OpStatus     Op = "status"
	OpSnapshot   Op = "snapshot"
	OpDocuments  Op = "documents"
	OpOpenShift  Op = "open-shift"
	OpCloseShift Op = "close-shift"
	OpPrint      Op = "print"
	OpCancel     Op = "cancel"
	OpResume     Op = "resume"
	OpClose      Op = "close"
	OpCashIn     Op = "cash-in"
	OpCashOut    Op = "cash-out"
	OpDrawerCash Op = "cash-in-drawer"
	OpXReport    Op = "x-report"
	OpSlip       Op = "slip"
	OpCopyLast   Op = "copy-last"
	OpOpenDrawer Op = "open-drawer"
	OpSetClock   Op = "set-clock"
	OpCorrect    Op = "correct"
	OpCheckMark  Op = "check-mark"
	OpDropMarks  Op = "drop-marks"
	OpStorage    Op = "storage"
	OpPreflight  Op = "preflight"
	OpScan       Op = "scan"
	OpPrintSlip  Op = "print-slip"
	OpShow       Op = "show"
)

// Args are the arguments of any call; what a call has not is empty.
type Args struct {
	Who     drivers.Operator    `json:"who,omitzero"`
	Receipt *drivers.Receipt    `json:"receipt,omitempty"`
	Correct *drivers.Correction `json:"correct,omitempty"`
	Amount  sale.Money          `json:"amount,omitempty"`
	Lines   []string            `json:"lines,omitempty"`
	QR      string              `json:"qr,omitempty"`
	Slip    *Slip               `json:"slip,omitempty"`
	Wall    time.Time           `json:"wall,omitzero"`
	Mark    *drivers.MarkQuery  `json:"mark,omitempty"`
	After   uint32              `json:"after,omitempty"`
	Last    uint32              `json:"last,omitempty"`
	Tax     drivers.TaxSystem   `json:"tax,omitempty"`
	Rates   []sale.VAT          `json:"rates,omitempty"`
}

// Result is what any call gave.
type Result struct {
	Identity  *drivers.Identity   `json:"identity,omitempty"`
	Status    *drivers.Status     `json:"status,omitempty"`
	Snapshot  *drivers.Snapshot   `json:"snapshot,omitempty"`
	Documents []drivers.Document  `json:"documents,omitempty"`
	Fiscal    *sale.Fiscal        `json:"fiscal,omitempty"`
	Amount    sale.Money          `json:"amount,omitempty"`
	Verdict   drivers.MarkVerdict `json:"verdict,omitempty"`
	Storage   *drivers.Storage    `json:"storage,omitempty"`
	Code      *sale.Code          `json:"code,omitempty"`
}

// Failure is why something failed.
type Failure struct {
	Why     Why             `json:"why,omitempty"` // of a connection
	Fail    drivers.Fail    `json:"fail,omitempty"`
	Outcome drivers.Outcome `json:"outcome,omitempty"`
	Code    string          `json:"code,omitempty"`
	Text    string          `json:"text"`
}

// Why is the family of a connection's failure, as far as a driver can tell them apart.
type Why string

// The families.
const (
	WhyGone    Why = "gone"    // [port.ErrGone]
	WhyBusy    Why = "busy"    // [port.ErrBusy]
	WhyMissing Why = "missing" // no such port
	WhyEnd     Why = "end"     // the other end closed
	WhyClosed  Why = "closed"  // this end was closed
	WhyEnded   Why = "ended"   // the till's own patience did
	WhyOther   Why = "other"
)
