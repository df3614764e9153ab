package shtrih_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/shtrih"
)

// The tests build bytes by hand, so that an error in the shared codec cannot hide behind itself.

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// packed is STX LEN body LRC, summed up here and not by the codec.
func packed(body []byte) []byte {
	lrc := byte(len(body))
	for _, b := range body {
		lrc ^= b
	}
	out := append([]byte{0x02, byte(len(body))}, body...)
	return append(out, lrc)
}

func le(v uint64, n int) []byte { return binary.LittleEndian.AppendUint64(nil, v)[:n] }

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// cashier and sysadmin are the factory passwords.
var (
	cashier  = le(1, 4)
	sysadmin = le(30, 4)
)

func command(code string, parts ...[]byte) []byte {
	raw, err := hex.DecodeString(code)
	if err != nil {
		panic(err)
	}
	return join(raw, join(parts...))
}

// item is FF46 with the tax, department 1, full payment, goods.
func item(op byte, qty, price, sum uint64, tax byte, name string) []byte {
	return command("ff46", cashier, []byte{op}, le(qty, 6), le(price, 5), le(sum, 5), le(1<<40-1, 5),
		[]byte{tax, 1, 4, 1}, []byte(name))
}

// closing is FF45 with payments by number, income tax system.
func closing(payments map[int]uint64, rounding byte) []byte {
	var sums []byte
	for i := 1; i <= 16; i++ {
		sums = append(sums, le(payments[i], 5)...)
	}
	return command("ff45", cashier, sums, []byte{rounding}, make([]byte, 30), []byte{1})
}

var (
	openShift  = command("e0", cashier)
	zReport    = command("41", sysadmin)
	sell       = command("8d", cashier, []byte{0})
	takeBack   = command("8d", cashier, []byte{2})
	cancel     = command("88", cashier)
	status     = command("10", cashier)
	fnStatus   = command("ff01", cashier)
	resume     = command("b0", cashier)
	milk       = item(1, 1_000_000, 8990, 8990, 2, "Milk")
	payMilk    = closing(map[int]uint64{1: 10000}, 0)
	reckonSelf = uint64(1<<40 - 1)
)

func build(t testing.TB, o shtrih.Options) *shtrih.Register {
	t.Helper()
	r, err := shtrih.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// run executes and demands success; the data after the error byte is returned.
func run(t testing.TB, r *shtrih.Register, body []byte) []byte {
	t.Helper()
	code, data := try(t, r, body)
	require.Zero(t, code, "command % X answered %02Xh", body[:2], code)
	return data
}

func try(t testing.TB, r *shtrih.Register, body []byte) (byte, []byte) {
	t.Helper()
	answer, ok := r.Execute(body)
	require.True(t, ok, "no answer")
	n := 1
	if body[0] == 0xFF {
		n = 2
	}
	require.Equal(t, body[:n], answer[:n], "an answer begins with its command")
	return answer[n], answer[n+1:]
}

func refused(t testing.TB, want byte, r *shtrih.Register, body []byte) {
	t.Helper()
	code, data := try(t, r, body)
	require.Equal(t, want, code, "command % X answered %02Xh", body[:2], code)
	require.Empty(t, data, "an error carries no data")
}

// line is a host's end of a cable to the register.
type line struct {
	t    testing.TB
	conn net.Conn
	err  error
	wg   sync.WaitGroup
	stop context.CancelFunc
}

func plug(t testing.TB, r *shtrih.Register) *line {
	t.Helper()
	near, far := net.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	l := &line{t: t, conn: near, stop: stop}
	l.wg.Go(func() { l.err = r.Serve(ctx, far) })
	return l
}

func (l *line) unplug() {
	l.stop()
	l.wg.Wait()
	require.NoError(l.t, l.conn.Close()) // a pipe may be closed twice
}

func (l *line) say(p []byte) {
	l.t.Helper()
	require.NoError(l.t, l.conn.SetWriteDeadline(time.Now().Add(time.Minute)))
	_, err := l.conn.Write(p)
	require.NoError(l.t, err)
}

// hear reads exactly n bytes, or what came before a minute of silence or the end.
func (l *line) hear(n int) []byte {
	l.t.Helper()
	if err := l.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil // the register has closed the pipe
	}
	buf, got := make([]byte, n), 0
	for got < n {
		k, err := l.conn.Read(buf[got:])
		got += k
		if err != nil {
			break
		}
	}
	return buf[:got]
}

func (l *line) expect(want string) {
	l.t.Helper()
	bytes := unhex(l.t, want)
	require.Equal(l.t, bytes, l.hear(len(bytes)))
}

func (l *line) silent() {
	l.t.Helper()
	require.Empty(l.t, l.hear(1), "the line should be silent")
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// pass lets time go by inside a synctest bubble, where it costs none.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // the bubble's clock, not the machine's
