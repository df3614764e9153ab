package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/sale"
)

// A stolen till signs what it likes: none of it moves what is not its own, and each is before a person.
func TestStolenTillMovesNothing(t *testing.T) {
	const n = 9_000_000_00
	mint := []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -n}, {Account: sale.EmployeeAccount(5), Amount: n}}
	for name, forge := range map[string]func(thief *storetest.Journal, e *sale.Record) *sale.Record{
		"another customer's lot as one's own": func(_ *storetest.Journal, e *sale.Record) *sale.Record {
			return &sale.Record{Kind: sale.KindShiftOpen, Lots: []sale.Lot{{ID: e.Lots[0].ID, Account: sale.CustomerAccount(66), Source: e.ID}}}
		},
		"the same in a sale": func(thief *storetest.Journal, e *sale.Record) *sale.Record {
			x := thief.Earning(66, 1, 1)
			x.Lots = append(x.Lots, sale.Lot{ID: e.Lots[0].ID, Account: sale.CustomerAccount(66), Source: x.ID})
			return x
		},
		"a posting moves the lot": func(thief *storetest.Journal, e *sale.Record) *sale.Record {
			x := thief.Earning(66, 1, 1)
			x.Lots, x.Leases, x.Postings[1].Lot = nil, nil, e.Lots[0].ID
			return x
		},
		"a lease under another's name": func(thief *storetest.Journal, e *sale.Record) *sale.Record {
			x := thief.Earning(66, 1, 1)
			x.Leases[0].ID = e.Leases[0].ID
			return x
		},
		"a spend from another's lease": func(thief *storetest.Journal, e *sale.Record) *sale.Record {
			return thief.Redeeming(e.Leases[0], 300)
		},
		"a debit without a spend": func(thief *storetest.Journal, e *sale.Record) *sale.Record {
			x := thief.Redeeming(e.Leases[0], 300)
			x.Spends = nil
			return x
		},
		"points without a receipt": func(*storetest.Journal, *sale.Record) *sale.Record {
			return &sale.Record{Kind: sale.KindShiftOpen, Postings: mint}
		},
		"a reward beyond the receipt's": func(thief *storetest.Journal, _ *sale.Record) *sale.Record {
			x := thief.Plain(1)
			x.Sale.Reward, x.Postings = 100, mint
			return x
		},
		"a reward of another's": func(thief *storetest.Journal, _ *sale.Record) *sale.Record {
			x := thief.Plain(1)
			x.Sale.Reward, x.Postings = n, mint // to 5: the cashier is 1
			return x
		},
		"more than the receipt earned": func(thief *storetest.Journal, _ *sale.Record) *sale.Record {
			x := thief.Earning(66, 1, 500)
			x.Sale.Earned = 499
			return x
		},
		"more than is given back": func(thief *storetest.Journal, e *sale.Record) *sale.Record {
			x := thief.Returning(e, 1)
			x.Postings = []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -1}, {Account: e.Lots[0].Account, Lot: e.Lots[0].ID, Amount: 1}}
			return x
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openIn(t, t.TempDir())
			org, js := seat(t, s, 2)
			e := js[0].Earning(7, 1, 500)
			js[0].Add(e)
			handIn(t, s, js[0])
			js[1].Add(forge(js[1], e))
			handIn(t, s, js[1])
			require.Len(t, conflicts(t, s, org, FlagUnprojected), 1)
			require.Equal(t, 1, count(t, s, `SELECT count(*) FROM lots WHERE no = 7 AND remaining = 500 AND leased = 500`))
			require.Equal(t, 1, count(t, s, `SELECT count(*) FROM lots`))
			require.Zero(t, count(t, s, `SELECT count(*) FROM accounts WHERE kind <> 1 OR no <> 7 OR balance <> 500`))
		})
	}
}

// A record that is not booked because it was booked before is no fault of its till's.
func TestOwnRecordTwiceIsADuplicateNotAForgery(t *testing.T) {
	s := openIn(t, t.TempDir())
	org, js := seat(t, s, 1)
	e := js[0].Earning(7, 1, 500)
	js[0].Add(e)
	again := *e
	js[0].Add(&again)
	handIn(t, s, js[0])
	require.Empty(t, conflicts(t, s, org, FlagUnprojected))
	require.Len(t, conflicts(t, s, org, FlagDuplicate), 1)
}
