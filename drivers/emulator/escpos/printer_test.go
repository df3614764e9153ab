package escpos_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	device "github.com/kopilka/kopilka/drivers/emulator/escpos"
)

// host is a cable with somebody at its end who writes bytes by hand and keeps what comes back.
type host struct {
	net.Conn
	mu  sync.Mutex
	got []byte
}

// bubble joins a host to a printer; bytes here are built by hand, so that the printer is not judged by the driver.
func bubble(t *testing.T, o device.Options, f func(p *device.Printer, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := device.New(o)
		near, far := net.Pipe()
		h := &host{Conn: near}
		var joined sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		joined.Go(func() { _ = p.Serve(ctx, far) }) // ends with the bubble
		joined.Go(h.listen)
		f(p, h)
		cancel()
		near.Close()
		joined.Wait()
	})
}

func (h *host) listen() {
	var b [64]byte
	for {
		n, err := h.Read(b[:])
		if err != nil {
			return
		}
		h.mu.Lock()
		h.got = append(h.got, b[:n]...)
		h.mu.Unlock()
	}
}

// send waits until nothing moves any more, then says what came back.
func (h *host) send(t *testing.T, s string) []byte {
	t.Helper()
	_, err := h.Write([]byte(s))
	require.NoError(t, err)
	synctest.Wait()
	return h.heard()
}

func (h *host) heard() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.got
	h.got = nil
	return got
}

const (
	status1 = "\x10\x04\x01"
	status2 = "\x10\x04\x02"
	status4 = "\x10\x04\x04"
	barrier = "\x1dr\x01"
)

func TestStatusIsAnsweredInsideAPicture(t *testing.T) {
	bubble(t, device.Options{}, func(p *device.Printer, h *host) {
		got := h.send(t, "\x1dv0\x00\x03\x00\x02\x00\xff"+status4)
		require.Equal(t, []byte{0x12}, got, "the picture is not whole, the answer is there")
		require.Empty(t, p.Paper())
		require.Empty(t, h.send(t, "\xff\xff\n"))
		require.Equal(t, []string{"[picture 24×2]", ""}, device.Lines(p.Paper()))
		bits := p.Paper()[0].Bitmap.Bits
		require.Equal(t, []byte{0xff, 0x10, 0x04, 0x04, 0xff, 0xff}, bits, "and the request is dots as well")
	})
}

func TestDrawerOpensFromInsideAPicture(t *testing.T) {
	bubble(t, device.Options{}, func(p *device.Printer, h *host) {
		h.send(t, "\x1dv0\x00\x05\x00\x01\x00\x10\x14\x01\x00\x02")
		require.Equal(t, []int{2}, p.Pulses())
	})
}

func TestBarrierWaitsForPaper(t *testing.T) {
	bubble(t, device.Options{LineTime: time.Second}, func(p *device.Printer, h *host) {
		require.Equal(t, []byte{0x12}, h.send(t, "one\ntwo\nthree\n"+barrier+status1), "real time overtakes")
		require.Equal(t, []string{"one"}, device.Lines(p.Paper()))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Empty(t, h.heard(), "the third line is being printed")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []byte{0x00}, h.heard())
		require.Equal(t, []string{"one", "two", "three"}, device.Lines(p.Paper()))
	})
}

func TestTroubleStopsAndMendGoesOn(t *testing.T) {
	tests := []struct {
		trouble device.Trouble
		one     byte // answers to 10h 04h 1, 2, 4
		two     byte
		four    byte
	}{
		{device.PaperOut, 0x1A, 0x32, 0x7E},
		{device.CoverOpen, 0x1A, 0x16, 0x12},
	}
	for _, tt := range tests {
		bubble(t, device.Options{}, func(p *device.Printer, h *host) {
			p.Arrange(tt.trouble, 2)
			require.Empty(t, h.send(t, "a\nb\nc\nd\n"+barrier))
			require.Equal(t, []string{"a", "b"}, device.Lines(p.Paper()))
			require.Equal(t, []byte{tt.one, tt.two, tt.four}, h.send(t, status1+status2+status4))
			p.Mend()
			synctest.Wait()
			require.Equal(t, []byte{0x00}, h.heard())
			require.Equal(t, []string{"a", "b", "c", "d"}, device.Lines(p.Paper()))
		})
	}
}

func TestCutterAndPower(t *testing.T) {
	bubble(t, device.Options{}, func(p *device.Printer, h *host) {
		p.Arrange(device.CutterJam, 0)
		require.Empty(t, h.send(t, "a\n\x1dVB\x00"+barrier))
		require.Equal(t, []byte{0x1A}, h.send(t, "\x10\x04\x03"), "bit 3 is the cutter")
		p.Mend()
		synctest.Wait()
		require.Equal(t, []string{"a", "[partial cut]"}, device.Lines(p.Paper()))
		require.Equal(t, []byte{0x00}, h.heard())
		p.Arrange(device.PowerCut, 1)
		h.send(t, "b\nc\n")
		require.Equal(t, "b", p.Paper()[2].Text)
		_, err := h.Write([]byte("d"))
		require.Error(t, err)
		p.Mend()
		require.Len(t, p.Paper(), 3, "memory is lost with the power")
	})
}

func TestBufferOverflows(t *testing.T) {
	big := "\x1dv0\x00\x48\x00\xff\x00" + string(bytes.Repeat([]byte{0xAA}, 72*255))
	bubble(t, device.Options{Drops: true, LineTime: 100 * time.Millisecond}, func(p *device.Printer, h *host) {
		h.send(t, "line\n"+big)
		require.Positive(t, p.Lost(), "the line was being printed while the picture came")
	})
	bubble(t, device.Options{LineTime: 100 * time.Millisecond}, func(p *device.Printer, h *host) {
		h.send(t, "line\n"+big)
		time.Sleep(time.Minute)
		require.Zero(t, p.Lost(), "with flow control it takes its time")
		require.Equal(t, []string{"line", "[picture 576×255]"}, device.Lines(p.Paper()))
	})
}

func TestTextOnPaper(t *testing.T) {
	tests := []struct {
		name, in string
		o        device.Options
		want     []string
	}{
		{"code pages", "\x1bt\x11\x8f\xe0\xa8\xa2\xa5\xe2\n\x1bt\x2e\xcf\xf0\xe8\xe2\xe5\xf2\n", device.Options{}, []string{"Привет", "Привет"}},
		{"switched on in Chinese mode", "\x1bt\x11\x8f\xe0\xa8\xa2\xa5\xe2\n\x1c.\x8f\xe0\n", device.Options{Chinese: true}, []string{"中中中", "Пр"}},
		{"an unknown page changes nothing", "\x1bt\x11\x1bt\x63\x8f\n", device.Options{}, []string{"П"}},
		{"a full line prints itself", "abcdef\n", device.Options{Columns: 4}, []string{"abcd", "ef"}},
		{"looks", "\x1bE\x01\x1d!\x11AB\n\x1bE\x00\x1d!\x00\x1ba\x01c\n\x1ba\x02d\n", device.Options{Columns: 9}, []string{"*2×2 AB", "    c", "        d"}},
		{"ESC ! and ESC @", "\x1b!\x38x\n\x1b@y\n", device.Options{}, []string{"*2×2 x", "y"}},
		{"feed and cuts", "x\x1bd\x02\x1dV\x00\x1dV\x01\x1bi", device.Options{}, []string{"x", "", "[cut]", "[partial cut]", "[partial cut]"}},
		{"code", "\x1d(k\x03\x00\x31\x43\x04\x1d(k\x03\x00\x31\x45\x31\x1d(k\x05\x00\x31\x50\x30hi\x1d(k\x03\x00\x31\x51\x30", device.Options{}, []string{"[qr hi]"}},
		{"a code that it does not know", "\x1d(k\x05\x00\x31\x50\x30hi\x1d(k\x03\x00\x31\x51\x30", device.Options{NoQR: true}, nil},
	}
	for _, tt := range tests {
		bubble(t, tt.o, func(p *device.Printer, h *host) {
			require.Empty(t, h.send(t, tt.in))
			if tt.want == nil {
				require.Empty(t, p.Paper(), tt.name)
				return
			}
			require.Equal(t, tt.want, device.Lines(p.Paper()), tt.name)
		})
	}
}

func TestQuestions(t *testing.T) {
	bubble(t, device.Options{Model: "TM-T20", StatusBack: true}, func(p *device.Printer, h *host) {
		require.Equal(t, "_TM-T20\x00", string(h.send(t, "\x1dI\x43")))
		require.Equal(t, "\x37\x220007\x00", string(h.send(t, "\x1d(H\x06\x00\x30\x300007")))
		p.Arrange(device.CoverOpen, 0)
		synctest.Wait()
		require.Equal(t, []byte{0x38, 0, 0, 0}, h.heard(), "automatic status, asked for by nobody")
		p.Mend()
		synctest.Wait()
		h.heard()
		h.send(t, "\x1da\x00")
		p.NearEnd(true)
		synctest.Wait()
		require.Empty(t, h.heard(), "it was switched off")
		require.Equal(t, []byte{0x03}, h.send(t, barrier))
	})
	bubble(t, device.Options{Mute: true}, func(_ *device.Printer, h *host) {
		require.Empty(t, h.send(t, status1+barrier))
	})
}
