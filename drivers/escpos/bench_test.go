package escpos_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	device "github.com/kopilka/kopilka/drivers/emulator/escpos"
	"github.com/kopilka/kopilka/drivers/escpos"
	"github.com/kopilka/kopilka/drivers/port"
)

// bench is a printer and its driver in a bubble of virtual time, joined by in-memory links.
type bench struct {
	*testing.T
	dev    *device.Printer
	p      *escpos.Printer
	ctx    context.Context
	served sync.WaitGroup
	dials  int
	cut    *cut    // what the next link fails by; nil: it does not
	tap    *[]byte // gathers what is sent to the printer; nil: nobody listens
}

func bubble(t *testing.T, o device.Options, settings map[string]string, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b := &bench{T: t, dev: device.New(o), ctx: ctx}
		p, err := escpos.New("counter", b.dial, settings)
		require.NoError(t, err)
		b.p = p.(*escpos.Printer)
		f(b)
		require.NoError(t, b.p.Close())
		cancel()
		b.served.Wait()
	})
}

func (b *bench) dial(context.Context) (port.Conn, error) {
	b.dials++
	near, far := net.Pipe()
	b.served.Go(func() { _ = b.dev.Serve(b.ctx, far) }) // ends with the link, as tests want
	if b.cut == nil {
		return tapped{near, b.tap}, nil
	}
	c := b.cut
	c.Conn, b.cut = near, nil
	return c, nil
}

// later lets the printer print whatever it holds, in virtual time.
func (b *bench) later() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

func (b *bench) paper() []string { return device.Lines(b.dev.Paper()) }

// tapped is a link that somebody listens to.
type tapped struct {
	net.Conn
	to *[]byte
}

func (c tapped) Write(p []byte) (int, error) {
	if c.to != nil {
		*c.to = append(*c.to, p...)
	}
	return c.Conn.Write(p)
}

// cut is the host's end of a link that fails after a count of bytes in one direction.
type cut struct {
	net.Conn
	out    bool // the direction that is counted: to the printer
	left   int  // bytes until it fails; negative: never
	failed bool
	passed [2]int // to the printer, to the host
}

var errCut = errors.New("the cable is cut")

func (c *cut) Write(p []byte) (int, error) {
	if c.failed {
		return 0, errCut
	}
	n := len(p)
	if c.out && c.left >= 0 {
		n = min(n, c.left)
	}
	sent, err := c.Conn.Write(p[:n])
	c.passed[0] += sent
	if c.out && c.left >= 0 {
		c.left -= sent
	}
	if err == nil && n < len(p) {
		c.failed = true
		return sent, errors.Join(errCut, c.Close())
	}
	return sent, err
}

func (c *cut) Read(p []byte) (int, error) {
	if c.failed {
		return 0, errCut
	}
	if !c.out && c.left == 0 {
		c.failed = true
		return 0, errors.Join(errCut, c.Close())
	}
	if !c.out && c.left > 0 {
		p = p[:min(len(p), c.left)]
	}
	n, err := c.Conn.Read(p)
	c.passed[1] += n
	if !c.out && c.left > 0 {
		c.left -= n
	}
	return n, err
}

// voucher is a slip with everything on it.
func voucher() drivers.Slip {
	return drivers.Slip{
		Lines: []drivers.SlipLine{
			{Text: "Магазин «Ёлка»", Bold: true, Large: true, Centre: true},
			{Text: "Сертификат № 7", Right: "500 ₽"},
			{Text: "Действует до 31 декабря — предъявите кассиру при покупке, сдача не выдаётся"},
			{},
			{Text: "Итого", Right: "500,00", Bold: true},
		},
		QR: "https://example.test/c/2700000000076",
	}
}

var voucherPaper = []string{
	`*2×2      Магазин "Ёлка"`,
	"Сертификат № 7                             500 р",
	"Действует до 31 декабря - предъявите кассиру при",
	"покупке, сдача не выдаётся",
	"",
	"*Итого                                     500,00",
	"",
	"[qr https://example.test/c/2700000000076]",
	"[partial cut]",
}

func failed(t require.TestingT, err error, fail drivers.Fail, o drivers.Outcome) *drivers.Error {
	var e *drivers.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, fail, e.Fail, e.Error())
	require.Equal(t, o, e.Outcome, e.Error())
	require.Equal(t, "counter", e.Device)
	require.NotEmpty(t, e.Op)
	require.NotEmpty(t, e.Hint.RU)
	require.NotEmpty(t, e.Hint.EN)
	return e
}

func long(lines int) drivers.Slip {
	var s drivers.Slip
	for i := range lines {
		s.Lines = append(s.Lines, drivers.SlipLine{Text: "Строка " + strings.Repeat("длинная ", 4), Right: string(rune('A' + i%26))})
	}
	return s
}

const lineTime = 40 * time.Millisecond
