package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// stopsByAsking tells that a program that is asked to end can end well.
const stopsByAsking = true

// childAttributes put a program into a process group of its own, so that Ctrl-C reaches us alone and we
// end the shop in order; and have the kernel end it should we be killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// lock takes a lock that another demo may hold; the kernel opens it when we die.
func lock(file string) (unlock func() error, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, filePerm)
	if err != nil {
		return nil, fmt.Errorf("open a lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w (%s): %w", errLocked, file, err), f.Close())
	}
	return f.Close, nil
}
