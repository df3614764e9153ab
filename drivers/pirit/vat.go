package pirit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Settings of the device that the driver reads.
const (
	setReceipt  = 2  // bit 7: receipts are numbered by the host
	setTaxes    = 6  // bit 6: VAT is added to the price
	setRates    = 40 // names of the rates
	setPercents = 41
	rowsMax     = 32 // six in the vendor's text, more with every law
)

const (
	ownNumbers = 1 << 7
	addsVAT    = 1 << 6
)

// percents are the rates of tag 1199 as the device's table must spell them: the name without its words, and the
// percent in hundredths.
var percents = map[string]struct {
	vat     sale.VAT
	percent sale.Money
}{
	"": {sale.VATNone, 0}, "0": {sale.VAT0, 0}, "5": {sale.VAT5, 500}, "7": {sale.VAT7, 700}, "10": {sale.VAT10, 1000},
	"20": {sale.VAT20, 2000}, "22": {sale.VAT22, 2200}, "5/105": {sale.VAT5105, 500}, "7/107": {sale.VAT7107, 700},
	"10/110": {sale.VAT10110, 1000}, "20/120": {sale.VAT20120, 2000}, "22/122": {sale.VAT22122, 2200},
}

// rateNames are for people.
func rateName(v sale.VAT) string {
	for name, r := range percents {
		if r.vat == v {
			if name == "" {
				return "без НДС / no VAT"
			}
			return name + " %"
		}
	}
	return fmt.Sprintf("№ %d", v)
}

// rateOf reads a row of the table: both its name and its percent must say the same.
func rateOf(name, percent string) (sale.VAT, bool) {
	bare := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '/' {
			return r
		}
		return -1
	}, name)
	r, known := percents[bare]
	says, err := sale.ParseMoney(percent)
	return r.vat, known && err == nil && says == r.percent
}

// table reads the device's rates once per connection: which row stands for what is the device's own affair.
func (p *Printer) table(ctx context.Context) (map[sale.VAT]int, error) {
	if p.rates != nil && p.link != nil {
		return p.rates, nil
	}
	rates := map[sale.VAT]int{}
	for row := range rowsMax {
		name, err := p.setting(ctx, setRates, row)
		if row > 0 && unknownHere(err) {
			break // the end of the table
		}
		if err != nil {
			return nil, err
		}
		percent, err := p.setting(ctx, setPercents, row)
		if err != nil {
			return nil, err
		}
		v, ok := rateOf(name, percent)
		if _, had := rates[v]; ok && !had {
			rates[v] = row
		}
	}
	p.rates = rates
	return rates, nil
}

func (p *Printer) setting(ctx context.Context, table, index int) (string, error) {
	fields, err := p.call(ctx, reads, frame.CmdReadSetting, decimal(table), decimal(index))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(frame.ReadText(frame.Field(fields, 0))), nil
}

// checkRates refuses a receipt with a rate that the device has no row for, before anything is printed.
func (p *Printer) checkRates(ctx context.Context, lines []drivers.ReceiptLine) (map[sale.VAT]int, error) {
	rates, err := p.table(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if _, ok := rates[l.VAT]; !ok {
			return nil, wrongRate(l.VAT)
		}
	}
	return rates, nil
}

func wrongRate(v sale.VAT) error {
	name := rateName(v)
	return &drivers.Error{
		Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone, Err: fmt.Errorf("VAT rate %s is in no row of settings 40 and 41", name),
		Hint: drivers.Hint{
			RU: "Ставки НДС " + name + " нет в таблице кассы. Обновите прошивку кассы или исправьте ставку товара.",
			EN: "The register's table has no VAT rate " + name + ". Update its firmware or correct the article's rate.",
		},
	}
}

// taxIndex is the number of a tax system in 30h and 58h.
func taxIndex(t drivers.TaxSystem) int {
	n := 0
	for t >>= 1; t > 0; t >>= 1 {
		n++
	}
	return n
}

// Preflight implements [drivers.Preflighter].
func (p *Printer) Preflight(ctx context.Context, tax drivers.TaxSystem, rates []sale.VAT) error {
	const op = "preflight"
	f, err := p.ready(ctx)
	if err == nil && f.has(flagNotFiscal) {
		err = because(codeState, whyNotFiscal)
	}
	if err != nil {
		return p.report(op, err)
	}
	found, err := p.faultsFor(ctx, tax, rates)
	if err != nil {
		return p.report(op, err)
	}
	for i, fault := range found {
		found[i] = p.report(op, fault)
	}
	return errors.Join(found...)
}

func (p *Printer) faultsFor(ctx context.Context, tax drivers.TaxSystem, rates []sale.VAT) ([]error, error) {
	table, err := p.table(ctx)
	if err != nil {
		return nil, err
	}
	var found []error
	for _, v := range rates {
		if _, ok := table[v]; !ok {
			found = append(found, wrongRate(v))
		}
	}
	mask, err := p.info(ctx, infoTaxes)
	if err != nil && !unknownHere(err) {
		return nil, err
	}
	if n, ok := digits(mask); ok && n&int(tax) == 0 {
		found = append(found, because(codeFormat, 43))
	}
	for _, bad := range []struct {
		table, bit int
		ru, en     string
	}{
		{setTaxes, addsVAT, "Касса начисляет НДС сверх цены: снимите бит 6 настройки 6. " + askService, "The register adds VAT to the price: clear bit 6 of setting 6. " + callService},
		{setReceipt, ownNumbers, "Касса ждёт номеров чеков от программы: снимите бит 7 настройки 2. " + askService, "The register wants the host to number receipts: clear bit 7 of setting 2. " + callService},
	} {
		said, err := p.setting(ctx, bad.table, 0)
		if err != nil && !unknownHere(err) {
			return nil, err
		}
		if n, ok := digits([]byte(said)); ok && n&bad.bit != 0 {
			found = append(found, refuse(drivers.FailConfig, bad.ru, bad.en))
		}
	}
	return found, nil
}
