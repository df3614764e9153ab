package pirit_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/pirit"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
)

// The tests build bytes by hand, so that an error in the shared codec cannot hide behind itself.

const fs = "\x1c"

// packed is a request: password, id, command, fields.
func packed(id byte, cmd string, fields ...string) string {
	body := "PIRI" + string(rune(id)) + cmd + fs
	if len(fields) > 0 {
		body = "PIRI" + string(rune(id)) + cmd + strings.Join(fields, fs) + fs
	}
	return sealed(body)
}

func sealed(body string) string {
	var x byte
	for _, b := range []byte(body + "\x03") {
		x ^= b
	}
	return "\x02" + body + "\x03" + fmt.Sprintf("%02X", x)
}

// host is the other end of a line, in a bubble of virtual time.
type host struct {
	t      *testing.T
	reg    *pirit.Register
	conn   net.Conn
	ctx    context.Context
	cancel context.CancelFunc
	served sync.WaitGroup
	id     byte
}

func withHost(t *testing.T, o pirit.Options, f func(h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reg, err := pirit.New(o)
		require.NoError(t, err)
		h := &host{t: t, reg: reg, id: 0x20}
		h.ctx, h.cancel = context.WithCancel(t.Context())
		h.dial()
		f(h)
		h.cancel()
		h.served.Wait()
		require.NoError(t, reg.Close())
	})
}

func (h *host) dial() {
	near, far := net.Pipe()
	h.conn = near
	h.served.Go(func() { _ = h.reg.Serve(h.ctx, far) }) // ends with the bubble
}

func (h *host) write(bytes string) {
	h.t.Helper()
	_, err := io.WriteString(h.conn, bytes)
	require.NoError(h.t, err)
}

// lastWords sends what makes the power go: the line may close before the write has returned.
func (h *host) lastWords(bytes string) { _, _ = io.WriteString(h.conn, bytes) }

// read gives what comes until a second of silence, or until want bytes have come.
func (h *host) read(want int) string {
	h.t.Helper()
	var got []byte
	buf := make([]byte, 4096)
	for len(got) < want {
		if h.conn.SetReadDeadline(time.Now().Add(time.Second)) != nil {
			break // the far end has closed
		}
		n, err := h.conn.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			break
		}
	}
	return string(got)
}

// ask sends a command and gives error and fields of the answer, its seal checked.
func (h *host) ask(cmd string, fields ...string) (code string, out []string) {
	h.t.Helper()
	h.id++
	h.write(packed(h.id, cmd, fields...))
	return h.answer(cmd)
}

func (h *host) answer(cmd string) (code string, out []string) {
	h.t.Helper()
	got := h.read(9)
	require.NotEmpty(h.t, got, "no answer to %s", cmd)
	body := got[1 : len(got)-3]
	require.Equal(h.t, sealed(body), got)
	require.Equal(h.t, h.id, body[0])
	require.Equal(h.t, cmd, body[1:3])
	return body[3:5], strings.Split(strings.TrimSuffix(body[5:], fs), fs)
}

func (h *host) ok(cmd string, fields ...string) []string {
	h.t.Helper()
	code, out := h.ask(cmd, fields...)
	require.Equal(h.t, "00", code, "%s %v", cmd, fields)
	return out
}

func (h *host) refused(code, cmd string, fields ...string) {
	h.t.Helper()
	got, _ := h.ask(cmd, fields...)
	require.Equal(h.t, code, got, "%s %v", cmd, fields)
}

// begin says the word without which the register does nothing.
func (h *host) begin() {
	h.t.Helper()
	clock := h.ok("13")
	h.ok("10", clock...)
}

func (h *host) documents(form storage.DocType) int {
	n := 0
	for _, d := range h.reg.Documents() {
		if d.Type == form {
			n++
		}
	}
	return n
}

// sale rings up one position and pays it, up to the close.
func (h *host) sale() {
	h.t.Helper()
	h.ok("30", "2", "1", "A", "", "0")
	h.ok("42", "B", "", "2", "54.90", "1", "", "", "", "", "", "4", "1")
	h.ok("44")
	h.ok("44")
	h.ok("47", "0", "200")
}
