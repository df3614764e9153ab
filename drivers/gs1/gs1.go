// Package gs1 reads what is inside a code: GS1 element strings, marking codes of Chestny ZNAK, goods whose
// weight or price stands in the barcode, phone numbers and short numbers. It is pure.
//
// What will bite: the separator GS (1Dh) is data. Where it was lost on the way a parse is a guess, so such a
// code is refused with a hint and never taken apart by looking for "91" or "93": both may stand inside a
// serial. A keyboard in Russian layout turns Latin letters into Cyrillic; that is undone only where every
// character tells which key it was.
//
// Sources: GS1 General Specifications, sections 3, 7.8 and 7.11; field notes on marking codes in DESIGN.md.
package gs1

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// GS is the group separator. It ends an element whose length is not predefined; FNC1 inside a code arrives
// as this byte.
const GS = '\x1d'

// Element is one application identifier with its value.
type Element struct {
	AI    string
	Value string
}

// Elements are a whole element string in its order.
type Elements []Element

// Value is the value of an application identifier, and whether it is there.
func (e Elements) Value(ai string) (string, bool) {
	at := slices.IndexFunc(e, func(x Element) bool { return x.AI == ai })
	if at < 0 {
		return "", false
	}
	return e[at].Value, true
}

// String is the element string anew, a separator wherever one must stand.
func (e Elements) String() string {
	var b strings.Builder
	for i, x := range e {
		b.WriteString(x.AI + x.Value)
		if i < len(e)-1 && predefined[x.AI[:2]] == 0 {
			b.WriteByte(GS)
		}
	}
	return b.String()
}

// Parse takes an element string apart. A leading separator is the FNC1 that some scanners send; the AIM
// identifier must be off already. Errors are *[Error].
func Parse(text string) (Elements, error) {
	if len(text) > sale.CodeBytesMax {
		return nil, fail(ErrLength, "", 0, "%d bytes, at most %d", len(text), sale.CodeBytesMax)
	}
	var all Elements
	at := 0
	if strings.HasPrefix(text, string(GS)) {
		at = 1
	}
	for at < len(text) {
		e, taken, err := next(text[at:], at)
		if err != nil {
			return nil, err
		}
		if old, there := all.Value(e.AI); there && old != e.Value {
			return nil, fail(ErrTwice, e.AI, at, "")
		}
		all = append(all, e)
		at += taken
	}
	if len(all) == 0 {
		return nil, fail(ErrAI, "", 0, "there is nothing in it")
	}
	return all, nil
}

// next reads the element at the beginning of rest, which stands at byte at of the whole.
func next(rest string, at int) (e Element, taken int, err error) {
	ai, parts, known := identify(rest)
	if !known {
		return Element{}, 0, fail(ErrAI, "", at, "")
	}
	end := predefined[ai[:2]]
	if end == 0 {
		end = len(rest)
		if gs := strings.IndexByte(rest, GS); gs >= 0 {
			end = gs
		}
	}
	if len(rest) < end || strings.IndexByte(rest[:end], GS) >= 0 {
		return Element{}, 0, fail(ErrLength, ai, at, "cut short")
	}
	e = Element{AI: ai, Value: rest[len(ai):end]}
	if err := check(e, parts, at); err != nil {
		return Element{}, 0, err
	}
	// A separator may follow a predefined length too: needless, and common.
	if end < len(rest) && rest[end] == GS {
		end++
	}
	return e, end, nil
}

// identify finds the application identifier; none is the beginning of another.
func identify(rest string) (ai string, parts []part, known bool) {
	for n := 2; n <= 4 && n <= len(rest); n++ {
		if parts, known = formats()[rest[:n]]; known {
			return rest[:n], parts, true
		}
	}
	return "", nil, false
}

// check holds a value against the format of its identifier.
func check(e Element, parts []part, at int) error {
	rest := e.Value
	for _, p := range parts {
		n := min(p.max, len(rest))
		if n < p.min {
			return fail(ErrLength, e.AI, at, "%d characters, at least %d", len(e.Value), p.min)
		}
		if err := p.check(rest[:n]); err != nil {
			return fail(err, e.AI, at, "")
		}
		rest = rest[n:]
	}
	if rest != "" {
		return fail(ErrLength, e.AI, at, "%d characters too many", len(rest))
	}
	return nil
}

// Error says which element is wrong and what a person can do. It never holds the code itself.
type Error struct {
	Err  error  // one of the Err values of this package
	AI   string // of the element; empty where none was recognised
	At   int    // byte of the code, from zero
	Note string
}

func fail(err error, ai string, at int, note string, args ...any) error {
	return &Error{Err: err, AI: ai, At: at, Note: fmt.Sprintf(note, args...)}
}

// Error is for the log.
func (e *Error) Error() string {
	s := e.Err.Error()
	if e.AI != "" {
		s = "element " + e.AI + ": " + s
	}
	if e.Note != "" {
		s += ": " + e.Note
	}
	return fmt.Sprintf("%s (byte %d)", s, e.At+1)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
