package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
)

// A waiting till looks every second: what it cannot read must not fill the disk with the same line.
func TestAnEnrolmentThatCannotBeReadIsLoggedOnce(t *testing.T) {
	data := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(data, laterFile), []byte("{"), 0o600))
	var log bytes.Buffer
	w := &waitingRoom{config: agent.Config{Data: data}, log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 3 {
		_, fresh := w.look()
		require.False(t, fresh)
	}
	require.Equal(t, 1, strings.Count(log.String(), "cannot be carried out"), log.String())
	require.NoError(t, writeLater(data, later{URL: "https://office.example", Code: someCode}))
	_, fresh := w.look()
	require.True(t, fresh)
	require.NoError(t, os.WriteFile(filepath.Join(data, laterFile), []byte("{"), 0o600))
	w.look()
	require.Equal(t, 2, strings.Count(log.String(), "cannot be carried out"), "it is another time")
}
