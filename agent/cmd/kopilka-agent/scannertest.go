package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/datamatrix"
	"github.com/boombuler/barcode/qr"
	"golang.org/x/text/encoding/charmap"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers/gs1"
	"github.com/kopilka/kopilka/drivers/port"
)

// The control codes. Each sign is there for a reason: GS is what keyboards swallow, the Latin letters and signs
// stand on keys that give other letters in Russian layout, upper and lower case betray Caps Lock, and the
// Cyrillic of the second shows the character set.
const (
	separator   = "\x1d"
	controlMark = "0104600494000010215KqzT;w.Ab" + separator + "91EE06" + separator + "92Kopilka/test+GS=ok"
	controlText = "Копилка Ёжик № 7"
)

const (
	scanWait  = 60 * time.Second       // for a person with a scanner in the hand
	scanQuiet = 300 * time.Millisecond // after the last byte of a code, also at 9600 baud
	quietZone = 2                      // light modules around a code, as its readers want
	pngScale  = 8                      // pixels of a module: 4 cm on a usual screen
)

// errDaemonHas refuses a trial of what the running till has open.
var errDaemonHas = errors.New("the till program has the devices: kopilka-agent service stop / сначала остановите службу")

// picture is a control code as an image of one pixel a module.
func picture(text string) (image.Image, error) {
	if text == controlText {
		return qr.Encode(text, qr.M, qr.Unicode)
	}
	// The first codeword makes it a GS1 code, as a marking code is; the separators are bytes of it.
	return datamatrix.Encode(string([]byte{datamatrix.FNC1}) + text)
}

// writePNG writes an image large enough for a scanner in front of a screen.
func writePNG(to io.Writer, code image.Image) error {
	b, ok := code.(barcode.Barcode)
	if !ok {
		return errors.New("no code to draw")
	}
	size := b.Bounds().Dx()
	scaled, err := barcode.Scale(b, size*pngScale, size*pngScale)
	if err != nil {
		return fmt.Errorf("draw the control code: %w", err)
	}
	margin := quietZone * pngScale
	canvas := image.NewGray(image.Rect(0, 0, size*pngScale+2*margin, size*pngScale+2*margin))
	for y := range canvas.Rect.Dy() {
		for x := range canvas.Rect.Dx() {
			canvas.Set(x, y, color.White)
			if p := image.Pt(x-margin, y-margin); p.In(scaled.Bounds()) {
				canvas.Set(x, y, scaled.At(p.X, p.Y))
			}
		}
	}
	return png.Encode(to, canvas)
}

// onTerminal draws a code with two spaces a module, light on dark or dark on light: colours are set for both.
func onTerminal(code image.Image) string {
	const light, dark, reset = "\x1b[107m", "\x1b[40m", "\x1b[0m"
	var b strings.Builder
	size := code.Bounds().Dx()
	for y := -quietZone; y < size+quietZone; y++ {
		for x := -quietZone; x < size+quietZone; x++ {
			ink := light
			if image.Pt(x, y).In(code.Bounds()) && color.GrayModel.Convert(code.At(x, y)).(color.Gray).Y < 0x80 {
				ink = dark
			}
			b.WriteString(ink + "  ")
		}
		b.WriteString(reset + "\n")
	}
	return b.String()
}

// judge says what became of a control code on its way through a scanner, in a sentence with the way out.
func judge(want string, got, prefix []byte) (ok bool, text agent.Text) {
	got = bytes.Trim(got, "\r\n\t\x00")
	if len(prefix) > 0 {
		if !bytes.HasPrefix(got, prefix) {
			return false, agent.Text{RU: "Сканер не прислал заданный префикс: настройте его на сканере или уберите prefix из настроек", EN: "The scanner did not send the prefix: set it in the scanner, or take prefix out of the config"}
		}
		got = got[len(prefix):]
	}
	body := bytes.TrimLeft(withoutAIM(got), separator)
	switch text := string(body); {
	case text == want:
		return true, agent.Text{RU: "Сканер передаёт код верно, вместе с разделителями GS", EN: "The scanner sends the code right, GS separators included"}
	case sameBut(text, want, strings.ToLower):
		return false, agent.Text{RU: "Большие и маленькие буквы перепутаны: выключите Caps Lock или смену регистра на сканере", EN: "Upper and lower case are exchanged: switch off Caps Lock, or case conversion in the scanner"}
	case lostGS(text, want):
		return false, agent.Text{RU: "Разделители GS потеряны, маркировку так не продать: включите на сканере передачу GS (FNC1 → 1Dh) или режим USB COM", EN: "The GS separators are lost, marked goods cannot be sold so: switch on GS (FNC1 → 1Dh) in the scanner, or its USB serial mode"}
	case russian(text, want):
		return false, agent.Text{RU: "Код пришёл в русской раскладке: включите на сканере режим USB COM или HID POS, либо латинскую раскладку", EN: "The code came in Russian layout: set the scanner to USB serial or HID POS, or the keyboard to Latin"}
	case otherPage(body, want):
		return false, agent.Text{RU: "Кодировка не UTF-8: задайте в настройках charset или переключите сканер на UTF-8", EN: "The character set is not UTF-8: set charset in the config, or switch the scanner to UTF-8"}
	case strings.Contains(text, want):
		return false, agent.Text{RU: fmt.Sprintf("Вокруг кода лишние знаки (%q): задайте prefix и suffix в настройках или уберите их на сканере", strings.Replace(text, want, "…", 1)), EN: fmt.Sprintf("There are other signs around the code (%q): set prefix and suffix in the config, or switch them off in the scanner", strings.Replace(text, want, "…", 1))}
	}
	return false, agent.Text{RU: fmt.Sprintf("Это не контрольный код или он повреждён (%d байт): проверьте скорость порта и сканируйте ещё раз", len(body)), EN: fmt.Sprintf("This is not the control code, or it is damaged (%d bytes): check the port's speed and scan again", len(body))}
}

// withoutAIM takes "]d2" and its like off.
func withoutAIM(p []byte) []byte {
	if len(p) >= 3 && p[0] == ']' {
		return p[3:]
	}
	return p
}

func sameBut(a, b string, fold func(string) string) bool { return a != b && fold(a) == fold(b) }

// lostGS tells a code whose separators are gone or were turned into something else.
func lostGS(got, want string) bool {
	if !strings.Contains(want, separator) || strings.Contains(got, separator) {
		return false
	}
	rest := got
	for i, part := range strings.Split(want, separator) {
		before, after, found := strings.Cut(rest, part)
		if !found || i == 0 && before != "" || len(before) > len("{GS}")+2 {
			return false
		}
		rest = after
	}
	return rest == ""
}

func russian(got, want string) bool {
	latin, ok := gs1.FromRussianLayout(got)
	return ok && (latin == want || lostGS(latin, want) || strings.EqualFold(latin, strings.ReplaceAll(want, separator, "")))
}

// otherPage tells a text in one of the code pages that scanners know.
func otherPage(got []byte, want string) bool {
	for _, page := range []*charmap.Charmap{charmap.Windows1251, charmap.CodePage866, charmap.KOI8R, charmap.ISO8859_5} {
		if text, err := page.NewDecoder().Bytes(got); err == nil && string(text) == want {
			return true
		}
	}
	return false
}

// scannerTest is `kopilka-agent doctor scanner`.
type scannerTest struct {
	name, png, lang string
	text            bool
	dial            func(agent.DeviceConfig) (port.Dial, error)
}

func testScanner(ctx context.Context, args []string, out io.Writer) error {
	t := scannerTest{dial: func(d agent.DeviceConfig) (port.Dial, error) {
		a, err := port.ParseAddress(d.Port)
		return a.Dial, err
	}}
	path, _, err := configFlag("doctor scanner", args, func(fs *flag.FlagSet) {
		fs.StringVar(&t.name, "name", "", "the scanner's name in the config; the first where it is not given / имя сканера в настройках; без него первый")
		fs.StringVar(&t.png, "png", "", "write the control code into this file, to be printed / записать проверочный код в этот файл для печати")
		fs.StringVar(&t.lang, "lang", "", "ru or en; as in the config where it is not given / язык, ru или en; без него как в настройках")
		fs.BoolVar(&t.text, "text", false, "test the character set with a QR code instead of separators with a DataMatrix / проверить кодировку по QR-коду вместо разделителей по DataMatrix")
	})
	if err != nil {
		return err
	}
	c, err := agent.LoadConfig(path)
	if err != nil {
		return err
	}
	if t.lang == "" {
		t.lang = c.Language
	}
	if _, err := askDaemon(ctx, c.Page); err == nil { // before the code, which would scroll the refusal's reason away
		return errDaemonHas
	}
	return t.run(ctx, c, out)
}

func (t scannerTest) run(ctx context.Context, c agent.Config, out io.Writer) error {
	device, err := t.device(c)
	if err != nil {
		return err
	}
	want := controlMark
	if t.text {
		want = controlText
	}
	code, err := picture(want)
	if err != nil {
		return fmt.Errorf("make the control code: %w", err)
	}
	if err := t.show(code, out); err != nil {
		return err
	}
	if err := t.say(out, agent.Text{RU: "Отсканируйте код сканером " + device.Name, EN: "Scan the code with scanner " + device.Name}); err != nil {
		return err
	}
	got, err := t.scan(ctx, device)
	if err != nil {
		return err
	}
	prefix, err := strconv.Unquote(`"` + device.Settings["prefix"] + `"`)
	if err != nil {
		prefix = ""
	}
	ok, text := judge(want, got, []byte(prefix))
	if err := t.say(out, text); err != nil {
		return err
	}
	if !ok {
		return errIll
	}
	return nil
}

func (t scannerTest) say(out io.Writer, text agent.Text) error {
	if t.lang == "en" {
		return say(out, "%s\n", text.EN)
	}
	return say(out, "%s\n", text.RU)
}

func (t scannerTest) device(c agent.Config) (agent.DeviceConfig, error) {
	for _, s := range c.Scanners {
		if t.name == "" || s.Name == t.name {
			return s, nil
		}
	}
	return agent.DeviceConfig{}, fmt.Errorf("the config has no scanner %q; kopilka-agent devices offers the lines / в настройках нет сканера %[1]q; строки для них даёт kopilka-agent devices", t.name)
}

func (t scannerTest) show(code image.Image, out io.Writer) (err error) {
	if t.png == "" {
		return say(out, "%s", onTerminal(code))
	}
	f, err := os.Create(t.png)
	if err != nil {
		return fmt.Errorf("write the control code: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return writePNG(f, code)
}

// scan reads what the scanner sends, as it comes: the driver would mend some of what is to be found out.
func (t scannerTest) scan(ctx context.Context, device agent.DeviceConfig) (got []byte, err error) {
	dial, err := t.dial(device)
	if err != nil {
		return nil, err
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("open scanner %s (is the service running? kopilka-agent service stop): %w", device.Name, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) }) // a broken connection ends by itself
	defer stop()
	chunk := make([]byte, 512)
	for by := time.Now().Add(scanWait); ; by = time.Now().Add(scanQuiet) {
		if err := conn.SetReadDeadline(by); err != nil {
			return nil, fmt.Errorf("read scanner %s: %w", device.Name, err)
		}
		n, err := conn.Read(chunk)
		got = append(got, chunk[:n]...)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && len(got) > 0:
			return got, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, fmt.Errorf("nothing was scanned on %s in %v: check the cable and the port's speed", device.Name, scanWait)
		case err != nil:
			return nil, fmt.Errorf("read scanner %s: %w", device.Name, err)
		}
	}
}
