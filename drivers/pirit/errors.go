package pirit

import (
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
)

// fault is what one of the device's codes means.
type fault struct {
	fail drivers.Fail
	ru   string
	en   string
	// unsure marks codes after which a closing command may have been done all the same: the storage did not
	// answer the register, or the paper ended in the middle of the work.
	unsure bool
}

// The codes that the driver itself acts upon.
const (
	codeState    byte = 0x01
	codeFunction byte = 0x02
	codeFormat   byte = 0x03
	codeOverflow byte = 0x04
	codeTimeout  byte = 0x05
	codeChecksum byte = 0x07
	codePaper    byte = 0x08
	codePrinter  byte = 0x09
	codeDay      byte = 0x0A
	codeDrift    byte = 0x0B
	codeEarlier  byte = 0x0C
	codeNoData   byte = 0x48
	codeMarkMode byte = 0x72
)

// whyNotFiscal is the reason of codeState that the register is not registered.
const whyNotFiscal = 2

// notTaken tells refusals of the link: the device has not looked at the command.
func notTaken(code byte) bool {
	return code == codeOverflow || code == codeTimeout || code == codeChecksum
}

const (
	askService    = "Обратитесь в сервисный центр."
	callService   = "Call the service centre."
	replaceFN     = "Замените фискальный накопитель: обратитесь в сервисный центр."
	swapFN        = "The fiscal storage must be replaced: call the service centre."
	powerCycle    = "Выключите и включите кассу, повторите."
	onceMore      = "Switch the register off and on and try again."
	tellSupport   = "Сообщите в поддержку код ошибки и что пробивали."
	reportSupport = "Tell support the code and what was being rung up."
)

// faults are the codes of the vendor's text.
var faults = map[byte]fault{
	0x01: {fail: drivers.FailDocument, ru: "Касса не может этого сейчас: проверьте смену и открытый документ.", en: "Not possible in the register's present state: check the shift and the open document."},
	0x02: {fail: drivers.FailConfig, ru: "Касса не знает команды: другая модель или старая прошивка. " + askService, en: "The register does not know the command: another model or old firmware. " + callService},
	0x03: {fail: drivers.FailRefused, ru: "Касса не приняла параметры. " + tellSupport, en: "The register refused the parameters. " + reportSupport},
	0x04: {fail: drivers.FailLink, ru: "Касса не успевает принимать команды. Проверьте кабель и скорость порта.", en: "The register cannot keep up with the commands. Check the cable and the port's speed."},
	0x05: {fail: drivers.FailLink, ru: "Связь с кассой прерывается. Проверьте кабель.", en: "The link to the register breaks off. Check the cable."},
	0x06: {fail: drivers.FailPassword, ru: "Неверный пароль связи. Проверьте password в настройках.", en: "The password of the link is wrong. Check password in the settings."},
	0x07: {fail: drivers.FailLink, ru: "Помехи на линии связи с кассой. Проверьте кабель.", en: "Noise on the line to the register. Check the cable."},
	0x08: {fail: drivers.FailPaper, ru: "Нет чековой ленты. Вставьте бумагу.", en: "The receipt paper is out. Put paper in.", unsure: true},
	0x09: {fail: drivers.FailCover, ru: "Принтер кассы не готов. Проверьте бумагу и крышку.", en: "The register's printer is not ready. Check paper and cover.", unsure: true},
	0x0A: {fail: drivers.FailShiftOver, ru: "Смена длится больше 24 часов. Снимите Z-отчёт.", en: "The shift is older than 24 hours. Print the Z report."},
	0x0B: {fail: drivers.FailClock, ru: "Часы кассы отстают или спешат больше чем на 8 минут. Закройте смену и установите время.", en: "The register's clock is off by more than 8 minutes. Close the shift and set the clock."},
	0x0C: {fail: drivers.FailClock, ru: "Дата кассы раньше последнего документа, касса заблокирована. Установите дату и время кассы.", en: "The register's date is before its last document, and it is locked. Set the register's clock."},
	0x0E: {fail: drivers.FailRefused, ru: "В ящике кассы не хватает наличных. Внесите наличные.", en: "There is not enough cash in the drawer. Put cash in first."},
	0x0F: {fail: drivers.FailShiftOpen, ru: "Сначала закройте смену.", en: "Close the shift first."},
	0x10: {fail: drivers.FailRefused, ru: "В журнале кассы нет данных.", en: "The register's journal has no data."},
	0x11: {fail: drivers.FailHardware, ru: "Ошибка контрольной ленты. " + askService, en: "The register's journal is faulty. " + callService},
	0x12: {fail: drivers.FailOFD, ru: "Касса не передала данные оператору. Проверьте сеть кассы.", en: "The register could not send data to the operator of fiscal data. Check its network."},
	0x20: {fail: drivers.FailHardware, ru: "Неисправность кассы. " + askService, en: "The register has failed. " + callService, unsure: true},
	0x41: {fail: drivers.FailRefused, ru: "Накопитель не принял команду. " + tellSupport, en: "The fiscal storage refused the command. " + reportSupport},
	0x42: {fail: drivers.FailStorage, ru: "Накопитель и касса рассогласованы. " + powerCycle, en: "Storage and register disagree. " + onceMore, unsure: true},
	0x43: {fail: drivers.FailStorage, ru: "Ошибка накопителя. " + powerCycle + " Если не поможет: " + replaceFN, en: "The fiscal storage has failed. " + onceMore + " If that does not help: " + swapFN, unsure: true},
	0x44: {fail: drivers.FailStorage, ru: "Ошибка криптографии накопителя. " + powerCycle, en: "The storage's cryptography has failed. " + onceMore, unsure: true},
	0x45: {fail: drivers.FailStorage, ru: "Срок накопителя истёк. " + replaceFN, en: "The fiscal storage has expired. " + swapFN},
	0x46: {fail: drivers.FailStorage, ru: "Накопитель заполнен. " + replaceFN, en: "The fiscal storage is full. " + swapFN},
	0x47: {fail: drivers.FailClock, ru: "Дата и время кассы не подходят накопителю. Закройте смену и установите время.", en: "The storage does not accept the register's time. Close the shift and set the clock."},
	0x48: {fail: drivers.FailRefused, ru: "В накопителе нет таких данных.", en: "The fiscal storage has no such data."},
	0x49: {fail: drivers.FailRefused, ru: "Накопитель не принял значение. " + tellSupport, en: "The fiscal storage refused a value. " + reportSupport},
	0x4A: {fail: drivers.FailRefused, ru: "Накопитель не знает команды. " + askService, en: "The fiscal storage does not know the command. " + callService},
	0x4B: {fail: drivers.FailRefused, ru: "Касса передала накопителю лишний реквизит. " + tellSupport, en: "The register sent the storage a requisite that is the storage's own. " + reportSupport},
	0x4C: {fail: drivers.FailRefused, ru: "Реквизит передан накопителю дважды. " + tellSupport, en: "The storage got a requisite twice. " + reportSupport},
	0x4D: {fail: drivers.FailRefused, ru: "Накопителю не хватает реквизита. " + tellSupport, en: "The storage lacks a requisite. " + reportSupport},
	0x4E: {fail: drivers.FailRefused, ru: "Слишком много позиций. Разделите покупку на два чека.", en: "Too many positions. Split the purchase into two."},
	0x50: {fail: drivers.FailRefused, ru: "Слишком длинный реквизит. Сократите имя кассира или контакт покупателя.", en: "A requisite is too long. Shorten the cashier's name or the buyer's contact."},
	0x51: {fail: drivers.FailOFD, ru: "Нет связи с оператором фискальных данных. Проверьте сеть кассы.", en: "No link to the operator of fiscal data. Check the register's network."},
	0x52: {fail: drivers.FailStorage, ru: "Ресурс криптографии накопителя исчерпан. " + replaceFN, en: "The storage's cryptography is used up. " + swapFN},
	0x54: {fail: drivers.FailOFD, ru: "Документы не уходят в ОФД, память накопителя занята. Восстановите сеть кассы.", en: "Documents do not reach the operator of fiscal data and fill the storage. Restore the register's network."},
	0x55: {fail: drivers.FailOFD, ru: "Документы не передаются в ОФД больше 30 дней, продажи закрыты. Восстановите сеть кассы.", en: "Documents have not reached the operator of fiscal data for 30 days; sales are blocked. Restore the register's network."},
	0x56: {fail: drivers.FailShiftOver, ru: "Смена длится больше 24 часов. Снимите Z-отчёт.", en: "The shift is older than 24 hours. Print the Z report."},
	0x57: {fail: drivers.FailClock, ru: "Часы кассы и накопителя расходятся больше чем на 5 минут. Закройте смену и установите время.", en: "The clocks of register and storage differ by more than 5 minutes. Close the shift and set the clock."},
	0x58: {fail: drivers.FailRefused, ru: "Накопитель не принял реквизит. " + tellSupport, en: "The storage refused a requisite. " + reportSupport},
	0x59: {fail: drivers.FailConfig, ru: "Реквизит не соответствует регистрации кассы, например система налогообложения. Проверьте настройки.", en: "A requisite contradicts the register's registration, the tax system for one. Check the settings."},
	0x60: {fail: drivers.FailOFD, ru: "Оператор фискальных данных прислал неверное сообщение. Проверьте личный кабинет ОФД.", en: "The operator of fiscal data sent a wrong message. Look into its web account."},
	0x61: {fail: drivers.FailStorage, ru: "Касса не видит накопитель. Проверьте шлейф накопителя. " + askService, en: "The register does not see the fiscal storage. Check its cable. " + callService, unsure: true},
	0x62: {fail: drivers.FailStorage, ru: "Сбой обмена кассы с накопителем. Проверьте шлейф накопителя. " + askService, en: "The exchange between register and storage is disturbed. Check the cable. " + callService, unsure: true},
	0x63: {fail: drivers.FailRefused, ru: "Слишком длинная команда для накопителя. " + tellSupport, en: "The command is too long for the storage. " + reportSupport},
	0x64: {fail: drivers.FailOFD, ru: "Сервер ключей проверки ответил непонятно. Повторите позже.", en: "The server of marking keys gave a strange answer. Try again later."},
	0x72: {fail: drivers.FailConfig, ru: "Касса не зарегистрирована для маркированных товаров. " + askService, en: "The register is not registered for marked goods. " + callService},
	0x73: {fail: drivers.FailMark, ru: "Нарушен порядок проверки маркировки. Сканируйте товар ещё раз.", en: "Marking was checked in a wrong order. Scan the article again."},
	0x74: {fail: drivers.FailStorage, ru: "Маркировка заблокирована: уведомления не переданы. Восстановите сеть кассы.", en: "Marking is blocked: notifications were not sent. Restore the register's network."},
	0x75: {fail: drivers.FailRefused, ru: "Таблица кодов маркировки переполнена. Разделите покупку на два чека.", en: "The table of marking codes is full. Split the purchase into two."},
	0x7C: {fail: drivers.FailMark, ru: "В коде маркировки не хватает данных. Сканируйте товар ещё раз.", en: "The marking code lacks data. Scan the article again."},
	0x7E: {fail: drivers.FailMark, ru: "Код маркировки не проверен. Сканируйте товар ещё раз.", en: "The marking code was not checked. Scan the article again."},
}

var unknownFault = fault{fail: drivers.FailRefused, ru: "Касса ответила неизвестной ошибкой. " + tellSupport, en: "The register answered an unknown error. " + reportSupport, unsure: true}

// reasons are what 06/1 says of 01h and 03h, where it says more than the code and a person can act on it.
var reasons = map[int]fault{
	1:            {fail: drivers.FailDocument, ru: "Касса включилась заново и ждёт начала работы. Повторите.", en: "The register has been switched on anew and waits to begin. Try again."},
	whyNotFiscal: {fail: drivers.FailStorage, ru: "Касса не зарегистрирована: она в нефискальном режиме. " + askService, en: "The register is not registered: it is not in fiscal mode. " + callService},
	3:            {fail: drivers.FailStorage, ru: "Архив накопителя закрыт. " + replaceFN, en: "The storage's archive is closed. " + swapFN},
	4:            {fail: drivers.FailStorage, ru: "Накопитель не зарегистрирован. " + askService, en: "The fiscal storage is not registered. " + callService},
	8:            {fail: drivers.FailDocument, ru: "Документ не открыт.", en: "No document is open."},
	9:            {fail: drivers.FailDocument, ru: "Открыт другой документ. Отмените его и повторите.", en: "Another document is open. Cancel it and try again."},
	11:           {fail: drivers.FailDocument, ru: "В документ больше нельзя добавлять позиции. Отмените его и повторите.", en: "The document takes no more positions. Cancel it and try again."},
	12:           {fail: drivers.FailDocument, ru: "Документ уже оплачивается. Отмените его и повторите.", en: "The document is being paid. Cancel it and try again."},
	13:           {fail: drivers.FailDocument, ru: "Документ уже оплачен. Отмените его и повторите.", en: "The document has been paid. Cancel it and try again."},
	14:           {fail: drivers.FailDocument, ru: "Документ оплачен не весь. Отмените его и повторите.", en: "The document is not paid in full. Cancel it and try again."},
	15:           {fail: drivers.FailPaper, ru: "Документ записан и не допечатан. Проверьте бумагу и нажмите «Продолжить печать».", en: "A document is signed and not all printed. Check the paper and press Resume printing."},
	20:           {fail: drivers.FailShiftClosed, ru: "Смена не открыта. Откройте смену.", en: "No shift is open. Open a shift."},
	21:           {fail: drivers.FailStorage, ru: "Фатальная ошибка накопителя. " + replaceFN, en: "The fiscal storage has failed for good. " + swapFN},
	23:           {fail: drivers.FailConfig, ru: "В кассе не задан сайт ФНС. " + askService, en: "The register lacks the tax service's site. " + callService},
	24:           {fail: drivers.FailConfig, ru: "В кассе не задан оператор фискальных данных. " + askService, en: "The register lacks the operator of fiscal data. " + callService},
	25:           {fail: drivers.FailConfig, ru: "В кассе не задан ИНН оператора фискальных данных. " + askService, en: "The register lacks the operator's taxpayer number. " + callService},
	26:           {fail: drivers.FailRefused, ru: "Нулевой итог чека. Такой чек касса не пробивает.", en: "The total is zero. The register prints no such receipt."},
	27:           {fail: drivers.FailConfig, ru: "В кассе не задано место расчётов. " + askService, en: "The register lacks the place of settlement. " + callService},
	30:           {fail: drivers.FailConfig, ru: "В кассе не задана почта отправителя чеков. " + askService, en: "The register lacks the sender's e-mail. " + callService},
	33:           {fail: drivers.FailRefused, ru: "Не задано имя кассира. Войдите под своим именем.", en: "The cashier has no name. Sign in under your name."},
	34:           {fail: drivers.FailOFD, ru: "Есть документы, не переданные в ОФД. Восстановите сеть кассы.", en: "Documents wait for the operator of fiscal data. Restore the register's network."},
	39:           {fail: drivers.FailClock, ru: "Касса не приняла дату и время.", en: "The register refused date and time."},
	41:           {fail: drivers.FailConfig, ru: "Неверный номер отдела. Проверьте department в настройках.", en: "Wrong number of department. Check department in the settings."},
	43:           {fail: drivers.FailConfig, ru: "Касса не зарегистрирована для этой системы налогообложения. Проверьте настройки.", en: "The register is not registered for this tax system. Check the settings."},
	44:           {fail: drivers.FailRefused, ru: "Касса не приняла название товара. Исправьте его в справочнике.", en: "The register refused the article's name. Correct it in the catalogue."},
	46:           {fail: drivers.FailRefused, ru: "Касса не приняла количество товара.", en: "The register refused the quantity."},
	47:           {fail: drivers.FailRefused, ru: "Касса не приняла цену товара.", en: "The register refused the price."},
	48:           {fail: drivers.FailConfig, ru: "Касса не знает ставки налога. Проверьте ставку товара и прошивку кассы.", en: "The register does not know the tax rate. Check the article's rate and the register's firmware."},
	54:           {fail: drivers.FailConfig, ru: "Касса не приняла признак предмета расчёта. Исправьте его в справочнике.", en: "The register refused the subject of settlement. Correct it in the catalogue."},
	55:           {fail: drivers.FailConfig, ru: "Касса не знает типа оплаты. " + askService, en: "The register does not know the kind of payment. " + callService},
	56:           {fail: drivers.FailRefused, ru: "Касса не приняла сумму оплаты. " + tellSupport, en: "The register refused the payment. " + reportSupport},
	58:           {fail: drivers.FailRefused, ru: "Касса не приняла контакт покупателя. Исправьте или пробейте чек без него.", en: "The register refused the buyer's contact. Correct it or print without it."},
	64:           {fail: drivers.FailRefused, ru: "Касса не приняла признак агента. " + tellSupport, en: "The register refused the agent's sign. " + reportSupport},
	69:           {fail: drivers.FailMark, ru: "Касса не знает такой маркировки. " + tellSupport, en: "The register does not know this kind of marking. " + reportSupport},
	72:           {fail: drivers.FailRefused, ru: "Касса не приняла имя дополнительного реквизита. Выключите sale-key в настройках.", en: "The register refused the name of the extra requisite. Switch sale-key off in the settings."},
	73:           {fail: drivers.FailRefused, ru: "Касса не приняла дополнительный реквизит. Выключите sale-key в настройках.", en: "The register refused the extra requisite. Switch sale-key off in the settings."},
	75:           {fail: drivers.FailRefused, ru: "Касса не приняла тип коррекции.", en: "The register refused the kind of correction."},
	77:           {fail: drivers.FailRefused, ru: "Касса не приняла номер документа-основания.", en: "The register refused the number of the order."},
	81:           {fail: drivers.FailMark, ru: "Касса не приняла код маркировки. Сканируйте товар ещё раз.", en: "The register refused the marking code. Scan the article again."},
	82:           {fail: drivers.FailMark, ru: "Слишком много маркированных позиций. Разделите покупку на два чека.", en: "Too many marked positions. Split the purchase into two."},
	88:           {fail: drivers.FailConfig, ru: "Прошивка кассы не умеет ФФД 1.2. " + askService, en: "The register's firmware does not know FFD 1.2. " + callService},
}

// codeOf is how the vendor's text and its service engineers write a code; the reason stands behind a slash.
func codeOf(code byte, why int) string {
	if why == 0 {
		return fmt.Sprintf("%02Xh", code)
	}
	return fmt.Sprintf("%02Xh/%d", code, why)
}

// failure is the error that will be handed out; the name makes its Error a method of deviceError.
type failure = drivers.Error

// deviceError keeps the raw code beside it.
type deviceError struct {
	failure
	code byte
}

// refusedBy is the error for an answer with a code. What an irreversible command has done before it was refused
// is for the caller to find out: see settle.
func refusedBy(cmd frame.Cmd, code byte, why int, final bool) *deviceError {
	f, known := faults[code]
	if !known {
		f = unknownFault
	}
	if r, ok := reasons[why]; ok && (code == codeState || code == codeFormat) {
		f.fail, f.ru, f.en = r.fail, r.ru, r.en
	}
	e := &deviceError{code: code, failure: failure{
		Fail: f.fail, Code: codeOf(code, why), Outcome: drivers.OutcomeNotDone, Hint: drivers.Hint{RU: f.ru, EN: f.en},
		Err: fmt.Errorf("command %s refused", cmd),
	}}
	if final && (f.unsure || !known || code == codeState) {
		e.Outcome = drivers.OutcomeUnknown
	}
	return e
}

// because is a refusal that the driver finds by itself, in the words of a code.
func because(code byte, why int) error {
	e := refusedBy(frame.CmdFlags, code, why, false)
	e.Err = errors.New("found before anything was sent")
	return e
}

func refuse(fail drivers.Fail, ru, en string) error {
	return &drivers.Error{Fail: fail, Outcome: drivers.OutcomeNotDone, Hint: drivers.Hint{RU: ru, EN: en}}
}

var hintLink = drivers.Hint{
	RU: "Касса не отвечает. Проверьте питание и кабель.",
	EN: "The register does not answer. Check its power and cable.",
}

var hintProtocol = drivers.Hint{
	RU: "Касса ответила непонятно. Проверьте модель в настройках; сообщите в поддержку.",
	EN: "The register's answer cannot be understood. Check the model in the settings; tell support.",
}
