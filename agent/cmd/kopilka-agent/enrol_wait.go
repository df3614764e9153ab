package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/uplink"
)

const (
	// lookEvery is how often the waiting till looks whether somebody has enrolled it.
	lookEvery = time.Second
	// examineEvery is how old the state of the devices on the waiting page may be: a look disturbs them.
	examineEvery = 20 * time.Second
	// ledgerWait is for the one who enrolled the till to let go of the ledger.
	ledgerWait = 15 * time.Second
)

// waitingRoom is a till that is not enrolled: it has its page and its devices, and sells nothing.
type waitingRoom struct {
	config agent.Config
	path   string // of the config
	log    *slog.Logger
	unread string // why what is kept cannot be read, as it was logged; look's own

	mu    sync.Mutex // guards what follows; never held across I/O
	kept  later
	wrong *uplink.Problem // of the last try
	next  time.Time       // of the next try

	devices []agent.Finding // as they were seen last
}

// enrolledProgram waits until this machine is a till and makes its program, with the config as it is then. It is nil
// where ctx has ended before.
func enrolledProgram(ctx context.Context, path string, c agent.Config, log *slog.Logger) (*Program, error) {
	if err := awaitEnrolment(ctx, path, c, log); err != nil || ctx.Err() != nil {
		return nil, err
	}
	c, err := loadWhole(path)
	if err != nil {
		return nil, err
	}
	return newProgramSoon(ctx, c, log)
}

// awaitEnrolment returns when this machine is a till or ctx has ended; until then it holds the page and carries out an
// enrolment that waits for head office.
func awaitEnrolment(ctx context.Context, path string, c agent.Config, log *slog.Logger) error {
	l, err := desk.Listen(c.Page)
	if err != nil {
		return err
	}
	w := &waitingRoom{config: c, path: path, log: log}
	log.Warn("this till is not enrolled and does not sell: kopilka-agent enroll URL CODE", "page", "http://"+l.Addr().String()+"/")
	serving, stop := context.WithCancel(ctx)
	var served sync.WaitGroup
	served.Go(func() {
		page := desk.Waiting{State: w.view, Doctor: w.doctor, Health: update.Health{Version: version, Register: true, Stage: "not-enrolled", Idle: true}, Lang: c.Language, Logger: log}
		if err := page.Serve(serving, l); err != nil && serving.Err() == nil {
			log.Error("the page stopped", "err", err)
		}
	})
	served.Go(func() { w.examine(serving) })
	w.wait(ctx)
	stop()
	served.Wait()
	return nil
}

// enrolledHere tells a till. A key that cannot be read for another reason than its rights is the daemon's to complain of.
func enrolledHere(c agent.Config) bool {
	_, err := uplink.Load(filepath.Join(c.Data, identityFile))
	return !errors.Is(err, uplink.ErrNotEnrolled) && !errors.Is(err, fs.ErrPermission)
}

// wait ends with ctx or when the machine is a till, whoever made it one.
func (w *waitingRoom) wait(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var tries sync.WaitGroup
	stop := func() {}
	defer func() { stop(); tries.Wait() }()
	for ctx.Err() == nil && !enrolledHere(w.config) {
		if l, fresh := w.look(); fresh {
			stop()
			tries.Wait()
			trying, cancel := context.WithCancel(ctx)
			stop = cancel
			if l.Code != "" {
				tries.Go(func() { w.try(trying, l) })
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// look reads what is to be carried out; fresh: it is another enrolment than before.
func (w *waitingRoom) look() (l later, fresh bool) {
	l, err := readLater(w.config.Data)
	if err != nil {
		if !errors.Is(err, fs.ErrPermission) && err.Error() != w.unread { // the service is about to be given a closed one
			w.unread = err.Error()
			w.log.Warn("an enrolment cannot be carried out", "err", err)
		}
		return later{}, false
	}
	w.unread = ""
	w.mu.Lock()
	defer w.mu.Unlock()
	if l == w.kept {
		return l, false
	}
	if l.Failed == "" {
		w.wrong = nil
	}
	w.kept, w.next = l, time.Time{}
	return l, true
}

func (w *waitingRoom) try(ctx context.Context, l later) {
	err := l.carryOut(ctx, w.config, func(p *uplink.Problem, pause time.Duration) {
		w.log.Warn("head office does not enrol this till yet", "err", p, "again", pause)
		w.tell(p, time.Now().Add(pause))
	})
	var p *uplink.Problem
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.As(err, &p):
		w.log.Error("the enrolment has failed", "err", err)
		w.tell(p, time.Time{})
	default:
		w.log.Error("the enrolment has failed", "err", err)
		w.tell(&uplink.Problem{Code: uplink.CodeLedger, Err: err}, time.Time{})
	}
}

func (w *waitingRoom) tell(p *uplink.Problem, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong, w.next = p, next
}

// view is what the page shows.
func (w *waitingRoom) view() desk.WaitingView {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := desk.WaitingView{Office: w.kept.URL, Version: version, Devices: w.devices, Command: "kopilka-agent enroll https://… …"}
	wrong := w.wrong
	if wrong == nil && w.kept.Failed != "" {
		wrong = &uplink.Problem{Code: w.kept.Failed}
	}
	if wrong != nil {
		v.Reason = agent.Text(wrong.Text())
	}
	switch {
	case w.kept.Code != "" && (wrong == nil || !uplink.Final(wrong)):
		if wrong == nil {
			v.Reason = agent.Text{RU: "Подключаемся к центральному офису.", EN: "Connecting to head office."}
		}
		v.Todo = agent.Text{
			RU: "Касса подключится сама, как только офис ответит, и сразу начнёт продавать: перезапускать ничего не нужно.",
			EN: "The till enrols by itself as soon as head office answers, and then sells at once: nothing has to be restarted.",
		}
		v.Again, v.Command = int(max(0, time.Until(w.next)).Round(time.Second)/time.Second), ""
	default:
		if wrong == nil {
			v.Reason = agent.Text{RU: "Код регистрации ещё не введён.", EN: "No enrolment code has been given yet."}
		}
		v.Todo = agent.Text{
			RU: "Возьмите адрес и код на странице «Кассы» центрального офиса и выполните на этой машине от имени администратора:",
			EN: "Take the address and a code from head office's page Tills and run this on this machine as an administrator:",
		}
		if w.kept.URL != "" {
			v.Command = "kopilka-agent enroll " + w.kept.URL + " …"
		}
	}
	return v
}

// doctor is the doctor of the waiting page: the devices are as they were seen last, since a second look at the same time
// would find them taken.
func (w *waitingRoom) doctor(ctx context.Context) []agent.Finding {
	c, err := agent.LoadConfig(w.path)
	if c.Data == "" {
		c = w.config
	}
	x := checkupOf(w.path, c, err)
	x.Daemon = func(context.Context) (agent.View, error) { return agent.View{}, uplink.ErrNotEnrolled }
	x.Page, x.Limited = nil, false
	x.Waiting = func(context.Context) (agent.Waits, error) {
		v := w.view()
		return agent.Waits{Reason: v.Reason, Todo: v.Todo, Command: v.Command, Office: v.Office, Devices: v.Devices}, nil
	}
	return agent.Doctor(ctx, x)
}

// examine looks at the devices for as long as the till waits.
func (w *waitingRoom) examine(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := agent.LoadConfig(w.path) // which `kopilka-agent setup` may have changed meanwhile
		if err != nil {
			c = w.config
		}
		found := agent.ExamineDevices(ctx, checkupOf(w.path, c, nil))
		if ctx.Err() == nil {
			w.mu.Lock()
			w.devices = found
			w.mu.Unlock()
		}
		pause(ctx, examineEvery)
	}
}

// newProgramSoon is NewProgram for a till that was enrolled a moment ago: who did it may still have the ledger open.
func newProgramSoon(ctx context.Context, c agent.Config, log *slog.Logger) (p *Program, err error) {
	ctx, cancel := context.WithTimeout(ctx, ledgerWait)
	defer cancel()
	for {
		p, err = NewProgram(c, log)
		if !errors.Is(err, ledger.ErrLocked) || ctx.Err() != nil {
			return p, err
		}
		pause(ctx, lookEvery)
	}
}
