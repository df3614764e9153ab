package drivertest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// troubleCases are devices in a bad state and what a person asks of them beyond receipts.
var troubleCases = []printerCase{
	{"document of another program", foreign},
	{"storage expired", expired},
	{"clock off inside a shift", clockOff},
	{"contact too long", contactTooLong},
	{"receipt without paper", withoutPaper},
	{"extra requisite", extraRequisite},
	{"storage tells", storageTells},
	{"preflight", preflight},
}

// keyCases are about the short name of a sale on its receipt.
var keyCases = []printerCase{
	{"sale key on", saleKey},
	{"sale key off", noSaleKey},
}

func foreign(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	r.Device.Foreign()
	require.Equal(t, r.tells(OpenUntold), snapshot(t, r.Printer).Open)
	if r.tells(OpenUntold) {
		_, err := r.Printer.Print(t.Context(), receipt(sale.DocSale))
		notDone(t, r.Device, n, err, drivers.FailDocument)
	}
	require.NoError(t, r.Printer.Cancel(t.Context()))
	require.False(t, snapshot(t, r.Printer).Open)
	require.Len(t, r.Device.Documents(), n)
	sold := receipt(sale.DocSale)
	same(t, last(t, r.Device, ring(t, r.Printer, sold)), fiscalOf(t, r))
	require.Len(t, receipts(r.Device)[0].Lines, len(sold.Lines), "nothing of the other program's is on it")
}

// last is the storage's newest document, which must be the one that the driver has just told of.
func last(t *testing.T, d Device, f sale.Fiscal) Signed {
	t.Helper()
	docs := d.Documents()
	same(t, docs[len(docs)-1], f)
	return docs[len(docs)-1]
}

// fiscalOf is the newest document as the driver reads it from the archive.
func fiscalOf(t *testing.T, r Rig) sale.Fiscal {
	t.Helper()
	fd := snapshot(t, r.Printer).LastFD
	docs, err := r.Printer.Documents(t.Context(), fd-1, fd)
	require.NoError(t, err)
	require.Len(t, docs, 1)
	return docs[0].Fiscal
}

func expired(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	ring(t, r.Printer, receipt(sale.DocSale))
	n := len(r.Device.Documents())
	r.Device.Expire()
	_, err := r.Printer.Print(t.Context(), receipt(sale.DocSale))
	notDone(t, r.Device, n, err, drivers.FailStorage)
	require.False(t, snapshot(t, r.Printer).Open)
	status, err := r.Printer.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, r.tells(ExpiryUntold), status.Has(drivers.StorageEnding))
	if s, ok := r.Printer.(drivers.StorageTeller); ok && r.tells(ExpiryUntold) {
		life, err := s.Storage(t.Context())
		require.NoError(t, err)
		require.Less(t, life.Expires, snapshot(t, r.Printer).Clock.Add(time.Minute))
	}
	_, err = r.Printer.CloseShift(t.Context(), cashier)
	require.NoError(t, err, "the shift can still be closed")
	n = len(r.Device.Documents())
	_, err = r.Printer.OpenShift(t.Context(), cashier)
	notDone(t, r.Device, n, err, drivers.FailStorage)
}

// clockOff: a storage lets the register's clock differ by five minutes inside a shift and follows it at the
// next opening, so the way out is a Z report and the right time.
func clockOff(t *testing.T, r Rig) {
	const off = 10 * time.Minute
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	r.Device.PassTime(2 * time.Hour)
	r.Device.JumpClock(-off)
	_, err := r.Printer.Print(t.Context(), receipt(sale.DocSale))
	notDone(t, r.Device, n, err, drivers.FailClock)
	require.False(t, snapshot(t, r.Printer).Open)
	_, err = r.Printer.CloseShift(t.Context(), cashier)
	require.NoError(t, err)
	if c, ok := r.Printer.(drivers.ClockSetter); ok {
		require.NoError(t, c.SetClock(t.Context(), snapshot(t, r.Printer).Clock.Add(off)))
	}
	openShift(t, r.Printer)
	ring(t, r.Printer, receipt(sale.DocSale))
}

func contactTooLong(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	sold := receipt(sale.DocSale)
	sold.Contact = strings.Repeat("buyer", 13) + "@example.ru"
	_, err := r.Printer.Print(t.Context(), sold)
	notDone(t, r.Device, n, err, drivers.FailRefused)
	require.NotContains(t, err.Error(), sold.Contact)
	require.False(t, snapshot(t, r.Printer).Open)
	sold.Contact = "purchase-department-of-the-longest-name@mail.example-company.ru" // 63 letters
	ring(t, r.Printer, sold)
	require.Equal(t, sold.Contact, receipts(r.Device)[0].Contact, "what fits is not cut")
}

func withoutPaper(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	sold := receipt(sale.DocSale)
	sold.NoPaper, sold.Contact = true, "+79001234567"
	before := len(r.Device.Printed())
	same(t, last(t, r.Device, ring(t, r.Printer, sold)), fiscalOf(t, r))
	if !r.Paperless {
		return // signed all the same; the paper that came out does no harm
	}
	require.Len(t, r.Device.Printed(), before)
	sold.NoPaper = false
	ring(t, r.Printer, sold)
	require.Greater(t, len(r.Device.Printed()), before, "the next receipt is on paper again")
}

// extraRequisite is written, or refused: a receipt that puts a wrong one right must say so.
func extraRequisite(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	right := receipt(sale.DocSale)
	right.Extra = "3522207165"
	if !r.Extra {
		_, err := r.Printer.Print(t.Context(), right)
		notDone(t, r.Device, len(r.Device.Documents()), err, drivers.FailRefused)
		panic(lacks("it writes no extra requisite, and says so"))
	}
	require.Equal(t, right.Extra, last(t, r.Device, ring(t, r.Printer, right)).Extra)
	n := len(r.Device.Documents())
	right.Extra += "3522207"
	_, err := r.Printer.Print(t.Context(), right)
	notDone(t, r.Device, n, err, drivers.FailRefused)
}

func storageTells(t *testing.T, r Rig) {
	s := able[drivers.StorageTeller](t, r.Printer)
	r.Device.SetOFD(false)
	before, err := s.Storage(t.Context())
	require.NoError(t, err)
	snap := snapshot(t, r.Printer)
	require.Equal(t, snap.FN, before.FN)
	if r.tells(ExpiryUntold) {
		require.Greater(t, before.Expires, snap.Clock.AddDate(0, 1, 0))
	} else {
		require.Zero(t, before.Expires)
	}
	opened := openShift(t, r.Printer)
	ring(t, r.Printer, receipt(sale.DocSale))
	after, err := s.Storage(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.Unsent+2, after.Unsent)
	require.NotZero(t, after.FirstFD)
	require.LessOrEqual(t, after.FirstFD, opened.Key.FD)
	require.False(t, after.Oldest.IsZero())
	require.LessOrEqual(t, after.Oldest, snapshot(t, r.Printer).Clock)
}

func preflight(t *testing.T, r Rig) {
	p := able[drivers.Preflighter](t, r.Printer)
	rates := []sale.VAT{sale.VAT22, sale.VAT10, sale.VAT0, sale.VATNone}
	n, lines := len(r.Device.Documents()), len(r.Device.Printed())
	require.NoError(t, p.Preflight(t.Context(), drivers.TaxOSN, rates))
	err := p.Preflight(t.Context(), drivers.TaxOSN, append(rates, 99))
	require.Equal(t, drivers.FailConfig, drivers.FailOf(err), "%v", err)
	require.NotEmpty(t, drivers.HintOf(err).RU)
	require.Len(t, r.Device.Documents(), n, "looking signs nothing")
	require.Len(t, r.Device.Printed(), lines, "and prints nothing")
}

// key is a short name as a till gives one.
const key = "T2-000417"

func saleKey(t *testing.T, r Rig) {
	if r.Keyed == nil {
		panic(lacks("it has no setting sale-key"))
	}
	openShift(t, r.Keyed)
	sold := receipt(sale.DocSale)
	sold.Key = key
	f := ring(t, r.Keyed, sold)
	require.Equal(t, key, last(t, r.Device, f).Key)
	docs, err := r.Keyed.Documents(t.Context(), f.Key.FD-1, f.Key.FD)
	require.NoError(t, err)
	require.Len(t, docs, 1)
	if docs[0].Key != "" {
		require.Equal(t, key, docs[0].Key)
	} else {
		t.Log("the archive of this register does not tell the key")
	}
	sold.Key = ""
	require.Empty(t, last(t, r.Device, ring(t, r.Keyed, sold)).Key)
}

func noSaleKey(t *testing.T, r Rig) {
	openShift(t, r.Printer)
	sold := receipt(sale.DocSale)
	sold.Key = key
	require.Empty(t, last(t, r.Device, ring(t, r.Printer, sold)).Key, "unless a setting asks for it")
}
