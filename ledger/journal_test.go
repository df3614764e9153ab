package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestEnrol(t *testing.T) {
	l := ledgertest.OpenAt(t, t.TempDir(), ledgertest.NewClock())
	_, err := l.Who()
	require.ErrorIs(t, err, ledger.ErrNoTill)
	_, err = l.Begin(ledger.Job{Draft: sale.Record{ID: sale.ID{1}, Kind: sale.KindShiftOpen}})
	require.ErrorIs(t, err, ledger.ErrNoTill)
	_, err = l.Book(sale.Record{ID: sale.ID{1}, Kind: sale.KindShiftOpen}, nil)
	require.ErrorIs(t, err, ledger.ErrNoTill)
	require.ErrorIs(t, l.OpenEpoch("restored", sale.Position{}), ledger.ErrNoTill)
	require.ErrorIs(t, l.Enrol(ledger.Identity{}), ledger.ErrNoTill)
	require.ErrorIs(t, l.Enrol(ledger.Identity{Org: 1, Till: sale.TillNoMax + 1}), sale.ErrRecord)
	require.NoError(t, l.Enrol(ledgertest.Who))
	require.NoError(t, l.Enrol(ledgertest.Who))
	require.Equal(t, uint64(1), l.Head().Seq)
	require.ErrorIs(t, l.Enrol(ledger.Identity{Org: 1, Store: 1, Till: 8}), ledger.ErrOtherTill)
	who, err := l.Who()
	require.NoError(t, err)
	require.Equal(t, ledgertest.Who, who)
}

func TestSince(t *testing.T) {
	s := newShop(t)
	for range 9 {
		s.sell(0, 0, 100)
	}
	all, err := s.Since(sale.Position{Epoch: 1}, 100, 1<<20)
	require.NoError(t, err)
	require.Len(t, all, 10)
	one := len(all[3].Record)
	for name, c := range map[string]struct {
		after          uint64
		records, limit int
		want           []sale.Entry
	}{
		"some":               {2, 3, 1 << 20, all[2:5]},
		"the last":           {9, 3, 1 << 20, all[9:]},
		"nothing new":        {10, 3, 1 << 20, nil},
		"beyond the journal": {99, 3, 1 << 20, nil},
		"no more than bytes": {2, 100, 2*one + 60, all[2:4]},
		"but always one":     {2, 100, 1, all[2:3]},
		"none wanted":        {2, 0, 1 << 20, nil},
	} {
		got, err := s.Since(sale.Position{Epoch: 1, Seq: c.after}, c.records, c.limit)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
	require.NoError(t, s.OpenEpoch("restored", s.Head()))
	got, err := s.Since(sale.Position{Epoch: 1, Seq: 9}, 100, 1<<20)
	require.NoError(t, err)
	require.Len(t, got, 1, "a batch never runs into the next epoch")
	got, err = s.Since(sale.Position{Epoch: 2}, 100, 1<<20)
	require.NoError(t, err)
	require.Len(t, got, 1)
}

// The chain as head office verifies it, from the bytes that travel.
func TestChain(t *testing.T) {
	s := newShop(t)
	for range 5 {
		s.sell(0, 0, 100)
		s.clock.At = s.clock.At.Add(time.Second)
	}
	all, err := s.Since(sale.Position{Epoch: 1}, 100, 1<<20)
	require.NoError(t, err)
	var prev sale.Hash
	var last sale.Time
	for i, e := range all {
		r, err := sale.DecodeRecord(e.Record)
		require.NoError(t, err)
		require.Equal(t, uint64(i+1), r.Seq)
		require.Equal(t, prev, r.Prev)
		require.GreaterOrEqual(t, r.At, last)
		prev, last = sale.HashOf(e.Record), r.At
		hash, found, err := s.Find(1, r.Seq)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, prev, hash)
	}
	require.Equal(t, sale.Position{Epoch: 1, Seq: 6, Head: prev}, s.Head())
	for _, c := range []struct {
		epoch uint32
		seq   uint64
		want  bool
	}{{1, 0, true}, {1, 7, false}, {2, 0, false}, {0, 0, false}, {2, 1, false}} {
		_, found, err := s.Find(c.epoch, c.seq)
		require.NoError(t, err)
		require.Equal(t, c.want, found, "%+v", c)
	}
}

func TestConfirmNeverMovesBack(t *testing.T) {
	s := newShop(t)
	for range 5 {
		s.sell(0, 0, 100)
	}
	require.Equal(t, uint64(6), s.Unsent())
	confirm := func(epoch uint32, seq uint64) {
		hash, _, err := s.Find(epoch, seq)
		require.NoError(t, err)
		require.NoError(t, s.Confirm(sale.Position{Epoch: epoch, Seq: seq, Head: hash}))
	}
	confirm(1, 4)
	require.Equal(t, uint64(2), s.Unsent())
	confirm(1, 2)
	confirm(1, 4)
	require.Equal(t, uint64(4), s.Acked().Seq)
	s.reopen()
	require.Equal(t, uint64(4), s.Acked().Seq)
	require.NoError(t, s.OpenEpoch("restored", s.Head()))
	require.NotZero(t, s.Unsent())
	confirm(2, 1)
	confirm(1, 6)
	require.Equal(t, s.Head(), s.Acked())
	require.Zero(t, s.Unsent())
}

func TestAppendedIsSignalled(t *testing.T) {
	s := newShop(t)
	<-s.Appended()
	s.apply(customerChange(sale.Customer{No: 1}))
	<-s.Changed()
	select {
	case <-s.Appended():
		t.Fatal("nothing was appended")
	default:
	}
	s.sell(0, 0, 100)
	s.sell(0, 0, 100)
	<-s.Appended()
	select {
	case <-s.Appended():
		t.Fatal("one signal stands for all")
	default:
	}
}

func TestWalk(t *testing.T) {
	s := newShop(t)
	for range 3 {
		s.sell(0, 0, 100)
	}
	var seqs []uint64
	require.NoError(t, s.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		seqs = append(seqs, r.Seq)
		return len(seqs) < 3
	}))
	require.Equal(t, []uint64{4, 3, 2}, seqs)
}

func TestNotFound(t *testing.T) {
	s := newShop(t)
	for name, find := range map[string]func() error{
		"ID":       func() error { _, err := s.Record(sale.ID{9}); return err },
		"number":   func() error { _, err := s.RecordByNo(99); return err },
		"document": func() error { _, err := s.RecordByDoc(sale.FiscalKey{FN: storage, FD: 9}); return err },
		"customer": func() error { _, err := s.Customer(9); return err },
		"key":      func() error { _, err := s.FindCustomer(sale.CustomerKey{Kind: sale.KeyCard}); return err },
		"product":  func() error { _, err := s.Product("x"); return err },
		"barcode":  func() error { _, err := s.ProductByCode("4006381333931"); return err },
		"settings": func() error { _, err := s.Settings(); return err },
		"parked":   func() error { _, err := s.Unpark(sale.ID{9}); return err },
	} {
		require.ErrorIs(t, find(), ledger.ErrNotFound, name)
	}
}

// A battery dies and the machine thinks it is last year.
func TestClockSetBack(t *testing.T) {
	s := newShop(t)
	s.sell(0, 0, 100)
	high := s.clock.At
	s.reopen()
	s.clock.At, s.clock.Quality = s.clock.At.Add(-365*24*time.Hour), sale.TimeFrozen
	at, quality := s.Now()
	require.Equal(t, high, at)
	require.Equal(t, sale.TimeFrozen, quality)
	r := s.sell(0, 0, 100)
	require.Equal(t, high, r.At)
	require.Equal(t, sale.TimeFrozen, r.Quality)
	s.reopen()
	s.clock.At = high.Add(time.Minute)
	r = s.sell(0, 0, 100)
	require.Equal(t, high.Add(time.Minute), r.At)
}

// A machine that is set a year ahead, with nobody to vouch for it, writes; then head office speaks.
func TestAnUnvouchedClockIsNotRemembered(t *testing.T) {
	s := newShop(t)
	right := s.clock.At
	s.clock.At, s.clock.Quality = right.Add(365*24*time.Hour), sale.TimeFrozen
	r := s.sell(0, 0, 100)
	require.Equal(t, sale.TimeFrozen, r.Quality)
	s.clock.At, s.clock.Quality = right.Add(time.Minute), sale.TimeHeadOffice
	s.reopen()
	at, _ := s.Now()
	require.Equal(t, right.Add(time.Minute), at)
	require.Equal(t, right.Add(time.Minute), s.sell(0, 0, 100).At)
}

func TestClosedLedger(t *testing.T) {
	s := openShop(t, t.TempDir())
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	err := s.Enrol(ledger.Identity{Org: 1, Till: 9})
	require.Error(t, err)
	require.False(t, errors.Is(err, ledger.ErrBroken), "a closed ledger is no failed disk: %v", err)
	_, err = s.Record(sale.ID{1})
	require.Error(t, err)
}

func TestSecondOpenIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, err := ledger.Open(s.dir, ledger.Options{Clock: s.clock.Now, Random: s.random})
	require.ErrorIs(t, err, ledger.ErrLocked)
}

// Checking while selling must not cry wolf.
func TestCheckWhileSelling(t *testing.T) {
	s := newShop(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 60 {
			s.sell(0, 0, 100)
		}
	}()
	for {
		_, err := s.Check()
		require.NoError(t, err)
		select {
		case <-done:
			return
		default:
		}
	}
}
