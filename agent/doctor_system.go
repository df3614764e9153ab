package agent

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"
)

// ServiceState is what the service manager says.
type ServiceState struct {
	Running  bool
	Enabled  bool // starts with the machine
	Restarts int  // after failures
	Text     Text // of its own
}

func (e *examination) service(ctx context.Context) {
	s, err := e.Service(ctx)
	e.enabled = s.Enabled
	switch {
	case err != nil:
		e.warn("service", "kopilka-agent service status", say("Диспетчер служб не ответил: %v", "The service manager did not answer: %v", err))
	case s.Running && !s.Enabled:
		e.warn("service", "kopilka-agent service install", s.Text)
	case s.Running && s.Restarts > 0:
		e.warn("service", e.onSystem("journalctl -u kopilka-agent -p warning -n 50", "kopilka-agent service status"), s.Text)
	case !s.Running && s.Enabled:
		// Not the manager's own words: they send people here.
		e.warn("service", "kopilka-agent service start", say("Служба включена, но не работает", "The service is enabled but does not run"))
	case !s.Running:
		e.warn("service", "kopilka-agent service install", s.Text)
	default:
		e.ok("service", s.Text)
	}
}

// Versions are what is installed on this machine, and what updates are about. What is empty is not known, or none.
type Versions struct {
	Packaged string    // of the program that the package brought
	Current  string    // of the program that the service starts
	Wanted   string    // verified and waiting to be installed
	Trial    string    // installed, and not yet shown to be healthy
	Failed   string    // tried, ill, and gone back from
	Why      Text      // it failed or waits
	At       time.Time // when the updater said so
	// Trouble is the updater's own sentence where it takes no version and a person should know; Mend is the command that
	// helps, empty where there is none.
	Trouble Text
	Mend    string
	// Untrusted: the updater is here, has not complained yet, and knows nobody whose versions it may install.
	Untrusted bool
}

func (e *examination) versions() {
	e.ok("version", say("Версия программы: %s", "Version of the program: %s", e.Version))
	if e.Versions == nil {
		return
	}
	v, err := e.Versions()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return // no updater here: the package's tools bring new versions
	case err != nil:
		e.warn("version", e.updaterLog(), say("Состояние обновлений не читается: %v", "The state of updates cannot be read: %v", err))
		return
	}
	e.untrusted = v.Untrusted
	if v.Trouble.EN != "" {
		e.warn("version", cmp.Or(v.Mend, e.updaterLog()), v.Trouble)
	}
	if v.Current != "" && v.Current != e.Version {
		e.warn("version", "kopilka-agent service stop && kopilka-agent service start", say("Отвечает версия %[1]s, а установлена %[2]s: перезапустите службу", "Version %[1]s answers, version %[2]s is installed: restart the service", e.Version, v.Current))
	}
	if v.Packaged != "" {
		e.ok("version", say("Версия из пакета: %s", "Version of the package: %s", v.Packaged))
	}
	why := func(t Text) Text {
		if t.EN == "" {
			return t
		}
		return Text{RU: ": " + t.RU, EN: ": " + t.EN}
	}(v.Why)
	switch {
	case v.Failed != "":
		e.warn("version", e.updaterLog(), say("Обновление до %[1]s не удалось, касса работает на прежней версии%[2]s", "The update to %[1]s failed, the till works with the version before%[3]s", v.Failed, why.RU, why.EN))
	case v.Trial != "":
		e.ok("version", say("Версия %[1]s на испытании: если она больна, вернётся прежняя%[2]s", "Version %[1]s is on trial: if it is ill, the one before comes back%[3]s", v.Trial, why.RU, why.EN))
	case v.Wanted != "":
		e.ok("version", say("Версия %[1]s скачана и ждёт, когда касса будет свободна%[2]s", "Version %[1]s is downloaded and waits until the till is idle%[3]s", v.Wanted, why.RU, why.EN))
	}
}

// trust warns, before there is any version to refuse, of an updater that would refuse them all. A till that is not
// enrolled has nobody to believe yet.
func (e *examination) trust() {
	if !e.untrusted || !e.Config.Updates.Auto || e.waits != nil {
		return
	}
	// Who may not read the key hears it from the running till: one with a view is enrolled.
	if who, err := e.Enrolled(); e.view != nil || err == nil && who != "" {
		e.warn("version", "kopilka-agent updates trust", say("Служба обновлений не знает, кому верить: обновления сами не поставятся, пока администратор не выполнит команду",
			"The updater does not know whom to believe: updates will not install themselves until an administrator runs the command"))
	}
}

func (e *examination) updaterLog() string {
	return e.onSystem("journalctl -u kopilka-updater -n 50", "kopilka-agent doctor -json")
}

// Rights are what the service's account lacks on this machine.
type Rights struct {
	Account string   // of the service
	Missing bool     // there is no such account
	Groups  []string // that it should be in and that are not there
	Rules   bool     // the rules that give devices to these groups are in place
	Closed  []string // devices of the config that none of its groups may open
	Open    string   // the data folder, where others may read it; empty: they may not
}

// rights says nothing of a machine without the account: there the till is run by hand.
func (e *examination) rights() {
	if e.Rights == nil {
		return
	}
	r := e.Rights()
	const install = "sudo kopilka-agent service install"
	before := len(e.findings)
	if r.Missing {
		e.warn("rights", install, say("Учётной записи %s нет: служба не установлена, программу запускают от имени человека", "There is no account %s: the service is not installed, the program is run by a person", r.Account))
		return
	}
	if len(r.Groups) > 0 {
		e.bad("rights", install, say("На этой машине нет групп %s: служба не запустится или не откроет устройства", "This machine lacks the groups %s: the service will not start, or not open devices", strings.Join(r.Groups, ", ")))
	}
	if !r.Rules {
		e.warn("rights", install, say("Правил udev для касс и сканеров нет: устройства могут достаться не тем группам", "The udev rules for registers and scanners are missing: devices may go to the wrong groups"))
	}
	for _, device := range r.Closed {
		e.bad("rights", "sudo udevadm trigger "+e.quoted(device), say("Учётной записи %[1]s нельзя открыть %[2]s: переподключите устройство", "The account %[1]s may not open %[2]s: plug the device in again", r.Account, device))
	}
	if r.Open != "" {
		e.warn("rights", "sudo chmod o-rwx "+e.quoted(r.Open), say("Папку данных %s могут читать все: в ней ключ кассы", "Everybody may read the data folder %s: the till's key is in it", r.Open))
	}
	if len(e.findings) == before {
		e.ok("rights", say("Учётной записи %s доступны папка данных и устройства", "The account %s may use the data folder and the devices", r.Account))
	}
}

// LogState is how much the daemon logs.
type LogState struct {
	Level  string    `json:"level"`
	Config string    `json:"config"`         // to which it goes back
	Until  time.Time `json:"until,omitzero"` // zero: it is the config's
}

func (e *examination) logLevel(ctx context.Context) {
	if e.LogLevel == nil || e.view == nil {
		return
	}
	s, err := e.LogLevel(ctx)
	if err != nil || s.Until.IsZero() {
		return // an older daemon has no such thing
	}
	e.warn("log", "kopilka-agent log "+s.Config, say("Журнал программы ведётся на уровне %[1]s до %[3]s, потом снова %[2]s", "The program logs at level %[1]s until %[3]s, then at %[2]s again", s.Level, s.Config, s.Until.Local().Format("15:04")))
}
