package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/ledger"
)

// gatherer knows where a bundle's sections come from.
type gatherer struct {
	checkup agent.Checkup
	masker  masker
	now     time.Time
	view    *agent.View                               // of the running till
	log     func(ctx context.Context) ([]byte, error) // its newest lines
	updater func() ([]byte, error)
}

// see asks the till once; what it says of the register is kept from masking.
func (g *gatherer) see(ctx context.Context) {
	g.masker.keep = append(g.masker.keep, g.checkup.Config.Register.Serial)
	view, err := g.checkup.Daemon(ctx)
	if err != nil {
		return
	}
	g.view = &view
	r := view.Register
	g.masker.keep = append(g.masker.keep, r.FN, r.Serial)
}

func (g *gatherer) sections() []section {
	return []section{
		{"doctor.json", "what the doctor finds / что нашёл осмотр", g.findings},
		{"versions.json", "versions of the program and its parts / версии", g.versions},
		{"config.yaml", "the config without secrets / настройки без секретов", g.config},
		{"log.txt", "the newest lines of the log / последние строки журнала программы", g.lines},
		{"capture.txt", "when the devices were spoken to, without a word of it / обмен с устройствами без содержания", g.capture},
		{"ledger.json", "counts of the ledger / счётчики журнала продаж", g.ledger},
		{"updates.json", "the updater's status / состояние обновлений", g.updates},
		{"system.json", "the machine: system, disk, memory, USB, time / машина", g.system},
	}
}

func (g *gatherer) findings(ctx context.Context) ([]byte, error) {
	found := agent.Doctor(ctx, g.checkup)
	found = slices.DeleteFunc(found, func(f agent.Finding) bool { return f.Subject == "config" && f.Level == agent.LevelError })
	found = append(found, g.configFindings()...)
	for i, f := range found {
		found[i].Subject = g.masker.line(f.Subject)
		found[i].Text = agent.Text{RU: g.masker.sentence(f.Text.RU), EN: g.masker.sentence(f.Text.EN)}
		found[i].Command = g.masker.text(f.Command)
	}
	return asJSON(found)
}

// configFindings are a config's problems without what stands there: an unknown key or a wrong value may be anything.
func (g *gatherer) configFindings() (found []agent.Finding) {
	known := map[string]bool{}
	if b, err := yaml.Marshal(agent.Config{Scanners: []agent.DeviceConfig{{}}}); err == nil {
		for _, word := range strings.FieldsFunc(string(b), func(r rune) bool { return strings.ContainsRune(": -\n[]{}\"", r) }) {
			known[word] = true
		}
	}
	for _, err := range joined(g.checkup.ConfigErr) {
		f := agent.Finding{Subject: "config", Level: agent.LevelError, Command: "kopilka-agent check-config", Text: agent.Text{RU: "Настройки не читаются", EN: "The config cannot be read"}}
		var p *agent.ConfigProblem
		if errors.As(err, &p) {
			path := places.ReplaceAllStringFunc(p.Path, func(word string) string {
				if known[word] {
					return word
				}
				return masked
			})
			f.Text = agent.Text{RU: path + ": не так", EN: path + ": is wrong"}
		}
		found = append(found, f)
	}
	return found
}

// places are the words of a path within the config, such as scanners[0].port.
var places = regexp.MustCompile(`[^.\[\]]*[^.\[\]\d][^.\[\]]*`)

// joined takes joined errors apart.
func joined(err error) []error {
	var all interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &all):
		return []error{err}
	}
	var out []error
	for _, one := range all.Unwrap() {
		out = append(out, joined(one)...)
	}
	return out
}

func (g *gatherer) versions(context.Context) ([]byte, error) {
	parts := map[string]string{"kopilka-agent": version, "go": runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			parts[d.Path] = d.Version
		}
	}
	return asJSON(parts)
}

// errConfigIll stands for the config's own error, which may quote it.
var errConfigIll = errors.New("the config has problems, see doctor.json: this is what was understood of it")

// config is written anew from what was understood: comments and unknown keys may hold anything.
func (g *gatherer) config(context.Context) ([]byte, error) {
	b, err := yaml.Marshal(g.checkup.Config)
	if err != nil {
		return nil, fmt.Errorf("write the config: %w", err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(b, &root); err != nil {
		return nil, fmt.Errorf("write the config: %w", err)
	}
	g.redact(&root, "")
	if b, err = yaml.Marshal(&root); err != nil {
		return nil, fmt.Errorf("write the config: %w", err)
	}
	if g.checkup.ConfigErr != nil {
		return b, errConfigIll
	}
	return b, nil
}

// redact masks values; that a key itself may be a secret somebody misplaced is why settings' names are masked too.
func (g *gatherer) redact(n *yaml.Node, key string) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			g.redact(n.Content[i+1], n.Content[i].Value)
			n.Content[i].Value = g.masker.text(n.Content[i].Value)
		}
		return
	}
	for _, c := range n.Content {
		g.redact(c, key)
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!bool" || n.Value == "" {
		return
	}
	value := g.masker.line(n.Value)
	if key == "weights" && agent.WeightPattern(n.Value).Validate() == nil {
		value = n.Value
	}
	if key != "name" && strings.Contains(g.masker.text(key+": longer-than-short"), masked) {
		value = masked
	}
	n.SetString(value)
}

func (g *gatherer) lines(ctx context.Context) ([]byte, error) {
	b, err := g.log(ctx)
	if len(b) > sectionMax {
		b = b[len(b)-sectionMax:]
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			b = b[i+1:] // half a line may be half a secret, without the word before it
		}
	}
	return []byte(g.masker.line(string(b))), err
}

// capture tells of each entry when, what and how long. Its bytes are masked in the file already, but only the devices'
// own words tell names from goods there: they stay on the till, where `kopilka-agent capture` shows them.
func (g *gatherer) capture(context.Context) ([]byte, error) {
	c := g.checkup.Config
	file := cmp.Or(c.Capture.File, filepath.Join(c.Data, captureFile))
	entries, damaged, err := capture.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	const newest = 20000 // some hours; 4 MB at 100 bytes a line are more
	entries = entries[max(0, len(entries)-newest):]
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d lines spoilt\n", damaged)
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %-12s conn %d %4d bytes", e.Time().UTC().Format("2006-01-02T15:04:05.000Z"), shortWord(string(e.Kind)), e.Conn, len(e.Data)+e.Lost)
		if e.Op != "" {
			fmt.Fprintf(&b, " op %s", shortWord(string(e.Op)))
		}
		if f := e.Failure; f != nil {
			fmt.Fprintf(&b, " failed %s %s %s", shortWord(string(f.Fail)), shortWord(string(f.Outcome)), shortWord(f.Code))
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), err
}

// shortWord is a word of ours or a device's short code; a file that somebody has written into may have anything there.
func shortWord(s string) string {
	const most = 14 // "preflight", "drop-marks", "read-failed"
	if len(s) > most || strings.ContainsFunc(s, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }) && len(s) > codeShort {
		return masked
	}
	return s
}

// ledgerCounts are numbers and nothing else.
type ledgerCounts struct {
	Bytes     int64  `json:"bytes"`
	Running   bool   `json:"running"` // the till has it open
	Records   uint64 `json:"records,omitempty"`
	Unsent    uint64 `json:"unsent"`
	Customers uint64 `json:"customers,omitempty"`
	SetAside  int    `json:"set_aside,omitempty"`
	Epoch     uint32 `json:"epoch,omitempty"`
}

func (g *gatherer) ledger(context.Context) ([]byte, error) {
	var n ledgerCounts
	info, err := os.Stat(filepath.Join(g.checkup.Ledger, ledger.FileName))
	if err != nil {
		return nil, err
	}
	n.Bytes = info.Size()
	if g.view != nil {
		n.Running, n.Unsent = true, g.view.Network.Unsent
		return asJSON(n)
	}
	l, err := ledger.Open(g.checkup.Ledger, ledger.Options{Clock: agent.NewClock(time.Now).Now, Random: rand.Reader})
	if err != nil {
		b, jsonErr := asJSON(n)
		return b, errors.Join(err, jsonErr)
	}
	head := l.Head()
	n.Records, n.Epoch, n.Unsent, n.Customers, n.SetAside = head.Seq, head.Epoch, l.Unsent(), l.Customers(), l.SetAside()
	b, err := asJSON(n)
	return b, errors.Join(err, l.Close())
}

func updaterStatus() ([]byte, error) {
	return os.ReadFile(filepath.Join(slots.System().State, slots.StatusFile))
}

func (g *gatherer) updates(context.Context) ([]byte, error) {
	b, err := g.updater()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var s slots.Status
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read the updater's status: %w", err)
	}
	v := versionsIn(s, askedLast(g.checkup.Config))
	return asJSON(map[string]string{
		"packaged": g.masker.line(v.Packaged), "current": g.masker.line(v.Current), "wanted": g.masker.line(v.Wanted), "trial": g.masker.line(v.Trial),
		"failed": g.masker.line(v.Failed), "why": g.masker.sentence(v.Why.EN), "trouble": g.masker.sentence(v.Trouble.EN), "at": v.At.UTC().Format(time.RFC3339), "stage": g.masker.line(string(s.Stage)),
	})
}

// machine is without its name, which is often a person's.
type machine struct {
	OS     string            `json:"os"`
	Arch   string            `json:"arch"`
	CPUs   int               `json:"cpus"`
	Time   string            `json:"time"`
	Zone   string            `json:"zone"`
	Free   uint64            `json:"disk_free_bytes"`
	Inodes uint64            `json:"inodes_free"`
	Facts  map[string]string `json:"facts"`
	USB    []string          `json:"usb"`
}

func (g *gatherer) system(ctx context.Context) ([]byte, error) {
	zone, _ := g.now.Zone()
	s := machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Time: g.now.UTC().Format(time.RFC3339), Zone: zone, Facts: map[string]string{}, USB: []string{}}
	var errs []error
	var err error
	if s.Free, err = g.checkup.Free(g.checkup.Config.Data); err != nil {
		errs = append(errs, err)
	}
	if s.Inodes, _, err = freeInodes(g.checkup.Config.Data); err != nil {
		errs = append(errs, err)
	}
	for name, fact := range machineFacts(ctx) {
		s.Facts[name] = fact // of the kernel and the distribution
	}
	for _, device := range usbDevices() {
		s.USB = append(s.USB, g.masker.text(device))
	}
	b, err := asJSON(s)
	return b, errors.Join(append(errs, err)...)
}

// output runs a program of the system.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	b, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return b, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}
