package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
)

// purgeable makes a till's data folder with a ledger, and a config that leads to it. Two of its records are not at
// head office unless acked.
func purgeable(t *testing.T, acked bool) (config, data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	l := openLedger(t, data)
	require.NoError(t, l.Enrol(ledgertest.Who))
	require.NoError(t, l.OpenEpoch("test", sale.Position{}))
	require.NoError(t, l.OpenEpoch("test", l.Head()))
	if acked {
		require.NoError(t, l.Confirm(l.Head()))
	}
	require.NoError(t, l.Close())
	for _, name := range []string{identityFile, tokenFile, laterFile, captureFile, captureFile + ".1", "notes.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(data, name), []byte("x"), 0o600))
	}
	config = filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(config, []byte("data: '"+data+"'\nregister: {type: none}\n"), 0o600))
	return config, data
}

func openLedger(t *testing.T, data string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(filepath.Join(data, ledgerFolder), ledger.Options{Clock: ledgertest.NewClock().Now, Random: ledgertest.Random(1)})
	require.NoError(t, err)
	return l
}

func purged(t *testing.T, config string, flags ...string) (string, error) {
	var out bytes.Buffer
	err := purgeCommand.run(t.Context(), append([]string{"-config", config}, flags...), &out)
	return out.String(), err
}

func TestPurgeCheckCounts(t *testing.T) {
	config, data := purgeable(t, true)
	out, err := purged(t, config, "-check")
	require.NoError(t, err)
	require.Equal(t, "0 "+data+"\n", out)

	config, data = purgeable(t, false)
	out, err = purged(t, config, "-check")
	require.NoError(t, err)
	require.Regexp(t, `^[1-9]\d* /`, out)
	require.FileExists(t, filepath.Join(data, identityFile))
}

// Where nobody knows, the scripts must hear an error, not a number.
func TestPurgeCheckDoesNotGuess(t *testing.T) {
	config, data := purgeable(t, true)
	l := openLedger(t, data)
	_, err := purged(t, config, "-check")
	require.ErrorIs(t, err, ledger.ErrLocked)
	_, err = purged(t, config, "--i-have-synced")
	require.ErrorIs(t, err, ledger.ErrLocked, "a running till is not purged whatever is said")
	require.NoError(t, l.Close())

	file := filepath.Join(data, ledgerFolder, ledger.FileName)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, whole[:len(whole)/3], 0o600))
	_, err = purged(t, config, "-check")
	require.Error(t, err)

	require.NoError(t, os.Rename(file, file+".moved"))
	_, err = purged(t, config, "-check")
	require.ErrorIs(t, err, ledger.ErrDamaged, "a folder that has lost its file")

	require.NoError(t, os.Symlink(file+".moved", file))
	_, err = purged(t, config, "-check")
	require.ErrorIs(t, err, ledger.ErrDamaged, "root follows no links out of another account's folder")

	require.NoError(t, os.RemoveAll(data))
	out, err := purged(t, config, "-check")
	require.NoError(t, err)
	require.Equal(t, "0 "+data+"\n", out, "a machine that never was a till")
}

func TestPurgeAsks(t *testing.T) {
	for _, c := range []struct {
		name        string
		acked       bool
		yes, synced bool
		answers     string
		gone        bool
	}{
		{name: "nobody answers"},
		{name: "one yes is not enough", answers: "yes\n"},
		{name: "another number", answers: "yes\n99\n"},
		{name: "both answers", answers: "yes\n2\n", gone: true},
		{name: "-yes is not for what would be lost", yes: true},
		{name: "insisted", synced: true, gone: true},
		{name: "acknowledged, no", acked: true, answers: "no\n"},
		{name: "acknowledged, yes", acked: true, answers: "yes\n", gone: true},
		{name: "acknowledged, да", acked: true, answers: "Да\n", gone: true},
		{name: "a letter", acked: true, answers: "д\n"},
		{name: "acknowledged, -yes", acked: true, yes: true, gone: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, data := purgeable(t, c.acked)
			var out bytes.Buffer
			err := purge{data: data, yes: c.yes, synced: c.synced, in: bufio.NewReader(strings.NewReader(c.answers)), out: &out}.run()
			if !c.gone {
				require.ErrorIs(t, err, errUnsaid)
				require.FileExists(t, filepath.Join(data, ledgerFolder, ledger.FileName))
				require.FileExists(t, filepath.Join(data, identityFile))
				return
			}
			require.NoError(t, err)
			require.NoDirExists(t, filepath.Join(data, ledgerFolder))
			require.NoFileExists(t, filepath.Join(data, identityFile))
			require.NoFileExists(t, filepath.Join(data, laterFile), "the service would enrol again by itself")
			require.FileExists(t, filepath.Join(data, "notes.txt"), "what is not ours stays")
			require.Contains(t, out.String(), ": notes.txt\n", "and nothing else of the till")
		})
	}
}

func TestPurgeOfADamagedLedgerWantsAnotherWord(t *testing.T) {
	_, data := purgeable(t, true)
	file := filepath.Join(data, ledgerFolder, ledger.FileName)
	require.NoError(t, os.Truncate(file, 4096))
	for _, answers := range []string{"", "yes\n", "yes\nyes\n"} {
		err := purge{data: data, in: bufio.NewReader(strings.NewReader(answers)), out: &bytes.Buffer{}}.run()
		require.ErrorIs(t, err, errUnsaid, answers)
		require.FileExists(t, file)
	}
	require.NoError(t, purge{data: data, in: bufio.NewReader(strings.NewReader("yes\nlost\n")), out: &bytes.Buffer{}}.run())
	require.NoFileExists(t, file)
}
