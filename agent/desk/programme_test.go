package desk_test

import (
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Views of the whole programme: what a till shows when every mechanic is at work, with the longest words.

const longPurse = "Кофе навынос и выпечка: каждая шестая чашка бесплатно в кофейне «У Марфы на Ленина»"

// stranger sells to somebody without a card.
func stranger() agent.View {
	v := selling()
	b := &v.Basket
	b.Customer, b.Redeemed, b.Redeemable, b.Earned = nil, 0, 0, 0
	b.Lines[2].Redeemed, b.Lines[2].Net = 0, b.Lines[2].Gross
	b.Total = b.Gross - b.Discount
	v.Enrol = enrol()
	return v
}

func house() agent.View {
	v := stranger()
	v.Basket.House = true
	v.KPI = kpi()
	return v
}

// programme is a receipt with everything: codes, promotions, certificates, purses, gifts.
func programme() agent.View {
	v := selling()
	v.KPI, v.Enrol = kpi(), enrol()
	b := &v.Basket
	c := b.Customer
	c.Progress = saying("До уровня «Платиновый» — ещё 3 400 ₽ покупок", "3,400 ₽ of purchases to tier “Platinum”")
	c.Expiring = saying("120 баллов сгорят 31 марта", "120 points expire on 31 March")
	c.Pending = saying("100 приветственных баллов придут из центра", "100 welcome points come from head office")
	b.Codes = []agent.CodeView{
		{Code: "ВЕСНА25", Name: say("Весенняя распродажа", "Spring sale"), Gives: true},
		{Code: "KOFE-2026-XK4P", Name: say("Кофе в подарок к любой выпечке из пекарни", "A coffee with any pastry of the bakery"), Text: saying(
			"добавьте выпечку: подарок появится сам", "add a pastry and the gift appears by itself")},
	}
	b.Applied = []agent.AppliedView{
		{Name: say("Весенняя распродажа", "Spring sale"), Discount: 749},
		{Name: say("Скидка 5 % по карте уровня «Золотой» на молочные продукты", "5% off dairy products for tier “Gold”"), Discount: 200},
		{Name: say("Двойные баллы по вторникам", "Double points on Tuesdays"), Points: 3821},
	}
	b.Certificates = []agent.CertificateView{
		{No: 900_001, Name: "Подарочный сертификат № 900001", Balance: 50_000, Pays: 50_000},
		{No: 900_002, Name: "Подарочный сертификат № 900002 «С днём рождения, любимая бабушка!»", Balance: 300_000, Pays: 6_619, Text: saying(
			"остальное останется на сертификате", "the rest stays on the certificate")},
	}
	b.Due = b.Total - 56_619
	b.Purses = []agent.PurseView{
		{Purse: 1, Name: say(longPurse, "Coffee and pastry to go: every sixth cup is free at the café “At Martha’s”"), Kind: "stamps", Of: 6, Balance: 400, Text: say("4 из 6: ещё две чашки — и кофе бесплатно", "4 of 6: two more cups and the coffee is free")},
		{Purse: 3, Name: say("Баллы аптеки «Здравица»", "Points of the pharmacy “Zdravitsa”"), Kind: "partner", Balance: 31_050, Payable: 20_000, Paid: 10_000, Text: say(
			"платят за товары для здоровья, не больше 50 % их цены", "they pay for health products, at most 50% of the price")},
		{Purse: 2, Name: say("Билеты розыгрыша", "Draw tickets"), Kind: "tickets", Balance: 300, Text: say("розыгрыш 31 декабря", "drawn on 31 December")},
	}
	b.Gifts = []agent.GiftView{
		{SKU: "900101", Name: "Кружка с логотипом", Points: 15_000, Enough: true},
		{SKU: "900102", Name: "Плед шерстяной «Уют» 140×200 см с бахромой в подарочной коробке, цвет в ассортименте", Points: 250_000},
	}
	return v
}

func kpi() *agent.KPIView {
	return &agent.KPIView{
		Receipts: 87, WithCustomer: 54, Enrolled: 6, Earned: 412_350, Redeemed: 168_000, Reward: 21_450, Rank: 3, Of: 12,
	}
}

func ownDay(of func() agent.View) func() agent.View {
	return func() agent.View {
		v := of()
		v.KPI = kpi()
		return v
	}
}

func dayBegins() agent.View {
	v := base(agent.StageSale)
	v.KPI = &agent.KPIView{}
	return v
}

// programmeTrouble is the fullest page there can be: everything at work while everything goes wrong.
func programmeTrouble() agent.View {
	v, trouble := programme(), paperOut()
	v.Register, v.Network, v.Shift, v.Notices = trouble.Register, trouble.Network, trouble.Shift, trouble.Notices
	progress, expiring, pending := v.Basket.Customer.Progress, v.Basket.Customer.Expiring, v.Basket.Customer.Pending
	v.Basket.Customer = trouble.Basket.Customer
	v.Basket.Customer.Progress, v.Basket.Customer.Expiring, v.Basket.Customer.Pending = progress, expiring, pending
	v.Basket.Watch = watched().Basket.Watch
	v.Cashier.Name = "Константинопольская-Заславская В. А."
	return v
}

func watched() agent.View {
	v := programme()
	v.Basket.Watch = []agent.WatchView{
		{Rule: "card-receipts", Measure: "pin", Text: say("По этой карте сегодня уже 6 чеков: баллы — с разрешения старшего. Товары продаются как обычно.",
			"This card has had 6 receipts today: points need a manager's permission. Goods sell as usual.")},
		{Rule: "after-total", Measure: "flag", Text: say("Карта названа после начала оплаты: отметим для центра.", "The card was named after payment began: head office gets a note.")},
		{Rule: "own-card", Measure: "block", Text: say("Карта кассира этой смены: чек пробьём без баллов.", "This is the card of the cashier on shift: the receipt is made without points.")},
	}
	return v
}

func watchedEmpty() agent.View {
	v := watched()
	v.Basket = agent.BasketView{Customer: v.Basket.Customer, Watch: v.Basket.Watch}
	return v
}

func permitted() agent.View {
	v := watched()
	v.Basket.Watch = v.Basket.Watch[:1]
	v.Basket.Watch[0].Permitted = true
	return v
}

func enrol() *agent.EnrolView {
	personal := strings.Repeat("Я даю согласие ООО «Копилка» на обработку моих персональных данных: телефона, имени и сведений о покупках, для участия в программе лояльности. Согласие можно отозвать в любой момент. ", 4)
	return &agent.EnrolView{Consents: []agent.ConsentView{
		{Kind: sale.ConsentPersonalData, Version: 3, Required: true, Text: say(personal,
			strings.Repeat("I consent to Kopilka LLC processing my personal data: phone number, name and purchases, for the loyalty programme. I may withdraw this at any time. ", 4))},
		{Kind: sale.ConsentAdvertising, Version: 12, Text: say("Я согласен получать рекламу и новости по телефону и в сообщениях.", "I agree to receive advertising and news by phone and in messages.")},
	}}
}

func enrolling() agent.View {
	v := stranger()
	v.KPI = kpi()
	return v
}

func enrollingThree() agent.View {
	v := enrolling()
	v.Enrol.Consents = append(v.Enrol.Consents, agent.ConsentView{Kind: 3, Version: 1, Text: say("Текст новой программы.", "Text of a newer programme.")})
	return v
}

// giftedWhole is a receipt that a certificate pays to the last kopeck.
func giftedWhole() agent.View {
	v := stranger()
	b := &v.Basket
	b.Certificates = []agent.CertificateView{{No: 900_002, Name: "Подарочный сертификат № 900002", Balance: 300_000, Pays: b.Total}}
	b.Due = 0
	return v
}

func doneProgramme() agent.View {
	v := doneSale()
	p := programme().Basket
	v.KPI = kpi()
	v.Done.Applied, v.Done.Purses = p.Applied, p.Purses
	v.Done.Certificates = p.Certificates
	v.Done.Certificates[0].Balance, v.Done.Certificates[1].Balance = 0, 293_381
	v.Done.Customer = "Константин-Александр Ж."
	v.Done.Text = donePaper().Done.Text
	return v
}

// foreign is a return of a receipt that this till does not know, head office out of reach.
func foreign() agent.View {
	v := base(agent.StageReturn)
	v.Network = agent.NetworkView{Since: ago(35 * time.Minute), Unsent: 12}
	v.Return = &agent.ReturnView{
		Foreign: true, Manager: true, Doc: "ФН 9960440300777777 ФД 40112", At: ago(70 * time.Hour), Sum: 412_300, Limit: 300_000,
		Lines: []agent.ReturnLineView{
			{Line: 0, Name: "Молоко «Простоквашино» 2,5 %, 930 мл", Chosen: 2000, Price: 9490, Net: 18_980},
			{Line: 1, Name: "Бананы", Chosen: 1234, Price: 14990, Net: 18_498, Weighed: true},
			{Line: 2, Name: longName, Chosen: 1000, Price: 68_900, Net: 68_900},
		},
		Total: 106_378,
	}
	return v
}

func foreignOver() agent.View {
	v := foreign()
	v.Return.Lines[2].Price, v.Return.Lines[2].Net, v.Return.Total = 270_000, 270_000, 307_478
	return v
}

func foreignEmpty() agent.View {
	v := foreign()
	v.Return.Lines, v.Return.Total = nil, 0
	return v
}

func returnAsking() agent.View {
	v := foreignEmpty()
	v.Network = agent.NetworkView{Online: true}
	v.Return.Asking, v.Return.Manager, v.Return.Foreign, v.Return.Limit = true, false, false, 0
	return v
}

func returnWatched() agent.View {
	v := returning()
	v.Return.Manager = true
	v.Return.Watch = []agent.WatchView{
		{Rule: "refund", Measure: "pin", Text: say("Чек оплачен баллами меньше 24 часов назад: возврат — с разрешения старшего.", "The receipt was paid with points less than 24 hours ago: a manager permits its return.")},
		{Rule: "night", Measure: "flag", Text: say("Возврат около полуночи: отметим для центра.", "A return near midnight: head office gets a note.")},
	}
	return v
}
