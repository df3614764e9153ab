package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/port"
)

var devicesCommand = command{"list the ports of this machine, ask who is there (-probe) and offer config lines", "порты этого компьютера, кто на них отвечает (-probe) и готовые строки настроек", func(ctx context.Context, args []string, out io.Writer) error {
	d := deviceSearch{list: port.List, holders: whoHolds, local: true}
	path, _, err := configFlag("devices", args, func(fs *flag.FlagSet) {
		fs.BoolVar(&d.probe, "probe", false, "ask on each free port which register or printer is there / спросить на каждом свободном порту, какой регистратор или принтер отвечает")
		fs.Func("exclude", "port or address to keep away from; may be repeated", func(s string) error {
			d.named = append(d.named, s)
			return nil
		})
	})
	if err != nil {
		return err
	}
	// Without a config everything is still there to be found.
	c, configErr := agent.LoadConfig(path)
	if configErr != nil {
		c = agent.DefaultConfig()
	}
	if _, err := askDaemon(ctx, c.Page); err == nil {
		d.taken(c)
		if _, known := connectionHolders("tcp://" + c.Page); configErr != nil && !known {
			d.local = false // one of the addresses may be the running till's, and nobody can tell which
		}
	}
	return d.run(ctx, out)
}}

// whoHolds names the programs that have a device file or an address open.
func whoHolds(at string) []string {
	names, _ := connectionHolders(at)
	return append(names, holders(at)...)
}

// deviceSearch is what the command looks at.
type deviceSearch struct {
	list    func(ctx context.Context) ([]port.Found, error)
	holders func(path string) []string
	exclude []string // of the running till
	named   []string // by the person: each must be there
	probe   bool
	local   bool
	dial    func(string) (port.Dial, error) // nil: as the config would
}

// taken keeps away from the devices of the daemon that runs: a register may take one connection only.
func (d *deviceSearch) taken(c agent.Config) {
	for _, device := range append([]agent.DeviceConfig{c.Register.DeviceConfig, c.Printer, c.Display}, c.Scanners...) {
		if device.Port != "" {
			d.exclude = append(d.exclude, device.Port)
		}
	}
}

// known refuses an exclusion that keeps away from nothing: who mistyped it would have the register asked.
func (d *deviceSearch) known(ports []port.Found) error {
	search := all.Search{Ports: ports, Local: true, Exclude: d.named}
	if name := search.Unmatched(); name != "" {
		return fmt.Errorf("-exclude %s: there is no such port or address, want one as it is listed, or host:port / нет такого порта или адреса, укажите как в списке или host:port", name)
	}
	return nil
}

// hits are all ports with what is known of them.
func (d *deviceSearch) hits(ctx context.Context) ([]all.Hit, error) {
	ports, err := d.list(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.known(ports); err != nil {
		return nil, err
	}
	search := all.Search{Ports: ports, Local: d.local, Exclude: slices.Concat(d.exclude, d.named), Holders: d.holders, Dial: d.dial}
	if !d.probe {
		search.Only, search.Local = "nothing", false // nobody is asked, so that only what can be seen is told
	}
	return search.Run(ctx), nil
}

func (d *deviceSearch) run(ctx context.Context, out io.Writer) error {
	hits, err := d.hits(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(hits, func(h all.Hit) bool { return h.Port.Path != "" || h.Port.VID != 0 }) {
		if err := say(out, "No serial ports and no HID devices / Нет последовательных портов и HID-устройств\n"); err != nil {
			return err
		}
	}
	for _, h := range hits {
		if err := say(out, "%s\n", describe(h, d.probe)); err != nil {
			return err
		}
	}
	if text := configLines(hits); text != "" {
		return say(out, "\n# Lines for the config / Строки для настроек:\n%s", text)
	}
	if !d.probe {
		return say(out, "\nkopilka-agent devices -probe asks on each port / спросит на каждом порту\n")
	}
	return nil
}

// describe is a port in a few lines.
func describe(h all.Hit, asked bool) string {
	f := h.Port
	text := h.Address
	if f.Path != "" {
		text = f.Path
	}
	if f.VID != 0 {
		text += fmt.Sprintf("  USB %04x:%04x", f.VID, f.PID)
	}
	for _, part := range []string{f.Maker, f.Product} {
		if part != "" {
			text += "  " + part
		}
	}
	if f.Serial != "" {
		text += "  № " + f.Serial
	}
	return text + "\n    " + whoIsThere(h, asked)
}

// whoIsThere is what is known of what is there.
func whoIsThere(h all.Hit, asked bool) string {
	switch {
	case h.Type != "":
		id := h.Identity
		text := fmt.Sprintf("%s: %s № %s", h.Type, orUnknown(id.Model), orUnknown(id.Serial))
		if id.Firmware != "" {
			text += ", " + id.Firmware
		}
		if id.FN != "" {
			text += ", ФН " + id.FN
		}
		return text + "  " + h.Address
	case len(h.Held) > 0:
		return "in use by / занят программой: " + strings.Join(h.Held, "; ")
	case h.Busy:
		return "in use by another program / занят другой программой"
	case h.Excluded:
		return "left alone / не опрашивался"
	case h.Port.IsScanner():
		return "scanner in HID POS mode / сканер в режиме HID POS  " + h.Address
	case h.Maker != "" && h.Port.Kind == port.KindSerial:
		return "scanner of " + h.Maker + " / сканер " + h.Maker + "  " + h.Address
	case h.Maker != "":
		return "scanner of " + h.Maker + " in keyboard mode: switch it to HID POS or USB serial / сканер в режиме клавиатуры: переключите на HID POS или USB COM"
	case h.Err != nil:
		return "cannot be opened / не открывается: " + h.Err.Error()
	case h.Port.Kind == port.KindHID:
		return "HID device / устройство HID"
	case asked:
		return "nothing answers that we know / никто знакомый не отвечает  " + h.Address
	}
	return h.Address
}

func orUnknown(s string) string {
	if s == "" {
		return "?"
	}
	return s
}

// configDevice is a device as the config has it.
type configDevice struct {
	Name   string `yaml:"name"`
	Type   string `yaml:"type"`
	Port   string `yaml:"port"`
	Serial string `yaml:"serial,omitempty"`
}

// configLines are the parts of a config for what was found. Of several registers the first is offered; the
// others stand in comments.
func configLines(hits []all.Hit) string {
	var lines struct {
		Register *configDevice  `yaml:"register,omitempty"`
		Printer  *configDevice  `yaml:"printer,omitempty"`
		Scanners []configDevice `yaml:"scanners,omitempty"`
	}
	var others []string
	for _, h := range hits {
		switch part := partOf(h); {
		case part == "scanner":
			name := "scanner"
			if n := len(lines.Scanners); n > 0 {
				name = fmt.Sprintf("scanner-%d", n+1)
			}
			kind := "serial-scanner"
			if h.Port.Kind == port.KindHID {
				kind = "hid-scanner"
			}
			lines.Scanners = append(lines.Scanners, configDevice{name, kind, h.Address, ""})
		case part == "register" && lines.Register == nil:
			lines.Register = &configDevice{"register", h.Type, h.Address, h.Identity.Serial}
		case part == "printer" && lines.Printer == nil:
			lines.Printer = &configDevice{"printer", h.Type, h.Address, ""}
		case part != "":
			others = append(others, otherBlock(part, h))
		}
	}
	if lines.Register == nil && lines.Printer == nil && lines.Scanners == nil {
		return ""
	}
	b, err := yaml.Marshal(lines)
	if err != nil {
		return "" // strings always can be written
	}
	return string(b) + strings.Join(others, "")
}

// otherBlock is a register or printer beside the first, commented out: a till has one of each. Without the signs
// at the lines' beginnings it can be pasted.
func otherBlock(part string, h all.Hit) string {
	device := &configDevice{part, h.Type, h.Address, ""}
	if part == "register" {
		device.Serial = h.Identity.Serial
	}
	b, err := yaml.Marshal(map[string]*configDevice{part: device})
	if err != nil {
		return "" // strings always can be written
	}
	return "\n# or / или:\n# " + strings.ReplaceAll(strings.TrimSpace(string(b)), "\n", "\n# ") + "\n"
}

// partOf is the part of the config that a device belongs to; empty: none.
func partOf(h all.Hit) string {
	switch {
	case all.IsRegister(h.Type):
		return "register"
	case h.Type != "":
		return "printer"
	case h.Port.IsScanner(), h.Maker != "" && h.Port.Kind == port.KindSerial && len(h.Held) == 0 && !h.Excluded:
		return "scanner"
	}
	return ""
}
