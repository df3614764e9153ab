//go:build !linux

package main

import (
	"os"
	"syscall"
)

// stopsByAsking: Windows has no signal that asks a program without a window.
const stopsByAsking = false

// childAttributes: only Linux ends children with their parent.
func childAttributes() *syscall.SysProcAttr { return nil }

func terminate(p *os.Process) error { return p.Kill() }

// lock is left to the ledgers, which let one program in at a time.
func lock(string) (unlock func() error, err error) { return func() error { return nil }, nil }
