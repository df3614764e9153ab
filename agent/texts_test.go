package agent

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestSentencesReadWell(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{say("%s ₽", "%s", 30_000*sale.Rouble).RU, "30\u00a0000,00 ₽"},
		{say("%s", "%s", -1_234_567*sale.Rouble).RU, "-1\u00a0234\u00a0567,00"},
		{say("%s", "%s", 999*sale.Rouble).RU, "999,00"},
		{say("%s", "%s", 100*sale.Point).RU, "100"},
		{textEnrolled("Иванова А.", 100*sale.Point).RU, "Карта оформлена: Иванова А. Приветственные баллы (100) начислит головной офис"},
		{textEnrolled("Иванова А.", 0).RU, "Карта оформлена: Иванова А."},
		{textProgress(Text{RU: "Серебряный", EN: "Silver"}, loyalty.Need{Receipts: 40}).RU, "до уровня Серебряный осталось 40 чеков"},
		{textProgress(Text{RU: "Серебряный", EN: "Silver"}, loyalty.Need{Receipts: 21}).EN, "21 receipts to Silver"},
		{textProgress(Text{RU: "Золотой", EN: "Gold"}, loyalty.Need{Referrals: 1}).EN, "1 friend to Gold"},
		{textProgress(Text{RU: "Золотой", EN: "Gold"}, loyalty.Need{Referrals: 12}).RU, "до уровня Золотой осталось 12 друзей"},
		{textMarkBack("Молоко").RU, "«Молоко» по этому коду уже возвращён"},
		{textMarkBack("Молоко").EN, `"Молоко" of this code has come back already`},
		{textMarkBack("Сок «Добрый»").RU, "Сок «Добрый» по этому коду уже возвращён"},
		{textMarkWanted(`Сок "Добрый"`).EN, `Сок "Добрый" is sold by its marking code: scan the square code on the pack`},
		{textMarkDamaged("Сок «Добрый»", Text{RU: "Смотрите.", EN: "Look."}).EN, "Сок «Добрый»: Look. Until then put it aside: it may not be sold without its code; sell the rest."},
	} {
		require.Equal(t, c.want, c.got)
	}
}

// The page has its button only for a register that waits for it.
func TestPaperSentenceNamesTheButtonThatIsThere(t *testing.T) {
	out := registerState{online: true, status: drivers.Status{Conditions: drivers.PaperOut}}
	require.NotContains(t, registerText(out).RU, "Продолжить печать")
	out.status.Conditions |= drivers.WaitsForResume
	require.Contains(t, registerText(out).RU, "Продолжить печать")
}

func TestNoticesOfASickRegisterGoWhenItIsWell(t *testing.T) {
	till := &Till{}
	till.desk.notices = []Notice{{ID: 1, about: aboutRegister}, {ID: 2, about: "job"}}
	till.desk.register.online = true
	seen := func(online bool, c drivers.Condition) int {
		till.sawRegister(registerState{online: online, status: drivers.Status{Conditions: c}})
		return len(till.desk.notices)
	}
	require.Equal(t, 2, seen(true, drivers.PaperOut), "still without paper")
	require.Equal(t, 2, seen(false, 0))
	require.Equal(t, 1, seen(true, drivers.PaperNear), "the other notice has nothing to do with it")
}
