package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// TapeFile is the paper inside a register's folder: one JSON line for each line printed.
const TapeFile = "tape.jsonl"

// tapeMax is how many lines stay readable; a day of a busy till, and a page a browser can draw.
const tapeMax = 4000

// TapeKind says what a line of paper is.
type TapeKind string

// The kinds.
const (
	TapeText TapeKind = "text"
	TapeBold TapeKind = "bold" // double width: half as many characters
	TapeQR   TapeKind = "qr"
	TapeCut  TapeKind = "cut"
)

// TapeLine is one line of paper. Text of a QR is what it says.
type TapeLine struct {
	No   int      `json:"no"` // counted since the first line ever
	Kind TapeKind `json:"kind"`
	Text string   `json:"text,omitempty"`
}

type tape struct {
	lines []TapeLine
	next  int
	file  *os.File
}

func (t *tape) load(folder string) error {
	if folder == "" {
		return nil
	}
	path := filepath.Join(folder, TapeFile)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the tape: %w", err)
	}
	whole := bytes.LastIndexByte(raw, '\n') + 1
	for line := range bytes.Lines(raw[:whole]) {
		var l TapeLine
		if json.Unmarshal(line, &l) == nil { // torn paper is not worth stopping for
			t.keep(l)
		}
	}
	t.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err == nil {
		err = t.file.Truncate(int64(whole))
	}
	if err != nil {
		return fmt.Errorf("open the tape: %w", err)
	}
	return nil
}

func (t *tape) keep(l TapeLine) {
	t.lines = append(t.lines, l)
	t.next = l.No + 1
	if len(t.lines) > 2*tapeMax {
		t.lines = append([]TapeLine(nil), t.lines[len(t.lines)-tapeMax:]...)
	}
}

func (t *tape) take(l TapeLine) {
	l.No = t.next
	t.keep(l)
	if t.file == nil {
		return
	}
	raw, err := json.Marshal(l)
	if err == nil {
		_, err = t.file.Write(append(raw, '\n'))
	}
	if err != nil {
		_ = t.file.Close() // the paper is for people; what counts is the storage's archive
		t.file = nil
	}
}

func (t *tape) close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

// queue gives lines to the print head, which takes them until paper or power ends.
func (r *Register) queue(lines ...TapeLine) {
	r.ram.Queue = append(r.ram.Queue, lines...)
	if r.power {
		r.feed()
	}
}

// feed prints what waits. A line that paper or power failed stays in the queue for B0h.
func (r *Register) feed() {
	for len(r.ram.Queue) > 0 && r.paper && !r.cover && r.power && !r.gone {
		if r.lineFault() {
			return
		}
		r.tape.take(r.ram.Queue[0])
		r.ram.Queue = r.ram.Queue[1:]
		if now := r.opt.Now(); r.prints.Before(now) {
			r.prints = now
		}
		r.prints = r.prints.Add(r.opt.LineTime)
	}
	if len(r.ram.Queue) == 0 {
		r.ram.Queue = nil
	}
}

// print queues text, wrapped to the width of the paper.
func (r *Register) print(texts ...string) {
	r.queue(r.wrapped(texts...)...)
}

func (r *Register) wrapped(texts ...string) []TapeLine {
	var lines []TapeLine
	for _, text := range texts {
		for _, part := range wrap(text, r.opt.Width) {
			lines = append(lines, TapeLine{Kind: TapeText, Text: part})
		}
	}
	return lines
}

func wrap(text string, width int) []string {
	runes := []rune(text)
	if len(runes) == 0 {
		return []string{""}
	}
	var parts []string
	for len(runes) > width {
		parts, runes = append(parts, string(runes[:width])), runes[width:]
	}
	return append(parts, string(runes))
}

// sides sets one text to the left and one to the right of a line.
func (r *Register) sides(left, right string) string {
	gap := r.opt.Width - utf8.RuneCountInString(left) - utf8.RuneCountInString(right)
	return left + strings.Repeat(" ", max(gap, 1)) + right
}

func (r *Register) middle(text string) string {
	return strings.Repeat(" ", max(r.opt.Width-utf8.RuneCountInString(text), 0)/2) + text
}
