package shtrih

import (
	"fmt"

	"github.com/kopilka/kopilka/drivers"
)

// fault is what one of the device's codes means.
type fault struct {
	fail drivers.Fail
	ru   string
	en   string
	// unsure marks codes after which a closing command may have been done all the same: the storage
	// did not answer the register, or a part broke in the middle of the work.
	unsure bool
}

// The codes that the driver itself acts upon.
const (
	codeShiftClosed   byte = 0x3D
	codeUnsupported   byte = 0x37
	codeParameters    byte = 0x33
	codePrinting      byte = 0x50
	codeReceiptClosed byte = 0x55
	codeContinue      byte = 0x58
	codeTable         byte = 0x5D
	codeOtherUser     byte = 0x59
	codeLength        byte = 0x7E
	codeUnfiscal      byte = 0x8F
	codeNoPaper       byte = 0x6B
	codeMode          byte = 0x73
	codeFNCommand     byte = 0x01
	codeFNState       byte = 0x02
	codeExpired       byte = 0x05
	codeFNParameters  byte = 0x09
)

const (
	askService    = "Обратитесь в сервисный центр."
	callService   = "Call the service centre."
	replaceFN     = "Замените фискальный накопитель: обратитесь в сервисный центр."
	swapFN        = "The fiscal storage must be replaced: call the service centre."
	tryAgain      = "Повторите; если не поможет, выключите и включите кассу."
	onceMore      = "Try again; if that does not help, switch the register off and on."
	tellSupport   = "Сообщите в поддержку код ошибки и что пробивали."
	reportSupport = "Tell support the code and what was being rung up."
)

// faults are the codes of the register and of the fiscal storage. Numbers 01h to 20h are the storage's
// on a device that has one, and only such devices are driven. Source: the vendor's protocol text and
// the messages of its Java driver, in own words.
var faults = map[byte]fault{
	0x01: {fail: drivers.FailProtocol, ru: "Фискальный накопитель не знает команды. " + tellSupport, en: "The fiscal storage does not know the command. " + reportSupport},
	0x02: {fail: drivers.FailDocument, ru: "Фискальный накопитель в другом состоянии. Отмените открытый документ и повторите.", en: "The fiscal storage is in another state. Cancel the open document and try again."},
	0x03: {fail: drivers.FailStorage, ru: "Неисправность фискального накопителя. " + askService, en: "The fiscal storage is faulty. " + callService, unsure: true},
	0x04: {fail: drivers.FailStorage, ru: "Неисправность криптографии фискального накопителя. " + askService, en: "The fiscal storage's cryptography is faulty. " + callService, unsure: true},
	0x05: {fail: drivers.FailStorage, ru: "Срок фискального накопителя истёк. " + replaceFN, en: "The fiscal storage has expired. " + swapFN},
	0x06: {fail: drivers.FailStorage, ru: "Память фискального накопителя заполнена. " + replaceFN, en: "The fiscal storage is full. " + swapFN},
	0x07: {fail: drivers.FailClock, ru: "Неверные дата или время кассы. Закройте смену и установите время.", en: "The register's date or time is wrong. Close the shift and set the clock."},
	0x08: {fail: drivers.FailRefused, ru: "В фискальном накопителе нет таких данных.", en: "The fiscal storage has no such data."},
	0x09: {fail: drivers.FailRefused, ru: "Фискальный накопитель не принял параметры. " + tellSupport, en: "The fiscal storage refused the parameters. " + reportSupport},
	0x10: {fail: drivers.FailRefused, ru: "Слишком длинный реквизит документа. Сократите имя кассира или контакт покупателя.", en: "A requisite of the document is too long. Shorten the cashier's name or the buyer's contact."},
	0x11: {fail: drivers.FailOFD, ru: "Нет связи с оператором фискальных данных. Проверьте сеть кассы.", en: "No link to the operator of fiscal data. Check the register's network."},
	0x12: {fail: drivers.FailStorage, ru: "Исчерпан ресурс криптографии накопителя. " + replaceFN, en: "The storage's cryptography is used up. " + swapFN},
	0x14: {fail: drivers.FailStorage, ru: "Исчерпан ресурс хранения накопителя. Проверьте передачу в ОФД. " + replaceFN, en: "The storage's memory for unsent documents is used up. Check the link to the operator of fiscal data. " + swapFN},
	0x15: {fail: drivers.FailOFD, ru: "Документы не передаются в ОФД больше 30 дней, продажи закрыты. Восстановите сеть кассы.", en: "Documents have not reached the operator of fiscal data for 30 days; sales are blocked. Restore the register's network."},
	0x16: {fail: drivers.FailShiftOver, ru: "Смена длится больше 24 часов. Снимите Z-отчёт.", en: "The shift is older than 24 hours. Print the Z report."},
	0x17: {fail: drivers.FailClock, ru: "Часы кассы и накопителя расходятся. Закройте смену и установите время.", en: "The clocks of register and storage differ. Close the shift and set the clock."},
	0x20: {fail: drivers.FailOFD, ru: "Оператор фискальных данных прислал сообщение об ошибке. Проверьте личный кабинет ОФД.", en: "The operator of fiscal data sent an error message. Look into its web account."},
	0x2F: {fail: drivers.FailStorage, ru: "Фискальный накопитель не отвечает. " + tryAgain, en: "The fiscal storage does not answer. " + onceMore, unsure: true},
	0x30: {fail: drivers.FailStorage, ru: "Фискальный накопитель отверг обмен. " + tryAgain, en: "The fiscal storage rejects the exchange. " + onceMore, unsure: true},
	0x31: {fail: drivers.FailStorage, ru: "Ответ накопителя не разобран кассой. " + tryAgain, en: "The register cannot read the storage's answer. " + onceMore, unsure: true},
	0x32: {fail: drivers.FailStorage, ru: "Помехи в обмене с накопителем. " + tryAgain, en: "The exchange with the storage is disturbed. " + onceMore, unsure: true},
	0x33: {fail: drivers.FailRefused, ru: "Касса не приняла параметры. " + tellSupport, en: "The register refused the parameters. " + reportSupport},
	0x34: {fail: drivers.FailRefused, ru: "В кассе нет таких данных. " + tellSupport, en: "The register has no such data. " + reportSupport},
	0x37: {fail: drivers.FailConfig, ru: "Касса не знает команды: другая модель или старая прошивка. " + askService, en: "The register does not know the command: another model or old firmware. " + callService},
	0x3D: {fail: drivers.FailShiftClosed, ru: "Смена не открыта. Откройте смену.", en: "No shift is open. Open a shift."},
	0x45: {fail: drivers.FailRefused, ru: "Оплата меньше итога. " + tellSupport, en: "The payments are less than the total. " + reportSupport},
	0x46: {fail: drivers.FailRefused, ru: "В ящике кассы не хватает наличных. Внесите наличные.", en: "There is not enough cash in the drawer. Put cash in first."},
	0x4A: {fail: drivers.FailDocument, ru: "Открыт чек. Отмените его и повторите.", en: "A receipt is open. Cancel it and try again."},
	0x4B: {fail: drivers.FailRefused, ru: "Чек переполнен. Разделите покупку на два чека.", en: "The receipt is full. Split the purchase into two."},
	0x4D: {fail: drivers.FailRefused, ru: "Безналичная оплата больше итога. " + tellSupport, en: "Cashless payments exceed the total. " + reportSupport},
	0x4E: {fail: drivers.FailShiftOver, ru: "Смена длится больше 24 часов. Снимите Z-отчёт.", en: "The shift is older than 24 hours. Print the Z report."},
	0x4F: {fail: drivers.FailPassword, ru: "Неверный пароль кассира или администратора. Проверьте password и admin-password в настройках.", en: "The operator's or the administrator's password is wrong. Check password and admin-password in the settings."},
	0x50: {fail: drivers.FailBusy, ru: "Касса печатает. Подождите и повторите.", en: "The register is printing. Wait and try again."},
	0x55: {fail: drivers.FailDocument, ru: "Чек уже закрыт.", en: "The receipt is closed already."},
	0x56: {fail: drivers.FailRefused, ru: "Нет документа для повтора.", en: "There is no document to repeat."},
	0x58: {fail: drivers.FailPaper, ru: "Касса ждёт продолжения печати. Проверьте бумагу и нажмите «Продолжить печать».", en: "The register waits to go on printing. Check the paper and press Resume printing."},
	0x59: {fail: drivers.FailDocument, ru: "Документ открыт другим кассиром. Отмените его под тем же паролем.", en: "Another operator has opened the document. Cancel it with that operator's password."},
	0x5D: {fail: drivers.FailConfig, ru: "В кассе нет нужной таблицы настроек. " + askService, en: "The register lacks a settings table. " + callService},
	0x5E: {fail: drivers.FailRefused, ru: "Недопустимая операция. " + tellSupport, en: "The operation is not allowed. " + reportSupport},
	0x6B: {fail: drivers.FailPaper, ru: "Нет чековой ленты. Вставьте бумагу.", en: "The receipt paper is out. Put paper in."},
	0x6C: {fail: drivers.FailPaper, ru: "Нет контрольной ленты. Вставьте бумагу.", en: "The journal paper is out. Put paper in."},
	0x71: {fail: drivers.FailHardware, ru: "Неисправен отрезчик. Уберите застрявшую бумагу. " + askService, en: "The cutter is jammed. Remove the paper stuck in it. " + callService, unsure: true},
	0x72: {fail: drivers.FailPaper, ru: "Команда сейчас невозможна: проверьте бумагу и продолжите печать.", en: "Not possible now: check the paper and resume printing."},
	0x73: {fail: drivers.FailDocument, ru: "Команда невозможна в этом режиме кассы. Проверьте, открыта ли смена и закрыт ли чек.", en: "Not possible in the register's present mode. Check that the shift is open and the receipt closed."},
	0x74: {fail: drivers.FailHardware, ru: "Ошибка памяти кассы. " + askService, en: "The register's memory is faulty. " + callService, unsure: true},
	0x75: {fail: drivers.FailHardware, ru: "Ошибка питания кассы. Проверьте блок питания.", en: "The register's power is faulty. Check the power supply.", unsure: true},
	0x76: {fail: drivers.FailHardware, ru: "Ошибка печати: нет импульсов датчика. " + askService, en: "Printer fault: no sensor pulses. " + callService, unsure: true},
	0x77: {fail: drivers.FailHardware, ru: "Ошибка печати: датчики. " + askService, en: "Printer fault: sensors. " + callService, unsure: true},
	0x78: {fail: drivers.FailHardware, ru: "Заменена прошивка кассы. " + askService, en: "The register's firmware was replaced. " + callService, unsure: true},
	0x79: {fail: drivers.FailHardware, ru: "Фискальный накопитель или плата заменены. " + askService, en: "The storage or a board was replaced. " + callService, unsure: true},
	0x7C: {fail: drivers.FailClock, ru: "Дата не совпадает. Установите дату кассы.", en: "The date does not match. Set the register's date."},
	0x8E: {fail: drivers.FailRefused, ru: "Нулевой итог чека. Такой чек касса не пробивает.", en: "The total is zero. The register prints no such receipt."},
	0x8F: {fail: drivers.FailStorage, ru: "Касса не зарегистрирована. " + askService, en: "The register is not registered. " + callService},
	0x94: {fail: drivers.FailRefused, ru: "Слишком много позиций. Разделите покупку на два чека.", en: "Too many positions. Split the purchase into two."},
	0xA0: {fail: drivers.FailRefused, ru: "Работа с маркировкой запрещена. " + askService, en: "Marked goods are forbidden on this register. " + callService},
	0xA1: {fail: drivers.FailRefused, ru: "Нарушен порядок команд маркировки. " + tellSupport, en: "Marking commands came in a wrong order. " + reportSupport},
	0xA2: {fail: drivers.FailMark, ru: "Работа с маркировкой заблокирована. Проверьте связь с ОФД. " + askService, en: "Marking is blocked. Check the link to the operator of fiscal data. " + callService},
	0xA3: {fail: drivers.FailRefused, ru: "Таблица кодов маркировки переполнена. Разделите покупку на два чека.", en: "The table of marking codes is full. Split the purchase into two."},
	0xAA: {fail: drivers.FailRefused, ru: "В документе не хватает реквизита. " + tellSupport, en: "The document lacks a requisite. " + reportSupport},
	0xAC: {fail: drivers.FailMark, ru: "Код маркировки не проверен. Сканируйте товар ещё раз.", en: "The marking code was not checked. Scan the article again."},
	0xC0: {fail: drivers.FailClock, ru: "Касса ждёт подтверждения даты и времени. Установите время кассы.", en: "The register waits for date and time to be confirmed. Set its clock."},
}

var unknownFault = fault{fail: drivers.FailRefused, ru: "Касса ответила неизвестной ошибкой. " + tellSupport, en: "The register answered an unknown error. " + reportSupport}

// codeOf is how the vendor's text and its service engineers write a code.
func codeOf(b byte) string { return fmt.Sprintf("%02Xh", b) }

// refusedBy is the error for an answer with a code: the device refused, or an irreversible command
// went wrong half way.
func refusedBy(code byte, final bool) *deviceError {
	f, known := faults[code]
	if !known {
		f, known = seldom[code]
	}
	if !known {
		f = unknownFault
	}
	e := &deviceError{code: code, failure: failure{
		Fail: f.fail, Code: codeOf(code), Outcome: drivers.OutcomeNotDone, Hint: drivers.Hint{RU: f.ru, EN: f.en},
	}}
	if final && (f.unsure || !known || stepDone(code)) {
		e.Outcome = drivers.OutcomeUnknown
	}
	return e
}

// failure is the error that will be handed out; the name makes its Error a method of deviceError.
type failure = drivers.Error

// stepDone tells refusals of an irreversible command that say its work is done already. The driver has
// looked before it sent the command, so it may have been the command itself that did it.
func stepDone(code byte) bool {
	switch code {
	case codeReceiptClosed, codeShiftClosed, codeMode, codeFNState:
		return true
	}
	return false
}

// deviceError keeps the raw code beside it.
type deviceError struct {
	failure
	code byte
}

var hintLink = drivers.Hint{
	RU: "Касса не отвечает. Проверьте питание и кабель.",
	EN: "The register does not answer. Check its power and cable.",
}

var hintProtocol = drivers.Hint{
	RU: "Касса ответила непонятно. Проверьте модель и протокол в настройках; сообщите в поддержку.",
	EN: "The register's answer cannot be understood. Check model and protocol in the settings; tell support.",
}
