package loyalty

import (
	"testing"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/stretchr/testify/require"
)

func TestReasonText(t *testing.T) {
	earn := rated(RuleTierEarn, 495, Tier{No: 1}, 300, 16512)
	require.Equal(t, "Начислено баллов по уровню 1: 3% от 165,12 ₽ = 4,95", ReasonText(earn, "ru"))
	require.Equal(t, "Accrual of tier 1: 3% of 165.12 is 4.95 points", ReasonText(earn, "en"))
	require.Equal(t, "Accrual rounded down to 1: −0.95 points", ReasonText(stepped(RuleRoundEarn, 95, 100), "en"))
	require.Equal(t, "Минимальная цена: 349,00 ₽", ReasonText(sale.Reason{Rule: RulePriceFloor, Amount: 34900}, "ru"))
	require.Equal(t, "stamp.card 3 of=6", ReasonText(sale.Reason{Rule: "stamp.card", Amount: 3, Detail: "of=6"}, "ru"))
}

// Every code that a quote writes has a sentence in both languages.
func TestReasonTextKnowsEveryRule(t *testing.T) {
	for _, rule := range []string{
		RuleTierUnknown, RuleTierDiscount, RuleTierEarn, RuleRoundEarn, RuleRedeemCap, RuleRedeemFloor, RuleRedeemSpendable,
		RuleRedeemStep, RuleRedeemLess, RuleRedeemPolicy, RuleRedeemNobody, RuleNoProgramme, RuleBlocked, RuleErased,
		RulePriceFloor, RuleNoDiscount, RuleNoRedeem, RuleNoEarn, RuleRoundMove,
	} {
		require.Contains(t, texts, rule)
		require.NotEmpty(t, texts[rule].ru)
		require.NotEmpty(t, texts[rule].en)
	}
	require.Len(t, texts, 19)
}
