//go:build linux

package ledger_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// A full disk: the ledger says so, stops for good, and opened anew has every sale that it had
// acknowledged, and the one that it was at is either whole or not there.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("kopilka-test", dir, "tmpfs", 0, "size=768k"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here (wants root): %v", err)
	}
	defer func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) }()
	s := openShop(t, dir)
	var done []*sale.Record
	var failed error
	var at sale.ID
	for failed == nil {
		require.Less(t, len(done), 10_000, "the disk never fills")
		d := s.draft(0, 0, goods(100, 200, 300))
		at = d.ID
		var r *sale.Record
		if r, failed = s.sellOn(d); failed == nil {
			done = append(done, r)
		}
	}
	require.ErrorIs(t, failed, ledger.ErrBroken)
	require.ErrorIs(t, failed, syscall.ENOSPC)
	require.NotEmpty(t, done)
	_, err := s.Begin(ledger.Job{Draft: sale.Record{ID: sale.ID{1}, Kind: sale.KindShiftOpen}})
	require.ErrorIs(t, err, ledger.ErrBroken)
	_, err = s.Customer(1)
	require.ErrorIs(t, err, ledger.ErrBroken, "what memory holds may not be what the disk holds")
	require.NoError(t, s.Close())

	require.NoError(t, syscall.Mount("kopilka-test", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	s.open()
	_, err = s.Check()
	require.NoError(t, err)
	for _, want := range done {
		got, err := s.Record(want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	if open, err := s.Unfinished(); err == nil && open != nil {
		require.Equal(t, at, open.Draft.ID)
		require.NoError(t, s.Abandon(at, "disk full", 0))
	}
	s.sell(0, 0, 100)
	require.NoError(t, s.Close())
}

// A disk too full for a snapshot goes on with the old one.
func TestDiskFullWhileFilling(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("kopilka-test", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here (wants root): %v", err)
	}
	defer func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) }()
	s := openShop(t, dir)
	s.fill(1, member(1, sale.Seen{}))
	var many []sale.CustomerChange
	for i := range uint64(60_000) {
		many = append(many, member(i+1, sale.Seen{}))
	}
	err := s.Fill(2, 0, uint64(len(many)), members(many, 4096))
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, uint64(1), s.Filled())
	c, err := s.FindCustomer(card(1))
	require.NoError(t, err)
	require.Equal(t, sale.CustomerNo(1), c.No)
	files, err := filepath.Glob(filepath.Join(dir, "customers-*"))
	require.NoError(t, err)
	require.Len(t, files, 1, "the half one must not keep the disk full")
	s.sell(0, 0, 100)
	require.NoError(t, s.Close())
}

// sellOn sells and gives the error back.
func (s *shop) sellOn(d sale.Record) (*sale.Record, error) {
	j, err := s.Begin(ledger.Job{Draft: d})
	if err != nil {
		return nil, err
	}
	return s.Finish(d.ID, s.print(j, sale.DocSale))
}

func TestReadOnlyFolder(t *testing.T) {
	dir := t.TempDir()
	want := os.ErrPermission
	if os.Geteuid() == 0 { // root writes everywhere but on a disk mounted read-only
		require.NoError(t, syscall.Mount("kopilka-test", dir, "tmpfs", syscall.MS_RDONLY, ""))
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
		want = syscall.EROFS
	} else {
		require.NoError(t, os.Chmod(dir, 0o500))
	}
	_, err := ledger.Open(dir, ledger.Options{})
	require.ErrorIs(t, err, want)
}
