package storage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, o storage.Options) *storage.Storage {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	s, err := storage.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func sign(t *testing.T, s *storage.Storage, d storage.Document) storage.Document {
	t.Helper()
	d.At = noon
	made, code := s.Sign(d, nil)
	require.Equal(t, storage.OK, code)
	return made
}

func TestCorrectionsAreNumberedAsReceipts(t *testing.T) {
	s := open(t, storage.Options{})
	sign(t, s, storage.Document{Type: storage.DocShiftOpen})
	sign(t, s, storage.Document{Type: storage.DocReceipt, Op: 1, Sum: 100})
	d := sign(t, s, storage.Document{Type: storage.DocCorrection, Op: 1, Sum: 100, Basis: &storage.Basis{Day: noon}})
	require.Equal(t, uint32(2), d.Receipt)
	require.Equal(t, sale.DocSaleCorrection, d.Fiscal(s.Serial(), "1").Doc)
	require.Equal(t, uint32(2), s.Receipts())
}

const water = "0104600494000010215AbCdEf\x1d93dGVz"

func TestMarks(t *testing.T) {
	s := open(t, storage.Options{})
	sign(t, s, storage.Document{Type: storage.DocShiftOpen})
	bottle := storage.Document{Type: storage.DocReceipt, Op: 1, Sum: 100, Lines: []storage.Line{{Mark: water, Sum: 100}}}

	bottle.At = noon
	_, code := s.Sign(bottle, nil)
	require.Equal(t, storage.MarkUnknown, code, "nobody checked it")
	require.Equal(t, storage.MarkOrder, s.KeepMark(water, true))

	verdict, code := s.CheckMark(water, false)
	require.Equal(t, storage.OK, code)
	require.Equal(t, uint8(15), verdict)
	require.Equal(t, storage.OK, s.KeepMark(water, true))
	sign(t, s, bottle)
	_, kept := s.KeptMark(water)
	require.False(t, kept, "a signed receipt empties the table")

	verdict, _ = s.CheckMark(water, false)
	require.Equal(t, storage.VerdictChecked|storage.VerdictValid|storage.VerdictStateKnown, verdict, "sold already")
	verdict, _ = s.CheckMark(water, true)
	require.Equal(t, uint8(15), verdict, "it may come back")
	s.SetAnswer(false)
	verdict, _ = s.CheckMark(water, false)
	require.Equal(t, storage.VerdictChecked|storage.VerdictValid, verdict, "the marking system cannot be asked")
	verdict, _ = s.CheckMark("0104600494000011215AbCdEf", false)
	require.Equal(t, storage.VerdictChecked, verdict, "a wrong check digit")
	s.PowerOff()
	require.Equal(t, storage.MarkOrder, s.KeepMark(water, true))
}

func TestTaxInside(t *testing.T) {
	for _, tt := range []struct {
		sum  sale.Money
		vat  sale.VAT
		want sale.Money
	}{{12200, sale.VAT22, 2200}, {10000, sale.VAT10, 909}, {10000, sale.VATNone, 0}, {10000, sale.VAT5, 476}, {8597, sale.VAT22122, 1550}, {1, sale.VAT20, 0}} {
		require.Equal(t, tt.want, storage.TaxInside(tt.sum, tt.vat), "%+v", tt)
	}
}
