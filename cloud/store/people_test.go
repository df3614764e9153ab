package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// pendingReturn is a return of a receipt that the till did not know, by the QR on it.
func pendingReturn(c *circle, till int, of *sale.Record) {
	j := c.tills[till]
	r := j.Returning(of, 1)
	r.Return.Of, r.Return.OfNo, r.Return.Customer, r.Return.Pending = sale.ID{}, 0, 0, true
	r.Return.QR = &sale.Fiscal{Kind: sale.FiscalForeign, Key: of.Fiscal.Key, Sum: of.Fiscal.Sum, Sign: of.Fiscal.Sign, Stamp: of.Fiscal.Stamp, Doc: sale.DocSale}
	j.Add(r)
}

func TestAReceiptReturnedTwiceHoldsUpNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		c := newCircle(t, t.Context(), s, 2, circleRules)
		one, two := c.tills[0], c.tills[1]
		anna := c.enrol(one, "+79160000001", "")
		twice, good := c.bought(one, anna, 2), c.bought(one, anna, 2)
		one.Add(one.Returning(twice, 2))
		two.Add(two.Returning(twice, 2)) // neither till hears of the other
		pendingReturn(c, 1, twice)
		pendingReturn(c, 1, good)
		c.handIn(t, one)
		c.handIn(t, two)
		require.Equal(t, 2, count(t, s, `SELECT count(*) FROM pending_returns WHERE settled = 0`))
		require.NoError(t, c.office.SettleReturns(t.Context(), c.org))
		require.Zero(t, count(t, s, `SELECT count(*) FROM pending_returns WHERE settled = 0`))
		c.sound(t, t.Context())
	})
}

// Whatever becomes of who brought a friend, neither loses what was given; a closed account gets nothing new.
func TestWhoBroughtAFriendStays(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *circle, sale.CustomerNo){
		"another phone": func(t *testing.T, c *circle, anna sale.CustomerNo) {
			p, err := c.Person(t.Context(), c.org, anna)
			require.NoError(t, err)
			p.Phone = "+79169999999"
			_, err = c.PutPerson(t.Context(), c.org, p)
			require.NoError(t, err)
		},
		"erased": func(t *testing.T, c *circle, anna sale.CustomerNo) {
			require.NoError(t, c.EraseCustomer(t.Context(), c.org, anna, "boss"))
			require.Zero(t, count(t, c.Store, `SELECT count(*) FROM customers WHERE friend LIKE '%79160000001%'`), "no phone stays beside a friend")
		},
		"blocked": func(t *testing.T, c *circle, anna sale.CustomerNo) {
			require.NoError(t, c.SetCustomerState(t.Context(), c.org, anna, sale.CustomerBlocked, "boss"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			c := newCircle(t, ctx, openIn(t, t.TempDir()), 1, circleRules)
			one := c.tills[0]
			anna := c.enrol(one, "+79160000001", "")
			boris := c.enrol(one, "+79160000002", "+79160000001")
			c.bought(one, boris, 200) // 1000 ₽: 30+50+100 and 30+10+50
			c.handIn(t, one)
			require.NoError(t, c.work(ctx))
			want := map[sale.CustomerNo]sale.Points{anna: 18_000, boris: 9_000}
			require.Equal(t, want, c.sound(t, ctx))
			change(t, c, anna)
			c.bought(one, boris, 200)
			c.handIn(t, one)
			require.NoError(t, c.work(ctx))
			if name == "another phone" {
				want[anna] += 5_000
			}
			require.Equal(t, want, c.sound(t, ctx))
		})
	}
}

func TestAMergedReferrerHasOneMonth(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		c := newCircle(t, ctx, s, 1, circleRules)
		one := c.tills[0]
		anna := c.enrol(one, "+79160000001", "")
		old := c.enrol(one, "+79160000009", "")
		boris := c.enrol(one, "+79160000002", "+79160000001")
		sold := c.bought(one, boris, 200)
		c.handIn(t, one)
		require.NoError(t, c.work(ctx))
		require.NoError(t, c.MergeCustomers(ctx, c.org, old, anna, "same person", "boss"))
		require.NoError(t, c.work(ctx))
		merged := c.sound(t, ctx)
		one.Add(one.Returning(sold, 20)) // a tenth: 5 of 50 points go
		c.handIn(t, one)
		for range 2 {
			require.NoError(t, c.work(ctx))
			after := c.sound(t, ctx)
			require.Equal(t, merged[old]+merged[anna]-500, after[old]+after[anna])
		}
	})
}

func TestAMergeLendsATierByHandToItsEnd(t *testing.T) {
	ctx, now := t.Context(), testNow
	s, err := Open(ctx, t.TempDir(), func() time.Time { return now })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	c := newCircle(t, ctx, s, 1, circleRules)
	one := c.tills[0]
	anna, vip, vera := c.enrol(one, "+79160000001", ""), c.enrol(one, "+79160000002", ""), c.enrol(one, "+79160000003", "")
	c.handIn(t, one)
	require.NoError(t, c.work(ctx))
	until := sale.At(now.Add(48 * time.Hour))
	stands := func(no sale.CustomerNo, tier uint16, end sale.Time, why string) {
		t.Helper()
		p, _, err := c.Whole(ctx, c.org, no)
		require.NoError(t, err)
		require.Equal(t, []any{tier, end}, []any{p.Tier, p.Until}, why)
	}
	require.NoError(t, c.office.SetTier(ctx, c.org, vip, 2, until, "guest", "boss"))
	require.NoError(t, c.MergeCustomers(ctx, c.org, anna, vip, "by mistake", "boss"))
	require.NoError(t, c.work(ctx))
	stands(anna, 2, until, "nobody loses by a merge")
	require.NoError(t, c.SplitCustomer(ctx, c.org, vip, "sorry", "boss"))
	require.NoError(t, c.work(ctx))
	stands(anna, 0, 0, "a split takes it back")
	stands(vip, 2, until, "whose it was keeps it")
	require.NoError(t, c.MergeCustomers(ctx, c.org, vera, vip, "same person", "boss"))
	now = now.Add(96 * time.Hour)
	require.NoError(t, c.work(ctx))
	stands(vera, 0, 0, "a guest's two days are over")
}

func TestAMergeKeepsTheStricterState(t *testing.T) {
	ctx := t.Context()
	c := newCircle(t, ctx, openIn(t, t.TempDir()), 1, circleRules)
	one := c.tills[0]
	anna, other := c.enrol(one, "+79160000001", ""), c.enrol(one, "", "")
	c.handIn(t, one)
	require.NoError(t, c.SetCustomerState(ctx, c.org, other, sale.CustomerBlocked, "boss"))
	require.NoError(t, c.MergeCustomers(ctx, c.org, anna, other, "same person", "boss"))
	state := func(no sale.CustomerNo) sale.CustomerState {
		p, err := c.Person(ctx, c.org, no)
		require.NoError(t, err)
		return p.State
	}
	require.Equal(t, sale.CustomerBlocked, state(anna))
	require.NoError(t, c.SplitCustomer(ctx, c.org, other, "sorry", "boss"))
	require.Equal(t, []sale.CustomerState{sale.CustomerActive, sale.CustomerBlocked}, []sale.CustomerState{state(anna), state(other)})
}

func TestASplitGoesTheWayOfTheMerges(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		org, js := seat(t, s, 3)
		var no []sale.CustomerNo
		for i, j := range js {
			j.At += sale.Time(i) * 1000
			n := enrol(t, s, j, sale.Person{Name: "А", Card: fmt.Sprint("29", i)})
			j.Add(j.Earning(n, 1, 100))
			no = append(no, n)
		}
		handIn(t, s, js...)
		require.NoError(t, s.MergeCustomers(ctx, org, no[1], no[2], "", ""))
		require.NoError(t, s.MergeCustomers(ctx, org, no[0], no[1], "", ""))
		balance := func(n sale.CustomerNo) sale.Points { return customerOf(t, s, org, n).Customer.Balance }
		require.Equal(t, sale.Points(300), balance(no[0]))
		require.NoError(t, s.SplitCustomer(ctx, org, no[1], "", ""))
		require.Equal(t, []sale.Points{100, 200}, []sale.Points{balance(no[0]), balance(no[1])}, "the middle one takes the third along")
		require.NoError(t, s.SplitCustomer(ctx, org, no[2], "", ""))
		require.Equal(t, []sale.Points{100, 100, 100}, []sale.Points{balance(no[0]), balance(no[1]), balance(no[2])})
	})
}

func TestAHolidayPublishedOnItsDayIsGivenOnce(t *testing.T) {
	ctx := t.Context()
	c := newCircle(t, ctx, openIn(t, t.TempDir()), 1, circleRules)
	anna := c.enrol(c.tills[0], "+79160000001", "")
	c.handIn(t, c.tills[0])
	require.NoError(t, c.work(ctx))
	p := *loyalty.Default()
	p.Version = 0
	p.Grants.Holidays = []loyalty.Holiday{{ID: 1, RU: "П", EN: "H", Month: uint8(testNow.Month()), Day: uint8(testNow.Day()), Points: 100}}
	_, err := c.office.Publish(ctx, c.org, p, "boss", "")
	require.NoError(t, err)
	require.NoError(t, c.work(ctx))
	require.NoError(t, c.work(ctx))
	given, err := c.Given(ctx, c.org, []sale.CustomerNo{anna}, loyalty.CauseHoliday, "")
	require.NoError(t, err)
	require.Equal(t, []any{1, sale.Points(100)}, []any{given[anna].Times, given[anna].Amount})
}

func TestTrainingUsesNothingUp(t *testing.T) {
	s := openIn(t, t.TempDir())
	org, js := seat(t, s, 1)
	key := sale.LookupKey([]byte("12345678"))
	require.NoError(t, s.change(t.Context(), func(tx *tx) error {
		_, err := tx.exec(t.Context(), `INSERT INTO codes (org, key, code, campaign, shard, owner, state, made, made_by) VALUES (?, ?, 'X', 1, 0, 0, 0, 1, '')`, int64(org), key[:])
		return err
	}))
	e := js[0].Plain(1)
	e.Sale.Customer, e.Sale.Training, e.Sale.Codes = 7, true, []sale.CodeUse{{Campaign: 1, Key: key}}
	js[0].Add(e)
	js[0].Add(js[0].Returning(e, 1))
	handIn(t, s, js[0])
	require.Zero(t, count(t, s, `SELECT state FROM codes WHERE org = ?`, int64(org)), "the code is good still")
	require.Zero(t, count(t, s, `SELECT coalesce(sum(spend), 0) FROM bought WHERE org = ?`, int64(org)), "nothing was bought, nothing came back")
}

// A till hands a receipt in, with its customer's contact sealed beside it, in the instant in which they are erased.
func TestErasingWhileTillsHandIn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 3)
		for i := range 30 {
			no, err := s.PutPerson(t.Context(), org, Person{Name: "Анна", Cards: []string{fmt.Sprint(i)}})
			require.NoError(t, err)
			var all sync.WaitGroup
			for _, j := range js {
				r := j.Plain(1)
				r.Sale.Customer = no
				j.AddSealed(r, []byte("a contact"))
				all.Go(func() {
					if _, err := s.Append(t.Context(), org, j.Till, 0, j.Records); err != nil {
						t.Error(err)
					}
				})
			}
			all.Go(func() {
				if err := s.EraseCustomer(t.Context(), org, no, "boss"); err != nil {
					t.Error(err)
				}
			})
			all.Wait()
		}
		require.Zero(t, count(t, s, `SELECT count(*) FROM sealed`), "nothing stays beside an erased customer's receipts")
		require.Equal(t, 90, count(t, s, `SELECT count(*) FROM sales`))
	})
}
