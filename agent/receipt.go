package agent

import (
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// What the receipt says beside the fiscal data, in the store's language. Prices on the fiscal lines are
// net of discount and points (FNS letter ЕД-3-20/6387@ of 2017-09-26), or before points where the programme
// says that points are counter-provision, the letter's other reading: then what they paid is a payment of
// its own, tag 1217. The full price, the discount and the points stand under each line as text.

// say picks the store's language.
func (t *Till) say(ru, en string) string {
	if t.rules.Language == "en" {
		return en
	}
	return ru
}

func (t *Till) saleReceipt(s *sale.Sale, contact string) drivers.Receipt {
	r := drivers.Receipt{
		Doc: sale.DocSale, Operator: t.operator(), Tenders: s.FiscalTenders(), Given: s.Given, Total: s.FiscalTotal(), Tax: t.rules.Tax, Contact: contact,
	}
	for _, l := range s.Lines {
		text, parts := t.lineText(l), l.Printed()
		for i, part := range parts {
			mark := receiptMark(l.Traits, l.Code)
			line := drivers.ReceiptLine{Name: l.Name, Part: part, VAT: l.VAT, Subject: markedSubject(l.Subject, mark), Unit: l.Unit, Mark: mark}
			if i == len(parts)-1 {
				line.Text = text
			}
			r.Lines = append(r.Lines, line)
		}
	}
	r.Footer = t.footer(s)
	return r
}

func (t *Till) lineText(l sale.SoldLine) (out []string) {
	discount, points := l.Discount, l.Redeemed.Worth()
	if c := l.Counter(); c != 0 {
		discount, points = l.Gross-l.Net-c, c // partners' points are a discount only on the other reading
	}
	if discount != 0 || (points != 0 && l.Counter() == 0) {
		out = append(out, fmt.Sprintf(t.say("Без скидки %s", "Full price %s"), l.Gross))
	}
	if discount != 0 {
		out = append(out, fmt.Sprintf(t.say("Скидка %s", "Discount %s"), discount))
	}
	if points != 0 {
		out = append(out, fmt.Sprintf(t.say("Оплачено баллами %s", "Paid with points %s"), points))
	}
	return out
}

// returnReceipt is of a return whose lines' products have the traits given, in their order.
func (t *Till) returnReceipt(b *sale.Return, traits []sale.Traits) drivers.Receipt {
	r := drivers.Receipt{Doc: sale.DocSaleReturn, Operator: t.operator(), Tenders: b.FiscalTenders(), Total: b.FiscalTotal(), Tax: t.rules.Tax}
	for i, l := range b.Lines {
		mark := receiptMark(traits[i], l.Code)
		for _, part := range l.Printed() {
			r.Lines = append(r.Lines, drivers.ReceiptLine{Name: l.Name, Part: part, VAT: l.VAT, Subject: markedSubject(l.Subject, mark), Unit: l.Unit, Mark: mark})
		}
	}
	if b.OfDoc.FD != 0 {
		r.Header = append(r.Header, fmt.Sprintf(t.say("Возврат по чеку ФД %d", "Return of receipt FD %d"), b.OfDoc.FD))
	}
	if b.Pending {
		r.Footer = append(r.Footer, toPaper(t.say("Баллы рассчитает головной офис", "Head office settles the points"))...)
	}
	if back := tendered(b.Tenders, sale.TenderAdvance); back != 0 {
		r.Footer = append(r.Footer, fmt.Sprintf(t.say("На сертификат: %s", "To the certificate: %s"), back))
	}
	if b.Restored != 0 {
		r.Footer = append(r.Footer, fmt.Sprintf(t.say("Возвращено баллов: %s", "Points given back: %s"), b.Restored))
	}
	if b.Clawed != 0 {
		r.Footer = append(r.Footer, fmt.Sprintf(t.say("Снято баллов: %s", "Points taken back: %s"), b.Clawed))
	}
	return r
}

// copyLines is a copy of a journalled receipt as text.
func (t *Till) copyLines(r *sale.Record) (lines []string, qr string) {
	lines = append(lines, t.say("КОПИЯ ЧЕКА, НЕ ФИСКАЛЬНЫЙ ДОКУМЕНТ", "COPY, NOT A FISCAL DOCUMENT"), t.shop.settings.StoreName)
	at := r.At.Time().In(t.shop.zone).Format("02.01.2006 15:04")
	switch {
	case r.Sale != nil:
		lines = append(lines, fmt.Sprintf(t.say("Приход № %s  %s", "Sale No. %s  %s"), r.Sale.No, at))
		for _, l := range r.Sale.Lines {
			lines = append(lines, copyParts(l.Name, l.Printed())...)
		}
		lines = append(lines, fmt.Sprintf(t.say("ИТОГ %s", "TOTAL %s"), r.Sale.FiscalTotal()))
		lines = append(lines, t.copyCounter(r.Sale.Counter())...)
	case r.Return != nil:
		lines = append(lines, fmt.Sprintf(t.say("Возврат прихода № %s  %s", "Return No. %s  %s"), r.Return.No, at))
		for _, l := range r.Return.Lines {
			lines = append(lines, copyParts(l.Name, l.Printed())...)
		}
		lines = append(lines, fmt.Sprintf(t.say("ИТОГ %s", "TOTAL %s"), r.Return.FiscalTotal()))
		lines = append(lines, t.copyCounter(r.Return.Counter())...)
	}
	if r.Fiscal != nil && r.Fiscal.Key.FD != 0 {
		lines = append(lines, fmt.Sprintf("ФН %s ФД %d ФП %d", r.Fiscal.Key.FN, r.Fiscal.Key.FD, r.Fiscal.Sign))
		qr = r.Fiscal.QR()
	}
	return lines, qr
}

// copyCounter says how much of a receipt's sum is no money.
func (t *Till) copyCounter(amount sale.Money) []string {
	if amount == 0 {
		return nil
	}
	return []string{fmt.Sprintf(t.say("из них баллами %s", "of it points %s"), amount)}
}

func copyParts(name string, parts []sale.Part) []string {
	out := []string{name}
	for _, p := range parts {
		out = append(out, fmt.Sprintf("  %s x %s = %s", p.Qty, p.Price, p.Sum))
	}
	return out
}

// contactBytesMax is the length of FFD tag 1008.
const contactBytesMax = 64

// contactOf is where the receipt goes as tag 1008 takes it, an e-mail or a phone: the phone as + and digits
// (devices.md, FFD), however it was typed.
func contactOf(typed string) (string, error) {
	if name, host, ok := strings.Cut(typed, "@"); ok {
		if len(typed) > contactBytesMax || name == "" || !strings.Contains(host, ".") || strings.ContainsAny(typed, " \t\r\n,;") {
			return "", refuse(textContact(), nil)
		}
		return typed, nil
	}
	if typed == "" {
		return "", nil
	}
	phone, err := sale.ParsePhone(typed)
	if err != nil {
		return "", refuse(textContact(), nil)
	}
	return phone, nil
}
