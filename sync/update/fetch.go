package update

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/ledger/durable"
)

// partSuffix is of a program that has not come whole.
const partSuffix = ".part"

// reader reads metadata from head office, each file in one piece within the client's patience.
func (c *Client) reader(ctx context.Context) read {
	return func(name string, most int64) (b []byte, err error) {
		ctx, cancel := context.WithTimeout(ctx, c.Patience)
		defer cancel()
		a, err := c.get(ctx, name, 0)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, a.Body.Close()) }()
		if a.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("head office answered %s for %s", a.Status, name)
		}
		b, err = io.ReadAll(io.LimitReader(a.Body, most+1))
		if err != nil {
			return nil, fmt.Errorf("read %s from head office: %w", name, err)
		}
		if int64(len(b)) > most {
			return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrForged, name, most)
		}
		return b, nil
	}
}

// get asks for a file from a byte on. Where there is none, fs.ErrNotExist is wrapped.
func (c *Client) get(ctx context.Context, name string, from int64) (*http.Response, error) {
	address, err := c.address(name)
	if err != nil {
		return nil, err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("ask head office for %s: %w", name, err)
	}
	q.Header.Set("Accept-Encoding", "identity") // ranges count the bytes that were signed
	if from > 0 {
		q.Header.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-")
	}
	a, err := c.http.Do(q)
	if err != nil {
		return nil, fmt.Errorf("ask head office for %s: %w", name, err)
	}
	if a.StatusCode == http.StatusNotFound || a.StatusCode == http.StatusGone {
		return nil, errors.Join(fmt.Errorf("ask head office for %s: %w", name, fs.ErrNotExist), a.Body.Close())
	}
	return a, nil
}

// download brings a program, going on where an earlier attempt ended, and believes it only whole.
func (c *Client) download(ctx context.Context, p program) error {
	file := c.path(p.file)
	if err := holds(file, p); err == nil {
		return nil
	}
	if err := removed(os.Remove(file)); err != nil {
		return fmt.Errorf("remove a download that was changed: %w", err)
	}
	if c.Loading != nil {
		c.Loading(p.Version)
	}
	part := file + partSuffix
	have, err := c.began(part, p)
	if err != nil {
		return err
	}
	if have < p.length {
		if err := c.fetch(ctx, part, p, have); err != nil {
			return fmt.Errorf("download %s %s: %w", p.Name, p.Version, err)
		}
	}
	if err := holds(part, p); err != nil {
		return errors.Join(err, os.Remove(part)) // what is in it cannot be told apart: all of it comes anew
	}
	if err := os.Rename(part, file); err != nil {
		return fmt.Errorf("keep the download: %w", err)
	}
	return durable.FlushFolder(filepath.Dir(file))
}

// began is how much of a program has come before; the disk must have room for the rest.
func (c *Client) began(part string, p program) (have int64, err error) {
	if info, err := os.Lstat(part); err == nil {
		if have = info.Size(); !info.Mode().IsRegular() || have > p.length {
			have = 0
			if err := os.Remove(part); err != nil {
				return 0, fmt.Errorf("begin the download anew: %w", err)
			}
		}
	}
	if c.Free == nil {
		return have, nil
	}
	free, err := c.Free(c.Folder)
	if err != nil {
		return 0, fmt.Errorf("ask for the room on the disk: %w", err)
	}
	if need := uint64(p.length-have) + spaceReserve; free < need {
		return 0, fmt.Errorf("%w: %d MB are free, %d are needed", ErrSpace, free>>20, need>>20)
	}
	return have, nil
}

// fetch appends to part what is missing.
func (c *Client) fetch(ctx context.Context, part string, p program, have int64) (err error) {
	ctx, cancel := context.WithTimeout(ctx, downloadMax)
	defer cancel()
	silent := time.AfterFunc(c.Patience, cancel)
	defer silent.Stop()
	a, err := c.get(ctx, p.target, have)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Body.Close()) }()
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	switch {
	case a.StatusCode == http.StatusPartialContent && strings.HasPrefix(a.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)):
	case a.StatusCode == http.StatusOK: // ranges are not known there, or it was all of it that was asked for
		have, flags = 0, flags|os.O_TRUNC
	case a.StatusCode == http.StatusPartialContent || a.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return errors.Join(fmt.Errorf("head office answered %s for another part", a.Status), removed(os.Remove(part)))
	case a.StatusCode == http.StatusServiceUnavailable || a.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%w: %s", ErrBusy, a.Status)
	default:
		return fmt.Errorf("head office answered %s", a.Status)
	}
	f, err := os.OpenFile(part, flags, fileMode)
	if err != nil {
		return err
	}
	err = c.pour(ctx, f, a.Body, p.length-have, func() { silent.Reset(c.Patience) })
	return errors.Join(err, f.Sync(), f.Close())
}

// chunkBytes is read at a time: a fraction of a second's on the slowest line that is worth using.
const chunkBytes = 16 << 10

// pour copies what is missing, no faster than the till's line should bear, and not a byte more.
func (c *Client) pour(ctx context.Context, to io.Writer, from io.Reader, missing int64, alive func()) error {
	buffer := make([]byte, chunkBytes)
	for missing > 0 {
		n, err := from.Read(buffer[:min(missing, chunkBytes)])
		if n > 0 {
			alive()
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
			missing -= int64(n)
			if err := c.pace(ctx, n); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF && missing > 0:
			return io.ErrUnexpectedEOF
		case err == io.EOF:
		case err != nil:
			return err
		}
	}
	return nil
}

// pace waits as long as n bytes may take.
func (c *Client) pace(ctx context.Context, n int) error {
	if c.BytesPerSecond <= 0 {
		return nil
	}
	timer := time.NewTimer(time.Duration(n) * time.Second / time.Duration(c.BytesPerSecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// holds tells whether a file is the program.
func holds(file string, p program) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(f, p.length+1))
	if err != nil {
		return fmt.Errorf("read the download: %w", err)
	}
	if n != p.length || !bytes.Equal(sum.Sum(nil), p.sum) {
		return fmt.Errorf("%w: the program that came is not what was signed", ErrForged)
	}
	return nil
}
