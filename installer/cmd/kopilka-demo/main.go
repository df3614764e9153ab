// Kopilka-demo is a shop to try everything in: head office, two tills, and at each till's counter a
// scanner and a fiscal register in software, all on this machine.
//
// It only starts the real programs, wires them and ends them. What will bite: the registers sign with a
// key that everybody can compute, and the password of head office lies in the demo's folder in plain
// text, so nothing here may sell in earnest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "kopilka-demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("kopilka-demo", flag.ContinueOnError)
	bin := flags.String("bin", "bin", "folder of the programs / папка программ")
	dir := flags.String("dir", "demo", "folder of the shop's data, kept between runs / папка данных")
	if err := flags.Parse(args); err != nil {
		return err
	}
	d, err := newDemo(*bin, *dir, os.Stdout)
	if err != nil {
		return err
	}
	// The kernel ends a child with the thread that started it (see childAttributes): keep that thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return d.run(ctx)
}
