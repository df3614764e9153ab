package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/durable"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/uplink"
)

// laterFile keeps what was typed at an enrolment that head office has not answered yet.
const laterFile = "enrolment.json"

// laterBytesMax bounds the file; a real one has some 300 bytes.
const laterBytesMax = 16 << 10

// later is an enrolment that is still to be carried out, or has failed for good: then the code is gone.
type later struct {
	URL    string      `json:"url"`
	Code   string      `json:"code,omitempty"`
	Failed uplink.Code `json:"failed,omitempty"`
}

func readLater(data string) (l later, err error) {
	file := filepath.Join(data, laterFile)
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return later{}, nil
	}
	if err == nil && info.Size() > laterBytesMax {
		err = fmt.Errorf("%d bytes, at most %d", info.Size(), laterBytesMax)
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(file)
	}
	if err == nil {
		err = json.Unmarshal(b, &l)
	}
	if err != nil {
		return later{}, fmt.Errorf("read the enrolment to be made (%s): %w", file, err)
	}
	return l, nil
}

// writeLater replaces the file whole; its owner alone reads it (on Windows the folder's rights decide).
func writeLater(data string, l later) error {
	b, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("write the enrolment to be made: %w", err)
	}
	if err := durable.Write(filepath.Join(data, laterFile), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the enrolment to be made: %w", err)
	}
	return nil
}

func removeLater(data string) error {
	if err := os.Remove(filepath.Join(data, laterFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the enrolment that was made: %w", err)
	}
	return nil
}

// enrolment is what is sent to head office.
func enrolment(url, code string) uplink.Enrolment {
	name, err := os.Hostname()
	if err != nil {
		name = "till"
	}
	return uplink.Enrolment{
		URL: url, Code: code, Name: name, Program: "kopilka-agent " + version, Client: direct(enrolWait), Random: rand.Reader,
	}
}

// direct asks head office past any proxy that the environment names, as the uplink does: a till that was enrolled through
// one would never sell.
func direct(wait time.Duration) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return &http.Client{Transport: transport, Timeout: wait}
}

// seat gives the ledger to the till that head office has made of this machine. A ledger that the daemon has open
// already is seated by it.
func seat(c agent.Config, id uplink.Identity, settings sale.Settings) error {
	l, err := ledger.Open(filepath.Join(c.Data, ledgerFolder), ledger.Options{Clock: agent.NewClock(time.Now).Now, Random: rand.Reader})
	if errors.Is(err, ledger.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(l.Enrol(ledger.Identity{Org: id.Org, Store: id.Store, Till: id.Till}), l.SetSettings(settings), l.Close())
}

// carryOut enrols with what was kept, until it succeeds or only a person can help; then the code is forgotten.
func (l later) carryOut(ctx context.Context, c agent.Config, tell func(*uplink.Problem, time.Duration)) error {
	id, settings, err := uplink.EnrolUntil(ctx, filepath.Join(c.Data, identityFile), enrolment(l.URL, l.Code), tell)
	var p *uplink.Problem
	switch {
	case err == nil:
		return errors.Join(seat(c, id, settings), removeLater(c.Data))
	case errors.As(err, &p) && p.Code == uplink.CodeEnrolled:
		return removeLater(c.Data) // somebody was faster
	case errors.As(err, &p) && uplink.Final(err):
		return errors.Join(err, writeLater(c.Data, later{URL: l.URL, Failed: p.Code}))
	}
	return err
}
