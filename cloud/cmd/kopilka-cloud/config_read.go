package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/installer/settings"
)

// checkConfig says what is wrong in the settings and touches nothing.
func checkConfig(_ context.Context, c *call) error {
	c.words = 1
	settings := c.settings()
	if err := c.parse(); err != nil {
		return err
	}
	if c.config == "" && c.flags.NArg() == 1 {
		c.config = c.flags.Arg(0)
	}
	if _, err := settings(); err != nil {
		return err
	}
	what := c.config
	if what == "" {
		what = "no file, the defaults / файла нет, значения по умолчанию"
	}
	_, err := fmt.Fprintln(c.out, "nothing is wrong / ошибок нет:", what)
	return err
}

// readConfig gives the settings of a file, and beside them what is wrong with single ones, which are left as they are by
// default; so all that is wrong can be said in one round. The error is for a file of which nothing can be read.
func readConfig(file string) (config cloud.Config, wrong []error, err error) {
	config = cloud.DefaultConfig()
	if file == "" {
		return config, nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return config, nil, fmt.Errorf("read the settings / не читаются настройки: %w", err)
	}
	for _, p := range settings.Read(raw, &config) {
		if p.Path == settings.Whole {
			return config, nil, fmt.Errorf("%s: %s / %s", file, p.Text.EN, p.Text.RU)
		}
		wrong = append(wrong, inBoth(p))
	}
	return config, wrong, nil
}

// inBoth says a problem in both languages, since this program does not know its reader's.
func inBoth(p *settings.Problem) error {
	said := fmt.Sprintf("%s: %s / %s", p.Path, p.Text.EN, p.Text.RU)
	if p.Got != "" {
		said += fmt.Sprintf(" (got %q)", p.Got)
	}
	return errors.New(said)
}
