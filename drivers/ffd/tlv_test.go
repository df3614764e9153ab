package ffd_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/ffd"
)

func TestTLV(t *testing.T) {
	inner := ffd.AppendTLV(nil, ffd.TagName, []byte("bread"))
	p := ffd.AppendTLV(ffd.AppendTLV(nil, ffd.TagContact, []byte("+79001234567")), ffd.TagPosition, inner)
	got, err := ffd.ParseTLV(p)
	require.NoError(t, err)
	require.Len(t, got, 2)
	contact, ok := ffd.Find(got, ffd.TagContact)
	require.True(t, ok)
	require.Equal(t, "+79001234567", string(contact))
	_, ok = ffd.Find(got, ffd.TagName)
	require.False(t, ok, "nested values are another level")
	nested, err := ffd.ParseTLV(got[1].Value)
	require.NoError(t, err)
	require.Equal(t, "bread", string(nested[0].Value))
	for _, cut := range []int{1, 3, 5, len(p) - 1} {
		_, err = ffd.ParseTLV(p[:cut])
		require.ErrorIs(t, err, ffd.ErrTLV, "cut at %d", cut)
	}
}

func TestNumbers(t *testing.T) {
	require.Equal(t, []byte{0}, ffd.VLN(0))
	require.Equal(t, []byte{0x40, 0xE2, 0x01}, ffd.VLN(123456))
	require.Equal(t, []byte{3, 0xB0, 0x01}, ffd.FVLN(432, 3))
	rapid.Check(t, func(t *rapid.T) {
		v, decimals := rapid.Uint64().Draw(t, "number"), rapid.Byte().Draw(t, "decimals")
		back, err := ffd.ReadVLN(ffd.VLN(v))
		require.NoError(t, err)
		require.Equal(t, v, back)
		back, places, err := ffd.ReadFVLN(ffd.FVLN(v, decimals))
		require.NoError(t, err)
		require.Equal(t, v, back)
		require.Equal(t, decimals, places)
	})
	for _, bad := range [][]byte{nil, make([]byte, 9)} {
		_, err := ffd.ReadVLN(bad)
		require.ErrorIs(t, err, ffd.ErrTLV)
	}
	_, _, err := ffd.ReadFVLN([]byte{1})
	require.ErrorIs(t, err, ffd.ErrTLV)
}

func FuzzTLV(f *testing.F) {
	f.Add(ffd.AppendTLV(nil, ffd.TagContact, []byte("a@b.ru")))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, p []byte) {
		values, err := ffd.ParseTLV(p)
		if err != nil {
			return
		}
		var back []byte
		for _, v := range values {
			back = ffd.AppendTLV(back, v.Tag, v.Value)
		}
		require.Equal(t, string(p), string(back))
	})
}
