//go:build unix

package update

import "syscall"

// openAtOnce has a pipe that was put in a file's place opened without waiting for its other end.
const openAtOnce = syscall.O_NONBLOCK
