// Command kopilka-agent is the daemon of one till and the tools of the person who looks after it.
//
// What will bite: only one process may have the ledger open; the ledger commands want the service stopped.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/kopilka/kopilka/agent"
)

// version is set by the build: -ldflags "-X main.version=1.0.0".
var version = "dev"

// command is one word after the program's name.
type command struct {
	usage   string
	usageRu string
	run     func(ctx context.Context, args []string, out io.Writer) error
}

var commands = map[string]command{
	"run":          runCommand,
	"enrol":        enrolCommand,
	"enroll":       enrolCommand,
	"check-config": checkConfigCommand,
	"ledger":       ledgerCommand,
	"service":      serviceCommand,
	"doctor":       doctorCommand,
	"notify":       notifyCommand,
	"log":          logCommand,
	"capture":      captureCommand,
	"devices":      devicesCommand,
	"setup":        setupCommand,
	"kiosk":        kioskCommand,
	"updates":      updatesCommand,
	"version":      versionCommand,
	"purge":        purgeCommand,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := dispatch(ctx, os.Args[1:], os.Stdout)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	default:
		// Standard error may be closed; there is nobody else to tell.
		_, _ = fmt.Fprintln(os.Stderr, "kopilka-agent:", inBoth(err))
		unheard(err)
		stop()
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		return help(out)
	}
	c, known := commands[args[0]]
	if !known {
		return fmt.Errorf("there is no command %q; kopilka-agent help lists them / нет команды %q; список даст kopilka-agent help", args[0], args[0])
	}
	return withRights(args[0], c.run(ctx, args[1:], out))
}

// ownRights are the commands that work with the rights of whoever they are for: more are no help there.
var ownRights = []string{"run", "kiosk", "notify"}

// withRights says what to do where files are closed to whoever gave the command, unless that was said.
func withRights(word string, err error) error {
	if !errors.Is(err, fs.ErrPermission) || slices.Contains(ownRights, word) || strings.Contains(err.Error(), "sudo") {
		return err
	}
	return noRights(err)
}

func help(out io.Writer) error {
	text := "kopilka-agent: the till's daemon / программа кассы\n\n"
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		if name != "enroll" { // the American spelling of enrol
			text += fmt.Sprintf("  %-13s %s\n  %-13s %s\n", name, commands[name].usage, "", commands[name].usageRu)
		}
	}
	return say(out, "%s", text)
}

func say(out io.Writer, format string, args ...any) error {
	if _, err := fmt.Fprintf(out, format, args...); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// wordsMax is how many words beside its flags a command takes; one that is not here takes none.
// The service command refuses its one word itself, with its usage.
var wordsMax = map[string]int{"enrol": 2, "capture list": 1, "capture show": 1, "capture replay": 1, "ledger explain": 2, "service": 1, "log": 1}

// configFlag parses a command's flags with the one that all share, and refuses words that nobody would read.
func configFlag(name string, args []string, more func(*flag.FlagSet)) (path string, rest []string, err error) {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.StringVar(&path, "config", agent.DefaultConfigPath, "config file / файл настроек")
	if more != nil {
		more(fs)
	}
	if err = fs.Parse(args); err == nil {
		err = tooMany(name, fs.Args(), wordsMax[name])
	}
	return path, fs.Args(), err
}

// tooMany refuses the words after the first most ones. Flags after a word are words to package flag, so they are
// looked for among all: one that is overlooked would have the command work on another config.
func tooMany(name string, words []string, most int) error {
	for i, w := range words {
		switch {
		case i >= most && !strings.HasPrefix(w, "-"):
			return fmt.Errorf("kopilka-agent %s: %q is one word too many / лишнее слово %q", name, w, w)
		case strings.HasPrefix(w, "-"):
			return fmt.Errorf("kopilka-agent %s: put %s before the words / поставьте %s перед словами", name, w, w)
		}
	}
	return nil
}
