package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
)

// What certificates paid is neither in the drawer nor on the bank terminal.
func TestTallyKeepsCertificatesApart(t *testing.T) {
	var y Tally
	y.add(&sale.Record{Kind: sale.KindSale, Sale: &sale.Sale{Total: 250_00, Tenders: []sale.Tender{
		{Kind: sale.TenderCash, Amount: 50_00}, {Kind: sale.TenderCard, Amount: 80_00}, {Kind: sale.TenderAdvance, Amount: 120_00},
	}}})
	y.add(&sale.Record{Kind: sale.KindReturn, Return: &sale.Return{Total: 40_00, Tenders: []sale.Tender{
		{Kind: sale.TenderAdvance, Amount: 30_00}, {Kind: sale.TenderCash, Amount: 10_00},
	}}})
	end := y.Close(sale.Hash{}, nil)
	require.Equal(t, []sale.Money{40_00, 80_00, 90_00}, []sale.Money{end.Cash, end.Card, end.Advance})
	require.Equal(t, sale.Money(210_00), end.Sold-end.Refunded)
}
