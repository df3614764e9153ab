package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kopilka/kopilka/drivers/capture"
	escposframe "github.com/kopilka/kopilka/drivers/escpos/command"
	piritframe "github.com/kopilka/kopilka/drivers/pirit/frame"
	shtrihframe "github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// hexLine is how many bytes stand in a line of a burst.
const hexLine = 24

// showSession prints a session for a person: time, direction, what it means, bytes.
func showSession(out io.Writer, s capture.Session) error {
	var b strings.Builder
	fmt.Fprintf(&b, "== %s %s (%s)\n", s.About.Type, s.About.Device, s.ID)
	for _, e := range s.Entries {
		fmt.Fprintf(&b, "%s  %s\n", e.Time().Format("15:04:05.000000"), line(s.About.Type, e))
		if e.Data != nil {
			burst(&b, e)
		}
	}
	return say(out, "%s", b.String())
}

// line is an entry's meaning.
func line(kind string, e capture.Entry) string {
	switch e.Kind {
	case capture.KindSession:
		return fmt.Sprintf("driver made / драйвер создан %s", compact(e.About))
	case capture.KindCall:
		return fmt.Sprintf("┌ %s %s", e.Op, compact(e.Args))
	case capture.KindEnd:
		if e.Failure != nil {
			return fmt.Sprintf("└ %s: FAILED / ОШИБКА: %s", e.Op, e.Failure.Text)
		}
		return fmt.Sprintf("└ %s: %s", e.Op, compact(e.Result))
	case capture.KindWrite:
		return fmt.Sprintf("  → [%d] %s", e.Conn, names(kind, e.Data, false))
	case capture.KindRead:
		return fmt.Sprintf("  ← [%d] %s", e.Conn, names(kind, e.Data, true))
	case capture.KindTimeout:
		return fmt.Sprintf("  … [%d] waited in vain / ответа нет", e.Conn)
	case capture.KindDial:
		return fmt.Sprintf("  [%d] connected / соединение", e.Conn)
	case capture.KindClose:
		return fmt.Sprintf("  [%d] closed / закрыто", e.Conn)
	}
	text := ""
	if e.Failure != nil {
		text = e.Failure.Text
	}
	return fmt.Sprintf("  [%d] %s: %s", e.Conn, e.Kind, text)
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil || string(b) == "null" {
		return ""
	}
	return string(b)
}

// burst prints bytes: text as text, anything else in hexadecimal beside its letters.
func burst(b *strings.Builder, e capture.Entry) {
	if readable(e.Data) {
		for _, l := range strings.Split(strings.TrimRight(string(e.Data), "\r\n"), "\n") {
			fmt.Fprintf(b, "                       %s\n", strings.TrimRight(l, "\r"))
		}
	} else {
		for at := 0; at < len(e.Data); at += hexLine {
			part := e.Data[at:min(at+hexLine, len(e.Data))]
			fmt.Fprintf(b, "                       % -*X  %s\n", 3*hexLine, part, letters(part))
		}
	}
	if e.Lost > 0 {
		fmt.Fprintf(b, "                       … and %d bytes more / и ещё байты\n", e.Lost)
	}
}

// readable tells text of some length, as web servers speak.
func readable(p []byte) bool {
	if len(p) < 4 || !utf8.Valid(p) {
		return false
	}
	return !strings.ContainsFunc(string(p), func(r rune) bool { return unicode.IsControl(r) && r != '\r' && r != '\n' && r != '\t' })
}

func letters(p []byte) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7E {
			return '·'
		}
		return r
	}, string(p))
}

// names are the commands in a burst, as far as the type's codec can tell.
func names(kind string, p []byte, answer bool) string {
	switch {
	case kind == "shtrih-m":
		return shtrihNames(p)
	case kind == "pirit":
		return piritNames(p, answer)
	case kind == "escpos" && !answer:
		return escposNames(p)
	case readable(p):
		first, _, _ := strings.Cut(string(p), "\n")
		return strings.TrimSpace(first)
	}
	return fmt.Sprintf("%d bytes", len(p))
}

var shtrihControls = map[byte]string{shtrihframe.ENQ: "ENQ", shtrihframe.ACK: "ACK", shtrihframe.NAK: "NAK"}

// shtrihNames reads both protocols: the start of a frame tells which it is.
func shtrihNames(p []byte) string {
	var all []string
	var one shtrihframe.Decoder1
	var two shtrihframe.Decoder2
	next := one.Next
	for i, c := range p {
		if i == 0 && c == shtrihframe.STX2 {
			next = two.Next
		}
		e, ok := next(c)
		switch {
		case !ok:
		case e.Kind == shtrihframe.Control:
			all = append(all, shtrihControls[e.Byte])
		case e.Kind == shtrihframe.Sync:
			all = append(all, "sync")
		case e.Kind == shtrihframe.Broken:
			all = append(all, "broken frame")
		default:
			if cmd, _, ok := shtrihframe.Split(e.Body); ok {
				all = append(all, shtrihWord(cmd))
			} else {
				all = append(all, "number of the frame")
			}
		}
	}
	return strings.Join(all, " ")
}

// shtrihWords are the commands that a day is made of.
var shtrihWords = map[shtrihframe.Cmd]string{
	shtrihframe.CmdShortStatus: "short status", shtrihframe.CmdStatus: "status", shtrihframe.CmdPrintLine: "print line",
	shtrihframe.CmdReadTable: "read table", shtrihframe.CmdCut: "cut", shtrihframe.CmdDrawer: "drawer", shtrihframe.CmdXReport: "X report",
	shtrihframe.CmdZReport: "Z report", shtrihframe.CmdCashIn: "cash in", shtrihframe.CmdCashOut: "cash out", shtrihframe.CmdCancel: "cancel receipt",
	shtrihframe.CmdSubtotal: "sub-total", shtrihframe.CmdCopyLast: "copy", shtrihframe.CmdOpenReceipt: "open receipt", shtrihframe.CmdContinue: "continue printing",
	shtrihframe.CmdOpenShift: "open shift", shtrihframe.CmdModel: "model", shtrihframe.CmdDeviceType: "device type", shtrihframe.CmdFNStatus: "FN status",
	shtrihframe.CmdFNSerial: "FN serial", shtrihframe.CmdFNExpiry: "FN expiry", shtrihframe.CmdFNFind: "FN document", shtrihframe.CmdFNTag: "document tag",
	shtrihframe.CmdOFDStatus: "OFD status", shtrihframe.CmdClose2: "CLOSE RECEIPT", shtrihframe.CmdOperation2: "position", shtrihframe.CmdOperationTag: "position tag",
}

func shtrihWord(c shtrihframe.Cmd) string {
	if w := shtrihWords[c]; w != "" {
		return fmt.Sprintf("%v %s", c, w)
	}
	return c.String()
}

// piritHead is STX, password, name, then the command's two hexadecimal digits; in an answer the name comes first.
const piritHead, piritAnswerHead = 6, 2

func piritNames(p []byte, answer bool) string {
	switch {
	case len(p) == 1:
		return fmt.Sprintf("%02Xh", p[0])
	case !answer && len(p) >= piritHead+2 && p[0] == piritframe.STX && hexDigits(p[piritHead:piritHead+2]):
		return "request " + string(p[piritHead:piritHead+2]) + "h"
	case answer && len(p) >= piritAnswerHead+4 && p[0] == piritframe.STX && hexDigits(p[piritAnswerHead:piritAnswerHead+4]):
		return fmt.Sprintf("answer %sh, code %sh", p[piritAnswerHead:piritAnswerHead+2], p[piritAnswerHead+2:piritAnswerHead+4])
	}
	return fmt.Sprintf("%d bytes", len(p))
}

func hexDigits(p []byte) bool {
	return strings.Trim(string(p), "0123456789ABCDEFabcdef") == ""
}

// escposWords are the commands of a slip that say what becomes of it; those for its looks are left out.
var escposWords = map[escposframe.Kind]string{
	escposframe.Init: "init", escposframe.Line: "line", escposframe.Raster: "picture", escposframe.Cut: "cut", escposframe.CutBare: "cut",
	escposframe.Pulse: "drawer", escposframe.Barrier: "printed?", escposframe.Info: "who are you?",
}

func escposNames(p []byte) string {
	var all []string
	for rest := p; len(rest) > 0; {
		c, n := escposframe.Parse(rest)
		if n == 0 {
			all = append(all, fmt.Sprintf("%d bytes", len(rest)))
			break
		}
		if word := escposWord(c); word != "" {
			all = append(all, word)
		}
		rest = rest[n:]
	}
	return strings.Join(slices.Compact(all), ", ") // a code is drawn by several commands
}

func escposWord(c escposframe.Command) string {
	switch {
	case c.Kind == escposframe.Text:
		return fmt.Sprintf("text of %d", len(c.Data))
	case c.Kind == escposframe.CodePage:
		return fmt.Sprintf("code page %d", c.Args[0])
	case c.Kind == escposframe.RealTime:
		return fmt.Sprintf("status %d?", c.Args[0])
	case c.Kind == escposframe.Extended && c.Args[0] == 'H':
		return "printed?"
	case c.Kind == escposframe.Extended && c.Args[0] == 'k':
		return "QR code"
	}
	return escposWords[c.Kind]
}
