package agent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Each illness of the machine alone: its sentence in both languages, and what to type.
func TestDoctorNamesWhatIsWrongWithTheMachine(t *testing.T) {
	service := func(s ServiceState) func(*Checkup) {
		s.Text = say("Служба больна", "The service is ill")
		return func(c *Checkup) { c.Service = func(context.Context) (ServiceState, error) { return s, nil } }
	}
	versions := func(v Versions, err error) func(*Checkup) {
		return func(c *Checkup) { c.Versions = func() (Versions, error) { return v, err } }
	}
	rights := func(r Rights) func(*Checkup) {
		r.Account = "kopilka"
		return func(c *Checkup) { c.Rights = func() Rights { return r } }
	}
	inodes := func(free uint64) func(*Checkup) {
		return func(c *Checkup) { c.Inodes = func(string) (uint64, uint64, error) { return free, 1_000_000, nil } }
	}
	trust := func(why Trust, after time.Duration) func(*Checkup) {
		return func(c *Checkup) {
			r := Reach{Host: "office.example", URL: "https://office.example", Step: StepTLS, Err: errors.New("x509: no"), Trust: why, Expires: c.Now().Add(after), Issuer: "Shop Proxy CA"}
			c.HeadOffice = func(context.Context) Reach { return r }
		}
	}
	lasts := func(d time.Duration) func(*Checkup) {
		return func(c *Checkup) {
			at := c.Now()
			c.HeadOffice = func(context.Context) Reach {
				return Reach{Host: "office.example", URL: "https://office.example", Step: StepAnswer, At: at, Expires: at.Add(d)}
			}
		}
	}
	disk := func(usual, worst time.Duration) func(*Checkup) {
		return func(c *Checkup) { c.Now = stepping(usual, worst) }
	}
	day := 24 * time.Hour
	for _, test := range []struct {
		name    string
		ill     func(*Checkup)
		subject string
		level   Level
		ru, en  string
		command string
	}{
		{"service not enabled", service(ServiceState{Running: true}), "service", LevelWarning, "больна", "is ill", "kopilka-agent service install"},
		{"service restarted", service(ServiceState{Running: true, Enabled: true, Restarts: 3}), "service", LevelWarning, "больна", "is ill", "journalctl -u kopilka-agent -p warning -n 50"},
		{"service absent", service(ServiceState{}), "service", LevelWarning, "больна", "is ill", "kopilka-agent service install"},
		{"service stopped", service(ServiceState{Enabled: true}), "service", LevelWarning, "не работает", "does not run", "kopilka-agent service start"},
		{"old version runs", versions(Versions{Current: "1.1.0"}, nil), "version", LevelWarning, "установлена 1.1.0", "1.1.0 is installed", "kopilka-agent service stop && kopilka-agent service start"},
		{"update waits", versions(Versions{Wanted: "1.1.0", Why: say("идёт чек", "a receipt is open")}, nil), "version", LevelOK, "скачана и ждёт, когда касса будет свободна: идёт чек", "waits until the till is idle: a receipt is open", ""},
		{"update on trial", versions(Versions{Trial: "1.1.0"}, nil), "version", LevelOK, "на испытании", "on trial", ""},
		{"update failed", versions(Versions{Failed: "1.1.0", Why: say("нет сканера", "a scanner is gone")}, nil), "version", LevelWarning, "не удалось, касса работает на прежней версии: нет сканера", "failed, the till works with the version before: a scanner is gone", "journalctl -u kopilka-updater -n 50"},
		{"update refused", versions(Versions{Trouble: say("нет места", "no room")}, nil), "version", LevelWarning, "нет места", "no room", "journalctl -u kopilka-updater -n 50"},
		{"updater untold", versions(Versions{Trouble: say("не знает, кому верить", "knows nobody"), Mend: "kopilka-agent updates trust"}, nil), "version", LevelWarning, "не знает, кому верить", "knows nobody", "kopilka-agent updates trust"},
		{"updater believes nobody", versions(Versions{Untrusted: true}, nil), "version", LevelWarning, "не знает, кому верить: обновления сами не поставятся", "does not know whom to believe: updates will not", "kopilka-agent updates trust"},
		{"update state unreadable", versions(Versions{}, errors.New("rubbish")), "version", LevelWarning, "не читается", "cannot be read: rubbish", "journalctl -u kopilka-updater -n 50"},
		{"no account", rights(Rights{Missing: true}), "rights", LevelWarning, "Учётной записи kopilka нет", "There is no account kopilka", "sudo kopilka-agent service install"},
		{"no groups", rights(Rights{Rules: true, Groups: []string{"dialout"}}), "rights", LevelError, "нет групп dialout", "lacks the groups dialout", "sudo kopilka-agent service install"},
		{"no rules", rights(Rights{}), "rights", LevelWarning, "Правил udev", "udev rules", "sudo kopilka-agent service install"},
		{"device closed", rights(Rights{Rules: true, Closed: []string{"/dev/ttyS0"}}), "rights", LevelError, "нельзя открыть /dev/ttyS0", "may not open /dev/ttyS0", "sudo udevadm trigger /dev/ttyS0"},
		{"folder open", rights(Rights{Rules: true, Open: "/var/lib/kopilka"}), "rights", LevelWarning, "могут читать все", "Everybody may read", "sudo chmod o-rwx /var/lib/kopilka"},
		{"few inodes", inodes(40_000), "disk", LevelWarning, "40000 свободных файлов", "40000 files (inodes) left of 1000000", "sudo du -x --inodes --max-depth=2 / | sort -n | tail"},
		{"no inodes", inodes(3), "disk", LevelError, "3 свободных файлов", "3 files (inodes) left", "sudo du -x --inodes --max-depth=2 / | sort -n | tail"},
		{"slow disk", disk(150*time.Millisecond, 150*time.Millisecond), "disk", LevelWarning, "Диск медленный: надёжная запись занимает обычно 150 мс, дольше всего 150 мс", "usually takes 150 ms, 150 ms at the worst", "sudo smartctl -a /dev/sda"},
		{"stalling disk", disk(5*time.Millisecond, 1500*time.Millisecond), "disk", LevelWarning, "запинается: надёжная запись занимает обычно 5 мс, но одна из 32 заняла 1500 мс", "one of 32 took 1500 ms", "sudo smartctl -a /dev/sda"},
		{"dying disk", disk(2*time.Second, 2*time.Second), "disk", LevelWarning, "обычно 2000 мс", "usually takes 2000 ms", "sudo smartctl -a /dev/sda"},
		{"certificate expired", trust(TrustExpired, -day), "head office", LevelWarning, "Срок сертификата office.example кончился", "The certificate of office.example expired on", "sudo timedatectl set-ntp true"},
		{"certificate of tomorrow", trust(TrustFuture, day), "head office", LevelWarning, "ещё не действует", "is not valid yet", "sudo timedatectl set-ntp true"},
		{"certificate of another", trust(TrustName, day), "head office", LevelWarning, "выдан не на имя office.example", "not for the name office.example", "curl -v https://office.example/"},
		{"certificate of nobody", trust(TrustUnknown, day), "head office", LevelWarning, "не знает (Shop Proxy CA)", "does not know (Shop Proxy CA)", "curl -v https://office.example/"},
		{"certificate ends", lasts(13*day + time.Hour), "head office", LevelWarning, "осталось дней: 13", "13 days are left", "curl -v https://office.example/"},
		{"certificate lasts", lasts(15 * day), "head office", LevelOK, "осталось дней: 15", "15 days are left", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := patient(t)
			test.ill(c)
			requireSaid(t, examine(t, c), Finding{test.subject, test.level, Text{RU: test.ru, EN: test.en}, test.command})
		})
	}
}

// stepping is a clock for a disk whose eighth write takes longer than the others.
func stepping(usual, worst time.Duration) func() time.Time {
	at, looks := time.Now(), 0
	return func() time.Time {
		looks++
		switch { // the first is when it begins, then there are two of every write
		case looks == 17:
			at = at.Add(worst)
		case looks%2 == 1 && looks > 1:
			at = at.Add(usual)
		}
		return at
	}
}

// requireSaid wants one finding with parts of its sentences, and its command whole.
func requireSaid(t *testing.T, findings []Finding, want Finding) {
	t.Helper()
	for _, f := range findings {
		if f.Subject == want.Subject && f.Level == want.Level && strings.Contains(f.Text.RU, want.Text.RU) && strings.Contains(f.Text.EN, want.Text.EN) && f.Command == want.Command {
			return
		}
	}
	require.Failf(t, "not found", "want %+v in %+v", want, findings)
}

// What only the register knows is told by the daemon, whose port stays its own.
func TestDoctorHearsOfTheRegistersStorageFromTheDaemon(t *testing.T) {
	now := time.Now()
	view := func(expires, oldest, clock time.Duration) View {
		r := RegisterView{Online: true, Model: "ШТРИХ-М-01Ф", FN: "9999078900000001", Unsent: 7, Clock: sale.At(wall(now).Add(clock))}
		r.Storage = &StorageView{FFD: "1.2", Expires: sale.At(wall(now).Add(expires)), Oldest: sale.At(wall(now).Add(-oldest))}
		return View{Register: r, Scanners: []DeviceView{{Name: "hand", Online: true}}}
	}
	day := 24 * time.Hour
	well := view(100*day, time.Hour, 0)
	silent := well
	silent.Register.Storage = &StorageView{}
	for _, test := range []struct {
		name    string
		view    View
		subject string
		level   Level
		ru, en  string
	}{
		{"lasts", well, "register", LevelOK, "ФФД 1.2", "FFD 1.2"},
		{"ends soon", view(20*day, time.Hour, 0), "register", LevelWarning, "закажите новый", "order a new one"},
		{"has ended", view(-day, time.Hour, 0), "register", LevelError, "замените накопитель", "have it replaced"},
		{"is not told", silent, "register", LevelWarning, "не говорит", "does not tell"},
		{"queue", view(100*day, 3*day, 0), "register", LevelWarning, "документов: 7, старший ждёт 3 дн", "7 documents wait for the operator of fiscal data, the oldest for 3 days"},
		{"queue at its end", view(100*day, 21*day, 0), "register", LevelError, "осталось дней: 9", "9 days are left"},
		{"clock", view(100*day, time.Hour, 2*time.Hour+time.Minute), "clock", LevelWarning, "расходятся на 2 ч", "differ by 2 h"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := running(t, test.view)
			c.Now = func() time.Time { return now }
			requireSaid(t, examine(t, c), Finding{test.subject, test.level, Text{RU: test.ru, EN: test.en}, ""})
		})
	}
}

func TestDoctorSaysThatTheLogIsRaised(t *testing.T) {
	c := running(t, View{})
	c.LogLevel = func(context.Context) (LogState, error) {
		return LogState{Level: "debug", Config: "info", Until: c.Now().Add(time.Hour)}, nil
	}
	requireSaid(t, examine(t, c), Finding{"log", LevelWarning, Text{RU: "на уровне debug до", EN: "logs at level debug until"}, "kopilka-agent log info"})
}

// The daemon's own page must not try to open the ledger that the daemon has open.
func TestDoctorWithinTheDaemonLeavesTheLedgerAlone(t *testing.T) {
	c := running(t, View{Network: NetworkView{Unsent: 5}})
	c.Inside = true
	before, err := os.Stat(filepath.Join(c.Ledger, "ledger.db"))
	require.NoError(t, err)
	requireSaid(t, examine(t, c), Finding{"ledger", LevelOK, Text{RU: "не передано в офис записей: 5", EN: "5 records not yet handed"}, ""})
	after, err := os.Stat(filepath.Join(c.Ledger, "ledger.db"))
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime())
}

// A till that is stuck has its devices and its ledger all the same.
func TestDoctorWithinAStuckDaemonTouchesNothing(t *testing.T) {
	c, _ := patient(t)
	c.Inside = true
	c.Register = func(context.Context) (drivers.Printer, error) {
		t.Error("the register is the daemon's")
		return nil, errNoRegister
	}
	requireSaid(t, examine(t, c), Finding{"daemon", LevelError, Text{RU: "ничего не показывает", EN: "shows nothing"}, "kopilka-agent service stop && kopilka-agent service start"})
}

func TestDoctorWithoutAnUpdaterSaysNothingOfUpdates(t *testing.T) {
	c, _ := patient(t)
	c.Versions = func() (Versions, error) { return Versions{}, fs.ErrNotExist }
	for _, f := range examine(t, c) {
		require.False(t, f.Subject == "version" && f.Level != LevelOK, "%+v", f)
	}
}

// Who is not enrolled has nobody to believe yet, and who takes no updates by himself need not.
func TestDoctorAsksForTrustOnlyWhereItIsMissed(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Checkup)
		said   bool
	}{
		"enrolled":        {func(*Checkup) {}, true},
		"not enrolled":    {func(c *Checkup) { c.Enrolled = func() (string, error) { return "", nil } }, false},
		"updates by hand": {func(c *Checkup) { c.Config.Updates.Auto = false }, false},
		"waits for head office": {func(c *Checkup) {
			c.Waiting = func(context.Context) (Waits, error) { return Waits{Reason: say("ждёт", "waits")}, nil }
		}, false},
		"no rights, till stands": {func(c *Checkup) { c.Enrolled = func() (string, error) { return "", fs.ErrPermission } }, false},
		"no rights, till runs": {func(c *Checkup) {
			c.Enrolled = func() (string, error) { return "", fs.ErrPermission }
			c.Daemon = func(context.Context) (View, error) { return View{Register: RegisterView{Online: true}}, nil }
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := patient(t)
			c.Versions = func() (Versions, error) { return Versions{Untrusted: true}, nil }
			test.change(c)
			said := slices.ContainsFunc(examine(t, c), func(f Finding) bool { return f.Command == "kopilka-agent updates trust" })
			require.Equal(t, test.said, said)
		})
	}
}

// The line asks a real driver at an emulated register for the storage's life, and the view has it.
func TestTheRunningTillKnowsItsStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 41)
		v := c.until("the storage's life", func(v View) bool { return v.Register.Storage != nil })
		require.Equal(t, "1.2", v.Register.Storage.FFD)
		require.Greater(t, time.Until(v.Register.Storage.Expires.Time()), 300*24*time.Hour)
		require.InDelta(t, 0, wall(time.Now()).Sub(v.Register.Clock.Time().UTC()).Minutes(), 1)
	})
}

// A machine that keeps UTC beside a register that keeps Moscow's time shows the same instant.
func TestDoctorComparesClocksInTheStoresZone(t *testing.T) {
	moscow, err := time.LoadLocation("Europe/Moscow")
	require.NoError(t, err)
	now := time.Now().UTC()
	at := func(register time.Time, zone string) []Finding {
		c := running(t, View{Zone: zone, Register: RegisterView{Online: true, FN: "1", Clock: sale.At(register)}})
		c.Now = func() time.Time { return now }
		return examine(t, c)
	}
	for _, f := range at(wall(now.In(moscow)), "Europe/Moscow") {
		require.NotContains(t, f.Text.EN, "The register's clock")
	}
	requireFinding(t, at(wall(now.In(moscow)).Add(-time.Second), "Europe/Paris"), "clock", LevelWarning, "differ by ")
	requireFinding(t, at(wall(now.In(moscow)).Add(-time.Second), ""), "clock", LevelWarning, "differ by 3 h (")
	requireFinding(t, at(wall(now.In(moscow)).Add(90*time.Minute), "Europe/Moscow"), "clock", LevelWarning, "differ by 1 h 30 min")
}

func TestDoctorNamesHeadOfficesPortAndTellsConfigProblemsInTheirLanguage(t *testing.T) {
	c, _ := patient(t)
	_, c.ConfigErr = ParseConfig([]byte("languaje: ru\n"))
	c.HeadOffice = func(context.Context) Reach {
		return Reach{Host: "office.example", Port: "8443", URL: "http://office.example:8443", Step: StepConnect, Err: errors.New("refused")}
	}
	requireSaid(t, examine(t, c), Finding{Subject: "config", Level: LevelError, Command: "kopilka-agent check-config", Text: say("languaje: такой настройки нет", "languaje: there is no such setting")})
	requireSaid(t, examine(t, c), Finding{Subject: "head office", Level: LevelWarning, Command: "curl -v http://office.example:8443/", Text: say("С office.example:8443 нет", "to office.example:8443")})
}

// Who may not look is told so once, not that what he cannot see is broken.
func TestDoctorWithoutRightsJudgesNothingThatItCannotSee(t *testing.T) {
	c, _ := patient(t)
	c.Limited = true
	c.Enrolled = func() (string, error) { return "", fs.ErrPermission }
	c.Foreign = func(string) ([]string, error) { return nil, fs.ErrPermission }
	c.HeadOffice = func(context.Context) Reach { return Reach{Step: StepAddress, Err: fs.ErrPermission} }
	found := examine(t, c)
	seen := slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return f.Subject == "daemon" }) // whose page needs no rights
	require.Equal(t, LevelWarning, Worst(seen))
	requireSaid(t, found, Finding{Subject: "rights", Level: LevelWarning, Command: "sudo kopilka-agent doctor", Text: say("без прав администратора", "for want of rights")})
	for _, f := range found {
		require.NotContains(t, f.Text.EN, "key cannot be read")
		require.NotContains(t, f.Text.EN, "address of head office")
	}
}
