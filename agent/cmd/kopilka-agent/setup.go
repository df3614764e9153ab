package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/durable"
)

// searchMax bounds the search for devices; each port that answers nothing takes up to a minute.
const searchMax = 5 * time.Minute

var setupCommand = command{"find register and scanners and put them into the config: setup [-yes] [-config FILE]", "найти регистратор и сканеры и вписать их в настройки: setup [-yes] [-config ФАЙЛ]", func(ctx context.Context, args []string, out io.Writer) error {
	s := newSetup(out)
	fs := flag.NewFlagSet("setup", flag.ContinueOnError)
	s.flags(fs)
	words, err := anywhere(fs, args)
	if err == nil {
		err = tooMany("setup", words, 0)
	}
	if err != nil {
		return err
	}
	return s.run(ctx)
}}

// run is for a config that is there.
func (s *setup) run(ctx context.Context) error {
	c, err := loadWhole(s.path)
	if err != nil {
		return cmp.Or(tellConfig(s.out, s.path, err, cmp.Or(s.lang, "ru")), err)
	}
	s.speak(c)
	if err := mayInstall(filepath.Dir(s.path)); err != nil { // before the search, which takes minutes
		return noRights(err)
	}
	before, err := os.ReadFile(s.path)
	if err == nil {
		err = s.add(ctx, c)
	}
	if err != nil {
		return err
	}
	if after, err := os.ReadFile(s.path); err != nil || string(after) == string(before) {
		return err
	}
	if _, err := askDaemon(ctx, c.Page); err == nil {
		return s.tell(agent.Text{
			RU: "Программа кассы работает с прежними настройками: перезапустите её (kopilka-agent service stop, затем service start).",
			EN: "The till program runs with the config as it was: restart it (kopilka-agent service stop, then service start).",
		})
	}
	return nil
}

// setup finds devices and puts them into a config.
type setup struct {
	path   string // of the config
	yes    bool
	lang   string
	out    io.Writer
	ask    func(question string) (string, error) // nil: nobody to ask
	search func(ctx context.Context, c agent.Config) ([]all.Hit, error)

	config  agent.Config
	known   bool // it was enrolled before
	waits   bool // its enrolment waits for head office
	started bool // the service
	changed bool // the config, by this command
}

func newSetup(out io.Writer) setup {
	return setup{out: out, ask: terminal(out), search: searchDevices}
}

func (s *setup) flags(fs *flag.FlagSet) {
	fs.StringVar(&s.path, "config", agent.DefaultConfigPath, "config file / файл настроек")
	fs.BoolVar(&s.yes, "yes", false, "put the devices that are found into the config without asking / вписать найденные устройства в настройки без вопросов")
	fs.StringVar(&s.lang, "lang", "", "ru or en; as in the config where it is not given / язык, ru или en; без него как в настройках")
}

// speak takes the config's language where none was asked for.
func (s *setup) speak(c agent.Config) { s.lang = cmp.Or(s.lang, c.Language, "ru") }

func (s *setup) tell(t agent.Text) error { return tell(s.out, s.lang, t) }

// searchDevices asks on every port, and keeps away from those of a till that runs.
func searchDevices(ctx context.Context, c agent.Config) ([]all.Hit, error) {
	d := deviceSearch{list: port.List, holders: whoHolds, local: true, probe: true}
	if _, err := askDaemon(ctx, c.Page); err == nil {
		d.taken(c)
	}
	ctx, cancel := context.WithTimeout(ctx, searchMax)
	defer cancel()
	return d.hits(ctx)
}

// fresh writes a config with comments and with what was found.
func (s *setup) fresh(ctx context.Context, data string) error {
	file, err := agent.NewConfig(data)
	if err != nil {
		return err
	}
	c, err := agent.ParseConfig(file)
	if err != nil {
		return err
	}
	s.speak(c)
	if file, err = s.found(ctx, file, c); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		return fmt.Errorf("write the config: %w", err)
	}
	return s.write(file)
}

// add puts what was found into a config that is there.
func (s *setup) add(ctx context.Context, c agent.Config) error {
	file, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("read the config: %w", err)
	}
	edited, err := s.found(ctx, file, c)
	if err != nil || string(edited) == string(file) {
		return err
	}
	return s.write(edited)
}

func (s *setup) write(file []byte) error {
	if err := durable.Write(s.path, file, configMode); err != nil {
		return fmt.Errorf("write the config: %w", err)
	}
	if s.path == agent.DefaultConfigPath {
		if err := guardConfig(s.path); err != nil {
			return fmt.Errorf("write the config: %w", err)
		}
	}
	s.changed = true
	return s.tell(agent.Text{RU: "Настройки записаны: " + s.path, EN: "The config is written: " + s.path})
}

// found is a config with the devices that were found and that the person wants.
func (s *setup) found(ctx context.Context, file []byte, c agent.Config) ([]byte, error) {
	if err := s.tell(agent.Text{RU: "Ищем кассу и сканеры, это может занять пару минут…", EN: "Looking for a register and scanners, this may take a minute or two…"}); err != nil {
		return nil, err
	}
	hits, err := s.search(ctx, c)
	if err != nil {
		return nil, err
	}
	d, err := s.choose(hits, c)
	if err != nil || d.Register == nil && d.Printer == nil && len(d.Scanners) == 0 {
		return file, errors.Join(err, s.nothing(hits, c))
	}
	if yes, err := s.agreed(d); err != nil || !yes {
		return file, err
	}
	edited, err := agent.EditConfig(file, d)
	if errors.Is(err, agent.ErrEdit) {
		return file, s.tell(agent.Text{
			RU: "Эти настройки написаны так, что программа не станет их менять. Впишите эти строки сами:\n" + configLines(hits),
			EN: "This config is written in a way that a program does not change. Put these lines in yourself:\n" + configLines(hits),
		})
	}
	return edited, err
}

func (s *setup) nothing(hits []all.Hit, c agent.Config) error {
	if !c.Register.Later() || slices.ContainsFunc(hits, func(h all.Hit) bool { return partOf(h) == "register" }) {
		return nil
	}
	return s.tell(agent.Text{
		RU: "Касса не нашлась: register.type в настройках остаётся later, программа запустится и будет об этом напоминать.",
		EN: "No register was found: register.type stays later in the config; the program starts and keeps saying so.",
	})
}

// choose is what of the hits belongs into the config: a register where none is chosen, scanners that are new.
func (s *setup) choose(hits []all.Hit, c agent.Config) (d agent.Devices, err error) {
	var registers, printers []all.Hit
	names := map[string]bool{c.Register.Name: true}
	ports := map[string]bool{}
	for _, x := range c.Scanners {
		names[x.Name], ports[withoutBaud(x.Port)] = true, true
	}
	for _, h := range hits {
		switch partOf(h) {
		case "register":
			registers = append(registers, h)
		case "printer":
			printers = append(printers, h)
		case "scanner":
			if !ports[withoutBaud(h.Address)] {
				d.Scanners = append(d.Scanners, agent.DeviceConfig{Name: freeName(names), Type: scannerKind(h), Port: h.Address})
			}
		}
	}
	if len(printers) == 1 && c.Printer.Type == "" {
		d.Printer = &agent.DeviceConfig{Type: printers[0].Type, Port: printers[0].Address}
	}
	if !c.Register.Later() {
		return d, nil
	}
	h, err := s.oneOf(registers)
	if h != nil {
		d.Register, d.Serial = &agent.DeviceConfig{Type: h.Type, Port: h.Address}, h.Identity.Serial
	}
	return d, err
}

func withoutBaud(address string) string {
	plain, _, _ := strings.Cut(address, "?")
	return plain
}

func freeName(names map[string]bool) string {
	name := "scanner"
	for n := 2; names[name]; n++ {
		name = fmt.Sprintf("scanner-%d", n)
	}
	names[name] = true
	return name
}

func scannerKind(h all.Hit) string {
	if h.Port.Kind == port.KindHID {
		return "hid-scanner"
	}
	return "serial-scanner"
}

// oneOf picks the register; which of several only a person knows.
func (s *setup) oneOf(registers []all.Hit) (*all.Hit, error) {
	switch {
	case len(registers) == 0:
		return nil, nil
	case len(registers) == 1:
		return &registers[0], nil
	}
	list := ""
	for i, h := range registers {
		list += fmt.Sprintf("  %d) %s\n", i+1, whoIsThere(h, true))
	}
	if s.yes || s.ask == nil {
		return nil, s.tell(agent.Text{
			RU: "Касс нашлось несколько, ни одна не вписана; выберите: kopilka-agent setup\n" + list,
			EN: "Several registers were found and none was put in; choose one: kopilka-agent setup\n" + list,
		})
	}
	if err := s.tell(agent.Text{RU: "Касс нашлось несколько:\n" + list, EN: "Several registers were found:\n" + list}); err != nil {
		return nil, err
	}
	answer, err := s.ask(s.words("Номер своей (пусто — ни одна):", "The number of yours (nothing for none):"))
	if n, bad := strconv.Atoi(answer); bad == nil && n >= 1 && n <= len(registers) {
		return &registers[n-1], err
	}
	return nil, err
}

func (s *setup) words(ru, en string) string {
	if s.lang == "en" {
		return en
	}
	return ru
}

// agreed shows what is to be written and asks; without anybody to ask and without -yes nothing is written.
func (s *setup) agreed(d agent.Devices) (bool, error) {
	lines := ""
	show := func(ru, en, kind, at, serial string) {
		if serial != "" {
			serial = " № " + serial
		}
		lines += fmt.Sprintf("  %s: %s%s, %s\n", s.words(ru, en), kind, serial, at)
	}
	if d.Register != nil {
		show("касса", "register", d.Register.Type, d.Register.Port, d.Serial)
	}
	if d.Printer != nil {
		show("принтер", "printer", d.Printer.Type, d.Printer.Port, "")
	}
	for _, x := range d.Scanners {
		show("сканер", "scanner", x.Type, x.Port, "")
	}
	if err := say(s.out, "%s\n%s", s.words("Найдено:", "Found:"), lines); err != nil || s.yes {
		return s.yes, err
	}
	if s.ask == nil {
		return false, s.tell(agent.Text{
			RU: "Спросить некого, в настройки не вписано; впишет kopilka-agent setup -yes",
			EN: "There is nobody to ask, so nothing was put in; kopilka-agent setup -yes does it",
		})
	}
	answer, err := s.ask(s.words("Вписать в настройки? [да/нет]", "Put this into the config? [yes/no]"))
	return slices.Contains([]string{"да", "д", "yes", "y"}, answer), err
}
