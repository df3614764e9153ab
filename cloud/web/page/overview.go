package page

import "github.com/kopilka/kopilka/ledger/sale"

// BucketMs is the width of a bucket of sales by time. A quarter of an hour divides every zone's offset.
const BucketMs = 15 * 60 * 1000

// Totals are sums over transactions.
type Totals struct {
	Sales        int
	Returns      int
	Sold         sale.Money
	Refunded     sale.Money
	Discount     sale.Money
	WithCustomer int // sales with a customer
	Earned       sale.Points
	Redeemed     sale.Points
}

// Add adds other transactions' sums.
func (t *Totals) Add(o Totals) {
	t.Sales, t.Returns, t.WithCustomer = t.Sales+o.Sales, t.Returns+o.Returns, t.WithCustomer+o.WithCustomer
	t.Sold, t.Refunded, t.Discount = t.Sold+o.Sold, t.Refunded+o.Refunded, t.Discount+o.Discount
	t.Earned, t.Redeemed = t.Earned+o.Earned, t.Redeemed+o.Redeemed
}

// Bucket is the sales of a quarter of an hour.
type Bucket struct {
	From  sale.Time
	Sales int
	Sold  sale.Money
}

// StoreTotals is one store's day.
type StoreTotals struct {
	Store sale.StoreNo
	Name  string
	Totals
}
