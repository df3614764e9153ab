package task

import (
	"errors"
	"fmt"
	"math"
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

// UnmarshalJSON reads a plain decimal; places beyond the second must be zeros.
func (m *Money) UnmarshalJSON(p []byte) error {
	v, err := parseDecimal(p, moneyPlaces)
	*m = Money(v)
	return err
}

// Qty is thousandths, written with exactly three places.
type Qty sale.Qty

// MarshalJSON writes 0.432.
func (q Qty) MarshalJSON() ([]byte, error) { return appendDecimal(nil, int64(q), qtyPlaces), nil }

// UnmarshalJSON reads a plain decimal; places beyond the third must be zeros.
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

// parseDecimal reads -?digits(.digits)?, as JSON writes it, without an exponent.
func parseDecimal(p []byte, places int) (int64, error) {
	rest, negative := p, false
	if len(rest) > 0 && rest[0] == '-' {
		rest, negative = rest[1:], true
	}
	var v int64
	digits, fraction, point := 0, 0, false
	for i, b := range rest {
		switch {
		case b == '.' && !point && i > 0:
			point = true
		case b < '0' || b > '9' || digits > digitsMax:
			return 0, fmt.Errorf("%w: %.32q", ErrNumber, p)
		case point && fraction == places:
			if b != '0' {
				return 0, fmt.Errorf("%w: %.32q has more than %d places", ErrNumber, p, places)
			}
		default:
			v = v*10 + int64(b-'0')
			digits++
			if point {
				fraction++
			}
		}
	}
	if digits == 0 || rest[len(rest)-1] == '.' {
		return 0, fmt.Errorf("%w: %.32q", ErrNumber, p)
	}
	for ; fraction < places; fraction++ {
		if v > math.MaxInt64/10 {
			return 0, fmt.Errorf("%w: %.32q is too large", ErrNumber, p)
		}
		v *= 10
	}
	if negative {
		v = -v
	}
	return v, nil
}
