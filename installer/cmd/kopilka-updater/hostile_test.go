//go:build linux

package main

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// What the agent wants may turn into a pipe or a link while the updater looks at it: nobody waits for its other end.
func TestWishThatTurnsIntoAPipe(t *testing.T) {
	l := slots.Layout{Data: t.TempDir()}
	at := filepath.Join(l.Data, update.Folder)
	require.NoError(t, os.Mkdir(at, 0o755))
	wish, pipe := filepath.Join(at, update.WantedFile), filepath.Join(at, "pipe")
	require.NoError(t, os.WriteFile(wish, []byte(`{"version":"1.3.0"}`), 0o600))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	done := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, wish, unix.AT_FDCWD, pipe, unix.RENAME_EXCHANGE) // an older kernel cannot
			}
		}
	})
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for range 5000 {
			_, _ = asked(filepath.Join(l.Data, update.Folder)) // either is an answer
		}
	}()
	select {
	case <-looked:
	case <-time.After(time.Minute):
		t.Error("the updater waits for the agent's pipe")
	}
	close(done)
	swapping.Wait()

	require.NoError(t, os.Remove(wish))
	require.NoError(t, os.Symlink("/proc/self/environ", wish))
	_, err := asked(filepath.Join(l.Data, update.Folder))
	require.Error(t, err, "a link out of the folder")
}

// A shop may keep its ledger on another disk; what is no whole path is nobody's folder.
func TestUpdatesAreLookedForWhereTheTillKeepsItsData(t *testing.T) {
	l := slots.Layout{Data: filepath.Join(t.TempDir(), "usual")}
	other := filepath.Join(t.TempDir(), "Данные кассы")
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.Equal(t, filepath.Join(l.Data, update.Folder), folderOf(file, l), "no config")
	for text, want := range map[string]string{
		"data: '" + other + "'\n": other, "page: 127.0.0.1:1\n": l.Data, "data: ledger\n": l.Data, "data:\n": l.Data, "data: [": l.Data, "data: [a]\n": l.Data,
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		require.Equal(t, filepath.Join(want, update.Folder), folderOf(file, l), text)
	}
}
