package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// grantOf leases points of a lot of customer 7.
func grantOf(j *storetest.Journal, lot sale.ID, till sale.TillNo, amount sale.Points) *sale.Record {
	return &sale.Record{Kind: sale.KindGrant, ID: j.ID(), Leases: []sale.Lease{{
		ID: j.ID(), Account: sale.CustomerAccount(7), Holder: sale.Holder{Till: till}, Parts: []sale.LotAmount{{Lot: lot, Amount: amount}},
	}}}
}

// freeOf30 gives customer 7 thirty points, and leases ten of them to till 1.
func freeOf30(t *testing.T, s *Store, org sale.OrgNo, j *storetest.Journal) (lot sale.ID, lease sale.Lease) {
	t.Helper()
	account, lot := sale.CustomerAccount(7), j.ID()
	require.NoError(t, s.Post(t.Context(), org, &sale.Record{
		Kind: sale.KindAdjust, ID: j.ID(), Adjust: &sale.Adjust{Customer: 7, Amount: 30}, Lots: []sale.Lot{{ID: lot, Account: account}},
		Postings: []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -30}, {Account: account, Lot: lot, Amount: 30}},
	}))
	grant := grantOf(j, lot, 1, 10)
	require.NoError(t, s.Post(t.Context(), org, grant))
	return lot, grant.Leases[0]
}

// overspend lets till 1 spend its whole lease, be put back by an image of its disk, and spend it again. tailFirst
// tells which of the two comes first.
func overspend(t *testing.T, s *Store, org sale.OrgNo, j *storetest.Journal, lease sale.Lease, tailFirst bool) {
	t.Helper()
	handIn(t, s, j)
	image := j.Copy()
	j.Add(j.Redeeming(lease, 10))
	again := image.Redeeming(lease, 10)
	again.Fiscal.Key.FD += 100
	tail := image.Add(again)
	for _, isTail := range []bool{tailFirst, !tailFirst} {
		if isTail {
			_, err := s.Append(t.Context(), org, 1, 2, []wire.Sealed{tail})
			require.NoError(t, err)
		} else {
			handIn(t, s, j)
		}
	}
}

// Points that two histories of one till have spent are gone once for each of them, and free for nobody.
func TestAnOverspentLeaseFreesNothing(t *testing.T) {
	for name, tailFirst := range map[string]bool{"journal first": false, "tail first": true} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				org, js := seat(t, s, 2)
				lot, lease := freeOf30(t, s, org, js[1])
				overspend(t, s, org, js[0], lease, tailFirst)
				require.Equal(t, 10, count(t, s, `SELECT remaining FROM lots`))
				require.Zero(t, count(t, s, `SELECT leased FROM lots`))
				require.Equal(t, 1, count(t, s, `SELECT count(*) FROM flags WHERE kind = 'overspent'`))
				_, _, free, _, err := s.Standing(t.Context(), org, 7)
				require.NoError(t, err)
				require.Equal(t, []sale.LotAmount{{Lot: lot, Amount: 10}}, free)
				require.ErrorIs(t, s.Post(t.Context(), org, grantOf(js[1], lot, 2, 20)), ErrStale)
				require.NoError(t, s.Post(t.Context(), org, grantOf(js[1], lot, 2, 10)), "what is there may be granted")

				js[0].Add(js[0].Releasing(lease.ID))
				handIn(t, s, js[0])
				require.Equal(t, 10, count(t, s, `SELECT leased FROM lots`), "till 2's, whatever till 1 hands back")
			})
		})
	}
}

// Both spends may come in one batch, and beside another till's lease of the same lot.
func TestAnOverspentLeaseLeavesAnothersAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 2)
		lot, lease := freeOf30(t, s, org, js[1])
		require.NoError(t, s.Post(t.Context(), org, grantOf(js[1], lot, 2, 15)))
		for range 2 {
			js[0].Add(js[0].Redeeming(lease, 7))
		}
		handIn(t, s, js[0])
		require.Equal(t, 16, count(t, s, `SELECT remaining FROM lots`))
		require.Equal(t, 15, count(t, s, `SELECT leased FROM lots`))
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM flags WHERE kind = 'overspent'`))
		tills, err := s.TillRows(t.Context(), org, 1)
		require.NoError(t, err)
		require.Zero(t, tills[0].Exposure)
	})
}

// A database of before holds less on lease than there is; the step that mends it leaves the others' lots alone.
func TestOverspentLeasesOfOldAreCountedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		const step = "migrations/0006_leased.sql"
		org, js := seat(t, s, 2)
		lot, lease := freeOf30(t, s, org, js[1])
		require.NoError(t, s.Post(t.Context(), org, grantOf(js[1], lot, 2, 5)))
		overspend(t, s, org, js[0], lease, false)
		js[1].Add(js[1].Earning(8, 1, 40))
		handIn(t, s, js[1])
		require.NoError(t, s.change(t.Context(), func(tx *tx) error {
			if _, err := tx.exec(t.Context(), `UPDATE lots SET leased = leased - 10 WHERE id = ?`, lot[:]); err != nil {
				return err
			}
			_, err := tx.exec(t.Context(), `DELETE FROM migrations WHERE name = ?`, step)
			return err
		}))
		require.NoError(t, s.migrate(t.Context()))
		require.Equal(t, 5, count(t, s, `SELECT leased FROM lots WHERE id = ?`, lot[:]))
		require.Equal(t, 40, count(t, s, `SELECT leased FROM lots WHERE no = 8`))
	})
}
