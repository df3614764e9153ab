package shtrih

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// The layouts below are written out by hand from the formats' text.

func TestTagLayouts(t *testing.T) {
	for name, c := range map[string]struct {
		got  ffd.TLV
		want string
	}{
		"sale key 1084": {keyTag("T1"), "3D04 0700 4B4F50494C4B41" + "3E04 0200 5431"},
		"permit 1260": {
			permitTag(drivers.Permit{Request: "ab", At: 5}),
			"EE04 0300 303330" + "EF04 0A00 32312E31312E32303233" + "F004 0400 31393434" + "F104 0E00 555549443D6162" + "2654696D653D35",
		},
		"cashier, cp866": {operatorTags(drivers.Operator{Name: "Ия"})[0], "88EF"},
	} {
		require.Equal(t, unhex(t, c.want), c.got.Value, name)
	}
	require.Equal(t, uint16(1084), keyTag("x").Tag)
	require.Equal(t, uint16(1260), permitTag(drivers.Permit{}).Tag)
}

func TestBasisLayouts(t *testing.T) {
	day := time.Unix(0x6553F100, 0).UTC()
	got := basis(drivers.Correction{Day: day, Number: "42", Prescribed: true}, format12)
	require.Equal(t, []ffd.TLV{
		{Tag: 1173, Value: []byte{1}}, {Tag: 1174, Value: unhex(t, "9A04 0400 00F15365"+"9B04 0200 3432")},
	}, got)
	got = basis(drivers.Correction{Day: day}, format12)
	require.Equal(t, []byte{0}, got[0].Value)
	require.Equal(t, unhex(t, "9A04 0400 00F15365"), got[1].Value)
	got = basis(drivers.Correction{Day: day}, format105)
	require.Len(t, got, 1, "by FFD 1.05 the kind is a byte of FF4A")
	require.Equal(t, unhex(t, "9904"), got[0].Value[:2])
}

// FF4A: kind, sign, total, five payments, six taxes, tax system; 69 bytes with code and password.
func TestCorrectionLayout105(t *testing.T) {
	p := &Printer{opts: defaults()}
	r := paper{Receipt: drivers.Receipt{
		Doc: sale.DocSale, Total: 36000, Tax: drivers.TaxUSNIncome,
		Lines: []drivers.ReceiptLine{
			{Part: sale.Part{Sum: 12000}, VAT: sale.VAT20}, {Part: sale.Part{Sum: 11000}, VAT: sale.VAT10}, {Part: sale.Part{Sum: 13000}, VAT: sale.VATNone},
		},
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 30000}, {Kind: sale.TenderCard, Amount: 5000}, {Kind: sale.TenderCredit, Amount: 1000}},
	}}
	got, err := p.sums105(r, true)
	require.NoError(t, err)
	require.Equal(t, unhex(t, "01 01 A08C000000"+
		"3075000000 8813000000 0000000000 E803000000 0000000000"+
		"D007000000 E803000000 0000000000 C832000000 0000000000 0000000000"+"02"), got)
	require.Len(t, got, 69-6)
}

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		rest    []byte
		want    drivers.MarkVerdict
		refused bool
	}{
		"good everywhere":              {[]byte{3, 0, 5, 2, 0, 15}, 15, false},
		"the marking system says no":   {[]byte{3, 0, 5, 2, 0, 7}, 7, true},
		"forged":                       {[]byte{1, 0, 5, 1, 0x11}, 1, true},
		"nobody beyond was asked":      {[]byte{3, 0, 5, 0}, 3, false},
		"the storage has no key":       {[]byte{0, 2, 5, 1, 0x11}, 0, false},
		"the way there failed":         {[]byte{3, 0, 5, 2, 0x20, 0}, 3, false},
		"more than we know of follows": {[]byte{3, 0, 5, 9, 0, 15, 1, 2, 3, 4, 5, 6, 7}, 15, false},
	} {
		got, err := verdictOf(c.rest)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
		require.Equal(t, c.refused, got.Refused(), name)
	}
	_, err := verdictOf([]byte{3, 0, 5})
	require.Equal(t, drivers.FailProtocol, drivers.FailOf((&Printer{}).report("", err)))
}

func TestKeyOfAnother(t *testing.T) {
	require.Equal(t, "T1", keyIn(keyTag("T1").Value))
	require.Empty(t, keyIn(nil))
	require.Empty(t, keyIn([]byte{1, 2, 3}), "not written as the format says")
	require.Empty(t, keyIn(structure(ffd.TagUserRequisite, textTag(ffd.TagUserName, "ЗАКАЗ", 64), textTag(ffd.TagUserValue, "T1", 64)).Value))
}

func TestPlannedStates(t *testing.T) {
	for _, c := range []struct {
		doc  sale.DocKind
		unit sale.Unit
		want byte
	}{
		{sale.DocSale, sale.UnitPiece, 1},
		{sale.DocSale, sale.UnitKilogram, 2},
		{sale.DocSaleReturn, sale.UnitPiece, 3},
		{sale.DocSaleReturn, sale.UnitLitre, 4},
		{sale.DocExpense, sale.UnitPiece, 255},
	} {
		require.Equal(t, c.want, planned(c.doc, c.unit), "%+v", c)
	}
}

// One command on the wire, byte by byte: FF61 for a measured piece.
func TestMarkCheckOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := unhex(t, "FF61 01000000 02 00 03 0C 616263"+"3C08 0100 0B"+"FF03 0300 03B001")
		near, far := net.Pipe()
		heard := make(chan []byte, 1)
		go func() {
			var dec frame.Decoder2
			buf := make([]byte, 512)
			num := uint16(0)
			for {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				for _, b := range buf[:n] {
					e, ok := dec.Next(b)
					switch {
					case ok && e.Kind == frame.Sync:
						sync, _ := frame.Encode2(num, nil) // an empty body fits
						if _, err := far.Write(sync); err != nil {
							return
						}
					case ok:
						heard <- e.Body
						answer, _ := frame.Encode2(e.Num, []byte{0xFF, e.Body[1], codeParameters}) // as above
						if _, err := far.Write(answer); err != nil {
							return
						}
					}
				}
			}
		}()
		p, err := New("front", func(context.Context) (port.Conn, error) { return near, nil }, map[string]string{"protocol": "2"})
		require.NoError(t, err)
		pr := p.(*Printer)
		_, err = pr.checkMark(t.Context(), drivers.MarkQuery{Raw: "abc", Unit: sale.UnitKilogram, Qty: 432}, ffd.PlannedSoldMeasured)
		require.Equal(t, codeParameters, codeIn(err))
		require.Equal(t, want, <-heard)
		require.NoError(t, p.Close())
		require.ErrorIs(t, func() error { _, err := far.Write([]byte{0}); return err }(), io.ErrClosedPipe)
	})
}
