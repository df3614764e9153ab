package ledger

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kopilka/kopilka/ledger/sale"
)

// The customers' snapshot is a flat file, because it is written once and only read: a sorted table of
// fixed rows found by interpolation reads three or four pages a look-up, keeps nothing in memory, and
// is written in a fraction of the time that a B+tree takes (sync.md A9).
//
//	header     64 bytes, see snapshotHead, CRC-32C of the rest of it at its end
//	rows       rowBytes each, by customer number
//	cards      pairBytes each, by key: key 8 · index of the row u32
//	phones     the same
//	names      bytes, at the offsets that the rows say
const (
	snapshotMagic = 0x4b504c4b534e4150 // "KPLKSNAP"
	snapshotVer   = 1
	headBytes     = 64
	rowBytes      = 40
	pairBytes     = 12
	nameBytesMax  = 255
	probesMax     = 64 // of an interpolation search, before halving takes over
)

// snapshotRef names the snapshot in use.
type snapshotRef struct {
	Name      string `cbor:"1,keyasint"`
	Version   uint64 `cbor:"2,keyasint"`
	Customers uint64 `cbor:"3,keyasint"`
}

type snapshotHead struct {
	Magic    uint64
	Format   uint32
	Rows     uint32
	Cards    uint32
	Phones   uint32
	Names    uint64
	Version  uint64
	SeenSeq  uint64
	SeenAt   int64
	SeenEp   uint32
	Checksum uint32 // of the header before it; the body's stands behind the names
}

// snapshot is an open snapshot file. It is closed when it has been replaced and nobody reads it.
type snapshot struct {
	file    *os.File
	head    snapshotHead
	readers sync.WaitGroup
}

// snapshotHolder swaps snapshots under readers.
type snapshotHolder struct {
	mu  sync.Mutex
	now *snapshot
}

// use takes the current snapshot for one look-up; call done after it.
func (h *snapshotHolder) use() *snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now != nil {
		h.now.readers.Add(1)
	}
	return h.now
}

func (s *snapshot) done() { s.readers.Done() }

func (h *snapshotHolder) swap(next *snapshot) error {
	h.mu.Lock()
	old := h.now
	h.now = next
	h.mu.Unlock()
	if old == nil {
		return nil
	}
	old.readers.Wait()
	return old.file.Close()
}

func (h *snapshotHolder) close() error { return h.swap(nil) }

// open brings the named snapshot into use and removes the files of others.
func (h *snapshotHolder) open(dir string, ref snapshotRef) error {
	if ref.Name != "" {
		s, err := openSnapshot(filepath.Join(dir, ref.Name))
		if err != nil {
			return fmt.Errorf("open the customers' snapshot: %w", err)
		}
		if err := h.swap(s); err != nil {
			return fmt.Errorf("close the old snapshot: %w", err)
		}
	}
	return removeOthers(dir, ref.Name)
}

func removeOthers(dir, keep string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for old snapshots: %w", err)
	}
	for _, e := range entries {
		if e.Name() == keep || !strings.HasPrefix(e.Name(), "customers-") {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove an old snapshot: %w", err)
		}
	}
	return nil
}

func openSnapshot(path string) (*snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &snapshot{file: f}
	if err := s.readHead(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", filepath.Base(path), err), f.Close())
	}
	return s, nil
}

func (s *snapshot) readHead() error {
	b := make([]byte, headBytes)
	if _, err := s.file.ReadAt(b, 0); err != nil {
		return fmt.Errorf("read its head: %w", err)
	}
	if err := binary.Read(bytes.NewReader(b), binary.BigEndian, &s.head); err != nil {
		return fmt.Errorf("read its head: %w", err)
	}
	if s.head.Magic != snapshotMagic || s.head.Format != snapshotVer || s.head.Checksum != crc(b[:headBytes-4]) {
		return fmt.Errorf("%w: not a customers' snapshot of this program", ErrDamaged)
	}
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("read its size: %w", err)
	}
	if want := s.namesAt() + int64(s.head.Names) + 4; info.Size() != want {
		return fmt.Errorf("%w: %d bytes, want %d", ErrDamaged, info.Size(), want)
	}
	return nil
}

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func (s *snapshot) cardsAt() int64  { return headBytes + int64(s.head.Rows)*rowBytes }
func (s *snapshot) phonesAt() int64 { return s.cardsAt() + int64(s.head.Cards)*pairBytes }
func (s *snapshot) namesAt() int64  { return s.phonesAt() + int64(s.head.Phones)*pairBytes }

// verify reads the whole file against its checksum.
func (s *snapshot) verify() error {
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	size := s.namesAt() + int64(s.head.Names)
	if _, err := io.Copy(h, io.NewSectionReader(s.file, headBytes, size-headBytes)); err != nil {
		return fmt.Errorf("read the customers' snapshot: %w", err)
	}
	var b [4]byte
	if _, err := s.file.ReadAt(b[:], size); err != nil {
		return fmt.Errorf("read the customers' snapshot: %w", err)
	}
	if binary.BigEndian.Uint32(b[:]) != h.Sum32() {
		return fmt.Errorf("%w: the customers' snapshot does not fit its checksum", ErrDamaged)
	}
	return nil
}

// covers tells whether head office had read a record of this till when it made the snapshot.
func (s *snapshot) covers(own sale.Seen) bool {
	return !behind(sale.Seen{Epoch: s.head.SeenEp, Seq: s.head.SeenSeq}, own)
}

// find looks a key up; zero where nobody has it.
func (s *snapshot) find(k sale.CustomerKey) (sale.CustomerNo, error) {
	at, n := s.cardsAt(), s.head.Cards
	if k.Kind == sale.KeyPhone {
		at, n = s.phonesAt(), s.head.Phones
	}
	var pair [pairBytes]byte
	found, err := search(s.file, at, pairBytes, int64(n), binary.BigEndian.Uint64(k.Key[:]), pair[:])
	if err != nil || !found {
		return 0, err
	}
	var no [8]byte
	row := int64(binary.BigEndian.Uint32(pair[8:]))
	if _, err := s.file.ReadAt(no[:], headBytes+row*rowBytes); err != nil {
		return 0, fmt.Errorf("read the customers' snapshot: %w", err)
	}
	return sale.CustomerNo(binary.BigEndian.Uint64(no[:])), nil
}

// customer reads a row by its number.
func (s *snapshot) customer(no sale.CustomerNo) (c sale.Customer, found bool, err error) {
	var row [rowBytes]byte
	found, err = search(s.file, headBytes, rowBytes, int64(s.head.Rows), uint64(no), row[:])
	if err != nil || !found {
		return c, false, err
	}
	c = sale.Customer{
		No: no, Balance: sale.Points(binary.BigEndian.Uint64(row[8:])), Debt: sale.Points(binary.BigEndian.Uint64(row[16:])),
		Home: sale.StoreNo(binary.BigEndian.Uint32(row[24:])), Tier: binary.BigEndian.Uint16(row[28:]), State: sale.CustomerState(row[30]),
		Seen: sale.Seen{Epoch: s.head.SeenEp, Seq: s.head.SeenSeq, At: sale.Time(s.head.SeenAt)},
	}
	name := make([]byte, row[31])
	if _, err := s.file.ReadAt(name, s.namesAt()+int64(binary.BigEndian.Uint64(row[32:]))); err != nil {
		return c, false, fmt.Errorf("read the customers' snapshot: %w", err)
	}
	c.Name = string(name)
	return c, true, nil
}

// search finds the row whose first 8 bytes are want in a table sorted by them. Keys are hashes, spread
// evenly, so that where one lies can be reckoned; numbers are dense, which serves as well.
func search(r io.ReaderAt, at int64, width, n int64, want uint64, row []byte) (bool, error) {
	lo, hi := int64(0), n-1
	loKey, hiKey := uint64(0), ^uint64(0)
	for probe := 0; lo <= hi && loKey <= want && want <= hiKey; probe++ {
		mid := lo + (hi-lo)/2
		if span := hiKey - loKey; probe < probesMax && probe%4 != 3 && span > 0 { // every fourth step halves, against uneven keys
			mid = lo + int64(float64(hi-lo)*(float64(want-loKey)/float64(span)))
		}
		if _, err := r.ReadAt(row[:width], at+mid*width); err != nil {
			return false, fmt.Errorf("read the customers' snapshot: %w", err)
		}
		switch got := binary.BigEndian.Uint64(row); {
		case got == want:
			return true, nil
		case got < want:
			lo, loKey = mid+1, got+1
		default:
			hi, hiKey = mid-1, got-1
		}
	}
	return false, nil
}

// snapshotWriter writes a snapshot beside the one in use.
type snapshotWriter struct {
	out    *bufio.Writer
	sum    io.Writer
	cards  []pair
	phones []pair
	names  []byte
	rows   uint32
	last   sale.CustomerNo
	seen   sale.Seen
}

type pair struct {
	key sale.LookupKey
	row uint32
}

func writeSnapshot(dir string, ref snapshotRef, at sale.Time, next func() ([]sale.CustomerChange, error)) (err error) {
	path := filepath.Join(dir, ref.Name)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(path+".new"))
		}
	}()
	if err := fillSnapshot(f, ref, at, next); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(dir)
}

func fillSnapshot(f *os.File, ref snapshotRef, at sale.Time, next func() ([]sale.CustomerChange, error)) error {
	if _, err := f.Seek(headBytes, io.SeekStart); err != nil {
		return err
	}
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := &snapshotWriter{out: buffered, sum: io.MultiWriter(buffered, h), seen: sale.Seen{At: at}}
	for {
		customers, err := next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(customers) == 0 {
			break
		}
		if err := w.add(customers); err != nil {
			return err
		}
	}
	if uint64(w.rows) != ref.Customers {
		return fmt.Errorf("%w: %d customers came, the snapshot has %d", sale.ErrRecord, w.rows, ref.Customers)
	}
	if err := w.finish(); err != nil {
		return err
	}
	if err := binary.Write(buffered, binary.BigEndian, h.Sum32()); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return w.writeHead(f, ref)
}

func (w *snapshotWriter) add(customers []sale.CustomerChange) error {
	var row [rowBytes]byte
	for _, c := range customers {
		if c.Customer.No <= w.last || len(c.Customer.Name) > nameBytesMax {
			return fmt.Errorf("%w: customer %s after %s, name of %d bytes", sale.ErrRecord, c.Customer.No, w.last, len(c.Customer.Name))
		}
		w.last = c.Customer.No
		if w.rows == 0 {
			w.seen = c.Customer.Seen
		}
		if c.Customer.Seen != w.seen { // the file has one for all
			return fmt.Errorf("%w: customer %s as of %+v, the others of %+v", sale.ErrRecord, c.Customer.No, c.Customer.Seen, w.seen)
		}
		binary.BigEndian.PutUint64(row[0:], uint64(c.Customer.No))
		binary.BigEndian.PutUint64(row[8:], uint64(c.Customer.Balance))
		binary.BigEndian.PutUint64(row[16:], uint64(c.Customer.Debt))
		binary.BigEndian.PutUint32(row[24:], uint32(c.Customer.Home))
		binary.BigEndian.PutUint16(row[28:], c.Customer.Tier)
		row[30], row[31] = byte(c.Customer.State), byte(len(c.Customer.Name))
		binary.BigEndian.PutUint64(row[32:], uint64(len(w.names)))
		w.names = append(w.names, c.Customer.Name...)
		if _, err := w.sum.Write(row[:]); err != nil {
			return err
		}
		for _, k := range c.Keys {
			if k.Kind == sale.KeyCard {
				w.cards = append(w.cards, pair{k.Key, w.rows})
			} else {
				w.phones = append(w.phones, pair{k.Key, w.rows})
			}
		}
		w.rows++
	}
	return nil
}

func (w *snapshotWriter) finish() error {
	var b [pairBytes]byte
	for _, pairs := range [][]pair{w.cards, w.phones} {
		slices.SortFunc(pairs, func(a, b pair) int { return bytes.Compare(a.key[:], b.key[:]) })
		for _, p := range pairs {
			copy(b[:], p.key[:])
			binary.BigEndian.PutUint32(b[8:], p.row)
			if _, err := w.sum.Write(b[:]); err != nil {
				return err
			}
		}
	}
	_, err := w.sum.Write(w.names)
	return err
}

func (w *snapshotWriter) writeHead(f *os.File, ref snapshotRef) error {
	head := snapshotHead{
		Magic: snapshotMagic, Format: snapshotVer, Rows: w.rows, Cards: uint32(len(w.cards)), Phones: uint32(len(w.phones)),
		Names: uint64(len(w.names)), Version: ref.Version, SeenEp: w.seen.Epoch, SeenSeq: w.seen.Seq, SeenAt: int64(w.seen.At),
	}
	var b bytes.Buffer
	if err := binary.Write(&b, binary.BigEndian, head); err != nil {
		return err
	}
	raw := b.Bytes()
	binary.BigEndian.PutUint32(raw[headBytes-4:], crc(raw[:headBytes-4]))
	_, err := f.WriteAt(raw, 0)
	return err
}
