package uplink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Names in the cache folder. A chunk is named by its hash; until it is whole and checked it is a part.
const (
	chunkSuffix = ".chunk"
	partSuffix  = ".part"
)

// fill fetches the customers' snapshot. Chunks that lie in the cache are not fetched again, so that a
// fill goes on where the last one was cut off, and tomorrow's fetches only what changed.
type fill struct {
	*Uplink
	trusted func() sale.Time
	backoff backoff
}

// startFill fetches the snapshot beside the session, which goes on sending sales.
func (s *session) startFill(ctx context.Context) {
	s.filling = true
	s.publish(func(st *State) { st.Code = CodeFilling })
	f := &fill{Uplink: s.Uplink, trusted: s.trusted, backoff: backoff{random: s.Random}}
	s.wg.Go(func() { s.filled <- f.run(ctx) })
}

// afterFill says hello again with the version that the snapshot brought.
func (s *session) afterFill(err error) error {
	if err != nil {
		return err
	}
	s.Logger.Info("customers fetched", "version", s.Ledger.Filled())
	return errAgain
}

// run tries until the snapshot is in, the ledger refuses it, or the session ends.
func (f *fill) run(ctx context.Context) error {
	for {
		err := f.once(ctx)
		var p *Problem
		if err == nil || ctx.Err() != nil || (errors.As(err, &p) && (p.Code == CodeLedger || p.Code == CodeTrust)) {
			return err
		}
		wait, draw := f.backoff.next(problemOf(err).Retry)
		if draw != nil {
			return draw
		}
		f.Logger.Warn("snapshot not fetched", "err", err, "retry_in", wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// once fetches the manifest and what the cache lacks of it, and puts it into the ledger.
func (f *fill) once(ctx context.Context) error {
	if err := os.MkdirAll(f.Cache, 0o700); err != nil {
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("make the snapshot cache: %w", err)}
	}
	m, err := f.manifest(ctx)
	if err != nil {
		return err
	}
	for _, c := range m.Chunks {
		if err := f.fetch(ctx, c); err != nil {
			return err
		}
		f.backoff.reset()
	}
	next := &chunks{fill: f, ctx: ctx, manifest: m, seen: m.Seen(f.Identity.Till)}
	if err := f.Ledger.Fill(m.Version, m.At, m.Customers, next.read); err != nil {
		if next.err != nil {
			return next.err // the cache's fault, not the ledger's
		}
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("put the snapshot in place: %w", err)}
	}
	return f.sweep(m)
}

func (f *fill) manifest(ctx context.Context) (*wire.Manifest, error) {
	a, err := f.get(ctx, wire.PathManifest, 0)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(a.Body, wire.ManifestBytesMax+1))
	if err := errors.Join(err, a.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the snapshot's manifest: %w", err)
	}
	m, err := wire.OpenManifest(f.Identity.Root, b)
	if errors.Is(err, wire.ErrTrust) {
		return nil, &Problem{Code: CodeTrust, Err: err}
	}
	if err == nil && m.Org != f.Identity.Org {
		return nil, problem(CodeTrust, "a snapshot of organisation %d: %w", m.Org, wire.ErrTrust)
	}
	return m, err
}

// get asks head office for a path from an offset on, signed by the till.
func (f *fill) get(ctx context.Context, path string, from int64) (*http.Response, error) {
	address, err := f.Identity.endpoint(false, path)
	if err != nil {
		return nil, err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", path, err)
	}
	signed, err := wire.SignRequest(f.Identity.Key, f.Identity.Org, f.Identity.Till, path, f.trusted())
	if err != nil {
		return nil, err
	}
	q.Header.Set(wire.RequestHeader, signed)
	if from > 0 {
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	a, err := f.client.Do(q)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", path, err)
	}
	if a.StatusCode == http.StatusOK || (from > 0 && a.StatusCode == http.StatusPartialContent) {
		return a, nil
	}
	p := &Problem{Code: CodeProtocol, Err: fmt.Errorf("fetch %s: head office answered %s", path, a.Status), Retry: retryAfter(a)}
	p.Err = errors.Join(p.Err, a.Body.Close())
	return nil, p
}

func (f *fill) file(hash sale.Hash, suffix string) string {
	return filepath.Join(f.Cache, hash.String()+suffix)
}

// fetch brings one chunk into the cache, from where an earlier attempt ended.
func (f *fill) fetch(ctx context.Context, ref wire.ChunkRef) error {
	if info, err := os.Stat(f.file(ref.Hash, chunkSuffix)); err == nil && info.Size() == int64(ref.Bytes) {
		return nil // its hash is checked again when it is read
	}
	part, err := os.OpenFile(f.file(ref.Hash, partSuffix), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("keep a snapshot chunk: %w", err)}
	}
	err = f.download(ctx, ref, part)
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	if err := f.verify(part.Name(), ref); err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	if err := os.Rename(part.Name(), f.file(ref.Hash, chunkSuffix)); err != nil {
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("keep a snapshot chunk: %w", err)}
	}
	return nil
}

// download appends what the part lacks. It is not flushed: a chunk is checked whenever it is read, and
// what a power cut takes is fetched again.
func (f *fill) download(ctx context.Context, ref wire.ChunkRef, part *os.File) error {
	have, err := part.Seek(0, io.SeekEnd)
	if err != nil {
		return &Problem{Code: CodeLedger, Err: err}
	}
	if have == int64(ref.Bytes) {
		return nil
	}
	if have > int64(ref.Bytes) {
		have = 0
	}
	path := wire.PathChunk + hex.EncodeToString(ref.Hash[:])
	a, err := f.get(ctx, path, have)
	if err != nil {
		return err
	}
	err = save(part, a, have, int64(ref.Bytes))
	if err := errors.Join(err, a.Body.Close()); err != nil {
		return fmt.Errorf("fetch %s: %w", path, err)
	}
	return nil
}

// save writes an answer behind what the part has. A server that knows no ranges sends all of it.
func save(part *os.File, a *http.Response, have, size int64) error {
	if a.StatusCode == http.StatusOK {
		have = 0
	} else if got := a.Header.Get("Content-Range"); !strings.HasPrefix(got, fmt.Sprintf("bytes %d-", have)) {
		return problem(CodeProtocol, "range %q where bytes from %d on were asked for", got, have)
	}
	if _, err := part.Seek(have, io.SeekStart); err != nil {
		return &Problem{Code: CodeLedger, Err: err}
	}
	if err := part.Truncate(have); err != nil {
		return &Problem{Code: CodeLedger, Err: err}
	}
	_, err := io.Copy(part, io.LimitReader(a.Body, size-have))
	return err
}

// verify checks a file's length and hash against the manifest's.
func (f *fill) verify(name string, ref wire.ChunkRef) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("read a snapshot chunk: %w", err)}
	}
	return verifyChunk(b, ref)
}

func verifyChunk(b []byte, ref wire.ChunkRef) error {
	if len(b) != ref.Bytes || sha256.Sum256(b) != ref.Hash {
		return problem(CodeProtocol, "chunk %s: %d of %d bytes, or other bytes: %w", ref.Hash.Short(), len(b), ref.Bytes, wire.ErrChunk)
	}
	return nil
}

// chunks feeds a ledger with customers, one chunk in memory at a time.
type chunks struct {
	*fill
	ctx      context.Context
	manifest *wire.Manifest
	seen     sale.Seen
	at       int
	last     sale.CustomerNo
	err      error
}

// read is the next chunk's customers, nil at the end.
func (c *chunks) read() ([]sale.CustomerChange, error) {
	if c.at == len(c.manifest.Chunks) {
		return nil, nil
	}
	customers, err := c.open(c.manifest.Chunks[c.at])
	if err != nil {
		c.err = err
		return nil, err
	}
	c.at++
	return customers, nil
}

func (c *chunks) open(ref wire.ChunkRef) ([]sale.CustomerChange, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	name := c.file(ref.Hash, chunkSuffix)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read a snapshot chunk: %w", err)
	}
	if err := verifyChunk(b, ref); err != nil {
		return nil, errors.Join(err, os.Remove(name)) // fetched again by the next attempt
	}
	customers, err := wire.UnpackChunk(b, c.seen)
	if err != nil {
		return nil, &Problem{Code: CodeProtocol, Err: err}
	}
	if len(customers) != ref.Count {
		return nil, problem(CodeProtocol, "chunk %s holds %d customers, not %d: %w", ref.Hash.Short(), len(customers), ref.Count, wire.ErrChunk)
	}
	for _, x := range customers {
		if x.Customer.No <= c.last {
			return nil, problem(CodeProtocol, "customer %s after %s: %w", x.Customer.No, c.last, wire.ErrChunk)
		}
		c.last = x.Customer.No
	}
	return customers, nil
}

// sweep removes from the cache what the newest snapshot does not name.
func (f *fill) sweep(m *wire.Manifest) error {
	keep := make(map[string]bool, len(m.Chunks))
	for _, c := range m.Chunks {
		keep[c.Hash.String()+chunkSuffix] = true
	}
	files, err := os.ReadDir(f.Cache)
	if err != nil {
		return &Problem{Code: CodeLedger, Err: fmt.Errorf("sweep the snapshot cache: %w", err)}
	}
	for _, e := range files {
		ours := strings.HasSuffix(e.Name(), chunkSuffix) || strings.HasSuffix(e.Name(), partSuffix)
		if !ours || keep[e.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(f.Cache, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &Problem{Code: CodeLedger, Err: fmt.Errorf("sweep the snapshot cache: %w", err)}
		}
	}
	return nil
}
