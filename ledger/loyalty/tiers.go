package loyalty

import (
	"fmt"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Forever is the Until of a tier given by hand without a term: the end of the year 9999.
const Forever sale.Time = 253_402_300_799_000

// Membership is where a customer stands among the tiers.
type Membership struct {
	Tier   uint16
	Since  sale.Time // when it was reached
	Until  sale.Time // given by hand: not reckoned before; zero: by the rules
	Earned uint16    // the tier that the rules had given last, beneath one given by hand
}

// Counted is what of a receipt counts towards tiers: its money less what came back, and when.
type Counted struct {
	At   sale.Time
	Kept sale.Money
}

// Progress adds up the receipts within the window, those of less than the least left out.
func (p *Programme) Progress(receipts []Counted, referrals uint32, now sale.Time) sale.Progress {
	pr := sale.Progress{Referrals: referrals}
	since := p.WindowStart(now)
	for _, r := range receipts {
		if r.At >= since && r.Kept > 0 && r.Kept >= p.Window.Min {
			pr.Spend += r.Kept
			pr.Receipts++
		}
	}
	return pr
}

// WindowStart is the first moment that counts; zero: everything does.
func (p *Programme) WindowStart(now sale.Time) sale.Time {
	if p.Window.Days == 0 {
		return 0
	}
	return max(0, now.Add(-time.Duration(p.Window.Days)*24*time.Hour))
}

// HasNeeds tells whether any tier can be reached by the rules.
func (p *Programme) HasNeeds() bool {
	for _, t := range p.Tiers {
		if t.Need != (Need{}) {
			return true
		}
	}
	return false
}

// Met tells whether any one of what is asked for is there. A tier that asks for nothing is given by hand only.
func (n Need) Met(pr sale.Progress) bool {
	return (n.Spend > 0 && pr.Spend >= n.Spend) || (n.Receipts > 0 && pr.Receipts >= n.Receipts) || (n.Referrals > 0 && pr.Referrals >= n.Referrals)
}

// Deserved is the highest tier whose need is met; zero when none is.
func (p *Programme) Deserved(pr sale.Progress) uint16 {
	var best uint16
	for _, t := range p.Tiers {
		if t.No > best && t.Need.Met(pr) {
			best = t.No
		}
	}
	return best
}

// Retier tells which tier a customer should be in, and why when that is another one. Up at once; down only
// where the programme says so, and not before HoldDays; one given by hand stays until its term, and then
// falls to what the rules give, or had given before where tiers are kept.
func (p *Programme) Retier(m Membership, pr sale.Progress, now sale.Time) (to uint16, reason string, change bool) {
	if m.Until > now {
		return m.Tier, "", false
	}
	to = p.Deserved(pr)
	switch {
	case m.Until > 0:
		if !p.Window.Downgrade {
			to = max(to, m.Earned)
		}
		return to, "term", true
	case to > m.Tier:
		return to, reached(pr), true
	case to < m.Tier && p.Window.Downgrade && now >= m.Since.Add(time.Duration(p.Window.HoldDays)*24*time.Hour):
		return to, "window " + reached(pr), true
	}
	return m.Tier, "", false
}

// reached is the figure behind a decision, in the form of a reason's detail.
func reached(pr sale.Progress) string {
	return fmt.Sprintf("spend=%s receipts=%d referrals=%d", pr.Spend, pr.Receipts, pr.Referrals)
}

// NextTier is the nearest tier above that the rules can give, and what of each of its needs is still
// missing; one that is met or not asked for is zero. False when there is none.
func (p *Programme) NextTier(tier uint16, pr sale.Progress) (next Tier, missing Need, ok bool) {
	if p == nil {
		return Tier{}, Need{}, false
	}
	for _, t := range p.Tiers {
		if t.No > tier && t.Need != (Need{}) && (!ok || t.No < next.No) {
			next, ok = t, true
		}
	}
	if !ok {
		return Tier{}, Need{}, false
	}
	missing = Need{Spend: max(0, next.Need.Spend-pr.Spend)}
	if next.Need.Receipts > pr.Receipts {
		missing.Receipts = next.Need.Receipts - pr.Receipts
	}
	if next.Need.Referrals > pr.Referrals {
		missing.Referrals = next.Need.Referrals - pr.Referrals
	}
	return next, missing, true
}
