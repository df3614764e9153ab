package agent

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// BenchmarkScan is a product under the scanner at a till with all the rest: a customer with points, 30
// lines on the counter, a programme of 200 promotions; from the code to the page's new view.
func BenchmarkScan(b *testing.B) {
	till := busyTill(b)
	ctx := context.Background()
	for i := range 30 {
		require.NoError(b, till.Scan(ctx, sale.Code{Text: goodsCode(i)}))
	}
	b.ResetTimer()
	for i := range b.N {
		if err := till.Scan(ctx, sale.Code{Text: goodsCode(i % 30)}); err != nil {
			b.Fatal(err)
		}
		if i%300 == 0 { // nobody buys a million of milk
			b.StopTimer()
			for line := range 30 {
				require.NoError(b, till.Do(ctx, Command{Do: "qty", Line: line, Qty: sale.Piece}))
			}
			b.StartTimer()
		}
	}
}

func goodsCode(i int) string {
	body := fmt.Sprintf("46000001%04d", i)
	return body + string(sale.GTINCheckDigit(body))
}

// busyTill is a till without a register, its shift open and a customer at the counter.
func busyTill(b *testing.B) *Till {
	l, clock := ledgertest.Open(b)
	salt := []byte("0123456789abcdef")
	changes := []sale.Change{
		encoded(b, sale.ChangeSettings, []byte("settings"), sale.Settings{Org: "Копилка", Store: 1, Zone: "Europe/Moscow", CardSecret: []byte("secret")}),
		encoded(b, sale.ChangeStaff, []byte{0, 0, 0, 1}, sale.Staff{No: 1, Name: "Иванова", Role: sale.RoleCashier, Salt: salt, PIN: sale.HashPIN(testPIN, salt)}),
		encoded(b, sale.ChangeProgramme, []byte{0, 0, 0, 1}, busyProgramme()),
		encoded(b, sale.ChangeCustomer, number(5), sale.CustomerChange{
			Customer: sale.Customer{No: 5, Name: "Анна П.", Balance: 30000},
			Keys:     []sale.CustomerKey{{Kind: sale.KeyCard, Key: sale.CardKey([]byte("secret"), testCard)}},
		}),
		encoded(b, sale.ChangeLease, append([]byte{15: 2}, []byte{}...), sale.LeaseChange{Lots: []sale.Lot{testLot}, Lease: sale.Lease{
			ID: sale.ID{15: 2}, Account: testLot.Account, Parts: []sale.LotAmount{{Lot: testLot.ID, Amount: 30000}},
		}}),
	}
	for i := range 30 {
		sku := sale.SKU(fmt.Sprintf("goods-%d", i))
		changes = append(changes, encoded(b, sale.ChangeProduct, []byte(sku), sale.Product{
			SKU: sku, Name: fmt.Sprintf("Товар %d", i), Price: 9990, VAT: sale.VAT10, Subject: sale.SubjectGoods, Codes: []string{goodsCode(i)}, Category: fmt.Sprintf("c%d", i%10),
		}))
	}
	require.NoError(b, l.Apply(1, changes))
	_, err := l.Book(sale.Record{ID: sale.ID{7: 7}, Kind: sale.KindShiftOpen, Shift: 1}, nil)
	require.NoError(b, err)
	trusted := NewClock(time.Now)
	trusted.Trust(clock.At)
	till, err := NewTill(Options{
		Ledger: l, Clock: trusted, Random: ledgertest.Random(1),
		Register: func(context.Context) (drivers.Printer, error) { return nil, errors.New("no register") },
	})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- till.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		require.ErrorIs(b, <-done, context.Canceled)
	})
	require.NoError(b, till.Do(ctx, Command{Do: "sign-in", PIN: testPIN}))
	require.NoError(b, till.Scan(ctx, sale.Code{Text: goodsCode(0)}))
	require.NoError(b, till.Scan(ctx, sale.Code{Text: testCard}))
	require.NoError(b, till.Do(ctx, Command{Do: "redeem", Points: loyalty.RedeemAll}))
	return till
}

func encoded(b *testing.B, kind sale.ChangeKind, key []byte, body any) sale.Change {
	raw, err := sale.Encode(body)
	require.NoError(b, err)
	return sale.Change{Kind: kind, Key: key, Version: 1, Body: raw}
}

// busyProgramme has 200 promotions, fraud rules, a gift and purses.
func busyProgramme() *loyalty.Programme {
	p := loyalty.Default()
	p.Watch = loyalty.Watch{
		OwnCard: loyalty.Watched{Measure: loyalty.MeasureFlag}, CardReceipts: loyalty.Watched{Measure: loyalty.MeasureFlag, Limit: 5},
		Typed: loyalty.Watched{Measure: loyalty.MeasureFlag},
	}
	p.Purses = []loyalty.Purse{{No: 1, RU: "Марки", EN: "Stamps", Kind: loyalty.PurseStamps}}
	p.Gifts = []loyalty.Gift{{SKU: "goods-1", Points: 5000}}
	for i := range 200 {
		goods := loyalty.Goods{SKUs: []sale.SKU{sale.SKU(fmt.Sprintf("goods-%d", i))}}
		give := loyalty.Give{Kind: loyalty.GiveEarnExtra, Rate: 500}
		if i%3 == 0 {
			give = loyalty.Give{Kind: loyalty.GivePercentOff, Rate: 1000}
		}
		if i%10 == 9 {
			goods = loyalty.Goods{Categories: []string{fmt.Sprintf("c%d", i/10%10)}}
		}
		p.Promotions = append(p.Promotions, loyalty.Promotion{ID: uint32(i + 1), RU: fmt.Sprintf("Акция %d", i), EN: fmt.Sprintf("Promotion %d", i), Goods: goods, Give: give})
	}
	return p
}
