package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

var asked = &wire.Find{Ref: 3, Doc: sale.FiscalKey{FN: "9999078900001234", FD: 17}}

func soldElsewhere() *sale.Record {
	return &sale.Record{
		Version: 1, Org: 1, Store: 2, Till: 9, Epoch: 1, Seq: 4, ID: sale.ID{1}, Kind: sale.KindSale, At: 5, Quality: 1,
		Fiscal: &sale.Fiscal{Kind: sale.FiscalOwn, Key: asked.Doc},
		Sale: &sale.Sale{
			Lines: []sale.SoldLine{{SKU: "1", Name: "Чай", Qty: 2000, Price: 5000, Gross: 10000, Net: 10000, VAT: 1, Subject: 1, Parts: []sale.Part{{Qty: 2000, Price: 5000, Sum: 10000}}}},
			Gross: 10000, Total: 10000, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 10000}},
		},
	}
}

func returned() *sale.Record {
	return &sale.Record{
		Version: 1, Org: 1, Store: 2, Till: 9, Epoch: 1, Seq: 5, ID: sale.ID{2}, Kind: sale.KindReturn, At: 6, Quality: 1,
		Return: &sale.Return{
			Of:    sale.ID{1},
			Lines: []sale.ReturnedLine{{SKU: "1", Name: "Чай", Qty: 1000, Net: 5000, VAT: 1, Subject: 1, Parts: []sale.Part{{Qty: 1000, Price: 5000, Sum: 5000}}}},
			Total: 5000, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 5000}},
		},
	}
}

func recordBytes(t *testing.T, r *sale.Record) []byte {
	b, err := r.Bytes()
	require.NoError(t, err)
	return b
}

func TestFoundOpens(t *testing.T) {
	f := wire.NewFound(3, recordBytes(t, soldElsewhere()), [][]byte{recordBytes(t, returned())})
	sold, returns, err := f.Open(asked)
	require.NoError(t, err)
	require.Equal(t, soldElsewhere(), sold)
	require.Equal(t, []*sale.Record{returned()}, returns)
	sold, _, err = f.Open(&wire.Find{Ref: 3, ID: sale.ID{1}})
	require.NoError(t, err)
	require.NotNil(t, sold)

	sold, returns, err = wire.NewFound(3, nil, nil).Open(asked)
	require.NoError(t, err)
	require.Nil(t, sold)
	require.Nil(t, returns)
	require.Equal(t, &wire.Found{Ref: 3}, wire.NewFound(3, make([]byte, wire.FoundBytesMax+1), nil))
	require.Equal(t, &wire.Found{Ref: 3}, wire.NewFound(3, []byte{1}, make([][]byte, wire.FoundReturnsMax+1)))
}

func TestFoundRefuses(t *testing.T) {
	sold := func(change func(r *sale.Record)) []byte {
		r := soldElsewhere()
		change(r)
		return recordBytes(t, r)
	}
	back := func(change func(r *sale.Record)) [][]byte {
		r := returned()
		change(r)
		return [][]byte{recordBytes(t, r)}
	}
	good := recordBytes(t, soldElsewhere())
	for name, f := range map[string]*wire.Found{
		"another question":    {Ref: 4, Record: good},
		"rubbish":             {Ref: 3, Record: []byte{0xff}},
		"another document":    {Ref: 3, Record: sold(func(r *sale.Record) { r.Fiscal.Key.FD++ })},
		"no document":         {Ref: 3, Record: sold(func(r *sale.Record) { r.Fiscal = nil })},
		"no sale":             {Ref: 3, Record: recordBytes(t, returned())},
		"sums that lie":       {Ref: 3, Record: sold(func(r *sale.Record) { r.Sale.Total++ })},
		"a return of another": {Ref: 3, Record: good, Returns: back(func(r *sale.Record) { r.Return.Of = sale.ID{9} })},
		"another's return":    {Ref: 3, Record: good, Returns: back(func(r *sale.Record) { r.Org = 2 })},
		"a sale as a return":  {Ref: 3, Record: good, Returns: [][]byte{good}},
		"rubbish returned":    {Ref: 3, Record: good, Returns: [][]byte{{0xff}}},
	} {
		_, _, err := f.Open(asked)
		require.ErrorIs(t, err, wire.ErrMessage, name)
	}
}
