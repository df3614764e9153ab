package task

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/kopilka/kopilka/ledger/sale"
)

// ErrNumber is wrapped by every refusal of a number: no float ever stands between the JSON and the kopecks.
var ErrNumber = errors.New("not a decimal of the right places")

// Places after the decimal point, as they are written.
const (
	moneyPlaces = 2
	qtyPlaces   = 3
	// digitsMax is more than any sum on a receipt and less than what an int64 holds.
	digitsMax = 15
)

// Money is kopecks, written as roubles with exactly two places.
type Money sale.Money

// MarshalJSON writes 345.17, never 345.1700001 or 3.4517e2.
func (m Money) MarshalJSON() ([]byte, error) { return appendDecimal(nil, int64(m), moneyPlaces), nil }

// UnmarshalJSON reads a plain decimal; places beyond the second must be zeros, or the noise of a double.
func (m *Money) UnmarshalJSON(p []byte) error {
	v, err := parseDecimal(p, moneyPlaces)
	*m = Money(v)
	return err
}

// Qty is thousandths, written with exactly three places.
type Qty sale.Qty

// MarshalJSON writes 0.432.
func (q Qty) MarshalJSON() ([]byte, error) { return appendDecimal(nil, int64(q), qtyPlaces), nil }

// UnmarshalJSON reads a plain decimal; places beyond the third must be zeros, or the noise of a double.
func (q *Qty) UnmarshalJSON(p []byte) error {
	v, err := parseDecimal(p, qtyPlaces)
	*q = Qty(v)
	return err
}

func appendDecimal(dst []byte, v int64, places int) []byte {
	if v < 0 {
		dst = append(dst, '-')
	}
	magnitude := uint64(v)
	if v < 0 {
		magnitude = -magnitude
	}
	digits := strconv.FormatUint(magnitude, 10)
	for len(digits) <= places {
		digits = "0" + digits
	}
	whole := len(digits) - places
	dst = append(append(dst, digits[:whole]...), '.')
	return append(dst, digits[whole:]...)
}

// noiseDigits is how many digits must lie between a sum and the noise of a double that it passed through in somebody
// else's program: 345.17000000000002 is 345.17, while 1.005 is nothing.
const noiseDigits = 6

// parseDecimal reads -?digits(.digits)?, as JSON writes it, without an exponent. What stands beyond the places
// must be zeros, or noise.
func parseDecimal(p []byte, places int) (int64, error) {
	whole, fraction, point := bytes.Cut(bytes.TrimPrefix(p, []byte{'-'}), []byte{'.'})
	if len(whole) == 0 || point && len(fraction) == 0 || !digits(whole) || !digits(fraction) || len(whole) > digitsMax {
		return 0, fmt.Errorf("%w: %.32q", ErrNumber, p)
	}
	var rest []byte
	if len(fraction) > places {
		fraction, rest = fraction[:places], fraction[places:]
	}
	text := append(append([]byte(nil), whole...), fraction...)
	for range places - len(fraction) {
		text = append(text, '0')
	}
	v, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %.32q is too large", ErrNumber, p)
	}
	switch {
	case len(bytes.Trim(rest, "0")) == 0:
	case len(rest) > noiseDigits && len(bytes.Trim(rest[:noiseDigits], "0")) == 0:
	case len(rest) > noiseDigits && len(bytes.Trim(rest[:noiseDigits], "9")) == 0:
		v++
	default:
		return 0, fmt.Errorf("%w: %.32q has more than %d places", ErrNumber, p, places)
	}
	if p[0] == '-' {
		v = -v
	}
	return v, nil
}

func digits(p []byte) bool {
	return !slices.ContainsFunc(p, func(b byte) bool { return b < '0' || b > '9' })
}
