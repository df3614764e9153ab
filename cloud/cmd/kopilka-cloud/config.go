package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/ledger/sale"
)

// settings registers the flags that every command shares. Flags win over the file, the file over the
// defaults.
func (c *call) settings() func() (cloud.Config, error) {
	file := c.flags.String("config", "", "YAML file of settings / файл настроек")
	var given cloud.Config
	c.flags.StringVar(&given.Listen, "listen", "", "address to listen on, host:port / адрес")
	c.flags.StringVar(&given.Data, "data", "", "folder of the embedded database / папка базы")
	c.flags.StringVar(&given.Updates, "updates", "", "folder of the repository of till programs, updates below data by default / папка хранилища программ касс")
	c.flags.StringVar(&given.Postgres, "postgres", "", "address of PostgreSQL instead of the folder / адрес PostgreSQL")
	c.flags.StringVar(&given.BaseURL, "base-url", "", "where tills and people reach us / внешний адрес")
	c.flags.StringVar(&given.TLSCert, "tls-cert", "", "certificate, PEM / сертификат")
	c.flags.StringVar(&given.TLSKey, "tls-key", "", "its key, PEM / ключ")
	return func() (cloud.Config, error) {
		config, err := readConfig(*file)
		if err != nil {
			return config, err
		}
		for _, f := range []struct {
			to   *string
			from string
		}{
			{&config.Listen, given.Listen},
			{&config.Data, given.Data},
			{&config.Postgres, given.Postgres},
			{&config.BaseURL, given.BaseURL},
			{&config.TLSCert, given.TLSCert},
			{&config.TLSKey, given.TLSKey},
			{&config.Updates, given.Updates},
		} {
			if f.from != "" {
				*f.to = f.from
			}
		}
		return config, config.Validate()
	}
}

func readConfig(file string) (cloud.Config, error) {
	config := cloud.DefaultConfig()
	if file == "" {
		return config, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return config, fmt.Errorf("read the settings: %w", err)
	}
	d := yaml.NewDecoder(f)
	d.KnownFields(true) // an unknown key is a typing error
	err = d.Decode(&config)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return config, fmt.Errorf("read the settings in %s: %w", file, err)
	}
	return config, nil
}

// open parses the flags and opens head office without letting anybody in.
func (c *call) open(ctx context.Context) (*cloud.Program, error) {
	settings := c.settings()
	if err := c.flags.Parse(c.args); err != nil {
		return nil, err
	}
	config, err := settings()
	if err != nil {
		return nil, err
	}
	p := program(c, config)
	return p, p.Open(ctx)
}

func program(c *call, config cloud.Config) *cloud.Program {
	return &cloud.Program{Config: config, Now: time.Now, Random: rand.Reader, Logger: slog.New(slog.NewTextHandler(c.log, nil))}
}

// errNotInit says what to do first.
var errNotInit = errors.New("there is no organisation yet: run kopilka-cloud init / организации ещё нет: выполните kopilka-cloud init")

// org is the one organisation of this head office.
func org(ctx context.Context, p *cloud.Program) (sale.OrgNo, error) {
	all, err := p.Store.Orgs(ctx)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, errNotInit
	}
	return all[0], nil
}
