package drivertest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

func identifies(t *testing.T, r Rig) {
	id, err := r.Printer.Identify(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, id.Model)
	require.NotEmpty(t, id.Serial)
	require.NotEmpty(t, id.Firmware)
	require.Len(t, id.FN, 16)
	again, err := r.Printer.Identify(t.Context())
	require.NoError(t, err)
	require.Equal(t, id, again)
	require.Equal(t, id.FN, snapshot(t, r.Printer).FN)
}

func fullShift(t *testing.T, r Rig) {
	before := snapshot(t, r.Printer)
	require.Equal(t, drivers.ShiftClosed, before.Shift)
	require.False(t, before.Open)
	opened := openShift(t, r.Printer)
	require.Equal(t, before.LastFD+1, opened.Key.FD)
	require.Equal(t, sale.DocShiftOpen, opened.Doc)
	during := snapshot(t, r.Printer)
	require.Equal(t, drivers.ShiftOpen, during.Shift)
	require.Equal(t, opened.Shift, during.ShiftNo)

	cash := moveCash(t, r)
	cash += sellAll(t, r, opened.Shift)
	if m, ok := r.Printer.(drivers.CashMover); ok {
		got, err := m.CashInDrawer(t.Context())
		require.NoError(t, err)
		require.Equal(t, cash, got)
		require.Equal(t, cash, r.Device.Cash())
	}
	if x, ok := r.Printer.(drivers.Reporter); ok {
		n := len(r.Device.Documents())
		require.NoError(t, x.XReport(t.Context(), cashier))
		require.Len(t, r.Device.Documents(), n, "an X report signs nothing")
	}
	closed, err := r.Printer.CloseShift(t.Context(), cashier)
	require.NoError(t, err)
	docs := r.Device.Documents()
	same(t, docs[len(docs)-1], closed)
	require.Equal(t, sale.DocShiftClose, closed.Doc)
	require.Equal(t, opened.Shift, closed.Shift)
	require.Contains(t, docs[len(docs)-1].Cashier, cashier.Name)
	after := snapshot(t, r.Printer)
	require.Equal(t, drivers.ShiftClosed, after.Shift)
	require.Equal(t, closed.Key.FD, after.LastFD)
}

// moveCash puts a thousand in and takes a hundred out; it tells what is left in the drawer.
func moveCash(t *testing.T, r Rig) sale.Money {
	m, ok := r.Printer.(drivers.CashMover)
	if !ok {
		return 0
	}
	require.NoError(t, m.CashIn(t.Context(), cashier, 1000*sale.Rouble))
	require.NoError(t, m.CashOut(t.Context(), cashier, 100*sale.Rouble))
	err := m.CashOut(t.Context(), cashier, 5000*sale.Rouble)
	notDone(t, r.Device, len(r.Device.Documents()), err, drivers.FailRefused)
	return 900 * sale.Rouble
}

// sellAll sells for cash with change, by card, by both, and takes goods back; it tells what the drawer gained.
func sellAll(t *testing.T, r Rig, shift uint32) sale.Money {
	total := receipt(sale.DocSale).Total
	withChange := receipt(sale.DocSale)
	withChange.Given = 500 * sale.Rouble
	card := receipt(sale.DocSale, sale.Tender{Kind: sale.TenderCard, Amount: total})
	both := receipt(sale.DocSale, sale.Tender{Kind: sale.TenderCard, Amount: 300 * sale.Rouble},
		sale.Tender{Kind: sale.TenderCash, Amount: total - 300*sale.Rouble})
	both.Given = 200 * sale.Rouble
	back := receipt(sale.DocSaleReturn)
	for i, want := range []drivers.Receipt{withChange, card, both, back} {
		f := ring(t, r.Printer, want)
		got := receipts(r.Device)
		require.Len(t, got, i+1)
		last := got[i]
		same(t, last, f)
		require.Equal(t, want.Doc, last.Doc)
		require.Equal(t, shift, f.Shift)
		require.Equal(t, uint32(i+1), f.Receipt)
		require.Equal(t, last.Receipt, f.Receipt)
		require.Equal(t, want.Tax, last.Tax)
		paidAs(t, want, last)
		require.False(t, snapshot(t, r.Printer).Open)
	}
	return total + (total - 300*sale.Rouble) - total
}

func paidAs(t *testing.T, want drivers.Receipt, got Signed) {
	t.Helper()
	paid := map[sale.TenderKind]sale.Money{}
	for _, tender := range want.Tenders {
		paid[tender.Kind] += tender.Amount
	}
	change := sale.Money(0)
	if want.Given > 0 {
		change = want.Given - paid[sale.TenderCash]
		paid[sale.TenderCash] = want.Given
	}
	require.Equal(t, paid, got.Payments)
	require.Equal(t, change, got.Change)
	require.Len(t, got.Lines, len(want.Lines))
	for i, l := range want.Lines {
		require.Equal(t, l.Part, sale.Part{Qty: got.Lines[i].Qty, Price: got.Lines[i].Price, Sum: got.Lines[i].Sum})
		require.Equal(t, l.VAT, got.Lines[i].VAT)
		require.Equal(t, l.Subject, got.Lines[i].Subject)
		require.Equal(t, straight(l.Name), straight(got.Lines[i].Name))
	}
}

// straight is a name with the quotes that cp866 has: registers that speak it lack the angled ones.
func straight(name string) string { return strings.NewReplacer("«", `"`, "»", `"`).Replace(name) }

func vatOfEachLine(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	sold := drivers.Receipt{Doc: sale.DocSale, Operator: cashier, Tax: drivers.TaxUSNIncome}
	rates := []sale.VAT{sale.VAT22, sale.VAT10, sale.VAT0, sale.VATNone, sale.VAT5, sale.VAT7}
	for _, v := range rates {
		l := line("Товар", sale.Piece, 10000, v)
		sold.Lines = append(sold.Lines, l)
		sold.Total += l.Part.Sum
	}
	sold.Tenders = []sale.Tender{{Kind: sale.TenderCard, Amount: sold.Total}}
	ring(t, r.Printer, sold)
	for i, l := range receipts(r.Device)[0].Lines {
		require.Equal(t, rates[i], l.VAT)
	}
	n := len(r.Device.Documents())
	sold.Lines[0].VAT = 99
	_, err := r.Printer.Print(t.Context(), sold)
	notDone(t, r.Device, n, err, drivers.FailConfig)
	require.False(t, snapshot(t, r.Printer).Open, "a rate is refused before anything is printed")
}

func cashierAndContact(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	sold := receipt(sale.DocSale)
	sold.Contact = "+79001234567"
	ring(t, r.Printer, sold)
	got := receipts(r.Device)[0]
	require.Equal(t, sold.Contact, got.Contact)
	require.Equal(t, cashier.Name, got.Cashier)

	r.Device.LoseLine()
	_, err := r.Printer.Print(t.Context(), sold)
	require.Error(t, err)
	require.NotContains(t, err.Error(), sold.Contact, "personal data stay out of errors, and so out of logs")
}

func texts(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	sold := receipt(sale.DocSale)
	sold.Header = []string{"Добро пожаловать"}
	sold.Lines[0].Text = []string{"Скидка 10.00"}
	sold.Footer = []string{"Начислено 12 баллов", "длинная строка, которая не помещается в одну строку чека и потому переносится"}
	sold.QR = "https://example.ru/c/1"
	ring(t, r.Printer, sold)
	paper := strings.Join(r.Device.Printed(), "\n")
	at := -1
	for _, want := range []string{"Добро пожаловать", "Скидка 10.00", "Начислено 12 баллов", "переносится", sold.QR} {
		found := strings.Index(paper, want)
		require.Greater(t, found, at, "%q, on\n%s", want, paper)
		at = found
	}
	if s, ok := r.Printer.(drivers.Slips); ok {
		n := len(r.Device.Documents())
		require.NoError(t, s.Slip(t.Context(), []string{"Проверка печати"}, ""))
		require.Contains(t, strings.Join(r.Device.Printed(), "\n"), "Проверка печати")
		require.Len(t, r.Device.Documents(), n, "a slip signs nothing")
	}
	if c, ok := r.Printer.(drivers.Copier); ok {
		require.NoError(t, c.CopyLast(t.Context()))
	}
	if d, ok := r.Printer.(drivers.Drawer); ok {
		require.NoError(t, d.OpenDrawer(t.Context()))
	}
}

// found looks a lost receipt up as the till does: by what came after the number stored before.
func found(t *testing.T, r Rig, before drivers.Snapshot) []drivers.Document {
	t.Helper()
	now := snapshot(t, r.Printer)
	require.False(t, now.Open)
	docs, err := r.Printer.Documents(t.Context(), before.LastFD, now.LastFD)
	require.NoError(t, err)
	return docs
}

func lostClose(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	before := snapshot(t, r.Printer)
	sold := receipt(sale.DocSale)
	r.Device.LoseClose()
	f, err := r.Printer.Print(t.Context(), sold)
	require.False(t, drivers.NotDone(err), "the receipt is signed: %v", err)
	docs := found(t, r, before)
	require.Len(t, docs, 1)
	same(t, receipts(r.Device)[0], docs[0].Fiscal)
	require.Equal(t, sold.Total, docs[0].Fiscal.Sum)
	if err == nil {
		require.Equal(t, docs[0].Fiscal.Key, f.Key, "a driver that found the answer again must have the right one")
	}
	ring(t, r.Printer, sold)
	require.Len(t, receipts(r.Device), 2, "and the next receipt is one more")
}

func equalSums(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	sold := receipt(sale.DocSale)
	first := ring(t, r.Printer, sold)
	before := snapshot(t, r.Printer)
	require.Equal(t, first.Key.FD, before.LastFD)
	r.Device.LoseClose()
	_, err := r.Printer.Print(t.Context(), sold)
	require.False(t, drivers.NotDone(err))
	docs := found(t, r, before)
	require.Len(t, docs, 1, "the earlier receipt of the same sum is not mistaken for it")
	require.Equal(t, first.Key.FD+1, docs[0].Fiscal.Key.FD)
}

func lostLine(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	r.Device.LoseLine()
	_, err := r.Printer.Print(t.Context(), receipt(sale.DocSale))
	notDone(t, r.Device, n, err, drivers.FailLink)
	require.NoError(t, r.Printer.Cancel(t.Context()))
	require.False(t, snapshot(t, r.Printer).Open)
	require.NoError(t, r.Printer.Cancel(t.Context()), "nothing to cancel is no error")
	require.Len(t, r.Device.Documents(), n)
	ring(t, r.Printer, receipt(sale.DocSale))
	require.Len(t, r.Device.Documents(), n+1)
}

// paperLines is more than the top of a receipt and less than the whole, so that paper ends inside.
const paperLines = 12

func paperEnds(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	r.Device.PaperOutAfter(paperLines)
	_, err := r.Printer.Print(t.Context(), receipt(sale.DocSale))
	if signed := len(r.Device.Documents()) - n; err == nil {
		require.Equal(t, 1, signed)
	} else {
		notDone(t, r.Device, n, err, drivers.FailPaper)
	}
	status, err := r.Printer.Status(t.Context())
	require.NoError(t, err)
	require.True(t, status.Has(drivers.PaperOut))
	require.Equal(t, drivers.FailPaper, drivers.FailOf(r.Printer.Resume(t.Context())), "there is no paper yet")

	r.Device.SetPaper(true)
	status, err = r.Printer.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, r.tells(ResumeUntold), status.Has(drivers.WaitsForResume))
	require.NoError(t, r.Printer.Resume(t.Context()))
	require.NoError(t, r.Printer.Resume(t.Context()), "nothing to resume is no error")
	require.NoError(t, r.Printer.Cancel(t.Context()))
	status, err = r.Printer.Status(t.Context())
	require.NoError(t, err)
	require.False(t, status.Has(drivers.PaperOut|drivers.WaitsForResume))
	n = len(r.Device.Documents())
	ring(t, r.Printer, receipt(sale.DocSale))
	require.Len(t, r.Device.Documents(), n+1)
}

func noPaper(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	r.Device.SetPaper(false)
	_, err := r.Printer.Print(t.Context(), receipt(sale.DocSale))
	notDone(t, r.Device, n, err, drivers.FailPaper)
	require.False(t, snapshot(t, r.Printer).Open)
	_, err = r.Printer.CloseShift(t.Context(), cashier)
	notDone(t, r.Device, n, err, drivers.FailPaper)
}

func shiftOver(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	r.Device.PassTime(25 * time.Hour)
	_, err := r.Printer.Print(t.Context(), receipt(sale.DocSale))
	notDone(t, r.Device, n, err, drivers.FailShiftOver)
	status, err := r.Printer.Status(t.Context())
	require.NoError(t, err)
	require.True(t, status.Has(drivers.ShiftOver24h))
	require.Equal(t, drivers.ShiftExpired, snapshot(t, r.Printer).Shift)
	_, err = r.Printer.CloseShift(t.Context(), cashier)
	require.NoError(t, err)
	openShift(t, r.Printer)
	ring(t, r.Printer, receipt(sale.DocSale))
}

func shiftClosed(t *testing.T, r Rig) {
	n := len(r.Device.Documents())
	_, err := r.Printer.Print(t.Context(), receipt(sale.DocSale))
	notDone(t, r.Device, n, err, drivers.FailShiftClosed)
	_, err = r.Printer.CloseShift(t.Context(), cashier)
	notDone(t, r.Device, n, err, drivers.FailShiftClosed)
}

func shiftOpenAlready(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	_, err := r.Printer.OpenShift(t.Context(), cashier)
	notDone(t, r.Device, n, err, drivers.FailShiftOpen)
}

func wrongPassword(t *testing.T, r Rig) {
	if r.Stranger == nil {
		panic(lacks("the device knows no passwords"))
	}
	n := len(r.Device.Documents())
	_, err := r.Stranger.OpenShift(t.Context(), cashier)
	notDone(t, r.Device, n, err, drivers.FailPassword)
	_, err = r.Stranger.Print(t.Context(), receipt(sale.DocSale))
	notDone(t, r.Device, n, err, drivers.FailPassword)
	_, err = r.Stranger.Snapshot(t.Context())
	require.Equal(t, drivers.FailPassword, drivers.FailOf(err))
}

func wrongReceipt(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	for name, spoil := range map[string]func(*drivers.Receipt){
		"total":         func(x *drivers.Receipt) { x.Total++ },
		"line sum":      func(x *drivers.Receipt) { x.Lines[0].Part.Sum++; x.Total++; x.Tenders[0].Amount++ },
		"tenders":       func(x *drivers.Receipt) { x.Tenders[0].Amount-- },
		"given":         func(x *drivers.Receipt) { x.Given = x.Total - 1 },
		"no lines":      func(x *drivers.Receipt) { x.Lines = nil },
		"two taxes":     func(x *drivers.Receipt) { x.Tax = drivers.TaxOSN | drivers.TaxPatent },
		"document kind": func(x *drivers.Receipt) { x.Doc = sale.DocShiftOpen },
		"quantity":      func(x *drivers.Receipt) { x.Lines[0].Part.Qty = 0 },
		"a piece twice": func(x *drivers.Receipt) { *x = marked(sale.DocSale, bottle, second, bottle) },
	} {
		bad := receipt(sale.DocSale)
		spoil(&bad)
		_, err := r.Printer.Print(t.Context(), bad)
		require.Error(t, err, name)
		notDone(t, r.Device, n, err, drivers.FailRefused)
		require.NotContains(t, err.Error(), bottle, "a code is money in the wrong hands: it stays out of logs")
	}
	require.False(t, snapshot(t, r.Printer).Open)
}

func endedContext(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.Printer.Print(ctx, receipt(sale.DocSale))
	require.ErrorIs(t, err, context.Canceled)
	notDone(t, r.Device, n, err, drivers.FailLink)
	ring(t, r.Printer, receipt(sale.DocSale))
}

func archive(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	ring(t, r.Printer, receipt(sale.DocSale))
	ring(t, r.Printer, receipt(sale.DocSale))
	all := r.Device.Documents()
	last := snapshot(t, r.Printer).LastFD
	require.Equal(t, all[len(all)-1].FD, last)
	docs, err := r.Printer.Documents(t.Context(), all[0].FD-1, last)
	require.NoError(t, err)
	require.Len(t, docs, len(all))
	for i, d := range docs {
		require.Equal(t, all[i].FD, d.Fiscal.Key.FD)
		if all[i].Doc != sale.DocOther && all[i].Doc != sale.DocShiftOpen || r.tells(SignsUntold) {
			require.Equal(t, all[i].Sign, d.Fiscal.Sign)
		}
		require.Equal(t, all[i].Doc, d.Fiscal.Doc)
	}
	none, err := r.Printer.Documents(t.Context(), last, last)
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = r.Printer.Documents(t.Context(), last, last+1)
	require.Error(t, err, "a document that is not there")
}

func silentOFD(t *testing.T, r Rig) {
	r.Device.SetOFD(false)
	before, err := r.Printer.Status(t.Context())
	require.NoError(t, err)
	openShift(t, r.Printer)
	ring(t, r.Printer, receipt(sale.DocSale))
	after, err := r.Printer.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.Unsent+2, after.Unsent)
	require.False(t, after.Oldest.IsZero())
}

func clock(t *testing.T, r Rig) {
	c := able[drivers.ClockSetter](t, r.Printer)
	want := snapshot(t, r.Printer).Clock.Add(26 * time.Hour).Truncate(time.Second)
	require.NoError(t, c.SetClock(t.Context(), want))
	require.WithinDuration(t, want, snapshot(t, r.Printer).Clock, 5*time.Second)
	openShift(t, r.Printer)
	err := c.SetClock(t.Context(), want.Add(time.Hour))
	notDone(t, r.Device, len(r.Device.Documents()), err, drivers.FailShiftOpen)
}
