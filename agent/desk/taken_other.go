//go:build !windows

package desk

import "syscall"

// portTaken is the system's word for a port that another program has.
const portTaken = syscall.EADDRINUSE
