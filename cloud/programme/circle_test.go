package programme_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// publish puts rules in force since long ago.
func (d *desk) publish(t *testing.T, change func(*loyalty.Programme)) {
	t.Helper()
	p := *loyalty.Default()
	p.Version = 0
	change(&p)
	_, err := d.office.Publish(t.Context(), d.org, p, "boss", "")
	require.NoError(t, err)
}

// enrol takes a customer in at a till.
func (d *desk) enrol(t *testing.T, j *storetest.Journal, name, phone, friend string) sale.CustomerNo {
	t.Helper()
	o, err := d.Org(t.Context(), d.org)
	require.NoError(t, err)
	r, blob := j.Enrolling(o.Seal, sale.Person{Name: name, Phone: phone, Friend: friend})
	j.AddSealed(r, blob)
	return r.Enrol.Customer
}

// sell is a sale of so many pieces at a price; nothing is earned at the till, so what moves is head office's.
func sell(j *storetest.Journal, no sale.CustomerNo, pieces sale.Qty, price sale.Money) *sale.Record {
	r := j.Plain(1)
	l, qty, sum := &r.Sale.Lines[0], pieces*sale.Piece, price*sale.Money(pieces)
	l.Qty, l.Price, l.Gross, l.Net = qty, price, sum, sum
	l.Parts = []sale.Part{{Qty: qty, Price: price, Sum: sum}}
	r.Sale.Gross, r.Sale.Total, r.Sale.Tenders[0].Amount, r.Fiscal.Sum = sum, sum, sum, sum
	r.Sale.Customer = no
	j.Add(r)
	return r
}

// decide hands in what the tills have and lets head office do all its work, twice: the second time nothing
// may change.
func (d *desk) decide(t *testing.T) {
	t.Helper()
	for _, j := range d.tills {
		if n := d.sent[j.Till]; n < len(j.Records) {
			_, err := d.Append(t.Context(), d.org, j.Till, 0, j.Records[n:])
			require.NoError(t, err)
			d.sent[j.Till] = len(j.Records)
		}
	}
	d.work(t)
	before, err := d.Position(t.Context(), d.org, 0)
	require.NoError(t, err)
	d.work(t)
	after, err := d.Position(t.Context(), d.org, 0)
	require.NoError(t, err)
	require.Equal(t, before, after, "a repeated run decides nothing new")
}

func (d *desk) work(t *testing.T) {
	t.Helper()
	for _, do := range []func() error{
		func() error { return d.office.SettleReturns(t.Context(), d.org) },
		func() error { return d.office.SettleRewards(t.Context(), d.org) },
		func() error { return d.office.Reclaim(t.Context(), d.org) },
		func() error { return d.office.ExpireAll(t.Context(), d.org) },
		func() error { return d.office.Daily(t.Context(), d.org) },
		func() error { return d.office.SettleRewards(t.Context(), d.org) },
		func() error { return d.office.SettleAll(t.Context(), d.org) },
	} {
		require.NoError(t, do())
	}
}

// worth is what a customer has less what they owe.
func (d *desk) worth(t *testing.T, no sale.CustomerNo) sale.Points {
	t.Helper()
	c, _, _, _, err := d.Standing(t.Context(), d.org, no)
	require.NoError(t, err)
	return c.Balance - c.Debt
}

func udsRules(p *loyalty.Programme) {
	p.Referral = loyalty.Referral{Rates: []sale.BasisPoints{500, 200, 100}, First: 100 * sale.Point, Friend: 50 * sale.Point, Min: 500 * sale.Rouble}
}

func TestReferralReachesThreeLevelsAndComesBack(t *testing.T) {
	d := newDesk(t, 2)
	d.publish(t, udsRules)
	one, two := d.tills[0], d.tills[1]
	anna := d.enrol(t, one, "Петрова Анна", "+79160000001", "")
	boris := d.enrol(t, one, "Иванов Борис", "+79160000002", "8 916 000-00-01") // by phone
	d.decide(t)
	code, err := d.ReferralCode(t.Context(), d.org, boris)
	require.NoError(t, err)
	vera := d.enrol(t, two, "Сидорова Вера", "+79160000003", code[:4]+"-"+code[4:])
	d.decide(t)

	small := sell(two, vera, 1, 49_999)
	d.decide(t)
	require.Zero(t, d.worth(t, boris)+d.worth(t, anna)+d.worth(t, vera), "499,99 ₽ is below the least")
	trace, err := d.SharesFor(t.Context(), d.org, boris, 10)
	require.NoError(t, err)
	require.Equal(t, loyalty.RuleReferralMin, trace[0].Reasons[0].Rule, "and the trace says so")
	require.Equal(t, small.ID, trace[0].Sale)

	sold := sell(two, vera, 10, 20_000) // 2000 ₽
	d.decide(t)
	require.Equal(t, 200*sale.Point, d.worth(t, boris), "5 % of 2000 ₽ and 100 for the first purchase")
	require.Equal(t, 40*sale.Point, d.worth(t, anna), "2 % on the second level")
	require.Equal(t, 50*sale.Point, d.worth(t, vera), "the friend's own")
	rows, err := d.Rewards(t.Context(), d.org, boris, 10)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	for _, r := range rows {
		require.NotEmpty(t, r.Reasons)
	}

	two.Add(two.Returning(sold, 4)) // 1200 ₽ are kept
	d.decide(t)
	require.Equal(t, 160*sale.Point, d.worth(t, boris))
	require.Equal(t, 24*sale.Point, d.worth(t, anna))
	two.Add(two.Returning(sold, 6))
	d.decide(t)
	require.Zero(t, d.worth(t, boris)+d.worth(t, anna)+d.worth(t, vera), "nothing is kept, nothing was deserved, the first purchase included")

	sell(one, vera, 1, 100_000)
	d.decide(t)
	require.Equal(t, 150*sale.Point, d.worth(t, boris), "the first purchase that stands")
	require.Equal(t, 50*sale.Point, d.worth(t, vera))
}

// 1000 ₽ at 5 % are 50 points; brought back in 200 parts of 5 ₽ they leave none.
func TestReferralRewardRefundedIn200Parts(t *testing.T) {
	d := newDesk(t, 1)
	d.publish(t, func(p *loyalty.Programme) { p.Referral.Rates = []sale.BasisPoints{500} })
	j := d.tills[0]
	anna := d.enrol(t, j, "Петрова Анна", "+79160000001", "")
	boris := d.enrol(t, j, "Иванов Борис", "+79160000002", "+79160000001")
	sold := sell(j, boris, 200, 500)
	d.decide(t)
	require.Equal(t, 50*sale.Point, d.worth(t, anna))
	for part := 1; part <= 200; part++ {
		j.Add(j.Returning(sold, 1))
		if part%20 == 0 { // the office looks now and then: how often must not matter
			d.decide(t)
			require.Equal(t, sale.Points(25*(200-part)), d.worth(t, anna))
		}
	}
	require.Zero(t, d.worth(t, anna))
}

func TestReferralCycleAndSelf(t *testing.T) {
	d := newDesk(t, 1)
	d.publish(t, udsRules)
	j := d.tills[0]
	self := d.enrol(t, j, "Хитрый Иван", "+79160000009", "+79160000009")
	anna := d.enrol(t, j, "Петрова Анна", "+79160000001", "+79160000002")
	boris := d.enrol(t, j, "Иванов Борис", "+79160000002", "+79160000001")
	sell(j, self, 1, 100_000)
	sell(j, anna, 1, 100_000)
	d.decide(t)
	require.Zero(t, d.worth(t, self))
	require.Equal(t, 50*sale.Point, d.worth(t, anna), "as a friend of Boris; nothing from herself, two levels up")
	require.Equal(t, 150*sale.Point, d.worth(t, boris))
	sell(j, boris, 1, 100_000)
	d.decide(t)
	require.Equal(t, 200*sale.Point, d.worth(t, anna))
}

// The month's limit is on the sum, so receipts in any order, and returned in any order, come to the same.
func TestReferralMonthsLimit(t *testing.T) {
	for name, order := range map[string][]int{"large first": {0, 1, 2}, "small first": {2, 1, 0}} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, 1)
			d.publish(t, func(p *loyalty.Programme) {
				p.Referral = loyalty.Referral{Rates: []sale.BasisPoints{1000}, Month: 100 * sale.Point}
			})
			j := d.tills[0]
			anna := d.enrol(t, j, "Петрова Анна", "+79160000001", "")
			boris := d.enrol(t, j, "Иванов Борис", "+79160000002", "+79160000001")
			prices, sold := []sale.Money{90_000, 30_000, 20_000}, map[int]*sale.Record{}
			for _, i := range order {
				sold[i] = sell(j, boris, 1, prices[i])
				d.decide(t)
			}
			require.Equal(t, 100*sale.Point, d.worth(t, anna), "140 deserved")
			j.Add(j.Returning(sold[0], 1))
			d.decide(t)
			require.Equal(t, 50*sale.Point, d.worth(t, anna), "of the other two nothing is held back any more")
		})
	}
}

func TestWelcomeOncePerPerson(t *testing.T) {
	d := newDesk(t, 2)
	d.publish(t, func(p *loyalty.Programme) { p.Grants.Welcome, p.Grants.FirstPurchase = 100*sale.Point, 70*sale.Point })
	one := d.enrol(t, d.tills[0], "Петрова Анна", "+79160000001", "")
	two := d.enrol(t, d.tills[1], "Петрова Анна", "+79160000002", "")
	sell(d.tills[0], one, 1, 5_000)
	sell(d.tills[1], two, 1, 6_000)
	d.decide(t)
	require.Equal(t, 170*sale.Point, d.worth(t, one))
	require.Equal(t, 170*sale.Point, d.worth(t, two), "nobody can know yet")

	merge := &sale.Record{Kind: sale.KindMerge, ID: d.tills[0].ID(), Merge: &sale.Merge{Into: one, From: two}}
	require.NoError(t, d.Post(t.Context(), d.org, merge))
	d.decide(t)
	require.Equal(t, 170*sale.Point, d.worth(t, one), "one person, paid once")
	split := &sale.Record{Kind: sale.KindSplit, ID: d.tills[0].ID(), Merge: &sale.Merge{Into: one, From: two}}
	require.NoError(t, d.Post(t.Context(), d.org, split))
	d.decide(t)
	require.Equal(t, 170*sale.Point, d.worth(t, one))
	require.Equal(t, 170*sale.Point, d.worth(t, two), "two after all")
}

func TestTiersFollowPurchases(t *testing.T) {
	d := newDesk(t, 1)
	d.publish(t, func(p *loyalty.Programme) {
		p.Tiers[1].Need = loyalty.Need{Spend: 1_000 * sale.Rouble}
		p.Tiers[2].Need = loyalty.Need{Referrals: 1}
		p.Window = loyalty.Window{Days: 30, Downgrade: true, HoldDays: 10}
	})
	j := d.tills[0]
	anna := d.enrol(t, j, "Петрова Анна", "+79160000001", "")
	tier := func(no sale.CustomerNo) uint16 {
		p, found, err := d.Whole(t.Context(), d.org, no)
		require.NoError(t, err)
		require.True(t, found)
		return p.Tier
	}
	sold := sell(j, anna, 10, 9_999)
	d.decide(t)
	require.Zero(t, tier(anna), "999,90 ₽")
	sell(j, anna, 1, 10)
	d.decide(t)
	require.Equal(t, uint16(1), tier(anna), "1000,00 ₽")
	version, err := d.Version(t.Context(), d.org)
	require.NoError(t, err)
	changes, _, _, err := d.Changes(t.Context(), d.org, 1, version-10, 0, 100, 1<<20)
	require.NoError(t, err)
	told := sale.CustomerChange{}
	for _, c := range changes {
		if c.Kind == sale.ChangeCustomer {
			require.NoError(t, sale.Decode(c.Body, &told))
		}
	}
	require.Equal(t, uint16(1), told.Customer.Tier, "tills hear of it")
	require.Equal(t, sale.Progress{Spend: 100_000, Receipts: 2}, told.Customer.Progress)

	j.Add(j.Returning(sold, 10))
	d.decide(t)
	require.Equal(t, uint16(1), tier(anna), "a tier just reached is held")
	d.now = d.now.Add(11 * 24 * time.Hour)
	d.decide(t)
	require.Zero(t, tier(anna))

	require.NoError(t, d.office.SetTier(t.Context(), d.org, anna, 2, sale.At(d.now.Add(48*time.Hour)), "подарок", "boss"))
	require.ErrorIs(t, d.office.SetTier(t.Context(), d.org, anna, 9, 0, "", "boss"), programme.ErrTier)
	d.decide(t)
	require.Equal(t, uint16(2), tier(anna), "the rules leave it alone")
	d.now = d.now.Add(72 * time.Hour)
	d.decide(t)
	require.Zero(t, tier(anna), "its term is over")

	boris := d.enrol(t, j, "Иванов Борис", "+79160000002", "+79160000001")
	sell(j, boris, 1, 100)
	d.decide(t)
	require.Equal(t, uint16(2), tier(anna), "a friend has bought")
}

func TestBirthdayAndHolidayGifts(t *testing.T) {
	d := newDesk(t, 1)
	d.publish(t, func(p *loyalty.Programme) {
		p.Grants.Birthday = loyalty.Birthday{Points: 200 * sale.Point, Average: 1500, Before: 3, After: 3}
		p.Grants.Holidays = []loyalty.Holiday{{ID: 1, RU: "Новый год", EN: "New Year", Month: 1, Day: 1, Before: 1, After: 9, Points: 50 * sale.Point}}
	})
	born := func(name, day string) sale.CustomerNo {
		no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: name, Home: 1})
		require.NoError(t, err)
		require.NoError(t, d.SetBirthday(t.Context(), d.org, no, day, "test"))
		return no
	}
	today := born("Петрова Анна", "1990-11-24") // in three days
	later := born("Иванов Борис", "11-25")
	sell(d.tills[0], today, 1, 200_000) // 15 % of 2000 ₽ are 300
	d.decide(t)
	require.Equal(t, 300*sale.Point, d.worth(t, today))
	require.Zero(t, d.worth(t, later))
	_, lots, _, _, err := d.Standing(t.Context(), d.org, today)
	require.NoError(t, err)
	require.Equal(t, sale.At(time.Date(2026, 11, 27, 21, 0, 0, 0, time.UTC)), lots[0].ExpiresAt, "Moscow's midnight after the 27th")
	for range 3 { // each day anew, and after the birthday was changed to another
		d.now = d.now.Add(24 * time.Hour)
		require.NoError(t, d.SetBirthday(t.Context(), d.org, today, "11-26", "test"))
		d.decide(t)
	}
	require.Equal(t, 300*sale.Point, d.worth(t, today), "once a year")
	require.Equal(t, 200*sale.Point, d.worth(t, later))
	d.now = time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)
	d.decide(t)
	d.now = time.Date(2027, 1, 5, 12, 0, 0, 0, time.UTC)
	d.decide(t)
	rows, err := d.Rewards(t.Context(), d.org, today, 10)
	require.NoError(t, err)
	require.Len(t, rows, 2, "New Year's once over both years, beside the birthday's")
	require.Equal(t, "holiday/1/2027", rows[0].Key)
	require.Equal(t, 250*sale.Point, d.worth(t, later), "of which the birthday's 200 wait at the till to be handed back")
}

// TestABirthdaysAverageIsThePersons: of what was bought on every card, also before its customers were merged.
func TestABirthdaysAverageIsThePersons(t *testing.T) {
	d := newDesk(t, 1)
	d.publish(t, func(p *loyalty.Programme) { p.Grants.Birthday = loyalty.Birthday{Average: 1000, Before: 3, After: 3} })
	person := func(name string) sale.CustomerNo {
		no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: name, Home: 1})
		require.NoError(t, err)
		return no
	}
	into, from := person("Петрова Анна"), person("Петрова А.")
	sell(d.tills[0], from, 1, 200_000)
	sell(d.tills[0], from, 1, 400_000)
	d.decide(t)
	require.NoError(t, d.MergeCustomers(t.Context(), d.org, into, from, "одна и та же", "boss"))
	require.NoError(t, d.SetBirthday(t.Context(), d.org, into, "1990-11-24", "test"))
	d.now = d.now.Add(24 * time.Hour)
	d.decide(t)
	rows, err := d.Rewards(t.Context(), d.org, into, 10)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, 300*sale.Point, rows[0].Amount, "10 % of 3000 ₽")
}

func TestReviewsAreCappedByTheMonth(t *testing.T) {
	d := newDesk(t, 1)
	d.publish(t, func(p *loyalty.Programme) { p.Grants.Review, p.Grants.ReviewsMonth = 50*sale.Point, 2 })
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	review := func(n int) error { return d.office.GiveReview(t.Context(), d.org, sale.ID{byte(n)}, no) }
	require.NoError(t, review(1))
	require.NoError(t, review(1), "a repeat changes nothing")
	require.NoError(t, review(2))
	require.ErrorIs(t, review(3), programme.ErrReviews)
	d.decide(t)
	require.Equal(t, 100*sale.Point, d.worth(t, no))
	d.now = d.now.AddDate(0, 1, 0)
	require.NoError(t, review(3))
	require.Equal(t, 150*sale.Point, d.worth(t, no))
}

func TestExpiryWaitsForTheTill(t *testing.T) {
	d := newDesk(t, 1)
	d.publish(t, func(p *loyalty.Programme) { p.GraceDays = 10; p.Lots.ExpireAfterDays = 30 })
	j := d.tills[0]
	no := d.enrol(t, j, "Петрова Анна", "+79160000001", "")
	d.decide(t)
	require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, j.ID(), no, 100*sale.Point, "gift", "test"))
	d.decide(t)
	_, leases := d.held(t, 1)
	d.now = d.now.Add(40 * 24 * time.Hour)
	d.decide(t)
	require.Equal(t, 100*sale.Point, d.worth(t, no), "all of it is at the till: a spend may be on its way")
	_, recalled := d.held(t, 1)
	require.True(t, recalled[0].Recall)
	spent := j.Redeeming(leases[0].Lease, 500) // made in time, handed in late
	spent.At = sale.At(d.now.Add(-20 * 24 * time.Hour))
	j.Add(spent)
	j.Add(j.Releasing(leases[0].Lease.ID))
	d.decide(t)
	require.Zero(t, d.worth(t, no), "95 points are taken off the books, once")
}

// FloCafe#78: +100 to the end of January, all spent on the 15th, +50 to the end of March: 50 are left on
// 1 February, not −50, and none on 1 April.
func TestBalanceCollapseAtHeadOffice(t *testing.T) {
	d := newDesk(t, 1)
	d.now = time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	j := d.tills[0]
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	give := func(days uint32, amount sale.Points) {
		d.publish(t, func(p *loyalty.Programme) { p.Lots.ExpireAfterDays = days })
		require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, j.ID(), no, amount, "earned", "test"))
		d.decide(t)
	}
	give(30, 10*sale.Point)
	d.now = time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	_, leases := d.held(t, 1)
	j.Add(j.Redeeming(leases[0].Lease, 10*sale.Point))
	d.decide(t)
	require.Zero(t, d.worth(t, no))
	give(75, 5*sale.Point)
	d.now = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	d.decide(t)
	require.Equal(t, 5*sale.Point, d.worth(t, no))
	d.now = time.Date(2027, 4, 2, 12, 0, 0, 0, time.UTC)
	d.decide(t)
	for _, l := range func() []sale.LeaseChange { _, l := d.held(t, 1); return l }() {
		j.Add(j.Releasing(l.Lease.ID))
	}
	d.decide(t)
	require.Zero(t, d.worth(t, no))
}

func TestDrawIsTheSameForWhoeverHasTheSeed(t *testing.T) {
	tickets := []deed.Tickets{{Customer: 3, Count: 1}, {Customer: 1, Count: 5}, {Customer: 2, Count: 4}}
	won := programme.PickWinners("ЦБ 27.11.2026: 78,2284", tickets, 2)
	require.Len(t, won, 2)
	require.Equal(t, won, programme.PickWinners("ЦБ 27.11.2026: 78,2284", []deed.Tickets{tickets[1], tickets[2], tickets[0]}, 2), "the order of the list says nothing")
	require.ElementsMatch(t, []sale.CustomerNo{1, 2, 3}, programme.PickWinners("x", tickets, 9), "nobody wins twice")
	count := map[sale.CustomerNo]int{}
	for i := range 10_000 {
		count[programme.PickWinners(fmt.Sprint("seed ", i), tickets, 1)[0]]++
	}
	require.InDelta(t, 5000, count[1], 250, "five tickets of ten")
	require.InDelta(t, 1000, count[3], 150)

	d := newDesk(t, 1)
	_, err := d.office.Draw(t.Context(), d.org, 5, "seed", 1)
	require.ErrorIs(t, err, programme.ErrDraw, "no tickets")
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна", Home: 1})
	require.NoError(t, err)
	lot := sale.Lot{ID: sale.ID{7}, Account: sale.CustomerAccount(no).In(5), Source: sale.ID{8}}
	require.NoError(t, d.Post(t.Context(), d.org, &sale.Record{
		Kind: sale.KindAdjust, ID: sale.ID{8}, Adjust: &sale.Adjust{Customer: no, Amount: 300}, Lots: []sale.Lot{lot},
		Postings: []sale.Posting{{Account: sale.ProgrammeAccount().In(5), Amount: -300}, {Account: lot.Account, Lot: lot.ID, Amount: 300}},
	}))
	for range 2 {
		won, err := d.office.Draw(t.Context(), d.org, 5, "seed", 2)
		require.NoError(t, err)
		require.Equal(t, []sale.CustomerNo{no}, won)
	}
	rows, err := d.Draws(t.Context(), d.org)
	require.NoError(t, err)
	require.Len(t, rows, 1, "held once")
	require.Equal(t, uint64(3), rows[0].Tickets)
}

// TestPressedTwiceAtOnce: of several presses at the same moment one takes all that is there, and none is told that too
// little is.
func TestPressedTwiceAtOnce(t *testing.T) {
	d := newDesk(t, 1)
	sold := d.tills[0].Plain(1)
	sold.Staff, sold.Sale.Reward = 4, 700
	sold.Postings = []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -700}, {Account: sale.EmployeeAccount(4), Amount: 700}}
	d.tills[0].Add(sold)
	d.drain(t)
	no, err := d.PutPerson(t.Context(), d.org, store.Person{Name: "Петрова Анна"})
	require.NoError(t, err)
	require.NoError(t, d.office.AdjustPoints(t.Context(), d.org, d.tills[0].ID(), no, 500, "gift", "test"))
	paid, taken := d.tills[0].ID(), d.tills[0].ID()
	const presses = 8
	var all sync.WaitGroup
	problems := make([]error, 2*presses)
	for i := range presses {
		all.Go(func() { problems[i] = d.office.CashOut(t.Context(), d.org, paid, 4, 700, "касса", "boss") })
		all.Go(func() {
			problems[presses+i] = d.office.AdjustPoints(t.Context(), d.org, taken, no, -500, "mistake", "boss")
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(problems...))
	require.Zero(t, d.worth(t, no))
}

func TestCashOut(t *testing.T) {
	d := newDesk(t, 1)
	j := d.tills[0]
	sold := j.Plain(1)
	sold.Staff, sold.Sale.Reward = 4, 700
	sold.Postings = []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -700}, {Account: sale.EmployeeAccount(4), Amount: 700}}
	j.Add(sold)
	d.decide(t)
	id := j.ID()
	require.ErrorIs(t, d.office.CashOut(t.Context(), d.org, id, 4, 701, "касса", "boss"), programme.ErrCashOut)
	for range 2 {
		require.NoError(t, d.office.CashOut(t.Context(), d.org, id, 4, 400, "касса", "boss"), "a second click pays nothing out")
	}
	earners, err := d.Earners(t.Context(), d.org, 0, sale.At(d.now.Add(time.Hour)))
	require.NoError(t, err)
	require.Equal(t, []deed.Earner{{Staff: 4, Earned: 700, Paid: 400, Balance: 300}}, earners)
}

func TestPartnerSeesWhomTheirCodesBrought(t *testing.T) {
	d := newDesk(t, 1)
	d.publish(t, func(p *loyalty.Programme) {
		p.Campaigns = []loyalty.Campaign{
			{ID: 1, RU: "Фитнес", EN: "Gym", Kind: loyalty.CodeAttribution, Code: "GYM", Partner: 9},
			{ID: 2, RU: "Кафе", EN: "Café", Kind: loyalty.CodeAttribution, Code: "CAFE", Partner: 8},
		}
	})
	j := d.tills[0]
	o, err := d.Org(t.Context(), d.org)
	require.NoError(t, err)
	var brought []sale.CustomerNo
	for i := range 2 {
		r, blob := j.Enrolling(o.Seal, sale.Person{Name: "Гость", Phone: fmt.Sprintf("+7916000001%d", i)})
		r.Enrol.Code = &sale.CodeUse{Campaign: 1, Key: sale.CodeKey(o.CardSecret, "GYM")}
		j.AddSealed(r, blob)
		brought = append(brought, r.Enrol.Customer)
	}
	sold := sell(j, brought[0], 4, 25_000)
	j.Add(j.Returning(sold, 1))
	sell(j, d.enrol(t, j, "Сам", "+79160000030", ""), 1, 99_900)
	d.decide(t)
	got, err := d.office.Partner(t.Context(), d.org, 9, 0, sale.At(d.now.Add(time.Hour)))
	require.NoError(t, err)
	require.Equal(t, deed.Brought{Customers: 2, Bought: 1, Receipts: 1, Spent: 75_000}, got)
	got, err = d.office.Partner(t.Context(), d.org, 8, 0, sale.At(d.now.Add(time.Hour)))
	require.NoError(t, err)
	require.Zero(t, got)
}

// A copy of head office from before a grant comes back: the till holds a lease that it does not know.
func TestRestoredHeadOfficeGrantsNothingTwice(t *testing.T) {
	d := newDesk(t, 2)
	j := d.tills[0]
	no := d.enrol(t, j, "Петрова Анна", "+79160000001", "")
	sold := j.Earning(no, 1, 10*sale.Point)
	j.Add(sold)
	j.Add(j.Releasing(sold.Leases[0].ID))
	d.decide(t) // the points are free, and granted to the first till anew
	_, leases := d.held(t, 1)
	require.Len(t, leases, 1)
	lost := leases[0].Lease

	old := newDeskLike(t, d) // the copy knows all but the grant
	require.NoError(t, old.RaiseGeneration(t.Context(), old.org))
	generation, err := old.Generation(t.Context(), old.org)
	require.NoError(t, err)
	require.NoError(t, old.office.Request(t.Context(), old.org, 2, []sale.CustomerNo{no}))
	old.work(t)
	two, _ := old.held(t, 2)
	require.Zero(t, two, "the first till may hold them")
	require.ErrorContains(t, old.office.AdjustPoints(t.Context(), old.org, sale.ID{9}, no, -1, "x", "y"), "backup")

	old.now = old.now.Add(time.Minute)
	status := func(till sale.TillNo, generation uint32, unsent uint64) {
		require.NoError(t, old.SaveStatus(t.Context(), old.org, till, &wire.Status{At: sale.At(old.now), Generation: generation, Unsent: unsent}))
	}
	status(2, generation, 0)
	status(1, 1, 0) // an old program, or one that has not heard yet
	old.work(t)
	two, _ = old.held(t, 2)
	require.Zero(t, two)

	old.tills[0].Add(old.tills[0].Redeeming(lost, 4*sale.Point)) // spent under the lost lease
	status(1, generation, 1)
	old.work(t)
	two, _ = old.held(t, 2)
	require.Zero(t, two, "a record is under way")
	old.tills[0].Add(old.tills[0].Releasing(lost.ID))
	_, err = old.Append(t.Context(), old.org, 1, 0, old.tills[0].Records[old.sent[1]:])
	require.NoError(t, err)
	status(1, generation, 0)
	old.work(t)
	require.NoError(t, old.office.Request(t.Context(), old.org, 2, []sale.CustomerNo{no}))
	two, granted := old.held(t, 2)
	require.Equal(t, 6*sale.Point, two, "what was not spent, once")
	require.NotEqual(t, lost.ID, granted[0].Lease.ID)
	require.Equal(t, 6*sale.Point, old.worth(t, no))

	late := newDeskLike(t, d)
	require.NoError(t, late.RaiseGeneration(t.Context(), late.org))
	late.now = late.now.Add(programme.LeaseTerm + programme.LeaseSlack + time.Second)
	late.work(t)
	one, _ := late.held(t, 1)
	require.Equal(t, 10*sale.Point, one, "a till that never came back: every lease of before is over")
}
