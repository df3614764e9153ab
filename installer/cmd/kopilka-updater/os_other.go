//go:build !windows

package main

import (
	"log/slog"
	"os"

	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/installer/slots"
)

// config is the till's.
const config = "/etc/kopilka/config.yaml"

// which is a link on this system.
func which(l slots.Layout, d slots.Disk) (slots.Switch, service) {
	return slots.Link{Layout: l, Disk: d}, installer.Service{}
}

// asService has nothing to do: systemd starts apply when there is something to do.
func asService(box) (handled bool, err error) { return false, nil }

// journal is what journald gets: constant words, what differs in fields.
func journal() *slog.Logger { return slog.New(slog.NewTextHandler(os.Stderr, nil)) }
