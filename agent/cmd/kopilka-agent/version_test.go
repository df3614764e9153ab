package main

import (
	"bytes"
	"encoding/json"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
)

func TestVersionForScripts(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, dispatch(t.Context(), []string{"version", "-json"}, &out))
	var keys map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &keys))
	require.Equal(t, version, keys["version"])
	require.Equal(t, runtime.GOOS, keys["os"])
	require.Equal(t, runtime.GOARCH, keys["arch"])
	require.IsType(t, true, keys["hid"])
	require.Equal(t, map[string]any{"writes": float64(ledger.FileFormat), "reads": float64(ledger.FileFormat)}, keys["ledger"])
	require.Equal(t, runtime.Version(), keys["go"])

	out.Reset()
	require.NoError(t, dispatch(t.Context(), []string{"version"}, &out))
	require.Equal(t, "kopilka-agent "+version+"\n", out.String())
}
