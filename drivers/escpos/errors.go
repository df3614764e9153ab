package escpos

import (
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/escpos/command"
)

var (
	hintLink = drivers.Hint{
		RU: "Принтер чеков не отвечает. Проверьте питание и кабель. Если принтер печатает, но не умеет отвечать, укажите в настройках status: off.",
		EN: "The receipt printer does not answer. Check its power and cable. If it prints but cannot answer, set status: off.",
	}
	hintLinkPart = drivers.Hint{
		RU: "Связь с принтером чеков прервалась во время печати. Посмотрите, вышел ли слип целиком; если нет, уничтожьте его и напечатайте снова.",
		EN: "The link to the receipt printer broke while it printed. Look whether the whole slip came out; if not, destroy it and print again.",
	}
	hintPaper = drivers.Hint{
		RU: "В принтере чеков нет бумаги. Вставьте рулон и повторите.",
		EN: "The receipt printer has no paper. Put in a roll and try again.",
	}
	hintPaperPart = drivers.Hint{
		RU: "Бумага кончилась во время печати. Вставьте рулон: принтер может допечатать остаток сам. Если слип неполный, уничтожьте его и напечатайте снова.",
		EN: "The paper ran out while the slip was printed. Put in a roll: the printer may print the rest by itself. If the slip is not whole, destroy it and print again.",
	}
	hintCover = drivers.Hint{
		RU: "Открыта крышка принтера чеков. Закройте её и повторите.",
		EN: "The receipt printer's cover is open. Close it and try again.",
	}
	hintCoverPart = drivers.Hint{
		RU: "Крышка принтера открыта во время печати. Закройте её: принтер может допечатать остаток сам. Если слип неполный, уничтожьте его и напечатайте снова.",
		EN: "The cover was opened while the slip was printed. Close it: the printer may print the rest by itself. If the slip is not whole, destroy it and print again.",
	}
	hintCutter = drivers.Hint{
		RU: "Заклинило отрезчик принтера чеков. Выключите принтер, уберите бумагу из отрезчика, включите и повторите.",
		EN: "The receipt printer's cutter is jammed. Switch the printer off, free the cutter of paper, switch it on and try again.",
	}
	hintCutterPart = drivers.Hint{
		RU: "Отрезчик заклинило во время печати. Оторвите слип и посмотрите, целый ли он. Выключите принтер, уберите бумагу из отрезчика и включите.",
		EN: "The cutter jammed while the slip was printed. Tear the slip off and see whether it is whole. Switch the printer off, free the cutter and switch it on.",
	}
	hintFault = drivers.Hint{
		RU: "Неисправность принтера чеков. Выключите и включите его; если не поможет, обратитесь в сервисный центр.",
		EN: "The receipt printer has a fault. Switch it off and on; if that does not help, call the service centre.",
	}
	hintBarrier = drivers.Hint{
		RU: "Принтер чеков не подтверждает печать. Если он исправен, укажите в настройках barrier: off.",
		EN: "The receipt printer does not confirm what it prints. If it works otherwise, set barrier: off.",
	}
	hintSlip = drivers.Hint{
		RU: "Слип составлен неверно. Сообщите в поддержку, что печатали.",
		EN: "The slip is wrong in itself. Tell support what was being printed.",
	}
)

func failure(fail drivers.Fail, hint drivers.Hint, err error) *drivers.Error {
	return &drivers.Error{Fail: fail, Outcome: drivers.OutcomeNotDone, Hint: hint, Err: err}
}

// partial marks a failure after which something may be on paper.
func partial(e *drivers.Error) *drivers.Error {
	e.Outcome = drivers.OutcomeUnknown
	return e
}

func badSlip(format string, args ...any) error {
	return failure(drivers.FailRefused, hintSlip, fmt.Errorf(format, args...))
}

// stopped is what keeps a printer from printing; nil: nothing. begun tells that a part may be on paper.
func stopped(s command.Status, begun bool) error {
	stops := []struct {
		is          bool
		fail        drivers.Fail
		hint, after drivers.Hint
	}{
		{s.Cover(), drivers.FailCover, hintCover, hintCoverPart},
		{s.PaperEnd(), drivers.FailPaper, hintPaper, hintPaperPart},
		{s.Cutter(), drivers.FailHardware, hintCutter, hintCutterPart},
		{s.Broken(), drivers.FailHardware, hintFault, hintFault},
	}
	for _, stop := range stops {
		if !stop.is {
			continue
		}
		e := failure(stop.fail, stop.hint, nil)
		e.Code = fmt.Sprintf("% X", s[:])
		if begun {
			e.Hint, e.Outcome = stop.after, drivers.OutcomeUnknown
		}
		return e
	}
	return nil
}

// notDone says of a failure that nothing was printed.
func notDone(err error) error {
	var e *drivers.Error
	if errors.As(err, &e) {
		out := *e
		out.Outcome = drivers.OutcomeNotDone
		return &out
	}
	return failure(drivers.FailLink, hintLink, err)
}

// report is how every exported method hands out its error.
func (p *Printer) report(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *drivers.Error
	if !errors.As(err, &e) {
		e = partial(failure(drivers.FailLink, hintLinkPart, err))
	}
	out := *e
	out.Op, out.Device = op, p.name
	return &out
}
