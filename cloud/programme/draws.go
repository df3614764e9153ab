package programme

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kopilka/kopilka/cloud/programme/deed"
	"github.com/kopilka/kopilka/ledger/sale"
)

// winnersMax bounds the winners of a draw: they stand in one record.
const winnersMax = 1000

// ErrDraw says that a draw cannot be held.
var ErrDraw = errors.New("a draw needs a seed, 1 to 1000 winners, and tickets / для розыгрыша нужны слово-затравка, от 1 до 1000 победителей и билеты")

// Draw holds a prize draw among the tickets of a purse as they are now. The seed should be announced
// beforehand and not be ours to choose (a lottery's numbers, a day's closing rate): whoever has it and the
// list of tickets finds the same winners. The same purse and seed are drawn once.
func (o *Office) Draw(ctx context.Context, org sale.OrgNo, purse sale.PurseNo, seed string, winners int) ([]sale.CustomerNo, error) {
	if seed == "" || winners < 1 || winners > winnersMax {
		return nil, fmt.Errorf("%w: seed %q, %d winners", ErrDraw, seed, winners)
	}
	tickets, err := o.Store.Tickets(ctx, org, purse)
	if err != nil {
		return nil, err
	}
	won := PickWinners(seed, tickets, winners)
	if len(won) == 0 {
		return nil, fmt.Errorf("%w: purse %d has none", ErrDraw, purse)
	}
	var total uint64
	for _, t := range tickets {
		total += t.Count
	}
	return won, o.Store.Post(ctx, org, &sale.Record{
		Kind: sale.KindDraw, ID: sale.DeriveID(sale.ID{}, fmt.Sprintf("draw/%d/%d/%s", org, purse, seed), 0),
		Draw: &sale.Draw{Purse: purse, Seed: seed, Tickets: total, Winners: won},
	})
}

// PickWinners draws from the tickets, sorted by customer: the n-th number is SHA-256 of "seed/n", its first
// eight bytes big-endian, taken modulo the tickets left; numbers that would favour the low tickets are passed
// over. A winner's other tickets leave the draw, so nobody wins twice.
func PickWinners(seed string, tickets []deed.Tickets, winners int) (won []sale.CustomerNo) {
	left := slices.Clone(tickets)
	slices.SortFunc(left, func(a, b deed.Tickets) int { return cmp.Compare(a.Customer, b.Customer) })
	var total uint64
	for _, t := range left {
		total += t.Count
	}
	for n := uint64(0); total > 0 && len(won) < winners; n++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", seed, n))
		number := binary.BigEndian.Uint64(sum[:8])
		if number > math.MaxUint64-(math.MaxUint64%total+1)%total { // the last, incomplete round of numbers
			continue
		}
		at := number % total
		i := 0
		for ; at >= left[i].Count; i++ {
			at -= left[i].Count
		}
		won, total = append(won, left[i].Customer), total-left[i].Count
		left = slices.Delete(left, i, i+1)
	}
	return won
}
