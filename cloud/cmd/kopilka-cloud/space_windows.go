package main

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// freeSpace is what this account may still fill.
func freeSpace(folder string) (free uint64, err error) {
	path, err := windows.UTF16PtrFromString(folder)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(path, &free, nil, nil)
	}
	if err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", folder, err)
	}
	return free, nil
}
