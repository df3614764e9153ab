package shtrih

import (
	"context"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Where the device keeps its rates, and what it makes of 20 % by itself.
const (
	tableVAT      = 6
	fieldVATValue = 1
	tableRegional = 17
	fieldVAT22    = 71
	// vat22ByItself turns 20 % into 22 % from 2026 on; it is what the firmware leaves the factory with.
	vat22ByItself = 1
)

// rate is a row of the device's table of rates.
type rate struct {
	row     uint16
	percent uint16 // hundredths of a percent, as the row must say
	code    byte   // in FF46
	name    string
}

// rates are the rows that a register of 2026 has, with the codes of the vendor's table of taxes. The
// codes of 22 % were not seen on a wire, so settings can change them.
func (o options) rate(v sale.VAT) (rate, bool) {
	r, ok := map[sale.VAT]rate{
		sale.VAT20: {1, 2000, 1, "20%"}, sale.VAT10: {2, 1000, 2, "10%"},
		sale.VAT0: {3, 0, 4, "0%"}, sale.VATNone: {4, 0, 8, "без НДС / no VAT"},
		sale.VAT20120: {5, 2000, 16, "20/120"}, sale.VAT10110: {6, 1000, 32, "10/110"},
		sale.VAT5: {7, 500, 0x81, "5%"}, sale.VAT7: {8, 700, 0x82, "7%"},
		sale.VAT5105: {9, 500, 0x84, "5/105"}, sale.VAT7107: {10, 700, 0x90, "7/107"},
		sale.VAT22: {11, 2200, o.tax22, "22%"}, sale.VAT22122: {12, 2200, o.tax22122, "22/122"},
	}[v]
	return r, ok
}

// checkRates refuses a receipt with a rate that the device would print as another, before anything is
// printed. What was read is kept for the connection.
func (p *Printer) checkRates(ctx context.Context, r drivers.Receipt, clock time.Time) error {
	for _, line := range r.Lines {
		refused, known := p.rates[line.VAT]
		if !known {
			var err error
			if refused, err = p.checkRate(ctx, line.VAT, clock); err != nil {
				return err
			}
			if p.rates == nil { // or made nil by a connection that broke and was made anew meanwhile
				p.rates = map[sale.VAT]*drivers.Error{}
			}
			p.rates[line.VAT] = refused
		}
		if refused != nil {
			return refused
		}
	}
	return nil
}

// checkRate tells why the device cannot print a rate, nil when it can; err is a failure to find out.
func (p *Printer) checkRate(ctx context.Context, v sale.VAT, clock time.Time) (refused *drivers.Error, err error) {
	want, known := p.opts.rate(v)
	if !known {
		return wrongRate(fmt.Sprintf("№ %d", v), "такой ставки нет в формате ФФД", "the format knows no such rate"), nil
	}
	cell, err := p.cell(ctx, tableVAT, want.row, fieldVATValue)
	switch {
	case noSuchCell(err):
		return wrongRate(want.name, "в таблице 6 кассы нет этой строки: обновите прошивку", "the register's table 6 lacks this row: update its firmware"), nil
	case err != nil:
		return nil, err
	case frame.Uint(cell) != uint64(want.percent):
		return wrongRate(want.name,
			fmt.Sprintf("в строке %d таблицы 6 кассы стоит %s", want.row, sale.BasisPoints(frame.Uint(cell))),
			fmt.Sprintf("row %d of the register's table 6 says %s", want.row, sale.BasisPoints(frame.Uint(cell)))), nil
	}
	if (v == sale.VAT20 || v == sale.VAT20120) && clock.Year() >= 2026 {
		return p.checkTurning(ctx, want)
	}
	return nil, nil
}

// checkTurning refuses 20 % on a device that would sign 22 % in its place.
func (p *Printer) checkTurning(ctx context.Context, want rate) (*drivers.Error, error) {
	cell, err := p.cell(ctx, tableRegional, 1, fieldVAT22)
	switch {
	case noSuchCell(err):
		return nil, nil // firmware from before the change
	case err != nil:
		return nil, err
	case frame.Uint(cell) == vat22ByItself:
		return wrongRate(want.name, "касса сама заменит её на 22: запишите 2 в поле 71 таблицы 17", "the register would turn it into 22 by itself: write 2 into field 71 of table 17"), nil
	}
	return nil, nil
}

func wrongRate(name, ru, en string) *drivers.Error {
	return &drivers.Error{
		Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone, Err: fmt.Errorf("VAT rate %s: %s", name, en),
		Hint: drivers.Hint{RU: "Ставка НДС " + name + ": " + ru + ".", EN: "VAT rate " + name + ": " + en + "."},
	}
}

// cell reads a field of one of the device's tables.
func (p *Printer) cell(ctx context.Context, table byte, row uint16, field byte) ([]byte, error) {
	rest, err := p.adminCall(ctx, reads, frame.CmdReadTable, table, byte(row), byte(row>>8), field)
	if err != nil {
		return nil, err
	}
	return rest, need(frame.CmdReadTable, rest, 1)
}

// noSuchCell tells that the device lacks a table, row or field; models differ in how they say it.
func noSuchCell(err error) bool {
	switch codeIn(err) {
	case codeTable, codeParameters, codeUnsupported:
		return true
	}
	return false
}
