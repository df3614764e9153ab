// Package drivertest is the contract that every register and every scanner must keep, as tests that run
// against a device: an emulated one, or a real one on the bench. The device's own storage is the witness.
//
// What will bite: the suite sells, so never point it at a register that is in use. It prints which
// cases ran and fails when none did, since a suite that is skipped in silence proves nothing.
package drivertest

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Signed is a document as the device's storage holds it, seen past the driver.
type Signed struct {
	FD       uint32
	Sign     uint32
	Doc      sale.DocKind
	Sum      sale.Money
	Shift    uint32
	Receipt  uint32
	Stamp    sale.Stamp
	Lines    []SignedLine
	Payments map[sale.TenderKind]sale.Money // as handed over: change not taken off
	Change   sale.Money
	Tax      drivers.TaxSystem
	Cashier  string
	Contact  string
	Key      string        // tag 1086
	Extra    string        // tag 1192
	Basis    storage.Basis // of a correction
}

// SignedLine is a position of a Signed receipt.
type SignedLine struct {
	Name    string
	Qty     sale.Qty
	Price   sale.Money
	Sum     sale.Money
	VAT     sale.VAT
	Subject sale.Subject
	Mark    string // the raw marking code
	Tags    []storage.Tag
}

// Device is the device itself, as somebody who stands beside it could look at it and touch it.
type Device interface {
	// Documents are all of its storage, in order.
	Documents() []Signed
	// Printed is the text on its paper so far.
	Printed() []string
	// Cash is what it believes to lie in the drawer.
	Cash() sale.Money
	// SetPaper puts paper in or takes it out.
	SetPaper(in bool)
	// PaperOutAfter ends the paper after so many more lines.
	PaperOutAfter(lines int)
	// PassTime lets time go by as if the shop were closed meanwhile.
	PassTime(d time.Duration)
	// SetOFD says whether the operator of fiscal data can be reached.
	SetOFD(answers bool)
	// LoseClose lets the link break after the next receipt or correction was signed, before its answer arrives.
	LoseClose()
	// LoseLine lets the link break while the next receipt's positions are sent.
	LoseLine()
	// Foreign opens a sale as another program would, and leaves it open with one position in it. A shift is open.
	Foreign()
	// JumpClock moves the register's own clock against the storage's.
	JumpClock(d time.Duration)
	// Expire ends the life of the fiscal storage.
	Expire()
	// BanMark makes the marking system refuse a piece.
	BanMark(raw string)
	// Marks is how many codes, checked or accepted, the storage holds for the next receipt.
	Marks() int
	// Asked are the last questions about codes that reached the device, in order.
	Asked() []storage.Asked
}

// Rig is a fresh device, registered, shift closed, paper in, and drivers for it.
type Rig struct {
	Printer  drivers.Printer
	Stranger drivers.Printer // the same device with a wrong password; nil where it knows no passwords
	Keyed    drivers.Printer // the same device with "sale-key: on"; nil where the driver has no such setting
	Device   Device
	// Paperless says that the device can sign a receipt without printing it.
	Paperless bool
	// Extra says that the driver writes an extra requisite, tag 1192.
	Extra bool
	// Untold is what the device's protocol has no word for, so that no driver could tell it.
	Untold Untold
}

// Untold are things that a protocol has no word for, as bits; the contract does not ask for them.
type Untold uint8

// The bits.
const (
	SignsUntold  Untold = 1 << iota // fiscal signs of registrations and openings of shifts, once their answer is gone
	ExpiryUntold                    // when the storage's life ends
	ResumeUntold                    // that print waits: the device goes on by itself when paper is in
	OpenUntold                      // that another program left a document open: the next command drops it
)

// tells is whether the protocol has a word for it.
func (r Rig) tells(what Untold) bool { return r.Untold&what == 0 }

// Printer runs the contract; start makes a rig for each case.
func Printer(t *testing.T, start func(t *testing.T) Rig) {
	t.Helper()
	var ran, beyond []string
	for _, c := range slices.Concat(printerCases, keyCases, troubleCases, correctionCases, markCases) {
		t.Run(c.name, func(t *testing.T) {
			if why := c.runOn(t, start(t)); why != "" {
				beyond = append(beyond, c.name+" ("+string(why)+")")
				return
			}
			ran = append(ran, c.name)
		})
	}
	require.NotEmpty(t, ran, "no case of the contract ran")
	t.Logf("the printer contract: %d cases ran: %s; %d are beyond this driver: %s",
		len(ran), strings.Join(ran, ", "), len(beyond), strings.Join(beyond, ", "))
}

// lacks ends a case about something that a driver cannot do. It is no skip: nothing is missing on the machine
// that runs the test, and no other machine would run more of it.
type lacks string

// runOn runs a case and tells why it does not concern the driver, if so.
func (c printerCase) runOn(t *testing.T, r Rig) (why lacks) {
	t.Helper()
	defer func() {
		switch end := recover().(type) {
		case nil:
		case lacks:
			why = end
			t.Logf("beyond this driver: %s", why)
		default:
			panic(end)
		}
	}()
	c.run(t, r)
	return ""
}

// printerCase is one clause of the contract.
type printerCase struct {
	name string
	run  func(*testing.T, Rig)
}

// able gives a driver's capability; the case ends where it has none.
func able[C any](t *testing.T, p drivers.Printer) C {
	t.Helper()
	c, ok := p.(C)
	if !ok {
		panic(lacks("it is no " + reflect.TypeFor[C]().Name()))
	}
	return c
}

var printerCases = []printerCase{
	{"identifies itself", identifies},
	{"full shift", fullShift},
	{"VAT of each line", vatOfEachLine},
	{"cashier and contact", cashierAndContact},
	{"texts", texts},
	{"lost answer at the close", lostClose},
	{"two equal sums in a row", equalSums},
	{"link lost among the lines", lostLine},
	{"paper ends in a receipt", paperEnds},
	{"no paper before a receipt", noPaper},
	{"shift over 24 hours", shiftOver},
	{"no shift open", shiftClosed},
	{"shift open already", shiftOpenAlready},
	{"wrong password", wrongPassword},
	{"receipt wrong in itself", wrongReceipt},
	{"ended context", endedContext},
	{"archive", archive},
	{"operator of fiscal data silent", silentOFD},
	{"clock", clock},
}

var cashier = drivers.Operator{Name: "Иванова А. П.", INN: "500100732259"}

func line(name string, qty sale.Qty, price sale.Money, vat sale.VAT) drivers.ReceiptLine {
	sum, err := price.Times(qty)
	if err != nil {
		panic(err) // a constant of this file is wrong
	}
	return drivers.ReceiptLine{
		Name: name, Part: sale.Part{Qty: qty, Price: price, Sum: sum}, VAT: vat, Subject: sale.SubjectGoods,
	}
}

// receipt is bread and cheese, paid in cash unless tenders are given.
func receipt(doc sale.DocKind, tenders ...sale.Tender) drivers.Receipt {
	r := drivers.Receipt{Doc: doc, Operator: cashier, Tax: drivers.TaxOSN, Lines: []drivers.ReceiptLine{
		line("Хлеб «Бородинский»", 2*sale.Piece, 5490, sale.VAT10),
		line("Сыр весовой", 432, 79900, sale.VAT22), // 345.168 is 345.17
	}}
	for _, l := range r.Lines {
		r.Total += l.Part.Sum
	}
	r.Tenders = tenders
	if len(tenders) == 0 {
		r.Tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: r.Total}}
	}
	return r
}

func openShift(t *testing.T, p drivers.Printer) sale.Fiscal {
	t.Helper()
	f, err := p.OpenShift(t.Context(), cashier)
	require.NoError(t, err)
	return f
}

func snapshot(t *testing.T, p drivers.Printer) drivers.Snapshot {
	t.Helper()
	s, err := p.Snapshot(t.Context())
	require.NoError(t, err)
	return s
}

func ring(t *testing.T, p drivers.Printer, r drivers.Receipt) sale.Fiscal {
	t.Helper()
	f, err := p.Print(t.Context(), r)
	require.NoError(t, err)
	return f
}

// receipts are the storage's receipts, newest last.
func receipts(d Device) []Signed {
	var out []Signed
	for _, s := range d.Documents() {
		if s.Doc < sale.DocShiftOpen {
			out = append(out, s)
		}
	}
	return out
}

// same checks that what the driver says of a document is what the storage holds.
func same(t *testing.T, want Signed, got sale.Fiscal) {
	t.Helper()
	require.Equal(t, sale.FiscalOwn, got.Kind)
	require.Equal(t, want.FD, got.Key.FD)
	require.Equal(t, want.Sign, got.Sign)
	require.Equal(t, want.Doc, got.Doc)
	require.Equal(t, want.Sum, got.Sum)
	require.Equal(t, want.Stamp, got.Stamp)
	require.Len(t, got.Key.FN, 16)
	require.NotEmpty(t, got.Register)
}

// notDone checks a refusal: its family, that a person is told what to do, and that nothing was signed.
func notDone(t *testing.T, d Device, signedBefore int, err error, fail drivers.Fail) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, fail, drivers.FailOf(err), "%v", err)
	require.True(t, drivers.NotDone(err), "%v", err)
	hint := drivers.HintOf(err)
	require.NotEmpty(t, hint.RU)
	require.NotEmpty(t, hint.EN)
	require.Len(t, d.Documents(), signedBefore)
}
