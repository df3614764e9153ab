package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// A shift whose points were counter-provision agrees with its storage, whose sums are higher by them; figures
// of sales are money. A shift that does not agree is flagged with the storage's own sums.
func TestCounterProvisionAgreesWithTheStorage(t *testing.T) {
	for name, c := range map[string]struct {
		missing sale.Money // from the storage
		flags   int
	}{"agrees": {0, 0}, "a rouble is missing": {100, 1}} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				ctx := t.Context()
				org, tills := seat(t, s, 1)
				j := tills[0]
				j.Add(&sale.Record{Kind: sale.KindShiftOpen, Staff: 1, Shift: 1, Fiscal: j.Fiscal(sale.DocShiftOpen, 0)})
				earned := j.Earning(7, 2, 500) // 10.00 and 10.10
				j.Add(earned)
				sold := j.Redeeming(earned.Leases[0], 300)
				line := &sold.Sale.Lines[0]
				line.Shelf = []sale.Part{{Qty: sale.Piece, Price: line.Gross, Sum: line.Gross}}
				sold.Fiscal.Sum = sold.Sale.FiscalTotal()
				j.Add(sold)
				require.Equal(t, []sale.Money{1710, 2010}, []sale.Money{sold.Sale.Total, sold.Fiscal.Sum})
				storage := sale.StorageTotals{Sales: 2, Sold: 2010 + 2010 - c.missing}
				j.Add(&sale.Record{Kind: sale.KindShiftClose, Staff: 1, Shift: 1, Fiscal: j.Fiscal(sale.DocShiftClose, 0), Close: &sale.ShiftClose{
					Sales: 2, Sold: 2010 + 1710, Counter: 300, Cash: 3720, Redeemed: 300, Earned: 500, Head: j.Position.Head, Storage: &storage,
				}})
				_, err := s.Append(ctx, org, j.Till, 0, j.After(0))
				require.NoError(t, err)

				shifts, err := s.Shifts(ctx, org, page.ShiftFilter{}, page.ShiftKey{}, 10)
				require.NoError(t, err)
				require.Equal(t, sale.Money(3720), shifts[0].Ours.Sold)
				require.Equal(t, sale.Money(3720)-c.missing, shifts[0].Close.Storage.Sold, "in money, to stand beside ours")
				flags, err := s.FlagRows(ctx, org, false, page.FlagKey{}, 10)
				require.NoError(t, err)
				require.Len(t, flags, c.flags)
				if c.flags > 0 {
					require.Contains(t, flags[0].EN, "40.20")
					require.Contains(t, flags[0].EN, "39.20")
				}
				r, err := s.Receipt(ctx, org, sold.ID)
				require.NoError(t, err)
				require.Equal(t, sale.Money(1710), r.Total)
				require.Equal(t, []sale.Tender{{Kind: sale.TenderCash, Amount: 1710}, {Kind: sale.TenderCounter, Amount: 300}}, r.Record.Sale.FiscalTenders())
			})
		})
	}
}
