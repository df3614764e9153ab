package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/ledger/sale"
)

// settings registers the flags that every command shares. Flags win over the file, the file over the
// defaults.
func (c *call) settings() func() (cloud.Config, error) {
	c.flags.StringVar(&c.config, "config", "", "YAML file of settings, "+packagedConfig+" where there is one / файл настроек")
	var given cloud.Config
	c.flags.StringVar(&given.Listen, "listen", "", "address to listen on, host:port / адрес")
	c.flags.StringVar(&given.Data, "data", "", "folder of the embedded database / папка базы")
	c.flags.StringVar(&given.Updates, "updates", "", "folder of the repository of till programs, updates below data by default / папка хранилища программ касс")
	c.flags.StringVar(&given.Postgres, "postgres", "", "address of PostgreSQL instead of the folder / адрес PostgreSQL")
	c.flags.StringVar(&given.BaseURL, "base-url", "", "where tills and people reach us / внешний адрес")
	c.flags.StringVar(&given.TLSCert, "tls-cert", "", "certificate, PEM / сертификат")
	c.flags.StringVar(&given.TLSKey, "tls-key", "", "its key, PEM / ключ")
	return func() (cloud.Config, error) {
		if _, err := os.Stat(packagedConfig); c.config == "" && !errors.Is(err, fs.ErrNotExist) {
			c.config = packagedConfig
		}
		config, wrong, err := readConfig(c.config)
		if err != nil {
			return config, fmt.Errorf("%w: %w", errUsage, err)
		}
		if address := os.Getenv(postgresVariable); address != "" {
			config.Postgres = address
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
		if err := errors.Join(append(wrong, config.Validate())...); err != nil {
			return config, fmt.Errorf("%w:\n%w", errUsage, err)
		}
		return config, nil
	}
}

// packagedConfig is read where -config is not given.
var packagedConfig = "/etc/kopilka-cloud/config.yaml"

// postgresVariable keeps a password out of the list of processes and of a file in an image.
const postgresVariable = "KOPILKA_POSTGRES"

// open parses the flags and opens head office without letting anybody in.
func (c *call) open(ctx context.Context) (*cloud.Program, error) {
	settings := c.settings()
	if err := c.parse(); err != nil {
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
