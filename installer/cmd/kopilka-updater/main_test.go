//go:build !windows

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/kopilka/kopilka/installer/slots"
)

// folder is for files of tests that run thousands of histories: a folder for each would be most of their time.
var folder = new(string)

// boxEnv has this program be an updater, whose machine is a folder.
const boxEnv = "KOPILKA_TEST_BOX"

// TestMain lets the test's program be three real ones: the test, a till program and an updater.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); name == slots.Agent {
		finish(beTill(os.Args[1:]))
	}
	if at := os.Getenv(boxEnv); at != "" {
		finish(boxAt(at).dispatch(context.Background(), os.Args[1:], os.Stdout))
	}
	var err error
	if *folder, err = os.MkdirTemp("", "kopilka-updater"); err != nil {
		finish(fmt.Errorf("tests want a folder: %w", err))
	}
	code := m.Run()
	if err := os.RemoveAll(*folder); err != nil {
		finish(err)
	}
	os.Exit(code)
}

func finish(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
