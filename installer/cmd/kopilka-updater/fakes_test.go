//go:build !windows

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// nature is what a till program of these tests is like. It is written behind the bytes of the program, so that each
// version is a file of its own that can be copied, hashed and started.
type nature struct {
	Version  string
	Ledger   update.Ledger
	Crash    bool // soon after the start
	Mute     bool // accepts, and never answers
	NoCash   bool // its register is gone
	NoOffice bool
	Busy     bool // somebody is always at the till
}

// write makes a till program of this nature.
func (n nature) write(t *testing.T, path string) {
	t.Helper()
	if n.Ledger == (update.Ledger{}) {
		n.Ledger = update.Ledger{Writes: 1, Reads: 1}
	}
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	raw, err := json.Marshal(n)
	require.NoError(t, err)
	program = binary.BigEndian.AppendUint32(append(program, raw...), uint32(len(raw)))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	syscall.ForkLock.RLock() // a child that is born now would hold the file open for writing, and nobody could start it
	defer syscall.ForkLock.RUnlock()
	require.NoError(t, os.WriteFile(path, program, 0o755))
}

func ownNature() (n nature, err error) {
	self, err := os.Executable()
	if err != nil {
		return n, err
	}
	raw, err := os.ReadFile(self)
	if err != nil {
		return n, err
	}
	size := int(binary.BigEndian.Uint32(raw[len(raw)-4:]))
	return n, json.Unmarshal(raw[len(raw)-4-size:len(raw)-4], &n)
}

// beTill is the till program: it says its version, or runs and answers as its nature is.
func beTill(args []string) error {
	n, err := ownNature()
	if err != nil {
		return err
	}
	if len(args) > 0 && args[0] == "version" {
		return json.NewEncoder(os.Stdout).Encode(update.Program{Name: slots.Agent, Version: n.Version, OS: runtime.GOOS, Arch: runtime.GOARCH, Ledger: n.Ledger})
	}
	if n.Crash {
		return errors.New("it crashes")
	}
	p, err := pageOf(args[0])
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		if n.Mute {
			<-r.Context().Done()
		}
		h := update.Health{Version: n.Version, Ledger: true, Register: !n.NoCash, HeadOffice: !n.NoOffice, Scanners: map[string]bool{"counter": true}}
		_ = json.NewEncoder(w).Encode(h) // whoever asked is gone
	})
	mux.HandleFunc("POST /hold", func(w http.ResponseWriter, _ *http.Request) {
		if n.Busy {
			w.WriteHeader(http.StatusConflict)
		}
	})
	return http.ListenAndServe(p.address, mux)
}

// shop is a folder that stands for a machine, with a service manager that lives in the test.
type shop struct {
	t       *testing.T
	at      string
	layout  slots.Layout
	address string

	mu       sync.Mutex
	process  *exec.Cmd
	gone     chan struct{} // closed when the process is
	wanted   bool          // the service is to run
	restarts int
}

func layoutAt(at string) slots.Layout {
	return slots.Layout{Programs: filepath.Join(at, "programs"), State: filepath.Join(at, "state"), Data: filepath.Join(at, "data")}
}

// openShop has a till of this nature running, from a package.
func openShop(t *testing.T, packaged nature) *shop {
	s := &shop{t: t, at: t.TempDir()}
	s.layout = layoutAt(s.at)
	for _, folder := range []string{s.layout.Programs, s.layout.State, filepath.Join(s.layout.Data, update.Folder)} {
		require.NoError(t, os.MkdirAll(folder, 0o755))
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.address = port.Addr().String()
	require.NoError(t, port.Close())
	require.NoError(t, os.WriteFile(filepath.Join(s.at, "config.yaml"), []byte("page: "+s.address+"\nregister:\n  type: none\n"), 0o600))
	socket, err := net.Listen("unix", filepath.Join(s.at, "manager"))
	require.NoError(t, err)
	server := &http.Server{Handler: s.manager(), ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(socket) }() // until it is closed
	t.Cleanup(func() {
		s.stop()
		require.NoError(t, server.Close())
		<-done
	})
	packaged.write(t, s.layout.Program(slots.Packaged))
	out, err := s.updater("adopt").CombinedOutput()
	require.NoError(t, err, "%s", out)
	s.start()
	require.Eventually(t, func() bool { return s.version() == packaged.Version }, time.Minute, 10*time.Millisecond)
	return s
}

func (s *shop) manager() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /start", func(http.ResponseWriter, *http.Request) { s.start() })
	mux.HandleFunc("POST /stop", func(http.ResponseWriter, *http.Request) { s.stop() })
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(installer.Status{Installed: true, Running: s.wanted, Restarts: s.restarts})
	})
	return mux
}

func (s *shop) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		s.wanted, s.restarts = true, 0
		s.launch()
	}
}

// launch starts what is current, as systemd does, and again when it ends by itself.
func (s *shop) launch() {
	c := exec.Command(filepath.Join(s.layout.Programs, slots.Current, slots.Agent), filepath.Join(s.at, "config.yaml"))
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	gone := make(chan struct{})
	if err := c.Start(); err != nil {
		s.t.Errorf("there must always be a program that starts: %v", err)
		return
	}
	s.process, s.gone = c, gone
	go func() {
		_ = c.Wait() // how it ended is its nature
		s.mu.Lock()
		defer s.mu.Unlock()
		close(gone)
		s.process = nil
		if s.wanted {
			s.restarts++
			s.launch()
		}
	}()
}

func (s *shop) stop() {
	s.mu.Lock()
	s.wanted = false
	process, gone := s.process, s.gone
	s.mu.Unlock()
	if process != nil {
		_ = process.Process.Kill() // it may be gone
		<-gone
	}
}

// version is what answers at the till's address.
func (s *shop) version() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	h, err := page{s.address}.health(ctx)
	if err != nil {
		return ""
	}
	return h.Version
}

// offer puts a new version where the agent would.
func (s *shop) offer(n nature, step update.Step) {
	s.t.Helper()
	n.write(s.t, filepath.Join(s.layout.Data, update.Folder, "new"))
	if n.Ledger == (update.Ledger{}) {
		n.Ledger = update.Ledger{Writes: 1, Reads: 1}
	}
	raw, err := json.Marshal(update.Wanted{
		Program: update.Program{Name: slots.Agent, Version: n.Version, OS: runtime.GOOS, Arch: runtime.GOARCH, Ledger: n.Ledger},
		Step:    step, File: "new",
	})
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(filepath.Join(s.layout.Data, update.Folder, update.WantedFile), raw, 0o600))
}

// updater is a real process of the updater on this shop's machine.
func (s *shop) updater(args ...string) *exec.Cmd {
	self, err := os.Executable()
	require.NoError(s.t, err)
	c := exec.CommandContext(s.t.Context(), self, args...)
	c.Env = append(os.Environ(), boxEnv+"="+s.at)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

// cutEnv has the updater kill itself at that change of the disk.
const cutEnv = "KOPILKA_TEST_CUT"

// signedEnv has the updater verify, as the real one does; else it takes what lies there.
const signedEnv = "KOPILKA_TEST_SIGNED"

// boxAt is the updater's own wiring but for the world: the manager of the test and a short patience.
func boxAt(at string) box {
	l := layoutAt(at)
	disk := dying(slots.OS())
	s := slots.Open(l, disk, slots.Link{Layout: l, Disk: disk})
	return box{layout: l, slots: s, updater: &updater{
		slots: s, service: client{filepath.Join(at, "manager")}, about: about, log: journal(),
		till:  func() (till, error) { return pageOf(filepath.Join(at, "config.yaml")) },
		asked: func() (string, error) { return asked(filepath.Join(l.Data, update.Folder)) },
		verify: func(running string, now time.Time) (candidate, error) {
			if os.Getenv(signedEnv) != "" {
				return verified(l, filepath.Join(l.Data, update.Folder), running, now)
			}
			raw, err := os.ReadFile(filepath.Join(l.Data, update.Folder, update.WantedFile))
			if err != nil {
				return candidate{}, err
			}
			var c candidate
			c.path = filepath.Join(l.State, verifiedFile)
			err = errors.Join(json.Unmarshal(raw, &c.Wanted), copyFile(c.path, filepath.Join(l.Data, update.Folder, c.File)))
			c.SHA256, err = sumOf(c.path, err)
			return c, err
		},
		pace: pace{
			poll: 20 * time.Millisecond, healthyFor: 300 * time.Millisecond, trialMax: 4 * time.Second, startMax: 2 * time.Second,
			holdEvery: 20 * time.Millisecond, holdMax: 300 * time.Millisecond, busyMax: 300 * time.Millisecond, laterAfter: time.Nanosecond,
		},
	}}
}

// dying kills this very process before a change, where the test says so.
func dying(d slots.Disk) slots.Disk {
	at, err := strconv.Atoi(os.Getenv(cutEnv))
	if err != nil {
		return d // nobody asked for it
	}
	calls := 0
	step := func() {
		if calls++; calls == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // there is nobody left to tell
			select {}
		}
	}
	dies := d
	dies.Write = func(path string, mode fs.FileMode, from io.Reader) error {
		step()
		return d.Write(path, mode, from)
	}
	dies.Flush = func(path string) error { step(); return d.Flush(path) }
	dies.Rename = func(from, to string) error { step(); return d.Rename(from, to) }
	dies.Remove = func(path string) error { step(); return d.Remove(path) }
	dies.Folder = func(path string, mode fs.FileMode) error { step(); return d.Folder(path, mode) }
	dies.Link = func(to, path string) error { step(); return d.Link(to, path) }
	return dies
}

func copyFile(to, from string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}

// client asks the service manager that lives in the test.
type client struct{ socket string }

func (c client) ask(ctx context.Context, method, path string, into any) error {
	h := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", c.socket)
	}}}
	r, err := http.NewRequestWithContext(ctx, method, "http://manager"+path, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := h.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	var all bytes.Buffer
	if _, err := all.ReadFrom(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("manager: status %d", answer.StatusCode))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(all.Bytes(), into)
}

func (c client) Start(ctx context.Context) error { return c.ask(ctx, http.MethodPost, "/start", nil) }

func (c client) Stop(ctx context.Context) error { return c.ask(ctx, http.MethodPost, "/stop", nil) }

func (c client) Status(ctx context.Context) (st installer.Status, err error) {
	return st, c.ask(ctx, http.MethodGet, "/status", &st)
}
