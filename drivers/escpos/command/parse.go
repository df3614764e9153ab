package command

import "slices"

// Kind is what a command does.
type Kind uint8

// The kinds that somebody acts upon. Skipped is known and changes nothing that paper shows; Unknown is
// bytes that are no command.
const (
	Unknown Kind = iota
	Skipped
	Text
	Line
	Return
	Init
	CodePage
	Aligned
	Bold
	Size
	Mode
	Feed
	FeedDots
	Cut
	CutBare // ESC i, ESC m
	Pulse
	Chinese
	ChineseOff
	StatusBack
	Barrier
	Info
	Raster
	Extended // GS ( X
	RealTime
)

// DataMax bounds the data of one command: a picture of 576 dots and 3 600 rows.
const DataMax = 256 << 10

// Command is one command. Args are its parameters, Data what follows them; Raw is all of it.
type Command struct {
	Kind Kind
	Args []byte
	Data []byte
	Raw  []byte
}

// spec is a command of fixed length.
type spec struct {
	kind Kind
	args int
}

var escapes = map[byte]spec{
	'@': {Init, 0}, '!': {Mode, 1}, 'a': {Aligned, 1}, 't': {CodePage, 1}, 'E': {Bold, 1}, 'G': {Bold, 1},
	'd': {Feed, 1}, 'J': {FeedDots, 1}, 'p': {Pulse, 3}, 'i': {CutBare, 0}, 'm': {CutBare, 0},
	' ': {Skipped, 1}, '$': {Skipped, 2}, '%': {Skipped, 1}, '-': {Skipped, 1}, '2': {Skipped, 0}, '3': {Skipped, 1},
	'=': {Skipped, 1}, '?': {Skipped, 1}, 'K': {Skipped, 1}, 'L': {Skipped, 0}, 'M': {Skipped, 1}, 'R': {Skipped, 1},
	'S': {Skipped, 0}, 'T': {Skipped, 1}, 'V': {Skipped, 1}, 'W': {Skipped, 8}, '\\': {Skipped, 2}, 'c': {Skipped, 2},
	'e': {Skipped, 1}, 'r': {Skipped, 1}, '{': {Skipped, 1},
}

var groups = map[byte]spec{
	'!': {Size, 1}, 'a': {StatusBack, 1}, 'r': {Barrier, 1}, 'I': {Info, 1},
	'$': {Skipped, 2}, '/': {Skipped, 1}, ':': {Skipped, 0}, 'B': {Skipped, 1}, 'H': {Skipped, 1}, 'L': {Skipped, 2},
	'P': {Skipped, 2}, 'W': {Skipped, 2}, '\\': {Skipped, 2}, '^': {Skipped, 3}, 'b': {Skipped, 1}, 'c': {Skipped, 0},
	'f': {Skipped, 1}, 'h': {Skipped, 1}, 'w': {Skipped, 1},
}

var files = map[byte]spec{
	'.': {ChineseOff, 0}, '&': {Chinese, 0}, '!': {Skipped, 1}, 'C': {Skipped, 1}, '-': {Skipped, 1}, 'W': {Skipped, 1},
	'S': {Skipped, 2}, 'p': {Skipped, 2},
}

// Parse takes the first command off b and says how many bytes it has; zero when more must come.
func Parse(b []byte) (Command, int) {
	if len(b) == 0 {
		return Command{}, 0
	}
	switch b[0] {
	case LF:
		return plain(Line, b, 1)
	case CR:
		return plain(Return, b, 1)
	case HT, FF, CAN, 0:
		return plain(Skipped, b, 1)
	case ESC, GS, FS, DLE:
		return prefixed(b)
	}
	if b[0] >= ' ' {
		n := 1
		for n < len(b) && b[n] >= ' ' {
			n++
		}
		return Command{Kind: Text, Data: b[:n], Raw: b[:n]}, n
	}
	return plain(Unknown, b, 1)
}

func plain(k Kind, b []byte, n int) (Command, int) { return Command{Kind: k, Raw: b[:n]}, n }

func prefixed(b []byte) (Command, int) {
	if len(b) < 2 {
		return Command{}, 0
	}
	table := escapes
	switch b[0] {
	case DLE:
		return realTime(b)
	case FS:
		table = files
	case GS:
		table = groups
	}
	if s, ok := table[b[1]]; ok {
		return fixed(s, b, 2)
	}
	switch b[0] {
	case ESC:
		return escape(b)
	case GS:
		return group(b)
	}
	return plain(Unknown, b, 2)
}

// fixed is a command whose parameters follow its head.
func fixed(s spec, b []byte, head int) (Command, int) {
	n := head + s.args
	if len(b) < n {
		return Command{}, 0
	}
	return Command{Kind: s.kind, Args: b[head:n], Raw: b[:n]}, n
}

// long is a command whose data follow its parameters; too much is no command.
func long(k Kind, b []byte, head, args, data int) (Command, int) {
	n := head + args + data
	if data > DataMax {
		return plain(Unknown, b, head+args)
	}
	if len(b) < n {
		return Command{}, 0
	}
	return Command{Kind: k, Args: b[head : head+args], Data: b[head+args : n], Raw: b[:n]}, n
}

func realTime(b []byte) (Command, int) {
	switch b[1] {
	case eot, enq:
		return fixed(spec{RealTime, 1}, b, 2)
	case dc4:
		if len(b) < 3 {
			return Command{}, 0
		}
		return fixed(spec{RealTime, realTimeArgs(b[2])}, b, 2)
	}
	return plain(Unknown, b, 2)
}

// realTimeArgs is the parameters of 10h 14h, its function with them.
func realTimeArgs(function byte) int {
	if function == 8 {
		return 8
	}
	return 3
}

func escape(b []byte) (Command, int) {
	switch b[1] {
	case '*': // a picture in columns: m nL nH
		if len(b) < 5 {
			return Command{}, 0
		}
		columns := int(b[3]) | int(b[4])<<8
		if b[2] >= 32 {
			columns *= 3
		}
		return long(Skipped, b, 2, 3, columns)
	case 'D': // tab stops, ended by zero
		return ended(b, 2)
	}
	return plain(Unknown, b, 2)
}

// endedMax bounds data that a zero ends.
const endedMax = 255

func ended(b []byte, head int) (Command, int) {
	for i := head; i < len(b) && i < head+endedMax; i++ {
		if b[i] == 0 {
			return Command{Kind: Skipped, Args: b[head:i], Raw: b[:i+1]}, i + 1
		}
	}
	if len(b) >= head+endedMax {
		return plain(Unknown, b, head)
	}
	return Command{}, 0
}

func group(b []byte) (Command, int) {
	switch b[1] {
	case 'V':
		return cut(b)
	case 'v':
		if len(b) < 8 {
			return Command{}, 0
		}
		return long(Raster, b, 3, 5, (int(b[4])|int(b[5])<<8)*(int(b[6])|int(b[7])<<8))
	case '(':
		if len(b) < 5 {
			return Command{}, 0
		}
		return long(Extended, b, 2, 3, int(b[3])|int(b[4])<<8)
	case '*':
		if len(b) < 4 {
			return Command{}, 0
		}
		return long(Skipped, b, 2, 2, int(b[2])*int(b[3])*8)
	case 'k':
		return barcode(b)
	}
	return plain(Unknown, b, 2)
}

// cut has a parameter more where it feeds first.
func cut(b []byte) (Command, int) {
	if len(b) < 3 {
		return Command{}, 0
	}
	if b[2] >= 65 {
		return fixed(spec{Cut, 2}, b, 2)
	}
	return fixed(spec{Cut, 1}, b, 2)
}

func barcode(b []byte) (Command, int) {
	if len(b) < 4 {
		return Command{}, 0
	}
	if b[2] >= 65 {
		return long(Skipped, b, 2, 2, int(b[3]))
	}
	return ended(b, 3)
}

// Decoder takes a stream of commands apart, however it is cut into chunks.
type Decoder struct{ buf []byte }

// Write takes bytes.
func (d *Decoder) Write(p []byte) { d.buf = append(d.buf, p...) }

// Next is the next whole command. It does not share the decoder's memory.
func (d *Decoder) Next() (Command, bool) {
	c, n := Parse(d.buf)
	if n == 0 {
		return Command{}, false
	}
	// Not parsed again from a copy: what follows decides that a head too long for its data is no command.
	c.Args, c.Data, c.Raw = slices.Clone(c.Args), slices.Clone(c.Data), slices.Clone(c.Raw)
	d.buf = d.buf[n:]
	return c, true
}

// Ready tells whether a whole command waits, Len how many bytes do.
func (d *Decoder) Ready() bool {
	_, n := Parse(d.buf)
	return n > 0
}

// Len is the bytes that wait.
func (d *Decoder) Len() int { return len(d.buf) }

// PutBack returns bytes to the front: text of which only a part could be printed.
func (d *Decoder) PutBack(p []byte) { d.buf = append(append([]byte(nil), p...), d.buf...) }

// Reset forgets them.
func (d *Decoder) Reset() { d.buf = nil }

// Request is a real-time request found among the bytes.
type Request struct {
	Code byte   // 04h status, 05h recover, 14h pulse and power
	Args []byte // n, or the function and what follows it
}

// Status tells that a request is for a status byte.
func (r Request) Status() bool { return r.Code == eot }

// Pulse tells that a request opens the drawer.
func (r Request) Pulse() bool { return r.Code == dc4 && len(r.Args) > 0 && r.Args[0] == 1 }

// Watch finds real-time requests wherever they stand, as a printer's receiving side does.
type Watch struct{ seen []byte }

// Next takes one byte; ok tells whether it ended a request.
func (w *Watch) Next(b byte) (r Request, ok bool) {
	w.seen = append(w.seen, b)
	for len(w.seen) > 0 {
		var c Command
		if w.seen[0] == DLE {
			n := 0
			if c, n = prefixed(w.seen); n == 0 {
				return Request{}, false
			}
		}
		if c.Kind == RealTime {
			r, ok = Request{Code: c.Raw[1], Args: append([]byte(nil), c.Args...)}, true
			w.seen = w.seen[:0]
			return r, ok
		}
		w.seen = w.seen[:copy(w.seen, w.seen[1:])] // a run that came to nothing may hold the next
	}
	return Request{}, false
}

// Rewrite replaces what a burst says and leaves how it says it: text and the data of QR codes go through replace,
// which keeps lengths; pictures become white, since a code may be drawn; commands stay. Bytes that are no whole
// command go through replace raw.
func Rewrite(burst []byte, replace func([]byte) []byte) []byte {
	out := make([]byte, 0, len(burst))
	for rest := burst; len(rest) > 0; {
		c, n := Parse(rest)
		if n == 0 {
			return append(out, replace(rest)...)
		}
		if c.Kind == Unknown {
			out = append(out, replace(c.Raw)...)
		} else {
			head := n - len(c.Data)
			out = append(append(out, rest[:head]...), rewritten(c, replace)...)
		}
		rest = rest[n:]
	}
	return out
}

// rewritten is the data of a command. Of a code to store, GS ( k with function 80, the three bytes that say so
// stay; the data of other GS ( commands are settings.
func rewritten(c Command, replace func([]byte) []byte) []byte {
	const stored = 3
	switch {
	case len(c.Data) == 0:
		return nil
	case c.Kind == Raster:
		return make([]byte, len(c.Data))
	case c.Kind != Extended:
		return replace(c.Data)
	case c.Args[0] != 'k' || len(c.Data) <= stored || c.Data[1] != 80:
		return c.Data
	}
	return append(append([]byte(nil), c.Data[:stored]...), replace(c.Data[stored:])...)
}
