package loyalty

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

func TestCheck(t *testing.T) {
	moscow, err := time.LoadLocation("Europe/Moscow")
	require.NoError(t, err)
	late := func(h, m int) sale.Time { return sale.At(time.Date(2027, 3, 8, h, m, 0, 0, moscow)) }
	p := Default()
	p.Watch = Watch{
		OwnCard: Watched{Measure: MeasureBlock}, CardReceipts: Watched{MeasurePIN, 3}, AfterTotal: Watched{Measure: MeasureFlag}, Fresh: Watched{MeasureBlock, 24},
		Refund: Watched{MeasurePIN, 48}, Lookups: Watched{MeasureFlag, 10}, PointsOnly: Watched{Measure: MeasureFlag}, Typed: Watched{Measure: MeasurePIN}, Night: Watched{MeasureFlag, 30},
	}
	require.NoError(t, p.Validate())
	for name, c := range map[string]struct {
		facts WatchFacts
		want  []Finding
	}{
		"an honest receipt":         {WatchFacts{At: womensDay, Cashier: 7, CardStaff: 8, CardReceipts: 3, FoundBy: sale.FoundCard, Redeemed: 100, Total: 900, Floors: 1}, nil},
		"own card":                  {WatchFacts{At: womensDay, Cashier: 7, CardStaff: 7}, []Finding{{WatchOwnCard, MeasureBlock, 7}}},
		"nobody at the till":        {WatchFacts{At: womensDay}, nil},
		"the fourth receipt":        {WatchFacts{At: womensDay, CardReceipts: 4}, []Finding{{WatchCardReceipts, MeasurePIN, 4}}},
		"after the total":           {WatchFacts{At: womensDay, AfterTotal: true}, []Finding{{WatchAfterTotal, MeasureFlag, 0}}},
		"redeemed after 23 hours":   {WatchFacts{At: womensDay, Enrolled: womensDay.Add(-23 * time.Hour), Redeemed: 1, Total: 1}, []Finding{{WatchFresh, MeasureBlock, 23}}},
		"redeemed after 24 hours":   {WatchFacts{At: womensDay, Enrolled: womensDay.Add(-24 * time.Hour), Redeemed: 1, Total: 1}, nil},
		"fresh, earns only":         {WatchFacts{At: womensDay, Enrolled: womensDay}, nil},
		"enrolled in the future":    {WatchFacts{At: womensDay, Enrolled: womensDay.Add(time.Hour), Redeemed: 1, Total: 1}, nil},
		"returned after 47 hours":   {WatchFacts{At: womensDay, SoldAt: womensDay.Add(-47 * time.Hour), SoldRedeemed: 100}, []Finding{{WatchRefund, MeasurePIN, 47}}},
		"returned, paid in money":   {WatchFacts{At: womensDay, SoldAt: womensDay.Add(-47 * time.Hour)}, nil},
		"the eleventh look-up":      {WatchFacts{At: womensDay, Lookups: 11}, []Finding{{WatchLookups, MeasureFlag, 11}}},
		"points pay all but floors": {WatchFacts{At: womensDay, Redeemed: 9900, Total: 2, Floors: 2}, []Finding{{WatchPointsOnly, MeasureFlag, 9900}}},
		"named by phone":            {WatchFacts{At: womensDay, Redeemed: 100, Total: 1, FoundBy: sale.FoundPhone}, []Finding{{WatchTyped, MeasurePIN, 100}}},
		"23:30 in Moscow":           {WatchFacts{At: late(23, 30), Zone: moscow, Redeemed: 5, Total: 1}, []Finding{{WatchNight, MeasureFlag, 5}}},
		"23:29 in Moscow":           {WatchFacts{At: late(23, 29), Zone: moscow, Redeemed: 5, Total: 1}, nil},
		"0:59 in Moscow":            {WatchFacts{At: late(0, 59), Zone: moscow, Redeemed: 5, Total: 1}, []Finding{{WatchNight, MeasureFlag, 5}}},
		"1:00 in Moscow":            {WatchFacts{At: late(1, 0), Zone: moscow, Redeemed: 5, Total: 1}, nil},
		"two at once, in one order": {WatchFacts{At: womensDay, Cashier: 7, CardStaff: 7, AfterTotal: true}, []Finding{{WatchOwnCard, MeasureBlock, 7}, {WatchAfterTotal, MeasureFlag, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.Check(c.facts)
			require.Equal(t, c.want, got)
			want := MeasureOff
			for _, f := range c.want {
				want = max(want, f.Measure)
			}
			require.Equal(t, want, Harshest(got))
		})
	}
	require.Empty(t, Default().Check(WatchFacts{Cashier: 7, CardStaff: 7, AfterTotal: true, Lookups: 99}), "nothing is watched unless it is set")
	require.Empty(t, (*Programme)(nil).Check(WatchFacts{Cashier: 7, CardStaff: 7}))
}

// The customer hears or reads these beside the cashier: none may call anybody a thief.
func TestWatchTextsBlameNobody(t *testing.T) {
	for _, rule := range (Watch{}).rules() {
		for _, lang := range []string{"ru", "en"} {
			text := strings.ToLower(WatchText(rule.code, lang))
			require.NotEqual(t, rule.code, text)
			for _, word := range []string{"мошен", "обман", "подозр", "краж", "вор", "наруш", "виноват", "fraud", "cheat", "suspic", "steal", "theft", "abuse", "blame", "guilty"} {
				require.NotContains(t, text, word, rule.code)
			}
		}
	}
	require.Equal(t, "from-later", WatchText("from-later", "ru"))
}
