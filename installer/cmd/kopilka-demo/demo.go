package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	filePerm   = 0o600 // the password of head office and the tills' keys are among them
	folderPerm = 0o700
)

// Limits of starting and ending; a machine that is busy with something else needs a part of them.
const (
	readyWait = 2 * time.Minute  // until a program's page answers
	onceWait  = 2 * time.Minute  // for a command that ends by itself; the longest loads 500 customers
	endWait   = 50 * time.Second // until a program that was asked to end is killed; the till may see a receipt through, its service unit gives it 45 s
)

// till is one till of the demo; its folder is "till-1", its counter the one with the same number.
type till struct {
	n        int
	store    sale.StoreNo
	register string // its type: tills of one shop need not have the same
}

var tills = []till{{1, 1, "shtrih-m"}, {2, 2, "atol"}}

// staple is what every shop has; a till that finds it has the catalogue.
const staple = "Молоко"

// demo is a shop that runs, or is about to.
type demo struct {
	bin, dir string // absolute
	out      io.Writer
	ports    ports
	children []*child
	died     chan *child
	login    signIn
	opened   func() // told when the shop is open, for tests
}

func newDemo(bin, dir string, out io.Writer) (*demo, error) {
	d := &demo{out: out, died: make(chan *child, 8), opened: func() {}}
	var errs [2]error
	d.bin, errs[0] = filepath.Abs(bin)
	d.dir, errs[1] = filepath.Abs(dir)
	return d, errors.Join(errs[:]...)
}

// run opens the shop and keeps it open until ctx ends or one of its programs does.
func (d *demo) run(ctx context.Context) (err error) {
	if err := os.MkdirAll(d.at("logs"), folderPerm); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	unlock, err := lock(d.at("lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	defer func() { err = errors.Join(err, d.end()) }()
	if err := d.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // Ctrl-C while starting is an end like any other
		}
		return err
	}
	d.announce()
	d.opened()
	select {
	case <-ctx.Done():
		d.say("\nзакрываемся… / closing…\n")
		return nil
	case c := <-d.died:
		return c.death()
	}
}

// open makes what a first start lacks, then starts all programs.
func (d *demo) open(ctx context.Context) error {
	seed, err := makeSeed()
	if err != nil {
		return err
	}
	if err := d.found(ctx, seed); err != nil {
		return err
	}
	given, err := d.given()
	if err != nil {
		return err
	}
	if err := writeJSON(d.at("goods.json"), seed.goods(given)); err != nil {
		return err
	}
	done, err := d.takePorts(ctx)
	if err != nil {
		return err
	}
	return errors.Join(d.startAll(ctx), done())
}

// startAll starts head office first, then the counters with their way to it, then the tills.
func (d *demo) startAll(ctx context.Context) error {
	if err := d.writeConfigs(); err != nil {
		return err
	}
	codes, err := d.enrolCodes(ctx)
	if err != nil {
		return err
	}
	if err := d.start(ctx, "kopilka-cloud", "cloud", d.url(d.ports.Cloud)+"healthz", "serve", "-data", d.at("cloud"), "-listen", local(d.ports.Cloud)); err != nil {
		return err
	}
	if err := d.start(ctx, "kopilka-emulator", "emulator", d.counterURL(tills[0]), "-config", d.at("emulator.yaml")); err != nil {
		return err
	}
	for i, t := range tills {
		if err := d.openTill(ctx, t, codes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) openTill(ctx context.Context, t till, code string) error {
	folder := d.at(t.folder())
	config := filepath.Join(folder, "config.yaml")
	if code != "" {
		if _, err := d.once(ctx, "kopilka-agent", "enrol", "-config", config, d.relayURL(t), code); err != nil {
			return err
		}
	} else if err := moveHeadOffice(filepath.Join(folder, "data", identityFile), d.relayURL(t)); err != nil {
		return err
	}
	if err := d.start(ctx, "kopilka-agent", t.folder(), d.tillURL(t), "run", "-config", config); err != nil {
		return err
	}
	return d.await(ctx, "the catalogue of "+t.folder(), d.tillURL(t)+"products?q="+url.QueryEscape(staple), hasProducts)
}

func (d *demo) at(parts ...string) string { return filepath.Join(append([]string{d.dir}, parts...)...) }

func (t till) folder() string { return fmt.Sprintf("till-%d", t.n) }

func (d *demo) url(port int) string   { return "http://" + local(port) + "/" }
func (d *demo) tillURL(t till) string { return d.url(d.ports.Tills[t.n-1]) }
func (d *demo) counterURL(t till) string {
	return fmt.Sprintf("%scounters/%d", d.url(d.ports.Counters), t.n)
}
func (d *demo) relayURL(t till) string    { return "http://" + local(d.ports.Relays[t.n-1]) }
func (d *demo) say(f string, args ...any) { fmt.Fprintf(d.out, f, args...) }
