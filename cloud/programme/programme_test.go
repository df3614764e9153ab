package programme_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// desk is a head office without a network: a real store, real journals, a clock that the test turns.
type desk struct {
	*store.Store
	office *programme.Office
	org    sale.OrgNo
	tills  []*storetest.Journal
	now    time.Time
	sent   map[sale.TillNo]int
}

func newDesk(t *testing.T, tills int) *desk {
	d := &desk{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), sent: map[sale.TillNo]int{}}
	s, err := store.Open(t.Context(), t.TempDir(), func() time.Time { return d.now })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	d.Store = s
	d.office = programme.New(programme.Options{Store: s, Stale: store.ErrStale, Now: func() time.Time { return d.now }, Logger: slog.New(slog.DiscardHandler)})
	d.org, err = s.CreateOrg(t.Context(), "Test", rand.Reader)
	require.NoError(t, err)
	require.NoError(t, s.PutShop(t.Context(), d.org, store.Shop{No: 1, Name: "1", Zone: "Europe/Moscow"}))
	for range tills {
		d.tills = append(d.tills, storetest.New(d.org, 1, d.machine(t, 0), sale.At(d.now)))
	}
	return d
}

// machine takes one in: under a number, or, for zero, the next one.
func (d *desk) machine(t *testing.T, till sale.TillNo) sale.TillNo {
	t.Helper()
	code, err := d.NewCode(t.Context(), d.org, 1, till, "test", rand.Reader)
	require.NoError(t, err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	a, err := d.Enrol(t.Context(), &wire.EnrolRequest{Secret: code.Secret, Key: public, Proof: ed25519.Sign(private, wire.ProofBytes(code.Secret))})
	require.NoError(t, err)
	return a.Till
}

// newDeskLike is a head office that has what the tills of another have handed in, and none of what that one
// decided itself: a backup of the moment before.
func newDeskLike(t *testing.T, d *desk) *desk {
	t.Helper()
	x := newDesk(t, len(d.tills))
	x.now = d.now
	for i, j := range d.tills {
		x.tills[i] = j.Copy()
		_, err := x.Append(t.Context(), x.org, j.Till, 0, j.Records)
		require.NoError(t, err)
		x.sent[j.Till] = len(j.Records)
	}
	return x
}

// drain hands in what the tills have journalled and lets head office decide.
func (d *desk) drain(t *testing.T) {
	t.Helper()
	for _, j := range d.tills {
		if n := d.sent[j.Till]; n < len(j.Records) {
			_, err := d.Append(t.Context(), d.org, j.Till, 0, j.Records[n:])
			require.NoError(t, err)
			d.sent[j.Till] = len(j.Records)
		}
	}
	require.NoError(t, d.office.SettleAll(t.Context(), d.org))
}

// held is what a till may spend of a customer's points, as head office has it.
func (d *desk) held(t *testing.T, till sale.TillNo) (sum sale.Points, leases []sale.LeaseChange) {
	t.Helper()
	leases, err := d.LeasesHeld(t.Context(), d.org, till)
	require.NoError(t, err)
	for _, l := range leases {
		sum += l.Lease.Amount()
		for _, s := range l.Spent {
			sum -= s.Amount
		}
	}
	return sum, leases
}

func TestPointsFollowTheCustomer(t *testing.T) {
	d := newDesk(t, 2)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, d.tills[0].ID(), no, 10_000, "opening", "test"))
	d.drain(t)
	got, leases := d.held(t, 1)
	require.Equal(t, sale.Points(10_000), got, "the home store's first till holds what is free")
	require.Equal(t, sale.At(d.now.Add(programme.LeaseTerm)), leases[0].Lease.Until)

	require.NoError(t, d.office.Request(t.Context(), d.org, 2, []sale.CustomerNo{no}))
	got, leases = d.held(t, 1)
	require.Equal(t, sale.Points(10_000), got, "nothing moves before the holder's release is durable")
	require.True(t, leases[0].Recall)
	other, _ := d.held(t, 2)
	require.Zero(t, other)

	lease := leases[0].Lease
	d.tills[0].Add(d.tills[0].Redeeming(lease, 500))
	d.tills[0].Add(d.tills[0].Releasing(lease.ID))
	d.drain(t)
	got, _ = d.held(t, 1)
	require.Zero(t, got)
	other, _ = d.held(t, 2)
	require.Equal(t, sale.Points(9_500), other, "the rest, to the till that asked")

	require.NoError(t, d.office.Request(t.Context(), d.org, 2, []sale.CustomerNo{no}), "asking again changes nothing")
	again, _ := d.held(t, 2)
	require.Equal(t, other, again)
}

func TestDebtIsNettedOnceAgainstFreePoints(t *testing.T) {
	d := newDesk(t, 1)
	j := d.tills[0]
	sold := j.Earning(7, 1, 100)
	j.Add(sold)
	j.Add(j.Owing(sold, 60))
	d.drain(t)
	c, _, _, _, err := d.Standing(t.Context(), d.org, 7)
	require.NoError(t, err)
	require.Equal(t, sale.Points(60), c.Debt, "points count before the customer's name has come")

	no, err := d.PutPerson(t.Context(), d.org, store.Person{No: 7, Name: "Иванов Иван"})
	require.NoError(t, err)
	c, _, _, _, err = d.Standing(t.Context(), d.org, no)
	require.NoError(t, err)
	require.Equal(t, sale.Points(60), c.Debt)
	require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, j.ID(), no, 200, "gift", "test"))
	for range 2 {
		d.drain(t)
		require.NoError(t, d.office.Settle(t.Context(), d.org, no))
		c, _, _, _, err = d.Standing(t.Context(), d.org, no)
		require.NoError(t, err)
		require.Zero(t, c.Debt)
		require.Equal(t, sale.Points(100+200-60), c.Balance)
	}
}

func TestASilentTillKeepsItsLeases(t *testing.T) {
	d := newDesk(t, 2)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, d.tills[0].ID(), no, 10_000, "opening", "test"))
	d.drain(t)
	d.now = d.now.Add(programme.LeaseTerm + 48*time.Hour)
	require.NoError(t, d.office.Reclaim(t.Context(), d.org))
	got, _ := d.held(t, 1)
	require.Equal(t, sale.Points(10_000), got, "a spend may exist that was not reported")

	require.NoError(t, d.SaveStatus(t.Context(), d.org, 1, &wire.Status{At: sale.At(d.now), Unsent: 3}))
	require.NoError(t, d.office.Reclaim(t.Context(), d.org))
	got, _ = d.held(t, 1)
	require.Equal(t, sale.Points(10_000), got, "it says itself that records are under way")

	require.NoError(t, d.SaveStatus(t.Context(), d.org, 1, &wire.Status{At: sale.At(d.now)}))
	require.NoError(t, d.office.Reclaim(t.Context(), d.org))
	require.NoError(t, d.office.SettleAll(t.Context(), d.org))
	got, leases := d.held(t, 1)
	require.Equal(t, sale.Points(10_000), got, "it lives: the lease is granted anew")
	require.Greater(t, leases[0].Lease.Until, sale.At(d.now))
}

func TestARetiredTillsExposure(t *testing.T) {
	d := newDesk(t, 2)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, d.tills[0].ID(), no, 10_000, "opening", "test"))
	d.drain(t)
	exposure, err := d.office.RetireTill(t.Context(), d.org, 1, "boss")
	require.NoError(t, err)
	require.Equal(t, sale.Points(10_000), exposure)
	require.NoError(t, d.office.SettleAll(t.Context(), d.org))
	got, _ := d.held(t, 2)
	require.Equal(t, sale.Points(10_000), got, "the next till of the store has them")
}

// A till's number goes on with another machine. Whoever retires that one too is told of its exposure as well.
func TestASecondRetirementIsToldToo(t *testing.T) {
	d := newDesk(t, 1)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	for i := range 2 {
		require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, sale.DeriveID(d.tills[0].ID(), "gift", i), no, 1000, "gift", "test"))
		require.NoError(t, d.office.SettleAll(t.Context(), d.org))
		exposure, err := d.office.RetireTill(t.Context(), d.org, 1, "boss")
		require.NoError(t, err)
		require.Equal(t, sale.Points(1000*(i+1)), exposure)
		_, err = d.office.RetireTill(t.Context(), d.org, 1, "boss")
		require.NoError(t, err, "pressed twice")
		d.now = d.now.Add(time.Hour)
		d.machine(t, 1)
	}
	flags, err := d.Conflicts(t.Context(), d.org, page.ConflictFilter{Kind: "exposure"}, page.FlagKey{}, 10)
	require.NoError(t, err)
	require.Len(t, flags, 2)
}

// What was spent beyond one lease takes nothing off what the till may have spent of another.
func TestAnOverspentLeaseHidesNoExposure(t *testing.T) {
	d := newDesk(t, 1)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	for i, amount := range []sale.Points{1000, 1500} {
		require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, sale.DeriveID(d.tills[0].ID(), "gift", i), no, amount, "opening", "test"))
		d.drain(t)
	}
	_, leases := d.held(t, 1)
	require.Len(t, leases, 2)
	for _, l := range leases {
		if l.Lease.Amount() == 1000 {
			d.tills[0].Add(d.tills[0].Redeeming(l.Lease, 800))
			d.tills[0].Add(d.tills[0].Redeeming(l.Lease, 800))
		}
	}
	d.drain(t)
	exposure, err := d.office.RetireTill(t.Context(), d.org, 1, "boss")
	require.NoError(t, err)
	require.Equal(t, sale.Points(1500), exposure)
}

func TestTakingMoreThanIsFree(t *testing.T) {
	d := newDesk(t, 0)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна"})
	require.NoError(t, err)
	id := storetest.Bare(1, 1, 9, 1).ID()
	for range 2 {
		require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, id, no, 300, "gift", "test"), "a repeat changes nothing")
	}
	var short *programme.NotFreeError
	require.ErrorAs(t, d.office.AdjustPoints(t.Context(), d.org, sale.DeriveID(id, "take", 0), no, -400, "mistake", "test"), &short)
	require.Equal(t, sale.Points(300), short.Free)
	require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, sale.DeriveID(id, "take", 1), no, -300, "mistake", "test"))
	c, _, _, _, err := d.Standing(t.Context(), d.org, no)
	require.NoError(t, err)
	require.Zero(t, c.Balance)
}

// TestTwoNodesDecideOnce lets two offices over one store settle the same customers at the same time.
func TestTwoNodesDecideOnce(t *testing.T) {
	d := newDesk(t, 2)
	var numbers []sale.CustomerNo
	for range 5 {
		no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
		require.NoError(t, err)
		require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, d.tills[0].ID(), no, 100, "opening", "test"))
		numbers = append(numbers, no)
	}
	var wg sync.WaitGroup
	for till := range 2 {
		wg.Go(func() {
			if err := d.office.Request(context.Background(), d.org, sale.TillNo(till+1), numbers); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	one, _ := d.held(t, 1)
	two, _ := d.held(t, 2)
	require.Equal(t, sale.Points(500), one+two, "each point is leased once")
}

func TestPublishIsSignedAndNumbered(t *testing.T) {
	d := newDesk(t, 1)
	p := *loyalty.Default()
	p.Version = 0
	for want := range uint32(2) {
		p.LineFloor = sale.Money(want + 1)
		v, err := d.office.Publish(t.Context(), d.org, p, "boss", "")
		require.NoError(t, err)
		require.Equal(t, want+1, v)
	}
	o, err := d.Org(t.Context(), d.org)
	require.NoError(t, err)
	changes, _, _, err := d.Changes(t.Context(), d.org, 1, 0, 0, 100, 1<<20)
	require.NoError(t, err)
	found := 0
	for _, c := range changes {
		if c.Kind == sale.ChangeProgramme {
			body, err := wire.Verify(o.Root, c.Body, wire.RoleProgramme)
			require.NoError(t, err)
			_, err = loyalty.Decode(body)
			require.NoError(t, err)
			found++
		}
	}
	require.Equal(t, 2, found)
}

// hasty is a store whose every lease taken back is settled at once, as Run may do on another goroutine.
type hasty struct {
	*store.Store
	settle func()
}

func (h hasty) TakeBack(ctx context.Context, org sale.OrgNo, lease sale.ID) error {
	err := h.Store.TakeBack(ctx, org, lease)
	h.settle()
	return err
}

// A retired till that held two leases of one customer: what the first sets free must not go back to it, as
// to the holder of the second.
func TestARetiredTillGetsNothingBack(t *testing.T) {
	d := newDesk(t, 2)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	for i := range 2 {
		require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, sale.DeriveID(d.tills[0].ID(), "gift", i), no, 10_000, "opening", "test"))
		d.drain(t)
	}
	_, leases := d.held(t, 1)
	require.Len(t, leases, 2)
	d.office.Store = hasty{d.Store, func() { require.NoError(t, d.office.SettleAll(t.Context(), d.org)) }}
	_, err = d.office.RetireTill(t.Context(), d.org, 1, "boss")
	require.NoError(t, err)
	require.NoError(t, d.office.SettleAll(t.Context(), d.org))
	one, _ := d.held(t, 1)
	two, _ := d.held(t, 2)
	require.Zero(t, one)
	require.Equal(t, sale.Points(20_000), two)
}

// barred is a store in which one customer's points cannot be read.
type barred struct {
	*store.Store
	no sale.CustomerNo
}

var errBarred = errors.New("these points cannot be read")

func (b barred) Standing(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (c sale.Customer, lots []sale.Lot, free []sale.LotAmount, leases []sale.LeaseChange, err error) {
	if no == b.no {
		return c, nil, nil, nil, errBarred
	}
	return b.Store.Standing(ctx, org, no)
}

func TestACustomerWhoCannotBeSettledHoldsUpNoOther(t *testing.T) {
	d := newDesk(t, 1)
	due := func() map[sale.CustomerNo]sale.ID {
		due, err := d.Due(t.Context(), d.org, 100)
		require.NoError(t, err)
		return due
	}
	var people []sale.CustomerNo
	for i := range 5 {
		no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Cards: []string{fmt.Sprint(i)}, Home: 1})
		require.NoError(t, err)
		require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, sale.DeriveID(d.tills[0].ID(), "gift", i), no, 100, "opening", "test"))
		people = append(people, no)
	}
	require.Len(t, due(), 5)
	d.office.Store = barred{d.Store, people[2]}
	require.ErrorIs(t, d.office.SettleAll(t.Context(), d.org), errBarred)
	_, leases := d.held(t, 1)
	require.Len(t, leases, 4)
	require.Len(t, due(), 1)
	require.Contains(t, due(), people[2], "stays due")
	d.office.Store = d.Store
	d.drain(t)
	require.Empty(t, due())
}

// A revoked till hears nothing: what becomes free must not be granted to it.
func TestARevokedTillIsGrantedNothing(t *testing.T) {
	d := newDesk(t, 2)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, sale.DeriveID(d.tills[0].ID(), "gift", 0), no, 100, "opening", "test"))
	d.drain(t)
	require.NoError(t, d.RevokeTill(t.Context(), d.org, 1, "boss"))
	require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, sale.DeriveID(d.tills[0].ID(), "gift", 1), no, 50, "gift", "test"))
	d.drain(t)
	one, _ := d.held(t, 1)
	two, _ := d.held(t, 2)
	require.Equal(t, sale.Points(100), one)
	require.Equal(t, sale.Points(50), two)
}

// Two tills without a line each pay the same debt out of what a sale earns: what was paid too much comes back.
func TestADebtPaidTwiceComesBack(t *testing.T) {
	d := newDesk(t, 2)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	sold := d.tills[0].Earning(no, 1, 60)
	d.tills[0].Add(sold)
	d.tills[0].Add(d.tills[0].Owing(sold, 60))
	for _, j := range d.tills {
		paying := j.Plain(1)
		paying.Sale.Customer, paying.Sale.Earned, paying.Sale.Lines[0].Earned = no, 60, 60
		paying.Postings = []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -60}, {Account: sale.DebtAccount(no), Amount: 60}}
		j.Add(paying)
	}
	for range 2 {
		d.drain(t)
		require.NoError(t, d.office.Settle(t.Context(), d.org, no))
		c, _, _, _, err := d.Standing(t.Context(), d.org, no)
		require.NoError(t, err)
		require.Zero(t, c.Debt)
		require.Equal(t, sale.Points(60+60), c.Balance)
	}
}

// Some hundred small lots, set free by a till that was retired, are more than one event takes.
func TestManyLotsAreGrantedInParts(t *testing.T) {
	d := newDesk(t, 2)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	for range 600 {
		d.tills[0].Add(d.tills[0].Earning(no, 1, 10))
	}
	d.drain(t)
	_, err = d.office.RetireTill(t.Context(), d.org, 1, "boss")
	require.NoError(t, err)
	require.NoError(t, d.office.SettleAll(t.Context(), d.org))
	two, leases := d.held(t, 2)
	require.Equal(t, sale.Points(6000), two)
	require.Len(t, leases, 3)
}
