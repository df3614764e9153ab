//go:build linux

package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	"github.com/kopilka/kopilka/drivers/port"
)

// shelf is a machine with serial ports, into which registers in software can be plugged.
type shelf struct {
	t      *testing.T
	folder string
	mu     sync.Mutex
	ports  map[string]*plugged
}

// plugged is a register on a port.
type plugged struct {
	stop context.CancelFunc
	done chan struct{}
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{t: t, folder: t.TempDir(), ports: map[string]*plugged{}}
	t.Cleanup(func() {
		for name := range s.ports {
			s.unplug(name)
		}
	})
	return s
}

func (s *shelf) path(name string) string    { return filepath.Join(s.folder, name) }
func (s *shelf) address(name string) string { return "serial://" + s.path(name) + "?baud=115200" }

// register is a SHTRIH-M with a number.
func register(t *testing.T, serial uint32) world.Machine {
	t.Helper()
	m, err := world.ShtrihWorld("2").New(world.Options{Serial: serial, INN: "7707083893"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// plug puts a register on a port: a terminal under the port's name. Whenever the till hangs up the device is
// there for the next.
func (s *shelf) plug(name string, m world.Machine) {
	s.t.Helper()
	master, slave, err := pty.Open()
	require.NoError(s.t, err)
	require.NoError(s.t, os.Symlink(slave.Name(), s.path(name)))
	ctx, stop := context.WithCancel(context.Background())
	p := &plugged{stop: stop, done: make(chan struct{})}
	s.mu.Lock()
	s.ports[name] = p
	s.mu.Unlock()
	fd, err := unix.Dup(int(master.Fd()))
	require.NoError(s.t, err)
	require.NoError(s.t, unix.SetNonblock(fd, true))
	device := os.NewFile(uintptr(fd), master.Name())
	require.NoError(s.t, master.Close())
	go func() {
		defer close(p.done)
		_ = m.Serve(ctx, device) // ends when it is unplugged
		_ = slave.Close()        // kept open so that the device outlives the till's connections
	}()
}

func (s *shelf) unplug(name string) {
	s.t.Helper()
	require.NoError(s.t, os.Remove(s.path(name)))
	s.ports[name].stop()
	<-s.ports[name].done
	delete(s.ports, name)
}

// list is what port.List would say.
func (s *shelf) list(context.Context) (found []port.Found, err error) {
	entries, err := os.ReadDir(s.folder)
	for _, e := range entries {
		found = append(found, port.Found{Kind: port.KindSerial, Path: s.path(e.Name())})
	}
	return found, err
}

// opener is the till's way to a register that has a number.
func (s *shelf) opener(name, serial string, log io.Writer) (*registerPort, *time.Time) {
	now := time.Now()
	return &registerPort{
		config: agent.RegisterConfig{Serial: serial, DeviceConfig: agent.DeviceConfig{
			Name: "register", Type: "shtrih-m", Port: s.address(name), Settings: map[string]string{"protocol": "2"},
		}},
		log: slog.New(slog.NewTextHandler(log, nil)), list: s.list, now: func() time.Time { return now },
	}, &now
}

func serialOf(t *testing.T, r *registerPort) string {
	t.Helper()
	p, err := r.open(t.Context())
	require.NoError(t, err)
	id, err := p.Identify(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.Close())
	return id.Serial
}

func TestARegisterIsFoundOnAnotherPort(t *testing.T) {
	s := newShelf(t)
	ours, other := register(t, 4711), register(t, 815)
	s.plug("ttyUSB0", ours)
	var log bytes.Buffer
	r, now := s.opener("ttyUSB0", "0000004711", &log)
	require.Regexp(t, "^0*4711$", serialOf(t, r))
	require.Empty(t, r.moved())

	s.unplug("ttyUSB0")
	s.plug("ttyUSB1", other)
	s.plug("ttyUSB2", ours)
	require.Regexp(t, "^0*4711$", serialOf(t, r))
	require.Equal(t, s.address("ttyUSB2"), r.moved())
	require.Contains(t, log.String(), "the register answers on another port")

	s.unplug("ttyUSB2")
	s.plug("ttyUSB0", ours)
	_, err := r.open(t.Context())
	require.Equal(t, drivers.FailLink, drivers.FailOf(err), "it is too early to look again")
	*now = now.Add(walkEvery)
	require.Regexp(t, "^0*4711$", serialOf(t, r))
	require.Empty(t, r.moved(), "it is back where the config says")
}

func TestAnotherRegisterIsRefused(t *testing.T) {
	s := newShelf(t)
	s.plug("ttyUSB0", register(t, 815))
	r, _ := s.opener("ttyUSB0", "4711", io.Discard)
	_, err := r.open(t.Context())
	require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
	require.True(t, drivers.NotDone(err))
	require.Contains(t, drivers.HintOf(err).RU, "№ 4711")
	require.Contains(t, drivers.HintOf(err).EN, "815")

	r, _ = s.opener("ttyUSB0", "", io.Discard)
	require.Regexp(t, "^0*815$", serialOf(t, r), "without a number whatever is there will do")
}

func TestAMovedRegisterIsCaptured(t *testing.T) {
	s := newShelf(t)
	s.plug("ttyUSB1", register(t, 4711))
	r, _ := s.opener("ttyUSB0", "4711", io.Discard)
	file := filepath.Join(t.TempDir(), "capture")
	ring, err := capture.OpenRing(file, capture.SizeMin)
	require.NoError(t, err)
	p := &Program{config: agent.DefaultConfig(), ring: ring}
	r.recorder = p.recorder(r.config.DeviceConfig)
	require.Regexp(t, "^0*4711$", serialOf(t, r))
	require.NoError(t, ring.Close())
	entries, _, err := capture.Read(file)
	require.NoError(t, err)
	sessions := capture.Sessions(entries)
	require.Len(t, sessions, 2, "the port that is not there, and the one that is")
	calls, err := makers(nil).Replay(t.Context(), sessions[1])
	require.NoError(t, err)
	require.Equal(t, 2, calls)
}

func TestSerialNumbersAsPeopleCopyThem(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{{"0012", "12", true}, {" ab1", "AB1", true}, {"12", "13", false}, {"", "", false}, {"0", "00", false}} {
		require.Equal(t, tt.same, sameSerial(tt.a, tt.b), "%q %q", tt.a, tt.b)
	}
}
