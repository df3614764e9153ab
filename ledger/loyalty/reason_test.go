package loyalty

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
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
	codes := rulesInSource(t)
	require.Len(t, texts, len(codes))
	for _, rule := range codes {
		require.Contains(t, texts, rule)
		require.NotEmpty(t, texts[rule].ru)
		require.NotEmpty(t, texts[rule].en)
	}
}

// rulesInSource reads the codes where they are named, so that a new one cannot be forgotten.
func rulesInSource(t *testing.T) (codes []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(v.Names[0].Name, "Rule") {
			code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			codes = append(codes, code)
		}
		return true
	})
	return codes
}
