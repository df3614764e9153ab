// Command kopilka-cloud is head office: it takes tills' journals in, keeps everybody's points, and shows
// it all to the people who run the shops.
//
// First `kopilka-cloud init`, then `kopilka-cloud serve`; `kopilka-cloud help` lists the rest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/kopilka/kopilka/cloud/store"
)

// version is set by the linker.
var version = "dev"

// command is one word of the command line.
type command struct {
	help string
	run  func(ctx context.Context, c *call) error
}

// call is a command with its flags and where it speaks.
type call struct {
	flags  *flag.FlagSet
	args   []string
	words  int // that the command takes beside its flags
	out    io.Writer
	log    io.Writer
	config string               // file of the settings that were read; empty: none
	listen func(address string) // told where serve listens, for tests
}

var commands = map[string]command{
	"serve":        {"let tills and people in / принимать кассы и людей", serve},
	"init":         {"create the organisation and its first user / создать организацию и первого пользователя", initialise},
	"seed":         {"load stores, staff, products and customers from a file / загрузить магазины, персонал, товары и покупателей из файла", seed},
	"enrol-code":   {"make a code for a new till / создать код регистрации кассы", enrolCode},
	"restored":     {"tell tills that this database came from a backup / сообщить кассам, что база восстановлена из копии", restored},
	"backup":       {"copy the database while head office serves / сделать копию базы, не останавливая офис", backup},
	"restore":      {"put a copy in the database's place / вернуть базу из копии: restore FILE", restore},
	"check-config": {"say all that is wrong in the settings, and do nothing else / проверить настройки и больше ничего не делать", checkConfig},
	"health":       {"ask the head office of this machine whether it is well / спросить, всё ли в порядке", health},
	"updates":      {"give tills new versions of the program / обновлять программу на кассах; updates help", updatesWord},
	"version":      {"print the version / показать версию", printVersion},
}

// order is how help lists the commands.
var order = []string{"init", "serve", "seed", "enrol-code", "backup", "restore", "restored", "check-config", "health", "updates", "version"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, nil); err != nil {
		fmt.Fprintln(os.Stderr, "kopilka-cloud:", err)
		stop()
		os.Exit(exitCode(err))
	}
}

// Exit codes, for scripts and timers.
const (
	exitFailed = 1
	exitUsage  = 2 // the command line or the settings are wrong
	exitFull   = 3 // no space for a backup or a restored copy
	exitBusy   = 4 // head office or another backup is at work
	exitBad    = 5 // the copy is not whole, or belongs to a newer version
	// exitNothing is no failure to the timer's unit: head office has no database of its own here, not yet or not at all.
	exitNothing = 6
)

func exitCode(err error) int {
	is := func(targets ...error) bool {
		return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
	}
	switch {
	case is(errUsage):
		return exitUsage
	case is(errNothing):
		return exitNothing
	case is(store.ErrFull):
		return exitFull
	case is(store.ErrInUse, errBackupRuns):
		return exitBusy
	case is(store.ErrNotDatabase, store.ErrNewer):
		return exitBad
	}
	return exitFailed
}

// parse reads the flags.
func (c *call) parse() error {
	if err := c.flags.Parse(c.args); err != nil && !errors.Is(err, flag.ErrHelp) {
		return fmt.Errorf("%w: %w", errUsage, err)
	} else if err != nil {
		return err
	}
	if c.flags.NArg() > c.words { // flags behind it would be words too, and nothing would say so
		return fmt.Errorf("%w: %q is one too many: flags begin with a dash, and their values stand behind them / лишнее слово %[2]q: у ключей впереди дефис, за ними значения", errUsage, c.flags.Arg(c.words))
	}
	return nil
}

// run is main without the process, so that tests run it too.
func run(ctx context.Context, args []string, out, log io.Writer, listen func(string)) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		return help(out)
	}
	c, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("%w: no command %q: see kopilka-cloud help / нет такой команды, см. kopilka-cloud help", errUsage, args[0])
	}
	flags := flag.NewFlagSet("kopilka-cloud "+args[0], flag.ContinueOnError)
	flags.SetOutput(out)
	err := c.run(ctx, &call{flags: flags, args: args[1:], out: out, log: log, listen: listen})
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}

func help(out io.Writer) error {
	for _, name := range order {
		if _, err := fmt.Fprintf(out, "  kopilka-cloud %-12s %s\n", name, commands[name].help); err != nil {
			return fmt.Errorf("print help: %w", err)
		}
	}
	return nil
}

func printVersion(_ context.Context, c *call) error {
	_, err := fmt.Fprintln(c.out, "kopilka-cloud", version)
	return err
}
