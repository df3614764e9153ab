//go:build !windows

package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeSpace is what an account without privileges may still fill.
func freeSpace(folder string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", folder, err)
	}
	return s.Bavail * uint64(s.Bsize), nil //nolint:gosec // a block has a size
}
