//go:build !linux

package main

import "testing"

// mountSmall is a small disk, which only Linux lets a test have.
func mountSmall(t *testing.T) string {
	t.Helper()
	t.Skip("a small disk can be mounted on Linux alone")
	return ""
}
