package loyalty

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

func TestMechanicsNameEveryProblem(t *testing.T) {
	p := Default()
	p.GraceDays = 4000
	p.Tiers[0].Need = Need{Receipts: 1}
	p.Tiers[1].Need.Spend = -1
	p.Window = Window{Downgrade: true, HoldDays: 4000, Min: -5}
	p.Referral = Referral{Rates: []sale.BasisPoints{6000, 5000, -1, 1}, First: -1, Month: GrantMax + 1, Lots: LotRules{ExpireAfterDays: 4000}}
	p.Grants = Grants{Birthday: Birthday{Average: 10_001, Before: 100, After: 81}, Holidays: []Holiday{{ID: 0, Month: 2, Day: 30, Points: -1, Who: Who{Tiers: []uint16{9}}}}}
	p.Cashier.Rate = -1
	p.Watch = Watch{OwnCard: Watched{Measure: 4}, Night: Watched{Measure: MeasureFlag}}
	p.Enrolment.Consents = []ConsentText{{Kind: 3, RU: "", EN: strings.Repeat("x", 5000)}}
	p.Returns = Returns{ForeignMax: -1, ForeignDays: 4000}
	err := p.Validate()
	require.ErrorIs(t, err, ErrProgramme)
	for _, path := range []string{
		"graceDays: ", "tiers[0].need: ", "tiers[1].need.spend: ", "window.downgrade: ", "window.holdDays: ", "window.minReceipt: ", "referral.rates: want at most 3",
		"referral.rates: want at most 100 %", "referral.rates[2]: ", "referral.first: ", "referral.month: ", "referral.lots.expireAfterDays: ", "grants.birthday.average: ",
		"grants.birthday.before: ", "grants.holidays[0].id: ", "grants.holidays[0].ru: ", "grants.holidays[0].day: ", "grants.holidays[0].points: ",
		"grants.holidays[0].who.tiers: ", "cashier.rate: ", "watch.ownCard.measure: ", "watch.night.limit: ", "enrolment.consents[0].kind: ", "enrolment.consents[0].version: ",
		"enrolment.consents[0].ru: ", "enrolment.consents[0].en: ", "returns.foreignMax: ", "returns.foreignDays: ",
	} {
		require.Contains(t, err.Error(), "programme: "+path)
	}
	// Every sentence is for two readers.
	for _, line := range strings.Split(err.Error(), "\n") {
		require.Regexp(t, `.+ / .*[а-я]`, line)
	}
}

func TestMechanicsOfAWholeProgrammePass(t *testing.T) {
	p := laddered(Window{Days: 365, Downgrade: true, HoldDays: 30, Min: 100})
	p.Referral = uds
	p.Grants = Grants{Welcome: 100, FirstPurchase: 100, Review: 5000, ReviewsMonth: 2, Birthday: Birthday{Points: 1, Before: 90, After: 90}, ByHandMax: 100_000}
	p.Grants.Holidays = []Holiday{{ID: 1, RU: "29 февраля", EN: "Leap day", Month: 2, Day: 29, Points: 1}}
	p.Watch.Typed = Watched{Measure: MeasurePIN}
	p.Enrolment.Consents = []ConsentText{{Kind: sale.ConsentPersonalData, Version: 1, RU: "Согласен", EN: "I agree", Required: true}}
	p.Returns = Returns{ForeignMax: 500_000, ForeignDays: 14}
	p.GraceDays = 30
	require.NoError(t, p.Validate())
}
