package capture

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/charset"
)

const (
	// windowRunes of a value in a row are enough to know it by, wherever a device wrapped or cut it.
	windowRunes = 8
	// lettersMin and digitsMin make a window worth hiding: below them it would be found in prices and names
	// of goods everywhere.
	lettersMin = 3
	digitsMin  = 7
	// wordMin is the shortest word of a cashier's name that is hidden by itself; lineWordMin of a text line.
	wordMin     = 3
	lineWordMin = 4
	// byteFormMin is the shortest form that is looked for among bytes: two of them stand by chance in any
	// binary answer.
	byteFormMin = 3
	// valuesMax bounds what is remembered of one session: a device may repeat what it was told receipts ago.
	valuesMax = 256
	// spotsMax bounds how many values may share a window.
	spotsMax = 8
)

// Rewrite applies a replacement of the same length to the payload of each frame in a burst of bytes and seals
// the frames again, as each protocol's frame package does.
type Rewrite func(burst []byte, replace func([]byte) []byte) []byte

// Masker hides the personal values that it has learned, in every encoding that a device is spoken to in.
// Each letter becomes another letter, each digit a 0, so that every length stays what it was.
type Masker struct {
	rewrite Rewrite
	values  []string
	known   map[string]bool
	spots   map[string][]spot // by the bytes of a window
	lengths []int             // of windows, the longest first
	spelt   []byte            // the end of the last run of hexadecimal digits, see [Masker.hex]
	shapes  bool              // every text is masked, whatever was learned
}

// spot is a place in an encoded value.
type spot struct {
	form *form
	at   int
}

// form is a value in one encoding.
type form struct {
	plain, mask []byte
	ends        []bool // ends[n]: a character ends after n bytes
}

// NewMasker makes a masker for a protocol; rewrite may be nil where payload goes without frames.
func NewMasker(rewrite Rewrite) *Masker {
	if rewrite == nil {
		rewrite = func(b []byte, replace func([]byte) []byte) []byte { return replace(b) }
	}
	return &Masker{rewrite: rewrite, known: map[string]bool{}, spots: map[string][]spot{}}
}

// MaskText is a text of the same length in every encoding, of which nothing can be told but its shape.
func MaskText(s string) string { return strings.Map(maskRune, s) }

func maskRune(r rune) rune {
	switch {
	case r >= '0' && r <= '9':
		return '0'
	case !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r):
		return r
	case r < utf8.RuneSelf:
		return 'x'
	}
	switch utf8.RuneLen(r) {
	case 2:
		return 'х' // Cyrillic: one byte in the code pages, as whatever stood there
	case 3:
		return '№'
	}
	return '😀' // no code page has it, nor what it stands for
}

// Learn remembers what is personal in the arguments of a call: the buyer's contact, the cashier, and every
// text that the till made up, since it may greet the buyer.
func (m *Masker) Learn(a *Args) {
	if a == nil {
		return
	}
	m.person(a.Who)
	m.receipt(a.Receipt)
	if a.Correct != nil {
		m.receipt(&a.Correct.Receipt)
	}
	m.lines(a.Lines)
	m.line(a.QR)
	m.refresh()
}

func (m *Masker) receipt(r *drivers.Receipt) {
	if r == nil {
		return
	}
	m.person(r.Operator)
	m.value(r.Contact)
	m.lines(r.Header)
	m.lines(r.Footer)
	for _, l := range r.Lines {
		m.lines(l.Text)
	}
	m.line(r.QR)
}

func (m *Masker) person(o drivers.Operator) {
	m.value(o.INN)
	m.value(o.Name)
	for _, w := range strings.Fields(o.Name) {
		if utf8.RuneCountInString(w) >= wordMin {
			m.value(w)
		}
	}
}

func (m *Masker) lines(all []string) {
	for _, l := range all {
		m.line(l)
	}
}

// line is text that may name somebody. Figures alone are none: they would be found in every price.
func (m *Masker) line(s string) {
	if !telling([]rune(s)) {
		return
	}
	m.value(s)
	for _, w := range strings.Fields(s) {
		if utf8.RuneCountInString(w) >= lineWordMin && telling([]rune(w)) {
			m.value(w)
		}
	}
}

// value remembers one value; what is learned again counts as new, so that it is not the first forgotten.
func (m *Masker) value(s string) {
	s = norm.NFC.String(s)
	m.remember(s)
	m.remember(withoutYo.Replace(s))
}

// withoutYo is how a text reads on a device that does not know the letter.
var withoutYo = strings.NewReplacer("ё", "е", "Ё", "Е")

func (m *Masker) remember(s string) {
	if utf8.RuneCountInString(s) < 2 || MaskText(s) == s {
		return
	}
	if m.known[s] {
		i := slices.Index(m.values, s)
		m.values = append(slices.Delete(m.values, i, i+1), s)
		return
	}
	m.known[s] = true
	m.values = append(m.values, s)
	m.spots = nil
}

// refresh builds the windows anew after something was learned.
func (m *Masker) refresh() {
	if m.spots != nil {
		return
	}
	if drop := len(m.values) - valuesMax; drop > 0 {
		for _, s := range m.values[:drop] {
			delete(m.known, s)
		}
		m.values = slices.Delete(m.values, 0, drop)
	}
	m.spots, m.lengths = map[string][]spot{}, nil
	for _, s := range m.values {
		m.index(s)
	}
	slices.Sort(m.lengths)
	slices.Reverse(m.lengths)
}

func (m *Masker) index(s string) {
	runes := []rune(s)
	seen := map[string]bool{}
	for _, encode := range encodings {
		f, starts := encode.form(runes)
		if f == nil || seen[string(f.plain)] {
			continue
		}
		seen[string(f.plain)] = true
		for i := 0; i == 0 || i+windowRunes <= len(runes); i++ {
			end := min(i+windowRunes, len(runes))
			if len(runes) > windowRunes && !telling(runes[i:end]) {
				continue
			}
			m.window(f, starts[i], starts[end])
		}
	}
}

func (m *Masker) window(f *form, from, to int) {
	key := string(f.plain[from:to])
	if len(m.spots[key]) == spotsMax {
		return
	}
	m.spots[key] = append(m.spots[key], spot{f, from})
	if !slices.Contains(m.lengths, to-from) {
		m.lengths = append(m.lengths, to-from)
	}
}

// telling tells text that could name somebody.
func telling(window []rune) bool {
	letters, digits := 0, 0
	for _, r := range window {
		switch {
		case unicode.IsLetter(r):
			letters++
		case unicode.IsDigit(r):
			digits++
		}
	}
	return letters >= lettersMin || digits >= digitsMin
}

// encoding writes one character.
type encoding struct {
	write func(r rune) []byte
	least int // bytes of the shortest form worth looking for
}

// encodings are all in which a driver speaks of people.
var encodings = []encoding{
	{func(r rune) []byte { return []byte(string(r)) }, byteFormMin},
	{func(r rune) []byte { return inJSON(r, true) }, byteFormMin},
	{func(r rune) []byte { return inJSON(r, false) }, byteFormMin},
	{func(r rune) []byte { return escaped(r, "0123456789abcdef") }, byteFormMin},
	{func(r rune) []byte { return escaped(r, "0123456789ABCDEF") }, byteFormMin},
	{func(r rune) []byte { return onPage(charmap.CodePage866, r) }, byteFormMin},
	{func(r rune) []byte { return onPage(charmap.Windows1251, r) }, byteFormMin},
}

// form is the value and its mask; starts are where each character begins, and the end. Nil: too short to be
// told from chance.
func (e encoding) form(runes []rune) (f *form, starts []int) {
	f = &form{ends: []bool{true}}
	for _, r := range runes {
		starts = append(starts, len(f.plain))
		plain, mask := e.write(r), e.write(maskRune(r))
		if len(plain) != len(mask) {
			mask = slices.Repeat([]byte{'x'}, len(plain))
		}
		f.plain, f.mask = append(f.plain, plain...), append(f.mask, mask...)
		f.ends = append(f.ends, make([]bool, len(f.plain)+1-len(f.ends))...)
		f.ends[len(f.plain)] = true
	}
	if len(f.plain) < e.least {
		return nil, nil
	}
	return f, append(starts, len(f.plain))
}

// inJSON is a character inside a JSON string, with or without what only web pages need escaped.
func inJSON(r rune, html bool) []byte {
	if !html && strings.ContainsRune("<>&", r) {
		return []byte(string(r))
	}
	b, err := json.Marshal(string(r))
	if err != nil || len(b) < 2 { // a string always encodes
		return []byte(string(r))
	}
	return b[1 : len(b)-1]
}

// escaped is a character inside a JSON string as programs write it that keep to ASCII.
func escaped(r rune, digits string) []byte {
	if r < utf8.RuneSelf {
		return inJSON(r, false)
	}
	var out []byte
	for _, u := range utf16.AppendRune(nil, r) {
		out = append(out, '\\', 'u', digits[u>>12], digits[u>>8&0xF], digits[u>>4&0xF], digits[u&0xF])
	}
	return out
}

// onPage is a character in a code page, or what drivers put there for it.
func onPage(page *charmap.Charmap, r rune) []byte {
	return charset.Encode(page, string(r), utf8.UTFMax)
}

// Burst masks bytes of one direction, frame by frame.
func (m *Masker) Burst(b []byte) []byte {
	if m.shapes {
		return m.rewrite(slices.Clone(b), shape)
	}
	return m.rewrite(slices.Clone(b), m.payload)
}

// payload masks what was learned, then what looks personal by itself, then both where bytes are spelt.
func (m *Masker) payload(p []byte) []byte {
	out := m.plain(p)
	for _, at := range spelling.FindAllIndex(out, -1) {
		m.hex(out[at[0]:at[1]])
	}
	return out
}

func (m *Masker) plain(p []byte) []byte {
	out := slices.Clone(p)
	for at := 0; at < len(p); {
		n := m.hide(p[at:], out[at:])
		at += max(n, 1)
	}
	return scrub(out)
}

// hide masks the longest known value that begins here and returns its length, 0 where there is none.
func (m *Masker) hide(p, out []byte) int {
	best, mask := 0, []byte(nil)
	for _, n := range m.lengths {
		if n > len(p) {
			continue
		}
		for _, s := range m.spots[string(p[:n])] {
			if got := s.reach(p); got > best {
				best, mask = got, s.form.mask[s.at:s.at+got]
			}
		}
	}
	copy(out, mask)
	return best
}

// reach is how far the value goes on from its window, in whole characters.
func (s spot) reach(p []byte) int {
	plain := s.form.plain[s.at:]
	n := 0
	for n < min(len(p), len(plain)) && p[n] == plain[n] {
		n++
	}
	for !s.form.ends[s.at+n] {
		n--
	}
	return n
}

// Text masks a text of ours.
func (m *Masker) Text(s string) string {
	if m.shapes {
		return shapeText(s)
	}
	return string(m.payload([]byte(norm.NFC.String(s))))
}

// Values masks every text in a value made of our own vocabulary, through pointers and slices.
func (m *Masker) Values(v any) { m.walk(reflect.ValueOf(v)) }

func (m *Masker) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			m.walk(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			m.walk(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				m.walk(v.Field(i))
			}
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString(m.Text(v.String()))
		}
	}
}
