package wire

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/kopilka/kopilka/ledger/sale"
)

// ErrBatch is wrapped by every refusal of a batch whose inside does not fit its outside.
var ErrBatch = errors.New("broken batch")

// zstd at its fastest packs a batch as small as deflate 6 at six times the speed (sync.md A3), and
// one coder serves all callers. Coders hold channels, and a channel made inside one testing/synctest
// bubble panics in the next: so they are made when the program starts, not when first used.
var (
	packer   = newPacker()
	unpacker = must(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(BatchInflatedMax), zstd.WithDecoderConcurrency(0)))
)

func newPacker() *zstd.Encoder {
	e := must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(BatchInflatedMax)))
	e.EncodeAll(nil, nil) // makes its channels
	return e
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options are constants of this file
	}
	return v
}

// PackEntries compresses entries for a batch's payload.
func PackEntries(entries []sale.Entry) ([]byte, error) {
	plain, err := sale.Encode(entries)
	if err != nil {
		return nil, err
	}
	return packer.EncodeAll(plain, nil), nil
}

// UnpackEntries is the inverse; a payload that would inflate beyond [BatchInflatedMax] is refused
// before memory is taken for it.
func UnpackEntries(payload []byte, count int) ([]sale.Entry, error) {
	plain, err := unpacker.DecodeAll(payload, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: decompress: %w", ErrBatch, err)
	}
	var entries []sale.Entry
	if err := sale.Decode(plain, &entries); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBatch, err)
	}
	if len(entries) != count {
		return nil, fmt.Errorf("%w: %d records, said %d", ErrBatch, len(entries), count)
	}
	return entries, nil
}

// Open unpacks a batch and verifies that its records are a chain from prev to Head: each is of the
// named epoch, numbered without a gap, and holds the hash of the one before it.
func (b *Batch) Open(prev sale.Hash) ([]Sealed, error) {
	entries, err := UnpackEntries(b.Payload, b.Count)
	if err != nil {
		return nil, err
	}
	out := make([]Sealed, len(entries))
	for i, e := range entries {
		r, err := sale.DecodeRecord(e.Record)
		if err != nil {
			return nil, fmt.Errorf("%w: record %d: %w", ErrBatch, b.From+uint64(i), err)
		}
		if r.Epoch != b.Epoch || r.Seq != b.From+uint64(i) {
			return nil, fmt.Errorf("%w: record %d/%d where %d/%d was due", ErrBatch, r.Epoch, r.Seq, b.Epoch, b.From+uint64(i))
		}
		if r.Prev != prev {
			return nil, fmt.Errorf("%w: record %d/%d follows %s, not %s", ErrChain, r.Epoch, r.Seq, r.Prev.Short(), prev.Short())
		}
		prev = sale.HashOf(e.Record)
		out[i] = Sealed{Record: r, Bytes: e.Record, Hash: prev, Blob: e.Sealed}
	}
	if prev != b.Head {
		return nil, fmt.Errorf("%w: ends at %s, said %s", ErrChain, prev.Short(), b.Head.Short())
	}
	return out, nil
}

// ErrChain is wrapped when records do not follow each other: a gap, an edit or a fork.
var ErrChain = errors.New("broken chain of records")

// Sealed is one record out of a batch: decoded, and the bytes and hash by which it is kept.
type Sealed struct {
	Record *sale.Record
	Bytes  []byte
	Hash   sale.Hash
	Blob   []byte // personal data sealed to head office, may be empty
}
