package loyalty

import (
	"testing"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
)

func TestAccrual(t *testing.T) {
	record, at := sale.ID{9}, sale.At(time.Date(2026, 2, 27, 18, 30, 0, 0, time.UTC))
	lot := sale.DeriveID(record, "lot", 0)
	customer, debt, programme := sale.CustomerAccount(7), sale.DebtAccount(7), sale.ProgrammeAccount()
	for name, c := range map[string]struct {
		amount, debt, net sale.Points
		postings          []sale.Posting
	}{
		"nothing earned":  {0, 500, 0, nil},
		"negative":        {-5, 0, 0, nil},
		"no debt":         {300, 0, 300, []sale.Posting{{Account: programme, Amount: -300}, {Account: customer, Lot: lot, Amount: 300}}},
		"debt paid first": {300, 100, 200, []sale.Posting{{Account: programme, Amount: -300}, {Account: debt, Amount: 100}, {Account: customer, Lot: lot, Amount: 200}}},
		"all to debt":     {300, 300, 0, []sale.Posting{{Account: programme, Amount: -300}, {Account: debt, Amount: 300}}},
		"part of debt":    {300, 900, 0, []sale.Posting{{Account: programme, Amount: -300}, {Account: debt, Amount: 300}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Default().Accrual(record, customer, at, c.amount, c.debt)
			require.Equal(t, c.postings, got.Postings)
			require.Equal(t, c.net, got.Net)
			require.Equal(t, c.net > 0, len(got.Lots) == 1)
			require.Equal(t, got, Default().Accrual(record, customer, at, c.amount, c.debt))
			var sum sale.Points
			for _, p := range got.Postings {
				sum += p.Amount
			}
			require.Zero(t, sum)
		})
	}
	require.Zero(t, (*Programme)(nil).Accrual(record, customer, at, 300, 0))
}

func TestAccrualLotLife(t *testing.T) {
	bought := time.Date(2026, 2, 27, 18, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		rules              LotRules
		activates, expires time.Time
	}{
		{LotRules{}, bought, time.Time{}},
		{LotRules{ExpireAfterDays: 365}, bought, time.Date(2027, 2, 27, 18, 30, 0, 0, time.UTC)},
		{LotRules{ActivateAfterHours: 14 * 24, ExpireAfterDays: 30}, time.Date(2026, 3, 13, 18, 30, 0, 0, time.UTC), time.Date(2026, 4, 12, 18, 30, 0, 0, time.UTC)},
	} {
		p := Default()
		p.Lots = c.rules
		lots := p.Accrual(sale.ID{9}, sale.CustomerAccount(7), sale.At(bought), 100, 0).Lots
		require.Len(t, lots, 1)
		require.Equal(t, sale.At(c.activates), lots[0].ActivatesAt)
		require.Equal(t, sale.ID{9}, lots[0].Source)
		if c.expires.IsZero() {
			require.Zero(t, lots[0].ExpiresAt)
		} else {
			require.Equal(t, sale.At(c.expires), lots[0].ExpiresAt)
		}
	}
}

// Every purse has a lot, a debt and a life of its own, and the programme's counter-account of that purse.
func TestAccruals(t *testing.T) {
	p := promoted()
	p.Purses[0].Lots = LotRules{ActivateAfterHours: 24, ExpireAfterDays: 30}
	record, at := sale.ID{9}, sale.At(time.Date(2027, 3, 10, 12, 0, 0, 0, time.UTC))
	customer := sale.CustomerAccount(7)
	lines := []sale.SoldLine{{Extra: []sale.PurseAmount{{Purse: 3, Amount: 50}, {Purse: 1, Amount: 200}}}, {Extra: []sale.PurseAmount{{Purse: 1, Amount: 100}}}}
	all := p.Accruals(record, customer, at, EarnedInto(300, lines), []sale.PurseAmount{{Purse: 1, Amount: 120}})
	require.Len(t, all, 3)
	require.Equal(t, p.Accrual(record, customer, at, 300, 0), all[0])

	stamps := customer.In(1)
	lot := sale.DeriveID(record, "lot", 1)
	require.Equal(t, Accrual{
		Lots: []sale.Lot{{ID: lot, Account: stamps, Source: record, ActivatesAt: at.Add(24 * time.Hour), ExpiresAt: at.Add(31 * 24 * time.Hour)}},
		Postings: []sale.Posting{
			{Account: sale.ProgrammeAccount().In(1), Amount: -300},
			{Account: sale.DebtAccount(7).In(1), Amount: 120},
			{Account: stamps, Lot: lot, Amount: 180},
		},
		Net: 180,
	}, all[1])
	require.Equal(t, sale.DeriveID(record, "lot", 3), all[2].Lots[0].ID)
	require.Zero(t, all[2].Lots[0].ExpiresAt)
	require.Empty(t, p.Accruals(record, customer, at, EarnedInto(0, nil), nil))

	held := []Held{{Lot: sale.Lot{Account: customer}, Free: 1}, {Lot: sale.Lot{Account: stamps}, Free: 2}}
	require.Equal(t, held[1:], In(held, 1))
	require.Equal(t, held[:1], In(held, 0))
}
