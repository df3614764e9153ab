//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Whoever may not write the config hears so before the ports are searched, which takes minutes.
func TestSetupAsksForRightsFirst(t *testing.T) {
	f, err := os.Open(ill(t, ""))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	s := newSetup(io.Discard)
	s.path = fmt.Sprintf("/proc/self/fd/%d", f.Fd()) // a folder where nobody, not even root, makes a file
	s.search = func(context.Context, agent.Config) ([]all.Hit, error) {
		require.Fail(t, "the ports were searched")
		return nil, nil
	}
	err = s.run(t.Context())
	require.ErrorIs(t, err, installer.ErrRights)
	require.ErrorContains(t, err, "sudo")
}

func TestWhoIsNoAdministratorIsToldSo(t *testing.T) {
	closed := fmt.Errorf("open the ledger: %w", fs.ErrPermission)
	for _, word := range []string{"ledger", "updates", "capture", "doctor"} {
		err := withRights(word, closed)
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, "run it as root (sudo)", word)
		require.ErrorContains(t, err, "sudo, в Windows", word)
	}
	for _, word := range []string{"run", "kiosk", "notify"} {
		require.Equal(t, closed, withRights(word, closed), "more rights are no help there")
	}
	said := fmt.Errorf("%w: the folder is closed to you: run as an administrator (sudo)", fs.ErrPermission)
	require.Equal(t, said, withRights("purge", said), "once is enough")
	other := errors.New("damaged")
	require.Equal(t, other, withRights("ledger", other))
	require.NoError(t, withRights("ledger", nil))
}

// The ledger of a running till is closed to every verb, and each says how to get at it, in both languages.
func TestTheLedgerOfARunningTill(t *testing.T) {
	config, data := purgeable(t, true)
	l := openLedger(t, data)
	for _, verb := range []string{"verify", "export", "compact"} {
		err := ledgerCommand.run(t.Context(), []string{verb, "-config", config}, &bytes.Buffer{})
		require.ErrorContains(t, err, "stop the service first", verb)
		require.ErrorContains(t, err, "сначала остановите службу", verb)
	}
	require.NoError(t, l.Close())
	require.ErrorContains(t, ledgerCommand.run(t.Context(), []string{"verfiy", "-config", filepath.Join(data, "none")}, &bytes.Buffer{}), "verfiy")
	var out bytes.Buffer
	require.NoError(t, ledgerCommand.run(t.Context(), []string{"compact", "-config", config}, &out))
	require.NotEmpty(t, out.String(), "what was done is said")

	b, err := os.ReadFile(config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(config, append(b, "language: en\n"...), 0o600))
	l = openLedger(t, data)
	var id sale.ID
	require.NoError(t, l.Walk(true, func(r *sale.Record, _ sale.Entry) bool { id = r.ID; return false }))
	require.NoError(t, l.Close())
	for flag, word := range map[string]string{"": " epoch ", "-lang=ru": " эпоха "} {
		out.Reset()
		args := slices.DeleteFunc([]string{"explain", "-config", config, flag, id.String()}, func(s string) bool { return s == "" })
		require.NoError(t, ledgerCommand.run(t.Context(), args, &out))
		require.Contains(t, out.String(), word, "the config's language, unless another is asked for")
	}
}
