package agent

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// A card number that a person has typed into the box for codes is no card in hand: the rules against looking up
// other people's cards count it, whichever box it was typed into. What a scanner has typed is the card.
func TestACardTypedIsNoCardInHand(t *testing.T) {
	tests := []struct {
		name string
		take Command
		want sale.FoundBy
	}{
		{"typed into the box for codes", Command{Do: "scan", Code: testCard}, sale.FoundTyped},
		{"typed into the customer's box", Command{Do: "customer", Code: testCard}, sale.FoundTyped},
		{"by a name that is no scanner's", Command{Do: "scan", Code: testCard, Scanner: "hand"}, sale.FoundTyped},
		{"scanned on the keyboard", Command{Do: "scan", Code: testCard, Scanner: ScannerWedge}, sale.FoundCard},
		{"scanned into the customer's box", Command{Do: "customer", Code: testCard, Scanner: ScannerWedge}, sale.FoundCard},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := ruled(t, byte(200+i), func(p *loyalty.Programme) { p.Watch.Lookups = loyalty.Watched{Measure: loyalty.MeasureFlag, Limit: 1} },
					func(*counter) {})
				c.refused(Command{Do: "certificate", Code: "CERT-9999"}, "not found") // the first look-up, which is allowed
				c.must(tt.take)
				require.Len(t, c.booked(sale.KindLookup), map[sale.FoundBy]int{sale.FoundTyped: 1, sale.FoundCard: 0}[tt.want])
				c.scan(milkCode)
				c.must(Command{Do: "pay", Tenders: cash(c.view().Basket.Due), Given: c.view().Basket.Due})
				c.untilStage(StageDone)
				require.Equal(t, tt.want, c.booked(sale.KindSale)[0].Sale.FoundBy)
			})
		})
	}
}

// The numbers of certificates: those that were typed are look-ups, those that were scanned are paper in hand.
func TestACertificateTypedIsALookup(t *testing.T) {
	for scanner, lookups := range map[string]int{"": 1, ScannerWedge: 0} {
		synctest.Test(t, func(t *testing.T) {
			c := ruled(t, 220, func(p *loyalty.Programme) { p.Watch.Lookups = loyalty.Watched{Measure: loyalty.MeasureFlag, Limit: 1} },
				func(c *counter) {
					c.person(3, sale.Customer{No: 50, Name: "Сертификат", Balance: 6450, Bearer: true}, "CERT-0001", 6450)
				})
			c.refused(Command{Do: "certificate", Code: "CERT-9999"}, "not found") // the first look-up, which is allowed
			c.must(Command{Do: "scan", Code: "CERT-0001", Scanner: scanner})
			require.Len(t, c.booked(sale.KindLookup), lookups)
			require.Len(t, c.view().Basket.Certificates, 1)
		})
	}
}
