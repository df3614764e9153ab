package gs1

import (
	"errors"

	"github.com/kopilka/kopilka/drivers"
)

// What can be wrong with a code.
var (
	ErrAI         = errors.New("unknown application identifier")
	ErrLength     = errors.New("wrong length")
	ErrCharacter  = errors.New("character that may not stand there")
	ErrCheckDigit = errors.New("wrong check digit")
	ErrDate       = errors.New("no such day")
	ErrTwice      = errors.New("the same element twice with different values")
	ErrSeparator  = errors.New("the separator GS was lost")
	ErrLayout     = errors.New("typed in a Russian keyboard layout")
	ErrNotMark    = errors.New("not a marking code")
)

var (
	again = drivers.Hint{
		RU: "Код прочитан с ошибкой. Сканируйте ещё раз.",
		EN: "The code was misread. Scan again.",
	}
	noGS = drivers.Hint{
		RU: "Сканер теряет разделитель GS в коде маркировки. Переведите его в режим USB HID POS или COM (CDC) и включите передачу FNC1 как GS.",
		EN: "The scanner drops the GS separator of marking codes. Switch it to USB HID POS or COM (CDC) mode and let it send FNC1 as GS.",
	}
	layout = drivers.Hint{
		RU: "Код набран в русской раскладке и испорчен. Включите английскую раскладку или переведите сканер в режим USB HID POS или COM (CDC).",
		EN: "The code was typed in a Russian layout and is damaged. Switch to the English layout, or the scanner to USB HID POS or COM (CDC) mode.",
	}
	notMark = drivers.Hint{
		RU: "Это не код маркировки. Сканируйте квадратный код DataMatrix на упаковке.",
		EN: "This is no marking code. Scan the square DataMatrix code on the pack.",
	}
	twoCodes = drivers.Hint{
		RU: "Прочитаны сразу два кода. Сканируйте их по одному.",
		EN: "Two codes were read at once. Scan them one by one.",
	}
)

// HintOf is what a person can do about an error of this package; empty for others.
func HintOf(err error) drivers.Hint {
	for _, known := range []struct {
		err  error
		hint drivers.Hint
	}{
		{ErrSeparator, noGS},
		{ErrLayout, layout},
		{ErrNotMark, notMark},
		{ErrTwice, twoCodes},
		{ErrAI, again},
		{ErrLength, again},
		{ErrCharacter, again},
		{ErrCheckDigit, again},
		{ErrDate, again},
	} {
		if errors.Is(err, known.err) {
			return known.hint
		}
	}
	return drivers.Hint{}
}
