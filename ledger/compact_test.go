package ledger_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

const month = 30 * 24 * time.Hour

// compact closes the ledger, compacts it and opens it again.
func (s *shop) compact(keep time.Duration) error {
	require.NoError(s.t, s.Close())
	err := ledger.Compact(s.dir, ledger.Options{Clock: s.clock.Now, Random: s.random}, keep)
	s.open()
	return err
}

func (s *shop) confirmAll() { require.NoError(s.t, s.Confirm(s.Head())) }

func TestCompact(t *testing.T) {
	s := newShop(t).withAnna(10000)
	s.apply(leaseChange(anna, 2, 50, recall)) // closed, record 2
	old := s.sell(anna, 1000, 10000)
	s.clock.At = s.clock.At.Add(2 * month)
	young := s.sell(anna, 1000, 10000)
	d, err := s.draftReturn(young, 0, sale.Piece)
	require.NoError(t, err)
	back := s.run(d)
	late, err := s.draftReturn(old, 0, sale.Piece)
	require.NoError(t, err)
	lateBack := s.run(late)
	s.confirmAll()
	balance, spendable, head, no := s.balance(anna), s.spendable(anna), s.Head(), s.NextNo()
	require.NoError(t, s.compact(month))

	report, err := s.Check()
	require.NoError(t, err)
	require.Equal(t, uint64(3), report.Records)
	require.Equal(t, balance, s.balance(anna))
	require.Equal(t, spendable, s.spendable(anna))
	require.Equal(t, head, s.Head())
	require.Equal(t, no, s.NextNo())
	_, err = s.Record(old.ID)
	require.ErrorIs(t, err, ledger.ErrNotFound)
	for of, want := range map[sale.ID]*sale.Record{young.ID: back, old.ID: lateBack} {
		returns, err := s.Returns(of)
		require.NoError(t, err)
		require.Equal(t, []*sale.Record{want}, returns)
	}
	require.Equal(t, 5, report.Leases, "one of head office and those born of two sales and two returns; the closed one is gone")
	// What has left is still known: it cannot be booked again.
	_, err = s.Book(*old, nil)
	require.ErrorIs(t, err, ledger.ErrKnown)
	s.sell(anna, 100, 10000)
	s.reopen()
	_, err = s.Check()
	require.NoError(t, err)
	require.NoError(t, s.compact(0))
	require.Equal(t, []string{"sale"}, s.kinds()[len(s.kinds())-1:])
}

func TestCompactKeepsWhatHeadOfficeHasNotHeard(t *testing.T) {
	s := newShop(t).withAnna(1000)
	s.apply(leaseChange(anna, 2, 50, recall))
	s.sell(0, 0, 100)
	s.clock.At = s.clock.At.Add(2 * month)
	require.NoError(t, s.compact(month))
	require.Equal(t, []string{"epoch", "release", "sale"}, s.kinds())
	s.apply(leaseChange(anna, 2, 50, nil))
	require.Equal(t, sale.Points(1000), s.spendable(anna), "a closed lease stays closed")
	hash, _, err := s.Find(1, 2)
	require.NoError(t, err)
	require.NoError(t, s.Confirm(sale.Position{Epoch: 1, Seq: 2, Head: hash}))
	require.NoError(t, s.compact(month))
	require.Equal(t, []string{"release", "sale"}, s.kinds())
}

// Head office ahead of a restored till: the newest record stays, the next one is chained to it.
func TestCompactOfARestoredTill(t *testing.T) {
	s := newShop(t)
	s.sell(0, 0, 100)
	require.NoError(t, s.Confirm(sale.Position{Epoch: 1, Seq: 90, Head: sale.Hash{1}}))
	s.clock.At = s.clock.At.Add(2 * month)
	require.NoError(t, s.compact(0))
	require.Equal(t, []string{"sale"}, s.kinds())
	report, err := s.Check()
	require.NoError(t, err)
	require.Len(t, report.Warnings, 1)
}

func TestCompactRefusesWhileBusy(t *testing.T) {
	s := newShop(t)
	d := s.draft(0, 0, goods(100))
	_, err := s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)
	require.ErrorIs(t, s.compact(0), ledger.ErrBusy)
	_, err = os.Stat(filepath.Join(s.dir, ledger.FileName+".new"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, s.Abandon(d.ID, "x", 0))
}

// The power goes while the new file is written: the old one is whole, the half one goes away.
func TestCompactCutShort(t *testing.T) {
	s := newShop(t)
	s.sell(0, 0, 100)
	half := filepath.Join(s.dir, ledger.FileName+".new")
	require.NoError(t, os.WriteFile(half, []byte("half a file"), 0o600))
	s.reopen()
	require.NoFileExists(t, half)
	require.Equal(t, []string{"epoch", "sale"}, s.kinds())
	require.NoError(t, s.compact(time.Hour))
	require.Equal(t, []string{"epoch", "sale"}, s.kinds())
}

// After Compact has let records go, one lost by damage is still told from them.
func TestCheckAfterCompact(t *testing.T) {
	s := openShop(t, t.TempDir())
	for range 4 {
		s.sell(0, 0, 100)
		s.clock.At = s.clock.At.Add(month)
	}
	s.confirmAll()
	require.NoError(t, s.compact(2*month+time.Hour))
	require.Len(t, s.kinds(), 2)
	_, err := s.Check()
	require.NoError(t, err)
	s.damage(bucketOnce("journal"))
	_, err = s.Check()
	require.ErrorIs(t, err, ledger.ErrDamaged)
	require.ErrorContains(t, err, "begins at")
	require.NoError(t, s.Close())
}

func TestNewerFileIsRefused(t *testing.T) {
	s := openShop(t, t.TempDir())
	require.NoError(t, s.Close())
	db, err := bbolt.Open(filepath.Join(s.dir, ledger.FileName), 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte{2}) }))
	require.NoError(t, db.Close())
	_, err = ledger.Open(s.dir, ledger.Options{Clock: s.clock.Now, Random: s.random})
	require.ErrorIs(t, err, ledger.ErrNewerFile)
}

func TestRubbishIsNoLedger(t *testing.T) {
	s := &shop{dir: t.TempDir()}
	path := filepath.Join(s.dir, ledger.FileName)
	require.NoError(t, os.WriteFile(path, make([]byte, 1<<16), 0o600))
	_, err := ledger.Open(s.dir, ledger.Options{})
	require.ErrorContains(t, err, path)
}
