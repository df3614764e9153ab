package agent

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

var errTestTaken = errors.New("taken")

// patient is a till in good health: a real ledger on the disk, the real driver at an emulated register.
// A test makes it ill in one way.
func patient(t *testing.T) (*Checkup, *emulator.Register) {
	t.Helper()
	reg, err := emulator.New(emulator.Options{INN: "7707083893", OFDDelay: time.Second})
	require.NoError(t, err)
	var served sync.WaitGroup
	t.Cleanup(func() {
		require.NoError(t, reg.Close())
		served.Wait()
	})
	dial := func(ctx context.Context) (port.Conn, error) {
		host, device := net.Pipe()
		served.Go(func() { _ = reg.Serve(context.WithoutCancel(ctx), device) }) // ends with the cable
		return host, nil
	}
	data := t.TempDir()
	folder := filepath.Join(data, "ledger")
	makeLedger(t, folder)
	config := DefaultConfig()
	config.Data = data
	config.Register.Port = "tcp://192.0.2.7:7778"
	now := time.Now() // stands still, or the disk's speed would depend on what else the machine does
	return &Checkup{
		Now: func() time.Time { return now }, Version: "1.0.0", ConfigPath: "/etc/kopilka/config.yaml", Config: config, Ledger: folder,
		Service: func(context.Context) (ServiceState, error) {
			return ServiceState{Running: true, Enabled: true, Text: say("Служба работает", "The service runs")}, nil
		},
		Versions: func() (Versions, error) { return Versions{Packaged: "1.0.0", Current: "1.0.0"}, nil },
		Rights:   func() Rights { return Rights{Account: "kopilka", Rules: true} },
		LogLevel: func(context.Context) (LogState, error) { return LogState{Level: "info", Config: "info"}, nil },
		Inodes:   func(string) (uint64, uint64, error) { return 900_000, 1_000_000, nil },
		Daemon:   func(context.Context) (View, error) { return View{}, errors.New("nobody listens") },
		Free:     func(string) (uint64, error) { return 40 << 30, nil },
		Foreign:  func(string) ([]string, error) { return nil, nil },
		Register: func(context.Context) (drivers.Printer, error) {
			return shtrih.New("front", dial, map[string]string{"protocol": "2"})
		},
		Scanners: []ScannerProbe{{Name: "hand", Port: "/dev/ttyACM0", Open: func(context.Context) error { return nil }}},
		Ports:    func() []string { return []string{"/dev/ttyUSB0"} },
		Holders:  func(string) []string { return nil },
		Taken:    errTestTaken,
		Enrolled: func() (string, error) { return "1/7", nil },
		HeadOffice: func(context.Context) Reach {
			return Reach{Host: "office.example", Step: StepAnswer, At: now, Took: 20 * time.Millisecond, Expires: now.Add(60 * 24 * time.Hour)}
		},
	}, reg
}

// makeLedger enrols a till now; the ledger remembers when that was.
func makeLedger(t *testing.T, folder string) {
	t.Helper()
	clock := NewClock(time.Now)
	clock.Trust(sale.At(time.Now())) // only a vouched clock leaves a mark
	l, err := ledger.Open(folder, ledger.Options{Clock: clock.Now, Random: rand.NewChaCha8([32]byte{1})})
	require.NoError(t, err)
	require.NoError(t, l.Enrol(testWho))
	require.NoError(t, l.Close())
}

// examine also makes sure that every sentence is whole in both languages.
func examine(t *testing.T, c *Checkup) []Finding {
	t.Helper()
	findings := Doctor(t.Context(), *c)
	require.NotEmpty(t, findings)
	for _, f := range findings {
		require.NotEmpty(t, f.Subject)
		require.NotEmpty(t, f.Text.EN, "%+v", f)
		require.NotEqual(t, f.Text.RU, f.Text.EN)
		require.NotContains(t, f.Text.RU+f.Text.EN, "%!", "a sentence with a hole")
	}
	return findings
}

func requireFinding(t *testing.T, findings []Finding, subject string, level Level, words string) {
	t.Helper()
	for _, f := range findings {
		if f.Subject == subject && f.Level == level && strings.Contains(f.Text.EN, words) {
			return
		}
	}
	require.Failf(t, "not found", "want %s: %s %q in %+v", subject, level, words, findings)
}

func TestDoctorFindsNothingWrongWithAHealthyTill(t *testing.T) {
	c, _ := patient(t)
	for _, f := range examine(t, c) {
		if f.Subject != "daemon" { // is stopped here, and said to be
			require.Equal(t, LevelOK, f.Level, "%+v", f)
		}
	}
}

// A till that does not sell is no warning, on which a script that watches over the shop would sleep: its service is
// enabled, so that it should answer. Where none is, the program is run by hand or not yet.
func TestATillThatShouldAnswerAndDoesNot(t *testing.T) {
	for enabled, level := range map[bool]Level{true: LevelError, false: LevelWarning} {
		for _, limited := range []bool{true, false} {
			c, _ := patient(t)
			c.Service = func(context.Context) (ServiceState, error) {
				return ServiceState{Enabled: enabled, Text: say("не работает", "does not run")}, nil
			}
			c.Limited = limited
			requireFinding(t, examine(t, c), "daemon", level, "does not answer")
		}
	}
}

// A command is copied into a console as it stands.
func TestDoctorsCommandsHoldPathsTogether(t *testing.T) {
	c, _ := patient(t)
	c.Config.Data = filepath.Join(t.TempDir(), "Касса магазина 1; rm 'x'")
	require.NoError(t, os.Mkdir(c.Config.Data, 0o700))
	c.Foreign = func(string) ([]string, error) { return []string{"x"}, nil }
	found := examine(t, c)
	at := slices.IndexFunc(found, func(f Finding) bool { return strings.HasPrefix(f.Command, "chown") })
	require.GreaterOrEqual(t, at, 0)
	quoted := "'" + strings.ReplaceAll(c.Config.Data, "'", `'\''`) + "'"
	require.Equal(t, "chown -R --reference="+quoted+" "+quoted, found[at].Command)
}

// Each illness alone, and the words that a person on the telephone needs.
func TestDoctorNamesWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name    string
		ill     func(t *testing.T, c *Checkup, r *emulator.Register)
		subject string
		level   Level
		words   string
	}{
		{"service down", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Service = func(context.Context) (ServiceState, error) {
				return ServiceState{Enabled: true, Text: say("Служба не работает", "The service does not run")}, nil
			}
		}, "service", LevelWarning, "does not run"},
		{"no config", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.ConfigErr = &fs.PathError{Op: "open", Err: fs.ErrNotExist}
		}, "config", LevelError, "There is no config file"},
		{"bad config", func(t *testing.T, c *Checkup, _ *emulator.Register) {
			_, c.ConfigErr = ParseConfig([]byte("registr: {}\nlanguage: de\n"))
			require.Error(t, c.ConfigErr)
		}, "config", LevelError, "registr: there is no such setting"},
		{"bad config, second problem", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			_, c.ConfigErr = ParseConfig([]byte("registr: {}\nlanguage: de\n"))
		}, "config", LevelError, "language: want ru or en"},
		{"no folder", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Config.Data = filepath.Join(c.Config.Data, "gone")
			c.Free = func(string) (uint64, error) { return 0, fs.ErrNotExist }
		}, "folder", LevelError, "There is no data folder"},
		{"files of root", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Foreign = func(string) ([]string, error) { return []string{"/var/lib/kopilka/identity.json"}, nil }
		}, "folder", LevelError, "identity.json"},
		{"disk full", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Free = func(string) (uint64, error) { return 12 << 20, nil }
		}, "disk", LevelError, "12 MB left"},
		{"disk filling", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Free = func(string) (uint64, error) { return 500 << 20, nil }
		}, "disk", LevelWarning, "500 MB left"},
		{"no ledger", func(t *testing.T, c *Checkup, _ *emulator.Register) { c.Ledger = t.TempDir() }, "ledger", LevelError, "no ledger yet"},
		{"ledger held by a dead daemon", func(t *testing.T, c *Checkup, _ *emulator.Register) {
			l, err := ledger.Open(c.Ledger, ledger.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, l.Close()) })
		}, "ledger", LevelError, "Another program has the ledger"},
		{"ledger damaged", func(t *testing.T, c *Checkup, _ *emulator.Register) { spoil(t, c.Ledger) }, "ledger", LevelError, "The ledger is damaged"},
		{"clock behind the ledger", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Now = func() time.Time { return time.Now().Add(-time.Hour) }
			c.HeadOffice = func(context.Context) Reach { return Reach{Host: "office.example"} }
		}, "clock", LevelError, "clock is behind"},
		{"clock and head office", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.HeadOffice = func(context.Context) Reach {
				return Reach{Host: "office.example", At: c.Now().Add(10*time.Minute + time.Second)}
			}
		}, "clock", LevelWarning, "differs from head office's by 10 min"},
		{"clock hours off", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.HeadOffice = func(context.Context) Reach {
				return Reach{Host: "office.example", At: c.Now().Add(3*time.Hour + time.Minute)}
			}
		}, "clock", LevelError, "differs from head office's by 3 h"},
		{"register's clock", func(_ *testing.T, _ *Checkup, r *emulator.Register) { r.JumpClock(2*time.Hour + time.Minute) }, "clock", LevelWarning, "The register's clock"},
		{"register off", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Register = func(context.Context) (drivers.Printer, error) { return nil, errNoRegister }
		}, "register", LevelError, "check its power and cable"},
		{"register without paper", func(_ *testing.T, _ *Checkup, r *emulator.Register) { r.SetPaper(false) }, "register", LevelError, "Out of paper"},
		{"register's cover", func(_ *testing.T, _ *Checkup, r *emulator.Register) { r.SetCover(true) }, "register", LevelError, "cover is open"},
		{"scanner's port gone", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Scanners[0].Open = func(context.Context) error { return &fs.PathError{Op: "open", Err: fs.ErrNotExist} }
		}, "scanner hand", LevelError, "Ports here: /dev/ttyUSB0"},
		{"scanner's port taken", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Scanners[0].Open = func(context.Context) error { return errTestTaken }
		}, "scanner hand", LevelError, "used by another program"},
		{"scanner shared", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Holders = func(string) []string { return []string{"ModemManager, 412"} }
		}, "scanner hand", LevelError, "open in another program too (ModemManager, 412)"},
		{"scanner forbidden", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Scanners[0].Open = func(context.Context) error { return &fs.PathError{Op: "open", Err: fs.ErrPermission} }
		}, "scanner hand", LevelError, "No right to open port"},
		{"not enrolled", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Enrolled = func() (string, error) { return "", nil }
		}, "head office", LevelError, "get a code from head office"},
		{"key unreadable", func(_ *testing.T, c *Checkup, _ *emulator.Register) {
			c.Enrolled = func() (string, error) { return "", errors.New("rubbish in it") }
		}, "head office", LevelError, "rubbish in it"},
		{"no address", unreachable(StepAddress), "head office", LevelWarning, "set head_office.url"},
		{"no name", unreachable(StepName), "head office", LevelWarning, "check the internet connection and DNS"},
		{"no connection", unreachable(StepConnect), "head office", LevelWarning, "firewall"},
		{"no trust", unreachable(StepTLS), "head office", LevelWarning, "check this machine's date"},
		{"no answer", unreachable(StepAnswer), "head office", LevelWarning, "check the address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, r := patient(t)
			test.ill(t, c, r)
			findings := examine(t, c)
			requireFinding(t, findings, test.subject, test.level, test.words)
			if test.level == LevelError {
				require.Equal(t, LevelError, Worst(findings))
			}
		})
	}
}

func unreachable(step Step) func(*testing.T, *Checkup, *emulator.Register) {
	return func(_ *testing.T, c *Checkup, _ *emulator.Register) {
		c.HeadOffice = func(context.Context) Reach { return Reach{Host: "office.example", Step: step, Err: errors.New("cut")} }
	}
}

// spoil puts rubbish where a record should be.
func spoil(t *testing.T, folder string) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(folder, ledger.FileName), 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("journal")).Put([]byte("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("rubbish"))
	}))
	require.NoError(t, db.Close())
}

func TestDoctorMeasuresTheDisk(t *testing.T) {
	c, _ := patient(t)
	at := time.Now()
	c.Now = func() time.Time { // every look at the clock takes a slow disk's write
		at = at.Add(150 * time.Millisecond)
		return at
	}
	requireFinding(t, examine(t, c), "disk", LevelWarning, "The disk is slow")
	left, err := filepath.Glob(filepath.Join(c.Config.Data, "doctor-*"))
	require.NoError(t, err)
	require.Empty(t, left, "the trial file is removed")
}

func TestDoctorMakesNoLedger(t *testing.T) {
	c, _ := patient(t)
	c.Ledger = filepath.Join(t.TempDir(), "ledger")
	examine(t, c)
	require.NoDirExists(t, c.Ledger, "one made by root would be closed to the service")
}

func TestDoctorChangesNothingInTheLedger(t *testing.T) {
	c, _ := patient(t)
	file := filepath.Join(c.Ledger, ledger.FileName)
	at := func() (head sale.Position, high sale.Time) {
		l, err := ledger.Open(c.Ledger, ledger.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Close()) }()
		return l.Head(), l.HighWater()
	}
	head, high := at()
	examine(t, c)
	headAfter, highAfter := at()
	require.Equal(t, head, headAfter)
	require.Equal(t, high, highAfter)
	require.FileExists(t, file)
}

// While the daemon runs, ledger and devices are its own: the doctor asks and touches neither.
func TestDoctorAsksTheDaemon(t *testing.T) {
	c, _ := patient(t)
	l, err := ledger.Open(c.Ledger, ledger.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	unplugged := say("Сканер не отвечает", "The scanner does not answer")
	coverOpen := say("Крышка кассы открыта: закройте её", "The register's cover is open: close it")
	view := View{
		Now: sale.At(time.Now()), Config: c.Config.Digest(),
		Register: RegisterView{Online: true, Model: "ШТРИХ-М-01Ф", Conditions: []string{"cover-open"}, Text: &coverOpen},
		Scanners: []DeviceView{{Name: "hand", Text: &unplugged}, {Name: "table", Online: true}},
		Notices:  []Notice{{Level: "error", Text: say("Позовите старшего", "Call your manager")}, {Level: "info", Text: say("а", "b")}},
		Unknown:  &UnknownView{Text: say("Чек под вопросом", "A receipt is in doubt")},
	}
	c.Daemon = func(context.Context) (View, error) { return view, nil }
	c.Register = func(context.Context) (drivers.Printer, error) {
		t.Error("the register is the daemon's")
		return nil, errNoRegister
	}
	c.Scanners[0].Open = func(context.Context) error {
		t.Error("the scanner is the daemon's")
		return nil
	}
	findings := examine(t, c)
	requireFinding(t, findings, "ledger", LevelOK, "has the ledger open")
	requireFinding(t, findings, "register", LevelWarning, "cover is open")
	requireFinding(t, findings, "scanner hand", LevelError, "does not answer")
	requireFinding(t, findings, "scanner table", LevelOK, "is there")
	requireFinding(t, findings, "daemon", LevelError, "Call your manager")
	requireFinding(t, findings, "daemon", LevelError, "A receipt is in doubt")

	view = View{Now: sale.At(time.Now().Add(-time.Hour)), Config: c.Config.Digest()}
	findings = examine(t, c)
	requireFinding(t, findings, "clock", LevelWarning, "ahead of trusted time")
	requireFinding(t, findings, "register", LevelError, "check its power and cable")
}

func TestDoctorIsToldByWhoMayNotRead(t *testing.T) {
	if os.Geteuid() == 0 {
		c, _ := patient(t)
		c.Foreign = func(string) ([]string, error) { return nil, fs.ErrPermission } // root may read everything
		requireFinding(t, examine(t, c), "folder", LevelError, "run as an administrator")
		return
	}
	c, _ := patient(t)
	require.NoError(t, os.Chmod(c.Config.Data, 0))
	t.Cleanup(func() { require.NoError(t, os.Chmod(c.Config.Data, 0o700)) })
	require.Equal(t, LevelError, Worst(examine(t, c)))
}

func TestWorst(t *testing.T) {
	require.Equal(t, LevelOK, Worst(nil))
	require.Equal(t, LevelWarning, Worst([]Finding{{Level: LevelOK}, {Level: LevelWarning}, {Level: LevelOK}}))
	require.Equal(t, LevelError, Worst([]Finding{{Level: LevelError}, {Level: LevelWarning}}))
}
