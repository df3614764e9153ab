package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Trusted time stands still while the clock is behind what is journalled; the pause after wrong PINs must not.
func TestThePauseAfterWrongPINsEndsThoughTimeStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 160)
		c.openShift()
		c.till.clock.Trust(sale.At(time.Now().Add(40 * time.Hour)))
		c.scan(milkCode)
		require.NoError(t, c.payCash())
		c.untilStage(StageDone)
		c.till.clock.Trust(sale.At(time.Now()))
		stands := c.till.now()
		c.must(Command{Do: "sign-out"})
		for range pinTriesMax {
			require.ErrorContains(t, c.do(Command{Do: "sign-in", PIN: "0000"}), "Wrong PIN")
		}
		require.ErrorContains(t, c.do(Command{Do: "sign-in", PIN: testPIN}), "Too many tries")
		<-time.After(pinPause)
		require.Equal(t, stands, c.till.now())
		require.NoError(t, c.do(Command{Do: "sign-in", PIN: testPIN}))
	})
}
