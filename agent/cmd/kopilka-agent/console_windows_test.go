package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// What the program in the console is told: the file in which to say what became of it, and where its output goes.
const (
	said = "KOPILKA_CONSOLE_SAID"
	to   = "KOPILKA_CONSOLE_TO"
)

// TestLogonLeavesNoWindow starts this test's own program with a console of its own, as a logon does, and without.
func TestLogonLeavesNoWindow(t *testing.T) {
	if file := os.Getenv(said); file != "" {
		require.NoError(t, os.WriteFile(file, []byte(inConsole(t)), 0o600))
		return
	}
	for name, tt := range map[string]struct {
		flags uint32
		to    string
		want  string
	}{
		"at logon":           {windows.CREATE_NEW_CONSOLE, "CONOUT$", "1 before, 0 after, silent true"},
		"with output kept":   {windows.CREATE_NEW_CONSOLE, "", "1 before, 0 after, silent false"},
		"without any window": {windows.DETACHED_PROCESS, "", "0 before, 0 after, silent false"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "said")
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLogonLeavesNoWindow$")
			c.Env = append(os.Environ(), said+"="+file, to+"="+tt.to)
			c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: tt.flags, HideWindow: true}
			out, err := c.CombinedOutput()
			require.NoError(t, err, string(out))
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, tt.want, string(b))
		})
	}
}

// inConsole leaves the console, with its window for standard output where that is wanted.
func inConsole(t *testing.T) string {
	t.Helper()
	if name := os.Getenv(to); name != "" {
		window, err := os.OpenFile(name, os.O_RDWR, 0)
		require.NoError(t, err)
		os.Stdout = window
	}
	before := consoleShared()
	out := leaveConsole(os.Stdout)
	return fmt.Sprintf("%d before, %d after, silent %t", before, consoleShared(), out == io.Discard)
}

// consoleShared is how many programs have this one's console.
func consoleShared() uintptr {
	var ids [8]uint32
	n, _, _ := consoleProcesses.Call(uintptr(unsafe.Pointer(&ids[0])), uintptr(len(ids)))
	return n
}
