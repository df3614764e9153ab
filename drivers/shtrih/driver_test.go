package shtrih

import (
	"context"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return p
}

// The layouts are written out by hand from the protocol's offsets, so that driver and emulator cannot
// be wrong together.
func TestOperationLayout(t *testing.T) {
	p := &Printer{opts: defaults()}
	got, err := p.operation(sale.DocSaleReturn, drivers.ReceiptLine{
		Name: "Сыр", Part: sale.Part{Qty: 432, Price: 79900, Sum: 34517}, VAT: sale.VAT10, Subject: sale.SubjectExcisable,
	})
	require.NoError(t, err)
	require.Equal(t, unhex(t, "02"+ // return of income
		"809706000000"+ // 0.432 in millionths
		"1C38010000"+ // 799.00
		"D586000000"+ // 345.17
		"FFFFFFFFFF"+ // the device reckons the tax
		"02"+"01"+"04"+"02"+ // 10 %, department 1, paid in full, excisable
		"D1FBF0"), got)
}

func TestClosingLayout(t *testing.T) {
	got, err := closing(drivers.Receipt{Tax: drivers.TaxUSNProfit, Given: 50000, Tenders: []sale.Tender{
		{Kind: sale.TenderCash, Amount: 40000},
		{Kind: sale.TenderCard, Amount: 100},
		{Kind: sale.TenderAdvance, Amount: 200},
		{Kind: sale.TenderCredit, Amount: 300},
		{Kind: sale.TenderCounter, Amount: 400},
	}})
	require.NoError(t, err)
	require.Len(t, got, 112, "offsets 6 to 117 of the message")
	at := func(payment int) uint64 { return frame.Uint(got[(payment-1)*5 : payment*5]) }
	require.Equal(t, []uint64{50000, 100, 0, 200, 300, 400}, []uint64{at(1), at(2), at(3), at(14), at(15), at(16)})
	require.Equal(t, byte(0), got[80], "no rounding")
	require.Equal(t, make([]byte, 30), got[81:111], "the device reckons the taxes")
	require.Equal(t, byte(4), got[111], "the tax system is a bit")
}

func TestTaxCodes(t *testing.T) {
	want := map[sale.VAT]byte{
		sale.VAT20: 1, sale.VAT10: 2, sale.VAT0: 4, sale.VATNone: 8, sale.VAT20120: 16, sale.VAT10110: 32,
		sale.VAT5: 129, sale.VAT7: 130, sale.VAT5105: 132, sale.VAT7107: 144, sale.VAT22: 0xCB, sale.VAT22122: 0xCC,
	}
	for v, code := range want {
		r, ok := defaults().rate(v)
		require.True(t, ok)
		require.Equal(t, code, r.code, "VAT %d", v)
		require.NotZero(t, r.row)
	}
	o, err := parse(map[string]string{"tax-22": "11", "tax-22-122": "12"})
	require.NoError(t, err)
	r, _ := o.rate(sale.VAT22)
	require.Equal(t, byte(11), r.code)
}

// listed are the codes whose meaning is known, register's and storage's.
const listed = "01 02 03 04 05 06 07 08 09 10 11 12 14 15 16 17 20 2F 30 31 32 33 34 37 3D 45 46 4A 4B 4D 4E 4F 50 55 56 58 59 " +
	"5D 5E 6B 6C 71 72 73 74 75 76 77 78 79 7C 8E 8F 94 A0 A1 A2 A3 AA AC C0"

func TestEveryListedCodeSaysWhatToDo(t *testing.T) {
	for _, s := range strings.Fields(listed) {
		code := unhex(t, s)[0]
		f, ok := faults[code]
		require.True(t, ok, s)
		require.NotEmpty(t, f.fail, s)
		require.Greater(t, len(f.ru), 20, s)
		require.Greater(t, len(f.en), 10, s)
		e := refusedBy(code, false)
		require.Equal(t, s+"h", e.Code)
		require.Equal(t, drivers.OutcomeNotDone, e.Outcome, "%s: a refused step was not done", s)
	}
	for code, want := range map[byte]drivers.Fail{
		0x4E: drivers.FailShiftOver, 0x16: drivers.FailShiftOver, 0x6B: drivers.FailPaper, 0x58: drivers.FailPaper, 0x4F: drivers.FailPassword,
		0x15: drivers.FailOFD, 0x05: drivers.FailStorage, 0x3D: drivers.FailShiftClosed, 0xC0: drivers.FailClock, 0xEE: drivers.FailRefused,
	} {
		require.Equal(t, want, refusedBy(code, false).Fail, "%02Xh", code)
	}
}

// vendor is the whole list of the vendor's public driver, with the numbers of the fiscal storage.
const vendor = listed + " 0A 0B 0C 0D 13 18 19 1A 1B 1C 1D 1E 1F 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 35 36 38 39 3A 3B 3C 3E 3F " +
	"40 41 42 43 44 47 48 49 4C 51 52 53 54 57 5A 5B 5C 5F 60 61 62 63 64 65 66 67 68 69 6A 6D 6E 6F 70 7A 7B 7D 7E 7F 80 81 82 83 84 85 86 " +
	"87 88 89 8A 8B 8C 8D 90 91 92 93 95 96 9B 9C 9D 9E A4 A5 A6 A7 A8 A9 AF B0 B1 B2 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF C1 C2 C3 C4 C5 C6 " +
	"C7 C8 C9 CA CB CC CD CE CF D0 D1 D2 D3 D4 D5 E0 E1 E2 E3 E4"

func TestNoCodeOfTheVendorIsUnknown(t *testing.T) {
	for _, s := range strings.Fields(vendor) {
		code := unhex(t, s)[0]
		e := refusedBy(code, false)
		require.NotEqual(t, unknownFault.en, e.Hint.EN, s)
		require.Greater(t, len(e.Hint.RU), 20, s)
		_, twice := seldom[code]
		_, once := faults[code]
		require.NotEqual(t, once, twice, "%s must stand in one table", s)
	}
	require.Equal(t, unknownFault.en, refusedBy(0xEE, false).Hint.EN)
}

// A closing command that comes back with a code is mostly refused; but not when the storage fell
// silent in the middle, or the register says that there is nothing left to close.
func TestRefusalsOfTheClose(t *testing.T) {
	for code, want := range map[byte]drivers.Outcome{
		0x45: drivers.OutcomeNotDone, 0x6B: drivers.OutcomeNotDone, 0x4E: drivers.OutcomeNotDone, 0x33: drivers.OutcomeNotDone,
		0x2F: drivers.OutcomeUnknown, 0x32: drivers.OutcomeUnknown, 0x03: drivers.OutcomeUnknown, 0x75: drivers.OutcomeUnknown,
		0x55: drivers.OutcomeUnknown, 0x73: drivers.OutcomeUnknown, 0xEE: drivers.OutcomeUnknown,
	} {
		require.Equal(t, want, refusedBy(code, true).Outcome, "%02Xh", code)
	}
}

func TestConditions(t *testing.T) {
	sensor := &model{caps: capRollSensor}
	tests := []struct {
		name string
		b    brief
		m    *model
		s    storage
		want drivers.Condition
	}{
		{"well", brief{flags: flagPaper | flagRoll, mode: 2}, sensor, storage{phase: 3}, 0},
		{"roll near its end", brief{flags: flagPaper, mode: 2}, sensor, storage{phase: 3}, drivers.PaperNear},
		{"no such sensor", brief{flags: flagPaper, mode: 2}, &model{}, storage{phase: 3}, 0},
		{"no paper", brief{mode: 2}, sensor, storage{phase: 3}, drivers.PaperOut},
		{"paper out while printing", brief{flags: flagPaper | flagRoll, mode: 2, sub: 2}, sensor, storage{phase: 3}, drivers.PaperOut},
		{"waits", brief{flags: flagPaper | flagRoll, mode: 2, sub: 3}, sensor, storage{phase: 3}, drivers.WaitsForResume},
		{"prints", brief{flags: flagPaper | flagRoll, mode: 2, sub: 5}, sensor, storage{phase: 3}, drivers.Printing},
		{"lid", brief{flags: flagPaper | flagRoll | flagCover, mode: 2}, sensor, storage{phase: 3}, drivers.CoverOpen},
		{"24 hours", brief{flags: flagPaper | flagRoll, mode: 3}, sensor, storage{phase: 3}, drivers.ShiftOver24h},
		{"date", brief{flags: flagPaper | flagRoll, mode: 6}, sensor, storage{phase: 3}, drivers.ClockUnset},
		{"not registered", brief{flags: flagPaper | flagRoll, mode: 4}, sensor, storage{phase: 1}, drivers.NotFiscal},
		{"storage ends", brief{flags: flagPaper | flagRoll, mode: 4}, sensor, storage{phase: 3, warnings: 2}, drivers.StorageEnding},
		{"OFD", brief{flags: flagPaper | flagRoll, mode: 4}, sensor, storage{phase: 3, warnings: 8}, drivers.OFDOverdue},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, paperConditions(tt.b, tt.m)|storageConditions(tt.b, tt.s), tt.name)
	}
}

func TestWrap(t *testing.T) {
	require.Equal(t, []string{"короткая"}, wrap([]string{"короткая  "}, 12))
	require.Equal(t, []string{"одна две три", "четыре"}, wrap([]string{"одна две три четыре"}, 12))
	require.Equal(t, []string{"", "x"}, wrap([]string{"", "x\n"}, 12))
	rapid.Check(t, func(t *rapid.T) {
		in, width := rapid.String().Draw(t, "in"), rapid.IntRange(1, 48).Draw(t, "width")
		for _, line := range wrap([]string{in}, width) {
			require.LessOrEqual(t, len([]rune(line)), width)
		}
	})
}

// old is a device that knows protocol 1.0 only and answers every command with "unsupported"; it takes
// any bytes that are not its protocol for noise.
func old(conn net.Conn) {
	var dec frame.Decoder1
	var kept []byte
	buf := make([]byte, 64)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		for _, b := range buf[:n] {
			e, ok := dec.Next(b)
			var reply []byte
			switch {
			case !ok:
			case e.Kind == frame.Frame:
				cmd, _, _ := frame.Split(e.Body)
				kept, _ = frame.Encode1(append(cmd.Append(nil), codeUnsupported))
				reply = append([]byte{frame.ACK}, kept...)
			case e.Byte == frame.ENQ && kept != nil:
				reply = append([]byte{frame.ACK}, kept...)
			case e.Byte == frame.ENQ:
				reply = []byte{frame.NAK}
			case e.Byte == frame.ACK:
				kept = nil
			}
			if _, err := conn.Write(reply); err != nil {
				return
			}
		}
	}
}

func TestAutoFindsAnOldDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		p, err := New("front", func(context.Context) (port.Conn, error) {
			near, far := net.Pipe()
			dials++
			go old(far)
			return near, nil
		}, nil)
		require.NoError(t, err)
		_, err = p.Identify(t.Context())
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err), "%v", err)
		var e *drivers.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "37h", e.Code)
		require.Equal(t, protocol1, p.(*Printer).protocol)
		require.Equal(t, 1, dials)
		require.NoError(t, p.Close())
	})
}

func TestDeafDevice(t *testing.T) {
	for _, protocol := range []string{"auto", "1", "2"} {
		synctest.Test(t, func(t *testing.T) {
			p, err := New("front", func(context.Context) (port.Conn, error) {
				near, far := net.Pipe()
				go func() {
					buf := make([]byte, 64)
					for {
						if _, err := far.Read(buf); err != nil {
							return
						}
					}
				}()
				return near, nil
			}, map[string]string{"protocol": protocol})
			require.NoError(t, err)
			_, err = p.OpenShift(t.Context(), drivers.Operator{})
			require.Equal(t, drivers.FailLink, drivers.FailOf(err))
			require.True(t, drivers.NotDone(err), "nothing but questions was sent")

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			_, err = p.Status(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.LessOrEqual(t, time.Since(began), 1100*time.Millisecond, "a method ends with its context")
			require.NoError(t, p.Close())
		})
	}
}
