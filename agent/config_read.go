package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/kopilka/kopilka/installer/settings"
)

// ConfigProblem is one thing wrong in a config file.
type ConfigProblem = settings.Problem

// misset is a setting with a value that it cannot have.
func misset(path string, text Text, got string) *ConfigProblem {
	return &ConfigProblem{Path: path, Text: settings.Text(text), Got: got}
}

// ConfigFileError is a config that could not be read at all.
type ConfigFileError struct {
	Text Text
	Err  error
}

// Error is the sentence in English.
func (e *ConfigFileError) Error() string { return e.Text.EN }

// Unwrap gives the cause.
func (e *ConfigFileError) Unwrap() error { return e.Err }

// ConfigSentences are an error of [LoadConfig] in a language, a sentence each; nil where err is none.
func ConfigSentences(err error, lang string) (said []string) {
	for _, one := range leaves(err) {
		var p *ConfigProblem
		var f *ConfigFileError
		switch {
		case errors.As(one, &p):
			said = append(said, p.In(lang))
		case errors.As(one, &f) && lang != "en":
			said = append(said, f.Text.RU)
		case errors.As(one, &f):
			said = append(said, f.Text.EN)
		}
	}
	return said
}

// configBytesMax bounds the file; a real one has some 4 KB.
const configBytesMax = 1 << 20

// LoadConfig reads a config file. All its problems come at once, joined, each a *ConfigProblem.
func LoadConfig(path string) (Config, error) {
	b, err := readConfig(path)
	if err != nil {
		return Config{}, err
	}
	c, err := ParseConfig(b)
	if err != nil {
		return c, fmt.Errorf("config %s:\n%w", path, err)
	}
	return c, nil
}

func readConfig(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, unreadable(path, err)
	case info.IsDir():
		return nil, &ConfigFileError{say("%s — папка, а нужен файл настроек", "%s is a folder, not a config file", path), fs.ErrInvalid}
	case info.Size() > configBytesMax:
		return nil, &ConfigFileError{say("файл настроек %[1]s слишком велик: %[2]d байт, не больше %[3]d", "the config file %[1]s is too large: %[2]d bytes, at most %[3]d", path, info.Size(), configBytesMax), fs.ErrInvalid}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return b, nil
}

func unreadable(path string, err error) error {
	text := say("файл настроек %[1]s не читается: %[2]v", "the config file %[1]s cannot be read: %[2]v", path, err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = say("файла настроек %s нет: его пишет kopilka-agent enroll, другое место указывает -config", "there is no config file %s: kopilka-agent enroll writes it, -config names another place", path)
	case errors.Is(err, fs.ErrPermission):
		text = say("файл настроек %s закрыт для вас: запустите от имени администратора", "the config file %s is closed to you: run as an administrator", path)
	}
	return &ConfigFileError{text, err}
}

// ParseConfig reads a config; unknown keys are refused.
func ParseConfig(b []byte) (Config, error) {
	c := DefaultConfig()
	problems := settings.Read(b, &c)
	for _, p := range problems {
		if p.Path == "unenrolled" {
			p.Text = settings.Text(textNoSaleUnenrolled(p.Line))
		}
	}
	if c.Register.Port == "" {
		c.Register.Port = usualPorts[c.Register.Type]
	}
	return c, settings.Join(append(problems, settings.Unspoiled(c.Problems(), problems)...))
}

// textNoSaleUnenrolled answers who looks for a way to sell without head office.
func textNoSaleUnenrolled(line int) Text {
	return say("такой настройки нет, строка %d: без подключения к офису касса не продаёт — у неё нет ни товаров, ни кассиров, ни ключа, которым подписан журнал",
		"there is no such setting, line %d: a till that is not enrolled does not sell: it has no goods, no cashiers and no key that its journal is signed with", line)
}

// usualPorts are of registers that are reached through a program of their maker on the till itself.
var usualPorts = map[string]string{"atol": "tcp://127.0.0.1:16732", "mercury": "tcp://127.0.0.1:50010"}
