package gs1

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modules is where make deps installs the programs that our parser is compared with.
func modules() string {
	if dir := os.Getenv("KOPILKA_NODE"); dir != "" {
		return dir
	}
	return "/usr/local/lib/kopilka-test"
}

type referenceItem struct {
	AI, Raw, Date, Data string
}

type referenceAnswer struct {
	Items []referenceItem
	Error string
}

// reference takes codes apart by gs1-barcode-parser-mod, all in one process.
func reference(t *testing.T, codes []string) []referenceAnswer {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("skipped: no node in PATH")
	}
	if _, err := os.Stat(filepath.Join(modules(), "node_modules/gs1-barcode-parser-mod")); err != nil {
		t.Skipf("skipped: no gs1-barcode-parser-mod in %s (make deps installs it)", modules())
	}
	var in, out, problems bytes.Buffer
	for _, c := range codes {
		line, err := json.Marshal(c)
		require.NoError(t, err)
		in.Write(append(line, '\n'))
	}
	cmd := exec.CommandContext(t.Context(), node, "testdata/reference.mjs", modules())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &problems
	require.NoError(t, cmd.Run(), problems.String())
	var all []referenceAnswer
	for s := bufio.NewScanner(&out); s.Scan(); {
		var a referenceAnswer
		require.NoError(t, json.Unmarshal(s.Bytes(), &a))
		all = append(all, a)
	}
	require.Len(t, all, len(codes))
	return all
}

// missing are identifiers that the reference does not know, or knows with another length.
var missing = []string{"8111", "8112", "4309", "395", "7250", "7251"}

// shared are the identifiers that both know. The reference takes some elements for predefined though their
// prefix is not ("422", "424", "426", "402", "7241"…): behind those it misreads what is written by the book
// only where the separator is missing, so all of them stay.
func shared() []string {
	return slices.DeleteFunc(identifiers(), func(ai string) bool {
		return slices.ContainsFunc(missing, func(m string) bool { return strings.HasPrefix(ai, m) }) ||
			ai == "425" || ai == "7007" // one country and one day there, several in the standard
	})
}

// What one parser finds the other finds: generated element strings of all identifiers, then real ones.
func TestReferenceAgrees(t *testing.T) {
	from := shared()
	codes := []string{
		fullCode, "0104600494000010215AbCdE\x1d93dGVz\x1d3103000765", "0104600494000010310300123439326431234",
		"00046004940000000019",
	}
	draw := rapid.Custom(func(t *rapid.T) string { return drawElements(t, from, 5).String() })
	for seed := range 1500 {
		codes = append(codes, draw.Example(seed))
	}
	agreed := 0
	for i, theirs := range reference(t, codes) {
		ours, err := Parse(codes[i])
		if err != nil {
			continue // check digits and characters are not looked at there
		}
		require.Empty(t, theirs.Error, "%q: ours %v", codes[i], ours)
		require.Len(t, theirs.Items, len(ours), "%q", codes[i])
		for k, item := range theirs.Items {
			require.Equal(t, ours[k], Element{item.AI, item.Raw}, "%q", codes[i])
			if item.Date != "" && len(item.Raw) == 6 && item.Raw[4:] != "00" {
				day, ok := ours[k].Day(time.Now())
				require.True(t, ok)
				require.Equal(t, item.Date, day.Format(time.DateOnly), "%q", item.Raw)
			}
		}
		agreed++
	}
	require.Greater(t, agreed, 1400)
	t.Logf("%d of %d element strings: gs1-barcode-parser-mod finds the same", agreed, len(codes))
}
