package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/linktest"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

// A backlog and what is sold meanwhile arrive once, in order, whatever part of the batches dies on the
// way, before or after head office has stored them.
func TestBacklogArrivesOnce(t *testing.T) {
	for _, percent := range []int{0, 10, 90} {
		t.Run(fmt.Sprintf("%d percent of batches fail", percent), func(t *testing.T) {
			inWorld(t, 1, func(w *world) {
				luck := rand.New(rand.NewPCG(1, uint64(percent)))
				w.office.event = func(what string) bool { return (what == "batch" || what == "stored") && luck.IntN(100) < percent }
				w.sell(600)
				require.EqualValues(t, 601, w.ledger.Head().Seq)
				w.start()
				w.until("some of it arrived", func() bool { return w.office.stored() > 0 })
				w.sell(30)
				w.until("all of it arrived", w.arrived)
				w.requireSame()
				for id, times := range w.office.known {
					require.Equal(t, 1, times, id)
				}
				if percent == 90 {
					require.Greater(t, len(w.office.hellos), 10, "nothing was cut: the test shows nothing")
				}
			})
		})
	}
}

// The session dies at its first, second, third… message, each time at another; nothing is lost or doubled.
func TestCutAtEveryMessage(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		at, count := 0, 0
		w.office.event = func(string) bool {
			if count++; count > at {
				at, count = at+1, 0
				return true
			}
			return false
		}
		w.office.window = 2
		for i := range 12 {
			w.office.publish(customer(t, sale.CustomerNo(i+1), "Анна П."))
		}
		w.start()
		// How many messages a round takes depends on what the office merges, so on the disk.
		for round := 0; at <= 15; round++ {
			require.Less(t, round, 200, "only %d cuts", at)
			w.sell(3)
			w.pass(20 * time.Minute)
		}
		w.until("all of it arrived", func() bool { return w.arrived() && w.ledger.Applied() == 12 })
		w.requireSame()
	})
}

// The line dies after every few bytes, in both directions.
func TestCutAtEveryByte(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.start()
		for limit := int64(1); limit < 3000; limit += 61 {
			w.net.Set("till", "office", linktest.Link{Latency: time.Millisecond, ResetAfter: limit})
			w.net.Reset("till", "office")
			w.sell(2)
			w.pass(12 * time.Minute)
		}
		w.net.Set("till", "office", linktest.Link{})
		w.until("all of it arrived", w.arrived)
		w.requireSame()
	})
}

func TestLiveSaleIsSentAtOnce(t *testing.T) {
	inWorld(t, 4, func(w *world) {
		w.start()
		w.until("online", func() bool { return w.uplink.State().Online && w.arrived() })
		w.sell(1)
		sold := time.Now()
		w.until("arrived", w.arrived)
		require.LessOrEqual(t, time.Since(sold), 100*time.Millisecond, "two ways of some 25 ms, looked at every 50 ms")
		require.WithinDuration(t, time.Now(), w.uplink.State().LastAck, 100*time.Millisecond)
	})
}

// With a round trip of a second and one batch on the way at a time, a window of 8 must bring 8 batches a
// round trip.
func TestWindow(t *testing.T) {
	took := func(window int) (d time.Duration) {
		inWorld(t, 5, func(w *world) {
			w.net.SetAll(linktest.Link{Latency: 500 * time.Millisecond})
			w.office.window = window
			w.sell(wire.BatchRecordsMax * 8)
			began := time.Now()
			w.start()
			w.until("all of it arrived", w.arrived)
			d = time.Since(began)
			require.Equal(t, 9, w.office.batches, "greedy batches: as few as can be")
		})
		return d
	}
	require.Greater(t, took(1), took(8)+5*time.Second)
}

func TestOldAcksAreIgnored(t *testing.T) {
	inWorld(t, 6, func(w *world) {
		w.sell(5)
		w.start()
		w.until("arrived", w.arrived)
		hash, _, err := w.ledger.Find(1, 2)
		require.NoError(t, err)
		w.office.extra = []any{
			&wire.Ack{Have: sale.Position{Epoch: 1, Seq: 2, Head: hash}},
			&wire.Ack{Have: sale.Position{Epoch: 1, Seq: 2, Head: sale.Hash{1}}},
		}
		w.net.Reset("till", "office")
		w.sell(1)
		w.until("arrived", w.arrived)
		w.pass(time.Minute)
		require.True(t, w.uplink.State().Online)
		require.Len(t, w.office.hellos, 2, "an old acknowledgement must not end the session")
	})
}

// An acknowledgement is believed only for what was sent, and only with the hash it has here.
func TestFalseAcks(t *testing.T) {
	for name, c := range map[string]struct {
		lie  func(a *wire.Ack)
		code uplink.Code
	}{
		"of records never sent": {func(a *wire.Ack) { a.Have.Seq = 999 }, uplink.CodeProtocol},
		"of a later epoch":      {func(a *wire.Ack) { a.Have.Epoch = 9 }, uplink.CodeProtocol},
		"of other records":      {func(a *wire.Ack) { a.Have.Head[0]++ }, uplink.CodeJournal},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 7, func(w *world) {
				w.office.liarAck = c.lie
				w.sell(1)
				w.start()
				w.until("refused", func() bool { return w.uplink.State().Code == c.code })
				require.Zero(t, w.ledger.Acked().Seq)
				w.office.mu.Lock()
				w.office.liarAck = nil
				w.office.mu.Unlock()
				w.until("arrived", w.arrived)
				w.requireSame()
			})
		})
	}
}

// A disk restored from last night's image: head office knows the records of the morning, the till does
// not. Its new sales go on in a new epoch; nothing is overwritten.
func TestRestoredFromImage(t *testing.T) {
	for name, offlineSales := range map[string]int{"nothing sold since": 0, "sold offline since": 40} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 8, func(w *world) {
				w.sell(10)
				w.start()
				w.until("arrived", w.arrived)
				w.halt()
				image := w.image()
				w.start()
				w.sell(20)
				w.until("arrived", w.arrived)
				morning := w.ledger.Head()
				w.halt()

				w.restore(image)
				w.sell(offlineSales)
				mine := w.ledger.Head()
				w.start()
				w.until("a new epoch arrived", func() bool { return w.ledger.Head().Epoch == 2 && w.arrived() })
				require.Len(t, w.office.journal[1], int(morning.Seq), "head office's copy is untouched")
				require.Equal(t, morning.Head, w.office.heads[1])
				require.Len(t, w.office.forked, offlineSales, "the diverged tail, each once")
				if offlineSales > 0 {
					require.True(t, w.office.forked[mine.Head])
				}
				first, err := sale.DecodeRecord(w.office.journal[2][0].Record)
				require.NoError(t, err)
				require.Equal(t, "restored", first.Start.Reason)
				require.Equal(t, morning.Head, first.Start.OldHead)
				w.sell(3)
				w.until("arrived", w.arrived)
				require.Len(t, w.office.journal[2], 4)
				require.EqualValues(t, 2, w.ledger.Head().Epoch, "one restore, one epoch")
			})
		})
	}
}

// The session dies at every message while a fork is being handed in.
func TestForkSurvivesCuts(t *testing.T) {
	inWorld(t, 9, func(w *world) {
		w.sell(10)
		w.start()
		w.until("arrived", w.arrived)
		w.halt()
		image := w.image()
		w.start()
		w.sell(5)
		w.until("arrived", w.arrived)
		w.halt()
		w.restore(image)
		w.sell(700)
		luck := rand.New(rand.NewPCG(5, 5))
		w.office.window = 1
		w.office.event = func(string) bool { return luck.IntN(100) < 60 }
		w.start()
		w.until("arrived", w.arrived)
		require.Len(t, w.office.forked, 700)
		require.EqualValues(t, 2, w.ledger.Head().Epoch)
		for id, times := range w.office.known {
			require.Equal(t, 1, times, id)
		}
	})
}

// Head office comes back from its own backup: it asks for what it lost, and gets it.
func TestHeadOfficeRestored(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		w.sell(40)
		w.start()
		w.until("arrived", w.arrived)
		w.net.Reset("till", "office")
		w.office.mu.Lock()
		o := w.office
		o.generation++
		o.journal[1] = o.journal[1][:15]
		o.heads[1] = sale.HashOf(o.journal[1][14].Record)
		o.known = map[sale.ID]int{}
		o.mu.Unlock()
		w.sell(1)
		w.until("arrived", func() bool { return w.arrived() && o.stored() == 42 })
		w.requireSame()
		require.EqualValues(t, 1, w.ledger.Head().Epoch, "no fork: the lineage is the same")
	})
}

// What a restore has lost was acknowledged once, so the till itself counts nothing unsent. Head office must hear of it
// with the first status: of whoever is of its generation with nothing unsent it grants the points anew.
func TestStatusCountsWhatARestoreHasLost(t *testing.T) {
	inWorld(t, 36, func(w *world) {
		w.sell(40)
		w.start()
		w.until("arrived", w.arrived)
		o := w.office
		o.mu.Lock()
		o.generation++
		o.journal[1] = o.journal[1][:15]
		o.heads[1] = sale.HashOf(o.journal[1][14].Record)
		o.known = map[sale.ID]int{}
		o.mu.Unlock()
		w.net.Reset("till", "office")
		require.Zero(t, w.ledger.Unsent())
		w.uplink.SendStatus(wire.Status{Generation: 2, Unsent: w.ledger.Unsent()})
		w.until("a status", func() bool { return len(o.statuses) > 0 })
		require.EqualValues(t, 41-15, o.statuses[0].Unsent)
		w.until("arrived again", func() bool { return w.arrived() && o.stored() == 41 && w.uplink.State().Unsent == 0 })
		w.uplink.SendStatus(wire.Status{Generation: 2})
		w.until("another", func() bool { return len(o.statuses) > 1 })
		require.Zero(t, o.statuses[1].Unsent)
	})
}

// Head office lost everything, fork and new epoch included.
func TestHeadOfficeRestoredAfterFork(t *testing.T) {
	inWorld(t, 11, func(w *world) {
		w.sell(10)
		w.start()
		w.until("arrived", w.arrived)
		w.halt()
		image := w.image()
		w.start()
		w.sell(5)
		w.until("arrived", w.arrived)
		w.halt()
		w.restore(image)
		w.sell(6)
		w.start()
		w.until("arrived", w.arrived)
		o := w.office
		o.mu.Lock()
		o.generation++
		o.newest, o.forked, o.known = 1, map[sale.Hash]bool{}, map[sale.ID]int{}
		delete(o.journal, 2)
		delete(o.heads, 2)
		o.mu.Unlock()
		w.net.Reset("till", "office")
		w.sell(1)
		w.until("arrived", func() bool { return w.arrived() && len(o.journal[2]) == 2 })
		require.Len(t, o.forked, 17, "that epoch again from its beginning: 11 that both hold and 6 of its own")
		require.EqualValues(t, 2, w.ledger.Head().Epoch)
	})
}

func TestQuarantine(t *testing.T) {
	inWorld(t, 12, func(w *world) {
		w.office.revoked = true
		w.office.extra = []any{&wire.Down{From: 0, To: 1, Changes: []sale.Change{customer(t, 5, "Чужой")}}}
		w.sell(5)
		w.start()
		w.until("arrived", w.arrived)
		w.requireSame()
		s := w.uplink.State()
		require.Equal(t, uplink.CodeRevoked, s.Code)
		require.Contains(t, s.Text.RU, "отозвана")
		require.Contains(t, s.Text.EN, "revoked")
		require.Zero(t, w.ledger.Applied(), "a revoked till takes nothing")
		require.False(t, w.uplink.Ask(5))
	})
}
