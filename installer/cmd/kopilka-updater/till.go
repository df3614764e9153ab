package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

const (
	askMax      = 5 * time.Second  // the till answers from its memory
	aboutMax    = 20 * time.Second // a program that says its version, on a disk that sleeps
	answerMax   = 64 << 10         // bytes; a health of a hundred scanners is a tenth of it
	defaultPage = "127.0.0.1:8765" // as the till's own
	holdBody    = `{"seconds":60}` // stopping a till takes seconds; one that is not stopped sells again by itself
)

var (
	// errMute is wrapped when nothing answers at the till's address.
	errMute = errors.New("the till program does not answer")
	// errStranger is wrapped when something else does.
	errStranger = errors.New("another program answers at the till's address")
	// errBusy is returned when the till may not be held: somebody buys.
	errBusy = errors.New("somebody is at the till")
)

// page is the running till program at its own page's address.
type page struct{ address string }

// tillConfig are the settings of the till that the updater needs.
type tillConfig struct {
	Page string `yaml:"page"`
	Data string `yaml:"data"`
}

// readConfig gives what the till takes where there is no file. The agent's own reader would bring all of the agent into
// a program that is root.
func readConfig(file, data string) (tillConfig, error) {
	c := tillConfig{Page: defaultPage, Data: data}
	raw, err := os.ReadFile(file) //nolint:gosec // the till's config
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read the till's config: %w", err)
	}
	if err := yaml.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("read %s: %w", file, err)
	}
	return c, nil
}

func pageOf(config string) (page, error) {
	c, err := readConfig(config, "")
	if err != nil {
		return page{}, err
	}
	host, _, err := net.SplitHostPort(c.Page)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && !ip.IsLoopback()) {
		return page{}, fmt.Errorf("read %s: page: want this machine's address and a port (got %q)", config, c.Page)
	}
	return page{c.Page}, nil
}

// folderOf is where the till leaves what it wants: in the data folder that its config names, which a shop may have put
// on another disk. A config that cannot be read names the usual one.
func folderOf(config string, l slots.Layout) string {
	c, err := readConfig(config, l.Data)
	if err != nil || !filepath.IsAbs(c.Data) {
		c.Data = l.Data
	}
	return filepath.Join(c.Data, update.Folder)
}

// ask goes to this machine only, whatever proxy the environment names.
func (p page) ask(ctx context.Context, method, path, body string, into any) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, askMax)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.address+path, strings.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("ask the till: %w", err)
	}
	r.Header.Set("X-Kopilka", "1") // a form of a foreign page could not
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w: %w", method, r.URL, errMute, err)
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, answerMax))
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w: %w", method, r.URL, errMute, err)
	}
	if answer.StatusCode == http.StatusOK && into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			return 0, fmt.Errorf("%s %s: %w: %w", method, r.URL, errStranger, err)
		}
	}
	return answer.StatusCode, nil
}

func (p page) health(ctx context.Context) (h update.Health, err error) {
	status, err := p.ask(ctx, http.MethodGet, "/health", "", &h)
	if err == nil && (status != http.StatusOK || h.Version == "") {
		err = p.unlike("GET /health", status)
	}
	return h, err
}

// unlike is an answer that is none: the till's own when it does not get to itself, or of who knows whom.
func (p page) unlike(asked string, status int) error {
	is := errStranger
	if status == http.StatusServiceUnavailable {
		is = errMute
	}
	return fmt.Errorf("%s at %s: %w: status %d", asked, p.address, is, status)
}

// hold has the till begin no sale for a while; errBusy where it may not be held now.
func (p page) hold(ctx context.Context) error {
	status, err := p.ask(ctx, http.MethodPost, "/hold", holdBody, nil)
	switch {
	case err != nil:
		return err
	case status == http.StatusConflict:
		return fmt.Errorf("POST /hold at %s: %w", p.address, errBusy)
	case status != http.StatusOK:
		return p.unlike("POST /hold", status)
	}
	return nil
}

// free tells that nobody has the till's address while the till is stopped.
func (p page) free(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.address)
	if err != nil {
		return fmt.Errorf("%w: %w", errStranger, err)
	}
	return l.Close()
}

// about asks a program of a slot what it is.
func about(ctx context.Context, program string) (p update.Program, err error) {
	ctx, cancel := context.WithTimeout(ctx, aboutMax)
	defer cancel()
	c := exec.CommandContext(ctx, program, "version", "-json")
	c.WaitDelay = time.Second
	out, err := c.Output()
	if err != nil {
		return p, fmt.Errorf("%s version -json: %w", program, err)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return p, fmt.Errorf("%s version -json: %w", program, err)
	}
	return p, nil
}
