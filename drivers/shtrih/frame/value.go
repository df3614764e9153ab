package frame

import (
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers/charset"
)

// ErrValue is wrapped by every refusal of a value that its field cannot hold.
var ErrValue = errors.New("value does not fit its field")

// Sizes of fields, in bytes.
const (
	MoneyBytes  = 5
	Qty6Bytes   = 6
	FNTimeBytes = 5 // YY MM DD HH MM
	// Uint40Max is the largest amount that five bytes hold. All ones means "reckon it yourself".
	Uint40Max = 1<<40 - 1
	uint48Max = 1<<48 - 1
	// qty6Scale turns thousandths into the millionths of the V2 operation.
	qty6Scale = 1000
)

// AppendMoney writes kopecks in five bytes, low byte first.
func AppendMoney(dst []byte, kopecks int64) ([]byte, error) {
	if kopecks < 0 || kopecks >= Uint40Max {
		return nil, fmt.Errorf("%w: %d kopecks in five bytes", ErrValue, kopecks)
	}
	return appendLE(dst, uint64(kopecks), MoneyBytes), nil
}

// AppendReckon writes the amount that means "reckon it yourself".
func AppendReckon(dst []byte) []byte { return appendLE(dst, Uint40Max, MoneyBytes) }

// Uint reads an unsigned number of at most eight bytes, low byte first.
func Uint(p []byte) uint64 {
	var v uint64
	for i := len(p) - 1; i >= 0; i-- {
		v = v<<8 | uint64(p[i])
	}
	return v
}

// AppendQty6 writes thousandths of a unit as the V2 operation wants them: millionths in six bytes.
func AppendQty6(dst []byte, thousandths int64) ([]byte, error) {
	if thousandths < 0 || thousandths > uint48Max/qty6Scale {
		return nil, fmt.Errorf("%w: quantity %d/1000 in six bytes", ErrValue, thousandths)
	}
	return appendLE(dst, uint64(thousandths)*qty6Scale, Qty6Bytes), nil
}

// Qty6 reads six bytes of millionths as thousandths; it fails where a rest would be lost.
func Qty6(p []byte) (int64, error) {
	if len(p) < Qty6Bytes {
		return 0, fmt.Errorf("%w: quantity of %d bytes", ErrValue, len(p))
	}
	v := Uint(p[:Qty6Bytes])
	if v%qty6Scale != 0 {
		return 0, fmt.Errorf("%w: quantity %d/1000000 is finer than a thousandth", ErrValue, v)
	}
	return int64(v / qty6Scale), nil
}

func appendLE(dst []byte, v uint64, n int) []byte {
	for range n {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}

// AppendFNTime writes a wall clock as the fiscal storage does: YY MM DD HH MM.
func AppendFNTime(dst []byte, t time.Time) []byte {
	return append(dst, byte(t.Year()-2000), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()))
}

// FNTime reads five bytes YY MM DD HH MM as if they were UTC. Five zeros are the zero time.
func FNTime(p []byte) (time.Time, error) {
	if len(p) < FNTimeBytes {
		return time.Time{}, fmt.Errorf("%w: time of %d bytes", ErrValue, len(p))
	}
	if p[0]|p[1]|p[2]|p[3]|p[4] == 0 {
		return time.Time{}, nil
	}
	return wall(p[0], p[1], p[2], p[3], p[4], 0)
}

// AppendDMY writes a date as the old commands do: DD MM YY.
func AppendDMY(dst []byte, t time.Time) []byte {
	return append(dst, byte(t.Day()), byte(t.Month()), byte(t.Year()-2000))
}

// AppendHMS writes a time of day.
func AppendHMS(dst []byte, t time.Time) []byte {
	return append(dst, byte(t.Hour()), byte(t.Minute()), byte(t.Second()))
}

// OldTime reads DD MM YY and HH MM SS as if they were UTC.
func OldTime(dmy, hms []byte) (time.Time, error) {
	if len(dmy) < 3 || len(hms) < 3 {
		return time.Time{}, fmt.Errorf("%w: date of %d and time of %d bytes", ErrValue, len(dmy), len(hms))
	}
	return wall(dmy[2], dmy[1], dmy[0], hms[0], hms[1], hms[2])
}

func wall(yy, mo, dd, hh, mi, ss byte) (time.Time, error) {
	t := time.Date(2000+int(yy), time.Month(mo), int(dd), int(hh), int(mi), int(ss), 0, time.UTC)
	if yy > 99 || t.Month() != time.Month(mo) || t.Day() != int(dd) || t.Hour() != int(hh) || t.Minute() != int(mi) || t.Second() != int(ss) {
		return time.Time{}, fmt.Errorf("%w: date %02d.%02d.%02d %02d:%02d:%02d", ErrValue, dd, mo, yy, hh, mi, ss)
	}
	return t, nil
}

// AppendPadded writes a cp1251 text into a field of exactly width bytes, padded with zeros.
func AppendPadded(dst []byte, s string, width int) []byte {
	text := charset.Text1251(s, width)
	return append(append(dst, text...), make([]byte, width-len(text))...)
}
