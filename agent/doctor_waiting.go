package agent

import (
	"context"
	"errors"
	"net"
)

// ErrPageTaken tells that another program listens where the till's page should be.
var ErrPageTaken = errors.New("the page's port is taken")

// Waits is what a program says that is not enrolled yet.
type Waits struct {
	Reason  Text      `json:"reason"`
	Todo    Text      `json:"todo"`
	Command string    `json:"command"` // empty: the program enrols by itself
	Office  string    `json:"office"`
	Devices []Finding `json:"devices"`
}

// ExamineDevices examines a till's devices and nothing else, for a till that does not sell yet.
func ExamineDevices(ctx context.Context, c Checkup) []Finding {
	e := &examination{Checkup: c}
	e.register(ctx)
	e.printer(ctx)
	e.display(ctx)
	e.scanners(ctx)
	return e.findings
}

// notEnrolled asks a program that shows no view whether it waits for its enrolment. Its devices are its own.
func (e *examination) notEnrolled(ctx context.Context) bool {
	if e.Waiting == nil {
		return false
	}
	w, err := e.Waiting(ctx)
	if err != nil {
		return false
	}
	e.waits = &w
	e.ok("daemon", say("Программа кассы отвечает на %s и ждёт подключения к головному офису", "The till program answers at %s and waits for its enrolment", e.Config.Page))
	return true
}

// pageTaken tries the page's address where the till program does not answer.
func (e *examination) pageTaken() bool {
	if e.Page == nil || !errors.Is(e.Page(), ErrPageTaken) {
		return false
	}
	_, port, err := net.SplitHostPort(e.Config.Page)
	if err != nil { // then nobody could have it
		return false
	}
	e.bad("daemon", e.onSystem("sudo ss -ltnp 'sport = :"+port+"'", "netstat -ano | findstr :"+port),
		say("Порт %[1]s занят другой программой: касса не запустится. Команда покажет, кем; закройте её или впишите другой порт в page файла %[2]s",
			"Port %[1]s is taken by another program: the till cannot start. The command tells by which; close it, or put another port into page in %[2]s", port, e.ConfigPath))
	return true
}

// enrolment says whose till this is, or how its enrolment stands.
func (e *examination) enrolment() {
	if e.waits != nil {
		w := e.waits
		text := say("%[1]s %[2]s", "%[3]s %[4]s", w.Reason.RU, w.Todo.RU, w.Reason.EN, w.Todo.EN)
		if w.Command == "" {
			e.warn("head office", "", text)
			return
		}
		e.bad("head office", w.Command, text)
		return
	}
	if e.Limited {
		return
	}
	switch who, err := e.Enrolled(); {
	case err != nil:
		e.bad("head office", "", say("Ключ кассы не читается: %v. Ничего не удаляйте, позовите поддержку", "The till's key cannot be read: %v. Delete nothing, call support", err))
	case who == "" && e.Kept != "":
		e.warn("head office", "kopilka-agent service start", say("Подключение к %s ждёт: служба закончит его сама, когда офис ответит", "The enrolment at %s waits: the service finishes it when head office answers", e.Kept))
	case who == "":
		e.bad("head office", "kopilka-agent enrol", say("Касса не подключена: возьмите код в головном офисе", "The till is not enrolled: get a code from head office"))
	default:
		e.ok("head office", say("Касса подключена: %s", "The till is enrolled: %s", who))
	}
}
