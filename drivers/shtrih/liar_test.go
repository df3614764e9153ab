package shtrih_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// liar is a link on which a command that was carried out is answered with a code: paper may end, or a part
// break, between the work and the answer.
type liar struct {
	net.Conn
	cmd  frame.Cmd
	code byte
	dec  frame.Decoder2
	rest []byte
}

func (l *liar) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		var b [1]byte
		if _, err := l.Conn.Read(b[:]); err != nil {
			return 0, err
		}
		e, ok := l.dec.Next(b[0])
		if !ok {
			continue
		}
		if cmd, rest, ok := frame.Split(e.Body); ok && cmd == l.cmd {
			rest[0] = l.code
		}
		packed, err := frame.Encode2(e.Num, e.Body)
		if err != nil {
			return 0, err
		}
		l.rest = packed
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// lie makes the next link lie about a command.
func (b *bench) lie(cmd frame.Cmd, code byte) {
	b.t.Helper()
	require.NoError(b.t, b.p.Close())
	b.wrap = func(c net.Conn) port.Conn { return &liar{Conn: c, cmd: cmd, code: code} }
}

// What is in the storage is done, whatever code the command was answered with.
func TestRefusalsOfWorkThatWasDone(t *testing.T) {
	bubble(t, "2", func(b *bench) {
		for code := 1; code <= 0xFF; code++ {
			if code == 0x50 {
				continue // is waited out: the one code that says that a command was not begun
			}
			b.lie(frame.CmdClose2, byte(code))
			_, err := b.p.Print(b.ctx, small())
			require.Error(t, err)
			require.False(t, drivers.NotDone(err), "%02Xh: the receipt is signed", code)
		}
	})
	bubble(t, "2", func(b *bench) {
		for code := 1; code <= 0xFF; code++ {
			if code == 0x50 {
				continue
			}
			for _, step := range []struct {
				cmd frame.Cmd
				do  func(context.Context, drivers.Operator) (sale.Fiscal, error)
			}{{frame.CmdZReport, b.p.CloseShift}, {frame.CmdOpenShift, b.p.OpenShift}} {
				b.lie(step.cmd, byte(code))
				_, err := step.do(b.ctx, drivers.Operator{Name: "И"})
				require.Error(t, err)
				require.False(t, drivers.NotDone(err), "%02Xh: the shift's document is signed", code)
			}
		}
	})
}

// Money leaves no document: codes of paper and parts, which may fail while it is counted, are no refusals.
func TestRefusalsOfCashThatWasMoved(t *testing.T) {
	bubble(t, "2", func(b *bench) {
		for _, code := range []byte{0x58, 0x6B, 0x6C, 0x71, 0x72, 0x74, 0x75, 0x76, 0x77, 0xC9} {
			b.lie(frame.CmdCashIn, code)
			err := b.p.CashIn(b.ctx, drivers.Operator{}, 100)
			require.Error(t, err)
			require.False(t, drivers.NotDone(err), "%02Xh: the money is in the drawer", code)
		}
	})
}
