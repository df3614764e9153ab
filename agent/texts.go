package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Every sentence that the cashier's page says on the till's own account. Each names what is wrong and
// what to do next.

// say writes a sentence twice; amounts get the decimal comma in Russian.
func say(ru, en string, args ...any) Text {
	if len(args) == 0 {
		return Text{RU: ru, EN: en}
	}
	russian := append([]any(nil), args...)
	for i, a := range russian {
		switch a := a.(type) {
		case sale.Money, sale.Points, sale.Qty:
			russian[i] = russianFigure(fmt.Sprint(a))
		case sale.Date:
			russian[i] = russianDate(a)
		case millis:
			russian[i] = strings.NewReplacer(".", ",", "ms", "мс").Replace(a.String())
		}
	}
	return Text{RU: fmt.Sprintf(ru, russian...), EN: fmt.Sprintf(en, args...)}
}

// millis is a time in thousandths of a second, to one place: "4.1 ms", in Russian "4,1 мс".
type millis time.Duration

func (m millis) String() string {
	const tenth = 100 * time.Microsecond
	tenths := int64(time.Duration(m).Round(tenth) / tenth)
	text := strconv.FormatInt(tenths/10, 10)
	if tenths%10 != 0 {
		text += "." + strconv.FormatInt(tenths%10, 10)
	}
	return text + " ms"
}

// thousandsFrom is the length of a whole number from which its thousands stand apart, as on the page.
const thousandsFrom = 4

// russianFigure is "30 000,50" for "30000.50"; the space does not break a line.
func russianFigure(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest, found := strings.Cut(s, ".")
	if len(whole) >= thousandsFrom {
		head := len(whole) % 3
		groups := []string{}
		if head > 0 {
			groups = append(groups, whole[:head])
		}
		for i := head; i < len(whole); i += 3 {
			groups = append(groups, whole[i:i+3])
		}
		whole = strings.Join(groups, "\u00a0")
	}
	if found {
		rest = "," + rest
	}
	return sign + whole + rest
}

// plural picks the form of a noun for a number: 1 чек, 2 чека, 5 чеков.
func plural(n int, one, few, many string) string {
	tens, ones := n%100, n%10
	switch {
	case ones == 1 && tens != 11:
		return one
	case ones >= 2 && ones <= 4 && (tens < 12 || tens > 14):
		return few
	}
	return many
}

// english is a noun for a number: 1 receipt, 21 receipts.
func english(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// russianDate is 31.01.2027.
func russianDate(d sale.Date) string { return fmt.Sprintf("%02d.%02d.%04d", d%100, d/100%100, d/10000) }

func textInternal() Text {
	return say("Программа кассы дала сбой. Повторите; если не помогло, позовите поддержку", "The till program failed. Try again; if that does not help, call support")
}

func textUnknownCommand(do string) Text {
	return say("Неизвестная команда %q", "Unknown command %q", do)
}

func textNotNow(s Stage) Text {
	switch s {
	case StageSignIn:
		return say("Сначала введите PIN", "Sign in with your PIN first")
	case StageShift:
		return say("Сначала откройте смену", "Open the shift first")
	case StagePrinting:
		return say("Касса печатает, подождите", "The register is printing, please wait")
	case StageAdult:
		return say("Сначала ответьте про возраст покупателя", "Answer the question about the buyer's age first")
	case StageReturn:
		return say("Сначала закончите или отмените возврат", "Finish or cancel the return first")
	case StageUnknown:
		return say("Сначала решите, что стало с прошлым чеком", "First settle what became of the last receipt")
	}
	return say("Сейчас это сделать нельзя", "This cannot be done now")
}

func textUnknownCode(code string) Text {
	return say("Код %s неизвестен: найдите товар по названию", "Code %s is unknown: find the product by name", quoted(code))
}

func textMisread(code string) Text {
	return say("Код %s прочитан с ошибкой: отсканируйте ещё раз", "Code %s was misread: scan it again", quoted(code))
}

// quotedMax keeps a long marking code from filling the page.
const quotedMax = 24

func quoted(s string) string {
	r := []rune(toValid(s))
	if len(r) > quotedMax {
		r = append(r[:quotedMax], '…')
	}
	return string(r)
}

// inMarks is a product's name in quotation marks; one that has some of its own, as Сок «Добрый», stands without ours.
func inMarks(name string) Text {
	if strings.ContainsAny(name, "«»“”„\"") {
		return Text{RU: name, EN: name}
	}
	return Text{RU: "«" + name + "»", EN: `"` + name + `"`}
}

func textNoWeight(name string) Text {
	return say("На этикетке %[1]s нет веса: взвесьте ещё раз", "The label of %[2]s has no weight: weigh it again", inMarks(name).RU, inMarks(name).EN)
}

func textNoProduct(sku string) Text {
	return say("Товар %s не найден или снят с продажи", "Product %s is not found or withdrawn", quoted(sku))
}

func textTooManyLines() Text {
	return say("В чеке не может быть больше %d позиций: пробейте остальное отдельно", "A receipt holds at most %d lines: ring the rest up separately", sale.LinesMax)
}

func textNoLine() Text { return say("Такой строки нет", "There is no such line") }

func textLineMoved() Text {
	return say("Чек изменился, пока вы нажимали: посмотрите на строку и повторите", "The receipt has changed meanwhile: look at the line and repeat")
}

func textQty() Text {
	return say("Количество неверно: штучный товар продают целыми", "The quantity is wrong: goods sold by the piece take whole numbers")
}

func textEmpty() Text {
	return say("Чек пуст: отсканируйте товар", "The basket is empty: scan a product")
}

func textBasketOpen() Text {
	return say("Сначала закончите, отложите или очистите этот чек", "Finish, park or clear this basket first")
}

func textBusy() Text {
	return say("Касса занята прошлым заданием, подождите", "The register is busy with the last job, please wait")
}

func textDisk() Text {
	return say("Диск кассы отказал. Продажи остановлены, чтобы ничего не потерять: позовите поддержку", "The till's disk failed. Selling stopped so that nothing is lost: call support")
}

func textAmount() Text { return say("Сумма неверна", "The amount is wrong") }

func textPIN() Text { return say("PIN не подходит", "Wrong PIN") }

func textPINPause(left time.Duration) Text {
	return say("Слишком много попыток: подождите %d с", "Too many tries: wait %d s", int(left.Seconds())+1)
}

func textNoStaff() Text {
	return say("Касса ещё не получила список кассиров из головного офиса: проверьте сеть", "The till has no list of cashiers from head office yet: check the network")
}

func textManagerPIN() Text {
	return say("Нужен PIN старшего кассира", "A manager's PIN is needed")
}

func textPhone() Text {
	return say("Это не номер телефона: +7 и десять цифр", "This is not a phone number: +7 and ten digits")
}

func textContact() Text {
	return say("Для электронного чека нужен телефон или e-mail", "An electronic receipt needs a phone number or an e-mail address")
}

func textNoCustomer(phone bool) Text {
	if phone {
		return say("Покупателя с таким телефоном нет", "No customer has this phone number")
	}
	return say("Карта не найдена", "The card is not found")
}

func textNobody() Text {
	return say("Сначала отсканируйте карту покупателя", "Scan the customer's card first")
}

func textRedeemLess(p sale.Points) Text {
	return say("Можно списать только %s", "Only %s can be redeemed", p)
}

func textClockDoubt() Text {
	return say("Время кассы никто не подтвердил: баллы пока не списываются", "Nobody has vouched for the till's time: points cannot be redeemed yet")
}

func textJournalBehind(n int) Text {
	return say("В фискальном накопителе нашлось документов, которых нет в журнале: %d. Они записаны; баллы не списываются, пока не ответит головной офис",
		"The fiscal storage held %d documents that the journal lacked. They are booked; points wait for head office", n)
}

func textUncompared() Text {
	return say("Касса ещё не сверила журнал с фискальным накопителем: баллы пока не списываются",
		"The till has not yet compared its journal with the fiscal storage: points cannot be redeemed yet")
}

func textFoundDocuments() Text {
	return say("Чек не напечатан: в накопителе нашлись чужие документы, и баллы пока не списываются. Уберите списание или дождитесь связи с офисом",
		"Not printed: the storage held documents that the journal lacked, so points wait. Take the points off, or wait for head office")
}

func textTenders(sum, total sale.Money) Text {
	return say("Оплачено %s, а чек на %s", "%s paid, the receipt is for %s", sum, total)
}

func textGiven(given, cash sale.Money) Text {
	return say("Получено %s, нужно не меньше %s", "%s given, at least %s is needed", given, cash)
}

func textChangeFromCard() Text {
	return say("Сдача бывает только с наличных", "Change is given from cash only")
}

func textShiftIsOpen() Text {
	return say("Смена уже открыта", "The shift is open already")
}
func textShiftIsClosed() Text { return say("Смена закрыта", "The shift is closed") }

func textDrawerShort(have sale.Money) Text {
	return say("В ящике только %s", "There is only %s in the drawer", have)
}

func textNoReceipt() Text {
	return say("Этой кассе чек неизвестен. Верните при связи с офисом или в магазине, где покупали",
		"This till does not know that receipt. Return it once head office is on the line, or in the store that sold it")
}

func textNotASale() Text {
	return say("Это не чек продажи: вернуть можно только продажу", "This is not a sale: only a sale can be returned")
}

func textNothingChosen() Text {
	return say("Выберите, что возвращают", "Choose what comes back")
}

func textReturnQty(left sale.Qty) Text {
	return say("Вернуть можно не больше %s", "At most %s can come back", left)
}

func textNotPrinted(total sale.Money) Text {
	return say("Чек на %s не напечатан: оплату не принимайте второй раз, пробейте заново", "The receipt for %s was not printed: ring it up again, the money was not booked", total)
}

func textSettled() Text {
	return say("Ответ кассы потерялся, но чек в накопителе есть: всё записано", "The register's answer was lost, but the receipt is in its storage: all is booked")
}

func textSettledNo() Text {
	return say("Решено: чека не было. Пробейте продажу заново", "Settled: there was no receipt. Ring the sale up again")
}

func textUnknownOutcome(total sale.Money, online bool) Text {
	if !online {
		return say("Неизвестно, напечатан ли чек на %s: касса не отвечает. Проверьте её питание и кабель; как только она ответит, программа всё узнает сама. Не пробивайте чек второй раз",
			"It is unknown whether the receipt for %s was printed: the register does not answer. Check its power and cable; once it answers the program finds out by itself. Do not ring it up again", total)
	}
	return say("Неизвестно, напечатан ли чек на %s. Посмотрите на ленту: вышел ли чек с ФД и QR-кодом? Старший кассир решает здесь своим PIN",
		"It is unknown whether the receipt for %s was printed. Look at the paper: is there a receipt with its number and QR code? A manager settles it here with a PIN", total)
}

func textShiftOld(age time.Duration, expired bool) Text {
	if expired {
		return say("Смене больше 24 часов: закройте её, без этого касса не печатает", "The shift is older than 24 hours: close it, the register prints nothing before that")
	}
	return say("Смене %d ч: закройте её до 24 часов", "The shift is %d hours old: close it before it is 24", int(age.Hours()))
}

func textOffline(unsent uint64) Text {
	return say("Нет связи с головным офисом. Продавайте как обычно: записи (%d) уйдут сами", "No link to head office. Sell as usual: %d records will go by themselves", unsent)
}

func textCustomer(at string, offline time.Duration, isOffline bool, spendable sale.Points, state sale.CustomerState) Text {
	switch {
	case state == sale.CustomerBlocked:
		return say("Карта заблокирована: баллы не начисляются и не списываются", "The card is blocked: it neither earns nor redeems")
	case state == sale.CustomerErased:
		return say("Данные покупателя удалены: баллы не начисляются и не списываются", "The customer's data are erased: points are neither earned nor redeemed")
	case isOffline && offline > 0:
		d := duration(offline)
		return say("на %[1]s, без связи %[2]s; точно можно списать %[4]s", "as of %[1]s, offline %[3]s; can redeem %[4]s for sure", at, d.RU, d.EN, spendable)
	}
	return say("на %s; точно можно списать %s", "as of %s; can redeem %s for sure", at, spendable)
}

func duration(d time.Duration) Text {
	switch {
	case d < time.Minute:
		return say("меньше минуты", "less than a minute")
	case d < time.Hour:
		return say("%d мин", "%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return say("%d ч", "%d h", int(d.Hours()))
	}
	return say("%d дн", "%d days", int(d.Hours()/24))
}

// registerText is the one sentence about the register: where it cannot be reached, why.
func (t *Till) registerText() *Text {
	r := t.desk.register
	var missing *fs.PathError
	switch {
	case r.online || r.err == nil:
	case t.taken != nil && errors.Is(r.err, t.taken):
		text := say("Кассу занимает другая программа: закройте её, касса подключится сама", "Another program holds the register: close it, the register connects by itself")
		return &text
	case errors.Is(r.err, fs.ErrNotExist) && errors.As(r.err, &missing):
		text := say("Порта кассы %s нет: проверьте кабель и питание. Если кассу переставили в другой порт, позовите поддержку",
			"The register's port %s is not there: check its cable and power. If it was moved to another port, call support", missing.Path)
		return &text
	}
	return registerText(r)
}

// registerText is the one sentence about the register: the worst thing first.
func registerText(r registerState) *Text {
	if !r.online {
		text := errNoRegister.Hint
		if hint := drivers.HintOf(r.err); hint.EN != "" {
			text = hint
		} else if r.err == nil {
			text = say("Касса подключается", "Connecting to the register")
		}
		return &text
	}
	paper := say("Кончилась бумага: вставьте рулон", "Out of paper: put a roll in")
	if r.status.Has(drivers.WaitsForResume) { // only then has the page the button
		paper = say("Кончилась бумага: вставьте рулон и нажмите «Продолжить печать»", "Out of paper: put a roll in and press Continue printing")
	}
	for _, s := range []struct {
		is     drivers.Condition
		ru, en string
	}{
		{drivers.Fault, "Неисправность кассы: позовите поддержку", "The register has a fault: call support"},
		{drivers.NotFiscal, "Касса не зарегистрирована или без фискального накопителя: позовите поддержку", "The register is not registered or has no fiscal storage: call support"},
		{drivers.CoverOpen, "Крышка кассы открыта: закройте её", "The register's cover is open: close it"},
		{drivers.PaperOut, paper.RU, paper.EN},
		{drivers.WaitsForResume, "Бумага вставлена: нажмите «Продолжить печать»", "Paper is in: press Continue printing"},
		{drivers.OFDOverdue, "Чеки слишком долго не уходят в ОФД: проверьте связь кассы", "Receipts have waited too long for the fiscal data operator: check the register's network"},
		{drivers.ShiftOver24h, "Смене больше 24 часов: закройте её", "The shift is older than 24 hours: close it"},
		{drivers.ClockUnset, "Подтвердите дату на кассе: позовите поддержку", "The register's date must be confirmed: call support"},
		{drivers.StorageEnding, "Фискальный накопитель скоро кончится: сообщите поддержке", "The fiscal storage is near its end: tell support"},
		{drivers.PaperNear, "Бумага кончается", "Paper is running out"},
	} {
		if r.status.Has(s.is) {
			return &Text{RU: s.ru, EN: s.en}
		}
	}
	return nil
}
