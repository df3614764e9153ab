package loyalty

import (
	"bytes"
	"fmt"
	"math"
	"sort"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Held is what is left of one lot in one lease that a till holds.
type Held struct {
	Lease sale.ID
	Lot   sale.Lot
	Free  sale.Points
}

// NotEnoughError says that leases hold less than a redemption needs.
type NotEnoughError struct {
	Wanted, Free sale.Points
}

// Error says how much is missing.
func (e *NotEnoughError) Error() string {
	return fmt.Sprintf("not enough points on lease: %s wanted, %s free, %s missing / не хватает баллов: нужно %s, доступно %s",
		e.Wanted, e.Free, e.Missing(), e.Wanted, e.Free)
}

// Missing is what would have to come from head office.
func (e *NotEnoughError) Missing() sale.Points { return e.Wanted - e.Free }

// Spendable is what the leases would pay for at a moment. Whether a lease's own term has run out is
// the caller's to check.
func Spendable(leases []Held, at sale.Time) sale.Points {
	var sum sale.Points
	for _, h := range leases {
		if h.Free > 0 && h.Lot.Spendable(at) {
			sum += min(h.Free, math.MaxInt64-sum)
		}
	}
	return sum
}

// PlanSpend says which lots pay: the nearest expiry first and those that never expire last, so that a
// customer loses as little as may be; ties by lot, then by lease. Lots not yet active or expired are
// passed over. It fails with *[NotEnoughError].
func PlanSpend(leases []Held, amount sale.Points, at sale.Time) ([]sale.Spend, error) {
	if amount < 0 {
		return nil, fmt.Errorf("%w: spend %s points", sale.ErrAmount, amount)
	}
	if free := Spendable(leases, at); free < amount {
		return nil, &NotEnoughError{Wanted: amount, Free: free}
	}
	order := append([]Held(nil), leases...)
	sort.SliceStable(order, func(i, j int) bool { return before(order[i], order[j]) })
	var spends []sale.Spend
	for _, h := range order {
		if amount == 0 {
			break
		}
		if h.Free <= 0 || !h.Lot.Spendable(at) {
			continue
		}
		take := min(amount, h.Free)
		spends = append(spends, sale.Spend{Lease: h.Lease, Lot: h.Lot.ID, Amount: take})
		amount -= take
	}
	return spends, nil
}

func before(a, b Held) bool {
	if a.Lot.ExpiresAt != b.Lot.ExpiresAt {
		return b.Lot.ExpiresAt == 0 || (a.Lot.ExpiresAt != 0 && a.Lot.ExpiresAt < b.Lot.ExpiresAt)
	}
	if c := bytes.Compare(a.Lot.ID[:], b.Lot.ID[:]); c != 0 {
		return c < 0
	}
	return bytes.Compare(a.Lease[:], b.Lease[:]) < 0
}

// RestoreSpends says which lots get back the points of a return, when earlier returns of the sale have
// restored `before` already. Points go back to the lots that they came from, in the order in which
// they were spent, so that any split of a return ends with the same lots as a whole one.
func RestoreSpends(spends []sale.Spend, before, now sale.Points) ([]sale.LotAmount, error) {
	var spent sale.Points
	for _, s := range spends {
		if s.Amount < 0 || s.Amount > math.MaxInt64-spent {
			return nil, fmt.Errorf("%w: spend of %s", sale.ErrAmount, s.Amount)
		}
		spent += s.Amount
	}
	if before < 0 || now < 0 || before > spent || now > spent-before {
		return nil, fmt.Errorf("%w: restore %s points after %s of %s that were spent", sale.ErrAmount, now, before, spent)
	}
	var back []sale.LotAmount
	var from sale.Points
	for _, s := range spends {
		to := from + s.Amount
		if amount := min(to, before+now) - max(from, before); amount > 0 {
			back = addLot(back, s.Lot, amount)
		}
		from = to
	}
	return back, nil
}

// addLot joins what several leases gave of one lot.
func addLot(lots []sale.LotAmount, lot sale.ID, amount sale.Points) []sale.LotAmount {
	for i := range lots {
		if lots[i].Lot == lot {
			lots[i].Amount += amount
			return lots
		}
	}
	return append(lots, sale.LotAmount{Lot: lot, Amount: amount})
}

// In is what leases hold of one purse; zero is the points.
func In(leases []Held, purse sale.PurseNo) []Held {
	var own []Held
	for _, h := range leases {
		if h.Lot.Account.Purse == purse {
			own = append(own, h)
		}
	}
	return own
}
