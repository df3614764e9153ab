package gs1

import (
	"strings"
	"unicode"
)

// The two layouts key by key, in the order of the keyboard: without Shift, then with it. Digits and signs
// that both layouts have on the same key are not listed.
const (
	russianKeys = "ёйцукенгшщзхъфывапролджэячсмитьбю." +
		"ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ," + `"№;:?/`
	latinKeys = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" +
		"~QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?" + `@#$^&|`
)

// latin is the key's Latin sign for each sign of the Russian layout.
var latin = func() map[rune]rune {
	to := []rune(latinKeys)
	all := make(map[rune]rune, len(to))
	for i, r := range []rune(russianKeys) {
		all[r] = to[i]
	}
	return all
}()

// onlyLatin are signs that no key of the Russian layout gives.
const onlyLatin = "`~[]{}'<>@#$^&|"

// FromRussianLayout undoes a keyboard in Russian layout: the Latin text of the same keys. It succeeds where
// there is Cyrillic and every sign tells its key: digits, and what a Russian keyboard can give. Text that is
// Cyrillic by right is turned into Latin too, so try it as it is first.
func FromRussianLayout(text string) (string, bool) {
	cyrillic := false
	var b strings.Builder
	for _, r := range text {
		key, mapped := latin[r]
		switch {
		case mapped:
			cyrillic = cyrillic || unicode.Is(unicode.Cyrillic, r) || r == '№'
			b.WriteRune(key)
		case r > unicode.MaxASCII, isLatinLetter(r), strings.ContainsRune(onlyLatin, r):
			return "", false
		default:
			b.WriteRune(r)
		}
	}
	if !cyrillic {
		return "", false
	}
	return b.String(), true
}

func isLatinLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// isCyrillic tells whether a text holds a Cyrillic letter.
func isCyrillic(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
}

// shownSeparators are what scanners and programs put in the place of GS so that it can be seen. None of
// them can stand in a value, save for the last, which is taken only where it makes a broken code whole.
var shownSeparators = []string{"\u241d", "{GS}", `\x1d`, `\x1D`, `\u001d`, `\u001D`, "^]", "|", "~", "[GS]", "<GS>"}

// restoreSeparators puts GS back where something visible stands for it and the code is whole with it.
func restoreSeparators(text string) (string, bool) {
	if strings.IndexByte(text, GS) >= 0 {
		return "", false
	}
	for _, shown := range shownSeparators {
		if !strings.Contains(text, shown) {
			continue
		}
		restored := strings.TrimPrefix(strings.ReplaceAll(text, shown, string(GS)), string(GS))
		if _, err := ParseMark(restored); err == nil {
			return restored, true
		}
		if _, err := Parse(restored); err == nil {
			return restored, true
		}
	}
	return "", false
}
