package shtrih_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/cabinet"
	"github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
)

func TestEverythingOutlivesTheProcess(t *testing.T) {
	folder := t.TempDir()
	first, err := shtrih.New(shtrih.Options{Folder: folder, KeepDocument: true})
	require.NoError(t, err)
	run(t, first, openShift)
	run(t, first, sell)
	run(t, first, milk)
	run(t, first, payMilk)
	run(t, first, command("1e", sysadmin, []byte{4, 1, 0, 1}, []byte("HELLO")))
	run(t, first, sell)
	run(t, first, milk)
	docs, tape, state := first.Documents(), first.Tape(), first.State()
	require.NoError(t, first.Close())

	second := build(t, shtrih.Options{Folder: folder, KeepDocument: true})
	require.Equal(t, docs, second.Documents())
	require.Equal(t, tape, second.Tape())
	require.Equal(t, byte(8), run(t, second, status)[3], "the receipt is still open")
	require.Equal(t, state.Drawer, second.State().Drawer)
	run(t, second, payMilk)
	require.Len(t, second.Documents(), len(docs)+1)
	require.Equal(t, uint32(2), second.Documents()[len(docs)].Receipt)
}

func TestTornLastLineIsCut(t *testing.T) {
	folder := t.TempDir()
	first, err := shtrih.New(shtrih.Options{Folder: folder})
	require.NoError(t, err)
	run(t, first, openShift)
	docs := first.Documents()
	require.NoError(t, first.Close())
	path := filepath.Join(folder, storage.ArchiveFile)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(whole, `{"document":{"fd":3,"ty`...), 0o600))

	second := build(t, shtrih.Options{Folder: folder})
	require.Equal(t, docs, second.Documents())
	run(t, second, zReport)
	require.Len(t, second.Documents(), 3)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(whole), string(raw[:len(whole)]), "what was signed is not rewritten")
}

func TestDamagedArchiveIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"rubbish":     "rubbish\n",
		"a gap":       `{"document":{"fd":1,"type":1}}` + "\n" + `{"document":{"fd":3,"type":2}}` + "\n",
		"no document": `{"document":{"fd":2,"type":2}}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(folder, storage.ArchiveFile), []byte(text), 0o600))
			_, err := shtrih.New(shtrih.Options{Folder: folder})
			require.ErrorContains(t, err, storage.ArchiveFile)
		})
	}
}

// A process that dies between signing and counting leaves the memory one document behind.
func TestMemoryCatchesUpWithTheArchive(t *testing.T) {
	folder := t.TempDir()
	first, err := shtrih.New(shtrih.Options{Folder: folder})
	require.NoError(t, err)
	run(t, first, openShift)
	run(t, first, sell)
	run(t, first, milk)
	stale, err := os.ReadFile(filepath.Join(folder, cabinet.MemoryFile))
	require.NoError(t, err)
	run(t, first, payMilk)
	require.NoError(t, first.Close())
	require.NoError(t, os.WriteFile(filepath.Join(folder, cabinet.MemoryFile), stale, 0o600))

	second := build(t, shtrih.Options{Folder: folder})
	require.Equal(t, int64(8990), second.State().Drawer)
	require.Equal(t, []byte{2, 3}, run(t, second, status)[3:5], "closed, and the rest of the paper waits")
	require.Equal(t, byte(0), run(t, second, fnStatus)[1])
}

func TestFiscalSignDependsOnWhatIsSigned(t *testing.T) {
	now := noon
	sign := func(fn string, price uint64) uint32 {
		r := build(t, shtrih.Options{FNSerial: fn, Now: clockAt(&now)})
		run(t, r, openShift)
		run(t, r, sell)
		run(t, r, item(1, 1_000_000, price, price, 1, "x"))
		run(t, r, closing(map[int]uint64{1: price}, 0))
		return r.Documents()[2].Sign
	}
	base := sign("9999078900000001", 100)
	require.Equal(t, base, sign("9999078900000001", 100), "the same document has the same sign")
	require.NotEqual(t, base, sign("9999078900000002", 100))
	require.NotEqual(t, base, sign("9999078900000001", 101))
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []shtrih.Options{{FNSerial: "12"}, {INN: "77"}, {Width: 30}, {FNSerial: "99990789000000x1"}} {
		_, err := shtrih.New(o)
		require.ErrorIs(t, err, shtrih.ErrOptions)
	}
}
