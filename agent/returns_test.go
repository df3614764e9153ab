package agent

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// foreignQR is the QR of a receipt that another shop's register printed an hour ago.
func foreignQR(sum sale.Money, age time.Duration) string {
	f := sale.Fiscal{Stamp: sale.StampOf(time.Now().UTC().Add(-age)), Key: sale.FiscalKey{FN: "9999078977770001", FD: 17}, Sign: 12345, Doc: sale.DocSale, Sum: sum}
	return f.QR()
}

func returnsRules() *loyalty.Programme {
	p := loyalty.Default()
	p.Returns = loyalty.Returns{ForeignMax: 30000}
	return p
}

// A receipt of another shop is taken back without head office on a manager's word, within limits; its
// points wait.
func TestForeignReturnOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 40)
		c.openShift()
		c.refused(Command{Do: "return-find", Code: foreignQR(20000, time.Hour)}, "once head office is on the line")
		c.rules(2, returnsRules())
		c.must(Command{Do: "cash-in", Amount: 100000})
		c.untilStage(StageSale)
		c.refused(Command{Do: "return-find", Code: "7-99"}, "does not know that receipt")
		c.refused(Command{Do: "return-find", Code: foreignQR(20000, 15*24*time.Hour)}, "older than 14 days")
		c.refused(Command{Do: "return-find", Code: foreignQR(20000, -30*time.Hour)}, "does not fit")

		c.scan(foreignQR(20000, time.Hour))
		v := c.view()
		require.Equal(t, StageReturn, v.Stage)
		require.True(t, v.Return.Foreign && v.Return.Manager)
		require.Equal(t, sale.Money(20000), v.Return.Sum)
		require.Equal(t, sale.Money(20000), v.Return.Limit, "the receipt is for less than the programme allows")
		c.refused(Command{Do: "return-pay", PIN: managerPIN}, "Choose what comes back")
		c.scan(milkCode, milkCode)
		c.must(Command{Do: "add", SKU: "sugar", Qty: sale.Piece})
		require.Equal(t, sale.Money(2*8990+6450), c.view().Return.Total)
		c.refused(Command{Do: "return-pay", PIN: managerPIN}, "at most 200.00")
		c.refused(Command{Do: "return-price", Line: 5, Amount: 1}, "no such line")
		c.refused(Command{Do: "return-price", Line: 0, Amount: -1}, "amount is wrong")
		c.refused(Command{Do: "return-choose", Line: 0, Qty: 1500}, "quantity is wrong")
		require.Error(t, c.till.Scan(context.Background(), sale.Code{Text: testCard}), "a card has no business in a return")
		c.must(Command{Do: "return-price", Line: 0, Amount: 8000}, Command{Do: "return-choose", Line: 1, Qty: 0})
		c.refused(Command{Do: "return-pay"}, "manager's PIN")
		c.refused(Command{Do: "return-pay", PIN: testPIN}, "manager's PIN")
		c.must(Command{Do: "return-pay", PIN: managerPIN, Reason: "не свежее"})
		v = c.untilStage(StageDone)
		require.Contains(t, v.Done.Text.EN, "settle the points")
		c.agree()
		r := c.booked(sale.KindReturn)[0]
		require.True(t, r.Return.Pending)
		require.Equal(t, sale.Money(16000), r.Return.Total)
		require.Equal(t, sale.StaffNo(2), r.Return.By)
		require.Equal(t, uint32(17), r.Return.QR.Key.FD)
		require.Empty(t, r.Postings, "no points move before head office knows the sale")
		require.Contains(t, c.paper(), "Возврат по чеку ФД 17")

		c.scan(foreignQR(20000, time.Hour))
		require.Equal(t, sale.Money(4000), c.view().Return.Limit, "the rest of the receipt")
		c.must(Command{Do: "return-cancel"})
		require.Equal(t, StageSale, c.view().Stage)
	})
}

// office answers from the tills' journals, as head office does when it has their records.
type office struct {
	tills []*counter
	delay time.Duration
}

func (o *office) find(ctx context.Context, doc sale.FiscalKey) (sold *sale.Record, returns []*sale.Record, err error) {
	select {
	case <-time.After(o.delay):
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	for _, c := range o.tills {
		if sold, err = c.ledger.RecordByDoc(doc); err == nil {
			break
		}
	}
	for _, c := range o.tills {
		if sold != nil {
			back, err := c.ledger.Returns(sold.ID)
			require.NoError(c.t, err)
			returns = append(returns, back...)
		}
	}
	return sold, returns, err
}

// A sale of another till is returned here with its points when head office knows it; what came back at
// either till cannot come back at the other.
func TestReturnOfAnotherTillsSale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		head := &office{delay: time.Second}
		first := newCounterAt(t, testWho, 41, head.find)
		second := newCounterAt(t, ledger.Identity{Org: 1, Store: 2, Till: 8}, 42, head.find)
		head.tills = []*counter{first, second}
		for _, c := range []*counter{first, second} {
			c.rules(2, returnsRules())
			c.openShift()
			c.must(Command{Do: "cash-in", Amount: 100000})
			c.untilStage(StageSale)
		}
		first.scan(testCard, milkCode, milkCode)
		first.must(Command{Do: "redeem", Points: 1000})
		sold := first.sold()
		online := NetworkView{Online: true}
		require.NoError(t, second.till.Network(context.Background(), online))

		second.scan(sold.Fiscal.QR())
		require.True(t, second.view().Return.Asking)
		second.refused(Command{Do: "return-choose", Line: 0, Qty: sale.Piece}, "being asked")
		second.refused(Command{Do: "return-pay"}, "being asked")
		v := second.until("head office's answer", func(v View) bool { return v.Return != nil && !v.Return.Asking })
		require.False(t, v.Return.Foreign)
		second.must(Command{Do: "return-choose", Line: 0, Qty: sale.Piece}, Command{Do: "return-pay"})
		second.untilStage(StageDone)
		second.agree()
		r := second.booked(sale.KindReturn)[0]
		require.Equal(t, sold.ID, r.Return.Of)
		require.Equal(t, sale.Money(8490), r.Return.Total, "half of 179.80 less 10.00")
		require.Equal(t, sale.Points(500), r.Return.Restored)

		require.NoError(t, first.till.Network(context.Background(), online))
		first.scan(sold.Fiscal.QR())
		v = first.until("head office's word of the other till", func(v View) bool { return v.Return != nil && !v.Return.Asking })
		require.Equal(t, sale.Piece, v.Return.Lines[0].Left)
		first.refused(Command{Do: "return-choose", Line: 0, Qty: 2 * sale.Piece}, "At most 1")
		first.must(Command{Do: "return-cancel"})

		forged := *sold.Fiscal
		forged.Sum += 100000
		first.refused(Command{Do: "return-find", Code: forged.QR()}, "does not fit")
	})
}

// When head office does not answer, the page goes on to what can be done without it.
func TestHeadOfficeDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := func(ctx context.Context, _ sale.FiscalKey) (*sale.Record, []*sale.Record, error) {
			<-ctx.Done()
			return nil, nil, ctx.Err()
		}
		c := newCounterAt(t, testWho, 43, never)
		c.rules(2, returnsRules())
		c.openShift()
		require.NoError(t, c.till.Network(context.Background(), NetworkView{Online: true}))
		c.scan(foreignQR(20000, time.Hour))
		require.True(t, c.view().Return.Asking)
		c.must(Command{Do: "return-cancel"})
		c.scan(milkCode) // the till is free while head office is waited for
		c.must(Command{Do: "clear"})
		c.scan(foreignQR(20000, time.Hour))
		begun := time.Now()
		v := c.until("the way without head office", func(v View) bool { return v.Return != nil && v.Return.Foreign })
		require.False(t, v.Return.Asking)
		require.LessOrEqual(t, time.Since(begun), 2*findWait)
		c.must(Command{Do: "return-cancel"})
		c.rules(3, loyalty.Default())
		c.scan(foreignQR(20000, time.Hour))
		v = c.until("a refusal", func(v View) bool { return v.Stage == StageSale })
		require.True(t, slices.ContainsFunc(v.Notices, func(n Notice) bool { return n.Text == textNoReceipt() }))
	})
}

// A certificate of 500.00 lies on two tills' leases, 300.00 and 200.00: together they never pay more.
func TestCertificateOverTwoTills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const code = "CERT-0001"
		first := newCounter(t, 44)
		second := newCounterAt(t, ledger.Identity{Org: 1, Store: 1, Till: 8}, 45, nil)
		bearer := sale.Customer{No: 50, Name: "Сертификат 500", Balance: 50000, Bearer: true}
		for c, held := range map[*counter]sale.Points{first: 30000, second: 20000} {
			c.person(2, bearer, code, held)
			c.openShift()
			c.must(Command{Do: "cash-in", Amount: 100000})
			c.untilStage(StageSale)
		}
		first.refused(Command{Do: "certificate", Code: "CERT-0002"}, "not found")
		first.refused(Command{Do: "certificate", Code: testCard}, "customer's card")
		first.refused(Command{Do: "drop-certificate", No: 50}, "not found")
		first.scan(milkCode, code)
		first.refused(Command{Do: "certificate", Code: code}, "on the receipt already")
		v := first.view()
		require.Zero(t, v.Basket.Due)
		require.Equal(t, sale.Money(8990), v.Basket.Certificates[0].Pays)
		require.Contains(t, v.Basket.Certificates[0].Text.EN, "only 300 can be taken")
		require.Equal(t, []sale.CustomerNo{50}, first.asked, "head office is asked for the rest beside the sale")
		first.must(Command{Do: "drop-certificate", No: 50})
		require.Equal(t, sale.Money(8990), first.view().Basket.Due)
		first.must(Command{Do: "certificate", Code: code})
		for range 3 {
			first.scan(milkCode)
		}
		v = first.view()
		require.Equal(t, sale.Money(4*8990), v.Basket.Total)
		require.Equal(t, sale.Money(4*8990-30000), v.Basket.Due)
		first.refused(Command{Do: "pay", Tenders: cash(v.Basket.Total)}, "the receipt is for 59.60")
		first.refused(Command{Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderAdvance, Amount: v.Basket.Due}}}, "amount is wrong")
		r := first.sold()
		first.agree()
		require.Equal(t, []sale.Tender{{Kind: sale.TenderCash, Amount: 5960}, {Kind: sale.TenderAdvance, Amount: 30000}}, r.Sale.Tenders)
		require.Zero(t, r.Sale.Discount, "a certificate is money, not a discount")
		require.Equal(t, []CertificateView{{No: 50, Name: "Сертификат 500", Balance: 20000, Pays: 30000}}, first.view().Done.Certificates)
		require.Contains(t, first.paper(), "осталось 200")
		first.scan(milkCode, code)
		require.Equal(t, sale.Money(8990), first.view().Basket.Due, "nothing of it is left on this till")

		second.scan(vodkaCode)
		second.must(Command{Do: "adult", Yes: true}, Command{Do: "certificate", Code: code})
		require.Equal(t, sale.Money(25000), second.view().Basket.Due, "450.00 less 200.00")
		second.sold()
		second.agree()

		first.must(Command{Do: "clear"})
		first.scan(r.Fiscal.QR())
		first.must(Command{Do: "return-choose", Line: 0, Qty: 4 * sale.Piece})
		first.must(Command{Do: "return-pay", Tenders: cash(r.Sale.Total)}) // the cashier says cash; the certificate's part is not cash
		first.untilStage(StageDone)
		first.agree()
		back := first.booked(sale.KindReturn)[0]
		require.Equal(t, []sale.Tender{{Kind: sale.TenderCash, Amount: 5960}, {Kind: sale.TenderAdvance, Amount: 30000}}, back.Return.Tenders)
		certificate, err := first.ledger.Customer(50)
		require.NoError(t, err)
		require.Equal(t, sale.Points(50000), certificate.Balance, "as this till knows it")
		first.scan(milkCode, code)
		require.Zero(t, first.view().Basket.Due, "the money is on the certificate again")
	})
}

func TestCertificateRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 46)
		c.person(2, sale.Customer{No: 51, Name: "Пустой", Bearer: true}, "EMPTY", 0)
		c.person(3, sale.Customer{No: 52, Name: "Стоп", Bearer: true, Balance: 100, State: sale.CustomerBlocked}, "BLOCKED", 100)
		c.openShift()
		c.refused(Command{Do: "certificate", Code: "EMPTY"}, "Nothing is left")
		c.refused(Command{Do: "certificate", Code: "BLOCKED"}, "is stopped")
		var r *Refusal
		require.True(t, errors.As(c.till.Scan(context.Background(), sale.Code{Text: "EMPTY"}), &r))
	})
}
