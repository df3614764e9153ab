package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// A service has no standard error; Windows keeps no journal of it either.
const (
	logName     = "kopilka-agent.log"
	logBytesMax = 20 << 20 // a month of an ordinary till; the month before is kept beside it
	logOld      = ".old"
)

// logToFile makes standard error a file that starts anew when it has grown too long.
func logToFile(path string) (closeLog func() error, err error) {
	f, err := openLog(path)
	if err != nil {
		return nil, err
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("log: %w", err), f.Close())
	}
	old := os.Stderr
	os.Stderr = to
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(f, from)
		done <- errors.Join(err, from.Close(), f.Close())
	}()
	return func() error {
		os.Stderr = old
		return errors.Join(to.Close(), <-done)
	}, nil
}

// logFile is written by one goroutine.
type logFile struct {
	path string
	file *os.File
	size int64
}

func openLog(path string) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the log: %w", err), f.Close())
	}
	// What the runtime says when it dies goes past os.Stderr.
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		return nil, errors.Join(fmt.Errorf("log crashes: %w", err), f.Close())
	}
	return &logFile{path: path, file: f, size: info.Size()}, nil
}

// Write appends. It never fails: a full disk must not stop the reader of the pipe, or every line of the
// log would wait for ever, and the till with it.
func (l *logFile) Write(p []byte) (int, error) {
	if l.size+int64(len(p)) > logBytesMax && !l.turn() {
		return len(p), nil // no room that is ours to take; the next line tries again
	}
	n, err := l.file.Write(p)
	l.size += int64(n)
	if err != nil {
		return len(p), nil
	}
	return len(p), nil
}

// turn puts the full file aside and begins anew. An antivirus or a viewer that holds a file lets it be neither renamed
// nor replaced; it can be emptied still, and the newest lines are worth more than the oldest ones.
func (l *logFile) turn() bool {
	if err := l.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return false
	}
	moved := os.Rename(l.path, l.path+logOld) == nil // replaces the older one
	next, err := openLog(l.path)
	if err != nil {
		return false
	}
	l.file, l.size = next.file, next.size
	if !moved && l.size > 0 {
		if err := os.Truncate(l.path, 0); err != nil {
			return false
		}
		l.size = 0
	}
	return true
}

// Close lets go of the file wholly: Windows does not rename one that is open anywhere, and the runtime
// keeps a handle of its own for crashes.
func (l *logFile) Close() error {
	return errors.Join(debug.SetCrashOutput(nil, debug.CrashOptions{}), l.file.Close())
}
