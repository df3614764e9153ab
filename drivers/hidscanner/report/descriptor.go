package report

import "fmt"

// Usages of scanners, page and usage as one number (HID Point of Sale Usage Tables 1.02, section 4).
const (
	usageScanner   = 0x8C0002
	usageAIM       = 0x8C00FB // symbology identifier 1
	usageData      = 0x8C00FE // decoded data
	usageContinued = 0x8C00FF // decoded data continued
	usageByteCount = 0x01003B // generic desktop: byte count
)

// Items of a descriptor, without their size.
const (
	itemInput      = 0x80
	itemCollection = 0xA0
	itemPage       = 0x04
	itemReportSize = 0x74
	itemReportID   = 0x84
	itemCount      = 0x94
	itemPush       = 0xA4
	itemPop        = 0xB4
	itemUsage      = 0x08
	itemUsageMin   = 0x18
	itemUsageMax   = 0x28
	itemLong       = 0xFE
	itemSizeMask   = 3
)

const (
	usagesMax  = 256   // usages of one item: more than any scanner names
	reportsMax = 256   // numbers are one byte
	countMax   = 255   // the count of data bytes is one byte
	bitsMax    = 32768 // of one report: 4 KB
	globalsMax = 16    // pushed states
)

// globals are the items that hold until they are changed.
type globals struct {
	page, size, count uint32
	id                byte
}

// field is one input field.
type field struct {
	usage uint32
	bit   int // from the beginning of the report's payload
	bits  int
	count int // of equal neighbours of the same usage
}

// reader walks through a descriptor.
type reader struct {
	now     globals
	pushed  []globals
	usages  []uint32
	low     uint32
	bits    map[byte]int
	fields  map[byte][]field
	scanner bool
}

// Learn finds out the layout from a HID report descriptor.
func Learn(descriptor []byte) (Layout, error) {
	r := reader{bits: map[byte]int{}, fields: map[byte][]field{}}
	for at := 0; at < len(descriptor); {
		prefix := descriptor[at]
		size := int(prefix & itemSizeMask)
		if size == itemSizeMask {
			size = 4
		}
		if prefix == itemLong || at+1+size > len(descriptor) {
			return Layout{}, fmt.Errorf("%w: broken descriptor at byte %d", ErrDescriptor, at+1)
		}
		value := uint32(0)
		for i := range size {
			value |= uint32(descriptor[at+1+i]) << (8 * i)
		}
		if err := r.item(prefix&^itemSizeMask, value, size); err != nil {
			return Layout{}, err
		}
		at += 1 + size
	}
	return r.layout()
}

func (r *reader) item(tag byte, value uint32, size int) error {
	switch tag {
	case itemPage:
		r.now.page = value << 16
	case itemReportSize:
		r.now.size = value
	case itemCount:
		r.now.count = value
	case itemReportID:
		r.now.id = byte(value)
	case itemPush:
		if len(r.pushed) < globalsMax {
			r.pushed = append(r.pushed, r.now)
		}
	case itemPop:
		if n := len(r.pushed); n > 0 {
			r.now, r.pushed = r.pushed[n-1], r.pushed[:n-1]
		}
	case itemUsage:
		r.use(r.full(value, size))
	case itemUsageMin:
		r.low = r.full(value, size)
	case itemUsageMax:
		for u := r.low; u <= r.full(value, size) && len(r.usages) < usagesMax; u++ {
			r.use(u)
		}
	case itemCollection, 0xC0, 0x90, 0xB0: // the beginning and the end of one, output, feature
		r.scanner = r.scanner || tag == itemCollection && len(r.usages) > 0 && r.usages[0] == usageScanner
		r.usages = nil
	case itemInput:
		return r.input()
	}
	return nil
}

// full is a usage with its page: one of four bytes brings its own.
func (r *reader) full(value uint32, size int) uint32 {
	if size == 4 {
		return value
	}
	return r.now.page | value
}

func (r *reader) use(u uint32) {
	if len(r.usages) < usagesMax {
		r.usages = append(r.usages, u)
	}
}

// input gives each usage its place. The last usage is that of all fields that are left.
func (r *reader) input() error {
	id, at := r.now.id, r.bits[r.now.id]
	total := uint64(r.now.size) * uint64(r.now.count)
	if uint64(at)+total > bitsMax || len(r.fields) > reportsMax {
		return fmt.Errorf("%w: a report longer than %d bytes", ErrDescriptor, bitsMax/8)
	}
	r.bits[id] = at + int(total)
	left := int(r.now.count)
	for i, u := range r.usages {
		n := 1
		if i == len(r.usages)-1 {
			n = left
		}
		if left <= 0 {
			break
		}
		r.fields[id] = append(r.fields[id], field{u, at, int(r.now.size), n})
		at += n * int(r.now.size)
		left -= n
	}
	r.usages = nil
	return nil
}

// layout is the first report that holds decoded data.
func (r *reader) layout() (Layout, error) {
	if !r.scanner {
		return Layout{}, ErrDescriptor
	}
	for id := range reportsMax {
		l, ok := r.report(byte(id))
		if ok {
			return l, nil
		}
	}
	return Layout{}, fmt.Errorf("%w: no report holds data, their length and whether more follows", ErrDescriptor)
}

func (r *reader) report(id byte) (Layout, bool) {
	l := Layout{ID: id, Learned: true, Size: (r.bits[id] + 7) / 8}
	first := 0
	if id != 0 {
		first = 1
		l.Size++
	}
	var count, data, more bool
	for _, f := range r.fields[id] {
		at := first + f.bit/8
		switch f.usage {
		case usageByteCount:
			l.Count, count = at, f.bits == 8
		case usageAIM:
			if l.AIM == 0 && f.bits == 8 {
				l.AIM = at
			}
		case usageData:
			l.Data, l.DataMax, data = at, min(f.count, countMax), f.bits == 8 && f.bit%8 == 0
		case usageContinued:
			l.More, l.MoreBit, more = at, 1<<(f.bit%8), true
		}
	}
	return l, count && data && more && l.sound()
}

// sound tells whether the parts lie in the report and none in another: a descriptor may say anything.
func (l Layout) sound() bool {
	used := make([]bool, l.Size)
	take := func(at, n int) bool {
		if at < 0 || n < 1 || at+n > l.Size {
			return false
		}
		for i := range n {
			if used[at+i] {
				return false
			}
			used[at+i] = true
		}
		return true
	}
	return (l.ID == 0 || take(0, 1)) && take(l.Count, 1) && (l.AIM == 0 || take(l.AIM, aimBytes)) &&
		take(l.Data, l.DataMax) && take(l.More, 1)
}
