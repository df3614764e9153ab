//go:build !windows

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// readLog asks the journal for as many lines as a section may hold of some 200 bytes each.
func readLog(ctx context.Context) ([]byte, error) {
	return output(ctx, "journalctl", "--unit=kopilka-agent", "--output=short-iso", "--no-hostname", "--no-pager", "--quiet", "--lines=20000")
}

// machineFacts are lines of files that every Linux has.
func machineFacts(context.Context) map[string]string {
	facts := map[string]string{}
	for file, keys := range map[string][]string{
		"/etc/os-release": {"PRETTY_NAME="}, "/proc/meminfo": {"MemTotal:", "MemAvailable:", "SwapFree:"}, "/proc/loadavg": {""}, "/proc/uptime": {""}, "/proc/sys/kernel/osrelease": {""},
	} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			for _, key := range keys {
				if value, ok := strings.CutPrefix(line, key); ok {
					facts[strings.TrimRight(file+" "+key, ":= ")] = strings.Trim(strings.TrimSpace(value), `"`)
				}
			}
		}
	}
	return facts
}

// usbDevices are vendor, product and their names; serial numbers are left out.
func usbDevices() (all []string) {
	found, err := filepath.Glob("/sys/bus/usb/devices/*/idVendor")
	if err != nil { // only a bad pattern fails
		return nil
	}
	for _, vendor := range found {
		var words []string
		for _, name := range []string{"idVendor", "idProduct", "manufacturer", "product"} {
			if b, err := os.ReadFile(filepath.Join(filepath.Dir(vendor), name)); err == nil {
				words = append(words, strings.TrimSpace(string(b)))
			}
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}
