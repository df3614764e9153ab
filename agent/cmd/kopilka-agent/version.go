package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"runtime"

	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/sync/update"
)

// build names the source that this was made from, set as [version] is.
var build = ""

// about is what version -json prints. Packaging refuses a program by it, so its keys stay.
type about struct {
	Version string        `json:"version"`
	Build   string        `json:"build,omitempty"`
	OS      string        `json:"os"`
	Arch    string        `json:"arch"`
	HID     bool          `json:"hid"` // built with the C library for HID devices
	Ledger  update.Ledger `json:"ledger"`
	Go      string        `json:"go"`
}

func aboutThis() about {
	return about{
		Version: version, Build: build, OS: runtime.GOOS, Arch: runtime.GOARCH, HID: port.HIDBuiltIn(),
		Ledger: update.Ledger{Writes: ledger.FileFormat, Reads: ledger.FileFormat}, Go: runtime.Version(),
	}
}

var versionCommand = command{"print the version, with -json what it was built with too", "показать версию; с -json и то, из чего собрано", func(_ context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("version", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "version, system, HID, format of the ledger, for scripts / версия, система, HID, формат журнала; для сценариев")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := tooMany("version", fs.Args(), 0); err != nil {
		return err
	}
	if !*asJSON {
		return say(out, "kopilka-agent %s\n", version)
	}
	if err := json.NewEncoder(out).Encode(aboutThis()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}}
