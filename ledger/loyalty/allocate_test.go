package loyalty

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The receipt of qna.habr.com/q/838073: 3.8 × 98.00, 1 × 4.50, 6 × 88.20, 1 × 180.00, less 86.10.
func TestAllocateAcceptanceVector(t *testing.T) {
	gross := []int64{37240, 450, 52920, 18000}
	got, err := Allocate(8610, gross, gross)
	require.NoError(t, err)
	require.Equal(t, []int64{2952, 36, 4195, 1427}, got)
}

func TestAllocate(t *testing.T) {
	for name, c := range map[string]struct {
		total               int64
		weights, caps, want []int64
	}{
		"nothing over nobody":                   {0, nil, nil, []int64{}},
		"ties go to the earlier line":           {2, []int64{1, 1, 1}, []int64{9, 9, 9}, []int64{1, 1, 0}},
		"largest remainder wins":                {10, []int64{3, 3, 1}, []int64{9, 9, 9}, []int64{4, 4, 2}},
		"a full line passes its share on":       {90, []int64{1, 1, 1}, []int64{10, 90, 90}, []int64{10, 40, 40}},
		"filling one line fills the next":       {100, []int64{10, 5, 5}, []int64{20, 41, 100}, []int64{20, 40, 40}},
		"two rounds of filling":                 {100, []int64{10, 6, 4}, []int64{20, 45, 100}, []int64{20, 45, 35}},
		"exactly full":                          {30, []int64{5, 1, 1}, []int64{10, 10, 10}, []int64{10, 10, 10}},
		"no weight only when the rest are full": {12, []int64{1, 0, 0}, []int64{10, 5, 5}, []int64{10, 1, 1}},
		"no cap takes nothing":                  {7, []int64{100, 1}, []int64{0, 9}, []int64{0, 7}},
		"products beyond 64 bits":               {math.MaxInt64, []int64{math.MaxInt64 - 1, 1}, []int64{math.MaxInt64, math.MaxInt64}, []int64{math.MaxInt64 - 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Allocate(c.total, c.weights, c.caps)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestAllocateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		total         int64
		weights, caps []int64
	}{
		"more than the caps": {11, []int64{1, 1}, []int64{5, 5}},
		"negative total":     {-1, []int64{1}, []int64{5}},
		"negative weight":    {1, []int64{-1}, []int64{5}},
		"negative cap":       {1, []int64{1, 1}, []int64{-5, 9}},
		"different lengths":  {1, []int64{1}, []int64{5, 5}},
		"weights overflow":   {1, []int64{math.MaxInt64, 1}, []int64{5, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Allocate(c.total, c.weights, c.caps)
			require.ErrorIs(t, err, ErrAllocate)
		})
	}
}

func TestAllocateProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "lines")
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000), n, n).Draw(t, "weights")
		caps := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000), n, n).Draw(t, "caps")
		var room int64
		for _, c := range caps {
			room += c
		}
		total := rapid.Int64Range(0, room).Draw(t, "total")
		got, err := Allocate(total, weights, caps)
		require.NoError(t, err)
		var sum int64
		for i, share := range got {
			require.GreaterOrEqual(t, share, int64(0))
			require.LessOrEqual(t, share, caps[i])
			sum += share
		}
		require.Equal(t, total, sum)
		requireFair(t, got, weights, caps)
	})
}

// requireFair: of two lines with weight and room to spare, neither is further from its proportion than
// one unit allows: share_i/w_i and share_j/w_j differ by less than the rounding of both.
func requireFair(t require.TestingT, got, weights, caps []int64) {
	for i := range got {
		for j := range got {
			if weights[i] == 0 || weights[j] == 0 || got[i] >= caps[i]-1 {
				continue
			}
			require.LessOrEqual(t, (got[j]-1)*weights[i], (got[i]+1)*weights[j], "line %d against %d of %v", j, i, got)
		}
	}
}

func FuzzAllocate(f *testing.F) {
	f.Add(int64(8610), int64(37240), int64(450), int64(52920), int64(37240), int64(450), int64(52920))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(0), int64(0), int64(math.MaxInt64), int64(1), int64(1))
	f.Fuzz(func(t *testing.T, total, w1, w2, w3, c1, c2, c3 int64) {
		got, err := Allocate(total, []int64{w1, w2, w3}, []int64{c1, c2, c3})
		if err != nil {
			return
		}
		require.Equal(t, uint64(total), uint64(got[0])+uint64(got[1])+uint64(got[2]))
		require.True(t, got[0] <= c1 && got[1] <= c2 && got[2] <= c3 && min(got[0], got[1], got[2]) >= 0)
	})
}
