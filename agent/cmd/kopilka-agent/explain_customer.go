package main

import (
	"io"
	"maps"
	"slices"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// explainCustomer says what a customer's balance is made of, as far as this till knows: head office's figure,
// and each of this till's own records since, with the version of the rules that reckoned it. The sum of
// what is printed is the balance that the cashier's page shows.
func explainCustomer(l *ledger.Ledger, number, lang string, out io.Writer) error {
	e, err := newExplanation(l, lang)
	if err != nil {
		return err
	}
	no, err := agent.ParseReceiptNo(number, 0)
	if err != nil {
		return err
	}
	c, err := l.Customer(no)
	if err != nil {
		return err
	}
	since, err := recordsOf(l, c)
	if err != nil {
		return err
	}
	e.line("покупатель %s %s", "customer %s %s", c.No, c.Name)
	e.balance(c, since, 0, c.Balance)
	for _, p := range c.Purses {
		e.balance(c, since, p.Purse, p.Amount)
	}
	if c.Debt != 0 {
		e.line("долг     %s: погасится из следующих начислений", "debt     %s: the next accruals pay it", c.Debt)
	}
	held, err := l.Held(no)
	if err != nil {
		return err
	}
	e.held(held)
	return say(out, "%s", e.String())
}

// recordsOf are this till's own records about a customer that head office's figure does not hold.
func recordsOf(l *ledger.Ledger, c sale.Customer) (out []*sale.Record, err error) {
	err = l.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		if r.Epoch < c.Seen.Epoch || (r.Epoch == c.Seen.Epoch && r.Seq <= c.Seen.Seq) {
			return false
		}
		if slices.ContainsFunc(r.Postings, func(p sale.Posting) bool { return isOf(p.Account, c) }) {
			out = append(out, r)
		}
		return true
	})
	slices.Reverse(out)
	return out, err
}

func isOf(a sale.Account, c sale.Customer) bool {
	return (a.Kind == sale.AccountCustomer || a.Kind == sale.AccountDebt) && (a.No == c.No || slices.Contains(c.Accounts, a.No))
}

// balance explains one purse. A purse other than the points is shown less its debt, so postings of both
// accounts count there.
func (e *explanation) balance(c sale.Customer, since []*sale.Record, purse sale.PurseNo, shown sale.Points) {
	own := make([]sale.Points, len(since))
	head := shown
	for i, r := range since {
		for _, p := range r.Postings {
			if isOf(p.Account, c) && p.Account.Purse == purse && (purse != 0 || p.Account.Kind == sale.AccountCustomer) {
				own[i] += p.Amount
			}
		}
		head -= own[i]
	}
	e.line("кошелёк %d: %s", "purse %d: %s", purse, shown)
	e.line("  %10s  головной офис, на %s", "  %10s  head office, as of %s", head, e.time(c.Seen.At))
	for i, r := range since {
		if own[i] != 0 {
			e.line("  %10s  %s %s, %s, программа версии %d", "  %10s  %s %s, %s, programme version %d", signed(own[i]), r.Kind, numberOf(r), e.time(r.At), versionOf(r))
		}
	}
}

func signed(p sale.Points) string {
	if p > 0 {
		return "+" + p.String()
	}
	return p.String()
}

func numberOf(r *sale.Record) string {
	switch {
	case r.Sale != nil:
		return r.Sale.No.String()
	case r.Return != nil:
		return r.Return.No.String()
	}
	return r.ID.String()
}

// versionOf is the programme that reckoned a record; a return undoes what its sale's did.
func versionOf(r *sale.Record) uint32 {
	if r.Sale != nil {
		return r.Sale.Programme
	}
	return 0
}

// held are the lots that may be spent here, by purse and life.
func (e *explanation) held(held []loyalty.Held) {
	byPurse := map[sale.PurseNo]sale.Points{}
	for _, h := range held {
		byPurse[h.Lot.Account.Purse] += h.Free
		until, untilRU := "for ever", "бессрочно"
		if h.Lot.ExpiresAt != 0 {
			until = "until " + e.time(h.Lot.ExpiresAt)
			untilRU = "до " + e.time(h.Lot.ExpiresAt)
		}
		e.line("лот      %[1]s: здесь %[2]s, с %[3]s %[5]s", "lot      %[1]s: %[2]s here, from %[3]s %[4]s", h.Lot.ID, h.Free, e.time(h.Lot.ActivatesAt), until, untilRU)
	}
	for _, p := range slices.Sorted(maps.Keys(byPurse)) {
		e.line("здесь    из кошелька %d можно потратить %s", "here     %[2]s of purse %[1]d can be spent", p, byPurse[p])
	}
}
