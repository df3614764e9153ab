//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
)

// sessionBus is a bus of its own, as a desktop session has one.
func sessionBus(t *testing.T) (address string) {
	t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skipf("dbus-daemon is not on this machine: %v", err)
	}
	bus := exec.Command(program, "--session", "--nofork", "--print-address")
	out, err := bus.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, bus.Start())
	t.Cleanup(func() {
		require.NoError(t, bus.Process.Kill())
		require.Error(t, bus.Wait(), "it was killed")
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// popUp is one call of the desktop's notification service.
type popUp struct {
	app, icon, title, text string
	urgency                byte
}

// notifications is what a desktop answers notices with.
type notifications struct{ shown chan popUp }

// Notify has the signature of the desktop notifications specification.
func (n *notifications) Notify(app string, _ uint32, icon, title, text string, _ []string, hints map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	urgency, ok := hints["urgency"].Value().(byte)
	if !ok {
		urgency = 255
	}
	n.shown <- popUp{app, icon, title, text, urgency}
	return 1, nil
}

func (n *notifications) GetCapabilities() ([]string, *dbus.Error) { return []string{"body"}, nil }

func desktop(t *testing.T, address string) *notifications {
	t.Helper()
	conn, err := dbus.Connect(address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	n := &notifications{shown: make(chan popUp, 8)}
	require.NoError(t, conn.Export(n, "/org/freedesktop/Notifications", "org.freedesktop.Notifications"))
	reply, err := conn.RequestName("org.freedesktop.Notifications", dbus.NameFlagDoNotQueue)
	require.NoError(t, err)
	require.Equal(t, dbus.RequestNameReplyPrimaryOwner, reply)
	return n
}

// The whole way: the daemon's page, the helper's command, a real bus, a desktop.
func TestNoticeReachesTheDesktop(t *testing.T) {
	address := sessionBus(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	screen := desktop(t, address)
	board := &noticeBoard{views: make(chan agent.View)}
	page, token, _ := daemonPage(t, "127.0.0.1:0", board)

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	var out bytes.Buffer
	go func() { ended <- notifyCommand.run(ctx, []string{"-page", page, "-token", token}, &out) }()
	next := func() popUp {
		select {
		case p := <-screen.shown:
			return p
		case err := <-ended:
			t.Fatalf("the helper ended: %v", err)
		case <-time.After(time.Minute):
			t.Fatal("nothing reached the desktop")
		}
		return popUp{}
	}
	board.post(notice(1, "warning", "Бумага кончается", "Paper is running out"))
	require.Equal(t, popUp{"Kopilka", "", "Касса: внимание", "Бумага кончается", 1}, next())

	require.ErrorIs(t, notifyCommand.run(t.Context(), nil, &bytes.Buffer{}), errTwice, "one helper per session, or everything shows twice")

	board.post(notice(2, "error", "Крышка открыта", "The cover is open"))
	require.Equal(t, popUp{"Kopilka", "", "Касса: ошибка", "Крышка открыта", 2}, next(), "errors stay on the screen")
	cancel()
	require.NoError(t, <-ended)
	require.Empty(t, out.String())
}

func TestWithoutADesktopItSaysSo(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	err := notifyCommand.run(t.Context(), nil, &bytes.Buffer{})
	require.ErrorIs(t, err, errNoDesktop)
	require.ErrorContains(t, err, "in the cashier's session")
	require.ErrorContains(t, err, "в сеансе кассира")
}
