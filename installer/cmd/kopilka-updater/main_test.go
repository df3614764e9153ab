package main

import (
	"fmt"
	"os"
	"testing"
)

// folder is for files of tests that run thousands of histories: a folder for each would be most of their time.
var folder = new(string)

func TestMain(m *testing.M) {
	var err error
	if *folder, err = os.MkdirTemp("", "kopilka-updater"); err != nil {
		fmt.Fprintln(os.Stderr, "tests want a folder:", err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(*folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
