package agent

import (
	"context"
	"errors"
	"slices"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// registerLine says over what the register is spoken to.
func (e *examination) registerLine() {
	r := e.Config.Register
	if e.Moved != nil {
		if at := e.Moved(); at != "" {
			e.warn("register", "", say("Касса № %[1]s найдена на %[2]s, а в настройках %[3]s: впишите новый порт", "Register no. %[1]s was found at %[2]s, the config says %[3]s: put the new port in", r.Serial, at, r.Port))
			return
		}
	}
	e.ok("register", say("Протокол %[1]s, порт %[2]s", "Protocol %[1]s, port %[2]s", r.Type, r.Port))
	if r.Serial == "" {
		return
	}
	e.ok("register", say("Номер кассы тот, что в настройках: %s", "The register's number is the config's: %s", r.Serial))
}

// storage is about the fiscal storage's life.
func (e *examination) storage(ctx context.Context, p drivers.Printer, seen registerState) {
	teller, ok := p.(drivers.StorageTeller)
	if !ok {
		return
	}
	s, err := teller.Storage(ctx)
	if err != nil {
		e.warn("register", "", orHint(err, say("Касса не говорит о своём накопителе: %v", "The register tells nothing of its fiscal storage: %v", err)))
		return
	}
	if seen.status.Oldest.IsZero() {
		e.unsent(s.Unsent, s.Oldest)
	}
	e.storageLife(s)
}

func (e *examination) storageLife(s drivers.Storage) {
	if s.Expires.IsZero() {
		e.warn("register", "", say("Когда кончается срок накопителя %[1]s, касса этого типа не говорит: посмотрите в отчёте о регистрации или в кабинете ОФД", "A register of this type does not tell when fiscal storage %[1]s expires: look at the registration report or in the operator's web account", s.FN))
		return
	}
	day := s.Expires.Format("02.01.2006")
	switch left := s.Expires.Sub(e.wallHere()); {
	case left < 0:
		e.expired = true
		ending := registerText(registerState{online: true, status: drivers.Status{Conditions: drivers.StorageEnding}})
		e.findings = slices.DeleteFunc(e.findings, func(f Finding) bool { return f.Subject == "register" && f.Text == *ending }) // it has ended
		e.bad("register", "", say("Срок накопителя %[1]s кончился %[2]s: замените накопитель", "Fiscal storage %[1]s expired on %[2]s: have it replaced", s.FN, day))
	case left < fnWarning:
		e.warn("register", "", say("Срок накопителя %[1]s кончается %[2]s: закажите новый", "Fiscal storage %[1]s expires on %[2]s: order a new one", s.FN, day))
	default:
		e.ok("register", say("Накопитель %[1]s служит до %[2]s, ФФД %[3]s", "Fiscal storage %[1]s serves until %[2]s, FFD %[3]s", s.FN, day, orWord(s.FFD, "?")))
	}
}

func orWord(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// orHint is the device's own advice, where it has any.
func orHint(err error, text Text) Text {
	if hint := drivers.HintOf(err); hint.EN != "" {
		return hint
	}
	return text
}

// ratesOf are those that a shop of a tax system sells by; rarer ones are compared when they are first sold.
func ratesOf(tax drivers.TaxSystem) []sale.VAT {
	if tax == drivers.TaxOSN {
		return []sale.VAT{sale.VAT22, sale.VAT10}
	}
	return []sale.VAT{sale.VATNone}
}

// preflight compares the register's tables with what will be sold.
func (e *examination) preflight(ctx context.Context, p drivers.Printer) {
	f, ok := p.(drivers.Preflighter)
	if !ok {
		return
	}
	tax := Taxes[e.Config.Register.Tax]
	err := f.Preflight(ctx, tax, ratesOf(tax))
	if err == nil {
		e.ok("register", say("Ставки НДС и система налогов в кассе те, что нужны", "The register's VAT rates and tax system are as needed"))
		return
	}
	for _, one := range leaves(err) {
		if e.expired && drivers.FailOf(one) == drivers.FailStorage {
			continue // said already
		}
		e.bad("register", "", orHint(one, say("Таблицы кассы не подходят: %v", "The register's tables do not fit: %v", one)))
	}
}

// printer examines the receipt printer beside the register.
func (e *examination) printer(ctx context.Context) {
	if e.view != nil {
		e.deviceSeen("printer", e.view.Printer, say("Принтер чеков на связи", "The receipt printer is there"))
		return
	}
	if e.Printer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	p, err := e.Printer(ctx)
	if err != nil {
		e.deviceGone("printer", e.Config.Printer.Port, err)
		return
	}
	s, err := p.Status(ctx)
	if err = errors.Join(err, p.Close()); err != nil {
		e.deviceGone("printer", e.Config.Printer.Port, err)
		return
	}
	switch {
	case s.Has(drivers.CoverOpen):
		e.bad("printer", "", say("Крышка принтера чеков открыта: закройте её", "The receipt printer's cover is open: close it"))
	case s.Has(drivers.PaperOut):
		e.bad("printer", "", say("В принтере чеков нет бумаги: вставьте рулон", "The receipt printer is out of paper: put a roll in"))
	case s.Has(drivers.Fault):
		e.bad("printer", "", say("Принтер чеков неисправен (%s): выключите и включите его", "The receipt printer is out of order (%s): switch it off and on", s.Mode))
	case s.Has(drivers.PaperNear):
		e.warn("printer", "", say("В принтере чеков кончается бумага", "The receipt printer's paper is near its end"))
	default:
		e.ok("printer", say("Принтер чеков отвечает, ширина %d знаков. Кодировку покажет kopilka-agent doctor print", "The receipt printer answers, %d characters wide. Its code page is shown by kopilka-agent doctor print", p.Width()))
	}
}
