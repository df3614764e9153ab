package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/linktest"
)

// histories is how many days of misfortune a run plays; the name of a failing one is its seed.
const histories = 40

// A day of everything at once: sales, state, cables pulled and resets, lines that die after so many
// bytes, head office hanging up before and after it has stored, restarts of the till. In the end every record is
// at head office once, in order, and all of the state is here.
func TestHistories(t *testing.T) {
	for seed := range uint64(histories) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, seed, func(w *world) {
				luck, hangs := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
				rate := []int{0, 5, 30, 80}[luck.IntN(4)]
				w.office.event = func(string) bool { return hangs.IntN(100) < rate }
				w.office.window = luck.IntN(4) + 1
				w.start()
				for range 25 {
					misfortune(w, luck)
					w.pass(time.Duration(luck.Int64N(int64(5 * time.Minute))))
				}
				w.office.mu.Lock()
				w.office.event = func(string) bool { return false }
				w.office.mu.Unlock()
				w.net.Restore("till", "office")
				w.net.Set("till", "office", linktest.Link{Latency: time.Millisecond})
				w.until("all of it came and went", func() bool { return w.arrived() && w.ledger.Applied() == uint64(len(w.office.feed)) })
				w.requireSame()
				for id, times := range w.office.known {
					require.Equal(t, 1, times, id)
				}
				require.EqualValues(t, 1, w.ledger.Head().Epoch, "no misfortune of the line is a fork")
			})
		})
	}
}

func misfortune(w *world, luck *rand.Rand) {
	switch luck.IntN(9) {
	case 0, 1, 2:
		w.sell(luck.IntN(8))
	case 3:
		w.office.publish(customer(w.t, sale.CustomerNo(luck.IntN(20)+1), "Анна П."))
	case 4:
		w.net.Reset("till", "office")
	case 5:
		w.net.Cut("till", "office")
	case 6:
		w.net.Restore("till", "office")
	case 7:
		w.net.Set("till", "office", linktest.Link{
			Latency: time.Duration(luck.IntN(3000)) * time.Millisecond, Bytes: luck.IntN(20000) + 500, ResetAfter: int64(luck.IntN(20000)),
			Refuse: luck.Float64() / 2, Reset: luck.Float64() / 10,
		})
	case 8:
		w.halt()
		w.start()
	}
}
