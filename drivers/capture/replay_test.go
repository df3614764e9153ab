package capture_test

import (
	"errors"
	"regexp"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
)

// requestNames are those that ATOL's requests are given.
var requestNames = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

var (
	ivanova = drivers.Operator{Name: "Иванова Анна Петровна", INN: "771234567890"}
	buyer   = "maria.petrova@example.com"
)

func TestEveryDriverCanBeCaptured(t *testing.T) {
	require.NotEmpty(t, all.Printers)
	worlds := map[string]bool{}
	for _, w := range world.All() {
		worlds[w.Type] = true
	}
	for kind := range all.Printers {
		require.True(t, worlds[kind], "%s has no world, so nothing here is tested with it", kind)
		require.NotNil(t, all.Kinds[kind].Rewrite, "%s: drivers/all names no Rewrite for it, so nothing personal could be masked", kind)
	}
}

func TestADayIsReplayed(t *testing.T) {
	every(t, func(t *testing.T, w world.World) {
		var entries []capture.Entry
		synctest.Test(t, func(t *testing.T) {
			c := open(t, w, capture.SizeMin)
			day(t.Context(), c, ivanova, buyer, "Покупатель: Мария Петрова", "Баланс: 120 баллов")
			entries = c.closed()
		})
		sessions := capture.Sessions(entries)
		require.Len(t, sessions, 1)
		require.True(t, sessions[0].Whole)
		made, failed := sessions[0].Calls()
		require.Zero(t, failed)
		calls, err := replay(t, sessions[0])
		require.NoError(t, err)
		require.Equal(t, made, calls)
	})
}

// Whatever byte of the till's or the device's is another one, a replay finds it or never meets it as a call's
// outcome; here the till's bytes: each one must count.
func TestAnotherByteOfTheTillIsFound(t *testing.T) {
	every(t, func(t *testing.T, w world.World) {
		var entries []capture.Entry
		synctest.Test(t, func(t *testing.T) {
			c := open(t, w, capture.SizeMin)
			day(t.Context(), c, ivanova, buyer)
			entries = c.closed()
		})
		writes := 0
		for i, e := range entries {
			if e.Kind != capture.KindWrite {
				continue
			}
			writes++
			if writes%7 != 1 {
				continue
			}
			s := capture.Sessions(entries)[0]
			data := append([]byte(nil), e.Data...)
			at := len(data) / 2
			for _, id := range requestNames.FindAllIndex(data, -1) {
				if at >= id[0] && at < id[1] {
					at = len(data) - 1 // another name for a request is no difference
				}
			}
			data[at] ^= 0x01
			s.Entries[i].Data = data
			_, err := replay(t, s)
			var d *capture.Difference
			require.True(t, errors.As(err, &d), "write %d: %v", writes, err)
			require.Equal(t, at, d.Offset)
			require.NotZero(t, d.Call)
		}
		require.Greater(t, writes, 10)
	})
}
