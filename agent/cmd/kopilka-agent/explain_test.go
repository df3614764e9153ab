package main

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// soldLedger holds a sale over 2 × 89.90 with 10 % off by a promotion, 20 points spent and 4 earned.
func soldLedger(t *testing.T) *ledger.Ledger {
	l, clock := ledgertest.Open(t)
	p := loyalty.Default()
	p.Promotions = []loyalty.Promotion{{ID: 7, RU: "Молочная неделя", EN: "Week of milk", Give: loyalty.Give{Kind: loyalty.GivePercentOff, Rate: 1000}}}
	lot := sale.Lot{ID: sale.ID{15: 1}, Account: sale.CustomerAccount(5), Source: sale.ID{15: 9}, ExpiresAt: clock.At + 1000}
	lease := sale.Lease{ID: sale.ID{15: 2}, Account: lot.Account, Parts: []sale.LotAmount{{Lot: lot.ID, Amount: 30000}}}
	changed := func(kind sale.ChangeKind, key []byte, body any) sale.Change {
		raw, err := sale.Encode(body)
		require.NoError(t, err)
		return sale.Change{Kind: kind, Key: key, Version: 1, Body: raw}
	}
	customer := sale.Customer{No: 5, Name: "Анна П.", Balance: 30000, Seen: sale.Seen{Epoch: 1, Seq: 1, At: clock.At}}
	require.NoError(t, l.Apply(1, []sale.Change{
		changed(sale.ChangeProgramme, []byte{0, 0, 0, 1}, p),
		changed(sale.ChangeSettings, []byte("settings"), sale.Settings{Org: "Копилка", Store: 1, Zone: "Europe/Moscow"}),
		changed(sale.ChangeCustomer, binary.BigEndian.AppendUint64(nil, 5), sale.CustomerChange{Customer: customer}),
		changed(sale.ChangeLease, lease.ID[:], sale.LeaseChange{Lease: lease, Lots: []sale.Lot{lot}}),
	}))
	held, err := l.Held(5)
	require.NoError(t, err)
	milk := sale.Product{SKU: "milk", Name: "Молоко", Price: 8990, VAT: sale.VAT10, Subject: sale.SubjectGoods}
	q, err := p.Quote(loyalty.Request{
		Lines: []sale.Line{{Product: milk, Qty: 2 * sale.Piece}}, At: clock.At, Redeem: 2000, Buyer: &loyalty.Buyer{No: 5, Spendable: 30000},
	})
	require.NoError(t, err)
	draft, err := ledger.NewSale{
		ID: sale.ID{1: 1}, At: clock.At, Staff: 1, Quote: q, Programme: p, Customer: customer, Held: held, Holder: sale.Holder{Store: 1, Till: 7},
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: q.Total}},
	}.Draft()
	require.NoError(t, err)
	_, err = l.Book(draft, nil)
	require.NoError(t, err)
	return l
}

func explained(t *testing.T, l *ledger.Ledger, lang string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, ledgerVerb(l, "explain", args, lang, &out))
	return out.String()
}

// Gross 179.80, a tenth off is 161.82, 20 points leave 141.82; 3 % of that in whole points are 4.
func TestExplainAReceipt(t *testing.T) {
	l := soldLedger(t)
	ru := explained(t, l, "ru", "1")
	for _, line := range []string{
		"7-1: 179.80 − скидка 17.98 − баллы 20 = 141.82, начислено 4; программа версии 1, уровень 0",
		"Акция «Молочная неделя»: скидка 17,98 ₽",
		"Начислено баллов по уровню «Базовый»: 3% от 141,82 ₽ = 4,25",
		"Начисление округлено вниз до 1: −0,25",
		"акция    7 «Молочная неделя» × 1: скидка 17.98",
		"проводка customer 5 -20",
		"проводка customer 5 4",
		"12:00:00 +03:00", // the store's own time
	} {
		require.Contains(t, ru, line)
	}
	en := explained(t, l, "en", "7-1")
	require.Contains(t, en, "Promotion “Week of milk”: 17.98 off")
	require.Contains(t, en, "programme version 1, tier 0")
	require.NotRegexp(t, "[а-яА-Я]", en[:20])
}

func TestExplainABalance(t *testing.T) {
	l := soldLedger(t)
	ru := explained(t, l, "ru", "customer", "5")
	for _, line := range []string{
		"покупатель 5 Анна П.",
		"кошелёк 0: 284",
		"       300  головной офис, на 2026-11-02 12:00:00 +03:00",
		"       -16  sale 7-1, 2026-11-02 12:00:00 +03:00, программа версии 1",
		"здесь    из кошелька 0 можно потратить 284",
	} {
		require.Contains(t, ru, line)
	}
	require.Contains(t, explained(t, l, "en", "customer", "5"), "300  head office, as of")
}

func TestExplainRefuses(t *testing.T) {
	l := soldLedger(t)
	for _, c := range []struct {
		lang string
		args []string
		says string
	}{
		{"de", []string{"1"}, "want ru or en"},
		{"ru", []string{"99"}, "not in this ledger: receipt 99 / в этом журнале нет чека 99"},
		{"ru", []string{"customer", "77"}, "not in this ledger"},
		{"ru", []string{"customer", "Анна"}, "want 1042"},
		{"ru", nil, "explain customer NUMBER"},
	} {
		require.ErrorContains(t, ledgerVerb(l, "explain", c.args, c.lang, new(bytes.Buffer)), c.says)
	}
}
