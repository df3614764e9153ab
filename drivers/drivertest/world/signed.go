package world

import (
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/ledger/sale"
)

// qtyScale turns the millionths of a storage into thousandths.
const qtyScale = 1000

func signed(d storage.Document) drivertest.Signed {
	s := drivertest.Signed{
		FD: d.FD, Sign: d.Sign, Doc: kindOf(d), Sum: d.Sum, Shift: d.Shift, Receipt: d.Receipt,
		Stamp: sale.StampOf(d.At), Change: d.Change, Tax: drivers.TaxSystem(d.Tax), Cashier: d.Operator,
		Payments: map[sale.TenderKind]sale.Money{},
	}
	for _, p := range d.Payments {
		s.Payments[p.Tender] += p.Sum
	}
	for _, tag := range d.Tags {
		switch tag.Tag {
		case ffd.TagContact:
			s.Contact = tag.Text()
		case ffd.TagUserRequisite:
			s.Key = userValue(tag.Value)
		case ffd.TagExtra:
			s.Extra = tag.Text()
		}
	}
	for _, l := range d.Lines {
		s.Lines = append(s.Lines, drivertest.SignedLine{
			Name: l.Name, Qty: sale.Qty(l.Qty / qtyScale), Price: l.Price, Sum: l.Sum, VAT: l.VAT, Subject: sale.Subject(l.Subject),
			Mark: l.Mark, Tags: l.Tags,
		})
	}
	if d.Basis != nil {
		s.Basis = *d.Basis
	}
	return s
}

// userValue is tag 1086 inside tag 1084.
func userValue(nested []byte) string {
	values, err := ffd.ParseTLV(nested)
	if err != nil {
		return ""
	}
	value, _ := ffd.Find(values, ffd.TagUserValue)
	return storage.Tag{Value: value}.Text()
}
