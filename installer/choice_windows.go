package installer

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc/mgr"
)

// Chosen is the program that the till's service starts.
func (s Service) Chosen() (program string, err error) {
	d, err := readDefinition()
	if err != nil {
		return "", err
	}
	err = s.with(d.Name, func(service *mgr.Service) error {
		now, err := readSettings(service)
		program = now.program
		return err
	})
	return program, err
}

// Choose has the till's service start another version from the next time on: one value of the registry, so that a
// power cut leaves the old one or the new one. It is on the disk when Choose returns.
func (s Service) Choose(program string) error {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	return s.with(d.Name, func(service *mgr.Service) error {
		now, err := readSettings(service)
		if err != nil {
			return err
		}
		line, err := windows.UTF16PtrFromString(commandLine(program, now.arguments))
		if err != nil {
			return fmt.Errorf("service command line: %w", err)
		}
		const same = windows.SERVICE_NO_CHANGE
		if err := windows.ChangeServiceConfig(service.Handle, same, same, same, line, nil, nil, nil, nil, nil, nil); err != nil {
			return fmt.Errorf("have the service start %s: %w", program, err)
		}
		return s.Settle()
	})
}

// Settle puts the service's settings on the disk; Windows itself takes some seconds until it does.
func (s Service) Settle() (err error) {
	d, err := readDefinition()
	if err != nil {
		return err
	}
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Services\`+d.Name, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("put the service's settings on the disk: %w", rights(err))
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	flush := windows.NewLazySystemDLL("advapi32.dll").NewProc("RegFlushKey")
	code, _, _ := flush.Call(uintptr(k)) // its own answer is what counts, not the thread's last error
	runtime.KeepAlive(k)
	if code != 0 {
		return fmt.Errorf("put the service's settings on the disk: %w", syscall.Errno(code))
	}
	return nil
}
