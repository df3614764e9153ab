package drivertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/ledger/sale"
)

var markCases = []printerCase{
	{"marked goods", markedGoods},
	{"marks: asked early", askedEarly},
	{"marks: weighed goods", weighedMarks},
	{"marks: refused code", refusedMark},
	{"marks: marking system out of reach", silentMarks},
	{"marks: permissive mode", permitted},
	{"marks: table cleared after a lost receipt", marksCleared},
}

// Codes of two bottles of water: GTIN with a right check digit, serial, GS, crypto tail.
const (
	bottle = "0104600494000010215AbCdEf\x1d93dGVz"
	second = "0104600494000010215Zz9-q7\x1d93Rk8x"
)

// marked is water beside cheese.
func marked(doc sale.DocKind, codes ...string) drivers.Receipt {
	r := drivers.Receipt{Doc: doc, Operator: cashier, Tax: drivers.TaxOSN}
	for _, code := range codes {
		l := line("Вода питьевая 0,5 л", sale.Piece, 4500, sale.VAT22)
		l.Subject, l.Mark = sale.SubjectMarkedGoods, &drivers.Mark{Raw: code}
		r.Lines = append(r.Lines, l)
	}
	r.Lines = append(r.Lines, line("Сыр весовой", 432, 79900, sale.VAT22))
	for _, l := range r.Lines {
		r.Total += l.Part.Sum
	}
	r.Tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: r.Total}}
	return r
}

func marksOf(s Signed) []string {
	var out []string
	for _, l := range s.Lines {
		out = append(out, l.Mark)
	}
	return out
}

func markedGoods(t *testing.T, r Rig) {
	able[drivers.MarkChecker](t, r.Printer)
	openShift(t, r.Printer)
	sold := last(t, r.Device, ring(t, r.Printer, marked(sale.DocSale, bottle, second)))
	require.Equal(t, []string{bottle, second, ""}, marksOf(sold), "as they were read, GS and all")
	require.Zero(t, r.Device.Marks())

	n := len(r.Device.Documents())
	_, err := r.Printer.Print(t.Context(), marked(sale.DocSale, bottle))
	notDone(t, r.Device, n, err, drivers.FailMark) // it is sold already
	require.False(t, snapshot(t, r.Printer).Open)

	back := last(t, r.Device, ring(t, r.Printer, marked(sale.DocSaleReturn, bottle)))
	require.Equal(t, []string{bottle, ""}, marksOf(back))
	ring(t, r.Printer, marked(sale.DocSale, bottle)) // and may be sold again
}

func askedEarly(t *testing.T, r Rig) {
	m := able[drivers.MarkChecker](t, r.Printer)
	openShift(t, r.Printer)
	good := drivers.MarkChecked | drivers.MarkValid | drivers.MarkStateKnown | drivers.MarkStateValid
	verdict, err := m.CheckMark(t.Context(), drivers.MarkQuery{Raw: bottle})
	require.NoError(t, err)
	require.Equal(t, good, verdict&good)
	require.False(t, verdict.Refused())
	require.NoError(t, m.DropMarks(t.Context()))
	require.Zero(t, r.Device.Marks())
	verdict, err = m.CheckMark(t.Context(), drivers.MarkQuery{Raw: bottle, Return: true})
	require.NoError(t, err)
	require.True(t, verdict.Refused(), "what was not sold cannot come back")
	require.NoError(t, m.DropMarks(t.Context()))
	require.NoError(t, m.DropMarks(t.Context()), "nothing to forget is no error")

	_, err = m.CheckMark(t.Context(), drivers.MarkQuery{Raw: bottle})
	require.NoError(t, err)
	sold := last(t, r.Device, ring(t, r.Printer, marked(sale.DocSale, bottle, second)))
	require.Equal(t, []string{bottle, second, ""}, marksOf(sold), "one asked for early, one not")
	require.Zero(t, r.Device.Marks())
}

// weighedMarks: a code stands for as much as was weighed. A check for another weight is none, and as much as
// was asked for early is not asked about again.
func weighedMarks(t *testing.T, r Rig) {
	m := able[drivers.MarkChecker](t, r.Printer)
	openShift(t, r.Printer)
	weighed := func(code string, qty sale.Qty) drivers.Receipt {
		l := line("Сыр весовой", qty, 79900, sale.VAT22)
		l.Subject, l.Unit, l.Mark = sale.SubjectMarkedGoods, sale.UnitKilogram, &drivers.Mark{Raw: code}
		return drivers.Receipt{
			Doc: sale.DocSale, Operator: cashier, Tax: drivers.TaxOSN, Lines: []drivers.ReceiptLine{l}, Total: l.Part.Sum,
			Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: l.Part.Sum}},
		}
	}
	early := func(code string, qty sale.Qty) {
		verdict, err := m.CheckMark(t.Context(), drivers.MarkQuery{Raw: code, Unit: sale.UnitKilogram, Qty: qty})
		require.NoError(t, err)
		require.False(t, verdict.Refused())
	}
	early(bottle, 432)
	sold := last(t, r.Device, ring(t, r.Printer, weighed(bottle, 432)))
	require.Equal(t, bottle, sold.Lines[0].Mark)
	require.Equal(t, []storage.Asked{{Mark: bottle, Qty: 432}}, r.Device.Asked(), "once, and for its weight")

	early(second, 432)
	sold = last(t, r.Device, ring(t, r.Printer, weighed(second, 1508))) // weighed again meanwhile
	require.Equal(t, second, sold.Lines[0].Mark)
	require.Equal(t, sale.Qty(1508), sold.Lines[0].Qty)
	require.Equal(t, []storage.Asked{{Mark: bottle, Qty: 432}, {Mark: second, Qty: 432}, {Mark: second, Qty: 1508}}, r.Device.Asked())
	require.Zero(t, r.Device.Marks())
}

func refusedMark(t *testing.T, r Rig) {
	m := able[drivers.MarkChecker](t, r.Printer)
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	r.Device.BanMark(second)
	verdict, err := m.CheckMark(t.Context(), drivers.MarkQuery{Raw: second})
	require.NoError(t, err, "a verdict is no error")
	require.True(t, verdict.Refused())
	require.NoError(t, m.DropMarks(t.Context()))

	_, err = r.Printer.Print(t.Context(), marked(sale.DocSale, bottle, second))
	notDone(t, r.Device, n, err, drivers.FailMark)
	require.NotContains(t, err.Error(), second, "a code is money in the wrong hands: it stays out of logs")
	require.False(t, snapshot(t, r.Printer).Open)
	require.Zero(t, r.Device.Marks())
	ring(t, r.Printer, marked(sale.DocSale, bottle))
}

func silentMarks(t *testing.T, r Rig) {
	m := able[drivers.MarkChecker](t, r.Printer)
	openShift(t, r.Printer)
	r.Device.SetOFD(false)
	verdict, err := m.CheckMark(t.Context(), drivers.MarkQuery{Raw: bottle})
	require.NoError(t, err)
	require.Zero(t, verdict&drivers.MarkStateKnown)
	require.False(t, verdict.Refused(), "who was not heard has not refused")
	sold := last(t, r.Device, ring(t, r.Printer, marked(sale.DocSale, bottle)))
	require.Equal(t, bottle, sold.Lines[0].Mark)
}

func permitted(t *testing.T, r Rig) {
	able[drivers.MarkChecker](t, r.Printer)
	openShift(t, r.Printer)
	with := marked(sale.DocSale, bottle)
	with.Lines[0].Mark.Permit = &drivers.Permit{Request: "3f2504e0-4f89-41d3-9a0c-0305e82c3301", At: 1764000000123}
	sold := last(t, r.Device, ring(t, r.Printer, with))
	for tag, want := range map[uint16]string{
		ffd.TagIndustryOffice: "030",
		ffd.TagIndustryDay:    "21.11.2023",
		ffd.TagIndustryNumber: "1944",
		ffd.TagIndustryValue:  "UUID=3f2504e0-4f89-41d3-9a0c-0305e82c3301&Time=1764000000123",
	} {
		require.Equal(t, want, industry(t, sold.Lines[0].Tags, tag), "tag %d", tag)
	}
	for _, tag := range sold.Lines[1].Tags {
		require.NotEqual(t, ffd.TagIndustry, tag.Tag, "only the marked line carries it")
	}
}

// industry is a text inside tag 1260.
func industry(t *testing.T, tags []storage.Tag, want uint16) string {
	t.Helper()
	for _, tag := range tags {
		if tag.Tag != ffd.TagIndustry {
			continue
		}
		values, err := ffd.ParseTLV(tag.Value)
		require.NoError(t, err)
		value, ok := ffd.Find(values, want)
		require.True(t, ok, "tag %d", want)
		return storage.Tag{Tag: want, Value: value}.Text()
	}
	require.Fail(t, "the position has no tag 1260")
	return ""
}

func marksCleared(t *testing.T, r Rig) {
	m := able[drivers.MarkChecker](t, r.Printer)
	openShift(t, r.Printer)
	n := len(r.Device.Documents())
	_, err := m.CheckMark(t.Context(), drivers.MarkQuery{Raw: second})
	require.NoError(t, err)
	r.Device.LoseLine()
	_, err = r.Printer.Print(t.Context(), marked(sale.DocSale, bottle, second))
	notDone(t, r.Device, n, err, drivers.FailLink)
	require.NoError(t, r.Printer.Cancel(t.Context()))
	require.Zero(t, r.Device.Marks(), "a cancelled receipt leaves no codes behind")
	require.False(t, snapshot(t, r.Printer).Open)
	sold := last(t, r.Device, ring(t, r.Printer, marked(sale.DocSale, bottle)))
	require.Equal(t, []string{bottle, ""}, marksOf(sold))
}
