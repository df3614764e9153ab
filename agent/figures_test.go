package agent

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Neither a test customer's receipt nor its return is anybody's figure, and nobody is rewarded for it.
func TestTrainingIsInNoFigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 62)
		p := loyalty.Default()
		p.Cashier.Rate = 500
		c.rules(2, p)
		c.person(3, sale.Customer{No: 6, Name: "Тест", State: sale.CustomerTest}, "TEST-0001", 0)
		c.openShift()
		c.scan("TEST-0001", milkCode, milkCode)
		sold := c.sold()
		require.True(t, sold.Sale.Training)
		c.scan(sold.Fiscal.QR())
		c.must(Command{Do: "return-choose", Line: 0, Qty: 2 * sale.Piece}, Command{Do: "return-pay"})
		c.untilStage(StageDone)
		back := c.booked(sale.KindReturn)[0]
		require.True(t, back.Return.Training)
		for _, x := range append(sold.Postings, back.Postings...) {
			require.NotEqual(t, sale.EmployeeAccount(1), x.Account)
		}
		k, err := c.ledger.KPIs(0)
		require.NoError(t, err)
		require.Equal(t, ledger.KPI{}, k[1])
	})
}

// A record's bytes can never be erased: a reason that may hold a phone is refused before anything is printed.
func TestReasonHoldsNoPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 72)
		c.openShift()
		for _, phone := range []string{"+79165559999", "вернуть на 8 (916) 555-99-99", "555–99–99"} {
			c.refused(Command{Do: "cash-in", Amount: 100000, Reason: phone}, "phone numbers")
		}
		c.must(Command{Do: "cash-in", Amount: 100000, Reason: "размен 1000.00, чек 123456"})
		c.untilStage(StageSale)
		c.scan(milkCode)
		c.scan(c.sold().Fiscal.QR())
		c.must(Command{Do: "return-choose", Line: 0, Qty: sale.Piece})
		c.refused(Command{Do: "return-pay", Reason: "Котову +79165559999"}, "phone numbers")
		c.must(Command{Do: "return-pay", Reason: "брак"})
		c.untilStage(StageDone)
	})
}

// Accounts were merged after the sale: what it earned is taken from whatever of the two is held here, and
// nothing is owed.
func TestClawbackAfterMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 93)
		c.rules(2, loyalty.Default())
		c.person(3, sale.Customer{No: 9, Name: "B"}, "9000", 0)
		c.openShift()
		c.scan("9000", milkCode, milkCode)
		s := c.sold()
		require.Positive(t, s.Sale.Earned)
		gone := c.change(sale.ChangeCustomer, number(9), 4, sale.CustomerChange{})
		gone.Gone = true
		head := c.ledger.Head()
		joined := sale.Customer{No: 5, Name: "A", Balance: 30000 + s.Sale.Earned, Accounts: []sale.CustomerNo{9}, Seen: sale.Seen{Epoch: head.Epoch, Seq: head.Seq}}
		c.told(4, gone, c.change(sale.ChangeCustomer, number(5), 4, sale.CustomerChange{Customer: joined, Keys: []sale.CustomerKey{{Kind: sale.KeyCard, Key: sale.CardKey([]byte("secret"), testCard)}}}))
		for _, l := range s.Leases { // what was earned moves to another till
			c.told(5, c.change(sale.ChangeLease, l.ID[:], 5, sale.LeaseChange{Lease: l, Lots: s.Lots, Recall: true}))
		}
		c.scan(s.Fiscal.QR())
		c.must(Command{Do: "return-choose", Line: 0, Qty: 2000}, Command{Do: "return-pay"})
		c.untilStage(StageDone)
		five, err := c.ledger.Customer(5)
		require.NoError(t, err)
		require.Zero(t, five.Debt)
		require.Equal(t, sale.Points(30000), five.Balance)
	})
}
