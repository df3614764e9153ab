// Command kopilka-updater installs the versions of the till program that the agent has downloaded, as root, and goes
// back by itself when a new one is ill. It has no network: it believes files, once it has verified them anew.
//
// What will bite: it is killed, or the machine loses power, between any two lines. What was being done is on the disk
// before it is done; apply first ends what it finds there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kopilka/kopilka/installer/slots"
)

// version is set by the build: -ldflags "-X main.version=1.0.0".
var version = "dev"

const usage = `kopilka-updater: installs new versions of the till program / ставит новые версии программы кассы

  adopt     a package has brought its program: take it over where it is newer (-force: in any case)
  apply     end what was begun, install what the agent wants, and watch it (the service does this)
  status    say how it stands
  rollback  go back to the version before
  retry     forget what is held against a version, or against all
  version   print the version
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l := slots.System()
	m := machine(l)
	handled, err := asService(m)
	if !handled {
		err = m.dispatch(ctx, os.Args[1:], os.Stdout)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		// Standard error may be closed; there is nobody else to tell.
		_, _ = fmt.Fprintln(os.Stderr, "kopilka-updater:", err)
		stop()
		os.Exit(1)
	}
}

// box is what the commands work on: the machine, or a folder of a test.
type box struct {
	layout  slots.Layout
	slots   *slots.Slots
	updater *updater
}

func (b box) dispatch(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		args = []string{"help"}
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	switch args[0] {
	case "adopt":
		brought := fs.String("version", "", "the package's version; without it the program is asked")
		force := fs.Bool("force", false, "take over even from a newer version: the package was put back on purpose")
		return parsed(fs, args, 0, func() error { return b.adopt(ctx, *brought, *force, out) })
	case "apply":
		return parsed(fs, args, 0, func() error { return b.apply(ctx) })
	case "status":
		asJSON := fs.Bool("json", false, "print JSON")
		lang := fs.String("lang", "ru", "ru or en")
		return parsed(fs, args, 0, func() error { return b.status(*asJSON, *lang, out) })
	case "rollback":
		return parsed(fs, args, 0, func() error { return b.rollback(ctx, out) })
	case "retry":
		return parsed(fs, args, 1, func() error { return b.retry(ctx, fs.Arg(0), out) })
	case "version":
		return parsed(fs, args, 0, func() error { return say(out, "kopilka-updater %s\n", version) })
	case "help", "-h", "--help":
		return say(out, "%s", usage)
	}
	return fmt.Errorf("there is no command %q; kopilka-updater help lists them", args[0])
}

func parsed(fs *flag.FlagSet, args []string, words int, do func() error) error {
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	if fs.NArg() > words {
		return fmt.Errorf("kopilka-updater %s: %q is one word too many / лишнее слово", args[0], fs.Arg(words))
	}
	return do()
}

func say(out io.Writer, format string, args ...any) error {
	if _, err := fmt.Fprintf(out, format, args...); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
