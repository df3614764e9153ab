package desk_test

import (
	"context"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Views that the page must show well: the usual ones, and those with the longest words and the worst luck.

const longName = "Колбаса сырокопчёная «Брауншвейгская особая» ГОСТ Р 55455-2013 из говядины высшего сорта в вакуумной упаковке, нарезка, 0,3 кг"

func say(ru, en string) agent.Text { return agent.Text{RU: ru, EN: en} }

func saying(ru, en string) *agent.Text {
	t := say(ru, en)
	return &t
}

func now() sale.Time { return sale.At(time.Now()) }

func ago(d time.Duration) sale.Time { return sale.At(time.Now().Add(-d)) }

func base(stage agent.Stage) agent.View {
	return agent.View{
		Now: now(), Till: 3, Store: "Магазин на Ленина, 24", Org: "Копилка", Support: "8 800 555-01-02", Stage: stage,
		Cashier: &agent.CashierView{No: 12, Name: "Смирнова А."},
		Shift: agent.ShiftView{
			Open: true, No: 148, Since: ago(5 * time.Hour), Sales: 87, Returns: 2,
			Sold: 8_345_620, Cash: 2_110_050, Card: 6_235_570,
		},
		Register: agent.RegisterView{Name: "shtrih", Model: "ШТРИХ-ЛАЙТ-01Ф", Online: true},
		Network:  agent.NetworkView{Online: true, Since: ago(time.Hour)},
		Scanners: []agent.DeviceView{{Name: "counter", Online: true}},
	}
}

func product(i int, name string, qty sale.Qty, price sale.Money, weighed bool) agent.LineView {
	gross, err := price.Times(qty)
	if err != nil {
		panic(err)
	}
	return agent.LineView{
		SKU: sale.SKU(fmt.Sprintf("%06d", 100+i)), Name: name, Qty: qty, Weighed: weighed, Price: price, Gross: gross, Net: gross,
	}
}

func selling() agent.View {
	v := base(agent.StageSale)
	lines := []agent.LineView{
		product(1, "Молоко «Простоквашино» 2,5 %, 930 мл", 2000, 9490, false),
		product(2, "Бананы", 1234, 14990, true),
		product(3, longName, 1000, 68900, false),
		product(4, "Хлеб «Бородинский» нарезной", 1000, 6290, false),
		product(5, "Вино красное сухое «Фанагория» Каберне, 0,75 л", 1000, 64900, false),
	}
	lines[0].Discount, lines[0].Net = 949, lines[0].Gross-949
	lines[0].Reasons = []agent.Text{say("Скидка 5 % по карте уровня «Золотой»", "5% discount for tier “Gold”")}
	lines[2].Redeemed, lines[2].Net = 20000, lines[2].Gross-20000
	lines[4].Adult = true
	v.Basket.Lines = lines
	for _, l := range lines {
		v.Basket.Gross += l.Gross
		v.Basket.Discount += l.Discount
		v.Basket.Redeemed += l.Redeemed
		v.Basket.Total += l.Net
	}
	v.Basket.Earned, v.Basket.Redeemable = 7642, 24000
	v.Basket.Reasons = []agent.Text{
		say("Баллами можно оплатить не больше 30 % чека", "Points may pay for at most 30% of a receipt"),
		say("Вино: баллы не начисляются и не списываются", "Wine: points are neither earned nor redeemed"),
	}
	v.Basket.Customer = &agent.CustomerView{
		No: 1042, Name: "Мария К.", Tier: say("Золотой", "Gold"), Balance: 48050, Spendable: 24000, AsOf: ago(35 * time.Minute),
		Text: say("Баланс на 14:02, связи нет 35 мин; точно можно списать 240", "Balance as of 14:02, offline 35 min; 240 can be redeemed for sure"),
	}
	v.Parked = []agent.ParkedView{
		{ID: sale.ID{1}, At: ago(4 * time.Minute), Lines: 3, First: "Кефир 1 %, 1 л", Total: 41270, Customer: "Олег П."},
		{ID: sale.ID{2}, At: ago(9 * time.Minute), Lines: 14, First: longName, Total: 1_241_270},
	}
	return v
}

func paperOut() agent.View {
	v := selling()
	v.Register.Conditions = []string{"paper-out"}
	v.Register.CanResume = true
	v.Register.Text = saying("В кассе кончилась бумага. Вставьте новый рулон, закройте крышку и нажмите «Продолжить печать».",
		"The register is out of paper. Put in a new roll, close the cover and press “Continue printing”.")
	v.Network = agent.NetworkView{Since: ago(35 * time.Minute), Unsent: 12, Text: saying(
		"Связи с центром нет. Продавать можно: чеки уйдут сами, когда связь вернётся.",
		"No link to head office. Go on selling: receipts are sent by themselves when the link is back.")}
	v.Shift.Warn = saying("Смене 22 часа: закройте её после этого покупателя.", "The shift is 22 hours old: close it after this customer.")
	v.Notices = []agent.Notice{
		{ID: 1, Level: "info", At: ago(time.Minute), Text: say("Каталог обновлён: изменилось 14 цен.", "The catalogue was updated: 14 prices have changed.")},
		{ID: 2, Level: "warning", At: ago(time.Minute), Text: say("Фискальный накопитель кончится через 20 дней: позвоните в поддержку.", "The fiscal storage expires in 20 days: call support.")},
	}
	v.Basket.Customer.Asking = true
	v.Basket.Customer.Debt = 1500
	v.Basket.Customer.Name = "Константин-Александр Ж."
	v.Basket.Customer.Tier = say("Платиновый партнёр клуба", "Platinum club partner")
	return v
}

func heavy(n int) agent.View {
	v := selling()
	v.Basket.Lines = nil
	for i := range n {
		v.Basket.Lines = append(v.Basket.Lines, product(i, fmt.Sprintf("Товар номер %d с названием средней длины", i+1), 1000, 9990, false))
	}
	v.Basket.Total = sale.Money(n) * 9990
	return v
}

func doneSale() agent.View {
	v := base(agent.StageDone)
	v.Done = &agent.DoneView{
		Kind: "sale", ID: sale.ID{9}, No: "3-1042", Doc: "ФН 9960440300123456 ФД 18231", Total: 173_450, Given: 200_000, Change: 26_550,
		Earned: 7642, Redeemed: 20000, Balance: 35692, Customer: "Мария К.",
	}
	return v
}

func donePaper() agent.View {
	v := doneSale()
	v.Done.Text = saying("Чек записан, но не допечатан: вставьте бумагу и нажмите «Продолжить печать».",
		"The receipt is stored but not fully printed: put paper in, then press “Continue printing”.")
	v.Register.CanResume = true
	v.Register.Conditions = []string{"waits-for-resume"}
	return v
}

func returning() agent.View {
	v := base(agent.StageReturn)
	v.Return = &agent.ReturnView{
		Of: sale.ID{5}, No: "3-1017", At: ago(50 * time.Hour), Doc: "ФН 9960440300123456 ФД 18102",
		Lines: []agent.ReturnLineView{
			{Line: 0, Name: "Молоко «Простоквашино» 2,5 %, 930 мл", Sold: 3000, Left: 2000, Chosen: 1000, Net: 28470},
			{Line: 1, Name: "Бананы", Sold: 1234, Left: 1234, Net: 18498, Weighed: true},
			{Line: 2, Name: longName, Sold: 1000, Left: 0, Net: 68900},
		},
		Total: 9490, Restored: 1200, Clawed: 95, Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: 5000}, {Kind: sale.TenderCash, Amount: 110_868}},
		Customer: &agent.CustomerView{Name: "Мария К."},
	}
	return v
}

func unknown() agent.View {
	v := base(agent.StageUnknown)
	v.Register.Online = false
	v.Register.Text = saying("Касса не отвечает: проверьте кабель и питание.", "The register does not answer: check its cable and power.")
	v.Unknown = &agent.UnknownView{
		ID: sale.ID{7}, Kind: "sale", At: ago(3 * time.Minute), Total: 173_450,
		Text: say("Связь с кассой пропала посреди чека. Проверьте кабель и питание кассы, затем спросите её ещё раз. Деньги за этот чек второй раз не берите.",
			"The line to the register broke in the middle of a receipt. Check its cable and power, then ask it again. Do not take the money for this receipt twice."),
	}
	return v
}

func shiftClosed() agent.View {
	v := base(agent.StageShift)
	v.Shift = agent.ShiftView{No: 148}
	return v
}

func shiftExpired() agent.View {
	v := base(agent.StageShift)
	v.Shift.Expired = true
	return v
}

func signingIn() agent.View {
	v := base(agent.StageSignIn)
	v.Cashier = nil
	return v
}

func adult() agent.View {
	v := selling()
	v.Stage = agent.StageAdult
	name := v.Basket.Lines[4].Name
	v.Basket.Adult = &name
	return v
}

func printing() agent.View {
	v := selling()
	v.Stage = agent.StagePrinting
	v.Register.Conditions = []string{"printing"}
	return v
}

func catalog() []agent.ProductView {
	return []agent.ProductView{
		{SKU: "000101", Name: "Молоко «Простоквашино» 2,5 %, 930 мл", Price: 9490, Code: "4607001234567"},
		{SKU: "000102", Name: "Молоко сгущённое «Рогачёв» 380 г", Price: 15990, Code: "4810268012345"},
		{SKU: "000103", Name: "Молочный коктейль ванильный", Price: 8990},
		{SKU: "000104", Name: "Творог весовой молочный", Price: 39900, Weighed: true},
		{SKU: "000106", Name: "Шоколад Milka, 90 г", Price: 11990},
		{SKU: "000105", Name: longName + " (молочная)", Price: 68900, Adult: true},
	}
}

func journal() []agent.ReceiptView {
	return []agent.ReceiptView{
		{ID: sale.ID{9}, No: "3-1042", Kind: "sale", At: ago(2 * time.Minute), Total: 173_450, Doc: "ФД 18231", First: "Молоко «Простоквашино»", Lines: 5},
		{ID: sale.ID{8}, No: "3-1041", Kind: "return", At: ago(9 * time.Minute), Total: 9490, Doc: "ФД 18230", First: "Бананы", Lines: 1},
		{ID: sale.ID{7}, No: "3-1040", Kind: "sale", At: ago(50 * time.Hour), Total: 1_073_450, Doc: "ФД 18102", First: longName, Lines: 31},
	}
}

func refuseAll(context.Context, agent.Command) error {
	return &agent.Refusal{Text: say("Товара с кодом 4607001999999 нет в каталоге. Найдите его по названию (F2) или отложите.",
		"No product with the code 4607001999999 is in the catalogue. Find it by name (F2) or put it aside.")}
}
