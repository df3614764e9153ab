// Package installer makes the till program start with the machine: a systemd service on Linux, a Windows
// service, the rules that let it reach its devices, and the helper that shows notices to the cashier.
//
// What will bite: the files in linux and windows are the only place where a service is defined. Packages
// ship them and [Service.Install] writes the same bytes, so that a till set up by hand and one set up from a
// package behave alike; what differs on a machine (another path of the program or the config) goes into a
// drop-in beside the unit. Uninstalling never touches the ledger, the till's key and the config: a sale
// that head office has not yet heard of may be in there.
package installer

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Files are the service definitions, for packages: linux/… and windows/….
//
//go:embed linux windows
var Files embed.FS

// Errors that a caller tells apart.
var (
	// ErrRights is wrapped when the person may not do this.
	ErrRights = errors.New("not allowed: run it as root (sudo), on Windows in a console started as administrator")
	// ErrNotInstalled is wrapped where there is no such service.
	ErrNotInstalled = errors.New("the service is not installed: run kopilka-agent service install")
	// ErrNoManager is wrapped where no service manager runs, in a container or an image being built.
	ErrNoManager = errors.New("no service manager runs here")
	// ErrPath is wrapped when a path cannot stand in a service definition.
	ErrPath = errors.New("bad path")
)

// stepMax bounds one call of the service manager; a stop may wait for a receipt to be printed.
const stepMax = time.Minute

// Service is the till program as a service of this machine. The zero value is the usual one.
type Service struct {
	Root    string // folder that stands for the machine's root, while an image is built; empty: this machine
	Program string // absolute path of the program; empty: where packages put it
	Config  string // absolute path of the config; empty: the program's default
	Data    string // absolute path of the till's data; empty: not known, and what was arranged for it stays
	English bool   // names shown by Windows; else Russian
	Delayed bool   // Windows: start some minutes after logon, on machines too slow for it
}

// Install writes the definitions and has the service start with the machine, but does not start it now.
// Installing again repairs what is there. It needs an administrator.
func (s Service) Install(ctx context.Context) error {
	for _, path := range []string{s.Program, s.Config} {
		if err := checkPath(path); err != nil {
			return fmt.Errorf("install the service: %w", err)
		}
	}
	if err := s.install(ctx); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	return nil
}

// Uninstall stops the service and removes its definitions. Ledger, key and config stay.
func (s Service) Uninstall(ctx context.Context) error {
	if err := s.uninstall(ctx); err != nil {
		return fmt.Errorf("uninstall the service: %w", err)
	}
	return nil
}

// Admit lets a service that is installed write the folder Data, where that is not the usual one: [Service.Install] does
// it too. Where no service is installed it does nothing.
func (s Service) Admit(ctx context.Context) error {
	if err := s.admit(ctx); err != nil {
		return fmt.Errorf("let the service write its data: %w", err)
	}
	return nil
}

// Start starts the service and waits until it says that it is ready.
func (s Service) Start(ctx context.Context) error {
	if err := s.start(ctx); err != nil {
		return fmt.Errorf("start the service: %w", err)
	}
	return nil
}

// Stop stops the service and waits until it is gone.
func (s Service) Stop(ctx context.Context) error {
	if err := s.stop(ctx); err != nil {
		return fmt.Errorf("stop the service: %w", err)
	}
	return nil
}

// Status asks the service manager; it needs no rights.
func (s Service) Status(ctx context.Context) (Status, error) {
	st, err := s.status(ctx)
	if err != nil {
		return st, fmt.Errorf("ask about the service: %w", err)
	}
	return st, nil
}

// checkPath refuses what a unit or a command line could read as something else.
func checkPath(path string) error {
	if path == "" {
		return nil
	}
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%w: %q is not absolute", ErrPath, path)
	}
	for _, r := range path {
		if r < ' ' || r == '"' || r == '%' || r == '$' || r == '\'' || (r == '\\' && filepath.Separator != '\\') {
			return fmt.Errorf("%w: %q holds %q", ErrPath, path, r)
		}
	}
	return nil
}
