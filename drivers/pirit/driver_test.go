package pirit_test

import (
	"context"
	"errors"
	"net"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/pirit"
	"github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/pirit"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

var clerk = drivers.Operator{Name: "Иванова А. П.", INN: "500100732259"}

func TestSettings(t *testing.T) {
	_, err := pirit.New("front", nil, map[string]string{"password": "secret", "department": "0", "pulse": "9", "sale-key": "maybe", "colour": "red"})
	require.ErrorContains(t, err, "password: want 4 plain characters")
	require.NotContains(t, err.Error(), "secret")
	require.ErrorContains(t, err, "department: want a number from 1 to 99")
	require.ErrorContains(t, err, "pulse: want a number from 50 to 500")
	require.ErrorContains(t, err, "sale-key: want on or off")
	require.ErrorContains(t, err, "colour: unknown setting, known are department, password, pulse, sale-key")
	_, err = pirit.New("front", nil, map[string]string{"password": "1234", "department": "99", "pulse": "500", "sale-key": "on"})
	require.NoError(t, err)
	require.Len(t, pirit.Settings, 4)
}

// TestRowsOfTheDevicesOwnTable sells by rates that stand elsewhere than in the vendor's text.
func TestRowsOfTheDevicesOwnTable(t *testing.T) {
	odd := []emulator.Rate{
		{Name: "НДС 22%", Percent: "22.00", VAT: sale.VAT22},
		{Name: "НДС 20%", Percent: "18.00", VAT: sale.VATNone},
		{Name: "БЕЗ НДС", Percent: "0.00", VAT: sale.VATNone},
		{Name: "НДС 10%", Percent: "10.00", VAT: sale.VAT10},
	}
	bubble(t, emulator.Options{Rates: odd}, func(b *bench) {
		r := small()
		_, err := b.p.Print(b.ctx, r)
		require.NoError(t, err)
		docs := b.reg.Documents()
		require.Equal(t, sale.VAT10, docs[len(docs)-1].Lines[0].VAT, "row 3 here, row 1 in the text")
		r.Lines[0].VAT = sale.VAT20 // its row is there, and lies about its percent
		_, err = b.p.Print(b.ctx, r)
		require.True(t, drivers.NotDone(err))
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		err = b.p.Preflight(b.ctx, drivers.TaxOSN, []sale.VAT{sale.VAT22, sale.VAT20, sale.VAT5})
		require.ErrorContains(t, err, "20 %")
		require.ErrorContains(t, err, "5 %")
		require.NotContains(t, err.Error(), "22 %")
	})
	bubble(t, emulator.Options{Taxes: uint8(drivers.TaxOSN)}, func(b *bench) {
		err := b.p.Preflight(b.ctx, drivers.TaxPatent, nil)
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		r := small()
		r.Tax = drivers.TaxPatent
		_, err = b.p.Print(b.ctx, r)
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err), "%v", err)
		require.True(t, drivers.NotDone(err))
	})
}

// TestState8AfterARestart resumes with a driver that has never seen the receipt: its parameters are read back.
func TestState8AfterARestart(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		keyed := b.driver(map[string]string{"sale-key": "on"})
		r := small()
		r.Key = "T2-000417"
		b.reg.Inject(emulator.Fault{Kind: emulator.PowerAfterWrite, Any: true})
		_, err := keyed.Print(b.ctx, r)
		require.Error(t, err)
		require.False(t, drivers.NotDone(err), "%v", err)
		require.NoError(t, keyed.Close())

		b.reg.SetPower(true)
		status, err := b.p.Status(b.ctx)
		require.NoError(t, err)
		require.True(t, status.Has(drivers.WaitsForResume))
		snap, err := b.p.Snapshot(b.ctx)
		require.NoError(t, err)
		require.False(t, snap.Open, "signed is not open: it cannot be cancelled")
		require.NoError(t, b.p.Cancel(b.ctx))
		_, err = b.p.Print(b.ctx, small())
		require.Equal(t, drivers.FailPaper, drivers.FailOf(err))
		docs, err := b.p.Documents(b.ctx, snap.LastFD-1, snap.LastFD)
		require.NoError(t, err)
		require.Equal(t, r.Key, docs[0].Key)
		require.NoError(t, b.p.Resume(b.ctx))
		status, err = b.p.Status(b.ctx)
		require.NoError(t, err)
		require.False(t, status.Has(drivers.WaitsForResume))
		_, err = b.p.Print(b.ctx, small())
		require.NoError(t, err)
		require.Equal(t, 2, b.receipts())
	})
}

// TestZReportHalfPrinted: the shift is closed in the storage, the paper ended; Resume asks for the rest.
func TestZReportHalfPrinted(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.PaperOutAtLine, N: 2})
		f, err := b.p.CloseShift(b.ctx, clerk)
		require.NoError(t, err, "it is signed: paper is for Status to tell")
		require.Equal(t, sale.DocShiftClose, f.Doc)
		require.Equal(t, drivers.FailPaper, drivers.FailOf(b.p.Resume(b.ctx)))
		b.reg.SetPaper(true)
		status, err := b.p.Status(b.ctx)
		require.NoError(t, err)
		require.True(t, status.Has(drivers.WaitsForResume))
		require.NoError(t, b.p.Resume(b.ctx))
		_, err = b.p.OpenShift(b.ctx, clerk)
		require.NoError(t, err)
	})
}

// TestBusyForMinutes: as long as ENQ is answered, an opening of a shift may take its time.
func TestBusyForMinutes(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		_, err := b.p.CloseShift(b.ctx, clerk)
		require.NoError(t, err)
		b.reg.Inject(emulator.Fault{Kind: emulator.Busy, Command: frame.CmdOpenShift, For: 4 * time.Minute})
		began := time.Now()
		f, err := b.p.OpenShift(b.ctx, clerk)
		require.NoError(t, err)
		require.Equal(t, sale.DocShiftOpen, f.Doc)
		require.GreaterOrEqual(t, time.Since(began), 4*time.Minute)
		require.Less(t, time.Since(began), 5*time.Minute)
	})
}

// TestLostAnswerIsNoticedSoon: the device is there and idle, so waiting for minutes would be for nothing.
func TestLostAnswerIsNoticedSoon(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.LoseAnswer, Command: frame.CmdClose})
		began := time.Now()
		f, err := b.p.Print(b.ctx, small())
		require.NoError(t, err, "found in the storage")
		require.Equal(t, sale.Money(5490), f.Sum)
		require.Less(t, time.Since(began), 10*time.Second)
		require.Equal(t, 1, b.receipts())
	})
}

// TestDeadLineIsNoticedSoon: nobody answers ENQ.
func TestDeadLineIsNoticedSoon(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		b.cut.Out, b.cut.Left, b.cut.Silent = true, 200, true
		began := time.Now()
		_, err := b.p.Print(b.ctx, small())
		require.NoError(t, err, "it was lost in a read, which is asked again on a new line")
		require.Less(t, time.Since(began), 15*time.Second)
	})
}

// TestClockLocked: a register whose clock is before its last document does not begin until it is set right.
func TestClockLocked(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		_, err := b.p.CloseShift(b.ctx, clerk)
		require.NoError(t, err)
		b.reg.JumpClock(-72 * time.Hour)
		b.reg.SetPower(false)
		b.reg.SetPower(true)
		_, err = b.p.OpenShift(b.ctx, clerk)
		require.Equal(t, drivers.FailClock, drivers.FailOf(err), "%v", err)
		require.True(t, drivers.NotDone(err))
		status, err := b.p.Status(b.ctx)
		require.NoError(t, err)
		require.True(t, status.Has(drivers.ClockUnset))
		require.NoError(t, b.p.SetClock(b.ctx, time.Now().UTC()))
		_, err = b.p.OpenShift(b.ctx, clerk)
		require.NoError(t, err)
	})
}

// TestBeginningMovesNoClock: the register is told its own time, however wrong it is.
func TestBeginningMovesNoClock(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		b.reg.JumpClock(6 * time.Minute)
		before := b.reg.State().Clock
		b.reg.SetPower(false)
		b.reg.SetPower(true)
		_, err := b.p.Snapshot(b.ctx)
		require.NoError(t, err)
		require.WithinDuration(t, before, b.reg.State().Clock, 10*time.Second)
		require.True(t, b.reg.State().Started)
	})
}

func TestFormat105(t *testing.T) {
	bubble(t, emulator.Options{OldFormat: true}, func(b *bench) {
		life, err := b.p.Storage(b.ctx)
		require.NoError(t, err)
		require.Equal(t, "1.05", life.FFD)
		r := small()
		const code = "0104600494000010215AbCdEf\x1d93dGVz"
		r.Lines[0].Mark = &drivers.Mark{Raw: code}
		verdict, err := b.p.CheckMark(b.ctx, drivers.MarkQuery{Raw: code})
		require.NoError(t, err)
		require.Zero(t, verdict)
		require.NoError(t, b.p.DropMarks(b.ctx))
		_, err = b.p.Print(b.ctx, r)
		require.NoError(t, err)
		docs := b.reg.Documents()
		require.Equal(t, []storage.Tag{{Tag: ffd.TagMarkCode, Value: []byte(code)}}, docs[len(docs)-1].Lines[0].Tags, "the register takes it raw, GS and all")

		day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		c := drivers.Correction{Receipt: small(), Day: day}
		c.Receipt.Operator, c.Receipt.Given, c.Receipt.Contact = clerk, 0, ""
		f, err := b.p.Correct(b.ctx, c)
		require.NoError(t, err)
		require.Equal(t, sale.DocSaleCorrection, f.Doc)
		docs = b.reg.Documents()
		last := docs[len(docs)-1]
		require.Equal(t, storage.DocCorrection, last.Type)
		require.Equal(t, &storage.Basis{Day: day}, last.Basis)
		require.Equal(t, sale.Money(5490), last.Sum)

		b.reg.Inject(emulator.Fault{Kind: emulator.LoseAnswer, Command: frame.CmdCorrection})
		f, err = b.p.Correct(b.ctx, c)
		require.NoError(t, err, "found in the storage")
		require.Equal(t, last.FD+1, f.Key.FD)
		c.Receipt.Doc = sale.DocSaleReturn
		_, err = b.p.Correct(b.ctx, c)
		require.Equal(t, drivers.FailRefused, drivers.FailOf(err))
		require.True(t, drivers.NotDone(err))
		c.Receipt.Doc, c.Receipt.Lines[0].VAT = sale.DocSale, sale.VAT22
		_, err = b.p.Correct(b.ctx, c)
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err), "the sixth row is the last that 58h has a place for")
		require.True(t, drivers.NotDone(err))
	})
}

func TestDrawerCopyAndKinds(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		for _, doc := range []sale.DocKind{sale.DocSale, sale.DocSaleReturn, sale.DocSale, sale.DocExpense, sale.DocExpenseReturn} {
			r := small()
			r.Doc = doc
			f, err := b.p.Print(b.ctx, r)
			require.NoError(t, err)
			require.Equal(t, doc, f.Doc)
			docs := b.reg.Documents()
			require.Equal(t, uint8(doc), docs[len(docs)-1].Op)
		}
		n := b.receipts()
		require.NoError(t, b.p.CopyLast(b.ctx))
		require.NoError(t, b.p.OpenDrawer(b.ctx))
		require.Equal(t, 1, b.reg.State().Opened)
		require.Equal(t, n, b.receipts())
		b.reg.SetCover(true)
		_, err := b.p.Print(b.ctx, small())
		require.Equal(t, drivers.FailCover, drivers.FailOf(err))
		status, err := b.p.Status(b.ctx)
		require.NoError(t, err)
		require.True(t, status.Has(drivers.CoverOpen))
	})
}

func TestCashLost(t *testing.T) {
	for _, kind := range []emulator.FaultKind{emulator.LoseAnswer, emulator.PowerAfterWrite, emulator.PowerBeforeWrite} {
		t.Run(string(kind), func(t *testing.T) {
			bubble(t, emulator.Options{}, func(b *bench) {
				b.reg.Inject(emulator.Fault{Kind: kind, Command: frame.CmdClose})
				err := b.p.CashIn(b.ctx, clerk, 100*sale.Rouble)
				require.Error(t, err)
				require.False(t, drivers.NotDone(err), "who lost the answer to the close does not know")
				b.reg.SetPower(true)
				want := 100 * sale.Rouble
				if kind == emulator.PowerBeforeWrite {
					want = 0
				}
				got, err := b.p.CashInDrawer(b.ctx)
				require.NoError(t, err)
				require.Equal(t, want, got, "but can ask")
			})
		})
	}
	bubble(t, emulator.Options{}, func(b *bench) {
		b.reg.Foreign()
		err := b.p.CashIn(b.ctx, clerk, 100)
		require.Equal(t, drivers.FailDocument, drivers.FailOf(err))
		require.Equal(t, 2|1<<4, b.reg.State().Document, "another program's document is not ours to cancel")
	})
}

// TestHalfASlip: the line is lost while the footer prints. The receipt is signed, and the slip that stayed open is
// ours to take away: no cashier has to cancel anything.
func TestHalfASlip(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.CloseAfter, Command: frame.CmdText, Dir: emulator.ToHost, N: 2})
		_, err := b.p.Print(b.ctx, small())
		require.NoError(t, err)
		require.Equal(t, 1|1<<4, b.reg.State().Document, "a service document, open")
		_, err = b.p.Print(b.ctx, small())
		require.NoError(t, err)
		require.Equal(t, 2, b.receipts())
		b.reg.Foreign()
		_, err = b.p.Print(b.ctx, small())
		require.Equal(t, drivers.FailDocument, drivers.FailOf(err), "what is not ours stays")
		require.NoError(t, b.p.Cancel(b.ctx))
	})
}

func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		reg, err := emulator.New(emulator.Options{INN: "7707083893", Serial: 42})
		require.NoError(t, err)
		other, err := shtrih.New(shtrih.Options{})
		require.NoError(t, err)
		dial := func(serve func(net.Conn)) port.Dial {
			return func(context.Context) (port.Conn, error) {
				near, far := net.Pipe()
				go serve(far)
				return near, nil
			}
		}
		ours := dial(func(c net.Conn) { _ = reg.Serve(ctx, c) })
		id, err := pirit.Probe(ctx, ours)
		require.NoError(t, err)
		require.Equal(t, "0000000042", id.Serial)
		require.Equal(t, "7707083893", id.INN)
		require.Empty(t, id.FN, "it has not begun, and a probe begins nothing")
		require.False(t, reg.State().Started)
		p, err := pirit.New("front", ours, nil)
		require.NoError(t, err)
		_, err = p.OpenShift(ctx, clerk)
		require.NoError(t, err)
		reg.Foreign()
		document := reg.State().Document
		id, err = pirit.Probe(ctx, ours)
		require.NoError(t, err)
		require.Len(t, id.FN, 16)
		require.Equal(t, document, reg.State().Document, "an open document stays open")
		require.NoError(t, p.Close())

		for name, stranger := range map[string]port.Dial{
			"shtrih": dial(func(c net.Conn) { _ = other.Serve(ctx, c) }),
			"silent": dial(func(c net.Conn) { <-ctx.Done(); _ = c.Close() }),
			"gone":   func(context.Context) (port.Conn, error) { return nil, errors.New("nobody") },
		} {
			began := time.Now()
			_, err = pirit.Probe(ctx, stranger)
			require.Error(t, err, name)
			require.LessOrEqual(t, time.Since(began), 2*time.Second, name)
		}
		cancel()
		synctest.Wait()
		require.NoError(t, errors.Join(reg.Close(), other.Close()))
	})
}

// TestEveryCodeHasAHint goes by the list of codes in the vendor's text.
func TestEveryCodeHasAHint(t *testing.T) {
	cyrillic := regexp.MustCompile(`[а-яА-Я]`)
	for _, code := range []byte{
		0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x20, 0x41, 0x42, 0x43, 0x44,
		0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x50, 0x51, 0x52, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x60, 0x61, 0x62,
		0x63, 0x64, 0x72, 0x73, 0x74, 0x75, 0x7C, 0x7E, 0xEE,
	} {
		e := pirit.Refusal(code, 0)
		require.NotEmpty(t, e.Fail, "%02X", code)
		require.Regexp(t, cyrillic, e.Hint.RU)
		require.NotRegexp(t, cyrillic, e.Hint.EN)
		require.NotEmpty(t, e.Hint.EN)
	}
	require.Contains(t, pirit.Refusal(0xEE, 0).Hint.EN, "unknown error")
	require.Equal(t, "01h/20", pirit.Refusal(1, 20).Code)
	require.Equal(t, drivers.FailShiftClosed, pirit.Refusal(1, 20).Fail)
	require.Equal(t, drivers.FailRefused, pirit.Refusal(3, 94).Fail, "a reason of no special family")
}
