//go:build !windows

package main

import (
	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/installer/slots"
)

// config is the till's.
const config = "/etc/kopilka/config.yaml"

// which is a link on this system.
func which(l slots.Layout, d slots.Disk) (slots.Switch, service) {
	return slots.Link{Layout: l, Disk: d}, installer.Service{}
}
