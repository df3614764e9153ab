package shtrih

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

var _ drivers.Preflighter = (*Printer)(nil)

// tablePayments holds the names that the paper gives to the payments of FF45.
const tablePayments = 5

// taxBits is where the answer of FF09 has the tax systems: after time, INN and registration number.
const taxBits = frame.FNTimeBytes + 12 + 20

// Preflight implements [drivers.Preflighter]: the storage's state, the tax systems it is registered with, each
// rate in tables 6 and 17, the names of payments in table 5. Nothing is changed.
func (p *Printer) Preflight(ctx context.Context, tax drivers.TaxSystem, rates []sale.VAT) error {
	found, err := p.preflight(ctx, tax, rates)
	if err != nil {
		return p.report("compare settings", err)
	}
	for i, problem := range found {
		found[i] = p.report("compare settings", problem)
	}
	return errors.Join(found...)
}

// preflight gives what is wrong; err is a failure to find out.
func (p *Printer) preflight(ctx context.Context, tax drivers.TaxSystem, rates []sale.VAT) (found []error, err error) {
	f, err := p.full(ctx)
	if err != nil {
		return nil, err
	}
	s, err := p.storage(ctx)
	if err != nil {
		return nil, err
	}
	if s.phase != phaseFiscal {
		return []error{refusedBy(codeUnfiscal, false)}, nil
	}
	if s.warnings&warnCritical != 0 {
		found = append(found, refusedBy(codeExpired, false))
	}
	for _, check := range []func() (*drivers.Error, error){
		func() (*drivers.Error, error) { return p.checkTax(ctx, tax) },
		func() (*drivers.Error, error) { return p.checkPayments(ctx) },
	} {
		problem, err := check()
		if err != nil {
			return nil, err
		}
		if problem != nil {
			found = append(found, problem)
		}
	}
	wrong, err := p.wrongRates(ctx, rates, f.clock)
	return append(found, wrong...), err
}

func (p *Printer) wrongRates(ctx context.Context, rates []sale.VAT, clock time.Time) (found []error, err error) {
	for _, v := range rates {
		problem, err := p.checkRate(ctx, v, clock)
		if err != nil {
			return nil, err
		}
		if problem != nil {
			found = append(found, problem)
		}
	}
	return found, nil
}

// checkTax compares the tax system with those of the registration; firmware without FF09 tells none.
func (p *Printer) checkTax(ctx context.Context, tax drivers.TaxSystem) (*drivers.Error, error) {
	rest, err := p.call(ctx, reads, frame.CmdFNRegistered)
	switch {
	case codeIn(err) != 0:
		return nil, nil
	case err != nil:
		return nil, err
	case len(rest) <= taxBits:
		return nil, malformed(frame.CmdFNRegistered, fmt.Errorf("%d bytes, more than %d expected", len(rest), taxBits))
	case drivers.TaxSystem(rest[taxBits])&tax != 0:
		return nil, nil
	}
	return &drivers.Error{
		Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone,
		Err: fmt.Errorf("tax system %d, the register is registered with the bits %d", tax, rest[taxBits]),
		Hint: drivers.Hint{
			RU: "Касса зарегистрирована без этой системы налогообложения. Исправьте настройку или перерегистрируйте кассу.",
			EN: "The register is not registered with this tax system. Correct the setting or register it anew.",
		},
	}, nil
}

// checkPayments finds payments without a name: such a row is switched off on these registers.
func (p *Printer) checkPayments(ctx context.Context) (*drivers.Error, error) {
	rows, err := p.rows(ctx, tablePayments)
	if err != nil {
		return nil, err
	}
	for _, slot := range []int{slots[sale.TenderCash], slots[sale.TenderCard]} {
		row := uint16(slot + 1)
		if row > rows {
			continue // a model that tells nothing of its payments
		}
		cell, err := p.cell(ctx, tablePayments, row, 1)
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(charset.From1251(cell)) == "" {
			return &drivers.Error{
				Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone, Err: fmt.Errorf("row %d of table 5 is empty", row),
				Hint: drivers.Hint{
					RU: fmt.Sprintf("В таблице 5 кассы нет названия оплаты в строке %d. ", row) + askService,
					EN: fmt.Sprintf("The register's table 5 has no name of payment in row %d. ", row) + callService,
				},
			}, nil
		}
	}
	return nil, nil
}

// rows is how many a table has, by its structure; none where the device has no such table.
func (p *Printer) rows(ctx context.Context, table byte) (uint16, error) {
	const name = 40 // bytes of the table's name, which comes first
	rest, err := p.adminCall(ctx, reads, frame.CmdTableInfo, table)
	switch {
	case noSuchCell(err):
		return 0, nil
	case err != nil:
		return 0, err
	}
	if err := need(frame.CmdTableInfo, rest, name+2); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint16(rest[name:]), nil
}
