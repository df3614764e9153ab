package agent

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
)

// grave are the conditions under which a register sells nothing, or soon will not.
const grave = drivers.Fault | drivers.NotFiscal | drivers.CoverOpen | drivers.PaperOut | drivers.OFDOverdue | drivers.ShiftOver24h | drivers.ClockUnset

func (e *examination) register(ctx context.Context) {
	if e.Config.Register.None() {
		e.ok("register", say("Кассы нет: фискальные чеки делает другая программа", "There is no register: another program makes the fiscal receipts"))
		return
	}
	if e.view != nil {
		e.registerSeen(e.view.Register)
		return
	}
	if e.Register == nil {
		return // the config names none that could be dialled: said already
	}
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	p, err := e.Register(ctx)
	if err != nil {
		e.deviceGone("register", e.Config.Register.Port, err)
		e.unanswered(err)
		return
	}
	defer closeQuietly(p)
	state := registerState{online: true}
	state.identity, err = p.Identify(ctx)
	if err == nil {
		state.status, err = p.Status(ctx)
	}
	if err == nil {
		state.snapshot, err = p.Snapshot(ctx)
	}
	if err != nil {
		e.deviceGone("register", e.Config.Register.Port, err)
		e.unanswered(err)
		return
	}
	e.registerIs(state)
	e.registerLine()
	e.storage(ctx, p, state)
	e.preflight(ctx, p)
}

// registerSeen is what the daemon says of its register.
func (e *examination) registerSeen(v RegisterView) {
	switch {
	case !v.Online && v.Text != nil:
		e.bad("register", "", *v.Text)
		e.unanswered(nil)
	case !v.Online:
		e.bad("register", "", errNoRegister.Hint)
		e.unanswered(nil)
	case len(v.Conditions) > 0 && v.Text != nil:
		e.warn("register", "", *v.Text)
	default:
		e.ok("register", say("Касса %[1]s на связи, накопитель %[2]s, в ОФД не передано: %[3]d", "Register %[1]s answers, fiscal storage %[2]s, %[3]d not yet sent to the operator", v.Model, v.FN, v.Unsent))
	}
	if !v.Online || v.Plain {
		return
	}
	if v.Clock != 0 {
		e.wallClock(v.Clock.Time().UTC())
	}
	if s := v.Storage; s != nil {
		if s.Oldest != 0 {
			e.unsent(v.Unsent, s.Oldest.Time().UTC())
		}
		life := drivers.Storage{FN: v.FN, FFD: s.FFD}
		if s.Expires != 0 {
			life.Expires = s.Expires.Time().UTC()
		}
		e.storageLife(life)
	}
}

// registerIs goes through the state of a register that answered.
func (e *examination) registerIs(s registerState) {
	e.ok("register", say("Касса %[1]s № %[2]s отвечает, накопитель %[3]s, последний документ %[4]d", "Register %[1]s no. %[2]s answers, fiscal storage %[3]s, last document %[4]d",
		s.identity.Model, s.identity.Serial, s.snapshot.FN, s.snapshot.LastFD))
	conditions := s.status.Conditions
	if conditions&drivers.CoverOpen != 0 {
		conditions &^= drivers.PaperOut // under an open cover no register sees its paper
	}
	for bit := drivers.Condition(1); bit != 0; bit <<= 1 {
		text := registerText(registerState{online: true, status: drivers.Status{Conditions: conditions & bit}})
		switch {
		case text == nil:
		case grave&bit != 0:
			e.bad("register", "", *text)
		default:
			e.warn("register", "", *text)
		}
	}
	if s.snapshot.Shift == drivers.ShiftExpired && !s.status.Has(drivers.ShiftOver24h) {
		e.bad("register", "", say("Смене больше 24 часов: закройте её", "The shift is older than 24 hours: close it"))
	}
	if s.identity.FN != "" && s.identity.FN != s.snapshot.FN {
		e.bad("register", "", say("Касса называет два разных накопителя (%[1]s и %[2]s): позовите поддержку", "The register names two fiscal storages (%[1]s and %[2]s): call support", s.identity.FN, s.snapshot.FN))
	}
	e.operator(s.status)
	e.wallClock(s.snapshot.Clock)
}

// operator is about documents that wait for the operator of fiscal data.
func (e *examination) operator(s drivers.Status) { e.unsent(s.Unsent, s.Oldest) }

func (e *examination) unsent(count int, oldest time.Time) {
	if count == 0 || oldest.IsZero() {
		return
	}
	waits := e.wallHere().Sub(oldest)
	if waits <= ofdWarning {
		return
	}
	d, left := duration(waits), max(0, int((ofdLimit-waits+24*time.Hour-1)/(24*time.Hour))) // the day that has begun counts
	text := say("В ОФД не передано документов: %[1]d, старший ждёт %[2]s. Проверьте связь кассы: через 30 дней она перестанет продавать, осталось дней: %[4]d",
		"%[1]d documents wait for the operator of fiscal data, the oldest for %[3]s. Check the register's network: at 30 days it stops selling, %[4]d days are left", count, d.RU, d.EN, left)
	if waits > ofdError {
		e.bad("register", "", text)
		return
	}
	e.warn("register", "", text)
}

// wallClock compares wall clocks, since a register knows no time zones.
func (e *examination) wallClock(register time.Time) {
	if register.IsZero() {
		return
	}
	here := e.wallHere()
	if off := here.Sub(register).Abs(); off > wallWarning {
		d := apart(off)
		e.warn("clock", "", say("Часы кассы и этой машины расходятся на %[1]s (%[3]s и %[4]s): сверьте время и часовой пояс",
			"The register's clock and this machine's differ by %[2]s (%[3]s and %[4]s): compare time and time zone", d.RU, d.EN, register.Format("15:04"), here.Format("15:04")))
	}
}

// wallHere is what a clock on the store's wall shows: a till's machine may keep the time of another zone.
func (e *examination) wallHere() time.Time {
	if e.zone == nil {
		return wall(e.Now())
	}
	return wall(e.Now().In(e.zone))
}

// inZone takes a store's zone; of one that is not known the machine's own stands in.
func (e *examination) inZone(name string) {
	if zone, err := time.LoadLocation(name); err == nil && name != "" {
		e.zone = zone
	}
}

// apart is how far two clocks differ, to the minute: a whole hour or three is a zone, and must be seen as such.
func apart(d time.Duration) Text {
	d = d.Round(time.Minute)
	hours, minutes := int(d/time.Hour), int(d%time.Hour/time.Minute)
	if hours == 0 || d >= 48*time.Hour || minutes == 0 {
		return duration(d)
	}
	return say("%d ч %d мин", "%d h %d min", hours, minutes)
}

// wall is what a clock on the wall shows, read as UTC, as registers do.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

func (e *examination) scanners(ctx context.Context) {
	if e.view != nil {
		for _, s := range e.view.Scanners {
			e.scannerSeen(s)
		}
		return
	}
	for _, s := range e.Scanners {
		e.scanner(ctx, s)
	}
}

func (e *examination) scannerSeen(s DeviceView) {
	switch {
	case s.Online:
		e.ok("scanner "+s.Name, say("Сканер %s на связи", "Scanner %s is there", s.Name))
	case s.Text != nil:
		e.bad("scanner "+s.Name, "", *s.Text)
	default:
		e.bad("scanner "+s.Name, "", say("Сканер %s не найден: проверьте кабель", "Scanner %s is not found: check its cable", s.Name))
	}
}

func (e *examination) scanner(ctx context.Context, s ScannerProbe) {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	if err := s.Open(ctx); err != nil {
		e.deviceGone("scanner "+s.Name, s.Port, err)
		return
	}
	// Programs that keep to no lock can have the port open beside us, and take half of the codes.
	if others := e.Holders(s.Port); s.Port != "" && len(others) > 0 {
		e.bad("scanner "+s.Name, "", say("Порт %[1]s открыт и другой программой (%[2]s): закройте её", "Port %[1]s is open in another program too (%[2]s): close it", s.Port, strings.Join(others, ", ")))
		return
	}
	e.ok("scanner "+s.Name, say("Порт сканера %s открывается", "The port of scanner %s can be opened", s.Name))
}

// deviceGone says why a device could not be reached, as nearly as can be told.
func (e *examination) deviceGone(subject, address string, err error) {
	holders := e.Holders(address)
	switch hint := drivers.HintOf(err); {
	case errors.Is(err, e.Taken) || len(holders) > 0:
		e.bad(subject, "", say("Порт %[1]s занят другой программой%[2]s: закройте её", "Port %[1]s is used by another program%[2]s: close it", address, inBrackets(holders)))
	case errors.Is(err, fs.ErrNotExist):
		e.bad(subject, "", say("Порта %[1]s нет: проверьте кабель и порт в настройках. Есть порты: %[2]s", "There is no port %[1]s: check the cable and the port in the config. Ports here: %[3]s",
			address, orNone(e.Ports(), "ни одного"), orNone(e.Ports(), "none")))
	case errors.Is(err, fs.ErrPermission):
		e.bad(subject, "sudo kopilka-agent doctor", say("Нет прав на порт %s: запустите от имени администратора", "No right to open port %s: run as an administrator", address))
	case hint.EN != "":
		e.bad(subject, "", hint)
	default:
		e.bad(subject, "", say("Устройство на %[1]s не отвечает (%[2]v): проверьте питание, кабель и порт в настройках", "The device at %[1]s does not answer (%[2]v): check power, cable and the port in the config", address, err))
	}
}

func inBrackets(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func orNone(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}
