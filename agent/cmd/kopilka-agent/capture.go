package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/drivers/port"
)

const captureUsage = "kopilka-agent capture list|show|replay [-session N] [-as-test DIR] [FILE]"

// errReplay makes a replay end with a failure, for scripts; what differs is printed before.
var errReplay = errors.New("the driver does not do what it did then, see above / драйвер делает не то, что тогда, см. выше")

var captureCommand = command{"show or replay what devices and till said to each other", "показать или повторить запись обмена кассы с устройствами", runCapture}

// captureOptions are the flags of all three.
type captureOptions struct {
	session int
	asTest  string
	set     settingFlags
}

func runCapture(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 || !slices.Contains([]string{"list", "show", "replay"}, args[0]) {
		return errors.New(captureUsage)
	}
	o := captureOptions{set: settingFlags{}}
	path, rest, err := configFlag("capture "+args[0], args[1:], func(fs *flag.FlagSet) {
		fs.IntVar(&o.session, "session", 0, "only the session of this number in the list")
		fs.StringVar(&o.asTest, "as-test", "", "write what was replayed into this folder, for the tests to replay ever after / записать повторённое в эту папку для тестов")
		fs.Var(o.set, "set", "NAME=VALUE of a setting that the capture keeps secret; may be repeated")
	})
	if err != nil {
		return err
	}
	sessions, err := readCapture(path, rest, out)
	if err != nil {
		return err
	}
	if o.session < 0 || o.session > len(sessions) {
		return fmt.Errorf("there are sessions 1 to %d", len(sessions))
	}
	switch args[0] {
	case "list":
		return listSessions(out, sessions)
	case "show":
		return eachSession(sessions, o.session, func(_ int, s capture.Session) error { return showSession(out, s) })
	case "replay":
		return replaySessions(ctx, out, sessions, o)
	}
	return errors.New(captureUsage)
}

// readCapture reads the file that is named, or that of the config.
func readCapture(config string, rest []string, out io.Writer) ([]capture.Session, error) {
	file := ""
	switch len(rest) {
	case 0:
		c, err := agent.LoadConfig(config)
		if err != nil {
			return nil, err
		}
		file = cmp.Or(c.Capture.File, filepath.Join(c.Data, captureFile))
	case 1:
		file = rest[0]
	default:
		return nil, errors.New(captureUsage)
	}
	entries, damaged, err := capture.Read(file)
	if errors.Is(err, fs.ErrNotExist) && len(rest) == 0 {
		return nil, fmt.Errorf("nothing has been written down yet; the running till does it where the config's capture.size is above 0 / "+
			"записи ещё нет: её ведёт работающая касса, если capture.size в настройках больше 0 (%w)", err)
	}
	if err != nil {
		return nil, err
	}
	if damaged > 0 {
		if err := say(out, "%d lines are damaged and left out / повреждённые строки пропущены\n", damaged); err != nil {
			return nil, err
		}
	}
	return capture.Sessions(entries), nil
}

func eachSession(all []capture.Session, only int, f func(no int, s capture.Session) error) error {
	for i, s := range all {
		if only == 0 || only == i+1 {
			if err := f(i+1, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func listSessions(out io.Writer, sessions []capture.Session) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	text := "№\tdevice / устройство\ttype / тип\tfrom / с\tto / по\tcalls / вызовы\tfailed / с ошибкой\n"
	for i, s := range sessions {
		calls, failed := s.Calls()
		about := s.About
		if !s.Whole {
			about.Device, about.Type = s.ID, "beginning lost / начало утрачено"
		}
		from, to := s.Entries[0].Time(), s.Entries[len(s.Entries)-1].Time()
		text += fmt.Sprintf("%d\t%s\t%s\t%s\t%s\t%d\t%d\n", i+1, about.Device, about.Type, from.Format("2006-01-02 15:04:05"), to.Format("15:04:05"), calls, failed)
	}
	if _, err := io.WriteString(t, text); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return t.Flush()
}

// makers make the drivers of captures; set are the secret settings that a capture does not keep.
func makers(set map[string]string) capture.Makers {
	settings := func(a capture.About) map[string]string {
		all := map[string]string{}
		for name, value := range a.Settings {
			all[name] = value
		}
		for _, name := range a.Withheld {
			if value, ok := set[name]; ok {
				all[name] = value
			}
		}
		return all
	}
	return capture.Makers{
		Printer: func(a capture.About, dial port.Dial) (drivers.Printer, error) {
			return all.Printer(a.Type, a.Device, dial, settings(a))
		},
		Scanner:     maker(all.Scanners, settings),
		SlipPrinter: maker(all.SlipPrinters, settings),
		Display:     maker(all.Displays, settings),
		Rewrite:     func(kind string) capture.Rewrite { return all.Kinds[kind].Rewrite },
		Rename:      func(kind string) capture.Rename { return all.Kinds[kind].Rename },
	}
}

// maker makes nothing of a type that is not in the list.
func maker[D any](from driverList[D], settings func(capture.About) map[string]string) func(capture.About, port.Dial) (D, error) {
	return func(a capture.About, dial port.Dial) (d D, err error) {
		if create, ok := from[a.Type]; ok {
			return create(a.Device, dial, settings(a))
		}
		return d, nil
	}
}

func replaySessions(ctx context.Context, out io.Writer, sessions []capture.Session, o captureOptions) error {
	m := makers(o.set)
	differ, replayed := false, 0
	err := eachSession(sessions, o.session, func(no int, s capture.Session) error {
		if !s.Whole {
			return say(out, "%d: its beginning is lost, it cannot be replayed / начало утрачено\n", no)
		}
		began := time.Now()
		calls, err := m.Replay(ctx, s)
		var d *capture.Difference
		switch {
		case errors.As(err, &d):
			differ = true
			return say(out, "%d: %s %s DIFFERS / ОТЛИЧАЕТСЯ: %v\n", no, s.About.Type, s.About.Device, d)
		case err != nil:
			return fmt.Errorf("session %d: %w", no, err)
		}
		replayed++
		if err := say(out, "%d: %s %s: %d calls as then, in %v / вызовы те же\n", no, s.About.Type, s.About.Device, calls, time.Since(began).Round(time.Millisecond)); err != nil {
			return err
		}
		return writeTest(o.asTest, s)
	})
	switch {
	case err != nil:
		return err
	case differ:
		return errReplay
	case replayed == 0:
		return errors.New("nothing was replayed / нечего проигрывать")
	}
	return nil
}

// writeTest keeps a session for the tests of drivers/capture.
func writeTest(folder string, s capture.Session) (err error) {
	if folder == "" {
		return nil
	}
	name := fmt.Sprintf("%s-%s.capture", s.About.Type, s.Entries[0].Time().UTC().Format("20060102-150405.000000"))
	f, err := os.OpenFile(filepath.Join(folder, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write a test: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return capture.WriteSession(f, s)
}

// settingFlags are -set NAME=VALUE.
type settingFlags map[string]string

func (f settingFlags) String() string { return "" } // they are secret

func (f settingFlags) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return errors.New("want NAME=VALUE")
	}
	f[name] = value
	return nil
}
