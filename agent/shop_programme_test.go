package agent

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// The simulated shop's programme has something of every kind, so that whatever can go wrong with tills
// and links goes wrong with each mechanic too.
const (
	shopGeneric    = "ОСЕНЬ10"
	shopCampaign   = 2 // of single-use codes
	shopCodes      = 6
	shopVouchers   = 3 // gift certificates
	shopPhones     = 3 // of people who enrol, at either till, as often as they like
	purseStamps    = sale.PurseNo(1)
	purseTickets   = sale.PurseNo(2)
	pursePartner   = sale.PurseNo(3)
	shopVoucherSum = 200 * sale.Rouble
)

func shopRules() *loyalty.Programme {
	p := loyalty.Default()
	p.Version, p.Policy = 1, loyalty.PolicyCombined
	goods := func(sku ...sale.SKU) loyalty.Goods { return loyalty.Goods{SKUs: sku} }
	p.Purses = []loyalty.Purse{
		{No: purseStamps, RU: "Штампы", EN: "Stamps", Kind: loyalty.PurseStamps},
		{No: purseTickets, RU: "Билеты", EN: "Tickets", Kind: loyalty.PurseTickets},
		{No: pursePartner, RU: "Мили", EN: "Miles", Kind: loyalty.PursePartner, Max: 2000},
	}
	p.Campaigns = []loyalty.Campaign{
		{ID: 1, RU: "Осень", EN: "Autumn", Kind: loyalty.CodeGeneric, Code: shopGeneric},
		{ID: shopCampaign, RU: "Купон", EN: "Coupon", Kind: loyalty.CodeUnique},
	}
	p.Promotions = []loyalty.Promotion{
		{ID: 1, RU: "Третий сахар даром", EN: "Third sugar free", Goods: goods("sugar"), Who: loyalty.Who{Anyone: true}, Give: loyalty.Give{Kind: loyalty.GiveNthFree, Nth: 3}},
		{ID: 2, RU: "Четвёртое молоко", EN: "Fourth milk", Goods: goods("milk"), Give: loyalty.Give{Kind: loyalty.GiveStamps, Nth: 4, Purse: purseStamps}},
		{ID: 3, RU: "Розыгрыш", EN: "Draw", Give: loyalty.Give{Kind: loyalty.GiveTickets, Money: 100 * sale.Rouble, Purse: purseTickets}},
		{ID: 4, RU: "Осень −10 %", EN: "Autumn −10 %", Campaign: 1, Group: "codes", Who: loyalty.Who{Anyone: true}, Give: loyalty.Give{Kind: loyalty.GivePercentOff, Rate: 1000}},
		{ID: 5, RU: "Купон 20 ₽", EN: "Coupon 20", Campaign: shopCampaign, Group: "codes", Who: loyalty.Who{Anyone: true}, Give: loyalty.Give{Kind: loyalty.GiveAmountOff, Money: 20 * sale.Rouble}},
		{ID: 6, RU: "Мили", EN: "Miles", Give: loyalty.Give{Kind: loyalty.GivePurse, Rate: 200, Purse: pursePartner}},
		{ID: 7, RU: "Двойные баллы за молоко", EN: "Double points for milk", Goods: goods("milk"), Give: loyalty.Give{Kind: loyalty.GiveEarnTimes, Rate: 20000}},
	}
	p.Gifts = []loyalty.Gift{{SKU: "sugar", Points: 40 * sale.Point}}
	p.Referral = loyalty.Referral{Rates: []sale.BasisPoints{500, 200, 100}, First: 10 * sale.Point, Friend: 5 * sale.Point}
	p.Grants = loyalty.Grants{Welcome: 30 * sale.Point, FirstPurchase: 20 * sale.Point}
	p.Cashier.Rate = 100
	p.Watch.CardReceipts = loyalty.Watched{Measure: loyalty.MeasureFlag, Limit: 2}
	p.Watch.Refund = loyalty.Watched{Measure: loyalty.MeasureFlag, Limit: 24}
	p.Enrolment.Consents = []loyalty.ConsentText{{Kind: sale.ConsentPersonalData, Version: 1, RU: "Согласие", EN: "Consent", Required: true}}
	p.Returns = loyalty.Returns{ForeignMax: 1000 * sale.Rouble, ForeignDays: 14}
	return p
}

// extras makes the sale more than goods and a card, now and then.
func (st *shopTill) extras(o *outcome) {
	chance := func(one int) bool { return st.rng.IntN(one) == 0 }
	if chance(6) {
		st.enrol(o)
	}
	if chance(4) {
		st.tries(Command{Do: "code", Code: shopGeneric})
	}
	if chance(4) {
		st.tries(Command{Do: "code", Code: st.shop.codes[st.rng.IntN(shopCodes)]})
	}
	if chance(6) {
		st.tries(Command{Do: "certificate", Code: st.shop.vouchers[st.rng.IntN(shopVouchers)]})
	}
	if chance(6) {
		st.tries(Command{Do: "gift", SKU: "sugar"})
	}
	if chance(4) {
		st.tries(Command{Do: "purse", Purse: pursePartner, Points: loyalty.RedeemAll})
	}
}

func (st *shopTill) enrol(o *outcome) {
	phone := fmt.Sprintf("+7900555000%d", st.rng.IntN(shopPhones))
	err := st.do(Command{Do: "enrol", Phone: phone, Name: "Вера Павлова", Consents: []sale.Consent{{Kind: sale.ConsentPersonalData, Version: 1, Given: true}}})
	if err != nil {
		st.note("enrol: %v", err)
		return
	}
	o.Enrolled++
}

// payment pays what certificates leave, in cash.
func payment(b BasketView) Command {
	if b.Due == 0 && b.Total > 0 {
		return Command{Do: "pay"}
	}
	return Command{Do: "pay", Tenders: cash(b.Due), Given: b.Due}
}

// bringElsewhere returns a receipt of the other till: found through head office, or by its QR alone.
func (st *shopTill) bringElsewhere(o *outcome) {
	other := st.shop.tills[(slices.Index(st.shop.tills, st)+1)%shopTills]
	for _, f := range slices.Backward(other.receipts(sale.DocSale)) {
		fiscal := f
		fiscal.Key.FN = other.view().Register.FN
		if st.do(Command{Do: "return-find", Code: fiscal.QR()}) != nil {
			return
		}
		v := st.attend("head office's answer", func(v View) bool { return v.Return == nil || !v.Return.Asking })
		if v.Return == nil {
			return
		}
		before := len(st.receipts(sale.DocSaleReturn))
		if v.Return.Foreign {
			st.tries(Command{Do: "scan", Code: milkCode})
		} else {
			st.tries(Command{Do: "return-choose", Line: 0, Qty: sale.Piece})
		}
		if st.do(Command{Do: "return-pay", PIN: managerPIN}) != nil {
			st.tries(Command{Do: "return-cancel"})
			return
		}
		st.decided()
		if n := len(st.receipts(sale.DocSaleReturn)) - before; n > 0 {
			o.Elsewhere += n
		}
		return
	}
}

// standing is what somebody believes that customers have, by number and purse.
type standing map[sale.CustomerNo]map[sale.PurseNo]sale.Points

func (s standing) put(no sale.CustomerNo, purse sale.PurseNo, amount sale.Points) {
	if amount == 0 {
		return
	}
	if s[no] == nil {
		s[no] = map[sale.PurseNo]sale.Points{}
	}
	s[no][purse] += amount
}

// believes is what a till shows of the customers.
func (st *shopTill) believes(numbers []sale.CustomerNo) standing {
	out := standing{}
	for _, no := range numbers {
		c, err := st.ledger.Customer(no)
		require.NoError(st.t, err, "customer %s at %s", no, st.name)
		out.put(no, 0, c.Balance)
		for _, p := range c.Purses {
			out.put(no, p.Purse, p.Amount)
		}
	}
	return out
}

// shopSettles is longer than head office takes for its decisions, and the tills to hear of them.
const shopSettles = 6 * time.Minute

// quiet waits until head office has decided all that it will, and the tills have heard of it.
func (s *shop1) quiet() {
	<-time.After(shopSettles)
	for _, st := range s.tills {
		st.until("the line to head office", func(v View) bool { return v.Network.Online && st.ledger.Unsent() == 0 })
	}
}

// numbers are the customers that stand for themselves, certificates among them.
func (s *shop1) numbers() (numbers []sale.CustomerNo) {
	db := s.books()
	defer func() { require.NoError(s.t, db.Close()) }()
	s.each(db, `SELECT no FROM customers WHERE merged_into = 0 AND state <> 4`, func(scan func(...any) error) error {
		var no int64
		err := scan(&no)
		numbers = append(numbers, sale.CustomerNo(no))
		return err
	})
	return numbers
}

// knows is what head office's books say, merged accounts with the one that they were merged into, and a
// purse less what is owed of it. Points that are owed stand apart.
func (s *shop1) knows(db *sql.DB) standing {
	out := standing{}
	s.each(db, `SELECT CASE WHEN c.merged_into = 0 THEN c.no ELSE c.merged_into END AS main, a.purse, SUM(a.balance)
		FROM accounts a JOIN customers c ON c.org = a.org AND c.no = a.no
		WHERE a.kind = 1 OR (a.kind = 4 AND a.purse <> 0) GROUP BY main, a.purse`, func(scan func(...any) error) error {
		var no, purse, balance int64
		err := scan(&no, &purse, &balance)
		out.put(sale.CustomerNo(no), sale.PurseNo(purse), sale.Points(balance))
		return err
	})
	return out
}

func (s *shop1) each(db *sql.DB, query string, row func(scan func(...any) error) error) {
	rows, err := db.Query(query)
	require.NoError(s.t, err)
	for rows.Next() {
		require.NoError(s.t, row(rows.Scan))
	}
	require.NoError(s.t, rows.Err())
	require.NoError(s.t, rows.Close())
}

// samePostings holds every posting of a till's journal against head office's, record by record.
func (s *shop1) samePostings(db *sql.DB, journals map[sale.ID][]sale.Posting) {
	type row struct {
		account sale.Account
		lot     sale.ID
		amount  sale.Points
	}
	office := map[sale.ID]map[row]int{}
	s.each(db, `SELECT record, kind, no, purse, lot, amount FROM postings WHERE till <> 0`, func(scan func(...any) error) error {
		var record, lot []byte
		var kind, no, purse, amount int64
		if err := scan(&record, &kind, &no, &purse, &lot, &amount); err != nil {
			return err
		}
		id := sale.ID(record)
		if office[id] == nil {
			office[id] = map[row]int{}
		}
		r := row{account: sale.Account{Kind: sale.AccountKind(kind), No: sale.Number(no), Purse: sale.PurseNo(purse)}, amount: sale.Points(amount)}
		if len(lot) == len(r.lot) {
			r.lot = sale.ID(lot)
		}
		office[id][r]++
		return nil
	})
	for id, postings := range journals {
		own := map[row]int{}
		for _, p := range postings {
			own[row{p.Account, p.Lot, p.Amount}]++
		}
		if len(own) > 0 {
			require.Equal(s.t, own, office[id], "postings of record %s", id)
		}
		delete(office, id)
	}
	if slices.ContainsFunc(s.tills, func(st *shopTill) bool { return st.restore }) {
		return // a restored disk has lost records that head office has
	}
	require.Empty(s.t, slices.Collect(maps.Keys(office)), "postings of records that no journal has")
}

// reckonedAgain replays every sale by the rules that reckoned it, as head office does: each figure must
// come out the same.
func (s *shop1) reckonedAgain(sales []*sale.Record) {
	again, err := loyalty.NewRehearsal(shopRules(), loyalty.Scene{Zone: func(sale.StoreNo) *time.Location { return s.tills[0].till.shop.zone }})
	require.NoError(s.t, err)
	for _, r := range sales {
		again.Add(r)
	}
	require.Zero(s.t, again.Refused, again.Why)
	for key, row := range again.Rows {
		require.Equal(s.t, row.Before, row.After, "receipts of %+v", key)
	}
}

func TestShopRulesAreValid(t *testing.T) {
	require.NoError(t, shopRules().Validate())
}
