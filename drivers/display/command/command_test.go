package command_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/display/command"
)

// Bytes of the public manuals: ESC Q A … CR, ESC Q B … CR, US $ x y, ESC t n, ESC =.
func TestGoldenBytes(t *testing.T) {
	for want, got := range map[string][]byte{
		"1b40": command.Init(), "1b7411": command.CodePage(17), "1b3d02": command.Select(), "1f01": command.Overwrite(), "1f4300": command.HideCursor(),
		"1b51418ae2aea30d": command.Line(0, []byte("\x8a\xe2\xae\xa3")), "1b514241420d": command.Line(1, []byte("A\x0dB")),
		"1f2401014142": command.At(0, []byte("AB")), "1f24010241": command.At(1, []byte("\x1bA")),
	} {
		require.Equal(t, want, hex.EncodeToString(got))
	}
}

func TestRewrite(t *testing.T) {
	stars := func(b []byte) []byte { return bytes.Repeat([]byte("*"), len(b)) }
	for in, want := range map[string]string{
		"\x1b@\x1bt\x11\x1bQAhello\x0d\x1bQBworld\x0d": "\x1b@\x1bt\x11\x1bQA*****\x0d\x1bQB*****\x0d",
		"\x1f$\x01\x02text\x0c":                        "\x1f$\x01\x02****\x0c",
		"\x1b\xff\x1bQAcut":                            "********",
	} {
		require.Equal(t, want, string(command.Rewrite([]byte(in), stars)))
		require.Equal(t, in, string(command.Rewrite([]byte(in), bytes.Clone)))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("\x1b@\x1bt\x11\x1bQAhello\x0d\x1f$\x01\x02text\x0c\x0b\x18\x1f\x01"))
	f.Add([]byte("\x1bQ\x0d\x1bW1234\x1b[A\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		require.Len(t, command.Rewrite(in, func(b []byte) []byte { return b }), len(in))
		for rest := in; len(rest) > 0; {
			c, n := command.Parse(rest)
			if n == 0 {
				return
			}
			require.Equal(t, rest[:n], c.Raw)
			rest = rest[n:]
		}
	})
}
