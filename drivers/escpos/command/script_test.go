package command_test

import (
	"encoding/hex"
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/escpos/command"
)

// Bytes of the public manuals (see devices' facts: ESC t, GS v 0, GS ( k, GS V, ESC p) and of an independent encoder.
func TestGoldenBytes(t *testing.T) {
	picture := command.NewBitmap(16, 2)
	picture.Blacken(0, 0)
	picture.Blacken(15, 1)
	tests := []struct {
		name, want string
		write      func(s *command.Script)
	}{
		{"init", "1b40", func(s *command.Script) { s.Init() }},
		{"leave Chinese mode", "1c2e", func(s *command.Script) { s.LeaveChinese() }},
		{"code page CP866 of Epson", "1b7411", func(s *command.Script) { s.CodePage(17) }},
		{"centre", "1b6101", func(s *command.Script) { s.Align(command.Centre) }},
		{"bold", "1b45011b4500", func(s *command.Script) { s.Bold(true); s.Bold(false) }},
		{"twice as large", "1d21111d2100", func(s *command.Script) { s.Size(2, 2); s.Size(1, 1) }},
		{"text", "8fe0a8a2a5e220fc310a", func(s *command.Script) { s.Text([]byte("\x8f\xe0\xa8\xa2\xa5\xe2 \xfc1")); s.Line() }},
		{"feed", "1b6405", func(s *command.Script) { s.Feed(5) }},
		{"cuts", "1d5641001d564200", func(s *command.Script) { s.Cut(false); s.Cut(true) }},
		{"drawer on pin 2, 50 ms and 500 ms", "1b700019fa", func(s *command.Script) { s.Pulse(2, 50, 500) }},
		{"drawer on pin 5", "1b700132ff", func(s *command.Script) { s.Pulse(5, 100, 9000) }},
		{"real-time status", "100401100404", func(s *command.Script) { s.RealTime(1); s.RealTime(4) }},
		{"barrier", "1d6100" + "1d7201", func(s *command.Script) { s.Quiet(); s.Barrier() }},
		{"process", "1d284806003030" + "30303141", func(s *command.Script) { s.Process([4]byte{'0', '0', '1', 'A'}) }},
		{"picture", "1d763000" + "0200" + "0200" + "8000" + "0001", func(s *command.Script) { s.Raster(picture, 0, 2) }},
		{"slice of a picture", "1d763000" + "0200" + "0100" + "0001", func(s *command.Script) { s.Raster(picture, 1, 1) }},
		{
			"QR", "1d286b0400314132001d286b03003143061d286b03003145311d286b100031503068747470733a2f2f782e792f7a1d286b0300315130",
			func(s *command.Script) { s.QR("https://x.y/z", 6, command.LevelM) },
		},
	}
	for _, tt := range tests {
		var s command.Script
		tt.write(&s)
		require.Equal(t, tt.want, hex.EncodeToString(s.Bytes()), tt.name)
	}
}

func TestTextIsNoCommand(t *testing.T) {
	var s command.Script
	s.Text([]byte("a\x1bp\x00\x10\x04\x01\n\x7fb"))
	require.Equal(t, "apb", string(s.Bytes()))
	s.QR("\x10\x04\x01", 4, command.LevelL)
	s.QR(strings.Repeat("x", command.QRBytesMax+1), 4, command.LevelL)
	s.QR("", 4, command.LevelL)
	require.Equal(t, "apb", string(s.Bytes()), "what cannot be sent is left out")
}

// No slip holds a real-time request, whatever it says and shows; only asking for one does.
func TestNothingIsARequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s command.Script
		s.Init()
		s.Text(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		s.Feed(rapid.IntRange(0, 255).Draw(t, "feed"))
		s.Size(rapid.IntRange(1, 8).Draw(t, "wide"), rapid.IntRange(1, 8).Draw(t, "high"))
		s.Line()
		b := command.NewBitmap(rapid.IntRange(1, 160).Draw(t, "width"), rapid.IntRange(1, 20).Draw(t, "height"))
		trap := rapid.SampledFrom([]byte{0x10, 0x04, 0x05, 0x14, 0x01, 0x08, 0x00})
		for i := range b.Bits {
			b.Bits[i] = trap.Draw(t, "dots")
		}
		s.Raster(b, 0, b.Height)
		s.QR(rapid.String().Draw(t, "code"), 6, command.LevelQ)
		s.Cut(rapid.Bool().Draw(t, "partial"))
		s.Pulse(2, rapid.IntRange(0, 600).Draw(t, "pulse"), 500)
		s.Barrier()
		var w command.Watch
		for i, c := range s.Bytes() {
			if r, ok := w.Next(c); ok {
				t.Fatalf("byte %d ends the request %v", i, r)
			}
		}
	})
}

func TestRequestsAreFoundInsidePictures(t *testing.T) {
	var w command.Watch
	var found []command.Request
	for _, b := range []byte{0x1D, 'v', '0', 0, 2, 0, 4, 0, 0x10, 0x10, 0x04, 0x03, 0x10, 0x14, 1, 0, 2, 0x10, 0x00, 0x10, 0x05, 2} {
		if r, ok := w.Next(b); ok {
			found = append(found, r)
		}
	}
	require.Equal(t, []command.Request{{Code: 4, Args: []byte{3}}, {Code: 0x14, Args: []byte{1, 0, 2}}, {Code: 5, Args: []byte{2}}}, found)
	require.True(t, found[0].Status())
	require.True(t, found[1].Pulse())
}

func TestFromImage(t *testing.T) {
	img := image.NewNRGBA(image.Rect(5, 5, 13, 9)) // transparent: white
	for x := 5; x < 9; x++ {
		for y := 5; y < 9; y++ {
			img.Set(x, y, color.Gray{Y: 100})
		}
	}
	b, err := command.FromImage(img, 576)
	require.NoError(t, err)
	require.Equal(t, command.Bitmap{Width: 8, Height: 4, Bits: []byte{0xF0, 0xF0, 0xF0, 0xF0}}, b)
	b, err = command.FromImage(img, 4)
	require.NoError(t, err)
	require.Equal(t, command.Bitmap{Width: 4, Height: 2, Bits: []byte{0xC0, 0xC0}}, b, "narrowed to the paper")
	for _, bad := range []image.Rectangle{{}, image.Rect(0, 0, command.SideMax+1, 1)} {
		_, err = command.FromImage(image.NewAlpha(bad), 576)
		require.ErrorIs(t, err, command.ErrPicture)
	}
}
