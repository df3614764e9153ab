package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers/port"
)

// placed is a device of the config and where it is.
type placed struct {
	path string // in the config: scanners[0]
	agent.DeviceConfig
}

// configured are the devices that a config has, the register first.
func configured(c agent.Config) (devices []placed) {
	if !c.Register.None() && !c.Register.Later() {
		devices = append(devices, placed{"register", c.Register.DeviceConfig})
	}
	for i, s := range c.Scanners {
		devices = append(devices, placed{fmt.Sprintf("scanners[%d]", i), s})
	}
	return append(devices, placed{"printer", c.Printer}, placed{"display", c.Display})
}

// clashes finds devices on one port: the second could never open it. A speed does not make it another port.
func clashes(c agent.Config, where func(port.Address) string) (problems []error) {
	first := map[string]placed{}
	for _, d := range configured(c) {
		a, err := port.ParseAddress(d.Port)
		if err != nil {
			continue // told by itself
		}
		at := where(a)
		other, taken := first[at]
		if !taken {
			first[at] = d
			continue
		}
		problems = append(problems, problem(d.path+".port", d.Port,
			fmt.Sprintf("«%s» и «%s» (%s.port) на одном порту %s: дайте каждому устройству свой", d.Name, other.Name, other.path, at),
			fmt.Sprintf("%q and %q (%s.port) are on one port, %s: give each device a port of its own", d.Name, other.Name, other.path, at)))
	}
	return problems
}

// place is what an address reaches as far as the address says it: a link in /dev/serial/by-id is what it leads to.
func place(a port.Address) string {
	text, _, _ := strings.Cut(a.String(), "?")
	kind, target, _ := strings.Cut(text, "://")
	switch kind {
	case "tcp":
		return strings.Replace(strings.ToLower(target), "localhost:", "127.0.0.1:", 1)
	case "serial", "file", "hidraw":
		if strings.HasPrefix(strings.ToUpper(target), "COM") {
			return strings.ToUpper(target)
		}
		if file, err := filepath.EvalSymlinks(target); err == nil {
			return file
		}
		return target
	}
	return text
}

// placeNow is what an address reaches now, USB devices too. Only for a check by hand: at the daemon's start a port
// that moved must not keep the till from selling.
func placeNow(ctx context.Context) func(port.Address) string {
	return func(a port.Address) string {
		if at, err := a.Resolve(ctx); err == nil && strings.HasPrefix(at, "/dev/") {
			if file, err := filepath.EvalSymlinks(at); err == nil {
				return file
			}
			return at
		}
		return place(a)
	}
}
