package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ArchiveFile is the name of the storage's log inside its folder: one JSON event a line.
const ArchiveFile = "storage.jsonl"

// event is one line of the log: a document made, documents confirmed up to a number, or the clock set.
type event struct {
	Document  *Document      `json:"document,omitempty"`
	Opened    time.Time      `json:"opened,omitzero"`
	Confirmed uint32         `json:"confirmed,omitempty"`
	Drift     *time.Duration `json:"drift,omitempty"`
}

// archive is the append-only log, or nothing at all when the storage lives in memory.
type archive struct {
	file   *os.File
	failed error // the first failed write: nothing is written after it
}

func openArchive(folder string) (*archive, []event, error) {
	if folder == "" {
		return &archive{}, nil, nil
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, nil, fmt.Errorf("make the folder: %w", err)
	}
	path := filepath.Join(folder, ArchiveFile)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read the log: %w", err)
	}
	events, whole, err := readEvents(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w", err)
	}
	if err := errors.Join(file.Truncate(int64(whole)), seekEnd(file), file.Sync()); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cut the torn end of the log: %w", err), file.Close())
	}
	return &archive{file: file}, events, nil
}

func seekEnd(f *os.File) error {
	_, err := f.Seek(0, 2)
	return err
}

// readEvents reads whole lines; what follows the last line feed was being written when the power
// went, and its length is not counted. A bad line before that is damage and refused.
func readEvents(raw []byte) (events []event, whole int, err error) {
	for {
		end := bytes.IndexByte(raw[whole:], '\n')
		if end < 0 {
			return events, whole, nil
		}
		var e event
		if err := json.Unmarshal(raw[whole:whole+end], &e); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", len(events)+1, err)
		}
		if e.Document != nil && !follows(events, e.Document.FD) {
			return nil, 0, fmt.Errorf("line %d: document %d is out of order", len(events)+1, e.Document.FD)
		}
		events = append(events, e)
		whole += end + 1
	}
}

func follows(events []event, fd uint32) bool {
	for i := len(events) - 1; i >= 0; i-- {
		if d := events[i].Document; d != nil {
			return fd == d.FD+1
		}
	}
	return fd == 1
}

// write appends one event and waits for the disk. After a failed write the log is closed for good:
// what the disk holds is unknown until it is opened anew.
func (a *archive) write(e event) error {
	if a.file == nil || a.failed != nil {
		return a.failed
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = a.file.Write(append(line, '\n'))
	}
	if err == nil {
		err = a.file.Sync()
	}
	if err != nil {
		a.failed = fmt.Errorf("write the storage's log: %w", err)
	}
	return a.failed
}

func (a *archive) close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
