package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
)

// A till may have neither a register nor a receipt printer: there is nothing to try then, and that is a sentence.
func TestPrintWithNothingToPrintOn(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(config, []byte("data: '"+t.TempDir()+"'\npage: 127.0.0.1:1\nregister: {type: none}\n"), 0o600))
	var out bytes.Buffer
	for _, flags := range [][]string{nil, {"-register"}} {
		err := testPrint(t.Context(), append([]string{"-config", config}, flags...), &out)
		require.ErrorContains(t, err, "register.type: none")
		require.ErrorContains(t, err, "печатать не на чем")
	}
	require.Empty(t, out.String())
}

// What a device complains of reaches a Russian at the console too.
func TestDeviceErrorsInBothLanguages(t *testing.T) {
	hint := agent.Text{RU: "Касса не отвечает", EN: "The register does not answer"}
	err := inBoth(fmt.Errorf("try it: %w", &drivers.Error{Op: "reach", Device: "register", Fail: drivers.FailLink, Hint: hint}))
	require.ErrorContains(t, err, hint.EN)
	require.ErrorContains(t, err, hint.RU)
}

func TestBundleFileBehindASign(t *testing.T) {
	for _, args := range [][]string{{"-bundle", "мой набор.zip", "-lang", "en"}, {"-bundle=мой набор.zip", "-lang", "en"}, {"--bundle=мой набор.zip", "-lang", "en"}} {
		rest, file := bundleFile(args)
		require.Equal(t, "мой набор.zip", file, args)
		require.Len(t, rest, 3, args)
	}
}
