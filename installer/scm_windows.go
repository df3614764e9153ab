package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

// Program is where packages put the program.
const Program = `C:\Program Files\Kopilka\packaged\kopilka-agent.exe`

// Folders of the till program's versions; package slots knows them too.
const (
	packaged = "packaged"
	versions = "versions"
)

// askEvery is the pause between two questions while a service changes its state; the manager tells
// nobody.
const askEvery = 200 * time.Millisecond

func (s Service) program() string {
	if s.Program == "" {
		return Program
	}
	return s.Program
}

// arguments of the service; the marker comes last, behind all flags.
func (s Service) arguments(d definition) []string {
	return append(s.configured(d.Arguments), d.Marker)
}

func (s Service) configured(args []string) []string {
	args = append([]string{}, args...)
	if s.Config != "" {
		args = append(args, "-config", s.Config)
	}
	return args
}

func (s Service) install(context.Context) error {
	if s.Root != "" {
		return fmt.Errorf("%w: Windows keeps services in its registry, not in the folder %s", ErrNoManager, s.Root)
	}
	d, err := readDefinition()
	if err != nil {
		return err
	}
	if err := d.makeFolder(); err != nil {
		return err
	}
	if err := installSource(d.EventSource); err != nil {
		return err
	}
	if err := s.guardPrograms(d); err != nil {
		return fmt.Errorf("leave the programs' folder to administrators: %w", err)
	}
	if err := s.register(d); err != nil {
		return err
	}
	if err := s.autostart(d); err != nil {
		return err
	}
	return s.installUpdater(d)
}

// admit has nothing to do: [Service.Own] gives the folder its rights.
func (s Service) admit(context.Context) error { return nil }

// installUpdater is for machines where a package has brought the updater. It is LocalSystem: guardPrograms has seen to it
// that administrators alone change what lies there.
func (s Service) installUpdater(d definition) error {
	updater := s.updater(d)
	if !there(updater) {
		return nil
	}
	aside, err := d.makeUpdaterFolder()
	if err != nil {
		return err
	}
	if aside != "" {
		tellAside(aside)
	}
	return register(d.Updater.daemon, mgr.Config{}, s.English, func(string) (string, []string) {
		return updater, append(slices.Clone(d.Updater.Arguments), d.Marker)
	})
}

// tellAside is for the person who looks into the event log; a package is installed where nobody looks.
func tellAside(aside string) {
	text := "The updater's folder was there, and no administrator had made it: nothing in it is believed, it is now " + aside +
		". Updates wait until an administrator runs: kopilka-agent updates trust\n" +
		"Папка службы обновлений уже была, и создал её не администратор: ничему в ней не верим, теперь это " + aside +
		". Обновления ждут, пока администратор не выполнит: kopilka-agent updates trust"
	slog.Warn(text)
	events, err := OpenEvents()
	if err == nil {
		err = errors.Join(events.Error(EventUpdate, text), events.Close())
	}
	if err != nil {
		slog.Warn("the event log takes no message", "err", err)
	}
}

// programs is the folder of packaged and versions that the program lies in; empty where it lies elsewhere.
func (s Service) programs() string {
	slot := filepath.Dir(s.program())
	above := filepath.Dir(slot)
	switch {
	case strings.EqualFold(filepath.Base(slot), packaged):
		return above
	case strings.EqualFold(filepath.Base(above), versions):
		return filepath.Dir(above)
	}
	return ""
}

func (s Service) updater(d definition) string {
	if s.programs() == "" {
		return ""
	}
	return filepath.Join(s.programs(), d.Updater.Program)
}

func there(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// autostart has the notice helper start in every session. It is the package's, whatever version is current: Windows
// removes no program that runs, and a helper may run until its session ends.
func (s Service) autostart(d definition) (err error) {
	program := s.program()
	if p := filepath.Join(s.programs(), packaged, filepath.Base(program)); s.programs() != "" && there(p) {
		program = p
	}
	k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, d.Notify.Key, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("open the list of programs that start at logon: %w", rights(err))
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	return k.SetStringValue(d.Notify.Value, commandLine(program, s.configured(d.Notify.Arguments)))
}

func (s Service) uninstall(ctx context.Context) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	// The updater goes first: it would start the till again.
	for _, name := range []string{d.Updater.Name, d.Name} {
		err := s.with(name, func(service *mgr.Service) error {
			if err := halt(ctx, service); err != nil {
				return err
			}
			return service.Delete()
		})
		if err != nil && !errors.Is(err, ErrNotInstalled) {
			return err
		}
	}
	if programs := s.programs(); programs != "" {
		if err := os.RemoveAll(filepath.Join(programs, versions)); err != nil {
			return fmt.Errorf("remove the versions that updates brought: %w", rights(err))
		}
	}
	return errors.Join(removeAutostart(d), removeSource(d.EventSource))
}

func removeAutostart(d definition) (err error) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, d.Notify.Key, registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return rights(err)
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	if err := k.DeleteValue(d.Notify.Value); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return rights(err)
	}
	return nil
}

func (s Service) start(ctx context.Context) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	run := func(service *mgr.Service) error {
		if err := service.Start(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
			return err
		}
		return settle(ctx, service, svc.Running)
	}
	// An updater that does not start leaves a till that sells: whoever asks for its status is told.
	updater := s.with(d.Updater.Name, run)
	if errors.Is(updater, ErrNotInstalled) {
		updater = nil
	}
	if err := s.with(d.Name, run); err != nil {
		return err
	}
	if updater != nil {
		return fmt.Errorf("the till runs, but the updater does not: %w", updater)
	}
	return nil
}

// stop leaves the updater alone, which finds the till stopped by a person and leaves it so.
func (s Service) stop(ctx context.Context) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	return s.with(d.Name, func(service *mgr.Service) error { return halt(ctx, service) })
}

func halt(ctx context.Context, service *mgr.Service) error {
	if _, err := service.Control(svc.Stop); err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return err
	}
	return settle(ctx, service, svc.Stopped)
}

// settle waits until the service is in the state that was asked for.
func settle(ctx context.Context, service *mgr.Service, want svc.State) error {
	ctx, cancel := context.WithTimeout(ctx, stepMax)
	defer cancel()
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		st, err := service.Query()
		switch {
		case err != nil:
			return err
		case st.State == want:
			return nil
		case want == svc.Running && st.State == svc.Stopped:
			return fmt.Errorf("it stopped again at once, exit code %d/%d: kopilka-agent doctor tells the reason", st.Win32ExitCode, st.ServiceSpecificExitCode)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for it to be %s: %w", stateName(want), ctx.Err())
		case <-ticker.C:
		}
	}
}

// with opens the service for control.
func (s Service) with(name string, do func(*mgr.Service) error) (err error) {
	m, err := mgr.Connect()
	if err != nil {
		return rights(err)
	}
	defer func() { err = errors.Join(err, m.Disconnect()) }()
	service, err := m.OpenService(name)
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return ErrNotInstalled
	}
	if err != nil {
		return rights(err)
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	return rights(do(service))
}

// status asks with the rights that everybody has, which package mgr does not.
func (s Service) status(context.Context) (st Status, err error) {
	d, err := readDefinition()
	if err != nil {
		return st, err
	}
	m, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return st, rights(err)
	}
	defer func() { err = errors.Join(err, windows.CloseServiceHandle(m)) }()
	name, err := windows.UTF16PtrFromString(d.Name)
	if err != nil {
		return st, err
	}
	h, err := windows.OpenService(m, name, windows.SERVICE_QUERY_STATUS|windows.SERVICE_QUERY_CONFIG)
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return st, nil
	}
	if err != nil {
		return st, rights(err)
	}
	service := &mgr.Service{Name: d.Name, Handle: h}
	defer func() { err = errors.Join(err, service.Close()) }()
	return ask(service)
}

func ask(service *mgr.Service) (Status, error) {
	now, err := service.Query()
	if err != nil {
		return Status{}, err
	}
	st := Status{Installed: true, Running: now.State == svc.Running, State: stateName(now.State), PID: int(now.ProcessId)}
	c, err := readSettings(service)
	st.Automatic, st.Account = c.start == mgr.StartAutomatic, c.account
	return st, err
}

func stateName(s svc.State) string {
	switch s {
	case svc.Stopped:
		return "stopped"
	case svc.StartPending:
		return "starting"
	case svc.StopPending:
		return "stopping"
	case svc.Running:
		return "running"
	case svc.PausePending, svc.Paused, svc.ContinuePending:
		return "paused"
	}
	return fmt.Sprintf("state %d", s)
}

func rights(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, windows.ERROR_ACCESS_DENIED) ||
		errors.Is(err, windows.ERROR_INVALID_OWNER) || errors.Is(err, windows.ERROR_PRIVILEGE_NOT_HELD) {
		return fmt.Errorf("%w (%w)", ErrRights, err)
	}
	return err
}
