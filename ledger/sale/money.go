package sale

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Money is kopecks.
type Money int64

// Points is hundredths of a point; one point is worth one currency unit, so a Points value and the
// Money it pays for are the same integer.
type Points int64

// Qty is thousandths of a unit (pieces, kilograms).
type Qty int64

// BasisPoints is hundredths of a percent: 500 is 5 %.
type BasisPoints int32

// Whole is one unit of each scale.
const (
	Rouble   Money       = 100
	Point    Points      = 100
	Piece    Qty         = 1000
	Hundred  BasisPoints = 10000
	QtyMax   Qty         = 100_000_000 * Piece // a SHTRIH-M register holds millionths of a unit in six bytes
	MoneyMax Money       = 1<<39 - 1           // five bytes on a SHTRIH-M register hold 40 bits; one is kept for the sign of sums
)

// ErrAmount is wrapped by every refusal of an amount: malformed, out of range, overflowing.
var ErrAmount = errors.New("amount out of range")

// Worth is the money that points pay for.
func (p Points) Worth() Money { return Money(p) }

// AsPoints is the points that pay for the money.
func (m Money) AsPoints() Points { return Points(m) }

// Times is price × quantity, rounded half up to a kopeck as FFD tag 1043 wants.
func (m Money) Times(q Qty) (Money, error) {
	v, err := mulDiv(int64(m), int64(q), int64(Piece), true)
	if err != nil || Money(v) > MoneyMax || Money(v) < -MoneyMax {
		return 0, fmt.Errorf("%w: %s × %s", ErrAmount, m, q)
	}
	return Money(v), nil
}

// Percent takes bp of an amount, rounded down to a kopeck (or hundredth of a point).
func (m Money) Percent(bp BasisPoints) Money {
	v, err := mulDiv(int64(m), int64(bp), int64(Hundred), false)
	if err != nil {
		return 0
	}
	return Money(v)
}

// Share is m × part ÷ whole rounded down, without overflow on the way; whole must be positive.
func (m Money) Share(part, whole int64) Money {
	v, err := mulDiv(int64(m), part, whole, false)
	if err != nil {
		return 0
	}
	return Money(v)
}

// ShareRounded is m × part ÷ whole rounded half up.
func (m Money) ShareRounded(part, whole int64) Money {
	v, err := mulDiv(int64(m), part, whole, true)
	if err != nil {
		return 0
	}
	return Money(v)
}

// mulDiv is a×b÷c in 128 bits, rounded half away from zero or towards it.
func mulDiv(a, b, c int64, half bool) (int64, error) {
	if c <= 0 {
		return 0, fmt.Errorf("%w: divide by %d", ErrAmount, c)
	}
	negative := (a < 0) != (b < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if half {
		var carry uint64
		lo, carry = bits.Add64(lo, uint64(c)/2, 0)
		hi += carry
	}
	if hi >= uint64(c) {
		return 0, fmt.Errorf("%w: %d × %d ÷ %d overflows", ErrAmount, a, b, c)
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	if q > math.MaxInt64 {
		return 0, fmt.Errorf("%w: %d × %d ÷ %d overflows", ErrAmount, a, b, c)
	}
	if negative {
		return -int64(q), nil
	}
	return int64(q), nil
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return uint64(-(v + 1)) + 1
	}
	return uint64(v)
}

// String is "1234.50", the form of receipts and CSV.
func (m Money) String() string { return decimal(int64(m), 2, false) }

// String is "240" or "12.50".
func (p Points) String() string { return decimal(int64(p), 2, true) }

// String is "2" or "0.432".
func (q Qty) String() string { return decimal(int64(q), 3, true) }

// String is "5%" or "2.50%".
func (b BasisPoints) String() string { return decimal(int64(b), 2, true) + "%" }

func decimal(v int64, places int, short bool) string {
	sign := ""
	if v < 0 {
		sign = "-"
	}
	digits := fmt.Sprintf("%0*d", places+1, magnitude(v))
	whole, fraction := digits[:len(digits)-places], digits[len(digits)-places:]
	if short && strings.Trim(fraction, "0") == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}

// ParseMoney reads "12", "12.5", "12,50"; more than two places, signs in the middle or letters are refused.
func ParseMoney(s string) (Money, error) {
	v, err := parseDecimal(s, 2)
	if err == nil && (Money(v) > MoneyMax || Money(v) < -MoneyMax) {
		err = fmt.Errorf("%w: %q", ErrAmount, s)
	}
	return Money(v), err
}

// ParseQty reads "2", "0.432", "0,432".
func ParseQty(s string) (Qty, error) {
	v, err := parseDecimal(s, 3)
	return Qty(v), err
}

// ParsePoints reads "240" or "12.5".
func ParsePoints(s string) (Points, error) {
	v, err := parseDecimal(s, 2)
	return Points(v), err
}

// ParsePercent reads "5", "2.5" and "2,5%" as basis points.
func ParsePercent(s string) (BasisPoints, error) {
	v, err := parseDecimal(strings.TrimSuffix(strings.TrimSpace(s), "%"), 2)
	if err == nil && (v > math.MaxInt32 || v < math.MinInt32) {
		err = fmt.Errorf("%w: %q", ErrAmount, s)
	}
	return BasisPoints(v), err
}

func parseDecimal(s string, places int) (int64, error) {
	t := strings.ReplaceAll(strings.TrimSpace(s), ",", ".")
	negative := strings.HasPrefix(t, "-")
	t = strings.TrimPrefix(t, "-")
	whole, fraction, dotted := strings.Cut(t, ".")
	if whole == "" || len(fraction) > places || (dotted && fraction == "") || !digitsOnly(whole) || !digitsOnly(fraction) {
		return 0, fmt.Errorf("%w: %q is not a number with at most %d decimal places", ErrAmount, s, places)
	}
	v, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", places-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %q", ErrAmount, s)
	}
	if negative {
		v = -v
	}
	return v, nil
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
