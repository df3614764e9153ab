package programme

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Calendar is what happens once a day.
type Calendar interface {
	JobDay(ctx context.Context, org sale.OrgNo, job string) (sale.Date, error)
	JobDone(ctx context.Context, org sale.OrgNo, job string, day sale.Date) error
	Celebrants(ctx context.Context, org sale.OrgNo, birthdays bool, after sale.CustomerNo, limit int) ([]deed.Celebrant, error)
	QueueTiers(ctx context.Context, org sale.OrgNo, after sale.CustomerNo, limit int) (sale.CustomerNo, error)
	Expired(ctx context.Context, org sale.OrgNo, before sale.Time, after sale.Account, limit int) ([]deed.Holding, error)
	LeasesOn(ctx context.Context, org sale.OrgNo, lot sale.Lot) ([]sale.ID, error)
}

// averageDays is how far back the average receipt of a birthday's gift looks.
const averageDays = 365

// Daily does what each new day asks for: gifts by the day of each customer's home store, and once, by the
// first store's, tiers that time can lower. A day that was begun and not ended is done again: nothing is
// given twice.
func (o *Office) Daily(ctx context.Context, org sale.OrgNo) error {
	r, err := o.rules(ctx, org)
	if err != nil {
		return err
	}
	err = o.onNewDay(ctx, org, "tiers", r.home.Zone, func(sale.Date) error { return o.queueDaily(ctx, org) })
	for _, zone := range r.zones() {
		err = errors.Join(err, o.onNewDay(ctx, org, fmt.Sprintf("gifts/%s/%d", zone, r.newest(sale.At(o.Now()), zone)), zone, func(today sale.Date) error {
			return o.gifts(ctx, org, r, zone, today)
		}))
	}
	return err
}

func (o *Office) onNewDay(ctx context.Context, org sale.OrgNo, job string, zone *time.Location, do func(sale.Date) error) error {
	today := sale.DateOf(sale.At(o.Now()), zone)
	done, err := o.Store.JobDay(ctx, org, job)
	if err != nil || done >= today {
		return err
	}
	if err := do(today); err != nil {
		return fmt.Errorf("the daily work %q of %s: %w", job, today, err)
	}
	return o.Store.JobDone(ctx, org, job, today)
}

// newest is the latest version that has begun by a zone's clock: what it gives today is given today, although
// the day's work was done before it was published.
func (r rules) newest(at sale.Time, zone *time.Location) (version uint32) {
	for _, p := range r.versions {
		if p.Begins(zone) <= at {
			version = max(version, p.Version)
		}
	}
	return version
}

// zones are the stores' zones, each once, in the order of the stores' numbers.
func (r rules) zones() (out []*time.Location) {
	seen := map[string]bool{}
	add := func(z *time.Location) {
		if !seen[z.String()] {
			seen[z.String()] = true
			out = append(out, z)
		}
	}
	add(r.home.Zone)
	for _, no := range sortedStores(r.places) {
		add(r.places[no].Zone)
	}
	return out
}

// gifts gives what birthdays and holidays ask for to those whose home keeps this zone.
func (o *Office) gifts(ctx context.Context, org sale.OrgNo, r rules, zone *time.Location, today sale.Date) error {
	birthdays, holidays := r.gifts(today)
	if !birthdays && !holidays {
		return nil
	}
	for after := sale.CustomerNo(0); ; {
		page, err := o.Store.Celebrants(ctx, org, !holidays, after, duePage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, who := range page {
			if r.place(who.Home).Zone.String() != zone.String() {
				continue
			}
			if err := o.celebrate(ctx, org, r, who, today); err != nil {
				return err
			}
		}
		after = page[len(page)-1].No
	}
}

// gifts tells whether any version gives for birthdays at all, or for a holiday today.
func (r rules) gifts(today sale.Date) (birthdays, holidays bool) {
	for _, p := range r.versions {
		birthdays = birthdays || p.Grants.Birthday.Points > 0 || p.Grants.Birthday.Average > 0
		holidays = holidays || len(p.HolidayGifts(today)) > 0
	}
	return birthdays, holidays
}

func (o *Office) celebrate(ctx context.Context, org sale.OrgNo, r rules, who deed.Celebrant, today sale.Date) error {
	p := r.at(sale.At(o.Now()), who.Home)
	if p == nil {
		return nil
	}
	if month, day, ok := loyalty.ParseBirthday(who.Birthday); ok {
		if _, due := p.BirthdayGift(month, day, today, sale.MoneyMax); due {
			if err := o.birthday(ctx, org, p, who, month, day, today); err != nil {
				return err
			}
		}
	}
	for _, h := range p.HolidayGifts(today) {
		if !h.Who.Fits(who.Tier, who.Segment) {
			continue
		}
		if err := o.gift(ctx, org, who, h.Grant, loyalty.RuleGrantHoliday, p); err != nil {
			return err
		}
	}
	return nil
}

func (o *Office) birthday(ctx context.Context, org sale.OrgNo, p *loyalty.Programme, who deed.Celebrant, month, day uint8, today sale.Date) error {
	whole, found, err := o.Store.Whole(ctx, org, who.No)
	if err != nil || !found {
		return err
	}
	sold, err := o.Store.SalesOf(ctx, org, whole.Accounts, sale.At(o.Now()).Add(-averageDays*24*time.Hour))
	if err != nil {
		return err
	}
	var sum, count sale.Money
	for _, x := range sold {
		if x.Kept() > 0 {
			sum, count = sum+x.Kept(), count+1
		}
	}
	gift, due := p.BirthdayGift(month, day, today, sum/max(1, count))
	if !due {
		return nil
	}
	return o.gift(ctx, org, who, gift, loyalty.RuleGrantBirthday, p)
}

// gift gives a person something once under its key, whatever account of theirs had it before.
func (o *Office) gift(ctx context.Context, org sale.OrgNo, who deed.Celebrant, g loyalty.Grant, rule string, p *loyalty.Programme) error {
	return o.alone(ctx, org, func(c *reckoning) error {
		return c.only(ctx, who.No, func(ctx context.Context, whole deed.Person) error {
			given, err := c.Store.Given(ctx, org, whole.Accounts, g.Cause, "", g.Key)
			if err != nil || len(given) > 0 {
				return err
			}
			id := sale.DeriveID(sale.ID{}, fmt.Sprintf("%s/%d", g.Key, whole.No), 0)
			zone := c.rules.place(whole.Home).Zone
			w := sale.Reward{
				Customer: whole.No, Amount: g.Amount, Cause: g.Cause, Key: g.Key, Programme: p.Version,
				Reasons: []sale.Reason{{Rule: rule, Amount: int64(g.Amount)}},
			}
			c.d.Events = append(c.d.Events, give(id, w, g.Lot(p.Lots, id, sale.CustomerAccount(whole.No), sale.At(o.Now()), zone)))
			return nil
		})
	})
}

// ErrReviews says that a month's reviews are paid.
var ErrReviews = errors.New("as many reviews as a month allows are paid already / за этот месяц отзывы уже оплачены")

// GiveReview gives points for a review. review names it, so that a repeat changes nothing; the programme
// says how many a calendar month pays. Nothing is given, and no error said, where reviews bring nothing.
func (o *Office) GiveReview(ctx context.Context, org sale.OrgNo, review sale.ID, no sale.CustomerNo) error {
	err := o.alone(ctx, org, func(c *reckoning) error {
		return c.only(ctx, no, func(ctx context.Context, p deed.Person) error { return c.review(ctx, p, review) })
	})
	if err != nil {
		return fmt.Errorf("give points for review %s to customer %s: %w", review, no, err)
	}
	return nil
}

func (c *reckoning) review(ctx context.Context, p deed.Person, review sale.ID) error {
	now := sale.At(c.Now())
	rules := c.rules.at(now, p.Home)
	if rules == nil || rules.Grants.Review == 0 {
		return nil
	}
	period := fmt.Sprint(loyalty.Month(now, c.rules.place(p.Home).Zone))
	key := period + "/" + review.String()
	given, err := c.Store.Given(ctx, c.org, p.Accounts, loyalty.CauseReview, period)
	if err != nil {
		return err
	}
	paid := 0
	for _, g := range given {
		paid += g.Times
	}
	same, err := c.Store.Given(ctx, c.org, p.Accounts, loyalty.CauseReview, "", key)
	if err != nil || len(same) > 0 {
		return err
	}
	if paid >= rules.Grants.ReviewsMonthMax() {
		return ErrReviews
	}
	amount := rules.Grants.Review
	w := sale.Reward{Customer: p.No, Cause: loyalty.CauseReview, Key: key, Of: review, Programme: rules.Version, Reasons: []sale.Reason{{Rule: loyalty.RuleGrantReview, Amount: int64(amount)}}}
	return c.move(w, amount, 0, rules.Lots, nil)
}
