package serialscanner

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
)

func runs(suffix, stream string) []raw {
	s := splitter{suffix: []byte(suffix)}
	var out []raw
	for i := range len(stream) {
		if r, ok := s.push(stream[i]); ok {
			out = append(out, r)
		}
	}
	if r, ok := s.end(); ok {
		out = append(out, r)
	}
	return out
}

func TestSplit(t *testing.T) {
	long := strings.Repeat("9", 2000)
	tests := []struct {
		name, suffix, in string
		want             []string
	}{
		{"CR", "", "a\rb\r", []string{"a", "b"}},
		{"LF", "", "a\nb\n", []string{"a", "b"}},
		{"CR LF", "", "a\r\nb\r\n", []string{"a", "b"}},
		{"silence", "", "a", []string{"a"}},
		{"nothing", "", "\r\n\r\n", nil},
		{"GS stays", "", "a\x1db\r", []string{"a\x1db"}},
		{"own suffix", "\x03", "a\x03b\x03", []string{"a", "b"}},
		{"suffix of two", "\r\n", "a\rb\r\nc", []string{"a\rb", "c"}},
		{"too long, then good", "", long + "\rb\r", []string{"", "b"}},
		{"too long, own suffix", "\r\n", long + "\r\nb\r\n", []string{"", "b"}},
	}
	for _, tt := range tests {
		var got []string
		for _, r := range runs(tt.suffix, tt.in) {
			if r.tooLong {
				r.bytes = nil
			}
			got = append(got, string(r.bytes))
		}
		require.Equal(t, tt.want, got, tt.name)
	}
}

// Codes without suffix bytes inside come out as they went in, however they are cut into reads.
func TestSplitKeepsCodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		codes := rapid.SliceOfN(rapid.StringMatching(`[!-~\x1d]{1,60}`), 1, 6).Draw(t, "codes")
		suffix := rapid.SampledFrom([]string{"", "\r\n", "\t", "\x03"}).Draw(t, "suffix")
		ending := suffix
		if ending == "" {
			ending = rapid.SampledFrom([]string{"\r", "\n", "\r\n"}).Draw(t, "ending")
		}
		var got []string
		for _, r := range runs(suffix, strings.Join(codes, ending)+ending) {
			got = append(got, string(r.bytes))
		}
		require.Equal(t, codes, got)
	})
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("]d2010460049400001021x\x1d93y\r\n4600494000010\r"), "")
	f.Add([]byte("\x02K\x03"), "\x03")
	f.Fuzz(func(t *testing.T, stream []byte, suffix string) {
		if len(suffix) > 8 {
			return
		}
		s := splitter{suffix: []byte(suffix)}
		var o options
		for _, b := range stream {
			r, ok := s.push(b)
			require.LessOrEqual(t, len(s.buf), rawMax, "memory is bounded")
			if !ok {
				continue
			}
			code, bad := o.decode(r)
			if bad == nil {
				require.NotEmpty(t, code.Text)
				require.LessOrEqual(t, len(code.Text), sale.CodeBytesMax)
				require.True(t, bytes.Contains(stream, []byte(code.Text)))
			}
		}
	})
}
