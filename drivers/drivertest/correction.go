package drivertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

var correctionCases = []printerCase{
	{"correction by oneself", correctedByOneself},
	{"correction prescribed", correctedPrescribed},
	{"correction: lost answer", lostCorrection},
	{"correction: link lost among the lines", lostCorrectionLine},
	{"correction wrong in itself", wrongCorrection},
}

// corrected is a correction of bread and cheese, settled some days ago.
func corrected(t *testing.T, r Rig, doc sale.DocKind) drivers.Correction {
	day := snapshot(t, r.Printer).Clock.AddDate(0, 0, -3)
	return drivers.Correction{
		Receipt: receipt(doc), Day: time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC),
	}
}

func correctedByOneself(t *testing.T, r Rig) {
	c := able[drivers.Corrector](t, r.Printer)
	opened := openShift(t, r.Printer)
	for i, doc := range []sale.DocKind{sale.DocSale, sale.DocSaleReturn} {
		want := corrected(t, r, doc)
		f, err := c.Correct(t.Context(), want)
		require.NoError(t, err)
		require.Equal(t, opened.Key.FD+uint32(i)+1, f.Key.FD)
		require.Equal(t, opened.Shift, f.Shift)
		require.Equal(t, uint32(i)+1, f.Receipt)
		onPaper(t, r, want, f)
	}
}

// onPaper checks a correction as the storage holds it, and as the archive tells of it.
func onPaper(t *testing.T, r Rig, want drivers.Correction, f sale.Fiscal) {
	t.Helper()
	got := last(t, r.Device, f)
	require.Equal(t, want.Receipt.Doc.Correction(), got.Doc)
	require.Equal(t, want.Receipt.Doc.Correction(), f.Doc)
	require.Equal(t, want.Receipt.Total, f.Sum)
	require.Equal(t, storage.Basis{Prescribed: want.Prescribed, Day: want.Day, Number: want.Number}, got.Basis)
	require.Equal(t, want.Receipt.Tax, got.Tax)
	require.Contains(t, got.Cashier, cashier.Name)
	paidAs(t, want.Receipt, got)
	require.Equal(t, f.Key, fiscalOf(t, r).Key)
	same(t, got, fiscalOf(t, r))
	require.False(t, snapshot(t, r.Printer).Open)
}

func correctedPrescribed(t *testing.T, r Rig) {
	c := able[drivers.Corrector](t, r.Printer)
	openShift(t, r.Printer)
	want := corrected(t, r, sale.DocSale)
	want.Prescribed, want.Number = true, "15-07/0421"
	want.Receipt.Tenders = []sale.Tender{{Kind: sale.TenderCard, Amount: want.Receipt.Total}}
	f, err := c.Correct(t.Context(), want)
	require.NoError(t, err)
	onPaper(t, r, want, f)
	ring(t, r.Printer, receipt(sale.DocSale))
}

func lostCorrection(t *testing.T, r Rig) {
	c := able[drivers.Corrector](t, r.Printer)
	openShift(t, r.Printer)
	before := snapshot(t, r.Printer)
	want := corrected(t, r, sale.DocSale)
	r.Device.LoseClose()
	f, err := c.Correct(t.Context(), want)
	require.False(t, drivers.NotDone(err), "the correction is signed: %v", err)
	docs := found(t, r, before)
	require.Len(t, docs, 1)
	require.Equal(t, sale.DocSaleCorrection, docs[0].Fiscal.Doc)
	require.Equal(t, want.Receipt.Total, docs[0].Fiscal.Sum)
	if err == nil {
		require.Equal(t, docs[0].Fiscal.Key, f.Key)
	}
	before = snapshot(t, r.Printer)
	ring(t, r.Printer, want.Receipt)
	docs = found(t, r, before)
	require.Len(t, docs, 1)
	require.Equal(t, sale.DocSale, docs[0].Fiscal.Doc, "a receipt of the same sum is no correction")
}

func lostCorrectionLine(t *testing.T, r Rig) {
	c := able[drivers.Corrector](t, r.Printer)
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	want := corrected(t, r, sale.DocSale)
	r.Device.LoseLine()
	_, err := c.Correct(t.Context(), want)
	notDone(t, r.Device, n, err, drivers.FailLink)
	require.NoError(t, r.Printer.Cancel(t.Context()))
	require.False(t, snapshot(t, r.Printer).Open)
	f, err := c.Correct(t.Context(), want)
	require.NoError(t, err)
	onPaper(t, r, want, f)
	require.Len(t, r.Device.Documents(), n+1)
}

func wrongCorrection(t *testing.T, r Rig) {
	c := able[drivers.Corrector](t, r.Printer)
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	for _, spoil := range []func(*drivers.Correction){
		func(x *drivers.Correction) { x.Day = time.Time{} },
		func(x *drivers.Correction) { x.Prescribed = true },
		func(x *drivers.Correction) { x.Receipt.Total++ },
	} {
		bad := corrected(t, r, sale.DocSale)
		spoil(&bad)
		_, err := c.Correct(t.Context(), bad)
		notDone(t, r.Device, n, err, drivers.FailRefused)
	}
	require.False(t, snapshot(t, r.Printer).Open)
}
