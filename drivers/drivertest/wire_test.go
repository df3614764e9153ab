package drivertest_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/drivertest"
)

// A device that thinks for half a second shows beyond the bytes' own time, and the bytes take theirs both ways.
func TestWireTakesTheBytesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const think = 500 * time.Millisecond
		wire := &drivertest.Wire{Baud: 10_000, Serve: func(_ context.Context, conn io.ReadWriteCloser) error {
			buf := make([]byte, 100)
			for {
				if _, err := io.ReadFull(conn, buf); err != nil {
					return err
				}
				<-time.After(think)
				if _, err := conn.Write(buf[:20]); err != nil {
					return err
				}
			}
		}}
		conn, err := wire.Dial(t.Context())
		require.NoError(t, err)
		began := time.Now()
		_, err = conn.Write(make([]byte, 100))
		require.NoError(t, err)
		require.Equal(t, 100*time.Millisecond, time.Since(began), "a hundred bytes of ten bits")
		_, err = io.ReadFull(conn, make([]byte, 20))
		require.NoError(t, err)
		require.Equal(t, 120*time.Millisecond+think, time.Since(began))
		down, up := wire.Moved()
		require.Equal(t, int64(100), down)
		require.Equal(t, int64(20), up)
		require.Equal(t, 120*time.Millisecond, wire.Own(down+up))
		require.NoError(t, conn.Close())
		wire.Wait()
	})
}
