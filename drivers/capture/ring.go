package capture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

const (
	// SizeMin keeps a segment larger than the largest entry.
	SizeMin = 4 << 20
	// SizeMax is more than a week of a busy till.
	SizeMax = 1 << 30
	// queueMax entries wait for the disk, some seconds of the busiest till; more are dropped and counted.
	queueMax = 1024
	// lineMax bounds one entry in the file: a burst of [burstMax] in base64, and what stands around it.
	lineMax = 2 << 20
	// crcDigits stand before each line, then a space.
	crcDigits = 8
	// older is the ending of the older of the two halves of a ring.
	older = ".1"
)

// Ring is a file of bounded size: two halves, of which the older is overwritten. One process writes it.
type Ring struct {
	path  string
	half  int64
	queue chan Entry
	done  sync.WaitGroup

	turns   atomic.Uint64 // how often the older half was given up
	dropped atomic.Uint64
	failed  atomic.Pointer[error]

	mu     sync.RWMutex // guards closed against a send; never held across I/O
	closed bool

	file *os.File // the writer's own, as is what follows
	size int64
}

// OpenRing opens a ring for writing, or makes it. size bounds both halves together.
func OpenRing(path string, size int64) (*Ring, error) {
	if size < SizeMin || size > SizeMax {
		return nil, fmt.Errorf("capture %s: %d bytes, want %d to %d", path, size, SizeMin, SizeMax)
	}
	r := &Ring{path: path, half: size / 2, queue: make(chan Entry, queueMax)}
	if err := r.open(); err != nil {
		return nil, err
	}
	// What a crash left half written ends here, so that it cannot swallow the next line.
	if r.size > 0 {
		if err := r.write([]byte("\n")); err != nil {
			return nil, errors.Join(err, r.file.Close())
		}
	}
	r.done.Go(r.work)
	return r, nil
}

func (r *Ring) open() error {
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the capture: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open the capture: %w", err), f.Close())
	}
	r.file, r.size = f, info.Size()
	return nil
}

// Put hands an entry over; it never waits. After Close it does nothing.
func (r *Ring) Put(e Entry) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return
	}
	select {
	case r.queue <- e:
	default:
		r.dropped.Add(1)
	}
}

// Dropped is how many entries the disk was too slow or too full for.
func (r *Ring) Dropped() uint64 { return r.dropped.Load() }

// Err is why the ring stopped writing; nil while it works.
func (r *Ring) Err() error {
	if p := r.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// turned counts the halves given up since the ring was opened.
func (r *Ring) turned() uint64 { return r.turns.Load() }

// Close writes what is waiting and closes the file.
func (r *Ring) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	close(r.queue)
	r.mu.Unlock()
	r.done.Wait()
	if err := r.file.Close(); err != nil {
		return fmt.Errorf("close the capture: %w", err)
	}
	return r.Err()
}

// work writes entries until the queue is closed. A disk that fails ends the capture, never the till.
func (r *Ring) work() {
	for e := range r.queue {
		if r.Err() != nil {
			r.dropped.Add(1)
			continue
		}
		if err := r.append(e); err != nil {
			r.failed.Store(&err)
		}
	}
}

func (r *Ring) append(e Entry) error {
	line, err := encode(e)
	if err != nil {
		return err
	}
	if r.size > 0 && r.size+int64(len(line)) > r.half {
		if err := r.turn(); err != nil {
			return err
		}
	}
	return r.write(line)
}

func (r *Ring) write(p []byte) error {
	n, err := r.file.Write(p)
	r.size += int64(n)
	if err != nil {
		return fmt.Errorf("write the capture: %w", err)
	}
	return nil
}

// turn makes the full half the older one. The file is closed first: Windows renames no open file.
func (r *Ring) turn() error {
	if err := r.file.Close(); err != nil {
		return fmt.Errorf("turn the capture: %w", err)
	}
	if err := os.Rename(r.path, r.path+older); err != nil {
		return errors.Join(fmt.Errorf("turn the capture: %w", err), r.open())
	}
	r.turns.Add(1)
	return r.open()
}

// encode is an entry as a line: checksum, space, JSON.
func encode(e Entry) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write a %s into the capture: %w", e.Kind, err)
	}
	line := make([]byte, 0, crcDigits+1+len(text)+1)
	line = fmt.Appendf(line, "%08x ", crc32.ChecksumIEEE(text))
	return append(append(line, text...), '\n'), nil
}

// Read is every whole entry of a capture, the older half first. damaged counts lines that a crash or a disk
// has spoilt; the rest is read all the same.
func Read(path string) (entries []Entry, damaged int, err error) {
	for _, half := range []string{path + older, path} {
		err := readHalf(half, &entries, &damaged)
		if errors.Is(err, fs.ErrNotExist) && half != path {
			continue
		}
		if err != nil {
			return entries, damaged, fmt.Errorf("read the capture: %w", err)
		}
	}
	return entries, damaged, nil
}

func readHalf(path string, entries *[]Entry, damaged *int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = Scan(f, func(e Entry, ok bool) {
		if ok {
			*entries = append(*entries, e)
		} else {
			*damaged++
		}
	})
	return errors.Join(err, f.Close())
}

// Scan reads lines one by one; not ok are those that are none of ours, or spoilt.
func Scan(from io.Reader, each func(e Entry, ok bool)) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 64<<10), lineMax)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		each(decode(lines.Bytes()))
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		each(Entry{}, false) // no line of ours is so long: what follows is no capture
		return nil
	}
	return lines.Err()
}

func decode(line []byte) (e Entry, ok bool) {
	if len(line) < crcDigits+2 || line[crcDigits] != ' ' {
		return e, false
	}
	want, err := strconv.ParseUint(string(line[:crcDigits]), 16, 32)
	text := bytes.TrimRight(line[crcDigits+1:], "\r")
	if err != nil || crc32.ChecksumIEEE(text) != uint32(want) {
		return e, false
	}
	ok = json.Unmarshal(text, &e) == nil
	return e, ok
}

// WriteSession writes one session into a file of its own, for a test to replay.
func WriteSession(to io.Writer, s Session) error {
	for _, e := range s.Entries {
		line, err := encode(e)
		if err != nil {
			return err
		}
		if _, err := to.Write(line); err != nil {
			return fmt.Errorf("write the session: %w", err)
		}
	}
	return nil
}
