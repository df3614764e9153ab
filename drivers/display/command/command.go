// Package command is the two languages that line displays for customers speak: CD5220, which most clones know,
// and Epson's, which is ESC/POS with a cursor. It does no input or output; driver and emulator share it.
//
// What will bite: after ESC Q a CD5220 display is in a mode of its own and takes nothing but ESC Q, CLR and CAN;
// so a code page is chosen before, or not at all.
//
// Sources: public manuals of CD5220 and of Epson-compatible displays.
package command

// Control bytes.
const (
	CLR byte = 0x0C // clear; leaves the mode of ESC Q
	CAN byte = 0x18 // clear the line; leaves it too
	CR  byte = 0x0D
	ESC byte = 0x1B
	US  byte = 0x1F
)

// Init sets a display back to its defaults and clears it, in both languages.
func Init() []byte { return []byte{ESC, '@'} }

// CodePage chooses what the upper half of the bytes means.
func CodePage(n byte) []byte { return []byte{ESC, 't', n} }

// Select turns a display on that hangs on a printer's cable, and the printer off; ESC =.
func Select() []byte { return []byte{ESC, '=', 2} }

// Overwrite keeps the text from scrolling, and HideCursor is what it says; Epson's language.
func Overwrite() []byte { return []byte{US, 0x01} }

// HideCursor switches the cursor off.
func HideCursor() []byte { return []byte{US, 'C', 0} }

// Line writes one line of a CD5220 display, 0 or 1; text is encoded and as wide as the display.
func Line(n int, text []byte) []byte {
	return append(append([]byte{ESC, 'Q', 'A' + byte(n)}, printable(text)...), CR)
}

// At writes text at the beginning of one line, 0 or 1, of an Epson display.
func At(n int, text []byte) []byte {
	return append([]byte{US, '$', 1, byte(n + 1)}, printable(text)...)
}

// printable leaves commands out of a text.
func printable(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, b := range text {
		if b >= ' ' {
			out = append(out, b)
		}
	}
	return out
}

// Kind is what a command does.
type Kind uint8

// The kinds. Skipped is known and shows nothing, Unknown is bytes that are no command.
const (
	Unknown Kind = iota
	Skipped
	Text
	Clear
	ClearLine
	Reset
	Page
	Whole // ESC Q A and ESC Q B: Args is the letter
	Move  // Args: column and line from 1
	Home
)

// Command is one command. Data is its text; Raw is all of it.
type Command struct {
	Kind Kind
	Args []byte
	Data []byte
	Raw  []byte
}

type spec struct {
	kind Kind
	args int
}

var escapes = map[byte]spec{
	'@': {Reset, 0}, 't': {Page, 1}, 'l': {Move, 2}, '_': {Skipped, 1}, '=': {Skipped, 1}, 'R': {Skipped, 1}, 'f': {Skipped, 1},
	'c': {Skipped, 1}, '*': {Skipped, 1}, '%': {Skipped, 1}, '[': {Skipped, 1}, 'W': {Skipped, 4}, 's': {Skipped, 1}, 'd': {Skipped, 1},
	0x11: {Skipped, 0}, 0x12: {Skipped, 0}, 0x13: {Skipped, 0},
}

var units = map[byte]spec{
	'$': {Move, 2}, 'C': {Skipped, 1}, 'E': {Skipped, 1}, 'X': {Skipped, 1}, '@': {Skipped, 0}, 'T': {Skipped, 2},
	0x01: {Skipped, 0}, 0x02: {Skipped, 0}, 0x03: {Skipped, 0}, 0x0A: {Skipped, 0}, 0x0D: {Skipped, 0}, 'B': {Skipped, 0},
}

// wholeMax is the longest text of ESC Q that is waited for.
const wholeMax = 80

// Parse takes the first command off b and says how many bytes it has; zero when more must come.
func Parse(b []byte) (Command, int) {
	if len(b) == 0 {
		return Command{}, 0
	}
	switch b[0] {
	case CLR:
		return Command{Kind: Clear, Raw: b[:1]}, 1
	case CAN:
		return Command{Kind: ClearLine, Raw: b[:1]}, 1
	case 0x0B:
		return Command{Kind: Home, Raw: b[:1]}, 1
	case 0x08, 0x09, 0x0A, CR:
		return Command{Kind: Skipped, Raw: b[:1]}, 1
	case ESC, US:
		return prefixed(b)
	}
	n := 0
	for n < len(b) && b[n] >= ' ' {
		n++
	}
	if n == 0 {
		return Command{Kind: Unknown, Raw: b[:1]}, 1
	}
	return Command{Kind: Text, Data: b[:n], Raw: b[:n]}, n
}

func prefixed(b []byte) (Command, int) {
	if len(b) < 2 {
		return Command{}, 0
	}
	table := escapes
	if b[0] == US {
		table = units
	} else if b[1] == 'Q' {
		return whole(b)
	}
	s, ok := table[b[1]]
	if !ok {
		return Command{Kind: Unknown, Raw: b[:2]}, 2
	}
	n := 2 + s.args
	if len(b) < n {
		return Command{}, 0
	}
	return Command{Kind: s.kind, Args: b[2:n], Raw: b[:n]}, n
}

// whole is ESC Q and a letter, text, CR.
func whole(b []byte) (Command, int) {
	const head = 3
	for i := head; i < len(b) && i <= head+wholeMax; i++ {
		if b[i] != CR {
			continue
		}
		kind := Skipped
		if b[2] == 'A' || b[2] == 'B' {
			kind = Whole
		}
		return Command{Kind: kind, Args: b[2:head], Data: b[head:i], Raw: b[:i+1]}, i + 1
	}
	if len(b) > head+wholeMax {
		return Command{Kind: Unknown, Raw: b[:head]}, head
	}
	return Command{}, 0
}

// Rewrite replaces what a burst shows and leaves how: texts go through replace, which keeps lengths. Bytes that are
// no whole command go through it raw.
func Rewrite(burst []byte, replace func([]byte) []byte) []byte {
	out := make([]byte, 0, len(burst))
	for rest := burst; len(rest) > 0; {
		c, n := Parse(rest)
		switch {
		case n == 0:
			return append(out, replace(rest)...)
		case c.Kind == Unknown:
			out = append(out, replace(c.Raw)...)
		case len(c.Data) == 0:
			out = append(out, c.Raw...)
		default:
			head := 2 + len(c.Args)
			if c.Kind == Text {
				head = 0
			}
			out = append(append(out, rest[:head]...), replace(c.Data)...)
			out = append(out, rest[head+len(c.Data):n]...)
		}
		rest = rest[n:]
	}
	return out
}
