package store

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	command "flag"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// circle is a head office that decides about rewards, over a real database.
type circle struct {
	*Store
	office *programme.Office
	org    sale.OrgNo
	seal   [32]byte
	tills  []*storetest.Journal
}

func newCircle(t require.TestingT, ctx context.Context, s *Store, tills int, rules func(*loyalty.Programme)) *circle {
	c := &circle{Store: s}
	c.office = programme.New(programme.Options{Store: s, Stale: ErrStale, Now: s.now, Logger: slog.New(slog.DiscardHandler)})
	var err error
	c.org, err = s.CreateOrg(ctx, "Test", rand.Reader)
	require.NoError(t, err)
	o, err := s.Org(ctx, c.org)
	require.NoError(t, err)
	c.seal = o.Seal
	require.NoError(t, s.PutShop(ctx, c.org, Shop{No: 1, Name: "1", Zone: "Europe/Moscow"}))
	for range tills {
		till, err := enrolTill(ctx, s, c.org)
		require.NoError(t, err)
		c.tills = append(c.tills, storetest.New(c.org, 1, till, sale.At(testNow)))
	}
	p := *loyalty.Default()
	p.Version = 0
	rules(&p)
	_, err = c.office.Publish(ctx, c.org, p, "boss", "")
	require.NoError(t, err)
	return c
}

func (c *circle) enrol(j *storetest.Journal, phone, friend string) sale.CustomerNo {
	r, blob := j.Enrolling(c.seal, sale.Person{Name: "Человек", Phone: phone, Friend: friend})
	j.AddSealed(r, blob)
	return r.Enrol.Customer
}

// bought is a sale to a customer of pieces at 5 ₽.
func (c *circle) bought(j *storetest.Journal, no sale.CustomerNo, pieces int) *sale.Record {
	r := j.Plain(1)
	l, sum := &r.Sale.Lines[0], sale.Money(500*pieces)
	l.Qty, l.Price, l.Gross, l.Net = sale.Qty(pieces)*sale.Piece, 500, sum, sum
	l.Parts = []sale.Part{{Qty: l.Qty, Price: 500, Sum: sum}}
	r.Sale.Customer, r.Sale.Gross, r.Sale.Total, r.Sale.Tenders[0].Amount, r.Fiscal.Sum = no, sum, sum, sum, sum
	j.Add(r)
	return r
}

// handIn appends all of a journal: what is here already is passed over.
func (c *circle) handIn(t testing.TB, j *storetest.Journal) {
	_, err := c.Append(t.Context(), c.org, j.Till, 0, j.Records)
	require.NoError(t, err)
}

func (c *circle) work(ctx context.Context) error {
	for _, do := range []func(context.Context, sale.OrgNo) error{c.office.SettleReturns, c.office.SettleRewards, c.office.ExpireAll, c.office.Daily, c.office.SettleRewards, c.office.SettleAll} {
		if err := do(ctx, c.org); err != nil {
			return err
		}
	}
	return nil
}

// sound checks what must hold whatever was decided, and answers each customer's balance less debt.
func (c *circle) sound(t require.TestingT, ctx context.Context) map[sale.CustomerNo]sale.Points {
	worth := map[sale.CustomerNo]sale.Points{}
	require.NoError(t, c.view(ctx, func(tx *tx) error {
		sum, err := tx.int(ctx, `SELECT sum(amount) FROM postings WHERE org = ?`, int64(c.org))
		require.NoError(t, err)
		require.Zero(t, sum, "postings add up to zero")
		bad, err := tx.int(ctx, `SELECT count(*) FROM lots WHERE org = ? AND (remaining < 0 OR leased < 0 OR leased > remaining)`, int64(c.org))
		require.NoError(t, err)
		require.Zero(t, bad, "no lot is below what is leased of it")
		apart, err := tx.int(ctx, `SELECT count(*) FROM accounts a WHERE a.org = ? AND a.kind = 1 AND a.balance <> (SELECT coalesce(sum(remaining), 0) FROM lots l
			WHERE l.org = a.org AND l.kind = a.kind AND l.no = a.no AND l.purse = a.purse)`, int64(c.org))
		require.NoError(t, err)
		require.Zero(t, apart, "a balance is the sum of its lots")
		return tx.each(ctx, `SELECT no, sum(balance) FROM accounts WHERE org = ? AND kind IN (1, 4) GROUP BY no`, []any{int64(c.org)}, func(r *sql.Rows) error {
			var no sale.CustomerNo
			var n sale.Points
			err := r.Scan(&no, &n)
			if n != 0 {
				worth[no] = n
			}
			return err
		})
	}))
	return worth
}

func circleRules(p *loyalty.Programme) {
	p.Referral = loyalty.Referral{Rates: []sale.BasisPoints{500, 200}, First: 100 * sale.Point, Friend: 50 * sale.Point, Min: 20 * sale.Rouble, Month: 120 * sale.Point}
	p.Grants.Welcome, p.Grants.FirstPurchase = 30*sale.Point, 10*sale.Point
	p.Tiers[1].Need = loyalty.Need{Spend: 500 * sale.Rouble}
}

func TestRewardsOnBothEngines(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		c := newCircle(t, ctx, s, 2, circleRules)
		one, two := c.tills[0], c.tills[1]
		anna := c.enrol(one, "+79160000001", "")
		boris := c.enrol(one, "+79160000002", "+79160000001")
		sold := c.bought(one, boris, 200) // 1000 ₽
		c.handIn(t, one)
		require.NoError(t, c.work(ctx))
		want := map[sale.CustomerNo]sale.Points{anna: 18_000, boris: 9_000} // 30+50+100, 30+10+50
		require.Equal(t, want, c.sound(t, ctx))
		p, found, err := s.Whole(ctx, c.org, boris)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, uint16(1), p.Tier)
		require.Equal(t, sale.Progress{Spend: 100_000, Receipts: 1}, p.Told)

		two.Add(two.Returning(sold, 100))
		c.handIn(t, two)
		for range 2 {
			require.NoError(t, c.work(ctx))
			require.Equal(t, map[sale.CustomerNo]sale.Points{anna: 15_500, boris: 9_000}, c.sound(t, ctx))
		}
		rows, err := s.Rewards(ctx, c.org, anna, 10)
		require.NoError(t, err)
		require.Len(t, rows, 4)
		shares, err := s.SharesFor(ctx, c.org, anna, 10)
		require.NoError(t, err)
		require.Equal(t, sale.Points(2_500), shares[0].Deserved)

		// A replay, a draw without tickets, a partner without codes: the statements must hold on both engines.
		draft := loyalty.Default()
		r, err := c.office.Rehearse(ctx, c.org, draft, 0, sale.At(testNow.Add(time.Hour)), nil)
		require.NoError(t, err)
		require.Equal(t, int64(1), r.All().Receipts)
		tickets, err := s.Tickets(ctx, c.org, 5)
		require.NoError(t, err)
		require.Empty(t, tickets)
		got, err := s.Brought(ctx, c.org, []uint32{1}, 0, sale.At(testNow.Add(time.Hour)))
		require.NoError(t, err)
		require.Equal(t, deed.Brought{}, got)
		earners, err := s.Earners(ctx, c.org, 0, sale.At(testNow))
		require.NoError(t, err)
		require.Empty(t, earners)
	})
}

// A decision that rests on an older reading is refused whole.
func TestDecideRefusesWhatCameBetween(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		c := newCircle(t, ctx, s, 1, circleRules)
		anna := c.enrol(c.tills[0], "+79160000001", "")
		c.handIn(t, c.tills[0])
		due, err := s.DueRewards(ctx, c.org, 10)
		require.NoError(t, err)
		require.Len(t, due, 1)
		lot := sale.Lot{ID: sale.ID{1}, Account: sale.CustomerAccount(anna), Source: sale.ID{2}}
		gift := func(id byte) deed.Decision {
			l := lot
			l.ID = sale.ID{id, 1}
			return deed.Decision{Events: []*sale.Record{{
				Kind: sale.KindReward, ID: sale.ID{id}, Reward: &sale.Reward{Customer: anna, Amount: 5, Cause: "welcome", Key: "first"}, Lots: []sale.Lot{l},
				Postings: []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -5}, {Account: l.Account, Lot: l.ID, Amount: 5}},
			}}}
		}
		require.NoError(t, s.Decide(ctx, c.org, gift(1)))
		require.ErrorIs(t, s.Decide(ctx, c.org, gift(2)), ErrStale, "the turn has moved on")
		next := gift(2)
		next.Turn = 1
		changed := due[0]
		changed.Cause = sale.ID{9}
		next.Due = &changed
		require.ErrorIs(t, s.Decide(ctx, c.org, next), ErrStale, "its subject has changed")
		require.Equal(t, map[sale.CustomerNo]sale.Points{anna: 5}, c.sound(t, ctx), "nothing of a refused decision stays")
		next.Due = &due[0]
		require.NoError(t, s.Decide(ctx, c.org, next))
		require.ErrorIs(t, s.Decide(ctx, c.org, next), ErrStale, "it is decided")
		left, err := s.DueRewards(ctx, c.org, 10)
		require.NoError(t, err)
		require.Empty(t, left)
	})
}

// However the tills' records come in, and whenever head office looks, everybody ends with the same.
func TestRewardsInAnyOrderOfArrival(t *testing.T) {
	fewer(t, "5") // each is two head offices with some thirty commits: seconds are enough, -rapid.checks asks for more
	s := openIn(t, t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		var want map[sale.CustomerNo]sale.Points
		steps := rapid.SliceOfN(rapid.IntRange(0, 99), 6, 14).Draw(rt, "history")
		for range 2 {
			c := newCircle(rt, ctx, s, 3, circleRules)
			c.history(steps)
			c.arrive(rt, ctx)
			require.NoError(rt, c.work(ctx))
			got := c.sound(rt, ctx)
			require.NoError(rt, c.work(ctx))
			require.Equal(rt, got, c.sound(rt, ctx), "a repeated run changes nothing")
			if want == nil {
				want = got
			}
			require.Equal(rt, want, got)
		}
	})
}

// fewer sets rapid's number of checks unless the command line does.
func fewer(t *testing.T, checks string) {
	asked := false
	command.Visit(func(f *command.Flag) { asked = asked || f.Name == "rapid.checks" })
	if asked {
		return
	}
	was := command.Lookup("rapid.checks").Value.String()
	require.NoError(t, command.Set("rapid.checks", checks))
	t.Cleanup(func() { require.NoError(t, command.Set("rapid.checks", was)) })
}

// history writes the same journals for the same steps: four customers, each brought by the one before, who
// buy at any till and bring some of it back at any other.
func (c *circle) history(steps []int) {
	var who []sale.CustomerNo
	for i := range 4 {
		friend := ""
		if i > 0 {
			friend = fmt.Sprintf("+7916000000%d", i)
		}
		who = append(who, c.enrol(c.tills[0], fmt.Sprintf("+7916000000%d", i+1), friend))
	}
	type open struct {
		sold *sale.Record
		left int
	}
	var sold []open
	for _, n := range steps {
		j := c.tills[n%len(c.tills)]
		if n < 60 || len(sold) == 0 {
			pieces := 1 + n%37
			sold = append(sold, open{c.bought(j, who[n%4], pieces), pieces})
			continue
		}
		if x := &sold[n%len(sold)]; x.left > 0 {
			some := 1 + n%x.left
			x.left -= some
			j.Add(j.Returning(x.sold, some))
		}
	}
}

// arrive hands the journals in in pieces, in an order that is drawn, with looks of head office between.
func (c *circle) arrive(t *rapid.T, ctx context.Context) {
	sent := make([]int, len(c.tills))
	for {
		var waiting []int
		for i, j := range c.tills {
			if sent[i] < len(j.Records) {
				waiting = append(waiting, i)
			}
		}
		if len(waiting) == 0 {
			return
		}
		i := rapid.SampledFrom(waiting).Draw(t, "till")
		n := rapid.IntRange(1, len(c.tills[i].Records)-sent[i]).Draw(t, "records")
		_, err := c.Append(ctx, c.org, c.tills[i].Till, 0, c.tills[i].Records[sent[i]:sent[i]+n])
		require.NoError(t, err)
		sent[i] += n
		if rapid.Bool().Draw(t, "look") {
			require.NoError(t, c.work(ctx))
		}
	}
}

func enrolTill(ctx context.Context, s *Store, org sale.OrgNo) (sale.TillNo, error) {
	code, err := s.NewCode(ctx, org, 1, 0, "test", rand.Reader)
	if err != nil {
		return 0, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return 0, err
	}
	a, err := s.Enrol(ctx, &wire.EnrolRequest{Secret: code.Secret, Key: public, Proof: ed25519.Sign(private, wire.ProofBytes(code.Secret))})
	if err != nil {
		return 0, err
	}
	return a.Till, nil
}
