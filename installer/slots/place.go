package slots

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

const (
	// ProgramMax is more than any build of the till program; a file beyond it is something else. Bytes.
	ProgramMax = 512 << 20
	// Margin is what an update leaves free for the ledger, in bytes: weeks of sales.
	Margin = 200 << 20
)

// ErrAltered is returned where the bytes are not those that were verified.
var ErrAltered = errors.New("the file is not the one that was verified")

// Place copies a program that was verified into the slot of its version. The hash is taken from the bytes that are
// copied: whoever owns the file could have changed it after it was verified.
func (s *Slots) Place(ctx context.Context, version string, from io.Reader, size int64, hash string) error {
	return s.change(ctx, func(st *State, slot string) error {
		if SlotOf(version) == slot {
			return fmt.Errorf("place %s: it is current", version)
		}
		if err := s.place(version, from, size, hash); err != nil {
			return fmt.Errorf("place %s: %w", version, err)
		}
		if st.Stage == Idle || st.Stage == Placed {
			st.Stage, st.Placed = Placed, version
		}
		return nil
	})
}

func (s *Slots) place(version string, from io.Reader, size int64, hash string) error {
	all := filepath.Join(s.Layout.Programs, Versions)
	own := filepath.Join(all, version)
	program := s.Layout.Program(SlotOf(version))
	if err := s.room(size); err != nil {
		return err
	}
	if err := s.Disk.folder(all, folderMode); err != nil {
		return err
	}
	if err := s.Disk.folder(own, folderMode); err != nil {
		return err
	}
	if s.there(program, hash) { // a process that was killed may not have flushed it
		return errors.Join(s.Disk.flush(program), s.Disk.flush(own))
	}
	sum := sha256.New()
	if err := s.Disk.fill(program+".new", programMode, io.TeeReader(io.LimitReader(from, ProgramMax), sum)); err != nil {
		return errors.Join(err, s.Disk.Remove(program+".new"))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return errors.Join(fmt.Errorf("%w: sha256 %s, not %s", ErrAltered, got, hash), s.Disk.Remove(program+".new"))
	}
	return s.Disk.move(program+".new", program)
}

func (s *Slots) room(size int64) error {
	has, err := s.Disk.Free(s.Layout.Programs)
	if err != nil {
		return err
	}
	if has < size+Margin {
		return fmt.Errorf("%w: %d MB are free, %d MB are wanted", ErrFull, has>>20, (size+Margin)>>20)
	}
	return nil
}

func (s *Slots) there(program, hash string) bool {
	if !s.Disk.Whole(program) {
		return false
	}
	raw, err := s.Disk.Read(program)
	sum := sha256.Sum256(raw)
	return err == nil && hex.EncodeToString(sum[:]) == hash
}

func (s *Slots) versions() ([]string, error) {
	all := filepath.Join(s.Layout.Programs, Versions)
	names, err := s.Disk.List(all)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, say("list", all, err)
}

// remove may leave an empty folder behind after a cut; the next one takes it.
func (s *Slots) remove(version string) error {
	path := filepath.Join(s.Layout.Programs, Versions, version)
	return say("remove", path, s.Disk.Remove(path))
}
