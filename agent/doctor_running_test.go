package agent

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
