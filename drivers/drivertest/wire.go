package drivertest

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka/drivers/port"
)

// bitsPerByte on a serial line: a start bit, eight of data, a stop bit.
const bitsPerByte = 10

// Wire is a serial line in memory: bytes take the time that they take at its speed, one direction not waiting
// for the other. Inside a bubble of testing/synctest that time is virtual, so that what a driver adds to the
// bytes' own time can be measured without a clock that jitters.
type Wire struct {
	Baud int // bits a second; zero: bytes take no time
	// Serve is the device at the far end of each line that is dialled; it returns when the line ends.
	Serve func(ctx context.Context, conn io.ReadWriteCloser) error

	toDevice, toHost atomic.Int64
	served           sync.WaitGroup
}

// Dial is the host's end of a new line.
func (w *Wire) Dial(ctx context.Context) (port.Conn, error) {
	near, far := net.Pipe()
	w.served.Go(func() {
		_ = w.Serve(context.WithoutCancel(ctx), &slow{Conn: far, wire: w, count: &w.toHost}) // ends with the line, as a device does
	})
	return &slow{Conn: near, wire: w, count: &w.toDevice}, nil
}

// Wait returns when every device has noticed that its line has ended.
func (w *Wire) Wait() { w.served.Wait() }

// Moved is how many bytes went to the device and to the host since the wire was made.
func (w *Wire) Moved() (toDevice, toHost int64) { return w.toDevice.Load(), w.toHost.Load() }

// Own is the time that so many bytes need on the line by themselves.
func (w *Wire) Own(bytes int64) time.Duration {
	if w.Baud == 0 {
		return 0
	}
	return time.Duration(bytes) * bitsPerByte * time.Second / time.Duration(w.Baud)
}

// slow delivers what is written after the time that the bytes take.
type slow struct {
	net.Conn
	wire  *Wire
	count *atomic.Int64
}

func (s *slow) Write(p []byte) (int, error) {
	if d := s.wire.Own(int64(len(p))); d > 0 {
		<-time.After(d)
	}
	s.count.Add(int64(len(p))) // before the far end can see them, so that who has heard an answer finds it counted
	return s.Conn.Write(p)
}
