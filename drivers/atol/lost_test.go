package atol_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
	emulator "github.com/kopilka/kopilka/drivers/emulator/atol"
	"github.com/kopilka/kopilka/ledger/sale"
)

var sell = []task.Type{task.Sell}

// TestOneFault lets each thing go wrong that the way to the server and its device know, at each of a receipt's
// requests, and fixes what is known afterwards where it matters most: at the POST of the receipt.
func TestOneFault(t *testing.T) {
	post := func(k emulator.FaultKind) emulator.Fault {
		return emulator.Fault{Kind: k, Method: http.MethodPost, Tasks: sell, For: 7 * time.Second}
	}
	get := func(k emulator.FaultKind) emulator.Fault {
		return emulator.Fault{Kind: k, Method: http.MethodGet, Tasks: sell, For: 7 * time.Second, Bytes: 60}
	}
	keep := func(f emulator.Fault) emulator.Fault { f.Keep = true; return f }
	for _, tt := range []struct {
		name  string
		fault emulator.Fault
		want  string
	}{
		{"POST never arrives", post(emulator.LoseRequest), "not done"},
		{"POST not answered", post(emulator.LoseAnswer), "done"},
		{"POST answered too late", post(emulator.SlowAnswer), "done"},
		{"POST answer cut in its head", post(emulator.CutAnswer), "done"},
		{"POST taken and called a duplicate", post(emulator.Conflict), "done"},
		{"POST taken and answered 500", post(emulator.ServerFailure), "done"},
		{"server dies before it stores", post(emulator.RestartBefore), "not done"},
		{"server dies after, keeps its queue", keep(post(emulator.RestartAfter)), "done"},
		{"server dies after, forgets its queue", post(emulator.RestartAfter), "unknown, done"},
		{"GET never arrives", get(emulator.LoseRequest), "done"},
		{"GET not answered", get(emulator.LoseAnswer), "done"},
		{"GET answered too late", get(emulator.SlowAnswer), "done"},
		{"GET answer cut in its body", get(emulator.CutAnswer), "done"},
		{"GET answered 500", get(emulator.ServerFailure), "done"},
		{"server dies between POST and GET, forgets its queue", get(emulator.RestartBefore), "unknown, done"},
		{"cable of the device before the write", emulator.Fault{Kind: emulator.LinkBeforeWrite}, "unknown, not done"},
		{"cable of the device after the write", emulator.Fault{Kind: emulator.LinkAfterWrite}, "unknown, done"},
		{"device dark before the write", emulator.Fault{Kind: emulator.PowerBeforeWrite}, "unknown, not done"},
		{"device dark after the write", emulator.Fault{Kind: emulator.PowerAfterWrite}, "unknown, done"},
		{"storage does not say that it has signed", emulator.Fault{Kind: emulator.StorageSilent}, "unknown, done"},
		{"paper ends", emulator.Fault{Kind: emulator.PaperOutAtLine, N: 3}, "done"},
		{"device dark in print", emulator.Fault{Kind: emulator.PowerOutAtLine, N: 3}, "unknown, done"},
		{"busy for half a minute", emulator.Fault{Kind: emulator.Busy, For: 30 * time.Second, Tasks: sell}, "done"},
		{"clock jumps ahead", emulator.Fault{Kind: emulator.ClockJump, For: time.Hour, Tasks: sell}, "not done"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, emulator.Options{}, func(b *bench) {
				before := b.snapshot()
				b.sent = nil
				b.reg.Inject(tt.fault)
				f, err := b.p.Print(b.ctx, small())
				require.Len(t, b.reg.Fired(), 1)
				b.reg.SetPower(true)
				b.reg.SetPaper(true)
				require.Equal(t, tt.want, b.judge(before, f, err, tt.name), "%v", err)
				if err != nil {
					require.NotEmpty(t, drivers.HintOf(err).RU)
					require.NotContains(t, err.Error(), "a@b.ru")
				}
			})
		})
	}
}

func TestFaultsAtEveryRequest(t *testing.T) {
	kinds := []emulator.FaultKind{
		emulator.LoseRequest, emulator.LoseAnswer, emulator.CutAnswer, emulator.SlowAnswer, emulator.Conflict, emulator.ServerFailure,
		emulator.RestartBefore, emulator.RestartAfter,
	}
	seen := map[string]int{}
	for _, kind := range kinds {
		fired := 0
		for n := range 6 {
			for _, keep := range []bool{true, false} {
				bubble(t, emulator.Options{}, func(b *bench) {
					seen[b.strike(emulator.Fault{Kind: kind, N: n, Bytes: 30, For: 7 * time.Second, Keep: keep})]++
					fired += len(b.reg.Fired())
				})
			}
		}
		require.Positive(t, fired, "%s never happened", kind)
	}
	t.Logf("%v", seen)
	require.Positive(t, seen["done"])
	require.Positive(t, seen["not done"])
}

// TestTwoFaults draws pairs: a cable of the device and the way to the server, or two of a kind.
func TestTwoFaults(t *testing.T) {
	faults := []emulator.Fault{
		{Kind: emulator.LoseRequest, N: 2},
		{Kind: emulator.LoseAnswer, N: 2},
		{Kind: emulator.LoseAnswer, N: 3},
		{Kind: emulator.RestartAfter, N: 2},
		{Kind: emulator.RestartBefore, N: 3, Keep: true},
		{Kind: emulator.RestartBefore, N: 4},
		{Kind: emulator.SlowAnswer, N: 3, For: 9 * time.Second},
		{Kind: emulator.LinkBeforeWrite},
		{Kind: emulator.LinkAfterWrite},
		{Kind: emulator.PowerBeforeWrite},
		{Kind: emulator.PowerAfterWrite},
		{Kind: emulator.PaperOutAtLine, N: 4},
		{Kind: emulator.Busy, For: 20 * time.Second, Tasks: sell},
	}
	seen := map[string]int{}
	for i, one := range faults {
		for _, two := range faults[i+1:] {
			bubble(t, emulator.Options{}, func(b *bench) { seen[b.strike(one, two)]++ })
		}
	}
	t.Logf("%d pairs: %v", len(faults)*(len(faults)-1)/2, seen)
	require.Positive(t, seen["done"])
}

// TestCuts cuts the link behind bytes of a receipt, both ways, by closing it and by silence. Every byte has its
// own suite; here a prime step passes through all parts of all messages.
func TestCuts(t *testing.T) {
	const step = 53
	for _, out := range []bool{true, false} {
		for _, silent := range []bool{true, false} {
			t.Run(fmt.Sprintf("to server %v, silent %v", out, silent), func(t *testing.T) {
				total := receiptBytes(t, out)
				seen := map[string]int{}
				for n := 0; n < total; n += step {
					bubble(t, emulator.Options{}, func(b *bench) {
						before := b.snapshot()
						b.sent = nil
						b.knife = knife{out: out, left: n, silent: silent}
						f, err := b.p.Print(b.ctx, small())
						seen[b.judge(before, f, err, fmt.Sprintf("cut after byte %d", n))]++
						_, err = b.p.Print(b.ctx, small())
						require.NoError(t, err, "the next receipt")
					})
				}
				t.Logf("%d bytes: %v", total, seen)
				require.Positive(t, seen["done"])
				require.Zero(t, seen["unknown, done"]+seen["unknown, not done"], "the server is there and remembers")
			})
		}
	}
}

func receiptBytes(t *testing.T, out bool) (n int) {
	bubble(t, emulator.Options{}, func(b *bench) {
		had := b.knife.passed
		_, err := b.p.Print(b.ctx, small())
		require.NoError(t, err)
		n = b.knife.passed[1] - had[1]
		if out {
			n = b.knife.passed[0] - had[0]
		}
	})
	return n
}

func TestBlockedQueueIsNotGotRound(t *testing.T) {
	bubble(t, emulator.Options{Stubborn: true}, func(b *bench) {
		before := b.snapshot()
		b.sent = nil
		b.reg.Inject(emulator.Fault{Kind: emulator.LinkAfterWrite})
		_, err := b.p.Print(b.ctx, small())
		require.False(t, drivers.NotDone(err))
		require.Equal(t, drivers.FailBusy, drivers.FailOf(err))
		require.Contains(t, drivers.HintOf(err).RU, "очередь стоит")
		require.Contains(t, drivers.HintOf(err).EN, "queue stands")
		require.NotEmpty(t, b.reg.State().Blocked)

		b.reg.SetLink(true)
		_, err = b.p.Snapshot(b.ctx)
		require.Error(t, err, "who asks past a blocked queue would hear nothing that is true")
		require.Contains(t, drivers.HintOf(err).EN, "queue stands")
		_, err = b.p.Print(b.ctx, small())
		require.True(t, drivers.NotDone(err))
		require.Equal(t, 1, b.sells(), "nothing is printed past it")

		b.reg.Unblock()
		now := b.snapshot()
		docs, err := b.p.Documents(b.ctx, before.LastFD, now.LastFD)
		require.NoError(t, err)
		require.Len(t, docs, 1)
		require.Equal(t, sale.Money(5490), docs[0].Fiscal.Sum)
		require.Equal(t, 1, b.receipts())
	})
}

// TestBlockedComesClear: the server finds out by itself while the driver still waits.
func TestBlockedComesClear(t *testing.T) {
	for fault, want := range map[emulator.FaultKind]int{emulator.LinkAfterWrite: 1, emulator.LinkBeforeWrite: 0} {
		t.Run(string(fault), func(t *testing.T) {
			bubble(t, emulator.Options{}, func(b *bench) {
				b.reg.Inject(emulator.Fault{Kind: fault})
				timer := time.AfterFunc(5*time.Second, func() { b.reg.SetLink(true) })
				defer timer.Stop()
				f, err := b.p.Print(b.ctx, small())
				require.Equal(t, want, b.receipts())
				if want == 1 {
					require.NoError(t, err)
					require.Equal(t, b.reg.Documents()[len(b.reg.Documents())-1].FD, f.Key.FD)
					return
				}
				require.True(t, drivers.NotDone(err), "%v", err)
				require.Equal(t, drivers.FailLink, drivers.FailOf(err))
			})
		})
	}
}

// TestDarkDevice: the server takes the receipt and the device is off. The driver asks for it back; a server that
// says "canceled" will never print it.
func TestDarkDevice(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		before := b.snapshot()
		b.sent = nil
		b.reg.Inject(emulator.Fault{Kind: emulator.Busy, For: 10 * time.Second, Tasks: sell})
		timer := time.AfterFunc(time.Second, func() { b.reg.SetPower(false) })
		defer timer.Stop()
		f, err := b.p.Print(b.ctx, small())
		require.Equal(t, drivers.FailBusy, drivers.FailOf(err))
		b.reg.SetPower(true)
		require.Equal(t, "not done", b.judge(before, f, err, "device dark"))
	})
}

// TestRestartedTill: the process that printed is gone with its uuid; the next one finds the receipt by the archive.
func TestRestartedTill(t *testing.T) {
	bubble(t, emulator.Options{JobTime: 3 * time.Second}, func(b *bench) {
		before := b.snapshot()
		const posted = 4 * time.Second // the state takes three, the receipt the next three
		ctx, cancel := context.WithTimeout(b.ctx, posted)
		defer cancel()
		_, err := b.p.Print(ctx, small())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, drivers.NotDone(err))
		require.Zero(t, b.receipts(), "it is still in the queue")
		require.NoError(t, b.p.Close())
		b.p = b.driver(2)
		now := b.snapshot()
		docs, err := b.p.Documents(b.ctx, before.LastFD, now.LastFD)
		require.NoError(t, err)
		require.Len(t, docs, 1, "the question stood behind it")
		require.Equal(t, sale.DocSale, docs[0].Fiscal.Doc)
	})
}

// TestServerGone: nobody listens at the address.
func TestServerGone(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		b.refuse = true
		b.reg.Restart(true)
		synctest.Wait()
		_, err := b.p.Print(b.ctx, small())
		require.ErrorIs(t, err, errRefused)
		require.True(t, drivers.NotDone(err))
		require.Contains(t, drivers.HintOf(err).EN, "Start it")
		b.refuse = false
		_, err = b.p.Print(b.ctx, small())
		require.NoError(t, err)
	})
}

// TestIdleConnection: the server closes a connection that rests; the next receipt does not meet the close.
func TestIdleConnection(t *testing.T) {
	bubble(t, emulator.Options{KeepAlive: 30 * time.Second}, func(b *bench) {
		b.snapshot()
		<-time.After(time.Minute)
		require.NoError(t, b.p.OpenDrawer(b.ctx), "which is sent once, and never to a connection that is closed")
		require.Equal(t, 1, b.reg.State().Opened)
		b.sent = nil
		_, err := b.p.Print(b.ctx, small())
		require.NoError(t, err)
		require.Equal(t, 1, b.sells())
	})
}

func TestCashMovesOnce(t *testing.T) {
	for kind, want := range map[emulator.FaultKind]bool{emulator.LoseAnswer: true, emulator.LoseRequest: false} {
		bubble(t, emulator.Options{}, func(b *bench) {
			b.reg.Inject(emulator.Fault{Kind: kind, Method: http.MethodPost, Tasks: []task.Type{task.CashIn}})
			err := b.p.CashIn(b.ctx, drivers.Operator{Name: "И"}, 100*sale.Rouble)
			got, errCash := b.p.CashInDrawer(b.ctx)
			require.NoError(t, errCash)
			if want {
				require.NoError(t, err)
				require.Equal(t, 100*sale.Rouble, got)
				return
			}
			require.False(t, drivers.NotDone(err), "no archive tells of cash, so nobody can be sure")
			require.Zero(t, got)
		})
	}
}

// TestCashAtTheWrite: the device goes dark around the counting of money, which the server calls an error.
func TestCashAtTheWrite(t *testing.T) {
	for kind, moved := range map[emulator.FaultKind]sale.Money{
		emulator.PowerBeforeWrite: 0, emulator.PowerAfterWrite: 100 * sale.Rouble, emulator.LinkBeforeWrite: 0, emulator.LinkAfterWrite: 100 * sale.Rouble,
	} {
		for _, back := range []bool{true, false} {
			bubble(t, emulator.Options{}, func(b *bench) {
				b.reg.Inject(emulator.Fault{Kind: kind, Tasks: []task.Type{task.CashIn}})
				if back {
					timer := time.AfterFunc(time.Second, func() { b.reg.SetPower(true) })
					defer timer.Stop()
				}
				err := b.p.CashIn(b.ctx, drivers.Operator{Name: "И"}, 100*sale.Rouble)
				require.Error(t, err)
				require.Equal(t, back && moved == 0, drivers.NotDone(err), "%s: %v", kind, err)
				require.Equal(t, moved, b.reg.Cash())
				b.reg.SetPower(true)
			})
		}
	}
}
