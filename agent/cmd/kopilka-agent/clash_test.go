package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
)

func TestTwoDevicesOnOnePortAreRefused(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "ttyS0"), filepath.Join(dir, "by-id")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Symlink(file, link))
	for name, c := range map[string]struct {
		register, scanner string
		clash             bool
	}{
		"another speed": {"serial:///dev/ttyS0?baud=115200", "serial:///dev/ttyS0?baud=9600", true},
		"a link":        {"serial://" + file, "serial://" + link, true},
		"sockets":       {"tcp://localhost:7778", "tcp://127.0.0.1:7778", true},
		"COM":           {"serial://COM3", "serial://com3", true},
		"USB":           {"usb-serial://0C2E:0B6A", "usb-serial://0c2e:0b6a?baud=9600", true},
		"two ports":     {"serial:///dev/ttyS0", "serial:///dev/ttyS1", false},
		"two sockets":   {"tcp://127.0.0.1:7778", "tcp://127.0.0.1:7779", false},
	} {
		t.Run(name, func(t *testing.T) {
			config := agent.DefaultConfig()
			config.Register.Port = c.register
			config.Scanners = []agent.DeviceConfig{{Name: "hand", Type: "serial-scanner", Port: c.scanner}}
			_, err := (&Program{config: config}).devices()
			if !c.clash {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, `scanners[0].port: "hand" and "register" (register.port) are on one port`)
		})
	}
}

func TestEveryDeviceOnOnePortIsNamed(t *testing.T) {
	config := agent.DefaultConfig()
	config.Register.Port = "serial:///dev/ttyS0"
	config.Scanners = []agent.DeviceConfig{{Name: "hand", Type: "serial-scanner", Port: "serial:///dev/ttyS0?baud=9600"}}
	config.Display = agent.DeviceConfig{Name: "pole", Type: "line-display", Port: "serial:///dev/ttyS0?baud=9600"}
	_, err := (&Program{config: config}).devices()
	require.ErrorContains(t, err, "scanners[0].port")
	require.ErrorContains(t, err, `display.port: "pole" and "register"`)
}
