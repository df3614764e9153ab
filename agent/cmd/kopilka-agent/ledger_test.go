package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
)

func TestALedgerThatIsNotThereIsNotInOrder(t *testing.T) {
	path := ill(t, "")
	c, err := agent.LoadConfig(path)
	require.NoError(t, err)
	for _, verb := range []string{"verify", "export", "compact"} {
		var out bytes.Buffer
		err = ledgerCommand.run(t.Context(), []string{verb, "-config", path}, &out)
		require.ErrorContains(t, err, "not enrolled", verb)
		require.ErrorContains(t, err, "не подключена", verb)
		require.Empty(t, out.String())
	}
	require.NoDirExists(t, filepath.Join(c.Data, ledgerFolder), "a question makes none")

	o := newOffering(t)
	err = ledgerCommand.run(t.Context(), []string{"verify", "-config", o.path}, &bytes.Buffer{})
	require.ErrorContains(t, err, "there is no ledger at", "it is a till, and its ledger is gone")
	require.NoError(t, os.Mkdir(filepath.Join(o.config.Data, ledgerFolder), 0o700))
	err = ledgerCommand.run(t.Context(), []string{"verify", "-config", o.path}, &bytes.Buffer{})
	require.ErrorContains(t, err, "there is no ledger at")
}
