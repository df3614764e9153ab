package desk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/sale"
)

// What goes back to a certificate is not handed over, and a return gives no points.
func TestReturnSaysWhatToHandOver(t *testing.T) {
	v := base(agent.StageDone)
	v.Done = &agent.DoneView{
		Kind: "return", ID: sale.ID{9}, No: "3-1043", Total: 90_000, Handed: 20_000, Advance: 70_000, Earned: -11900, Redeemed: -500, Customer: "Мария К.",
	}
	p := small(t, v)
	require.Equal(t, "200,00\u00a0₽", p.text(".change b"))
	said := p.text(".done")
	for _, want := range []string{"На сертификат", "700,00\u00a0₽", "Снято баллов", "119", "Возвращено баллов"} {
		require.Contains(t, said, want)
	}
	require.NotContains(t, said, "Начислено")
	require.NotContains(t, said, "\u2212")

	whole := *v.Done
	whole.Handed, whole.Advance = 0, 90_000
	v.Done = &whole
	p.till.show(v)
	p.see(".change.none")
	require.Equal(t, "Денег не отдавайте", p.text(".change"))
}

func TestSpentReceiptSaysSo(t *testing.T) {
	v := returning()
	for i := range v.Return.Lines {
		v.Return.Lines[i].Left, v.Return.Lines[i].Chosen = 0, 0
	}
	v.Return.Total = 0
	p := small(t, v)
	require.Equal(t, "В этом чеке больше нечего возвращать.", p.text(".side .stop"))
	require.True(t, eval[bool](p, `document.querySelector('[data-do=return-pay]').disabled`))
}

// A stamp is no rouble, and certificates are no bank card.
func TestOnlyMoneyIsShownAsMoney(t *testing.T) {
	v := programme()
	v.Basket.Purses[0].Paid = 500
	v.Basket.Applied = nil
	p := small(t, v)
	require.Contains(t, p.text(".sums"), "Здравица")
	require.NotContains(t, p.text(".sums"), "Кофе")

	end := shiftExpired()
	end.Shift.Advance = 123_400
	p.till.show(end)
	p.see(".stage-shift .figures")
	require.Contains(t, p.text(".stage-shift"), "1\u00a0234,00\u00a0₽")
}
