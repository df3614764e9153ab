package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/installer"
)

// TestMain: the test's own program is the service that it installs. As the service it goes through the
// same hook as the till program.
func TestMain(m *testing.M) {
	if !slices.Contains(os.Args, installer.Marker) {
		os.Exit(m.Run())
	}
	handled, err := asService(func(ctx context.Context) error {
		_, writeErr := os.Stderr.WriteString("the log is open\n")
		<-ctx.Done()
		return writeErr
	})
	if !handled || err != nil {
		os.Exit(1)
	}
}

func TestServiceRunsUnderTheManager(t *testing.T) {
	service := installer.Service{}
	st, err := service.Status(t.Context())
	require.NoError(t, err)
	if st.Installed {
		t.Skip("this machine has the real service: the test leaves it alone")
	}
	log := filepath.Join(filepath.Dir(agent.DefaultConfigPath), logName)
	do := func(verb string) string {
		var out bytes.Buffer
		require.NoError(t, serviceCommand.run(t.Context(), []string{verb, "-lang", "en"}, &out), verb)
		return out.String()
	}
	require.Contains(t, do("install"), "starts with the machine")
	t.Cleanup(func() {
		require.Contains(t, do("uninstall"), "removed")
		require.FileExists(t, log)
		require.NoError(t, os.Remove(log))
		require.NoError(t, os.Remove(filepath.Join(agent.DefaultConfig().Data, tokenFile)))
	})
	require.FileExists(t, filepath.Join(agent.DefaultConfig().Data, tokenFile), "the helper needs it before the first start")
	require.Contains(t, do("start"), "The service runs")
	require.Contains(t, do("status"), "The service runs")
	require.Contains(t, do("stop"), "The service is stopped")
	b, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(b), "the log is open")
	require.Contains(t, do("start"), "The service runs", "again")
	do("stop")
}

// conversation drives a handler as the service manager does.
type conversation struct {
	t        *testing.T
	requests chan svc.ChangeRequest
	states   chan svc.Status
	ended    chan uint32
}

func converse(t *testing.T, run func(ctx context.Context) error) (*conversation, *handler) {
	c := &conversation{t: t, requests: make(chan svc.ChangeRequest), states: make(chan svc.Status), ended: make(chan uint32, 1)}
	h := &handler{run: run, slept: newWakes()}
	go func() {
		_, code := h.Execute(nil, c.requests, c.states)
		c.ended <- code
	}()
	return c, h
}

func (c *conversation) state() svc.Status {
	select {
	case s := <-c.states:
		return s
	case <-time.After(4 * stopBeat):
		c.t.Fatal("no word from the handler")
		return svc.Status{}
	}
}

// A till program that was taken over may have written the config that the next upgrade of the package reads, as SYSTEM.
func TestServiceIsNotGivenWhatTheConfigAsksFor(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	write := func(data string) {
		file, err := agent.NewConfig(data)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(config, file, 0o600))
	}
	for _, data := range []string{`C:\ProgramData\Kopilka-Updater`, `C:\Windows`, `C:\`} {
		write(data)
		require.ErrorContains(t, shareWithSession(serviceOptions{config: config}), "it cannot be the data folder", data)
		require.NoFileExists(t, filepath.Join(data, tokenFile))
	}
	data := filepath.Join(t.TempDir(), "data")
	write(data)
	require.NoError(t, shareWithSession(serviceOptions{config: config}))
	require.FileExists(t, filepath.Join(data, tokenFile))
}

func TestServiceHandlerSeesAReceiptThrough(t *testing.T) {
	for _, how := range []svc.Cmd{svc.Stop, svc.Shutdown, svc.PreShutdown} {
		seesAReceiptThrough(t, how)
	}
}

func seesAReceiptThrough(t *testing.T, how svc.Cmd) {
	printed := make(chan struct{})
	c, h := converse(t, func(ctx context.Context) error {
		<-ctx.Done()
		<-printed // a receipt is on its way
		return nil
	})
	require.Equal(t, svc.StartPending, c.state().State)
	running := c.state()
	require.Equal(t, svc.Running, running.State)
	require.Equal(t, svc.AcceptStop|svc.AcceptShutdown|svc.AcceptPreShutdown|svc.AcceptPowerEvent, running.Accepts)
	c.requests <- svc.ChangeRequest{Cmd: svc.Interrogate}
	require.Equal(t, svc.Running, c.state().State)
	c.requests <- svc.ChangeRequest{Cmd: how}
	first := c.state()
	require.Equal(t, svc.StopPending, first.State)
	require.Greater(t, first.WaitHint, uint32(stopBeat.Milliseconds()), "the next word must come before the manager's patience ends")
	require.Greater(t, c.state().CheckPoint, first.CheckPoint, "the manager hears that stopping goes on")
	close(printed)
	require.Zero(t, <-c.ended)
	require.NoError(t, h.err)
}

func TestServiceHandlerTellsOfSleep(t *testing.T) {
	woken := make(chan struct{}, 4)
	c, _ := converse(t, func(ctx context.Context) error {
		wakesOf(ctx).each(ctx, func() { woken <- struct{}{} })
		return nil
	})
	require.Equal(t, svc.StartPending, c.state().State)
	require.Equal(t, svc.Running, c.state().State)
	const byPerson = 0x07 // comes after powerResumed where somebody sits there
	for _, kind := range []uint32{powerSuspend, powerResumed, byPerson} {
		c.requests <- svc.ChangeRequest{Cmd: svc.PowerEvent, EventType: kind}
		require.Equal(t, svc.Running, c.state().State)
	}
	<-woken
	c.requests <- svc.ChangeRequest{Cmd: svc.Stop}
	require.Equal(t, svc.StopPending, c.state().State)
	require.Zero(t, <-c.ended)
	require.Empty(t, woken, "one sleep, one word")
}

func TestServiceHandlerReportsFailures(t *testing.T) {
	broken := errors.New("the ledger is damaged")
	c, h := converse(t, func(context.Context) error { return broken })
	require.Equal(t, svc.StartPending, c.state().State, "it is never said to run")
	require.Equal(t, uint32(exitError), <-c.ended)
	require.ErrorIs(t, h.err, broken)

	c, _ = converse(t, func(context.Context) error { return nil })
	require.Equal(t, svc.StartPending, c.state().State)
	require.Equal(t, uint32(exitEarly), <-c.ended, "Windows must start it again")
}

func TestServiceLogTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), logName)
	f, err := openLog(path)
	require.NoError(t, err)
	line := []byte(strings.Repeat("x", 1<<20))
	for range logBytesMax>>20 + 2 {
		n, err := f.Write(line)
		require.NoError(t, err)
		require.Len(t, line, n)
	}
	require.NoError(t, f.Close())
	now, err := os.Stat(path)
	require.NoError(t, err)
	old, err := os.Stat(path + logOld)
	require.NoError(t, err)
	require.Equal(t, int64(logBytesMax), old.Size())
	require.Equal(t, int64(2<<20), now.Size())
}

// An antivirus may hold a log open, and lets it be neither renamed nor removed. What is on the disk stays bounded.
func TestServiceLogTurnsWhileItIsHeld(t *testing.T) {
	for name, held := range map[string]string{"the log": "", "the old one": logOld} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "Журнал кассы "+logName)
			require.NoError(t, os.WriteFile(path+held, []byte("before\n"), 0o600))
			n, err := windows.UTF16PtrFromString(path + held)
			require.NoError(t, err)
			h, err := windows.CreateFile(n, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING, 0, 0)
			require.NoError(t, err)
			f, err := openLog(path)
			require.NoError(t, err)
			line := []byte(strings.Repeat("x", 1<<20))
			for range 3 * logBytesMax >> 20 {
				n, err := f.Write(line)
				require.NoError(t, err)
				require.Len(t, line, n)
			}
			_, err = f.Write([]byte("the newest line"))
			require.NoError(t, err)
			require.NoError(t, errors.Join(f.Close(), windows.CloseHandle(h)))
			now, err := os.ReadFile(path)
			require.NoError(t, err)
			require.LessOrEqual(t, len(now), logBytesMax)
			require.True(t, strings.HasSuffix(string(now), "the newest line"))
			if old, err := os.Stat(path + logOld); err == nil {
				require.LessOrEqual(t, old.Size(), int64(logBytesMax))
			}
		})
	}
}
