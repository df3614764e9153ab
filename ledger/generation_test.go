package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// A head office back from its backup may not know what it granted since, so every lease goes back, that of
// a receipt under way when it is printed.
func TestRestoredHeadOfficeGetsLeasesBack(t *testing.T) {
	s := newShop(t).withAnna(1000)
	generation := func() uint32 {
		g, err := s.Generation()
		require.NoError(t, err)
		return g
	}
	require.NoError(t, s.Regenerate(1), "the first that is heard of")
	require.EqualValues(t, 1, generation())
	require.Equal(t, sale.Points(1000), s.spendable(anna))
	s.sell(anna, 0, 10000) // makes a lease of its own
	d := s.draft(anna, 400, goods(10000))
	_, err := s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)

	require.NoError(t, s.Regenerate(2))
	require.Zero(t, generation(), "the receipt under way holds one still")
	s.reopen()
	require.Zero(t, generation())
	_, err = s.Finish(d.ID, sale.Fiscal{Kind: sale.FiscalNone})
	require.NoError(t, err)
	require.EqualValues(t, 2, generation())
	held, err := s.Held(anna)
	require.NoError(t, err)
	require.Len(t, held, 1, "what the receipt itself has earned since")
	require.Equal(t, d.Leases[0].ID, held[0].Lease)

	head := s.Head()
	require.NoError(t, s.Regenerate(2))
	require.NoError(t, s.Regenerate(1), "an older word changes nothing")
	require.Equal(t, head, s.Head())
}
