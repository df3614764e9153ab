package sale

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func shelved(shelf ...Part) *Record {
	l := SoldLine{
		Name: "Молоко", Qty: Piece, Price: 10000, Gross: 10000, Discount: 1000, Redeemed: 2000, Net: 7000, VAT: VAT10, Subject: SubjectGoods,
		Parts: []Part{{Qty: Piece, Price: 7000, Sum: 7000}}, Shelf: shelf,
	}
	return &Record{Version: 1, Org: 1, Till: 1, Epoch: 1, Seq: 1, ID: ID{1}, Kind: KindSale, Sale: &Sale{
		No: 1, Lines: []SoldLine{l}, Gross: 10000, Discount: 1000, Redeemed: 2000, Total: 7000, Tenders: []Tender{{Kind: TenderCash, Amount: 7000}},
	}}
}

// What a till says of counter-provision can be neither more nor less than points can have paid.
func TestShelfIsHeldAgainstThePoints(t *testing.T) {
	one := func(sum Money) Part { return Part{Qty: Piece, Price: sum, Sum: sum} }
	for name, c := range map[string]struct {
		shelf []Part
		ok    bool
	}{
		"points":                            {[]Part{one(9000)}, true},
		"points and a partner's":            {[]Part{one(10000)}, true},
		"none":                              {nil, true},
		"less than the points":              {[]Part{one(8999)}, false},
		"more than the price":               {[]Part{one(10001)}, false},
		"no more than the money":            {[]Part{one(7000)}, false},
		"another quantity":                  {[]Part{{Qty: 2 * Piece, Price: 4500, Sum: 9000}}, false},
		"not price times quantity":          {[]Part{{Qty: Piece, Price: 8000, Sum: 9000}}, false},
		"two sums that overflow each other": {[]Part{one(MoneyMax), one(MoneyMax)}, false},
		"empty":                             {[]Part{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := shelved(c.shelf...).Validate()
			if c.shelf != nil && len(c.shelf) == 0 {
				r := shelved()
				r.Sale.Lines[0].Shelf = c.shelf
				err = r.Validate()
			}
			require.Equal(t, c.ok, err == nil, "%v", err)
		})
	}
}

// A reader that does not know the new field keeps every figure that it knows: the money, the points and parts
// that make up the money. It prints a return as the discount reading would.
func TestAnOlderReaderPassesTheShelfOver(t *testing.T) {
	r := shelved(Part{Qty: Piece, Price: 9000, Sum: 9000})
	b, err := Encode(r.Sale.Lines[0])
	require.NoError(t, err)
	var older struct {
		Redeemed Points `cbor:"8,keyasint,omitempty"`
		Net      Money  `cbor:"9,keyasint"`
		Parts    []Part `cbor:"15,keyasint"`
	}
	require.NoError(t, Decode(b, &older))
	require.Equal(t, r.Sale.Lines[0].Parts, older.Parts)
	require.Equal(t, Money(7000), older.Net)
	without, err := Encode(shelved().Sale.Lines[0])
	require.NoError(t, err)
	require.Less(t, len(without), len(b), "a line without counter-provision is written as it always was")
	require.Equal(t, Money(9000), r.Sale.FiscalTotal())
	require.Equal(t, []Tender{{Kind: TenderCash, Amount: 7000}, {Kind: TenderCounter, Amount: 2000}}, r.Sale.FiscalTenders())
	require.Equal(t, r.Sale.Tenders, shelved().Sale.FiscalTenders())
}
