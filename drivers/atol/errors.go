package atol

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
)

// failure is the error that will be handed out; the name makes its Error a method of deviceError.
type failure = drivers.Error

// deviceError keeps the vendor's number beside it.
type deviceError struct {
	failure
	code int
}

// fault is what one of the vendor's codes means.
type fault struct {
	fail drivers.Fail
	ru   string
	en   string
}

// The codes that the driver itself acts upon.
const (
	codeUnsupported   = 11
	codeNoPaper       = 44
	codeCover         = 45
	codeShiftOver     = 68
	codeShiftClosed   = 73
	codeShiftOpen     = 83
	codeNoStorage     = 166
	codeNotRegistered = 225
	codeMarkBusy      = 401
	codeMarkFFD       = 413
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
	restFirst     = "Проверьте бумагу и нажмите «Продолжить печать»."
	finishFirst   = "Check the paper and press Resume printing."
	scanAgain     = "Сканируйте товар ещё раз."
	scanOnceMore  = "Scan the article again."
)

// faults are the codes of the vendor's driver 10 that a shop can meet. Source: the constants of its public
// wrappers; the sentences are ours.
var faults = map[int]fault{
	1:   {drivers.FailLink, "Веб-сервер АТОЛ не подключён к кассе. Проверьте питание и кабель кассы.", "The ATOL web server is not connected to the register. Check the register's power and cable."},
	2:   {drivers.FailLink, "Касса не отвечает веб-серверу АТОЛ. Проверьте питание и кабель кассы.", "The register does not answer the ATOL web server. Check its power and cable."},
	3:   {drivers.FailLink, "Порт кассы занят другой программой. Закройте её.", "Another program holds the register's port. Close it."},
	4:   {drivers.FailLink, "Порт кассы недоступен. Проверьте кабель и порт в настройках веб-сервера АТОЛ.", "The register's port is not there. Check the cable and the port in the ATOL web server's settings."},
	5:   {drivers.FailProtocol, "Касса ответила непонятно. " + tryAgain, "The register's answer cannot be understood. " + onceMore},
	6:   {drivers.FailProtocol, "Внутренняя ошибка драйвера АТОЛ. Перезапустите веб-сервер АТОЛ.", "The ATOL driver failed inside. Restart the ATOL web server."},
	8:   {drivers.FailRefused, "Кассе не хватает параметра. " + tellSupport, "A parameter is missing. " + reportSupport},
	9:   {drivers.FailConfig, "Неверные настройки драйвера АТОЛ. " + askService, "The ATOL driver's settings are wrong. " + callService},
	10:  {drivers.FailConfig, "Драйвер АТОЛ не настроен. Настройте связь с кассой в веб-сервере АТОЛ.", "The ATOL driver is not set up. Set the register's connection in the ATOL web server."},
	11:  {drivers.FailConfig, "Касса или драйвер АТОЛ этого не умеют: обновите прошивку и драйвер.", "The register or the ATOL driver cannot do this: update firmware and driver."},
	12:  {drivers.FailDocument, "Команда невозможна в этом режиме кассы. " + tryAgain, "Not possible in the register's present mode. " + onceMore},
	13:  {drivers.FailRefused, "Касса не приняла параметры. " + tellSupport, "The register refused the parameters. " + reportSupport},
	15:  {drivers.FailHardware, "Неизвестная ошибка кассы. " + tryAgain, "The register's error is unknown. " + onceMore},
	16:  {drivers.FailRefused, "Неверная сумма. " + tellSupport, "A sum is wrong. " + reportSupport},
	17:  {drivers.FailRefused, "Неверное количество. " + tellSupport, "A quantity is wrong. " + reportSupport},
	28:  {drivers.FailClock, "Касса ждёт даты. Установите время кассы.", "The register waits for its date. Set its clock."},
	29:  {drivers.FailClock, "Касса ждёт подтверждения даты. Установите время кассы.", "The register waits for its date to be confirmed. Set its clock."},
	32:  {drivers.FailPaper, "Отчёт о закрытии смены прерван. " + restFirst, "The Z report was interrupted. " + finishFirst},
	34:  {drivers.FailDocument, "Режим кассы заблокирован. " + tryAgain, "The register's mode is blocked. " + onceMore},
	35:  {drivers.FailClock, "Проверьте дату и время кассы.", "Check the register's date and time."},
	36:  {drivers.FailClock, "Время кассы раньше последнего документа. Закройте смену и установите время.", "The register's clock is before its last document. Close the shift and set the clock."},
	40:  {drivers.FailRefused, "Чек переполнен. Разделите покупку на два чека.", "The receipt is full. Split the purchase into two."},
	44:  {drivers.FailPaper, "Нет чековой ленты. Вставьте бумагу.", "The receipt paper is out. Put paper in."},
	45:  {drivers.FailCover, "Открыта крышка кассы. Закройте её.", "The register's cover is open. Close it."},
	46:  {drivers.FailHardware, "Нет связи с печатающим устройством. " + tryAgain, "The printing part does not answer. " + onceMore},
	47:  {drivers.FailHardware, "Механическая ошибка печати. Уберите застрявшую бумагу. " + askService, "The printer is jammed. Remove the paper stuck in it. " + callService},
	52:  {drivers.FailRefused, "Безналичная оплата больше итога. " + tellSupport, "Cashless payments exceed the total. " + reportSupport},
	53:  {drivers.FailRefused, "В ящике кассы не хватает наличных для возврата. Внесите наличные.", "There is not enough cash in the drawer for the return. Put cash in first."},
	55:  {drivers.FailBusy, "Касса занята. Подождите и повторите.", "The register is busy. Wait and try again."},
	59:  {drivers.FailConfig, "В кассе нет такого отдела. Проверьте department в настройках.", "The register has no such department. Check department in the settings."},
	60:  {drivers.FailConfig, "Вид оплаты в кассе не настроен. " + askService, "The register lacks this kind of payment. " + callService},
	62:  {drivers.FailConfig, "Операция запрещена настройками кассы. " + askService, "The register's settings forbid this. " + callService},
	63:  {drivers.FailRefused, "Итог чека слишком велик. Разделите покупку.", "The total is too large. Split the purchase."},
	66:  {drivers.FailRefused, "Оплата меньше итога. " + tellSupport, "The payments are less than the total. " + reportSupport},
	68:  {drivers.FailShiftOver, "Смена длится больше 24 часов. Снимите Z-отчёт.", "The shift is older than 24 hours. Print the Z report."},
	71:  {drivers.FailPassword, "Неверный пароль кассы. Проверьте настройки веб-сервера АТОЛ.", "The register's password is wrong. Check the ATOL web server's settings."},
	73:  {drivers.FailShiftClosed, "Смена не открыта. Откройте смену.", "No shift is open. Open a shift."},
	77:  {drivers.FailClock, "Неверные дата или время.", "Date or time is wrong."},
	80:  {drivers.FailRefused, "В ящике кассы не хватает наличных. Внесите наличные.", "There is not enough cash in the drawer. Put cash in first."},
	81:  {drivers.FailDocument, "Чек уже закрыт.", "The receipt is closed already."},
	82:  {drivers.FailDocument, "Открыт чек. Отмените его и повторите.", "A receipt is open. Cancel it and try again."},
	83:  {drivers.FailShiftOpen, "Смена открыта. Закройте её сначала.", "A shift is open. Close it first."},
	89:  {drivers.FailStorage, "Касса не зарегистрирована. " + askService, "The register is not registered. " + callService},
	96:  {drivers.FailConfig, "Нет лицензии кассы на эту операцию. " + askService, "The register has no licence for this. " + callService},
	104: {drivers.FailHardware, "Ошибка обмена внутри кассы. " + tryAgain, "The parts of the register do not understand each other. " + onceMore},
	105: {drivers.FailHardware, "Кассе нужно обслуживание. " + askService, "The register needs service. " + callService},
	114: {drivers.FailHardware, "Печать перегрелась. Подождите несколько минут.", "The printer is too hot. Wait some minutes."},
	115: {drivers.FailStorage, "Сбой обмена с фискальным накопителем. " + tryAgain, "The exchange with the fiscal storage failed. " + onceMore},
	116: {drivers.FailProtocol, "Фискальный накопитель не понял команду. " + tellSupport, "The fiscal storage did not understand. " + reportSupport},
	117: {drivers.FailDocument, "Фискальный накопитель в другом состоянии. Нажмите «Отменить чек» и повторите.", "The fiscal storage is in another state. Cancel the document and try again."},
	118: {drivers.FailStorage, "Неисправность фискального накопителя. " + askService, "The fiscal storage is faulty. " + callService},
	119: {drivers.FailStorage, "Неисправность криптографии накопителя. " + askService, "The fiscal storage's cryptography is faulty. " + callService},
	120: {drivers.FailStorage, "Срок фискального накопителя истёк. " + replaceFN, "The fiscal storage has expired. " + swapFN},
	121: {drivers.FailStorage, "Память фискального накопителя заполнена. " + replaceFN, "The fiscal storage is full. " + swapFN},
	122: {drivers.FailClock, "Неверные дата или время кассы. Закройте смену и установите время.", "The register's date or time is wrong. Close the shift and set the clock."},
	123: {drivers.FailRefused, "В фискальном накопителе нет таких данных.", "The fiscal storage has no such data."},
	130: {drivers.FailStorage, "В кассе другой фискальный накопитель. " + askService, "Another fiscal storage is in the register. " + callService},
	132: {drivers.FailHardware, "Батарея кассы разряжена. Подключите питание.", "The register's battery is low. Connect its power supply."},
	134: {drivers.FailRefused, "Слишком длинный реквизит документа. Сократите имя кассира или контакт покупателя.", "A requisite is too long. Shorten the cashier's name or the buyer's contact."},
	135: {drivers.FailOFD, "Нет связи с оператором фискальных данных. Проверьте сеть кассы.", "No link to the operator of fiscal data. Check the register's network."},
	136: {drivers.FailStorage, "Исчерпан ресурс криптографии накопителя. " + replaceFN, "The storage's cryptography is used up. " + swapFN},
	137: {drivers.FailOFD, "Накопитель переполнен непереданными документами. Восстановите связь с ОФД.", "The storage is full of documents that were not sent. Restore the link to the operator of fiscal data."},
	138: {drivers.FailOFD, "Оператор фискальных данных прислал сообщение об ошибке. Проверьте личный кабинет ОФД.", "The operator of fiscal data sent an error message. Look into its web account."},
	139: {drivers.FailOFD, "Документы не передаются в ОФД больше 30 дней, продажи закрыты. Восстановите сеть кассы.", "Documents have not reached the operator of fiscal data for 30 days; sales are blocked. Restore the register's network."},
	140: {drivers.FailStorage, "Фискальный накопитель не отвечает. " + tryAgain, "The fiscal storage does not answer. " + onceMore},
	141: {drivers.FailShiftOver, "Смена длится больше 24 часов. Снимите Z-отчёт.", "The shift is older than 24 hours. Print the Z report."},
	142: {drivers.FailClock, "Часы кассы и накопителя расходятся. Закройте смену и установите время.", "The clocks of register and storage differ. Close the shift and set the clock."},
	143: {drivers.FailConfig, "Касса не зарегистрирована на эту систему налогообложения. Проверьте настройки магазина.", "The register is not registered for this tax system. Check the shop's settings."},
	144: {drivers.FailConfig, "Касса не знает этой ставки НДС: обновите прошивку и драйвер АТОЛ.", "The register does not know this VAT rate: update firmware and the ATOL driver."},
	145: {drivers.FailRefused, "Неверный признак способа расчёта. " + tellSupport, "The payment method of a position is wrong. " + reportSupport},
	147: {drivers.FailConfig, "Касса не зарегистрирована для подакцизных товаров. " + askService, "The register is not registered for excisable goods. " + callService},
	148: {drivers.FailRefused, "Касса не приняла реквизит. " + tellSupport, "The register refused a requisite. " + reportSupport},
	150: {drivers.FailHardware, "Неисправен отрезчик. Уберите застрявшую бумагу. " + askService, "The cutter is jammed. Remove the paper stuck in it. " + callService},
	151: {drivers.FailPaper, "Отчёт прерван. " + restFirst, "A report was interrupted. " + finishFirst},
	158: {drivers.FailRefused, "Реквизит запрещён. " + tellSupport, "A requisite is forbidden. " + reportSupport},
	159: {drivers.FailStorage, "Ошибка интерфейса фискального накопителя. " + tryAgain, "The fiscal storage's interface failed. " + onceMore},
	161: {drivers.FailRefused, "Не хватает обязательного реквизита. " + tellSupport, "A required requisite is missing. " + reportSupport},
	162: {drivers.FailStorage, "Документ не читается из накопителя. " + tryAgain, "The document cannot be read from the storage. " + onceMore},
	165: {drivers.FailHardware, "Аппаратный сбой кассы. " + askService, "The register's hardware failed. " + callService},
	166: {drivers.FailStorage, "Фискальный накопитель не найден. " + askService, "No fiscal storage is found. " + callService},
	172: {drivers.FailRefused, "Не указан кассир. Войдите под своим именем.", "No cashier is named. Log in under your name."},
	175: {drivers.FailPaper, "Отчёт об открытии смены прерван. " + restFirst, "The report of the shift's opening was interrupted. " + finishFirst},
	177: {drivers.FailPaper, "Закрытие чека прервано. " + restFirst, "The close of the receipt was interrupted. " + finishFirst},
	179: {drivers.FailClock, "Неисправны часы кассы. " + askService, "The register's clock is faulty. " + callService},
	180: {drivers.FailHardware, "Неисправна память кассы. " + askService, "The register's memory is faulty. " + callService},
	188: {drivers.FailBusy, "Касса перезагружается. Подождите минуту.", "The register restarts. Wait a minute."},
	189: {drivers.FailConfig, "В кассе нет лицензии. " + askService, "The register has no licence. " + callService},
	190: {drivers.FailConfig, "Неверная версия ФФД. " + askService, "The format of fiscal data is wrong. " + callService},
	196: {drivers.FailRefused, "Касса не приняла кассира. Проверьте имя и ИНН.", "The register refused the cashier. Check name and INN."},
	200: {drivers.FailDocument, "Открыт документ. Нажмите «Отменить чек» и повторите.", "A document is open. Cancel it and try again."},
	203: {drivers.FailDocument, "Нужно отменить открытый документ. Нажмите «Отменить чек».", "The open document must be cancelled. Press Cancel document."},
	224: {drivers.FailStorage, "Архив фискального накопителя закрыт. " + replaceFN, "The fiscal storage's archive is closed. " + swapFN},
	225: {drivers.FailStorage, "Касса не зарегистрирована. " + askService, "The register is not registered. " + callService},
	226: {drivers.FailBusy, "Касса обновляется. Подождите.", "The register is being updated. Wait."},
	227: {drivers.FailRefused, "Неверный итог чека. " + tellSupport, "The total is wrong. " + reportSupport},
	235: {drivers.FailRefused, "Слишком много маркированных позиций. Разделите покупку на два чека.", "Too many marked positions. Split the purchase into two."},
	241: {drivers.FailLink, "Связь с кассой прервалась. Проверьте кабель.", "The link to the register broke. Check its cable."},
	249: {drivers.FailDocument, "Документ отменён кассой. Повторите.", "The register cancelled the document. Try again."},
	401: {drivers.FailBusy, "Проверка предыдущего кода ещё идёт. Подождите и повторите.", "The check of an earlier code is still going on. Wait and try again."},
	402: {drivers.FailOFD, "Нет связи с сервером проверки маркировки. Проверьте сеть кассы.", "The marking server cannot be reached. Check the register's network."},
	403: {drivers.FailMark, "Проверка кода отменена. " + scanAgain, "The check of the code was cancelled. " + scanOnceMore},
	404: {drivers.FailRefused, "Неверный планируемый статус товара. " + tellSupport, "The planned state of the piece is wrong. " + reportSupport},
	405: {drivers.FailMark, "Код маркировки повреждён. " + scanAgain, "The marking code is damaged. " + scanOnceMore},
	406: {drivers.FailConfig, "Касса не зарегистрирована для маркированных товаров. " + askService, "The register is not registered for marked goods. " + callService},
	407: {drivers.FailOFD, "Работа с маркировкой временно заблокирована. Проверьте связь кассы с ОФД.", "Marking is blocked for now. Check the register's link to the operator of fiscal data."},
	408: {drivers.FailRefused, "Таблица кодов маркировки переполнена. Разделите покупку на два чека.", "The table of marking codes is full. Split the purchase into two."},
	409: {drivers.FailMark, "Неверный код маркировки. " + scanAgain, "The marking code is wrong. " + scanOnceMore},
	410: {drivers.FailRefused, "Нарушен порядок проверки кодов. " + scanAgain, "Codes were checked in a wrong order. " + scanOnceMore},
	411: {drivers.FailOFD, "Сбой обмена с ОФД. Проверьте сеть кассы.", "The exchange with the operator of fiscal data failed. Check the register's network."},
	412: {drivers.FailRefused, "Неверная мера количества. " + tellSupport, "The unit of a quantity is wrong. " + reportSupport},
	413: {drivers.FailConfig, "Касса зарегистрирована не на ФФД 1.2, маркировка в ней не проверяется. " + askService, "The register is not registered for FFD 1.2 and checks no marking codes. " + callService},
	414: {drivers.FailRefused, "Операция с маркировкой запрещена. " + tellSupport, "The marking operation is forbidden. " + reportSupport},
	418: {drivers.FailStorage, "Нужно обновить ключи проверки кодов. Подключите кассу к сети и перезапустите её.", "The keys for marking codes must be renewed. Connect the register to the network and restart it."},
	420: {drivers.FailRefused, "Код маркировки не проверен. " + scanAgain, "The marking code was not checked. " + scanOnceMore},
	421: {drivers.FailRefused, "Проверка кода устарела. " + scanAgain, "The check of the code is out of date. " + scanOnceMore},
	422: {drivers.FailRefused, "Кода нет в таблице проверенных. " + scanAgain, "The code is not among the checked ones. " + scanOnceMore},
	423: {drivers.FailBusy, "Проверка кода ещё идёт. Подождите и повторите.", "The check of the code is still going on. Wait and try again."},
}

var unknownFault = fault{drivers.FailRefused, "Касса ответила неизвестной ошибкой. " + tellSupport, "The register answered an unknown error. " + reportSupport}

// refusedBy is the error for a task that ended with a code.
func refusedBy(code int) *deviceError {
	f, known := faults[code]
	if !known {
		f = unknownFault
	}
	return &deviceError{code: code, failure: failure{
		Fail: f.fail, Code: strconv.Itoa(code), Outcome: drivers.OutcomeNotDone, Hint: drivers.Hint{RU: f.ru, EN: f.en},
	}}
}

// firstError is the first task of a request that did not end well. The vendor's description is not repeated: it
// may quote what was sent.
func firstError(results []task.Result) error {
	for _, r := range results {
		switch {
		case r.Status == task.Canceled:
			return canceled()
		case r.Status == task.Ready && r.Error.Code == 0:
		case r.Error.Code != 0:
			return refusedBy(r.Error.Code)
		default:
			return malformed(fmt.Errorf("%w: %s without a code", task.ErrTask, r.Status))
		}
	}
	return nil
}

var errIncomplete = errors.New("a part of it is missing")

// malformed is the error for an answer that cannot be.
func malformed(why error) *deviceError {
	return &deviceError{failure: failure{
		Fail: drivers.FailProtocol, Outcome: drivers.OutcomeNotDone, Hint: hintProtocol, Err: fmt.Errorf("answer of the web server: %w", why),
	}}
}

// refusedHTTP is the error for a request that the web server did not take.
func refusedHTTP(code int) *deviceError {
	e := &deviceError{failure: failure{
		Fail: drivers.FailConfig, Code: "HTTP " + strconv.Itoa(code), Outcome: drivers.OutcomeNotDone, Hint: hintOther,
	}}
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Fail, e.Hint = drivers.FailPassword, hintPassword
	case http.StatusBadRequest:
		e.Fail, e.Hint = drivers.FailRefused, hintProtocol
	}
	return e
}

func blocked() *deviceError {
	return &deviceError{failure: failure{Fail: drivers.FailBusy, Code: string(task.Blocked), Hint: drivers.Hint{
		RU: "Связь веб-сервера АТОЛ с кассой прервалась посреди документа, очередь стоит. Включите кассу и проверьте её кабель: сервер сам узнает у накопителя, чем кончилось. Не пробивайте чек заново.",
		EN: "The ATOL web server lost the register in the middle of a document and its queue stands. Switch the register on and check its cable: the server finds out from the storage by itself. Do not ring the receipt up again.",
	}}}
}

func inQueue() *deviceError {
	return &deviceError{failure: failure{Fail: drivers.FailBusy, Code: string(task.Wait), Hint: drivers.Hint{
		RU: "Документ всё ещё в очереди веб-сервера АТОЛ. Проверьте питание, кабель и бумагу кассы; чек может напечататься позже, не пробивайте его заново.",
		EN: "The document is still in the ATOL web server's queue. Check the register's power, cable and paper; the receipt may come later, do not ring it up again.",
	}}}
}

func canceled() *deviceError {
	return &deviceError{failure: failure{Fail: drivers.FailBusy, Code: string(task.Canceled), Outcome: drivers.OutcomeNotDone, Hint: drivers.Hint{
		RU: "Касса не взяла документ вовремя, он отменён. Проверьте питание и кабель кассы и повторите.",
		EN: "The register did not take the document in time and it was cancelled. Check its power and cable and try again.",
	}}}
}

var hintLink = drivers.Hint{
	RU: "Веб-сервер АТОЛ не отвечает. Запустите его и проверьте адрес кассы в настройках.",
	EN: "The ATOL web server does not answer. Start it and check the register's address in the settings.",
}

var hintProtocol = drivers.Hint{
	RU: "Ответ веб-сервера АТОЛ непонятен. Обновите драйвер АТОЛ; сообщите в поддержку.",
	EN: "The ATOL web server's answer cannot be understood. Update the ATOL driver; tell support.",
}

var hintOther = drivers.Hint{
	RU: "По адресу кассы отвечает не веб-сервер АТОЛ: порт занят другой программой. Закройте её или поменяйте порт.",
	EN: "Something else than the ATOL web server answers at the register's address: another program holds the port. Close it or change the port.",
}

var hintPassword = drivers.Hint{
	RU: "Веб-сервер АТОЛ не принял имя или пароль. Проверьте user и password в настройках кассы.",
	EN: "The ATOL web server refused user or password. Check user and password in the register's settings.",
}
