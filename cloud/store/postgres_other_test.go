//go:build !linux

package store

import "errors"

// startPostgres is for Linux: elsewhere the contract suite runs on SQLite alone, and says so.
func startPostgres() (func(), error) {
	return nil, errors.New("the tests start a server on Linux only")
}
