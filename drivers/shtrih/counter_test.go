package shtrih_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// in2026 moves a bubble's clock, which begins in 2000, to when the rate of 22 % is in force.
var in2026 = emulator.Options{Now: func() time.Time { return time.Now().AddDate(26, 1, 0) }}

// write sets a cell of the register's tables, as a service engineer does.
func (b *bench) write(table, row, field byte, value ...byte) {
	b.t.Helper()
	answer, ok := b.reg.Execute(append([]byte{0x1E, 30, 0, 0, 0, table, row, 0, field}, value...))
	require.True(b.t, ok)
	require.Equal(b.t, byte(0), answer[1])
}

// A register that turns 20 % into 22 % by itself would sign another tax than the till reckoned.
func TestRateThatTheRegisterWouldTurn(t *testing.T) {
	sold := small()
	sold.Lines[0].VAT = sale.VAT20
	bubbleOf(t, in2026, "2", func(b *bench) {
		b.write(17, 1, 71, 1)
		_, err := b.p.Print(b.ctx, sold)
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		require.True(t, drivers.NotDone(err))
		require.Contains(t, drivers.HintOf(err).RU, "таблицы 17")
		require.Zero(t, b.receipts())
	})
	bubbleOf(t, in2026, "2", func(b *bench) {
		b.write(17, 1, 71, 2)
		_, err := b.p.Print(b.ctx, sold)
		require.NoError(t, err)
		docs := b.reg.Documents()
		require.Equal(t, sale.VAT20, docs[len(docs)-1].Lines[0].VAT)
	})
}

func TestRateThatTheTableGivesOtherwise(t *testing.T) {
	bubble(t, "2", func(b *bench) {
		b.write(6, 2, 1, 0x08, 0x07) // 18 % where 10 % should stand
		paper := len(b.reg.Tape())
		_, err := b.p.Print(b.ctx, small())
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		require.Contains(t, drivers.HintOf(err).EN, "row 2 of the register's table 6 says 18%")
		require.Len(t, b.reg.Tape(), paper, "refused before anything is printed")
	})
}

func TestUnitOfWeighedGoods(t *testing.T) {
	bubble(t, "2", func(b *bench) {
		sold := small()
		sold.Lines[0].Unit = sale.UnitKilogram
		_, err := b.p.Print(b.ctx, sold)
		require.NoError(t, err)
		docs := b.reg.Documents()
		require.Equal(t, []storage.Tag{{Tag: 2108, Value: []byte{11}}}, docs[len(docs)-1].Lines[0].Tags)
	})
}

// A slow printer refuses commands while it prints; Print waits and comes back with the paper out.
func TestSlowPrinter(t *testing.T) {
	for _, protocol := range []string{"1", "2"} {
		bubbleOf(t, emulator.Options{LineTime: 200 * time.Millisecond}, protocol, func(b *bench) {
			sold := small()
			sold.Header, sold.Footer, sold.QR = []string{"Привет"}, []string{"Баллы: 5"}, "https://example.ru"
			began := time.Now()
			_, err := b.p.Print(b.ctx, sold)
			require.NoError(t, err)
			require.Greater(t, time.Since(began), 2*time.Second)
			require.Equal(t, 1, b.receipts())
		})
	}
}

func TestBusyRegisterIsWaitedFor(t *testing.T) {
	bubble(t, "2", func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.Busy, Command: frame.CmdOpenReceipt, For: 20 * time.Second})
		began := time.Now()
		_, err := b.p.Print(b.ctx, small())
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(began), 20*time.Second)
	})
	bubble(t, "2", func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.Busy, Command: frame.CmdOpenReceipt, For: 10 * time.Minute})
		_, err := b.p.Print(b.ctx, small())
		require.Equal(t, drivers.FailBusy, drivers.FailOf(err))
		require.True(t, drivers.NotDone(err))
		require.Zero(t, b.receipts())
	})
}

func TestContextEndsAWaitForABusyRegister(t *testing.T) {
	bubble(t, "1", func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.Busy, Command: frame.CmdOpenReceipt, For: 30 * time.Second})
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		defer cancel()
		began := time.Now()
		_, err := b.p.Print(ctx, small())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, drivers.NotDone(err))
		require.LessOrEqual(t, time.Since(began), 16*time.Second, "the deadline and the time to tidy up")
	})
}

// Protocol 1.0 keeps an answer until it is acknowledged: a lost one is fetched and not guessed at.
func TestLostAnswerIsFetched(t *testing.T) {
	bubble(t, "1", func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.LoseAnswer, Command: frame.CmdClose2})
		f, err := b.p.Print(b.ctx, small())
		require.NoError(t, err)
		require.Equal(t, 1, b.receipts())
		docs := b.reg.Documents()
		require.Equal(t, docs[len(docs)-1].FD, f.Key.FD)
		require.Equal(t, docs[len(docs)-1].Sign, f.Sign)
	})
}

// Cash that was counted and not answered is neither counted twice nor reported as not counted.
func TestLostAnswerOfCash(t *testing.T) {
	for _, protocol := range []string{"1", "2"} {
		for _, kind := range []emulator.FaultKind{emulator.LoseAnswer, emulator.ForgetAnswer, emulator.PowerAfterWrite} {
			bubble(t, protocol, func(b *bench) {
				b.reg.Inject(emulator.Fault{Kind: kind, Command: frame.CmdCashIn})
				err := b.p.CashIn(b.ctx, drivers.Operator{}, 500*sale.Rouble)
				require.Len(t, b.reg.Fired(), 1)
				require.False(t, drivers.NotDone(err), "%s: %v", kind, err)
				b.reg.SetPower(true)
				got, err := b.p.CashInDrawer(b.ctx)
				require.NoError(t, err)
				require.Equal(t, 500*sale.Rouble, got)
			})
		}
	}
}

func TestLostAnswerOfTheShift(t *testing.T) {
	for _, protocol := range []string{"1", "2"} {
		for _, kind := range []emulator.FaultKind{emulator.LoseAnswer, emulator.ForgetAnswer, emulator.PowerAfterWrite} {
			bubble(t, protocol, func(b *bench) {
				before, err := b.p.Snapshot(b.ctx)
				require.NoError(t, err)
				b.reg.Inject(emulator.Fault{Kind: kind, Command: frame.CmdZReport})
				f, err := b.p.CloseShift(b.ctx, drivers.Operator{Name: "Иванова"})
				require.False(t, drivers.NotDone(err), "%s: %v", kind, err)
				b.reg.SetPower(true)
				now, errNow := b.p.Snapshot(b.ctx)
				require.NoError(t, errNow)
				require.Equal(t, before.LastFD+1, now.LastFD)
				if err == nil {
					require.Equal(t, now.LastFD, f.Key.FD)
				}
			})
		}
	}
}
