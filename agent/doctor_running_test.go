package agent

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/display"
	screens "github.com/kopilka/kopilka/drivers/emulator/display"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// running is a patient whose daemon shows a view and was started with the settings of the file.
func running(t *testing.T, view View) *Checkup {
	t.Helper()
	c, _ := patient(t)
	view.Now, view.Config = sale.At(time.Now()), c.Config.Digest()
	c.Daemon = func(context.Context) (View, error) { return view, nil }
	return c
}

// The daemon holds what the file named when it started: that says nothing of what the file names now.
func TestDoctorHoldsTheRunningTillAgainstTheFile(t *testing.T) {
	sound := View{Register: RegisterView{Online: true, Model: "ШТРИХ-М-01Ф"}, Scanners: []DeviceView{{Name: "hand", Online: true}}}
	for name, change := range map[string]func(*Config){
		"as started":       func(*Config) {},
		"another register": func(c *Config) { c.Register.Type = "atol" },
		"another port":     func(c *Config) { c.Register.Port = "serial:///dev/ttyS0" },
		"a setting":        func(c *Config) { c.Register.Settings = map[string]string{"password": "1"} },
		"one scanner more": func(c *Config) { c.Scanners = append(c.Scanners, DeviceConfig{Name: "table"}) },
		"a display":        func(c *Config) { c.Display.Port = "serial:///dev/ttyS1" },
		"another till":     func(c *Config) { c.Data = t.TempDir() },
	} {
		t.Run(name, func(t *testing.T) {
			c := running(t, sound)
			change(&c.Config)
			findings := examine(t, c)
			if name == "as started" {
				requireFinding(t, findings, "register", LevelOK, "answers")
				requireFinding(t, findings, "scanner hand", LevelOK, "is there")
				return
			}
			requireFinding(t, findings, "daemon", LevelError, "other settings than this file, /etc/kopilka/config.yaml: restart it")
			for _, f := range findings {
				require.NotContains(t, []string{"register", "scanner hand"}, f.Subject, "not the file's: %+v", f)
			}
		})
	}
}

func TestDigestIsShortAndSteady(t *testing.T) {
	c := DefaultConfig()
	require.Len(t, c.Digest(), 2*digestBytes)
	require.Equal(t, DefaultConfig().Digest(), c.Digest())
}

func TestDoctorAsksForPrinterAndDisplay(t *testing.T) {
	paper, gone := say("В принтере кончается бумага", "The printer's paper is running out"), say("Дисплей не отвечает", "The display does not answer")
	register := RegisterView{Online: true}
	for _, test := range []struct {
		name    string
		view    View
		subject string
		level   Level
		words   string
	}{
		{"printer", View{Printer: &DeviceView{Online: true}}, "printer", LevelOK, "is there"},
		{"printer's paper", View{Printer: &DeviceView{Online: true, Text: &paper}}, "printer", LevelWarning, "running out"},
		{"printer gone", View{Printer: &DeviceView{Text: &errNoPrinter.Hint}}, "printer", LevelError, "does not answer"},
		{"display", View{Display: &DeviceView{Online: true}}, "display", LevelOK, "without errors"},
		{"display not yet", View{Display: &DeviceView{}}, "display", LevelWarning, "still connecting"},
		{"display gone", View{Display: &DeviceView{Text: &gone}}, "display", LevelError, "does not answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.view.Register = register
			requireFinding(t, examine(t, running(t, test.view)), test.subject, test.level, test.words)
		})
	}
}

func TestDoctorWritesOnTheDisplay(t *testing.T) {
	screen := screens.New(screens.Options{})
	var served sync.WaitGroup
	t.Cleanup(served.Wait)
	c, _ := patient(t)
	c.Config.Display.Port = "serial:///dev/ttyS1"
	c.Display = func(context.Context) (drivers.Display, error) {
		return display.New("display", func(ctx context.Context) (port.Conn, error) {
			host, end := net.Pipe()
			served.Go(func() { _ = screen.Serve(context.WithoutCancel(ctx), end) }) // ends with the cable
			return host, nil
		}, nil)
	}
	requireFinding(t, examine(t, c), "display", LevelOK, "KOPILKA was written")
	c.Display = func(context.Context) (drivers.Display, error) { return nil, errTestTaken }
	requireFinding(t, examine(t, c), "display", LevelError, "used by another program")
}

// Power and cable are only the first guess when nobody answers, or nobody intelligibly.
func TestDoctorSaysWhatElseAMuteRegisterMayBe(t *testing.T) {
	for fail, told := range map[drivers.Fail]bool{drivers.FailLink: true, drivers.FailProtocol: true, drivers.FailPassword: false} {
		c, _ := patient(t)
		c.Register = func(context.Context) (drivers.Printer, error) {
			return nil, &drivers.Error{Op: "identify", Device: "front", Fail: fail, Hint: errNoRegister.Hint}
		}
		findings := examine(t, c)
		requireFinding(t, findings, "register", LevelError, "check its power and cable")
		if told {
			requireFinding(t, findings, "register", LevelWarning, "type shtrih-m, address tcp://192.0.2.7:7778, the port's speed")
			continue
		}
		for _, f := range findings {
			require.NotContains(t, f.Command, "devices -probe", "the register has answered")
		}
	}
	findings := examine(t, running(t, View{}))
	require.Contains(t, commandsOf(findings, "register"), "kopilka-agent service stop && kopilka-agent devices -probe")
}

func commandsOf(findings []Finding, subject string) (all []string) {
	for _, f := range findings {
		if f.Subject == subject {
			all = append(all, f.Command)
		}
	}
	return all
}

// untold is a register that does not tell when its storage expires.
type untold struct{ drivers.Printer }

func (u untold) Storage(context.Context) (drivers.Storage, error) {
	return drivers.Storage{FN: "9999078900000001"}, nil
}

func TestDoctorSaysThatTheStoragesLifeIsNotTold(t *testing.T) {
	c, _ := patient(t)
	open := c.Register
	c.Register = func(ctx context.Context) (drivers.Printer, error) {
		p, err := open(ctx)
		return untold{p}, err
	}
	requireFinding(t, examine(t, c), "register", LevelWarning, "does not tell when fiscal storage 9999078900000001 expires")
}

func TestDoctorSaysOfAnOpenCoverOnlyThat(t *testing.T) {
	c, r := patient(t)
	r.SetPaper(false)
	r.SetCover(true)
	findings := examine(t, c)
	requireFinding(t, findings, "register", LevelError, "cover is open")
	for _, f := range findings {
		require.NotContains(t, f.Text.EN, "Out of paper")
	}
}
