package mercury

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
)

const (
	askService    = "Обратитесь в сервисный центр."
	callService   = "Call the service centre."
	tellSupport   = "Сообщите в поддержку код ошибки и что пробивали."
	reportSupport = "Tell support the code and what was being rung up."
)

// hints are what a person can do about each family.
var hints = map[drivers.Fail]drivers.Hint{
	drivers.FailLink: {
		RU: "Касса не отвечает. Проверьте, что она включена, кабель вставлен и служба INECRMAN запущена.",
		EN: "The register does not answer. Check that it is on, the cable is in and the service INECRMAN is running.",
	},
	drivers.FailProtocol: {
		RU: "Служба INECRMAN ответила непонятно. Перезапустите её; если не поможет, сообщите в поддержку.",
		EN: "The service INECRMAN gave an answer that cannot be. Restart it; if that does not help, tell support.",
	},
	drivers.FailPaper:       {RU: "Нет чековой ленты. Вставьте бумагу.", EN: "The receipt paper is out. Put paper in."},
	drivers.FailCover:       {RU: "Открыта крышка кассы. Закройте её.", EN: "The register's cover is open. Close it."},
	drivers.FailBusy:        {RU: "Касса занята. Подождите и повторите.", EN: "The register is busy. Wait and try again."},
	drivers.FailShiftOver:   {RU: "Смена длится больше 24 часов. Снимите Z-отчёт.", EN: "The shift is older than 24 hours. Print the Z report."},
	drivers.FailShiftClosed: {RU: "Смена не открыта. Откройте смену.", EN: "No shift is open. Open a shift."},
	drivers.FailShiftOpen:   {RU: "Смена открыта. Сначала снимите Z-отчёт.", EN: "The shift is open. Print the Z report first."},
	drivers.FailDocument:    {RU: "Открыт чек. Отмените его и повторите.", EN: "A receipt is open. Cancel it and try again."},
	drivers.FailRefused:     {RU: "Касса не приняла данные. " + tellSupport, EN: "The register refused the data. " + reportSupport},
	drivers.FailStorage:     {RU: "Фискальный накопитель не работает или его срок истёк. " + askService, EN: "The fiscal storage is faulty or has expired. " + callService},
	drivers.FailOFD: {
		RU: "Документы долго не передаются в ОФД. Восстановите сеть кассы.",
		EN: "Documents have not reached the operator of fiscal data for long. Restore the register's network.",
	},
	drivers.FailClock:    {RU: "Неверные дата или время кассы. Закройте смену и установите время.", EN: "The register's date or time is wrong. Close the shift and set the clock."},
	drivers.FailPassword: {RU: "Неверный пароль оператора. Проверьте operator и password в настройках.", EN: "The operator's password is wrong. Check operator and password in the settings."},
	drivers.FailHardware: {RU: "Неисправность кассы. Выключите и включите её. " + askService, EN: "The register is faulty. Switch it off and on. " + callService},
	drivers.FailConfig:   {RU: "Настройки кассы не подходят. " + askService, EN: "The register's settings do not fit. " + callService},
	drivers.FailMark:     {RU: "Код маркировки не прошёл проверку: этот товар продавать нельзя.", EN: "The marking code did not pass: this piece must not be sold."},
}

// portBusy is the one number whose meaning is known: the service cannot reach the register's port.
const portBusy = 3001

// words sort a refusal: the first that its description holds, in lower case, names the family. The numbers of
// the service's errors are not public, and its descriptions are Russian.
var words = []struct {
	part string
	fail drivers.Fail
}{
	{"парол", drivers.FailPassword},
	{"24 час", drivers.FailShiftOver},
	{"24-х", drivers.FailShiftOver},
	{"истекла смена", drivers.FailShiftOver},
	{"бумаг", drivers.FailPaper},
	{"чековая лента", drivers.FailPaper},
	{"чековой ленты", drivers.FailPaper},
	{"крышк", drivers.FailCover},
	{"маркиров", drivers.FailMark},
	{"код товара", drivers.FailMark},
	{"смена закрыта", drivers.FailShiftClosed},
	{"смена не открыта", drivers.FailShiftClosed},
	{"смена открыта", drivers.FailShiftOpen},
	{"смена уже открыта", drivers.FailShiftOpen},
	{"офд", drivers.FailOFD},
	{"время", drivers.FailClock},
	{"времени", drivers.FailClock},
	{"дата", drivers.FailClock},
	{"часы", drivers.FailClock},
	{"накопител", drivers.FailStorage},
	{"фн", drivers.FailStorage},
	// Busy is the one family after which a step is sent again, so what only sounds like it comes first.
	{"не выполняется", drivers.FailRefused},
	{"не занят", drivers.FailRefused},
	{"занят", drivers.FailBusy},
	{"выполняется", drivers.FailBusy},
	{"чек открыт", drivers.FailDocument},
	{"чек не открыт", drivers.FailDocument},
	{"чек уже", drivers.FailDocument},
	{"порт", drivers.FailLink},
	{"нет связи", drivers.FailLink},
	{"сесси", drivers.FailLink},
	{"печат", drivers.FailHardware},
	{"неисправ", drivers.FailHardware},
}

func family(result int64, description string) drivers.Fail {
	if result == portBusy {
		return drivers.FailLink
	}
	low := strings.ToLower(description)
	for _, w := range words {
		if strings.Contains(low, w.part) {
			return w.fail
		}
	}
	return drivers.FailRefused
}

// fault makes an error of a family, with its hint.
func fault(fail drivers.Fail, o drivers.Outcome, err error) *drivers.Error {
	return &drivers.Error{Fail: fail, Outcome: o, Hint: hints[fail], Err: err}
}

// unregistered is the error of a storage that signs nothing yet, or nothing more.
func unregistered(phase int64) *drivers.Error {
	e := early(drivers.FailStorage, "the storage is in phase %d", phase)
	if phase < frame.PhaseFiscal {
		e.Hint = hintUnregistered
	}
	return e
}

var hintUnregistered = drivers.Hint{RU: "Касса не зарегистрирована. " + askService, EN: "The register is not registered. " + callService}

// early refuses before anything is sent, so that the hint is plain.
func early(fail drivers.Fail, format string, args ...any) *drivers.Error {
	return fault(fail, drivers.OutcomeNotDone, fmt.Errorf(format, args...))
}

// refusal is the error for an answer that says no. A closing command's outcome is the careful one until the
// register has shown that nothing came of it.
func refusal(cmd frame.Command, k kind, a frame.Answer, req any) *drivers.Error {
	e := fault(family(a.Result, a.Description), drivers.OutcomeNotDone, fmt.Errorf("%s: %s", cmd, redacted(a.Description, req)))
	e.Code = strconv.FormatInt(a.Result, 10)
	if k == final {
		e.Outcome = drivers.OutcomeUnknown
	}
	return e
}

// descriptionMax is runes of a description that are worth a log line.
const descriptionMax = 200

// redacted cuts a description and takes out what the service may have repeated of personal data.
func redacted(description string, req any) string {
	var private []string
	switch r := req.(type) {
	case frame.CloseCheck:
		private = []string{r.Contact}
	case frame.OpenCheck:
		private = []string{r.Cashier.Name, r.Cashier.INN}
	case frame.Shift:
		private = []string{r.Cashier.Name, r.Cashier.INN}
	case frame.OpenSession:
		private = []string{r.Password}
	case frame.AddGoods:
		if r.Mark != nil {
			private = []string{string(r.Mark.Code)}
		}
	case frame.CheckMark:
		private = []string{string(r.Code)}
	}
	for _, word := range private {
		if word != "" {
			description = strings.ReplaceAll(description, word, "…")
		}
	}
	return cut(description, descriptionMax)
}

// cut shortens a text to so many characters; a letter written as two runes is one.
func cut(s string, most int) string {
	s = norm.NFC.String(s)
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most])
}

// linkFailure is the error for a command that was not answered.
func linkFailure(ctx context.Context, cmd frame.Command, k kind, err error) *drivers.Error {
	e := fault(drivers.FailLink, drivers.OutcomeNotDone, fmt.Errorf("command %s: %w", cmd, err))
	var lost *linkError
	if k != reads && (!errors.As(err, &lost) || lost.sent) {
		e.Outcome = drivers.OutcomeUnknown
	}
	if errors.Is(err, frame.ErrStatus) && ctx.Err() == nil {
		e.Fail, e.Hint = drivers.FailProtocol, hints[drivers.FailProtocol]
	}
	return e
}

// unread is the error for an answer that is no JSON of the right form: the work may have been done.
func unread(cmd frame.Command, k kind, err error) *drivers.Error {
	e := malformed(cmd, err)
	if k != reads {
		e.Outcome = drivers.OutcomeUnknown
	}
	return e
}

// malformed is the error for an answer that cannot be.
func malformed(cmd frame.Command, why error) *drivers.Error {
	return fault(drivers.FailProtocol, drivers.OutcomeNotDone, fmt.Errorf("answer to %s: %w", cmd, why))
}

// report is how every exported method hands out its error.
func (p *Printer) report(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *drivers.Error
	if !errors.As(err, &e) {
		e = fault(drivers.FailLink, drivers.OutcomeNotDone, err)
	}
	out := *e
	out.Op, out.Device = op, p.name
	return &out
}

// outcome sets what is known of the work as a whole, whatever the failed step knew of itself.
func outcome(err error, o drivers.Outcome) error {
	var e *drivers.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Outcome = o
	return &out
}

// codeIn is the service's number inside an error, empty when it is none.
func codeIn(err error) string {
	var e *drivers.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
