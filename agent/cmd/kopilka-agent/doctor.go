package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gorilla/websocket"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/sync/uplink"
)

// errIll makes the doctor end with a failure, for scripts; what is wrong is printed before.
var errIll = errors.New("the till needs help, see above / касса требует внимания, см. выше")

const (
	daemonWait   = 5 * time.Second // for the daemon on this machine to show its view
	viewBytesMax = 4 << 20         // a basket of the most lines is under 1 MB
)

var doctorCommand = command{"say what is wrong with config, devices, disk, clock and head office (doctor scanner, doctor print: try one; -bundle FILE: all for support, as a ZIP)", "что не так с настройками, устройствами, диском, часами и офисом (doctor scanner, doctor print: испытать; -bundle ФАЙЛ: всё для поддержки, ZIP)", func(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "scanner":
			return testScanner(ctx, args[1:], out)
		case "print":
			return testPrint(ctx, args[1:], out)
		}
	}
	lang, asJSON, bundle := "", false, false
	args, file := bundleFile(args)
	path, _, err := configFlag("doctor", args, func(fs *flag.FlagSet) {
		fs.BoolVar(&bundle, "bundle", false, "pack all that support needs, without personal data or keys, into FILE, a ZIP, or - for standard output / собрать всё для поддержки без личных данных и ключей в ФАЙЛ (ZIP) или - для вывода")
		fs.StringVar(&lang, "lang", "", "ru or en; as in the config where it is not given / язык, ru или en; без него как в настройках")
		fs.BoolVar(&asJSON, "json", false, "print JSON, with both languages / вывести JSON на обоих языках")
	})
	if err != nil {
		return err
	}
	c := checkup(path)
	if lang == "" {
		lang = c.Config.Language
	}
	if bundle {
		return makeBundle(ctx, path, file, lang, out)
	}
	findings := agent.Doctor(ctx, c)
	if asJSON {
		err = printJSON(out, findings)
	} else {
		err = printTable(out, findings, lang)
	}
	if err == nil && agent.Worst(findings) == agent.LevelError {
		err = errIll
	}
	return err
}}

// bundleFile takes the file from behind -bundle, as a word or after the sign =; it may be left out.
func bundleFile(args []string) (rest []string, file string) {
	for i, a := range args {
		if name, file, given := strings.Cut(a, "="); given && (name == "-bundle" || name == "--bundle") {
			return slices.Concat(args[:i], []string{name}, args[i+1:]), file
		}
	}
	i := slices.IndexFunc(args, func(a string) bool { return a == "-bundle" || a == "--bundle" })
	if i < 0 || i+1 >= len(args) || strings.HasPrefix(args[i+1], "-") && args[i+1] != "-" {
		return args, ""
	}
	return slices.Concat(args[:i+1], args[i+2:]), args[i+1]
}

// checkup gives the doctor the hands that package agent must not have.
func checkup(path string) agent.Checkup {
	config, configErr := agent.LoadConfig(path)
	if config.Data == "" { // unreadable: what can be examined without it is
		config = agent.DefaultConfig()
	}
	return checkupOf(path, config, configErr)
}

func checkupOf(path string, config agent.Config, configErr error) agent.Checkup {
	p := &Program{config: config}
	devices, deviceErr := p.devices()
	if configErr == nil {
		configErr = deviceErr
	}
	if deviceErr != nil {
		devices = openers{}
	}
	c := agent.Checkup{
		Now: time.Now, Version: version, ConfigPath: path, Config: config, ConfigErr: configErr, Ledger: filepath.Join(config.Data, ledgerFolder),
		Windows: runtime.GOOS == "windows", Service: serviceState, Versions: updaterVersions(config), Rights: rightsOf(config), Inodes: freeInodes,
		LogLevel: func(ctx context.Context) (agent.LogState, error) { return askLogLevel(ctx, config.Page) },
		Daemon:   func(ctx context.Context) (agent.View, error) { return askDaemon(ctx, config.Page) },
		Free:     freeSpace, Foreign: foreignFiles, Register: devices.register, Moved: p.register.moved, Printer: devices.printer, Display: devices.display, Ports: portsHere,
		Holders: func(at string) []string { return holders(cmp.Or(portName(at), at)) }, Taken: port.ErrBusy,
		Enrolled:   func() (string, error) { return enrolled(filepath.Join(config.Data, identityFile)) },
		HeadOffice: func(ctx context.Context) agent.Reach { return reachHeadOffice(ctx, config) },
	}
	c.Waiting = func(ctx context.Context) (agent.Waits, error) { return askWaiting(ctx, config.Page) }
	c.Page = func() error { return pageFree(config.Page) }
	kept, err := readLater(config.Data)
	if err == nil && kept.Code != "" {
		c.Kept = kept.URL
	}
	_, err = os.Stat(filepath.Join(config.Data, identityFile))
	c.Limited = errors.Is(err, fs.ErrPermission)
	for _, s := range p.scanners {
		c.Scanners = append(c.Scanners, agent.ScannerProbe{Name: s.config.Name, Port: portName(s.config.Port), Open: func(ctx context.Context) error {
			conn, err := s.dial(ctx)
			if err != nil {
				return err
			}
			return conn.Close()
		}})
	}
	return c
}

// examine is the doctor of the running till's own page: it asks the till for its view, as a page does, and opens
// neither ledger nor devices.
func (p *Program) examine(ctx context.Context) []agent.Finding {
	config, err := p.config, error(nil)
	if p.path != "" {
		if config, err = agent.LoadConfig(p.path); config.Data == "" {
			config = p.config
		}
	}
	c := checkupOf(cmp.Or(p.path, agent.DefaultConfigPath), config, err)
	c.Inside, c.Waiting, c.Page, c.Limited = true, nil, nil, false
	c.Daemon = p.lastView
	c.LogLevel = nil
	if p.level != nil {
		c.LogLevel = func(context.Context) (agent.LogState, error) { return p.level.State(), nil }
	}
	return agent.Doctor(ctx, c)
}

// errNoView is given where the till has shown nothing in time.
var errNoView = errors.New("the till shows nothing: it is starting, stopping or stuck")

func (p *Program) lastView(ctx context.Context) (agent.View, error) {
	views, stop := p.till.Watch()
	defer stop()
	select {
	case v, open := <-views:
		if open {
			return v, nil
		}
	case <-ctx.Done():
	}
	return agent.View{}, errNoView
}

// portsHere are the serial ports; by their names alone where the system does not tell more.
func portsHere() (names []string) {
	ctx, cancel := context.WithTimeout(context.Background(), daemonWait)
	defer cancel()
	found, err := port.List(ctx)
	if err != nil {
		return serialPorts()
	}
	for _, f := range found {
		if f.Kind == port.KindSerial {
			names = append(names, f.Path)
		}
	}
	return names
}

func serviceState(ctx context.Context) (agent.ServiceState, error) {
	st, err := installer.Service{}.Status(ctx)
	return agent.ServiceState{
		Running: st.Running, Enabled: st.Automatic, Restarts: st.Restarts,
		Text: agent.Text{RU: st.Sentence(false), EN: st.Sentence(true)},
	}, err
}

// askDaemon takes the first view that the daemon sends to a page.
func askDaemon(ctx context.Context, page string) (view agent.View, err error) {
	ctx, cancel := context.WithTimeout(ctx, daemonWait)
	defer cancel()
	dialer := websocket.Dialer{HandshakeTimeout: daemonWait}
	conn, answer, err := dialer.DialContext(ctx, "ws://"+page+"/socket", nil)
	if err != nil {
		if answer != nil {
			err = errors.Join(err, answer.Body.Close())
		}
		return view, fmt.Errorf("ask the till program at %s: %w", page, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	conn.SetReadLimit(viewBytesMax)
	if err := conn.SetReadDeadline(time.Now().Add(daemonWait)); err != nil {
		return view, fmt.Errorf("ask the till program: %w", err)
	}
	for {
		var message struct {
			View *agent.View `json:"view"`
		}
		if err := conn.ReadJSON(&message); err != nil {
			return view, fmt.Errorf("read the till program's view: %w", err)
		}
		if message.View != nil {
			return *message.View, nil
		}
	}
}

// askWaiting asks a till that is not enrolled yet.
func askWaiting(ctx context.Context, page string) (w agent.Waits, err error) {
	err = askJSON(ctx, page, "/waiting.json", &w)
	return w, err
}

// askJSON reads what the program at the till's page says of itself.
func askJSON(ctx context.Context, page, path string, into any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, daemonWait)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+page+path, nil)
	if err != nil {
		return fmt.Errorf("ask the till program: %w", err)
	}
	a, err := direct(daemonWait).Do(q)
	if err != nil {
		return fmt.Errorf("ask the till program: %w", err)
	}
	defer func() { err = errors.Join(err, a.Body.Close()) }()
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the till program for %s: %s", path, a.Status)
	}
	if err := json.NewDecoder(io.LimitReader(a.Body, viewBytesMax)).Decode(into); err != nil {
		return fmt.Errorf("read the till program's answer: %w", err)
	}
	return nil
}

// pageFree tries to listen where the page should be.
func pageFree(page string) error {
	l, err := desk.Listen(page)
	if err != nil {
		return err
	}
	return l.Close()
}

func enrolled(file string) (string, error) {
	id, err := uplink.Load(file)
	if errors.Is(err, uplink.ErrNotEnrolled) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d/%d, %s", id.Store, id.Till, id.URL), nil
}

// portName is the device file or COM port of an address, empty for one on the network.
func portName(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "serial" {
		return ""
	}
	return u.Host + u.Path
}

func printJSON(out io.Writer, findings []agent.Finding) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	if err := e.Encode(findings); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// subjectsRU are the subjects in the table; what is not here, a scanner's name, stands as it is.
var subjectsRU = map[string]string{
	"service": "служба", "version": "версия", "config": "настройки", "daemon": "программа", "folder": "папка", "disk": "диск",
	"rights": "права", "log": "лог", "ledger": "журнал", "clock": "часы", "register": "касса", "printer": "принтер", "display": "дисплей", "head office": "офис",
}

func printTable(out io.Writer, findings []agent.Finding, lang string) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		mark, subject, text := marks[f.Level][0], f.Subject, f.Text.RU
		if lang == "en" {
			mark, text = marks[f.Level][1], f.Text.EN
		} else if ru, ok := subjectsRU[subject]; ok {
			subject = ru
		} else if name, ok := strings.CutPrefix(subject, "scanner "); ok {
			subject = "сканер " + name
		}
		if f.Command != "" {
			text += "  → " + f.Command
		}
		if _, err := fmt.Fprintf(t, "%s\t%s\t%s\n", mark, subject, text); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// marks are the levels as words, Russian and English, so that they can be searched for.
var marks = map[agent.Level][2]string{
	agent.LevelOK: {"в порядке", "ok"}, agent.LevelWarning: {"внимание", "warning"}, agent.LevelError: {"ОШИБКА", "ERROR"},
}
