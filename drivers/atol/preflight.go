package atol

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Preflight implements [drivers.Preflighter]: whether the register signs at all, the tax system against the
// registration, the rates against the words that there are. The register's own table of rates cannot be read.
func (p *Printer) Preflight(ctx context.Context, tax drivers.TaxSystem, rates []sale.VAT) error {
	const op = "compare settings"
	s, err := p.state(ctx)
	if err == nil {
		err = s.signs()
	}
	if err != nil {
		return p.report(op, err)
	}
	r, err := p.registration(ctx)
	if err != nil {
		return p.report(op, err)
	}
	var all []error
	if word := task.TaxSystems[uint8(tax)]; !slices.Contains(r.Organization.TaxSystems, word) {
		all = append(all, p.report(op, &drivers.Error{
			Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone,
			Err: fmt.Errorf("tax system %q, the register is registered for %s", word, strings.Join(r.Organization.TaxSystems, ", ")),
			Hint: drivers.Hint{
				RU: "Касса не зарегистрирована на систему налогообложения магазина. Исправьте настройки или перерегистрируйте кассу.",
				EN: "The register is not registered for the shop's tax system. Correct the settings or register it anew.",
			},
		}))
	}
	for _, v := range rates {
		if _, ok := task.Taxes[v]; !ok {
			all = append(all, p.report(op, wrongRate(v)))
		}
	}
	return errors.Join(all...)
}

func wrongRate(v sale.VAT) error {
	return &drivers.Error{
		Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone, Err: fmt.Errorf("VAT rate %d: the format knows no such rate", v),
		Hint: drivers.Hint{
			RU: fmt.Sprintf("Ставка НДС № %d: такой ставки нет в формате ФФД. Исправьте карточку товара.", v),
			EN: fmt.Sprintf("VAT rate %d: the format knows no such rate. Correct the article.", v),
		},
	}
}
