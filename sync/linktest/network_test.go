package linktest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// pipe connects host "a" to host "b".
func pipe(t *testing.T, n *Network) (near, far net.Conn) {
	t.Helper()
	l, err := n.Host("b").Listen("0")
	require.NoError(t, err)
	near, err = n.Host("a").Dial(context.Background(), "tcp", l.Addr().String())
	require.NoError(t, err)
	far, err = l.Accept()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return near, far
}

func TestLatencyAndBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.SetAll(Link{Latency: 100 * time.Millisecond, Bytes: 1000})
		start := time.Now()
		near, far := pipe(t, n)
		require.Equal(t, 200*time.Millisecond, time.Since(start), "a dial is one round trip")
		_, err := near.Write(make([]byte, 500))
		require.NoError(t, err)
		_, err = io.ReadFull(far, make([]byte, 500))
		require.NoError(t, err)
		require.Equal(t, 800*time.Millisecond, time.Since(start), "500 bytes at 1000 a second, then the way")
	})
}

func TestCutHoldsAndRestoreDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		near, far := pipe(t, n)
		n.Cut("a", "b")
		_, err := near.Write([]byte("held"))
		require.NoError(t, err)
		require.NoError(t, far.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err = far.Read(make([]byte, 4))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err = n.Host("a").Dial(ctx, "tcp", "b:1")
		require.ErrorIs(t, err, context.DeadlineExceeded, "a dial over a cut link waits")

		require.NoError(t, near.SetWriteDeadline(time.Now().Add(time.Second)))
		sent, err := near.Write(make([]byte, 2*bufferMax))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, bufferMax-4, sent, "a full buffer makes the writer wait")

		n.Restore("a", "b")
		require.NoError(t, far.SetReadDeadline(time.Time{}))
		b := make([]byte, 4)
		_, err = io.ReadFull(far, b)
		require.NoError(t, err)
		require.Equal(t, "held", string(b))
	})
}

func TestResetRefuseAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		near, far := pipe(t, n)
		n.Reset("a", "b")
		for _, c := range []net.Conn{near, far} {
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, syscall.ECONNRESET)
			_, err = c.Write([]byte{1})
			require.ErrorIs(t, err, syscall.ECONNRESET)
		}
		require.Zero(t, n.Conns("a", "b"))

		_, err := n.Host("a").Dial(context.Background(), "tcp", "b:1")
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "nobody listens")

		near, far = pipe(t, n)
		_, err = near.Write([]byte("bye"))
		require.NoError(t, err)
		require.NoError(t, near.Close())
		all, err := io.ReadAll(far)
		require.NoError(t, err)
		require.Equal(t, "bye", string(all))
		_, err = far.Write([]byte{1})
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.NoError(t, far.Close())
		require.Zero(t, n.Conns("a", "b"))
	})
}

func TestResetAfterBytesIsExact(t *testing.T) {
	for _, limit := range []int64{1, 7, 99, 100} {
		synctest.Test(t, func(t *testing.T) {
			n := New(1)
			n.SetAll(Link{ResetAfter: limit})
			near, far := pipe(t, n)
			sent, err := near.Write(make([]byte, 100))
			require.ErrorIs(t, err, syscall.ECONNRESET)
			require.EqualValues(t, limit, sent)
			got, err := io.ReadAll(far)
			require.ErrorIs(t, err, syscall.ECONNRESET)
			require.Len(t, got, int(limit))
		})
	}
}

// One seed, one history: whatever else goes on, the same connections fail at the same bytes.
func TestSeedRepeats(t *testing.T) {
	history := func(seed uint64) string {
		var out string
		synctest.Test(t, func(t *testing.T) {
			n := New(seed)
			n.SetAll(Link{Latency: time.Millisecond, Jitter: time.Second, Refuse: 0.3, Reset: 0.1})
			l, err := n.Host("b").Listen("80")
			require.NoError(t, err)
			for i := range 20 {
				c, err := n.Host("a").Dial(context.Background(), "tcp", "b:80")
				if err != nil {
					out += fmt.Sprint(i, " refused;")
					continue
				}
				sent := 0
				for range 10 {
					k, err := c.Write(make([]byte, 10))
					if sent += k; err != nil {
						break
					}
				}
				out += fmt.Sprint(i, " ", sent, ";")
				require.NoError(t, c.Close())
			}
			require.NoError(t, l.Close())
		})
		return out
	}
	require.Equal(t, history(7), history(7))
	require.NotEqual(t, history(7), history(8))
	require.Contains(t, history(7), "refused")
}

func TestHTTPOverTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.SetAll(Link{Latency: 50 * time.Millisecond, Jitter: 20 * time.Millisecond, Bytes: 100_000})
		l, err := n.Host("office").Listen("80")
		require.NoError(t, err)
		body := make([]byte, 300_000)
		_, err = io.ReadFull(rand.NewChaCha8([32]byte{}), body)
		require.NoError(t, err)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, err := w.Write(body)
			require.NoError(t, err)
		})}
		done := make(chan error)
		go func() { done <- server.Serve(l) }()
		transport := &http.Transport{DialContext: n.Host("till").Dial}
		start := time.Now()
		answer, err := (&http.Client{Transport: transport}).Get("http://office:80/")
		require.NoError(t, err)
		got, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.True(t, bytes.Equal(body, got))
		require.Greater(t, time.Since(start), 3*time.Second)
		transport.CloseIdleConnections()
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
}
