package agent

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// twoTills are of two stores, head office behind both; either is off the line until the test says otherwise.
func twoTills(t *testing.T) (first, second *counter) {
	head := &office{delay: time.Second}
	first = newCounterAt(t, testWho, 41, head.find)
	second = newCounterAt(t, ledger.Identity{Org: 1, Store: 2, Till: 8}, 42, head.find)
	head.tills = []*counter{first, second}
	for _, c := range head.tills {
		c.rules(2, returnsRules())
		c.openShift()
		c.must(Command{Do: "cash-in", Amount: 100000})
		c.untilStage(StageSale)
	}
	return first, second
}

func (c *counter) online(yes bool) {
	require.NoError(c.t, c.till.Network(context.Background(), NetworkView{Online: yes}))
}

// openReturn scans a receipt and waits for head office's word of it.
func (c *counter) openReturn(qr string) View {
	c.scan(qr)
	return c.until("head office's answer", func(v View) bool { return v.Return != nil && !v.Return.Asking })
}

func (c *counter) takeBack(line int, qty sale.Qty) {
	c.must(Command{Do: "return-choose", Line: line, Qty: qty}, Command{Do: "return-pay"})
	c.untilStage(StageDone)
}

func TestReturnedOnlineIsNotReturnedOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := twoTills(t)
		first.scan(milkCode, milkCode)
		qr := first.sold().Fiscal.QR()
		second.online(true)
		second.openReturn(qr)
		second.takeBack(0, sale.Piece)
		second.online(false)
		second.scan(qr)
		require.Equal(t, sale.Money(8990), second.view().Return.Limit, "one of two bottles has come back")
		second.must(Command{Do: "return-cancel"})
		second.online(true)
		second.openReturn(qr)
		second.takeBack(0, sale.Piece)
		second.online(false)
		second.refused(Command{Do: "return-find", Code: qr}, "Nothing more of this receipt")
	})
}

// What a return by QR alone gave counts as money, whatever goods came back for it.
func TestPendingReturnCountsAsMoney(t *testing.T) {
	for name, code := range map[string]string{"goods that were not sold": sugarCode, "goods at twice their price": milkCode} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, second := twoTills(t)
				first.scan(milkCode, milkCode)
				qr := first.sold().Fiscal.QR()
				second.scan(qr, code)
				second.must(Command{Do: "return-price", Line: 0, Amount: 12000}, Command{Do: "return-pay", PIN: managerPIN})
				second.untilStage(StageDone)
				second.online(true)
				second.openReturn(qr)
				second.refused(Command{Do: "return-choose", Line: 0, Qty: sale.Piece}, "59.80 is left")
				require.Zero(t, second.view().Return.Total)
				second.refused(Command{Do: "return-pay"}, "Choose what comes back")
			})
		})
	}
}

// Two tills took the same line back, neither knowing of the other: it counts once, the other line is free.
func TestConflictLeavesTheOtherLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := twoTills(t)
		first.scan(milkCode, sugarCode)
		qr := first.sold().Fiscal.QR()
		second.online(true)
		second.openReturn(qr)
		first.scan(qr)
		first.takeBack(0, sale.Piece)
		second.takeBack(0, sale.Piece)
		first.online(true)
		v := first.openReturn(qr)
		require.Zero(t, v.Return.Lines[0].Left)
		require.Equal(t, sale.Piece, v.Return.Lines[1].Left)
		first.takeBack(1, sale.Piece)
		require.Equal(t, sale.Money(6450), first.booked(sale.KindReturn)[1].Return.Total)
	})
}

// The paper of a sale that a manager settled opens that sale; any other of the till's own storage is refused.
func TestPaperOfSettledSale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 97)
		c.rules(2, returnsRules())
		c.openShift()
		c.must(Command{Do: "cash-in", Amount: 100000})
		c.untilStage(StageSale)
		c.scan(milkCode)
		c.reg.Inject(emulator.Fault{Kind: emulator.PowerAfterWrite, Command: frame.CmdClose2})
		require.NoError(t, c.payCash())
		v := c.untilStage(StageUnknown)
		c.must(Command{Do: "settle", ID: v.Unknown.ID, Yes: true, PIN: managerPIN})
		c.untilStage(StageDone)
		sold := c.booked(sale.KindSale)[0]
		c.powerBack()
		paper := c.receipts(sale.DocSale)[0]
		paper.Key.FN = sold.Fiscal.Key.FN
		c.must(Command{Do: "return-find", ID: sold.ID})
		c.takeBack(0, sale.Piece)
		c.scan(paper.QR())
		back := c.view().Return
		require.Equal(t, sold.ID, back.Of)
		require.Zero(t, back.Lines[0].Left, "it came back by its number")
		c.must(Command{Do: "return-cancel"})
		paper.Sum += 1
		c.refused(Command{Do: "return-find", Code: paper.QR()}, "its journal lacks it")
		paper.Sum, paper.Key.FD = 8990, paper.Key.FD+500
		paper.Stamp = sale.StampOf(time.Now().Add(-48 * time.Hour))
		c.refused(Command{Do: "return-find", Code: paper.QR()}, "its journal lacks it")
	})
}

// However a return is split and whatever the cashier chooses, the certificate ends with what it paid.
func TestCertificateIsNotCashedInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 60)
		c.person(2, sale.Customer{No: 50, Name: "Сертификат", Balance: 6450, Bearer: true}, "CERT-0001", 6450)
		c.openShift()
		c.must(Command{Do: "cash-in", Amount: 100000})
		c.untilStage(StageSale)
		c.scan(milkCode, sugarCode, "CERT-0001")
		c.must(Command{Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: 8990}}})
		c.untilStage(StageDone)
		qr := c.booked(sale.KindSale)[0].Fiscal.QR()
		for line, sum := range []sale.Money{8990, 6450} {
			c.scan(qr)
			c.must(Command{Do: "return-choose", Line: line, Qty: sale.Piece}, Command{Do: "return-pay", Tenders: cash(sum), PIN: managerPIN})
			c.untilStage(StageDone)
		}
		back := c.booked(sale.KindReturn)
		require.Equal(t, cash(8990), back[0].Return.Tenders)
		require.Equal(t, []sale.Tender{{Kind: sale.TenderAdvance, Amount: 6450}}, back[1].Return.Tenders)
		certificate, err := c.ledger.Customer(50)
		require.NoError(t, err)
		require.Equal(t, sale.Points(6450), certificate.Balance)
	})
}

// Money goes back in another way than it came only on a manager's word.
func TestOtherWayBackNeedsManager(t *testing.T) {
	card := func(sum sale.Money) []sale.Tender { return []sale.Tender{{Kind: sale.TenderCard, Amount: sum}} }
	for name, ways := range map[string]struct {
		paid, back []sale.Tender
		says       string
	}{
		"card to cash": {card(8990), cash(8990), "0.00 can come back in cash"},
		"cash to card": {cash(8990), card(8990), "0.00 can come back to the card"},
		"some more":    {append(card(5000), cash(3990)...), append(card(4990), cash(4000)...), "39.90 can come back in cash"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCounter(t, 83)
				c.openShift()
				c.must(Command{Do: "cash-in", Amount: 100000})
				c.untilStage(StageSale)
				c.scan(milkCode)
				c.must(Command{Do: "pay", Tenders: ways.paid})
				c.untilStage(StageDone)
				c.scan(c.booked(sale.KindSale)[0].Fiscal.QR())
				c.must(Command{Do: "return-choose", Line: 0, Qty: sale.Piece})
				require.ElementsMatch(t, ways.paid, c.view().Return.Tenders, "the page is told how much each way may take")
				c.refused(Command{Do: "return-pay", Tenders: ways.back}, ways.says)
				c.refused(Command{Do: "return-pay", Tenders: ways.back, PIN: testPIN}, "manager's PIN")
				c.must(Command{Do: "return-pay", Tenders: ways.back, PIN: managerPIN})
				c.untilStage(StageDone)
				require.Equal(t, sale.StaffNo(2), c.booked(sale.KindReturn)[0].Return.By)
			})
		})
	}
}
