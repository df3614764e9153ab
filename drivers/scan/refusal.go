package scan

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
)

// Refusal is why a run of bytes is no code, and what the cashier can do.
type Refusal struct {
	Cause error
	Hint  drivers.Hint
}

// The causes of refusals.
var (
	ErrTooLong  = errors.New("longer than any code in a shop")
	ErrControl  = errors.New("control byte inside the code")
	ErrText     = errors.New("bytes that are no UTF-8 text")
	ErrEncoding = errors.New("text in another encoding than the setting says")
	ErrPrefix   = errors.New("the configured prefix is missing")
	ErrAIM      = errors.New("the AIM identifier is missing")
	ErrCheck    = errors.New("wrong check digit")
	ErrGlued    = errors.New("two EAN-13 codes glued together")
	ErrEmpty    = errors.New("nothing but prefix and identifier")
	ErrCut      = errors.New("a part of the code is missing")
)

// hints are keyed by cause. Scanning again cures noise; a wrong setting fails every time.
var hints = map[error]drivers.Hint{
	ErrTooLong:  {RU: "Код слишком длинный. Сканируйте ещё раз, по одному коду.", EN: "The code is too long. Scan again, one code at a time."},
	ErrControl:  {RU: "Код прочитан с помехами. Сканируйте ещё раз; если повторяется, проверьте кабель и скорость порта.", EN: "The code was damaged on the line. Scan again; if it repeats, check the cable and the port's speed."},
	ErrText:     {RU: "Код прочитан с помехами. Сканируйте ещё раз; если повторяется, проверьте скорость порта и кодировку сканера.", EN: "The code was damaged on the line. Scan again; if it repeats, check the port's speed and the scanner's character set."},
	ErrEncoding: {RU: "Сканер передаёт текст в другой кодировке. Переведите его на UTF-8 или задайте ему настройку encoding.", EN: "The scanner sends text in another encoding. Switch it to UTF-8 or give it the setting encoding."},
	ErrPrefix:   {RU: "Сканер не прислал заданный префикс. Проверьте настройку prefix и сам сканер.", EN: "The scanner did not send the prefix. Check the prefix setting and the scanner."},
	ErrAIM:      {RU: "Сканер не прислал идентификатор AIM. Включите его на сканере или задайте aim: auto.", EN: "The scanner sent no AIM identifier. Switch it on in the scanner or set aim: auto."},
	ErrCheck:    {RU: "Штрихкод прочитан неверно: не сходится контрольная цифра. Сканируйте ещё раз.", EN: "The barcode was misread: its check digit is wrong. Scan again."},
	ErrGlued:    {RU: "Два штрихкода слиплись. Сканируйте их по одному и включите на сканере суффикс CR.", EN: "Two barcodes ran together. Scan them one by one and switch on the CR suffix in the scanner."},
	ErrEmpty:    {RU: "Сканер прислал пустой код. Сканируйте ещё раз.", EN: "The scanner sent an empty code. Scan again."},
	ErrCut:      {RU: "Код пришёл не целиком. Сканируйте ещё раз.", EN: "A part of the code did not arrive. Scan again."},
}

// Refuse makes a refusal of its cause; detail must not hold what was read.
func Refuse(cause error, detail string) *Refusal {
	r := &Refusal{Cause: cause, Hint: hints[cause]}
	if detail != "" {
		r.Cause = fmt.Errorf("%w: %s", cause, detail)
	}
	return r
}

// Error is the refusal as a driver returns it: show it and read on.
func (r *Refusal) Error(device string) error {
	return &drivers.Error{
		Op: "scan", Device: device, Fail: drivers.FailScan, Outcome: drivers.OutcomeNotDone, Hint: r.Hint, Err: r.Cause,
	}
}

// Gone is the end of a connection as a driver returns it: close and dial anew.
func Gone(ctx context.Context, device string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("read scanner %s: %w", device, ctx.Err())
	}
	return &drivers.Error{
		Op: "read scanner", Device: device, Fail: drivers.FailLink, Outcome: drivers.OutcomeNotDone, Err: err, Hint: whyGone(err),
	}
}

// ways are hints for failures that a person can tell apart, the first that fits.
var ways = []struct {
	err  error
	hint drivers.Hint
}{
	{port.ErrBusy, drivers.Hint{
		RU: "Сканер занят другой программой. Закройте её; код можно набрать вручную.",
		EN: "Another program holds the scanner. Close it; a code can be typed by hand.",
	}},
	{port.ErrMode, drivers.Hint{
		RU: "Сканер подключён как клавиатура. Переведите его в режим USB HID POS или COM штрихкодом из его инструкции.",
		EN: "The scanner is in keyboard mode. Switch it to USB HID POS or COM by the barcode in its manual.",
	}},
	{port.ErrMany, drivers.Hint{
		RU: "Подключены два одинаковых сканера. Укажите в настройках серийный номер или USB-порт: kopilka-agent devices покажет строки.",
		EN: "Two scanners of one kind are plugged in. Name the serial number or the USB port in the config: kopilka-agent devices shows the lines.",
	}},
	{port.ErrNoHID, drivers.Hint{
		RU: "Эта сборка программы не умеет HID. Установите обычную сборку или переведите сканер в режим COM.",
		EN: "This build cannot use HID. Install the regular build or switch the scanner to COM mode.",
	}},
	{os.ErrPermission, drivers.Hint{
		RU: "Нет прав на сканер. Переустановите пакет: он ставит правило udev для USB-сканеров.",
		EN: "No right to open the scanner. Install the package again: it brings the udev rule for USB scanners.",
	}},
	{port.ErrAbsent, drivers.Hint{
		RU: "Сканер не найден. Проверьте кабель; код можно набрать вручную.",
		EN: "The scanner is not there. Check its cable; a code can be typed by hand.",
	}},
}

func whyGone(err error) drivers.Hint {
	for _, w := range ways {
		if errors.Is(err, w.err) {
			return w.hint
		}
	}
	return drivers.Hint{
		RU: "Сканер не отвечает. Проверьте кабель и питание; код можно набрать вручную.",
		EN: "The scanner does not answer. Check cable and power; a code can be typed by hand.",
	}
}
