package update

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka/ledger/durable"
)

// Request is what the updater holds against the agent's folder.
type Request struct {
	Folder  string // the agent's; nothing in it is believed
	Trust   Trust  // the updater's own
	Running string // the version installed now
	OS      string // GOOS
	Arch    string // GOARCH
	Now     time.Time
	To      string // the verified program is written here, flushed; in a folder that only the updater writes
}

// Verified is what came of it. Trust is to be written down whether or not the rest was in order.
type Verified struct {
	Wanted
	Trust Trust
}

// Verify goes through all of the repository once more, from the files that the agent left, and copies the program that
// this till is to run to r.To, hashing what it copies. It touches no network. What the agent wants is only the
// occasion: which version it is, the signed plan says. [ErrStay] is wrapped where there is nothing to install.
func Verify(r Request) (v Verified, err error) {
	v.Trust = r.Trust
	folder, err := os.OpenRoot(r.Folder)
	if err != nil {
		return v, fmt.Errorf("open the agent's downloads: %w", err)
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if v.Wanted, err = readWanted(folder); err != nil {
		return v, err
	}
	repo, err := walk(&v.Trust, folderReader(folder), r.Now)
	if err != nil {
		return v, err
	}
	step, found := Choose(repo.plan, v.Trust.Who(), r.Running)
	if !found || step.Version != v.Version {
		return v, fmt.Errorf("%w: the agent asks for %s", ErrStay, v.Version)
	}
	p, err := repo.find(Program{Name: AgentProgram, Version: step.Version, OS: r.OS, Arch: r.Arch})
	if err != nil {
		return v, err
	}
	v.Wanted = Wanted{Program: p.Program, Step: step, File: p.file, SHA256: hex.EncodeToString(p.sum)}
	return v, copyOut(folder, p, r.To)
}

// wantedBytesMax bounds the file: a step that names 10,000 stores, and notes.
const wantedBytesMax = planBytesMax

// ReadWanted reads what the agent asks for, which is a claim; fs.ErrNotExist is wrapped where it asks for nothing.
func ReadWanted(folder string) (w Wanted, err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return w, fmt.Errorf("open the agent's downloads: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	b, err := folderReader(root)(WantedFile, wantedBytesMax)
	if err != nil {
		return w, fmt.Errorf("read what the agent asks for: %w", err)
	}
	return ParseWanted(b)
}

func readWanted(folder *os.Root) (Wanted, error) {
	b, err := folderReader(folder)(WantedFile, wantedBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return Wanted{}, fmt.Errorf("%w: the agent asks for nothing", ErrStay)
	}
	if err != nil {
		return Wanted{}, fmt.Errorf("read what the agent asks for: %w", err)
	}
	return ParseWanted(b)
}

// ParseWanted reads what an agent asks for; its words are claims.
func ParseWanted(b []byte) (Wanted, error) {
	var w Wanted
	if err := json.Unmarshal(b, &w); err != nil {
		return Wanted{}, fmt.Errorf("%w: what the agent asks for: %w", ErrUnfit, err)
	}
	return w, CheckVersion(w.Version)
}

// openPlain opens a file that is one: no device, no pipe that would be waited for, no link out of the folder.
func openPlain(folder *os.Root, name string) (*os.File, int64, error) {
	f, err := folder.OpenFile(filepath.FromSlash(name), os.O_RDONLY|openAtOnce, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is no file", ErrForged, name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

func folderReader(folder *os.Root) read {
	return func(name string, most int64) (b []byte, err error) {
		f, size, err := openPlain(folder, name)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if size > most {
			return nil, fmt.Errorf("%w: %s has %d bytes, at most %d", ErrForged, name, size, most)
		}
		var read bytes.Buffer
		if n, err := io.Copy(&read, io.LimitReader(f, most+1)); err != nil || n > most { // it may have grown
			return nil, errors.Join(err, fmt.Errorf("%w: %s has more than %d bytes", ErrForged, name, most))
		}
		return read.Bytes(), nil
	}
}

// copyOut copies the program while hashing: what was hashed is what is written, whatever becomes of the source.
func copyOut(folder *os.Root, p program, to string) (err error) {
	from, size, err := openPlain(folder, p.file)
	if err != nil {
		return fmt.Errorf("open the downloaded program: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if size != p.length {
		return fmt.Errorf("%w: the program has %d bytes, %d were signed", ErrForged, size, p.length)
	}
	if err := pour(from, p, to); err != nil {
		return errors.Join(err, removed(os.Remove(to)))
	}
	return durable.FlushFolder(filepath.Dir(to))
}

// programMode lets the till's own account run what only the administrator may write.
const programMode = 0o755

func pour(from io.Reader, p program, to string) error {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, programMode)
	if err != nil {
		return fmt.Errorf("copy the program: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(from, p.length+1))
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("copy the program: %w", err)
	}
	if n != p.length || !bytes.Equal(sum.Sum(nil), p.sum) {
		return fmt.Errorf("%w: the program is not what was signed", ErrForged)
	}
	return nil
}
