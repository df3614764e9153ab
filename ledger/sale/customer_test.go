package sale

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsePhone(t *testing.T) {
	for in, want := range map[string]string{
		"+79161234567":                 "+79161234567",
		"+7 (916) 123-45-67":           "+79161234567",
		"8 916 123 45 67":              "+79161234567",
		"89161234567":                  "+79161234567",
		"79161234567":                  "+79161234567",
		"9161234567":                   "+79161234567",
		"\u00a0+7\u00a0916 1234567":    "+79161234567",
		"916\u2011123\u201145\u201167": "+79161234567",
		"+375 29 123-45-67":            "+375291234567",
		"+998901234567":                "+998901234567",
		"+81 3 1234 5678":              "+81312345678", // an 8 after a plus is a country
		"+12345678":                    "+12345678",
		"123456789012345":              "+123456789012345",
	} {
		got, err := ParsePhone(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{
		"", "+", "1234567", "+0123456789", "+7916123456", "+791612345678", "7916123456x", "tel:+79161234567", "1234567890123456", "+٧٩١٦١٢٣٤٥٦٧", "\x00",
	} {
		_, err := ParsePhone(in)
		require.ErrorIs(t, err, ErrPhone, "%q", in)
	}
}

func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"+7 (916) 123-45-67", "8 916 123 45 67", "+375 29 123-45-67", "+", "", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParsePhone(s)
		if err != nil {
			require.ErrorIs(t, err, ErrPhone)
			require.Empty(t, got)
			return
		}
		require.Regexp(t, `^\+[1-9][0-9]{7,14}$`, got)
		again, err := ParsePhone(got)
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

// The card's vector is openssl's (dgst -sha256 -hmac). The phone's is this program's own of 2026-11: keys
// that lie in a million rows must not change with a library. argon2 0123456789abcdef -id -t 1 -k 12288
// -p 1 -l 8 should print the same.
func TestLookupKeys(t *testing.T) {
	card := CardKey([]byte("secret of the organisation"), "2200000000017")
	require.Equal(t, "1ecef0b135c27b7a", hex.EncodeToString(card[:]))
	h := PhoneHash{Salt: []byte("0123456789abcdef"), Passes: PhonePassesDefault, KiB: PhoneKiBDefault}
	phone := h.Key("+79161234567")
	require.Equal(t, "8aa0b48d21e6f646", hex.EncodeToString(phone[:]))
}

func TestLookupKeysDependOnTheOrganisation(t *testing.T) {
	require.NotEqual(t, CardKey([]byte("a"), "22"), CardKey([]byte("b"), "22"))
	require.NotEqual(t, CardKey([]byte("a"), "22"), CardKey([]byte("a"), "23"))
	cheap := PhoneHash{Salt: []byte("salt one"), KiB: 64}
	other := PhoneHash{Salt: []byte("salt two"), KiB: 64}
	require.NotEqual(t, cheap.Key("+79161234567"), other.Key("+79161234567"))
	require.Equal(t, PhoneHash{Salt: []byte("salt one"), Passes: 1, KiB: 64}.Key("+7"), cheap.Key("+7")) // zero passes are one
}

func TestPIN(t *testing.T) {
	salt := []byte("salt of this one")
	s := Staff{No: 1, PIN: HashPIN("1234", salt), Salt: salt}
	require.True(t, s.CheckPIN("1234"))
	for _, wrong := range []string{"", "1235", "12345", "123"} {
		require.False(t, s.CheckPIN(wrong), wrong)
	}
	left := s
	left.Gone = true
	require.False(t, left.CheckPIN("1234"))
	require.False(t, Staff{No: 2}.CheckPIN(""), "nobody may pass without a PIN set")
}
