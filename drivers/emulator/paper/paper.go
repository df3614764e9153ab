// Package paper is what comes out of an emulated printer: lines that people and tests can read, kept in a
// file where the device has a folder.
package paper

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// File is the tape inside a device's folder: one JSON line for each line printed.
const File = "tape.jsonl"

// linesMax is how many lines stay readable; a day of a busy till, and a page a browser can draw.
const linesMax = 4000

// Kind says what a line of paper is.
type Kind string

// The kinds.
const (
	Text    Kind = "text"
	Bold    Kind = "bold" // double width: half as many characters
	QR      Kind = "qr"
	Picture Kind = "picture"
	Cut     Kind = "cut"
)

// Line is one line of paper. Text of a QR is what it says, of a picture its size.
type Line struct {
	No   int    `json:"no"` // counted since the first line ever
	Kind Kind   `json:"kind"`
	Text string `json:"text,omitempty"`
}

// Tape is the paper so far. It has no lock: the device that prints on it has one.
type Tape struct {
	lines []Line
	next  int
	file  *os.File
}

// Load reads the tape of an earlier run; an empty folder keeps it in memory only.
func (t *Tape) Load(folder string) error {
	if folder == "" {
		return nil
	}
	path := filepath.Join(folder, File)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the tape: %w", err)
	}
	whole := bytes.LastIndexByte(raw, '\n') + 1
	for line := range bytes.Lines(raw[:whole]) {
		var l Line
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

func (t *Tape) keep(l Line) {
	t.lines = append(t.lines, l)
	t.next = l.No + 1
	if len(t.lines) > 2*linesMax {
		t.lines = append([]Line(nil), t.lines[len(t.lines)-linesMax:]...)
	}
}

// Print puts a line on the paper; its number is the tape's to give.
func (t *Tape) Print(l Line) {
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

// Close closes the file.
func (t *Tape) Close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

// Lines is what left the printer, oldest first; a long tape loses its beginning.
func (t *Tape) Lines() []Line { return slices.Clone(t.lines) }

// Last is the newest line, if there is one.
func (t *Tape) Last() (Line, bool) {
	if len(t.lines) == 0 {
		return Line{}, false
	}
	return t.lines[len(t.lines)-1], true
}

// Wrap breaks a text into lines of a width in characters; an empty text is one empty line.
func Wrap(text string, width int) []string {
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

// Sides sets one text to the left and one to the right of a line.
func Sides(width int, left, right string) string {
	gap := width - utf8.RuneCountInString(left) - utf8.RuneCountInString(right)
	return left + strings.Repeat(" ", max(gap, 1)) + right
}

// Middle centres a text on a line.
func Middle(width int, text string) string {
	return strings.Repeat(" ", max(width-utf8.RuneCountInString(text), 0)/2) + text
}
