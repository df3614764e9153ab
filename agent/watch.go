package agent

import (
	"slices"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// metRule is a fraud rule that a receipt, a return or a look-up meets.
type metRule = loyalty.Finding

// spendingRules watch what points pay: where one stops the points, the receipt earns all the same. Any
// other takes the customer off the receipt, so that nothing is earned either.
var spendingRules = []string{loyalty.WatchFresh, loyalty.WatchPointsOnly, loyalty.WatchTyped, loyalty.WatchNight}

// watch asks the fraud rules about the receipt as it would be without them.
func (t *Till) watch(q loyalty.Quote) ([]metRule, error) {
	s := &t.desk.sale
	c, p := s.customer, t.programme()
	if c == nil || p == nil || p.Watch == (loyalty.Watch{}) || !earns(c.State) || t.desk.cashier == nil {
		return nil, nil
	}
	past, err := t.ledger.Facts(*c)
	if err != nil {
		return nil, err
	}
	return p.Check(loyalty.WatchFacts{
		At: t.now(), Zone: t.shop.zone, Cashier: t.desk.cashier.No, CardStaff: c.Staff, CardReceipts: uint32(past.Receipts) + 1, AfterTotal: s.late,
		Enrolled: c.Enrolled, FoundBy: s.foundBy, Redeemed: s.spends, Total: q.Total, Floors: t.floors(), Lookups: s.lookups,
	}), nil
}

// partners sums up what partners' points pay: to the rules they are points like any. Stamps are none: they
// pay by a promotion's terms alone.
func (t *Till) partners(paid []sale.PurseAmount) (sum sale.Points) {
	for _, a := range paid {
		if p := t.rulebook().purse(a.Purse); p != nil && p.Kind == loyalty.PursePartner {
			sum += a.Amount
		}
	}
	return sum
}

// floors is what the basket's lines keep whatever pays for them, and what is too little for a step of points.
func (t *Till) floors() (sum sale.Money) {
	p := t.programme()
	if p == nil {
		return 0
	}
	today := t.today()
	for _, l := range t.desk.sale.basket.Lines {
		floor := sale.Money(0)
		if p.LineFloor > 0 {
			floor = max(p.LineFloor, sale.Money((l.Qty+sale.Piece-1)/sale.Piece))
		}
		if least, err := l.Product.Floor(today).Times(l.Qty); err == nil {
			floor = max(floor, least)
		}
		if gross, err := l.Gross(); err == nil {
			floor = min(floor, gross)
		}
		sum += floor
	}
	return sum + max(0, p.RedeemStep-1).Worth()
}

// permit is a manager's word that a rule lets a receipt pass, for as many points as it took then.
type permit struct {
	by   sale.StaffNo
	most sale.Points
}

// permitted is who let a rule's receipt pass as it is now; zero: nobody, or for fewer points.
func (s *open) permitted(rule string) sale.StaffNo {
	if p := s.permits[rule]; s.spends <= p.most {
		return p.by
	}
	return 0
}

// stops tells whether a rule keeps the points off the receipt: it blocks, or asks for a manager who has not
// come.
func (s *open) stops(r metRule) bool {
	return r.Measure == loyalty.MeasureBlock || (r.Measure == loyalty.MeasurePIN && s.permitted(r.Rule) == 0)
}

// stopping are the rules that keep the points off.
func (s *open) stopping() []metRule {
	return slices.DeleteFunc(slices.Clone(s.met), func(r metRule) bool { return !s.stops(r) })
}

// stopped is the buyer as the rules leave them: without spending, or nobody at all.
func (t *Till) stopped() *loyalty.Buyer {
	stop := t.desk.sale.stopping()
	if t.desk.sale.unnamed() {
		return nil
	}
	b := t.buyer()
	b.NoRedeem = stop[0].Rule
	return b
}

// unnamed tells whether a rule keeps the customer off the receipt.
func (s *open) unnamed() bool {
	return slices.ContainsFunc(s.stopping(), func(r metRule) bool { return !slices.Contains(spendingRules, r.Rule) })
}

// watched is what the record says of the rules that were met.
func (s *open) watched() (out []sale.Watched) {
	for _, r := range s.met {
		out = append(out, sale.Watched{Rule: r.Rule, Amount: r.Amount, By: s.permitted(r.Rule)})
	}
	return out
}

// paying notes that the payment was begun: a card that is named afterwards is a rule's business, and
// leaving the payment again does not undo that.
func (t *Till) paying(c Command) error {
	s := &t.desk.sale
	s.paying = c.Yes && len(s.basket.Lines) > 0
	s.totalled = s.totalled || s.paying
	return nil
}

// permit lets a manager answer for the rules that ask for one; without Yes the points are left alone.
func (t *Till) permit(c Command) error {
	s := &t.desk.sale
	if !needsManager(s.met) {
		return refuse(textNothingToPermit(), nil)
	}
	if !c.Yes {
		s.wish, s.wishes = 0, nil
		return t.reckon()
	}
	by, err := t.manager(c.PIN)
	if err != nil {
		return err
	}
	if by.No == t.desk.cashier.No && slices.ContainsFunc(s.met, func(r metRule) bool { return r.Rule == loyalty.WatchOwnCard }) {
		return refuse(textOwnCardAnother(), nil)
	}
	if s.permits == nil {
		s.permits = map[string]permit{}
	}
	for _, r := range s.met {
		if r.Measure == loyalty.MeasurePIN {
			s.permits[r.Rule] = permit{by.No, s.spends}
		}
	}
	return t.reckon()
}

// needsManager tells whether one of the rules asks for a manager's PIN.
func needsManager(met []metRule) bool {
	return slices.ContainsFunc(met, func(r metRule) bool { return r.Measure == loyalty.MeasurePIN })
}

// watchReturn asks the rules about the return being put together.
func (t *Till) watchReturn() {
	o := t.desk.ret
	o.met = nil
	if o.quote == nil {
		return
	}
	redeemed := o.of.Sale.Redeemed
	for _, l := range o.of.Sale.Lines {
		redeemed += t.partners(l.Paid)
	}
	if redeemed == 0 {
		return
	}
	o.met = t.programme().Check(loyalty.WatchFacts{At: t.now(), Zone: t.shop.zone, SoldAt: o.of.At, SoldRedeemed: redeemed})
	for i := range o.met {
		// The law gives the buyer the money back: the harshest that can be done is to ask a manager.
		o.met[i].Measure = min(o.met[i].Measure, loyalty.MeasurePIN)
	}
}

// permitReturn takes the manager's PIN where a rule asks for it.
func (t *Till) permitReturn(pin string) (by sale.StaffNo, watched []sale.Watched, err error) {
	met := t.desk.ret.met
	if needsManager(met) {
		manager, err := t.manager(pin)
		if err != nil {
			return 0, nil, err
		}
		by = manager.No
	}
	for _, r := range met {
		watched = append(watched, sale.Watched{Rule: r.Rule, Amount: r.Amount, By: by})
	}
	return by, watched, nil
}

// countLookup counts a customer who was named by typing, and journals it where too many have been looked
// up to whom nothing was sold.
func (t *Till) countLookup(c sale.Customer) error {
	s := &t.desk.sale
	if s.foundBy == sale.FoundCard {
		return nil
	}
	met, err := t.countTyped(func() { t.ledger.Looked(c.No) })
	if err != nil || met == nil {
		return err
	}
	if met.Measure > loyalty.MeasureFlag {
		s.lookups = uint32(met.Amount) // the receipt itself is stopped
	}
	return t.reckon()
}

// countTyped notes a number that was typed, and journals it where there are too many; met is nil where there
// are not.
func (t *Till) countTyped(note func()) (met *metRule, err error) {
	before, err := t.ledger.Facts(sale.Customer{})
	if err != nil {
		return nil, err
	}
	note()
	now, err := t.ledger.Facts(sale.Customer{})
	if err != nil {
		return nil, err
	}
	found := t.programme().Check(loyalty.WatchFacts{At: t.now(), Zone: t.shop.zone, Lookups: uint32(now.Lookups)})
	if len(found) == 0 {
		return nil, nil
	}
	if now.Lookups > before.Lookups { // the same again is not one more
		err = t.bookLookup(found[0])
	}
	return &found[0], err
}

func (t *Till) bookLookup(met metRule) error {
	r, err := t.newRecord(sale.KindLookup)
	if err != nil {
		return err
	}
	r.Lookup = &sale.Watched{Rule: met.Rule, Amount: met.Amount}
	r.Shift = t.ledger.Tally().Shift
	_, err = t.ledger.Book(r, nil)
	return err
}

// measureNames are the stable words of the page.
var measureNames = map[loyalty.Measure]string{loyalty.MeasureFlag: "flag", loyalty.MeasurePIN: "pin", loyalty.MeasureBlock: "block"}

func watchViews(met []metRule, permitted func(rule string) sale.StaffNo) (out []WatchView) {
	for _, r := range met {
		out = append(out, WatchView{
			Rule: r.Rule, Measure: measureNames[r.Measure], Permitted: permitted(r.Rule) != 0,
			Text: Text{RU: loyalty.WatchText(r.Rule, "ru"), EN: loyalty.WatchText(r.Rule, "en")},
		})
	}
	return out
}
