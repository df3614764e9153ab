// Kopilka-emulator is a shop's counters on one screen: for every till a fiscal register of any type that the
// till knows (register.type: shtrih-m, atol, pirit or mercury) with its paper, a scanner, a shelf of goods to
// scan, and switches for what goes wrong in a shop.
//
// What will bite: it signs with a key that everybody can compute, so its documents are worth nothing;
// and its page has no password, so it listens on this machine only and answers no other name.
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "kopilka-emulator:", err)
		os.Exit(1) //nolint:gocritic // the signal handler dies with the process
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("kopilka-emulator", flag.ContinueOnError)
	path := flags.String("config", "", "counters to build, YAML; without it one counter in ./emulator")
	listen := flags.String("listen", "", "address of the page, instead of the config's")
	flags.Usage = func() {
		_, _ = fmt.Fprint(out, usage) // a terminal that is gone has nobody to tell
		flags.SetOutput(out)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := loadConfig(*path)
	if err != nil {
		return err
	}
	if *listen != "" {
		c.Listen = *listen
	}
	s, err := openShop(c)
	if err != nil {
		return err
	}
	s.announce(out)
	err = s.run(ctx)
	return errors.Join(err, s.close())
}
