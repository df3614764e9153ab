package mercury_test

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/mercury"
	"github.com/kopilka/kopilka/drivers/mercury"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/drivers/port"
)

// hangsUp closes the line behind the last byte of one command: the service has it whole, nobody waits for it.
type hangsUp struct {
	net.Conn
	on frame.Command
}

func (h *hangsUp) Write(p []byte) (int, error) {
	n, err := h.Conn.Write(p)
	if err == nil && bytes.Contains(p, []byte(h.on)) {
		err = h.Conn.Close()
	}
	return n, err
}

// A service that carries a command out after its caller has gone must not be asked too early: the register would
// show that nothing was done.
func TestALateCommandIsWaitedFor(t *testing.T) {
	for _, transport := range []string{"http", "length"} {
		bubble(t, transport, emulator.Options{}, func(b *bench) {
			hang := frame.CmdBringMoney
			dial := func(ctx context.Context) (port.Conn, error) {
				conn, err := b.dial(ctx)
				return &hangsUp{Conn: conn.(net.Conn), on: hang}, err
			}
			p, err := mercury.New("front", dial, map[string]string{"transport": transport})
			require.NoError(t, err)
			mover := p.(drivers.CashMover)
			before, err := mover.CashInDrawer(b.ctx)
			require.NoError(t, err)
			b.reg.Inject(emulator.Fault{Kind: emulator.LateRequest, Command: hang, For: time.Second})
			err = mover.CashIn(b.ctx, anna, 8990)
			var lost *drivers.Error
			require.ErrorAs(t, err, &lost)
			require.Equal(t, drivers.OutcomeUnknown, lost.Outcome)
			after, err := mover.CashInDrawer(b.ctx)
			require.NoError(t, err)
			require.Equal(t, before+8990, after, "%s: asked before the register had done it", transport)
			require.NoError(t, p.Close())
		})
	}
}
