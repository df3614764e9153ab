//go:build !windows

package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/agent"
)

// account is the service's, as the unit names it; the groups beside its own get the devices.
const account = "kopilka"

var (
	deviceGroups = []string{"dialout", "plugdev"}
	rulePlaces   = []string{"/etc/udev/rules.d/60-kopilka.rules", "/usr/lib/udev/rules.d/60-kopilka.rules", "/lib/udev/rules.d/60-kopilka.rules"}
)

// rightsOf looks at accounts, groups and files; nothing is opened.
func rightsOf(c agent.Config) func() agent.Rights {
	return func() agent.Rights {
		r := agent.Rights{Account: account}
		who, err := user.Lookup(account)
		if err != nil {
			var none user.UnknownUserError
			r.Missing = errors.As(err, &none)
			return r
		}
		may := []string{who.Gid}
		for _, name := range deviceGroups {
			if g, err := user.LookupGroup(name); err == nil {
				may = append(may, g.Gid)
			} else {
				r.Groups = append(r.Groups, name)
			}
		}
		r.Rules = slices.ContainsFunc(rulePlaces, func(path string) bool { _, err := os.Stat(path); return err == nil })
		for _, device := range configPorts(c) {
			if closedTo(device, who.Uid, may) {
				r.Closed = append(r.Closed, device)
			}
		}
		if info, err := os.Stat(c.Data); err == nil && info.Mode().Perm()&0o007 != 0 {
			r.Open = c.Data
		}
		return r
	}
}

// configPorts are the device files that the config names.
func configPorts(c agent.Config) (paths []string) {
	for _, d := range slices.Concat([]agent.DeviceConfig{c.Register.DeviceConfig, c.Printer, c.Display}, c.Scanners) {
		if path := portName(d.Port); filepath.IsAbs(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// closedTo tells whether a device file is there and neither its owner nor its group nor everybody lets the account in.
func closedTo(path, uid string, groups []string) bool {
	var s unix.Stat_t
	if unix.Stat(path, &s) != nil {
		return false // that it is not there is said of the device
	}
	const both = 0o6
	mode := fs.FileMode(s.Mode)
	switch {
	case strconv.FormatUint(uint64(s.Uid), 10) == uid:
		return mode>>6&both != both
	case slices.Contains(groups, strconv.FormatUint(uint64(s.Gid), 10)):
		return mode>>3&both != both
	}
	return mode&both != both
}

// freeInodes are those of the file system; some count none.
func freeInodes(folder string) (free, total uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, 0, &fs.PathError{Op: "statfs", Path: folder, Err: err}
	}
	return s.Ffree, s.Files, nil
}
