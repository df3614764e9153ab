package storage_test

import (
	"bytes"
	"encoding/hex"
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

	verdict, code := s.CheckMark(water, false, 0)
	require.Equal(t, storage.OK, code)
	require.Equal(t, uint8(15), verdict)
	require.Equal(t, storage.OK, s.KeepMark(water, true))
	sign(t, s, bottle)
	_, kept := s.KeptMark(water)
	require.False(t, kept, "a signed receipt empties the table")

	verdict, _ = s.CheckMark(water, false, 0)
	require.Equal(t, storage.VerdictChecked|storage.VerdictValid|storage.VerdictStateKnown, verdict, "sold already")
	verdict, _ = s.CheckMark(water, true, 0)
	require.Equal(t, uint8(15), verdict, "it may come back")
	s.SetAnswer(false)
	verdict, _ = s.CheckMark(water, false, 0)
	require.Equal(t, storage.VerdictChecked|storage.VerdictValid, verdict, "the marking system cannot be asked")
	verdict, _ = s.CheckMark("0104600494000011215AbCdEf", false, 0)
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

// The bytes are packed by hand from the format's order: tag and length low byte first, sums as VLN.
func TestDocumentAsTLV(t *testing.T) {
	d := storage.Document{
		FD: 7, Type: storage.DocCorrection, At: noon, Sign: 0x01020304, Shift: 2, Receipt: 3, Op: 2, Sum: 300, Tax: 1, Change: 50,
		Lines:    []storage.Line{{Name: "Сыр", Qty: 432_000, Price: 1000, Sum: 300, VAT: sale.VAT22, Method: 4, Subject: 1}},
		Payments: []storage.Payment{{Tender: sale.TenderCash, Sum: 250}, {Tender: sale.TenderCard, Sum: 100}},
		Tags:     []storage.Tag{{Tag: 1084, Value: []byte{1}}},
	}
	got := d.TLV()
	for name, part := range map[string]string{
		"number":   "10040400" + "07000000",
		"sign":     "35040400" + "04030201",
		"kind":     "1E040100" + "02",
		"total":    "FC030200" + "2C01",
		"name":     "06040300" + "91EBE0",
		"quantity": "FF030300" + "03B001",
		"cash":     "07040100" + "C8", // change is taken off
		"card":     "39040100" + "64",
		"as sent":  "3C040100" + "01",
	} {
		want, err := hex.DecodeString(part)
		require.NoError(t, err)
		require.True(t, bytes.Contains(got, want), "%s: % X in\n% X", name, want, got)
	}
}

func TestBasis(t *testing.T) {
	basis := []byte{0x9A, 0x04, 4, 0, 0x00, 0xF1, 0x53, 0x65, 0x9B, 0x04, 2, 0, '4', '2'}
	got, ok := storage.BasisOf([]storage.Tag{{Tag: 1173, Value: []byte{1}}, {Tag: 1174, Value: basis}})
	require.True(t, ok)
	require.Equal(t, storage.Basis{Prescribed: true, Day: time.Unix(0x6553F100, 0).UTC(), Number: "42"}, got)
	_, ok = storage.BasisOf([]storage.Tag{{Tag: 1174, Value: basis}})
	require.False(t, ok, "the kind is missing")
	_, ok = storage.BasisOf([]storage.Tag{{Tag: 1173, Value: []byte{0}}, {Tag: 1174, Value: basis[8:]}})
	require.False(t, ok, "the day is missing")
}

func TestUnregisteredAndExpired(t *testing.T) {
	s := open(t, storage.Options{Unregistered: true})
	require.Equal(t, storage.PhaseReady, s.Phase())
	_, code := s.Sign(storage.Document{Type: storage.DocShiftOpen, At: noon}, nil)
	require.Equal(t, storage.WrongState, code)
	require.Empty(t, s.Documents())

	s = open(t, storage.Options{})
	require.Equal(t, storage.PhaseFiscal, s.Phase())
	sign(t, s, storage.Document{Type: storage.DocShiftOpen})
	s.Expire()
	_, code = s.Sign(storage.Document{Type: storage.DocReceipt, Op: 1, At: noon}, nil)
	require.Equal(t, storage.Expired, code)
	sign(t, s, storage.Document{Type: storage.DocShiftClose})
}
