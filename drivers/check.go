package drivers

import (
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// CheckReceipt finds what a device would refuse half way or, worse, accept with another sum: before anything
// is sent. linesMax is what the device holds. The error is a *Error whose outcome is OutcomeNotDone.
func CheckReceipt(r Receipt, linesMax int) error {
	switch {
	case r.Doc < sale.DocSale || r.Doc > sale.DocExpenseReturn:
		return BadReceipt("document kind %d is no receipt", r.Doc)
	case len(r.Lines) == 0 || len(r.Lines) > linesMax:
		return BadReceipt("%d positions, want 1 to %d", len(r.Lines), linesMax)
	case r.Tax == 0 || r.Tax&(r.Tax-1) != 0:
		return BadReceipt("tax system %d is not one bit", r.Tax)
	case r.Total <= 0 || r.Total > sale.MoneyMax:
		return BadReceipt("total %s", r.Total)
	}
	return errors.Join(checkLines(r), checkTenders(r))
}

func checkLines(r Receipt) error {
	var sum sale.Money
	for i, l := range r.Lines {
		want, err := l.Part.Price.Times(l.Part.Qty)
		if err != nil || l.Part.Qty <= 0 || l.Part.Price < 0 || want != l.Part.Sum {
			return BadReceipt("position %d: %s × %s is not %s", i+1, l.Part.Price, l.Part.Qty, l.Part.Sum)
		}
		if l.Mark != nil && (l.Mark.Raw == "" || len(l.Mark.Raw) > sale.CodeBytesMax) {
			return BadReceipt("position %d: a marking code of %d bytes", i+1, len(l.Mark.Raw))
		}
		if sum += l.Part.Sum; sum > sale.MoneyMax {
			return BadReceipt("the positions add up to more than %s", sale.MoneyMax)
		}
	}
	if sum != r.Total {
		return BadReceipt("positions add up to %s, total is %s", sum, r.Total)
	}
	return nil
}

func checkTenders(r Receipt) error {
	var sum, cash sale.Money
	for _, t := range r.Tenders {
		if t.Kind < sale.TenderCash || t.Kind > sale.TenderCounter || t.Amount < 0 || t.Amount > sale.MoneyMax {
			return BadReceipt("tender %d of %s", t.Kind, t.Amount)
		}
		sum += t.Amount
		if t.Kind == sale.TenderCash {
			cash += t.Amount
		}
	}
	switch {
	case sum != r.Total:
		return BadReceipt("tenders add up to %s, total is %s", sum, r.Total)
	case r.Given != 0 && (r.Given < cash || r.Given > sale.MoneyMax):
		return BadReceipt("given %s, cash %s", r.Given, cash)
	case cash == 0 && r.Given > 0:
		return BadReceipt("given %s, but nothing is paid in cash", r.Given)
	}
	return nil
}

// BadReceipt is the refusal of a receipt that no device can print; nothing was sent.
func BadReceipt(format string, args ...any) error {
	return &Error{
		Fail: FailRefused, Outcome: OutcomeNotDone, Err: fmt.Errorf(format, args...),
		Hint: Hint{
			RU: "Чек составлен неверно. Сообщите в поддержку, что пробивали.",
			EN: "The receipt is wrong in itself. Tell support what was being rung up.",
		},
	}
}
