package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/installer/settings"
)

// errConfig makes check-config end with a failure; what is wrong is printed before.
var errConfig = errors.New("put the config right, see above / исправьте настройки, см. выше")

var checkConfigCommand = command{"check the config file, all problems at once", "проверить файл настроек: все ошибки сразу", func(ctx context.Context, args []string, out io.Writer) error {
	lang := ""
	path, _, err := configFlag("check-config", args, func(fs *flag.FlagSet) {
		fs.StringVar(&lang, "lang", "", "ru or en; as in the config where it is not given / язык, ru или en; без него как в настройках")
	})
	if err != nil {
		return err
	}
	c, err := loadWhole(path)
	if c.Data != "" { // it was read: what is where now can be seen too
		err = errors.Join(err, errors.Join(clashes(c, placeNow(ctx))...))
	}
	if lang = cmp.Or(lang, c.Language, "ru"); err != nil {
		return tellConfig(out, path, err, lang)
	}
	text := agent.Text{RU: path + ": настройки в порядке", EN: path + ": in order"}
	if c.Register.Later() {
		text.RU += "\nКасса ещё не выбрана: kopilka-agent setup"
		text.EN += "\nThe register is not chosen yet: kopilka-agent setup"
	}
	return tell(out, lang, text)
}}

// tell prints a sentence in one language.
func tell(out io.Writer, lang string, t agent.Text) error {
	if lang == "en" {
		return say(out, "%s\n", t.EN)
	}
	return say(out, "%s\n", t.RU)
}

// tellConfig prints each problem once, in its line.
func tellConfig(out io.Writer, path string, err error, lang string) error {
	sentences := agent.ConfigSentences(err, lang)
	if len(sentences) == 0 {
		return err
	}
	seen := map[string]bool{}
	for _, s := range sentences {
		if seen[s] {
			continue
		}
		seen[s] = true
		if err := say(out, "%s: %s\n", path, s); err != nil {
			return err
		}
	}
	return errConfig
}

// loadWhole reads a config and holds it against the drivers, all problems in one round.
func loadWhole(path string) (agent.Config, error) {
	c, err := agent.LoadConfig(path)
	if c.Data == "" && err != nil { // not even read
		return c, err
	}
	_, deviceErr := (&Program{config: c}).devices()
	return c, errors.Join(err, deviceErr)
}

// driverList is the drivers of one part of the config, by type.
type driverList[D any] = map[string]func(name string, dial port.Dial, settings map[string]string) (D, error)

// checkDevice finds what is wrong with a device before it is dialled: its type, its settings, its address. Without
// any of them there is no dial.
func checkDevice[D any](path string, d agent.DeviceConfig, from driverList[D]) (port.Dial, []error) {
	create, known := from[d.Type]
	if !known {
		if d.Type == "" {
			return nil, nil // told when the file was read
		}
		types := slices.Sorted(maps.Keys(from))
		if path == "register" {
			types = append(types, agent.RegisterNone, agent.RegisterLater)
		}
		list := strings.Join(types, ", ")
		return nil, []error{problem(path+".type", d.Type, "неизвестный тип, есть "+list, "unknown type, known are "+list)}
	}
	var problems []error
	if _, err := create(d.Name, nil, d.Settings); err != nil {
		problems = settingProblems(path, err)
	}
	if d.Port == "" {
		return nil, problems // told too
	}
	a, err := port.ParseAddress(d.Port)
	if err != nil {
		return nil, append(problems, addressProblem(path, d.Port, err))
	}
	if kind, ok := all.Kinds[d.Type]; ok && len(kind.Bauds) == 0 && onSerial(a) {
		problems = append(problems, problem(path+".port", d.Port,
			fmt.Sprintf("касса типа %s подключена через программу своего производителя, а не через последовательный порт: обычно %s", d.Type, kind.Local[0]),
			fmt.Sprintf("a register of type %s is reached through its maker's program, not through a serial port: usually %s", d.Type, kind.Local[0])))
	}
	return a.Dial, problems
}

func problem(path, got, ru, en string) error {
	return &agent.ConfigProblem{Path: path, Text: settings.Text{RU: ru, EN: en}, Got: got}
}

func onSerial(a port.Address) bool {
	return strings.HasPrefix(a.String(), "serial://") || strings.HasPrefix(a.String(), "usb-serial://")
}

func addressProblem(path, got string, err error) error {
	var e *port.AddressError
	if !errors.As(err, &e) {
		return problem(path+".port", got, err.Error(), err.Error())
	}
	if e.Meant != "" {
		return problem(path+".port", got, "не адрес; видимо, имелось в виду "+e.Meant, "no address; "+e.Meant+" is probably meant")
	}
	return problem(path+".port", got, "не адрес: "+e.RU, "no address: "+e.EN)
}

// settingProblems are what a driver says of its settings, which it joins: "baud: want a number from 1 to 9 (got "0")".
func settingProblems(path string, err error) (problems []error) {
	inner := cmp.Or(errors.Unwrap(err), err)
	list := []error{inner}
	if joined, ok := inner.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the driver's own join, not one further in
		list = joined.Unwrap()
	}
	for _, one := range list {
		key, text, found := strings.Cut(one.Error(), ": ")
		if !found {
			key, text = "", one.Error()
		}
		problems = append(problems, problem(strings.TrimSuffix(path+".settings."+key, "."), "", settingWords.Replace(text), text))
	}
	return problems
}

// settingWords are what drivers say of their settings, in Russian.
var settingWords = strings.NewReplacer(
	"unknown setting, known are ", "нет такой настройки, есть ", "want one of ", "нужно одно из ", "want a number from ", "нужно число от ",
	"want a duration from ", "нужно время от ", "want on or off", "нужно on или off", " to ", " до ", "(got ", "(стоит ", "want ", "нужно ", " or ", " или ",
)

// inBoth is an error for people who may read either language: problems of a config, and of devices, are said in both.
func inBoth(err error) error {
	ru, en := agent.ConfigSentences(err, "ru"), agent.ConfigSentences(err, "en")
	switch hint := drivers.HintOf(err); {
	case len(en) == 0 && hint.RU != "" && !strings.Contains(err.Error(), hint.RU):
		return fmt.Errorf("%w / %s", err, hint.RU)
	case len(en) == 0:
		return err
	}
	return fmt.Errorf("\n%s\n\n%s", strings.Join(en, "\n"), strings.Join(ru, "\n"))
}
