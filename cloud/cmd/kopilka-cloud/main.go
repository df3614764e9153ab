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
	"syscall"
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
	out    io.Writer
	log    io.Writer
	listen func(address string) // told where serve listens, for tests
}

var commands = map[string]command{
	"serve":      {"let tills and people in / принимать кассы и людей", serve},
	"init":       {"create the organisation and its first user / создать организацию и первого пользователя", initialise},
	"seed":       {"load stores, staff, products and customers from a file / загрузить магазины, персонал, товары и покупателей из файла", seed},
	"enrol-code": {"make a code for a new till / создать код регистрации кассы", enrolCode},
	"restored":   {"tell tills that this database came from a backup / сообщить кассам, что база восстановлена из копии", restored},
	"updates":    {"give tills new versions of the program / обновлять программу на кассах; updates help", updatesWord},
	"version":    {"print the version / показать версию", printVersion},
}

// order is how help lists the commands.
var order = []string{"init", "serve", "seed", "enrol-code", "restored", "updates", "version"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, nil); err != nil {
		fmt.Fprintln(os.Stderr, "kopilka-cloud:", err)
		stop()
		os.Exit(1)
	}
}

// run is main without the process, so that tests run it too.
func run(ctx context.Context, args []string, out, log io.Writer, listen func(string)) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		return help(out)
	}
	c, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("no command %q: see kopilka-cloud help / нет такой команды, см. kopilka-cloud help", args[0])
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
		if _, err := fmt.Fprintf(out, "  kopilka-cloud %-11s %s\n", name, commands[name].help); err != nil {
			return fmt.Errorf("print help: %w", err)
		}
	}
	return nil
}

func printVersion(_ context.Context, c *call) error {
	_, err := fmt.Fprintln(c.out, "kopilka-cloud", version)
	return err
}
