package sale

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// RFC 9562, appendix A.6: the example of a UUIDv7.
func TestNewIDIsUUIDv7(t *testing.T) {
	at := time.Date(2022, 2, 22, 19, 22, 22, 0, time.UTC)
	random := []byte{0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f}
	id, err := NewID(at, bytes.NewReader(random))
	require.NoError(t, err)
	require.Equal(t, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", id.String())
}

func TestNewIDOrdersByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(0, 1<<47).Draw(t, "ms")
		b := a + rapid.Int64Range(1, 1<<40).Draw(t, "later")
		entropy := rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "random")
		first, err := NewID(time.UnixMilli(a), bytes.NewReader(entropy[:10]))
		require.NoError(t, err)
		second, err := NewID(time.UnixMilli(b), bytes.NewReader(entropy[10:]))
		require.NoError(t, err)
		require.Negative(t, bytes.Compare(first[:], second[:]))
		for _, id := range []ID{first, second} {
			require.Equal(t, byte(7), id[6]>>4)
			require.Equal(t, byte(2), id[8]>>6)
			back, err := ParseID(id.String())
			require.NoError(t, err)
			require.Equal(t, id, back)
		}
	})
}

func TestNewIDWithoutRandomness(t *testing.T) {
	_, err := NewID(time.Now(), bytes.NewReader([]byte{1, 2, 3}))
	require.True(t, errors.Is(err, io.ErrUnexpectedEOF))
}

func TestParseID(t *testing.T) {
	want := ID{0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f}
	for _, s := range []string{"017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017F22E279B07CC398C4DC0C0C07398F"} {
		got, err := ParseID(s)
		require.NoError(t, err)
		require.Equal(t, want, got)
		var text ID
		require.NoError(t, text.UnmarshalText([]byte(s)))
		require.Equal(t, want, text)
	}
	for _, s := range []string{"", "017f22e2", strings.Repeat("g", 32), strings.Repeat("0", 31), strings.Repeat("0", 33)} {
		_, err := ParseID(s)
		require.ErrorIs(t, err, ErrID, "%q", s)
		require.ErrorIs(t, new(ID).UnmarshalText([]byte(s)), ErrID)
	}
	require.True(t, ID{}.IsZero())
	require.False(t, want.IsZero())
}

func TestDeriveID(t *testing.T) {
	parent := ID{1}
	// The bytes are for ever: lots of receipts printed years ago bear them.
	require.Equal(t, "216135d2-29f3-876a-b14f-d2cfdfa67757", DeriveID(parent, "lot", 0).String())
	seen := map[ID]bool{parent: true}
	for _, p := range []ID{{1}, {2}} {
		for _, purpose := range []string{"lot", "lease"} {
			for n := range 12 {
				id := DeriveID(p, purpose, n)
				require.Equal(t, id, DeriveID(p, purpose, n))
				require.Equal(t, byte(8), id[6]>>4)
				require.Equal(t, byte(2), id[8]>>6)
				require.False(t, seen[id])
				seen[id] = true
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		till := TillNo(rapid.Uint32Range(0, uint32(TillNoMax)).Draw(t, "till"))
		count := rapid.Uint32().Draw(t, "count")
		n := MakeNumber(till, count)
		require.Equal(t, till, n.Till())
		require.Equal(t, count, n.Counter())
		require.Less(t, int64(n), int64(1)<<53) // JavaScript's integers
		require.GreaterOrEqual(t, int64(n), int64(0))
	})
	require.Equal(t, "3-1042", MakeNumber(3, 1042).String())
	require.Equal(t, "17", MakeNumber(0, 17).String())
}

func TestTime(t *testing.T) {
	at := time.Date(2026, 11, 2, 9, 0, 0, 7_000_000, time.FixedZone("MSK", 3*3600))
	require.True(t, at.Equal(At(at).Time()))
	require.Equal(t, 90*time.Minute, At(at).Add(90*time.Minute).Sub(At(at)))
}
