package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Corrections are listed and counted beside the Z report, and touch no figure of sales.
func TestCorrections(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		org, tills := seat(t, s, 1)
		j := tills[0]
		j.Add(&sale.Record{Kind: sale.KindShiftOpen, Staff: 1, Shift: 1, Fiscal: j.Fiscal(sale.DocShiftOpen, 0)})
		sold := j.Plain(1)
		j.Add(sold)
		missing, wrong := j.Correcting(sale.DocSale, 7000), j.Correcting(sale.DocSaleReturn, 2000)
		j.Add(missing)
		j.Add(wrong)
		totals := sale.StorageTotals{Sales: 1, Sold: sold.Sale.Total, Corrections: 2, Corrected: 5000}
		j.Add(&sale.Record{Kind: sale.KindShiftClose, Staff: 1, Shift: 1, Fiscal: j.Fiscal(sale.DocShiftClose, 0), Close: &sale.ShiftClose{
			Sales: 1, Sold: sold.Sale.Total, Corrections: 2, Corrected: 5000, Head: j.Position.Head, Storage: &totals,
		}})
		_, err := s.Append(ctx, org, j.Till, 0, j.After(0))
		require.NoError(t, err)

		all, err := s.Transactions(ctx, org, page.SaleFilter{}, page.SaleKey{}, 10)
		require.NoError(t, err)
		require.Len(t, all, 3)
		rows, err := s.Transactions(ctx, org, page.SaleFilter{Kind: page.SaleKindCorrection}, page.SaleKey{}, 10)
		require.NoError(t, err)
		require.Len(t, rows, 2)
		require.Equal(t, wrong.ID, rows[0].ID)
		require.Equal(t, sale.KindCorrection, rows[0].Kind)
		require.Equal(t, sale.Money(2000), rows[0].Total)
		none, err := s.Transactions(ctx, org, page.SaleFilter{Kind: page.SaleKindCorrection, Card: page.WithCustomer}, page.SaleKey{}, 10)
		require.NoError(t, err)
		require.Empty(t, none)
		r, err := s.Receipt(ctx, org, missing.ID)
		require.NoError(t, err)
		require.Equal(t, sale.Money(7000), r.Total)

		shifts, err := s.Shifts(ctx, org, page.ShiftFilter{}, page.ShiftKey{}, 10)
		require.NoError(t, err)
		require.Equal(t, 2, shifts[0].Ours.Corrections)
		require.Equal(t, sale.Money(5000), shifts[0].Ours.Corrected)
		require.Equal(t, sold.Sale.Total+5000, shifts[0].Ours.Cash, "what lies in the drawer")
		require.Equal(t, totals, *shifts[0].Close.Storage)
		flags, err := s.FlagRows(ctx, org, false, page.FlagKey{}, 10)
		require.NoError(t, err)
		require.Empty(t, flags, "the accounts agree")
		stores, _, err := s.Day(ctx, org, 1, 0, 1<<50)
		require.NoError(t, err)
		require.Equal(t, sold.Sale.Total, stores[0].Sold, "corrections are no sales")
	})
}

// A shift whose storage was swapped ends without a Z report, and a person is told.
func TestASwappedStorageIsFlagged(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		org, tills := seat(t, s, 1)
		j := tills[0]
		j.Add(&sale.Record{Kind: sale.KindShiftOpen, Staff: 1, Shift: 1, Fiscal: j.Fiscal(sale.DocShiftOpen, 0)})
		j.Add(&sale.Record{
			Kind: sale.KindShiftClose, Staff: 1, Shift: 1, Fiscal: &sale.Fiscal{Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: j.FN}, Doc: sale.DocShiftClose, Settled: true},
			Close: &sale.ShiftClose{Head: j.Position.Head, Swapped: "9999078900000002", By: 2},
		})
		_, err := s.Append(ctx, org, j.Till, 0, j.After(0))
		require.NoError(t, err)
		shifts, err := s.Shifts(ctx, org, page.ShiftFilter{}, page.ShiftKey{}, 10)
		require.NoError(t, err)
		require.Len(t, shifts, 1)
		require.Equal(t, "9999078900000002", shifts[0].Close.Swapped)
		flags, err := s.FlagRows(ctx, org, false, page.FlagKey{}, 10)
		require.NoError(t, err)
		require.Len(t, flags, 1)
		require.Contains(t, flags[0].EN, "9999078900000002")
	})
}

// TestAShiftNeverClosedEndsWithItsTill: a till died in a shift, another one has sold for a year since; and a till whose
// storage was changed in a shift has counted shifts from one again. Neither's figures nor records reach any further.
func TestAShiftNeverClosedEndsWithItsTill(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		org, tills := seat(t, s, 2)
		dead, swapped := tills[0], tills[1]
		open := func(j *storetest.Journal) {
			j.Add(&sale.Record{Kind: sale.KindShiftOpen, Staff: 1, Shift: 1, Fiscal: j.Fiscal(sale.DocShiftOpen, 0)})
		}
		const year = 365 * 86400_000
		open(dead)
		dead.Add(dead.Plain(1))
		old := swapped.FN
		open(swapped)
		swapped.Add(swapped.Plain(1))
		swapped.At += year
		swapped.FN = "9999078900000099"
		open(swapped)
		for range 3 {
			swapped.Add(swapped.Plain(1))
		}
		handIn(t, s, dead, swapped)
		shifts, err := s.Shifts(ctx, org, page.ShiftFilter{}, page.ShiftKey{}, 10)
		require.NoError(t, err)
		require.Len(t, shifts, 3)
		for i := range shifts {
			h := &shifts[i]
			want := 1
			if h.FN == swapped.FN {
				want = 3
			}
			require.Equal(t, want, h.Ours.Sales, h.FN)
			own, records, err := s.Shift(ctx, org, h.ShiftID)
			require.NoError(t, err)
			require.Equal(t, want, own.Ours.Sales)
			require.Len(t, records, want+1, "its opening and its sales")
			for _, r := range records {
				require.Equal(t, h.FN, r.Doc.FN)
			}
			var from, to int64
			require.NoError(t, s.view(ctx, func(tx *tx) (err error) {
				from, to, err = bounds(ctx, tx, org, h)
				return err
			}))
			if h.FN == old {
				require.Equal(t, int64(year), (to-from-2*shiftSlack)/86400_000*86400_000, "up to the till's next shift")
			} else {
				require.Less(t, to-from, int64(together))
			}
		}
	})
}
