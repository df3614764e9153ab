//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// The agent's account owns the data folder. These tests are a till program that was taken over and waits there for the
// commands of an administrator.

func TestRootGivesAwayNothingOutsideTheDataFolder(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away: run this test as root")
	}
	const stranger = 65534
	data, outside := t.TempDir(), t.TempDir()
	victim := filepath.Join(outside, "f0500")
	require.NoError(t, os.WriteFile(victim, nil, 0o600))
	folder, link := filepath.Join(data, "a"), filepath.Join(data, "b")
	require.NoError(t, os.Mkdir(folder, 0o755))
	for i := range 1000 {
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("f%04d", i)), nil, 0o600))
	}
	require.NoError(t, os.Symlink(outside, link))
	done := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, folder, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE) // an older kernel cannot
			}
		}
	})
	for range 30 {
		_ = give(data, stranger, stranger) // what is swapped away meanwhile may fail
	}
	close(done)
	swapping.Wait()
	info, err := os.Lstat(victim)
	require.NoError(t, err)
	require.Zero(t, info.Sys().(*syscall.Stat_t).Uid, "a file of the system's was given to the service")

	require.NoError(t, give(data, stranger, stranger))
	info, err = os.Lstat(data)
	require.NoError(t, err)
	require.Equal(t, uint32(stranger), info.Sys().(*syscall.Stat_t).Uid)
}

func TestRootWritesThroughNoLinkOfTheAgents(t *testing.T) {
	o := newOffering(t)
	folder := filepath.Join(o.config.Data, update.Folder)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	victim := filepath.Join(t.TempDir(), "shadow")
	require.NoError(t, os.WriteFile(victim, []byte("root:x"), 0o600))
	require.NoError(t, os.Symlink(victim, filepath.Join(folder, checkNowFile)))
	o.says("check", "en")
	b, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "root:x", string(b))

	require.NoError(t, os.RemoveAll(folder))
	away := t.TempDir()
	require.NoError(t, os.Symlink(away, folder))
	require.Error(t, updatesCommand.run(t.Context(), []string{"check", "-config", o.path}, &bytes.Buffer{}))
	require.NoFileExists(t, filepath.Join(away, checkNowFile))
}

// An identity that the agent put in its folder is not what root believes from then on, whichever command is given.
func TestAgentDoesNotChooseWhoMakesPrograms(t *testing.T) {
	o, thief := newOffering(t), newOffering(t)
	l := slots.Layout{State: t.TempDir(), Data: o.config.Data}
	file := filepath.Join(l.State, slots.TrustFile)
	u := updatesTold{Config: o.config, lang: "en", out: &bytes.Buffer{}, layout: l}
	believed := func() []byte {
		trust, err := update.LoadTrust(file)
		require.NoError(t, err)
		return trust.OrgRoot
	}
	require.NoError(t, believe(l, o.config.Data, &o.id, &bytes.Buffer{}))
	require.Equal(t, []byte(o.id.Root), believed())

	thief.id.URL = o.id.URL
	require.NoError(t, thief.id.Save(filepath.Join(o.config.Data, identityFile)))
	var said bytes.Buffer
	require.NoError(t, believe(l, o.config.Data, nil, &said), "the till sells")
	require.Contains(t, said.String(), "call support")
	require.Equal(t, []byte(o.id.Root), believed(), "enroll, given again")
	require.ErrorIs(t, u.trust(false), errOtherTrust)
	require.Equal(t, []byte(o.id.Root), believed())
	require.NoError(t, u.trust(true))
	require.Equal(t, []byte(thief.id.Root), believed(), "a person says so")
	require.NoError(t, believe(l, o.config.Data, &o.id, &bytes.Buffer{}))
	require.Equal(t, []byte(o.id.Root), believed(), "head office has answered a new enrolment")
}
