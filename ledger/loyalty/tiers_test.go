package loyalty

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
)

// laddered has silver from 10 000 ₽ or 20 receipts, gold from 50 000 ₽ or 5 friends, and platinum by hand.
func laddered(w Window) *Programme {
	p := Default()
	p.Tiers[1].Need = Need{Spend: 10_000 * sale.Rouble, Receipts: 20}
	p.Tiers[2].Need = Need{Spend: 50_000 * sale.Rouble, Referrals: 5}
	p.Tiers = append(p.Tiers, Tier{No: 3, RU: "Платиновый", EN: "Platinum"})
	p.Window = w
	return p
}

var womensDay = sale.At(time.Date(2027, 3, 8, 12, 0, 0, 0, time.UTC))

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func TestRetier(t *testing.T) {
	year := Window{Days: 365}
	down := Window{Days: 365, Downgrade: true, HoldDays: 90}
	for name, c := range map[string]struct {
		w      Window
		m      Membership
		pr     sale.Progress
		to     uint16
		change bool
	}{
		"nothing yet":                  {year, Membership{}, sale.Progress{Spend: 999_999}, 0, false},
		"silver to the kopeck":         {year, Membership{}, sale.Progress{Spend: 1_000_000}, 1, true},
		"silver by receipts alone":     {year, Membership{}, sale.Progress{Spend: 100, Receipts: 20}, 1, true},
		"gold by friends alone":        {year, Membership{}, sale.Progress{Referrals: 5}, 2, true},
		"gold at once, past silver":    {year, Membership{}, sale.Progress{Spend: 5_000_000}, 2, true},
		"kept where nothing is lost":   {year, Membership{Tier: 2}, sale.Progress{}, 2, false},
		"lowered after the hold":       {down, Membership{Tier: 2, Since: womensDay.Add(-days(90))}, sale.Progress{Spend: 1_000_000}, 1, true},
		"held a day less":              {down, Membership{Tier: 2, Since: womensDay.Add(-days(89))}, sale.Progress{}, 2, false},
		"by hand, not reckoned":        {down, Membership{Tier: 3, Until: womensDay + 1}, sale.Progress{Spend: 5_000_000}, 3, false},
		"by hand, for ever":            {down, Membership{Tier: 3, Until: Forever}, sale.Progress{}, 3, false},
		"by hand, over":                {down, Membership{Tier: 3, Until: womensDay}, sale.Progress{Spend: 1_000_000}, 1, true},
		"by hand, over, silver before": {year, Membership{Tier: 3, Until: womensDay, Earned: 1}, sale.Progress{}, 1, true},
		"by hand below, over":          {year, Membership{Tier: 0, Until: womensDay, Earned: 0}, sale.Progress{}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := laddered(c.w)
			require.NoError(t, p.Validate())
			to, _, change := p.Retier(c.m, c.pr, womensDay)
			require.Equal(t, c.to, to)
			require.Equal(t, c.change, change)
		})
	}
}

func TestProgressCountsTheWindow(t *testing.T) {
	p := laddered(Window{Days: 30, Min: 100 * sale.Rouble})
	receipts := []Counted{
		{womensDay.Add(-days(31)), 500_000},
		{womensDay.Add(-days(30)), 20_000},  // the first moment counts
		{womensDay.Add(-days(1)), 9_999},    // below the least
		{womensDay.Add(-days(1)), 10_000},   // the least
		{womensDay.Add(-days(1)), 0},        // all came back
		{womensDay.Add(-days(1)), -100_000}, // nonsense
	}
	require.Equal(t, sale.Progress{Spend: 30_000, Receipts: 2, Referrals: 3}, p.Progress(receipts, 3, womensDay))
}

func TestNextTier(t *testing.T) {
	p := laddered(Window{})
	next, missing, ok := p.NextTier(0, sale.Progress{Spend: 350_050, Receipts: 7})
	require.True(t, ok)
	require.Equal(t, "Серебряный", next.RU)
	require.Equal(t, Need{Spend: 649_950, Receipts: 13}, missing)
	next, missing, ok = p.NextTier(1, sale.Progress{Spend: 6_000_000, Referrals: 4})
	require.True(t, ok)
	require.Equal(t, uint16(2), next.No)
	require.Equal(t, Need{Referrals: 1}, missing)
	_, _, ok = p.NextTier(2, sale.Progress{})
	require.False(t, ok, "platinum is given by hand")
	_, _, ok = (*Programme)(nil).NextTier(0, sale.Progress{})
	require.False(t, ok)
}

// Whatever was bought, what a tier says is missing is what it takes to deserve it.
func TestNextTierIsReached(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := laddered(Window{})
		pr := sale.Progress{Spend: sale.Money(rapid.Int64Range(0, 6_000_000).Draw(t, "spend")), Receipts: rapid.Uint32Range(0, 30).Draw(t, "receipts"), Referrals: rapid.Uint32Range(0, 6).Draw(t, "friends")}
		at := p.Deserved(pr)
		next, missing, ok := p.NextTier(at, pr)
		if !ok {
			return
		}
		require.Positive(t, int64(missing.Spend)+int64(missing.Receipts)+int64(missing.Referrals))
		pr.Spend += missing.Spend
		require.GreaterOrEqual(t, p.Deserved(pr), next.No)
	})
}
