package frame_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// starred hides every digit.
func starred(p []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '*'
		}
		return r
	}, p)
}

func TestRewrite(t *testing.T) {
	one := func(body string) []byte {
		p, err := frame.Encode1([]byte(body))
		require.NoError(t, err)
		return p
	}
	two := func(num uint16, body string) []byte {
		p, err := frame.Encode2(num, []byte(body))
		require.NoError(t, err)
		return p
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string]struct{ in, want []byte }{
		"protocol 1":        {join([]byte{frame.ACK}, one("tel 79")), join([]byte{frame.ACK}, one("tel **"))},
		"protocol 2":        {join(two(7, "tel 79"), two(8, "x1")), join(two(7, "tel **"), two(8, "x*"))},
		"sync":              {frame.EncodeSync(), frame.EncodeSync()},
		"answer to a sync":  {two(0x3131, ""), two(0x3131, "")},
		"half a frame":      {one("tel 79")[:6], join([]byte{2, 6}, []byte("tel "))},
		"a digit in pieces": {[]byte("l 79\x01"), []byte("l **\x01")},
		"broken sum":        {join(one("a1")[:4], []byte{0xEE}), []byte{2, 2, 'a', '*', 0xEE}},
		"nothing":           {nil, nil},
		"frame after noise": {join([]byte("9"), one("8")), join([]byte("*"), one("*"))},
	} {
		if name == "broken sum" {
			c.in = []byte{2, 2, 'a', '1', 0x7E}
			c.want = []byte{2, 2, 'a', '*', 0x7E}
		}
		require.Equal(t, string(c.want), string(frame.Rewrite(c.in, starred)), name)
	}
	require.Equal(t, one("\x00\x00\x00"), frame.Rewrite(one("abc"), func([]byte) []byte { return nil }), "a short answer is filled up")
	require.Equal(t, one("xyz"), frame.Rewrite(one("abc"), func([]byte) []byte { return []byte("xyzzy") }), "a long one is cut")
}

func TestRewriteKeepsWhatIsNotReplaced(t *testing.T) {
	same := func(p []byte) []byte { return p }
	rapid.Check(t, func(t *rapid.T) {
		var in []byte
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			body := rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "body")
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				p, err := frame.Encode1(body)
				require.NoError(t, err)
				in = append(in, p...)
			case 1:
				p, err := frame.Encode2(rapid.Uint16().Draw(t, "num"), body)
				require.NoError(t, err)
				in = append(in, p...)
			default:
				in = append(in, body...)
			}
		}
		require.Equal(t, string(in), string(frame.Rewrite(in, same)))
	})
}

func FuzzRewrite(f *testing.F) {
	for _, g := range golden1 {
		f.Add(unhex(f, g.frame))
	}
	for _, g := range golden2 {
		f.Add(unhex(f, g.frame))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		out := frame.Rewrite(p, func(b []byte) []byte { return bytes.Repeat([]byte{'#'}, len(b)) })
		again := frame.Rewrite(out, func(b []byte) []byte {
			require.Empty(t, bytes.Trim(b, "#"), "something was left in the open")
			return b
		})
		require.Equal(t, out, again)
	})
}
