package loyalty

import (
	"fmt"
	"sort"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Costs are what a programme gives away: money off, points earned and the cashiers' rewards are its cost,
// counted when they are given; points redeemed were a cost when they were earned.
type Costs struct {
	Discount sale.Money
	Earned   sale.Points
	Redeemed sale.Points
	Reward   sale.Points
}

// Total is the cost in money: a point is worth a rouble.
func (c Costs) Total() sale.Money { return c.Discount + c.Earned.Worth() + c.Reward.Worth() }

func (c *Costs) add(d Costs) {
	c.Discount, c.Earned, c.Redeemed, c.Reward = c.Discount+d.Discount, c.Earned+d.Earned, c.Redeemed+d.Redeemed, c.Reward+d.Reward
}

// RehearsalKey is a row of the comparison: a tier, as recorded, in a store.
type RehearsalKey struct {
	Tier  uint16
	Store sale.StoreNo
}

// RehearsalRow compares the receipts of one tier in one store.
type RehearsalRow struct {
	Receipts      int64
	Turnover      sale.Money // before anything was taken off
	Before, After Costs
}

// Scene is what a replay needs to know beside the receipts. All three may be nil.
type Scene struct {
	Product func(sale.SKU) (sale.Product, bool) // for category, tags and floors, as they are now
	Segment func(sale.CustomerNo) uint8         // as it is now
	Zone    func(sale.StoreNo) *time.Location
}

// Rehearsal replays stored receipts against other rules. What it assumes: tiers, goods and prices as they
// were recorded; categories, tags and segments as they are now; points are asked for where they were
// redeemed then, and no more of them, so a programme that lets points pay more is dearer than shown; who
// bought is not taken for a first purchase. It is not safe for concurrent use: give each worker its own and
// [Rehearsal.Merge] them.
type Rehearsal struct {
	engine  *Engine
	scene   Scene
	Rows    map[RehearsalKey]*RehearsalRow
	Refused int64  // receipts that the rules could not reckon: goods without a price, say
	Why     string // of the first of them
}

// NewRehearsal compiles the rules.
func NewRehearsal(p *Programme, scene Scene) (*Rehearsal, error) {
	e, err := Compile(p)
	if err != nil {
		return nil, err
	}
	return e.rehearsal(scene), nil
}

func (e *Engine) rehearsal(scene Scene) *Rehearsal {
	return &Rehearsal{engine: e, scene: scene, Rows: map[RehearsalKey]*RehearsalRow{}}
}

// Worker is another rehearsal of the same rules.
func (r *Rehearsal) Worker() *Rehearsal { return r.engine.rehearsal(r.scene) }

// Add replays one receipt. Training is left out.
func (r *Rehearsal) Add(rec *sale.Record) {
	s := rec.Sale
	if s == nil || s.Training {
		return
	}
	q, err := r.engine.Quote(r.request(rec))
	if err != nil {
		if r.Refused++; r.Why == "" {
			r.Why = fmt.Sprintf("%s: %v", s.No, err)
		}
		return
	}
	key := RehearsalKey{Tier: s.Tier, Store: rec.Store}
	row := r.Rows[key]
	if row == nil {
		row = new(RehearsalRow)
		r.Rows[key] = row
	}
	row.Receipts++
	row.Turnover += s.Gross
	row.Before.add(Costs{Discount: s.Discount, Earned: s.Earned, Redeemed: s.Redeemed, Reward: s.Reward})
	row.After.add(Costs{Discount: q.Discount, Earned: q.Earned, Redeemed: q.Redeemed, Reward: q.Reward})
}

// request asks for the receipt's basket again.
func (r *Rehearsal) request(rec *sale.Record) Request {
	s := rec.Sale
	req := Request{At: rec.At, Store: rec.Store, Cashier: rec.Staff, Lines: make([]sale.Line, len(s.Lines)), Redeem: s.Redeemed}
	if r.scene.Zone != nil {
		req.Zone = r.scene.Zone(rec.Store)
	}
	paid := map[sale.PurseNo]sale.Points{}
	for i := range s.Lines {
		req.Lines[i] = r.line(&s.Lines[i])
		if s.Lines[i].Gift {
			req.Redeem -= s.Lines[i].Redeemed // a gift asks for its points by itself
		}
		for _, p := range s.Lines[i].Paid {
			paid[p.Purse] += p.Amount
		}
	}
	for _, c := range s.Codes {
		req.Claims = append(req.Claims, Claim{Campaign: c.Campaign, Key: c.Key, Owner: s.Customer})
	}
	if s.Customer == 0 || s.Customer.House() {
		return req
	}
	req.Buyer = &Buyer{No: s.Customer, Tier: s.Tier, Spendable: s.Redeemed, Bought: 1, State: stateThen(s)}
	for purse, amount := range paid {
		req.Wishes = append(req.Wishes, sale.PurseAmount{Purse: purse, Amount: amount})
	}
	sort.Slice(req.Wishes, func(i, j int) bool { return req.Wishes[i].Purse < req.Wishes[j].Purse })
	req.Buyer.Purses = req.Wishes
	if r.scene.Segment != nil {
		req.Buyer.Segment = r.scene.Segment(s.Customer)
	}
	return req
}

func (r *Rehearsal) line(l *sale.SoldLine) sale.Line {
	p := sale.Product{SKU: l.SKU, Name: l.Name, Price: l.Price, VAT: l.VAT, Subject: l.Subject, Unit: l.Unit, Traits: l.Traits}
	if r.scene.Product != nil {
		if now, ok := r.scene.Product(l.SKU); ok {
			p.Category, p.Tags, p.MinPrice, p.Floors = now.Category, now.Tags, now.MinPrice, now.Floors
		}
	}
	return sale.Line{Product: p, Qty: l.Qty, Code: l.Code, Gift: l.Gift}
}

// stateThen is what the receipt says of its customer: one who was blocked then is blocked in the replay.
func stateThen(s *sale.Sale) sale.CustomerState {
	for _, r := range s.Reasons {
		switch r.Rule {
		case RuleBlocked:
			return sale.CustomerBlocked
		case RuleErased:
			return sale.CustomerErased
		}
	}
	return sale.CustomerActive
}

// Merge adds another worker's rows.
func (r *Rehearsal) Merge(o *Rehearsal) {
	for key, row := range o.Rows {
		mine := r.Rows[key]
		if mine == nil {
			mine = new(RehearsalRow)
			r.Rows[key] = mine
		}
		mine.Receipts, mine.Turnover = mine.Receipts+row.Receipts, mine.Turnover+row.Turnover
		mine.Before.add(row.Before)
		mine.After.add(row.After)
	}
	r.Refused += o.Refused
	if r.Why == "" {
		r.Why = o.Why
	}
}

// Keys are the rows' keys by tier and store.
func (r *Rehearsal) Keys() []RehearsalKey {
	keys := make([]RehearsalKey, 0, len(r.Rows))
	for k := range r.Rows {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].Tier != keys[j].Tier {
			return keys[i].Tier < keys[j].Tier
		}
		return keys[i].Store < keys[j].Store
	})
	return keys
}

// All is the sum of the rows.
func (r *Rehearsal) All() (sum RehearsalRow) {
	for _, row := range r.Rows {
		sum.Receipts, sum.Turnover = sum.Receipts+row.Receipts, sum.Turnover+row.Turnover
		sum.Before.add(row.Before)
		sum.After.add(row.After)
	}
	return sum
}
