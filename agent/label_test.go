package agent

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/gs1"
	"github.com/kopilka/kopilka/ledger/sale"
)

func label(t *testing.T, pattern gs1.Pattern, digits string) gs1.Label {
	t.Helper()
	l, ok := pattern.Match(digits + string(sale.GTINCheckDigit(digits)))
	require.True(t, ok)
	return l
}

func TestLabels(t *testing.T) {
	cheese := sale.Product{Name: "Сыр", Price: 12990, Traits: sale.Weighed}
	pie := sale.Product{Name: "Пирог", Price: 10000}

	m, err := labelled(cheese, label(t, "23CCCCCPPPPPK", "230012318602"))
	require.NoError(t, err)
	require.Equal(t, sale.Qty(1432), m.qty, "1.432 × 129.90 = 186.02")
	require.Equal(t, cheese.Price, m.product.Price)

	m, err = labelled(pie, label(t, "23CCCCCPPPPPK", "230012318602"))
	require.NoError(t, err)
	require.Equal(t, sale.Piece, m.qty)
	require.Equal(t, sale.Money(18602), m.product.Price, "a piece costs what stands on it")

	m, err = labelled(pie, label(t, "22CCCCCNNNNNK", "220012300003"))
	require.NoError(t, err)
	require.Equal(t, 3*sale.Piece, m.qty)

	for _, empty := range []gs1.Label{label(t, "23CCCCCPPPPPK", "230012300000"), label(t, "21CCCCCWWWWWK", "210012300000")} {
		_, err = labelled(cheese, empty)
		require.Error(t, err)
		_, err = labelled(pie, empty)
		require.Error(t, err)
	}
	_, err = labelled(sale.Product{Name: "Сыр", Traits: sale.Weighed}, label(t, "23CCCCCPPPPPK", "230012318602"))
	require.Error(t, err, "goods without a price have no weight for one")
}

// A buyer pays what stands on the label, or less by less than a gram's price and a kopeck.
func TestPriceLabelIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := sale.Money(rapid.Int64Range(1, 10_000_000).Draw(t, "price of a kilogram"))
		worth := sale.Money(rapid.Int64Range(1, 99_999).Draw(t, "label"))
		qty := weightWorth(price, worth)
		if qty == 0 {
			return // a gram costs more than the label says
		}
		sum, err := price.Times(qty)
		require.NoError(t, err)
		require.LessOrEqual(t, sum, worth)
		more, err := price.Times(qty + 1)
		require.NoError(t, err)
		require.Greater(t, more, worth, "not a gram is kept back")
	})
}
