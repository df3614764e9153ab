package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

const testQuiet = 5 * time.Minute

func quietCounter(t *testing.T, seed byte) *counter {
	c := newCounterWith(t, seed, func(o *Options) { o.Rules.Quiet = testQuiet })
	c.open()
	return c
}

func (c *counter) hold(seconds int) error { return c.till.Hold(context.Background(), seconds) }

// refusedWith checks that a person can read why, in both languages.
func refusedWith(t *testing.T, err error, english string) {
	t.Helper()
	var r *Refusal
	require.ErrorAs(t, err, &r)
	require.ErrorIs(t, err, ErrHold)
	require.Contains(t, r.Text.EN, english)
	require.NotEmpty(t, r.Text.RU)
}

func TestHoldWaitsForTheCashier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quietCounter(t, 60)
		require.NoError(t, c.hold(30), "nobody is signed in")
		require.NoError(t, c.hold(0))
		c.dialled()
		c.must(Command{Do: "sign-in", PIN: testPIN})
		require.NoError(t, c.hold(30), "no shift is open, so that nobody can sell")
		require.NoError(t, c.hold(0))
		require.NoError(t, c.do(Command{Do: "open-shift"}))
		refusedWith(t, c.hold(30), "at work on a document")
		c.untilStage(StageSale)
		refusedWith(t, c.hold(30), "5 min without a key or a scan")

		c.scan(milkCode)
		time.Sleep(2 * testQuiet)
		refusedWith(t, c.hold(30), "goods in the basket")
		c.must(Command{Do: "clear"})
		time.Sleep(testQuiet - time.Second)
		refusedWith(t, c.hold(30), "A cashier is at work")
		time.Sleep(time.Second)
		require.NoError(t, c.hold(30))
	})
}

func TestHoldWaitsForAReturnAndForAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quietCounter(t, 61)
		c.openShift()
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		done := c.untilStage(StageDone)
		c.must(Command{Do: "return-find", Code: done.Done.No})
		c.untilStage(StageReturn)
		time.Sleep(2 * testQuiet)
		refusedWith(t, c.hold(30), "A return")
		c.must(Command{Do: "return-cancel"})
		c.scan(vodkaCode) // is the buyer of age?
		time.Sleep(2 * testQuiet)
		refusedWith(t, c.hold(30), "goods in the basket")
		c.must(Command{Do: "adult"})
		time.Sleep(testQuiet)
		require.NoError(t, c.hold(30))
	})
}

func TestHoldWaitsForAnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quietCounter(t, 62)
		c.openShift()
		c.scan(milkCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2})
		require.NoError(t, c.payCash())
		c.untilStage(StageUnknown)
		time.Sleep(2 * testQuiet)
		refusedWith(t, c.hold(30), "not known")
	})
}

func TestWhileHeldNothingBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quietCounter(t, 63)
		c.openShift()
		time.Sleep(testQuiet)
		require.NoError(t, c.hold(40))
		v := c.view()
		require.NotNil(t, v.Held)
		require.Equal(t, 40, v.Held.Seconds)
		require.Equal(t, textHeld(), v.Held.Text)

		refusedWith(t, c.till.Scan(context.Background(), sale.Code{Text: milkCode}), "being updated")
		v = c.view()
		require.Empty(t, v.Basket.Lines)
		require.Equal(t, textHeld(), v.Notices[0].Text, "who scans sees why nothing happens")
		for do := range handlers {
			err := c.do(Command{Do: do, PIN: testPIN, Code: milkCode, SKU: "milk"})
			if do == "dismiss" || do == "next" || do == "sign-out" {
				require.NotErrorIs(t, err, ErrHold, do)
				continue
			}
			refusedWith(t, err, "being updated")
		}
	})
}

func TestAHoldEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quietCounter(t, 64)
		c.openShift()
		time.Sleep(testQuiet)
		require.NoError(t, c.hold(30))
		require.Error(t, c.till.Scan(context.Background(), sale.Code{Text: milkCode}))
		c.until("the end of the hold", func(v View) bool { return v.Held == nil })
		require.Empty(t, c.view().Notices, "wait and scan again is over")
		c.scan(milkCode)

		c.must(Command{Do: "clear"})
		time.Sleep(testQuiet)
		require.NoError(t, c.hold(30))
		require.NoError(t, c.hold(0))
		require.Nil(t, c.view().Held)
		c.scan(milkCode)
	})
}

func TestAHoldIsBoundedHoweverOftenItIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quietCounter(t, 65)
		began := time.Now()
		for c.hold(1<<30) == nil {
			v := c.view()
			if v.Held == nil {
				break
			}
			require.LessOrEqual(t, time.Since(began)+time.Duration(v.Held.Seconds)*time.Second, HoldMax+time.Second)
			time.Sleep(50 * time.Second)
			if time.Since(began) > HoldMax {
				break
			}
		}
		h, err := c.till.Health(context.Background())
		require.NoError(t, err)
		require.Zero(t, h.HeldFor)
		require.Greater(t, time.Since(began), HoldMax)
	})
}

func TestHealthIsWhatTheTillKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quietCounter(t, 66)
		c.openShift()
		require.NoError(t, c.till.Scanner(t.Context(), DeviceView{Name: "front", Online: true}))
		require.NoError(t, c.till.Scanner(t.Context(), DeviceView{Name: "back"}))
		require.NoError(t, c.till.Network(t.Context(), NetworkView{Online: true}))
		h, err := c.till.Health(t.Context())
		require.NoError(t, err)
		require.Equal(t, Health{Ledger: true, HeadOffice: true, Register: true, Scanners: map[string]bool{"front": true, "back": false}, Stage: StageSale}, h)
		time.Sleep(testQuiet)
		require.NoError(t, c.hold(20))
		h, err = c.till.Health(t.Context())
		require.NoError(t, err)
		require.True(t, h.Idle)
		require.Equal(t, 20, h.HeldFor)
		c.mu.Lock()
		c.dead = true
		for _, cable := range c.cables {
			require.NoError(t, cable.Close())
		}
		c.mu.Unlock()
		c.until("the register gone", func(v View) bool { return !v.Register.Online })
		h, err = c.till.Health(t.Context())
		require.NoError(t, err)
		require.False(t, h.Register)
	})
}

// TestNeverHeldWhileASaleIsOpen walks at random, and looks at every view that the till shows.
func TestNeverHeldWhileASaleIsOpen(t *testing.T) {
	held := 0
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			c := quietCounter(t, byte(70+seed))
			c.openShift()
			random := rand.New(rand.NewPCG(seed, 1))
			views, stop := c.till.Watch()
			var watching sync.WaitGroup
			watching.Go(func() {
				for v := range views {
					if v.Held == nil {
						continue
					}
					held++
					if len(v.Basket.Lines) > 0 || v.Return != nil || v.Unknown != nil || v.Stage == StagePrinting || v.Stage == StageAdult {
						t.Errorf("seed %d: held at stage %s with %d lines", seed, v.Stage, len(v.Basket.Lines))
					}
				}
			})
			for range 150 {
				switch random.IntN(9) {
				case 0, 1:
					_ = c.till.Scan(t.Context(), sale.Code{Text: []string{milkCode, sugarCode, vodkaCode, testCard}[random.IntN(4)]})
				case 2:
					_ = c.payCash()
				case 3:
					_ = c.do(Command{Do: []string{"clear", "adult", "next", "return-cancel", "sign-out", "park"}[random.IntN(6)]})
				case 4:
					_ = c.do(Command{Do: "sign-in", PIN: testPIN})
				case 5:
					time.Sleep(time.Duration(random.IntN(int(testQuiet * 3 / 2))))
				default:
					_ = c.hold(random.IntN(200))
				}
			}
			stop()
			watching.Wait()
		})
	}
	require.Positive(t, held, "the walks have seen a hold")
}

// TestScansThatRaceWithAHoldAreNeverLost has cashier and updater at it at once: a scan is in the basket and the till is
// not held, or the cashier was told.
func TestScansThatRaceWithAHoldAreNeverLost(t *testing.T) {
	outcomes := map[bool]int{}
	for round := range 8 {
		synctest.Test(t, func(t *testing.T) {
			c := quietCounter(t, byte(90+round))
			c.openShift()
			time.Sleep(testQuiet)
			var both sync.WaitGroup
			var scanned, holding error
			race := []func(){
				func() { scanned = c.till.Scan(context.Background(), sale.Code{Text: milkCode}) },
				func() { holding = c.hold(30) },
			}
			both.Go(race[round%2])
			both.Go(race[1-round%2])
			both.Wait()
			v := c.view()
			require.Equal(t, scanned == nil, len(v.Basket.Lines) == 1)
			require.Equal(t, holding == nil, v.Held != nil)
			require.NotEqual(t, scanned == nil, holding == nil, "exactly one of them")
			require.True(t, scanned == nil || errors.Is(scanned, ErrHold))
			outcomes[scanned == nil]++
		})
	}
	t.Logf("the scan was first %d times, the hold %d times", outcomes[true], outcomes[false])
}
