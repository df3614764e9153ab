package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

// Program is where packages put the program.
const Program = `C:\Program Files\Kopilka\kopilka-agent.exe`

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
	if err := makeFolder(d); err != nil {
		return err
	}
	if err := s.register(d); err != nil {
		return err
	}
	return s.autostart(d)
}

// register creates the service or repairs it.
func (s Service) register(d definition) (err error) {
	m, err := mgr.Connect()
	if err != nil {
		return rights(err)
	}
	defer func() { err = errors.Join(err, m.Disconnect()) }()
	c := mgr.Config{
		ServiceType: windows.SERVICE_WIN32_OWN_PROCESS, StartType: mgr.StartAutomatic, ErrorControl: mgr.ErrorNormal,
		DisplayName: d.Display.in(s.English), Description: d.Description.in(s.English), ServiceStartName: d.Account,
		DelayedAutoStart: s.Delayed,
	}
	service, err := m.OpenService(d.Name)
	if err == nil {
		c.BinaryPathName = commandLine(s.program(), s.arguments(d))
		err = repair(service, c)
	} else {
		service, err = m.CreateService(d.Name, s.program(), c, s.arguments(d)...)
	}
	if err != nil {
		return rights(err)
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	return recovery(service, d)
}

// repair writes the settings anew. Delayed start is asked for only where it is wanted or was set, since
// not every Windows knows it.
func repair(service *mgr.Service, c mgr.Config) error {
	line, err := windows.UTF16PtrFromString(c.BinaryPathName)
	if err != nil {
		return fmt.Errorf("service command line: %w", err)
	}
	display, err := windows.UTF16PtrFromString(c.DisplayName)
	if err != nil {
		return fmt.Errorf("service name: %w", err)
	}
	account, err := windows.UTF16PtrFromString(c.ServiceStartName)
	if err != nil {
		return fmt.Errorf("service account: %w", err)
	}
	err = windows.ChangeServiceConfig(service.Handle, c.ServiceType, c.StartType, c.ErrorControl, line, nil, nil, nil, account, nil, display)
	if err != nil {
		return fmt.Errorf("change the service: %w", err)
	}
	old, err := service.Config()
	if !c.DelayedAutoStart && (err != nil || !old.DelayedAutoStart) {
		return nil
	}
	old.DelayedAutoStart = c.DelayedAutoStart
	return service.UpdateConfig(old)
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func commandLine(program string, args []string) string {
	line := []string{windows.EscapeArg(program)}
	for _, a := range args {
		line = append(line, windows.EscapeArg(a))
	}
	return strings.Join(line, " ")
}

// recovery restarts the service after a crash and after an exit with an error alike.
func recovery(service *mgr.Service, d definition) error {
	var actions []mgr.RecoveryAction
	for _, n := range d.RestartAfter {
		actions = append(actions, mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: seconds(n)})
	}
	if err := service.SetRecoveryActions(actions, uint32(d.ForgetAfter)); err != nil {
		return fmt.Errorf("set restarts after failures: %w", err)
	}
	err := service.SetRecoveryActionsOnNonCrashFailures(true)
	if err != nil && !errors.Is(err, windows.ERROR_INVALID_LEVEL) { // a Windows without that level restarts after crashes only
		return fmt.Errorf("set restarts after failures: %w", err)
	}
	return nil
}

// autostart has the notice helper start in every session.
func (s Service) autostart(d definition) (err error) {
	k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, d.Notify.Key, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("open the list of programs that start at logon: %w", rights(err))
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	return k.SetStringValue(d.Notify.Value, commandLine(s.program(), s.configured(d.Notify.Arguments)))
}

func folder(d definition) (string, error) {
	data, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return "", fmt.Errorf("find ProgramData: %w", err)
	}
	return filepath.Join(data, d.Folder), nil
}

func makeFolder(d definition) error {
	path, err := folder(d)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return rights(err)
	}
	return setRights(path, d.FolderRights)
}

// Share lets the person at the screen read one file of the data folder.
func (s Service) Share(path string) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	return setRights(path, d.SharedRights)
}

func setRights(path, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return fmt.Errorf("rights of %s: %w", path, err)
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return fmt.Errorf("rights of %s: %w", path, err)
	}
	err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, acl, nil)
	if err != nil {
		return fmt.Errorf("set the rights of %s: %w", path, rights(err))
	}
	return nil
}

func (s Service) uninstall(ctx context.Context) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	if err := s.stop(ctx); err != nil && !errors.Is(err, ErrNotInstalled) {
		return err
	}
	err = s.with(d, func(service *mgr.Service) error { return service.Delete() })
	if err != nil && !errors.Is(err, ErrNotInstalled) {
		return err
	}
	return removeAutostart(d)
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
	return s.with(d, func(service *mgr.Service) error {
		if err := service.Start(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
			return err
		}
		return settle(ctx, service, svc.Running)
	})
}

func (s Service) stop(ctx context.Context) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	return s.with(d, func(service *mgr.Service) error {
		if _, err := service.Control(svc.Stop); err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
			return err
		}
		return settle(ctx, service, svc.Stopped)
	})
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
func (s Service) with(d definition, do func(*mgr.Service) error) (err error) {
	m, err := mgr.Connect()
	if err != nil {
		return rights(err)
	}
	defer func() { err = errors.Join(err, m.Disconnect()) }()
	service, err := m.OpenService(d.Name)
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
	start, err := startType(service)
	st.Automatic = start == mgr.StartAutomatic
	return st, err
}

// startType reads the one setting that mgr.Service.Config gives only together with others, which not
// every Windows knows.
func startType(service *mgr.Service) (uint32, error) {
	var need uint32
	err := windows.QueryServiceConfig(service.Handle, nil, 0, &need)
	if !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) {
		return 0, fmt.Errorf("read the service's settings: %w", err)
	}
	b := newConfigBuffer(need)
	if err := windows.QueryServiceConfig(service.Handle, b.config(), need, &need); err != nil {
		return 0, fmt.Errorf("read the service's settings: %w", err)
	}
	return b.config().StartType, nil
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
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return fmt.Errorf("%w (%w)", ErrRights, err)
	}
	return err
}
