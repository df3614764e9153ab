package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/sync/uplink"
)

// enrolWait bounds the talk with head office; a person waits for it.
const enrolWait = 30 * time.Second

var enrolCommand = command{"make this machine a till: enrol [-config FILE] URL CODE", func(ctx context.Context, args []string, out io.Writer) error {
	path, rest, err := configFlag("enrol", args, nil)
	if err != nil {
		return err
	}
	c, err := agent.LoadConfig(path)
	if err != nil {
		return err
	}
	if len(rest) == 1 && c.HeadOffice.URL != "" {
		rest = []string{c.HeadOffice.URL, rest[0]}
	}
	if len(rest) != 2 {
		return errors.New("want: kopilka-agent enrol [-config FILE] URL CODE, both as head office shows them under Tills")
	}
	return enrol(ctx, c, rest[0], rest[1], out)
}}

// enrol gets an identity, then gives the ledger to it. Running it again finishes what was cut off.
func enrol(ctx context.Context, c agent.Config, url, code string, out io.Writer) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	file := filepath.Join(c.Data, identityFile)
	if id, err := uplink.Load(file); err == nil {
		return fmt.Errorf("this machine is till %d of store %d already (%s); to enrol it anew, move that file away first", id.Till, id.Store, file)
	}
	name, err := os.Hostname()
	if err != nil {
		name = "till"
	}
	id, settings, err := uplink.Enrol(ctx, file, uplink.Enrolment{
		URL: url, Code: code, Name: name, Program: "kopilka-agent " + version, Client: &http.Client{Timeout: enrolWait}, Random: rand.Reader,
	})
	if err != nil {
		return err
	}
	clock := agent.NewClock(time.Now)
	l, err := ledger.Open(filepath.Join(c.Data, ledgerFolder), ledger.Options{Clock: clock.Now, Random: rand.Reader})
	if err != nil {
		return err
	}
	err = errors.Join(
		l.Enrol(ledger.Identity{Org: id.Org, Store: id.Store, Till: id.Till}),
		l.SetSettings(settings), l.Close(),
	)
	if err != nil {
		return err
	}
	return say(out, "Till %d of store %d, %s. / Касса %d магазина %d, %s.\n", id.Till, id.Store, settings.StoreName, id.Till, id.Store, settings.StoreName)
}
