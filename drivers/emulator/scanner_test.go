package emulator_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator"
	"github.com/kopilka/kopilka/drivers/hidscanner/report"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestScannerOnAPseudoTerminal(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("pseudo terminals are Linux's here")
	}
	link := filepath.Join(t.TempDir(), "dev", "scanner")
	s, err := emulator.OpenScanner(link, emulator.ScannerOptions{AIM: true, Prefix: "~"})
	require.NoError(t, err)
	tty, err := os.OpenFile(link, os.O_RDWR, 0)
	require.NoError(t, err)
	gs := "0104601234567893215abcdef\x1d93dGVz"
	require.NoError(t, s.Type(t.Context(), sale.Code{Text: "4601234567893"}))
	require.NoError(t, s.Type(t.Context(), sale.Code{Text: gs}))
	want := "~]E04601234567893\r~]d2" + gs + "\r"
	got := make([]byte, len(want))
	_, err = io.ReadFull(tty, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "bytes arrive as typed: CR stays CR, GS stays")
	require.NoError(t, tty.Close())
	require.NoError(t, s.Close())
	_, err = os.Lstat(link)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestScannerLinkDoesNotEatAFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("pseudo terminals are Linux's here")
	}
	path := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	_, err := emulator.OpenScanner(path, emulator.ScannerOptions{})
	require.ErrorContains(t, err, "not a link")
	require.FileExists(t, path)
}

func TestScannerOverTCP(t *testing.T) {
	s, err := emulator.ListenScanner("127.0.0.1:0", emulator.ScannerOptions{Suffix: "\r\n"})
	require.NoError(t, err)
	require.ErrorIs(t, s.Type(t.Context(), sale.Code{Text: "1"}), emulator.ErrScanner, "nobody listens")
	require.ErrorIs(t, s.Type(t.Context(), sale.Code{Text: strings.Repeat("1", 513)}), emulator.ErrScanner)
	conn, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.Type(t.Context(), sale.Code{Text: "K-1"}) == nil }, time.Minute, time.Millisecond)
	got := make([]byte, 5)
	_, err = io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, "K-1\r\n", string(got))
	require.NoError(t, s.Close())
	require.NoError(t, conn.Close())
}

func TestRelayHoldsBytesWhileCut(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	r, err := emulator.NewRelay("127.0.0.1:0", ln.Addr().String())
	require.NoError(t, err)
	near, err := net.Dial("tcp", r.Addr())
	require.NoError(t, err)
	far, err := ln.Accept()
	require.NoError(t, err)
	echo := func(text string) {
		_, err := near.Write([]byte(text))
		require.NoError(t, err)
		got := make([]byte, len(text))
		_, err = io.ReadFull(far, got)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
	echo("whole")
	r.Cut(true)
	require.True(t, r.IsCut())
	_, err = near.Write([]byte("held"))
	require.NoError(t, err)
	require.NoError(t, far.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = far.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, far.SetReadDeadline(time.Time{}))
	r.Cut(false)
	got := make([]byte, 4)
	_, err = io.ReadFull(far, got)
	require.NoError(t, err)
	require.Equal(t, "held", string(got))
	require.NoError(t, r.Close())
	_, err = near.Read(got)
	require.Error(t, err)
	require.NoError(t, far.Close())
	_, err = (&net.Dialer{}).DialContext(context.Background(), "tcp", r.Addr())
	require.Error(t, err)
}

func TestScannerInHIDPOSMode(t *testing.T) {
	near, far := net.Pipe()
	s := emulator.WireScanner(far, emulator.ScannerOptions{AIM: true, Reports: &report.Usual})
	text := "0104600494000010215AbCdEfGh12X4\x1d91EE06\x1d92pu7IpfBPdY1wqFxLEXrQoPlh9vMmtNKbAh0CoDwA6Z0="
	typed := make(chan error, 1)
	go func() { typed <- s.Type(context.Background(), sale.Code{Text: text}) }()
	var got string
	for _, more := range []byte{1, 0} {
		b := make([]byte, 100)
		n, err := near.Read(b)
		require.NoError(t, err)
		require.Equal(t, 64, n, "a report is a write of its own")
		require.Equal(t, byte(2), b[0])
		require.Equal(t, "]d2", string(b[2:5]))
		require.Equal(t, more, b[63])
		got += string(b[5 : 5+b[1]])
	}
	require.Equal(t, text, got)
	require.NoError(t, <-typed)
	require.NoError(t, s.Close())
	_, err := near.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}
