package atol_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/atol"
	emulator "github.com/kopilka/kopilka/drivers/emulator/atol"
	"github.com/kopilka/kopilka/drivers/port"
)

// accepting is a link on which a request that was taken is answered by another code than 201.
type accepting struct{ port.Conn }

func (a accepting) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	copy(p, bytes.Replace(p[:n], []byte("HTTP/1.1 201 "), []byte("HTTP/1.1 202 "), 1))
	return n, err
}

// Any code of success means that the request is in the queue, and the receipt may be printed.
func TestPostAcceptedByAnotherCode(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		p, err := atol.New("front", func(ctx context.Context) (port.Conn, error) {
			c, err := b.dial(ctx)
			return accepting{c}, err
		}, nil)
		require.NoError(t, err)
		before := b.snapshot()
		f, err := p.Print(b.ctx, small())
		require.NoError(t, p.Close())
		require.Equal(t, "done", b.judge(before, f, err, "202"), "%v", err)
	})
}
