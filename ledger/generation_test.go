package ledger_test

import (
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// A head office back from its backup may not know what it granted since, so every lease goes back, that of
// a receipt under way when it is printed.
func TestRestoredHeadOfficeGetsLeasesBack(t *testing.T) {
	s := newShop(t).withAnna(1000)
	generation := func() uint32 {
		g, err := s.Generation()
		require.NoError(t, err)
		return g
	}
	require.NoError(t, s.Regenerate(1), "the first that is heard of")
	require.EqualValues(t, 1, generation())
	require.Equal(t, sale.Points(1000), s.spendable(anna))
	s.sell(anna, 0, 10000) // makes a lease of its own
	d := s.draft(anna, 400, goods(10000))
	_, err := s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)

	require.NoError(t, s.Regenerate(2))
	require.Zero(t, generation(), "the receipt under way holds one still")
	s.reopen()
	require.Zero(t, generation())
	_, err = s.Finish(d.ID, sale.Fiscal{Kind: sale.FiscalNone})
	require.NoError(t, err)
	require.EqualValues(t, 2, generation())
	held, err := s.Held(anna)
	require.NoError(t, err)
	require.Len(t, held, 1, "what the receipt itself has earned since")
	require.Equal(t, d.Leases[0].ID, held[0].Lease)

	head := s.Head()
	require.NoError(t, s.Regenerate(2))
	require.NoError(t, s.Regenerate(1), "an older word changes nothing")
	require.Equal(t, head, s.Head())
}

// crowd is leases enough for two whole slices and a part of one.
const crowd = 2*ledger.RecallSlice + 7

var errUnplugged = errors.New("unplugged")

// reader is randomness that the test looks into: a release takes some, in its transaction.
type reader func([]byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }

// withCrowd gives the shop a lease of 1 for each of many customers, from the number on, and a generation to lose.
func (s *shop) withCrowd(from uint64) *shop {
	changes := make([]sale.Change, 0, crowd)
	for i := range uint64(crowd) {
		no := sale.CustomerNo(from + i)
		changes = append(changes, leaseChange(no, 1, 100, func(c *sale.LeaseChange) {
			binary.BigEndian.PutUint64(c.Lease.ID[8:], uint64(no))
		}))
	}
	s.apply(changes...)
	return s
}

// looking opens the ledger anew with a look at each time that it takes randomness.
func (s *shop) looking(look func() error) {
	require.NoError(s.t, s.Close())
	l, err := ledger.Open(s.dir, ledger.Options{Clock: s.clock.Now, Random: reader(func(b []byte) (int, error) {
		if err := look(); err != nil {
			return 0, err
		}
		return s.random.Read(b)
	})})
	require.NoError(s.t, err)
	s.Ledger = l
}

// released counts how often each lease was handed back.
func (s *shop) released() map[sale.ID]int {
	out := map[sale.ID]int{}
	require.NoError(s.t, s.Walk(false, func(r *sale.Record, _ sale.Entry) bool {
		if r.Release != nil {
			out[r.Release.Lease]++
		}
		return true
	}))
	return out
}

// requireAllBack wants so many leases handed back, each once, and the generation known.
func (s *shop) requireAllBack(leases int, generation uint32) {
	released := s.released()
	require.Len(s.t, released, leases)
	for id, n := range released {
		require.Equal(s.t, 1, n, "lease %s", id)
	}
	g, err := s.Generation()
	require.NoError(s.t, err)
	require.Equal(s.t, generation, g)
}

// Many leases go back a slice at a time, or no sale could begin until the last had.
func TestLeasesGoBackInSlices(t *testing.T) {
	s := newShop(t).withCrowd(100)
	require.NoError(t, s.Regenerate(1))
	slices := map[uint64]int{} // by the journal's end before each
	s.looking(func() error {
		slices[s.Head().Seq]++
		return nil
	})
	first := s.Head().Seq
	require.NoError(t, s.Regenerate(2))
	require.Equal(t, map[uint64]int{
		first: ledger.RecallSlice, first + ledger.RecallSlice: ledger.RecallSlice, first + 2*ledger.RecallSlice: crowd - 2*ledger.RecallSlice,
	}, slices)
	s.requireAllBack(crowd, 2)
}

// A receipt that waits while leases go back is booked after the slice under way, before the next.
func TestASaleWaitsForOneSlice(t *testing.T) {
	s := newShop(t).withCrowd(100)
	require.NoError(t, s.Regenerate(1))
	draft := s.draft(0, 0, goods(10000))
	booked := make(chan *sale.Record, 1)
	started := false
	s.looking(func() error {
		if started {
			return nil
		}
		started = true
		go func() {
			r, err := s.Book(draft, nil)
			if err != nil {
				t.Error(err)
			}
			booked <- r
		}()
		for !s.Awaited() {
			runtime.Gosched()
		}
		return nil
	})
	first := s.Head().Seq
	require.NoError(t, s.Regenerate(2))
	r := <-booked
	require.NotNil(t, r)
	require.Equal(t, first+ledger.RecallSlice+1, r.Seq)
	s.requireAllBack(crowd, 2)
}

// What ends the program between slices leaves the generation untold: the next word of head office goes on with the
// leases that are left, of which may have been spent meanwhile.
func TestRecallGoesOnAfterACut(t *testing.T) {
	s := newShop(t).withCrowd(100)
	s.apply(customerChange(sale.Customer{No: anna, Balance: 1000}), leaseChange(anna, 2, 1000, nil)) // the last in order
	require.NoError(t, s.Regenerate(1))
	taken := 0
	s.looking(func() error {
		if taken++; taken > ledger.RecallSlice+1 {
			return errUnplugged
		}
		return nil
	})
	require.ErrorIs(t, s.Regenerate(2), errUnplugged)
	require.Len(t, s.released(), ledger.RecallSlice, "the slice that was cut is not there, not in part either")
	s.reopen()
	g, err := s.Generation()
	require.NoError(t, err)
	require.EqualValues(t, 1, g, "leases of before the second are held yet")
	r := s.sell(anna, 400, 10000)
	require.Len(t, r.Spends, 1)

	require.NoError(t, s.Regenerate(2))
	s.requireAllBack(crowd+2, 2) // hers, and what her receipt earned
	require.Zero(t, s.spendable(anna))
	require.Equal(t, 600+r.Sale.Earned, s.balance(anna))
	require.NoError(t, s.Regenerate(2))
	s.requireAllBack(crowd+2, 2)
}
