package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kopilka/kopilka/agent"
)

// readLog is the end of the service's log file.
func readLog(context.Context) (b []byte, err error) {
	f, err := os.Open(filepath.Join(filepath.Dir(agent.DefaultConfigPath), logName))
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	if _, err := f.Seek(max(0, info.Size()-sectionMax-1), io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return io.ReadAll(io.LimitReader(f, sectionMax+1))
}

func machineFacts(ctx context.Context) map[string]string {
	b, err := output(ctx, "cmd", "/c", "ver")
	if err != nil {
		return nil
	}
	return map[string]string{"version": strings.TrimSpace(string(b))}
}

// usbDevices: the serial ports are what can be told without a driver of ours.
func usbDevices() []string { return serialPorts() }
