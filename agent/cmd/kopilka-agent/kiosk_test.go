//go:build linux

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/installer"
)

func TestKioskCommandLine(t *testing.T) {
	k, err := kioskFlags([]string{"-page", "127.0.0.1:1", "-profile", "/p", "-browser", "/usr/bin/microsoft-edge", "--", "--headless"})
	require.NoError(t, err)
	args := k.arguments()
	require.Contains(t, args, "--user-data-dir=/p")
	require.Contains(t, args, "--edge-kiosk-type=fullscreen")
	require.Equal(t, []string{"--kiosk", "--headless", "http://127.0.0.1:1/"}, args[len(args)-3:])
	k.window = true
	require.Equal(t, "--app=http://127.0.0.1:1/", k.arguments()[len(k.arguments())-1])
	_, err = kioskFlags([]string{"now"})
	require.ErrorContains(t, err, "лишнее слово")
	var out bytes.Buffer
	require.NoError(t, kioskCommand.run(t.Context(), []string{"-print", "-browser", "/usr/bin/chromium", "-page", "127.0.0.1:1"}, &out))
	require.True(t, strings.HasPrefix(out.String(), `["/usr/bin/chromium" "--user-data-dir=`))
	err = kioskCommand.run(t.Context(), []string{"-browser", filepath.Join(t.TempDir(), "none"), "-profile", t.TempDir(), "-page", page(t, new(atomic.Int64))}, io.Discard)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestKioskEntryIsThePackagesOwn(t *testing.T) {
	b, err := installer.Files.ReadFile("linux/" + kioskEntry)
	require.NoError(t, err)
	require.Contains(t, string(b), "Exec="+installer.Program+" kiosk\n")
	entry, err := (&kiosk{window: true}).entry()
	require.NoError(t, err)
	require.Contains(t, string(entry), `kiosk -window`)
	require.NotContains(t, string(entry), "Exec="+installer.Program+"\n", "this test is not where packages put the program")
}

// What is said at the installation holds at every logon, not only in a command given by hand.
func TestKioskEntryKeepsWhatWasSaid(t *testing.T) {
	config := filepath.Join(t.TempDir(), "Касса 1.yaml")
	require.NoError(t, os.WriteFile(config, []byte("register: {type: none}\npage: 127.0.0.1:8766\n"), 0o600))
	said := []string{"-config", config, "-window", "-browser", "/opt/My browser/chrome", "-page", "127.0.0.1:9000", "-profile", "/srv/Мой профиль", "--", "--force-device-scale-factor=1.5"}
	k, err := kioskFlags(append([]string{"install"}, said...))
	require.NoError(t, err)
	again, err := kioskFlags(k.logon())
	require.NoError(t, err)
	again.verb = k.verb
	require.Equal(t, k, again)
	entry, err := k.entry()
	require.NoError(t, err)
	for _, word := range []string{`"127.0.0.1:9000"`, `"/srv/Мой профиль"`, `-- "--force-device-scale-factor=1.5"`} {
		require.Contains(t, string(entry), word)
	}
	k, err = kioskFlags([]string{"install", "-config", config})
	require.NoError(t, err)
	require.Equal(t, []string{"-config", config}, k.logon(), "the page is the config's of the day")
}

// A config that is named and is not there would have the browser wait for a page that nobody has.
func TestKioskOfAConfigThatIsNotThere(t *testing.T) {
	_, err := kioskFlags([]string{"install", "-config", filepath.Join(t.TempDir(), "mistyped.yaml")})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// page is a page that counts who opens it.
func page(t *testing.T, opened *atomic.Int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.Contains(q.UserAgent(), "Mozilla") && q.URL.Path == "/" {
			opened.Add(1)
		}
	})}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() { require.NoError(t, s.Close()); <-ended })
	return l.Addr().String()
}

func TestKioskComesBackAfterTheBrowserIsKilled(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("skipped: no chromium in PATH (make deps installs it)")
	}
	var opened atomic.Int64
	address, profile := page(t, &opened), t.TempDir()
	flags := []string{"-browser", browser, "-page", address, "-profile", profile, "--", "--headless", "--disable-gpu", "--disable-quic", "--disable-component-update"}
	if os.Geteuid() == 0 {
		flags = append(flags, "--no-sandbox")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- kioskCommand.run(ctx, flags, io.Discard) }()
	until(t, "the page is opened", func() bool { return opened.Load() == 1 })
	require.ErrorIs(t, kioskCommand.run(t.Context(), flags, io.Discard), errKioskTwice)

	pid := browserOf(t, profile)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	until(t, "it is opened again", func() bool { return opened.Load() == 2 })
	require.NotEqual(t, pid, browserOf(t, profile))
	cancel()
	require.NoError(t, <-ended)
	until(t, "no browser is left", func() bool { return len(browsersOf(t, profile)) == 0 })
}

func browserOf(t *testing.T, profile string) int {
	t.Helper()
	pids := browsersOf(t, profile)
	require.Len(t, pids, 1)
	return pids[0]
}

// browsersOf are the browsers' first processes that were started on a profile by this test: its own children.
func browsersOf(t *testing.T, profile string) (pids []int) {
	t.Helper()
	children, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range children {
		line, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(line, []byte("--user-data-dir="+profile)) || bytes.Contains(line, []byte("--type=")) {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		require.NoError(t, err)
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err == nil && !bytes.Contains(stat, []byte(") Z ")) {
			pids = append(pids, pid)
		}
	}
	return pids
}
