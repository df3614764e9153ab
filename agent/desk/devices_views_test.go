package desk_test

import (
	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/sale"
)

func mark(state, ru, en string) *agent.MarkView {
	return &agent.MarkView{State: state, Text: say(ru, en)}
}

// marked is a receipt with a piece in each state of its marking code.
func marked() agent.View {
	v := selling()
	v.Basket.Customer = nil
	v.Basket.Lines = []agent.LineView{
		product(1, "Вода «Святой источник» негазированная, 1,5 л", 1000, 5490, false),
		product(2, longName, 1000, 68900, false),
		product(3, "Молоко «Простоквашино» 2,5 %, 930 мл", 1000, 9490, false),
		product(4, "Пиво «Жигулёвское» светлое, 0,5 л", 1000, 8990, false),
		product(5, "Кеды «Два мяча» белые, 42", 1000, 245_000, false),
	}
	for i, m := range []*agent.MarkView{
		mark("checked", "Код проверен: продавать можно", "Code checked: it may be sold"),
		mark("unreachable", "Код принят. «Честный знак» не ответил: касса сообщит о продаже позже", "Code taken. The marking system did not answer: the register tells it later"),
		mark("taken", "Код маркировки принят", "Marking code taken"),
		mark("refused", "Продавать нельзя: «Честный знак» отклонил код", "May not be sold: the marking system refused the code"),
		mark("asking", "Код проверяется", "The code is being checked"),
	} {
		v.Basket.Lines[i].Mark = m
	}
	v.Basket.Total = 337_870
	v.Notices = []agent.Notice{{ID: 5, Level: "error", Text: say("«Пиво «Жигулёвское»» продавать нельзя: «Честный знак» отклонил код. Товар убран из чека, отложите его",
		"“Пиво «Жигулёвское»” may not be sold: the marking system refused its code. It was taken out of the receipt, put it aside")}}
	return v
}

func markWanted() agent.View {
	v := marked()
	v.Basket.Wanted = longName
	return v
}

func markWantedFirst() agent.View {
	v := base(agent.StageSale)
	v.Basket.Wanted = "Вода «Святой источник» негазированная, 1,5 л"
	return v
}

func markedReturn() agent.View {
	v := returning()
	v.Return.Lines[0] = agent.ReturnLineView{Line: 0, Name: "Вода «Святой источник» негазированная, 1,5 л", Sold: 1000, Left: 1000, Net: 5490, Marked: true}
	v.Return.Lines[1] = agent.ReturnLineView{Line: 1, Name: "Кеды «Два мяча» белые, 42", Sold: 1000, Left: 1000, Chosen: 1000, Net: 245_000, Marked: true}
	return v
}

func swapped() agent.View {
	v := selling()
	v.Register.Swap = &agent.SwapView{Was: "9960440300123456", Is: "9960440300987654", Text: say(
		"Посреди смены сменился фискальный накопитель: был 9960440300123456, стоит 9960440300987654. Верните прежний или пусть старший кассир подтвердит новый своим PIN: смена начнётся заново, чек останется",
		"The fiscal storage was changed within the shift: was 9960440300123456, is 9960440300987654. Put the old one back, or let a manager confirm the new one with a PIN: a new shift begins, the sale in hand stays")}
	v.Notices = []agent.Notice{{ID: 6, Level: "warning", Text: say(
		"Подключена другая касса: смену открыли на 0123456789012345, сейчас 0123456789054321. Если её заменили нарочно, продолжайте; если нет, позовите поддержку",
		"Another register is connected: the shift was opened on 0123456789012345, now it is 0123456789054321. If it was replaced on purpose, go on; if not, call support")}}
	return v
}

func corrects() agent.View {
	v := selling()
	v.Corrects, v.Basket.Customer = true, nil
	return v
}

func doneCorrection() agent.View {
	v := base(agent.StageDone)
	v.Done = &agent.DoneView{Kind: "correction", ID: sale.ID{9}, No: "3-1043", Doc: "ФН 9960440300123456 · ФД 18232", Total: 173_450}
	return v
}

// plain is a till whose fiscal receipts another program makes.
func plain() agent.View {
	v := selling()
	v.Register = agent.RegisterView{Name: "none", Online: true, Plain: true}
	v.Printer = &agent.DeviceView{Name: "printer", Online: true}
	return v
}

func plainPrinterOut() agent.View {
	v := plain()
	v.Printer.Text = saying("В принтере кончилась бумага: вставьте рулон", "The printer is out of paper: put a roll in")
	return v
}

func plainShift() agent.View {
	v := shiftClosed()
	v.Register = agent.RegisterView{Name: "none", Online: true, Plain: true}
	v.Printer = &agent.DeviceView{Name: "printer", Text: saying("Принтер не отвечает: проверьте питание и кабель, затем напечатайте ещё раз",
		"The printer does not answer: check its power and cable, then print again")}
	return v
}

func strangeShift() agent.View {
	v := shiftClosed()
	v.Shift.Strange = true
	return v
}
