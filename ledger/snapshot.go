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
//	rows       rowBytes each, by customer number: what nearly everybody has
//	texts      at the offsets that the rows say: the name, behind it snapshotSide, where there is anything in it
//	cards      pairBytes each, by key: key 8 · index of the row u32
//	phones     the same
//	checksum   CRC-32C of all between the header and here
//
// A row is number u64 · balance i64 · home u32 · tier u16 · state u8 · bytes of the name u8 · receipts u32 ·
// offset u32 · enrolled i64 · segment u8 · 0 · bytes of the side u16.
const (
	snapshotMagic = 0x4b504c4b534e4150 // "KPLKSNAP"
	snapshotVer   = 2
	headBytes     = 64
	rowBytes      = 44
	pairBytes     = 12
	nameBytesMax  = 255
	sideBytesMax  = 1<<16 - 1
	textsBytesMax = 1<<32 - 1
	probesMax     = 64 // of an interpolation search, before halving takes over
)

// snapshotSide is what few customers have.
type snapshotSide struct {
	Debt     sale.Points        `cbor:"1,keyasint,omitempty"`
	Staff    sale.StaffNo       `cbor:"2,keyasint,omitempty"`
	Accounts []sale.CustomerNo  `cbor:"3,keyasint,omitempty"`
	Progress sale.Progress      `cbor:"4,keyasint,omitzero"`
	Expiring sale.Expiring      `cbor:"5,keyasint,omitzero"`
	Uses     []sale.PromoUse    `cbor:"6,keyasint,omitempty"`
	Purses   []sale.PurseAmount `cbor:"7,keyasint,omitempty"`
	Bearer   bool               `cbor:"8,keyasint,omitempty"`
	Owed     []sale.PurseAmount `cbor:"9,keyasint,omitempty"`
}

// sideOf encodes what of a customer has no place in the row; nothing where there is none of it.
func sideOf(c *sale.Customer) ([]byte, error) {
	if c.Debt == 0 && c.Staff == 0 && !c.Bearer && len(c.Accounts)+len(c.Uses)+len(c.Purses)+len(c.Owed) == 0 &&
		c.Progress == (sale.Progress{}) && c.Expiring == (sale.Expiring{}) {
		return nil, nil
	}
	return sale.Encode(snapshotSide{
		Debt: c.Debt, Staff: c.Staff, Accounts: c.Accounts, Progress: c.Progress, Expiring: c.Expiring,
		Uses: c.Uses, Purses: c.Purses, Bearer: c.Bearer, Owed: c.Owed,
	})
}

func (s *snapshotSide) into(c *sale.Customer) {
	c.Debt, c.Staff, c.Accounts, c.Progress, c.Expiring = s.Debt, s.Staff, s.Accounts, s.Progress, s.Expiring
	c.Uses, c.Purses, c.Bearer, c.Owed = s.Uses, s.Purses, s.Bearer, s.Owed
}

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
	Texts    uint64
	Version  uint64
	SeenSeq  uint64
	SeenAt   int64
	SeenEp   uint32
	Checksum uint32 // of the header before it; the body's stands at the end
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
	if want := s.end() + 4; info.Size() != want {
		return fmt.Errorf("%w: %d bytes, want %d", ErrDamaged, info.Size(), want)
	}
	return nil
}

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func (s *snapshot) textsAt() int64  { return headBytes + int64(s.head.Rows)*rowBytes }
func (s *snapshot) cardsAt() int64  { return s.textsAt() + int64(s.head.Texts) }
func (s *snapshot) phonesAt() int64 { return s.cardsAt() + int64(s.head.Cards)*pairBytes }
func (s *snapshot) end() int64      { return s.phonesAt() + int64(s.head.Phones)*pairBytes }

// verify reads the whole file against its checksum.
func (s *snapshot) verify() error {
	sum, err := bodySum(s.file, s.end())
	if err != nil {
		return err
	}
	var b [4]byte
	if _, err := s.file.ReadAt(b[:], s.end()); err != nil {
		return fmt.Errorf("read the customers' snapshot: %w", err)
	}
	if binary.BigEndian.Uint32(b[:]) != sum {
		return fmt.Errorf("%w: the customers' snapshot does not fit its checksum", ErrDamaged)
	}
	return nil
}

// bodySum reads all between the header and the end.
func bodySum(r io.ReaderAt, end int64) (uint32, error) {
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if _, err := io.Copy(h, io.NewSectionReader(r, headBytes, end-headBytes)); err != nil {
		return 0, fmt.Errorf("read the customers' snapshot: %w", err)
	}
	return h.Sum32(), nil
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
		No: no, Balance: sale.Points(binary.BigEndian.Uint64(row[8:])), Home: sale.StoreNo(binary.BigEndian.Uint32(row[16:])),
		Tier: binary.BigEndian.Uint16(row[20:]), State: sale.CustomerState(row[22]), Bought: binary.BigEndian.Uint32(row[24:]),
		Enrolled: sale.Time(binary.BigEndian.Uint64(row[32:])), Segment: row[40],
		Seen: sale.Seen{Epoch: s.head.SeenEp, Seq: s.head.SeenSeq, At: sale.Time(s.head.SeenAt)},
	}
	name := int(row[23])
	text := make([]byte, name+int(binary.BigEndian.Uint16(row[42:])))
	if _, err := s.file.ReadAt(text, s.textsAt()+int64(binary.BigEndian.Uint32(row[28:]))); err != nil {
		return c, false, fmt.Errorf("read the customers' snapshot: %w", err)
	}
	c.Name = string(text[:name])
	if len(text) == name {
		return c, true, nil
	}
	var side snapshotSide
	if err := sale.Decode(text[name:], &side); err != nil {
		return c, false, fmt.Errorf("%w: customer %s in the snapshot: %w", ErrDamaged, no, err)
	}
	side.into(&c)
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

// snapshotWriter writes a snapshot beside the one in use. Rows and texts go to their places as they come, so
// that only keys are held in memory, to be sorted.
type snapshotWriter struct {
	rowsTo  *bufio.Writer
	textsTo *bufio.Writer
	cards   []pair
	phones  []pair
	due     uint64 // customers
	rows    uint32
	texts   int64
	last    sale.CustomerNo
	seen    sale.Seen
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
	textsAt := headBytes + int64(ref.Customers)*rowBytes
	w := &snapshotWriter{
		rowsTo:  bufio.NewWriterSize(io.NewOffsetWriter(f, headBytes), snapshotBuffer),
		textsTo: bufio.NewWriterSize(io.NewOffsetWriter(f, textsAt), snapshotBuffer),
		due:     ref.Customers, seen: sale.Seen{At: at},
	}
	for {
		customers, err := next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(customers) == 0 {
			break
		}
		for i := range customers {
			if err := w.add(&customers[i]); err != nil {
				return err
			}
		}
	}
	if uint64(w.rows) != ref.Customers {
		return fmt.Errorf("%w: %d customers came, the snapshot has %d", sale.ErrRecord, w.rows, ref.Customers)
	}
	end, err := w.finish(f, textsAt)
	if err != nil {
		return err
	}
	sum, err := bodySum(f, end)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(binary.BigEndian.AppendUint32(nil, sum), end); err != nil {
		return err
	}
	return w.writeHead(f, ref)
}

// snapshotBuffer is what is written at once.
const snapshotBuffer = 1 << 20

func (w *snapshotWriter) add(x *sale.CustomerChange) error {
	c := &x.Customer
	if c.No <= w.last || len(c.Name) > nameBytesMax || uint64(w.rows) == w.due {
		return fmt.Errorf("%w: customer %s after %s, name of %d bytes, %d of %d", sale.ErrRecord, c.No, w.last, len(c.Name), w.rows, w.due)
	}
	w.last = c.No
	if w.rows == 0 {
		w.seen = c.Seen
	}
	if c.Seen != w.seen { // the file has one for all
		return fmt.Errorf("%w: customer %s as of %+v, the others of %+v", sale.ErrRecord, c.No, c.Seen, w.seen)
	}
	side, err := sideOf(c)
	if err != nil {
		return err
	}
	if len(side) > sideBytesMax || w.texts > textsBytesMax {
		return fmt.Errorf("%w: customer %s: %d bytes beside the row, %d before", sale.ErrRecord, c.No, len(side), w.texts)
	}
	if err := w.write(c, side); err != nil {
		return err
	}
	for _, k := range x.Keys {
		if k.Kind == sale.KeyCard {
			w.cards = append(w.cards, pair{k.Key, w.rows})
		} else {
			w.phones = append(w.phones, pair{k.Key, w.rows})
		}
	}
	w.rows++
	w.texts += int64(len(c.Name) + len(side))
	return nil
}

func (w *snapshotWriter) write(c *sale.Customer, side []byte) error {
	var row [rowBytes]byte
	binary.BigEndian.PutUint64(row[0:], uint64(c.No))
	binary.BigEndian.PutUint64(row[8:], uint64(c.Balance))
	binary.BigEndian.PutUint32(row[16:], uint32(c.Home))
	binary.BigEndian.PutUint16(row[20:], c.Tier)
	row[22], row[23] = byte(c.State), byte(len(c.Name))
	binary.BigEndian.PutUint32(row[24:], c.Bought)
	binary.BigEndian.PutUint32(row[28:], uint32(w.texts))
	binary.BigEndian.PutUint64(row[32:], uint64(c.Enrolled))
	row[40] = c.Segment
	binary.BigEndian.PutUint16(row[42:], uint16(len(side)))
	if _, err := w.rowsTo.Write(row[:]); err != nil {
		return err
	}
	if _, err := w.textsTo.WriteString(c.Name); err != nil {
		return err
	}
	_, err := w.textsTo.Write(side)
	return err
}

// finish puts the keys behind the texts and tells where the body ends.
func (w *snapshotWriter) finish(f *os.File, textsAt int64) (end int64, err error) {
	if err := errors.Join(w.rowsTo.Flush(), w.textsTo.Flush()); err != nil {
		return 0, err
	}
	end = textsAt + w.texts
	out := bufio.NewWriterSize(io.NewOffsetWriter(f, end), snapshotBuffer)
	var b [pairBytes]byte
	for _, pairs := range [][]pair{w.cards, w.phones} {
		slices.SortFunc(pairs, func(a, b pair) int { return bytes.Compare(a.key[:], b.key[:]) })
		for _, p := range pairs {
			copy(b[:], p.key[:])
			binary.BigEndian.PutUint32(b[8:], p.row)
			if _, err := out.Write(b[:]); err != nil {
				return 0, err
			}
		}
		end += int64(len(pairs)) * pairBytes
	}
	return end, out.Flush()
}

func (w *snapshotWriter) writeHead(f *os.File, ref snapshotRef) error {
	head := snapshotHead{
		Magic: snapshotMagic, Format: snapshotVer, Rows: w.rows, Cards: uint32(len(w.cards)), Phones: uint32(len(w.phones)),
		Texts: uint64(w.texts), Version: ref.Version, SeenEp: w.seen.Epoch, SeenSeq: w.seen.Seq, SeenAt: int64(w.seen.At),
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
