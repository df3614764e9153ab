package escpos_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	device "github.com/kopilka/kopilka/drivers/emulator/escpos"
)

// modules is where make deps installs the programs that our bytes are compared with.
func modules() string {
	if dir := os.Getenv("KOPILKA_NODE"); dir != "" {
		return dir
	}
	return "/usr/local/lib/kopilka-test"
}

// reference makes a slip's bytes by @point-of-sale/receipt-printer-encoder.
func reference(t *testing.T, slip map[string]any) []byte {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("skipped: no node in PATH")
	}
	if _, err := os.Stat(filepath.Join(modules(), "node_modules/@point-of-sale/receipt-printer-encoder")); err != nil {
		t.Skipf("skipped: no receipt-printer-encoder in %s (make deps installs it)", modules())
	}
	in, err := json.Marshal(slip)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), node, "testdata/reference.mjs", modules())
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &problems
	require.NoError(t, cmd.Run(), problems.String())
	return out.Bytes()
}

// onPaper feeds bytes to a printer and takes its paper, without the blank lines that each encoder puts where it
// likes.
func onPaper(t *testing.T, sent []byte) (lines []string, pulses []int) {
	t.Helper()
	dev := device.New(device.Options{Columns: 42, Dots: 512, Chinese: true})
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- dev.Serve(t.Context(), far) }()
	_, err := near.Write(sent)
	require.NoError(t, err)
	require.NoError(t, near.Close())
	require.NoError(t, <-served)
	require.Zero(t, dev.Waiting(), "a command was not whole")
	for _, i := range dev.Paper() {
		line := i.String()
		if i.Kind == device.Picture {
			line += bits(i)
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines, dev.Pulses()
}

// bits are a picture's dots, so that two can be compared.
func bits(i device.Item) string {
	var s strings.Builder
	for y := range i.Bitmap.Height {
		for x := range i.Bitmap.Width {
			s.WriteByte(" #"[b2i(i.Bitmap.Black(x, y))])
		}
		s.WriteByte('\n')
	}
	return s.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The same slip by an independent encoder and by ours is the same paper, as our emulator reads both: so driver and
// emulator cannot share a mistake about a command.
func TestSamePaperAsAnIndependentEncoder(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 64, 24))
	for y := range 24 {
		for x := range 64 {
			img.Set(x, y, color.Gray{Y: uint8(255 * b2i((x/8+y/8)%2 == 0))})
		}
	}
	data := make([]int, len(img.Pix))
	for i, v := range img.Pix {
		data[i] = int(v)
	}
	type line struct {
		Text   string `json:"text"`
		Bold   bool   `json:"bold"`
		Large  bool   `json:"large"`
		Centre bool   `json:"centre"`
	}
	lines := []line{
		{Text: "Съешь ещё этих мягких булок № 7"},
		{Text: "ИТОГО", Bold: true, Centre: true},
		{Text: "ЦЕНА 5", Large: true, Bold: true},
		{Text: "Latin & symbols: !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"[:42]},
		{Text: "Ёлка", Centre: true},
	}
	ours := drivers.Slip{QR: "https://example.test/c/2700000000076", Logo: img}
	for _, l := range lines {
		ours.Lines = append(ours.Lines, drivers.SlipLine{Text: l.Text, Bold: l.Bold, Large: l.Large, Centre: l.Centre})
	}
	for codepage, profile := range map[string]string{"cp866": "epson", "windows1251": "wcp1251"} {
		theirs := reference(t, map[string]any{"columns": 42, "codepage": codepage, "lines": lines, "qr": ours.QR, "picture": map[string]any{"width": 64, "height": 24, "data": data}})
		var sent []byte
		bubble(t, device.Options{Columns: 42, Dots: 512}, map[string]string{"width": "42", "profile": profile}, func(b *bench) {
			b.tap = &sent
			require.NoError(b, b.p.PrintSlip(b.ctx, ours))
			require.NoError(b, b.p.OpenDrawer(b.ctx))
		})
		want, wantPulses := onPaper(t, theirs)
		got, gotPulses := onPaper(t, sent)
		require.Equal(t, wantPulses, gotPulses)
		require.ElementsMatch(t, want, got, codepage) // our logo stands on top, theirs where it was asked for
		require.Equal(t, withoutPictures(want), withoutPictures(got), codepage)
		require.Len(t, got, len(lines)+3)
	}
}

func withoutPictures(lines []string) (out []string) {
	for _, l := range lines {
		if !strings.HasPrefix(l, "[picture") {
			out = append(out, l)
		}
	}
	return out
}

// What is printed is read back from the paper by an independent reader of codes, in both ways and at every level.
func TestQRCodesAreReadable(t *testing.T) {
	reader, err := exec.LookPath("zbarimg")
	if err != nil {
		t.Skip("skipped: no zbarimg in PATH (make deps installs it)")
	}
	codes := []string{"https://example.test/c/2700000000076", "t=20260101T1200&s=1234.56&fn=9999078900012345&i=42&fp=1234567890&n=1", "2900012345678"}
	read := 0
	for _, settings := range []map[string]string{
		{"qr": "native"},
		{"qr": "raster"},
		{"qr": "raster", "width": "32", "qr-size": "4", "qr-level": "H"},
		{"qr": "native", "width": "42", "qr-size": "3", "qr-level": "L"},
		{"qr": "raster", "width": "32", "qr-size": "16", "qr-level": "Q"},
	} {
		for _, code := range codes {
			var paper []device.Item
			columns := map[string]int{"": 48, "32": 32, "42": 42}[settings["width"]]
			dots := map[int]int{48: 576, 32: 384, 42: 512}[columns]
			bubble(t, device.Options{Columns: columns, Dots: dots}, settings, func(b *bench) {
				require.NoError(b, b.p.PrintSlip(b.ctx, drivers.Slip{Lines: []drivers.SlipLine{{Text: "Сертификат"}}, QR: code}))
				paper = b.dev.Paper()
			})
			file := filepath.Join(t.TempDir(), "slip.png")
			var picture bytes.Buffer
			require.NoError(t, png.Encode(&picture, device.Draw(paper, dots)))
			require.NoError(t, os.WriteFile(file, picture.Bytes(), 0o600))
			out, err := exec.CommandContext(t.Context(), reader, "--quiet", "--raw", file).Output()
			require.NoError(t, err, "%v %s: %s", settings, code, out)
			require.Equal(t, code, strings.TrimSpace(string(out)), settings)
			read++
		}
	}
	t.Logf("%d codes read back from paper", read)
}
