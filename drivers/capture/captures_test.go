package capture_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/capture"
)

// Every capture in testdata came from a counter, by `kopilka-agent capture replay -as-test`. The drivers must go
// on doing what they did there.
func TestCaptures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.capture"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "a test over no captures proves nothing")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			entries, damaged, err := capture.Read(file)
			require.NoError(t, err)
			require.Zero(t, damaged)
			for _, s := range capture.Sessions(entries) {
				made, _ := s.Calls()
				calls, err := replay(t, s)
				require.NoError(t, err)
				require.Equal(t, made, calls)
				require.NotZero(t, calls)
			}
		})
	}
}
