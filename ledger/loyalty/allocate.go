package loyalty

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// ErrAllocate is wrapped by every refusal to spread an amount.
var ErrAllocate = errors.New("spread an amount over lines")

// Allocate spreads total over lines in proportion to weights, to the last unit: by largest remainder
// (Hamilton's method), ties to the earlier line, no line above its cap, what a full line cannot take
// going to the others in their proportion. Lines of weight zero get something only when all others
// are full. It fails when the total is more than the caps together, or on negative input.
func Allocate(total int64, weights, caps []int64) ([]int64, error) {
	if err := checkAllocate(total, weights, caps); err != nil {
		return nil, err
	}
	shares := make([]int64, len(weights))
	rest := fill(shares, total, weights, caps)
	if rest == 0 {
		return shares, nil
	}
	even := make([]int64, len(weights)) // whoever still has room has no weight: share evenly
	room := make([]int64, len(weights))
	for i := range even {
		even[i], room[i] = 1, caps[i]-shares[i]
	}
	more := make([]int64, len(weights))
	fill(more, rest, even, room)
	for i := range shares {
		shares[i] += more[i]
	}
	return shares, nil
}

func checkAllocate(total int64, weights, caps []int64) error {
	if len(weights) != len(caps) || total < 0 {
		return fmt.Errorf("%w: %d over %d weights with %d caps", ErrAllocate, total, len(weights), len(caps))
	}
	var weight, room int64
	for i := range weights {
		if weights[i] < 0 || caps[i] < 0 {
			return fmt.Errorf("%w: line %d has weight %d and cap %d", ErrAllocate, i+1, weights[i], caps[i])
		}
		if weights[i] > math.MaxInt64-weight {
			return fmt.Errorf("%w: weights overflow at line %d", ErrAllocate, i+1)
		}
		weight += weights[i]
		room += min(caps[i], math.MaxInt64-room)
	}
	if total > room {
		return fmt.Errorf("%w: %d is more than the %d that the lines can take", ErrAllocate, total, room)
	}
	return nil
}

// fill spreads as much of total as the lines with weight can take and returns what is left.
func fill(shares []int64, total int64, weights, caps []int64) int64 {
	open := make([]int, 0, len(weights))
	for i, w := range weights {
		if w > 0 && caps[i] > 0 {
			open = append(open, i)
		}
	}
	for total > 0 && len(open) > 0 {
		still := open[:0] // what it reads it has passed already
		var taken int64
		sum := weigh(weights, open)
		for _, i := range open {
			if reaches(total, weights[i], caps[i], sum) {
				shares[i] = caps[i]
				taken += caps[i]
			} else {
				still = append(still, i)
			}
		}
		if taken == 0 {
			hamilton(shares, total, weights, open, sum)
			return 0
		}
		total, open = total-taken, still
	}
	return total
}

func weigh(weights []int64, lines []int) int64 {
	var sum int64
	for _, i := range lines {
		sum += weights[i]
	}
	return sum
}

// reaches tells whether total × weight ÷ sum is at least the cap, without rounding.
func reaches(total, weight, limit, sum int64) bool {
	hi, lo := bits.Mul64(uint64(total), uint64(weight))
	capHi, capLo := bits.Mul64(uint64(limit), uint64(sum))
	return hi > capHi || (hi == capHi && lo >= capLo)
}

// hamilton gives each line the floor of its share and one more to the largest remainders. Every share
// is below its line's cap, so one more still fits.
func hamilton(shares []int64, total int64, weights []int64, lines []int, sum int64) {
	remainders := make([]uint64, len(shares))
	left := total
	for _, i := range lines {
		hi, lo := bits.Mul64(uint64(total), uint64(weights[i]))
		share, remainder := bits.Div64(hi, lo, uint64(sum))
		shares[i], remainders[i] = int64(share), remainder
		left -= int64(share)
	}
	if left == 0 {
		return
	}
	order := slices.Clone(lines)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainders[b], remainders[a]) })
	for _, i := range order[:left] {
		shares[i]++
	}
}
