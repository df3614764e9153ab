package installer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// register creates the till's service or repairs it.
func (s Service) register(d definition) error {
	c := mgr.Config{DelayedAutoStart: s.Delayed}
	choose := func(now string) (string, []string) { return s.chosen(now), s.arguments(d) }
	if err := register(d.daemon, c, s.English, choose); !unknownAccount(err) {
		return err
	}
	d.daemon.Account = d.AccountElsewhere // status says so
	return register(d.daemon, c, s.English, choose)
}

// chosen keeps a version that the updater has chosen: whether the package's is newer is for the updater to say.
func (s Service) chosen(now string) string {
	programs := s.programs()
	if programs == "" || now == "" {
		return s.program()
	}
	inside, err := filepath.Rel(filepath.Join(programs, versions), now)
	if err != nil || !filepath.IsLocal(inside) || !there(now) {
		return s.program()
	}
	return now
}

func unknownAccount(err error) bool {
	return errors.Is(err, windows.ERROR_INVALID_SERVICE_ACCOUNT) || errors.Is(err, windows.ERROR_NONE_MAPPED)
}

// register creates a service or repairs it. What it starts is chosen by what it has started until now.
func register(u daemon, c mgr.Config, english bool, choose func(now string) (program string, args []string)) (err error) {
	m, err := mgr.Connect()
	if err != nil {
		return rights(err)
	}
	defer func() { err = errors.Join(err, m.Disconnect()) }()
	c.ServiceType, c.StartType, c.ErrorControl = windows.SERVICE_WIN32_OWN_PROCESS, mgr.StartAutomatic, mgr.ErrorNormal
	c.DisplayName, c.Description, c.ServiceStartName = u.Display.in(english), u.Description.in(english), u.Account
	service, err := m.OpenService(u.Name)
	if err == nil {
		err = repair(service, c, choose)
	} else {
		program, args := choose("")
		service, err = m.CreateService(u.Name, program, c, args...)
	}
	if service != nil {
		defer func() { err = errors.Join(err, service.Close()) }()
	}
	if err != nil {
		return rights(err)
	}
	return errors.Join(recovery(service, u), confine(service, u))
}

// repair writes the settings anew. Delayed start is asked for only where it is wanted or was set, since
// not every Windows knows it.
func repair(service *mgr.Service, c mgr.Config, choose func(now string) (program string, args []string)) error {
	now, err := readSettings(service)
	if err != nil {
		return err
	}
	program, args := choose(now.program)
	c.BinaryPathName = commandLine(program, args)
	var texts [3]*uint16
	for i, text := range []string{c.BinaryPathName, c.DisplayName, c.ServiceStartName} {
		t, err := windows.UTF16PtrFromString(text)
		if err != nil {
			return fmt.Errorf("service settings %q: %w", text, err)
		}
		texts[i] = t
	}
	err = windows.ChangeServiceConfig(service.Handle, c.ServiceType, c.StartType, c.ErrorControl, texts[0], nil, nil, nil, texts[2], nil, texts[1])
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

// settings are those that are read here; mgr.Service.Config reads them only together with others, which not every
// Windows knows.
type settings struct {
	start     uint32
	account   string
	program   string
	arguments []string
}

func readSettings(service *mgr.Service) (settings, error) {
	var need uint32
	err := windows.QueryServiceConfig(service.Handle, nil, 0, &need)
	if !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) {
		return settings{}, fmt.Errorf("read the service's settings: %w", err)
	}
	b := newConfigBuffer(need)
	if err := windows.QueryServiceConfig(service.Handle, b.config(), need, &need); err != nil {
		return settings{}, fmt.Errorf("read the service's settings: %w", err)
	}
	c := b.config()
	st := settings{start: c.StartType, account: windows.UTF16PtrToString(c.ServiceStartName)}
	if words, err := windows.DecomposeCommandLine(windows.UTF16PtrToString(c.BinaryPathName)); err == nil && len(words) > 0 {
		st.program, st.arguments = words[0], words[1:]
	}
	return st, nil
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
func recovery(service *mgr.Service, u daemon) error {
	var actions []mgr.RecoveryAction
	for _, n := range u.RestartAfter {
		actions = append(actions, mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: seconds(n)})
	}
	if err := service.SetRecoveryActions(actions, uint32(u.ForgetAfter)); err != nil { //nolint:gosec // a number of the definition
		return fmt.Errorf("set restarts after failures: %w", err)
	}
	if err := service.SetRecoveryActionsOnNonCrashFailures(true); err != nil && !unknownLevel(err) {
		return fmt.Errorf("set restarts after failures: %w", err)
	}
	return nil
}

// confine gives the service an identity of its own, which the folder's rights name, leaves it the privileges of the
// definition, and has Windows wait for it before the machine goes off.
func confine(service *mgr.Service, u daemon) error {
	sid := uint32(windows.SERVICE_SID_TYPE_UNRESTRICTED)
	if err := change(service, windows.SERVICE_CONFIG_SERVICE_SID_INFO, unsafe.Pointer(&sid)); err != nil {
		return fmt.Errorf("give the service its identity: %w", err)
	}
	wait := uint32(seconds(u.ShutdownSeconds).Milliseconds()) //nolint:gosec // a minute
	if err := change(service, windows.SERVICE_CONFIG_PRESHUTDOWN_INFO, unsafe.Pointer(&wait)); err != nil {
		return fmt.Errorf("have Windows wait for the service: %w", err)
	}
	if len(u.Privileges) == 0 {
		return nil
	}
	var list []uint16
	for _, p := range u.Privileges {
		text, err := windows.UTF16FromString(p)
		if err != nil {
			return fmt.Errorf("privilege %q: %w", p, err)
		}
		list = append(list, text...)
	}
	first := &append(list, 0)[0]
	if err := change(service, windows.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, unsafe.Pointer(&first)); err != nil {
		return fmt.Errorf("take privileges from the service: %w", err)
	}
	return nil
}

// change sets what not every Windows knows (and wine knows little of); one that does not goes without.
func change(service *mgr.Service, level uint32, to unsafe.Pointer) error {
	err := windows.ChangeServiceConfig2(service.Handle, level, (*byte)(to))
	if unknownLevel(err) {
		return nil
	}
	return err
}

func unknownLevel(err error) bool {
	return errors.Is(err, windows.ERROR_INVALID_LEVEL) || errors.Is(err, windows.ERROR_CALL_NOT_IMPLEMENTED)
}
