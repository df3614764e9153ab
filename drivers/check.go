package drivers

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/kopilka/kopilka/ledger/sale"
)

// contactMax is tag 1008. A contact cut short would send the receipt to somebody else.
const contactMax = 64

// extraMax is tag 1192.
const extraMax = 16

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
	case utf8.RuneCountInString(r.Extra) > extraMax:
		return BadReceipt("an extra requisite of %d characters, at most %d", utf8.RuneCountInString(r.Extra), extraMax)
	case utf8.RuneCountInString(r.Contact) > contactMax:
		return badContact(utf8.RuneCountInString(r.Contact))
	}
	return errors.Join(checkLines(r), checkPieces(r), checkTenders(r))
}

// badContact does not repeat the contact: it is personal.
func badContact(letters int) error {
	return &Error{
		Fail: FailRefused, Outcome: OutcomeNotDone, Err: fmt.Errorf("a contact of %d characters, at most %d", letters, contactMax),
		Hint: Hint{
			RU: "Телефон или почта покупателя длиннее 64 знаков. Исправьте или пробейте чек без них.",
			EN: "The buyer's telephone or e-mail is longer than 64 characters. Correct it or print without it.",
		},
	}
}

// CheckCorrection is [CheckReceipt] for a correction receipt.
func CheckCorrection(c Correction, linesMax int) error {
	switch {
	case c.Day.IsZero():
		return BadReceipt("a correction without the day of the settlement")
	case c.Prescribed && c.Number == "":
		return BadReceipt("a prescribed correction without the order's number")
	case utf8.RuneCountInString(c.Number) > orderMax:
		return BadReceipt("an order's number of %d characters, at most %d", utf8.RuneCountInString(c.Number), orderMax)
	}
	return CheckReceipt(c.Receipt, linesMax)
}

// orderMax is tag 1179.
const orderMax = 32

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

// checkPieces refuses a code that stands at two positions: a piece is sold once, and a register that does not look
// signs a receipt which the marking system then finds wrong. Codes are compared as they were read; that two readings
// name one piece is known to who took them in.
func checkPieces(r Receipt) error {
	first := map[string]int{}
	for i, l := range r.Lines {
		if l.Mark == nil {
			continue
		}
		if j, twice := first[l.Mark.Raw]; twice {
			return pieceTwice(j+1, i+1)
		}
		first[l.Mark.Raw] = i
	}
	return nil
}

// pieceTwice names the positions and not the code: whoever has the code has the piece.
func pieceTwice(one, two int) error {
	return &Error{
		Fail: FailRefused, Outcome: OutcomeNotDone, Err: fmt.Errorf("positions %d and %d have one marking code", one, two),
		Hint: Hint{
			RU: fmt.Sprintf("Один и тот же код маркировки стоит в позициях %d и %d. Уберите одну из них или отсканируйте код другой упаковки.", one, two),
			EN: fmt.Sprintf("Positions %d and %d have the same marking code. Take one of them off or scan the code of the other pack.", one, two),
		},
	}
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

// NoExtra refuses an extra requisite, for drivers that cannot write one.
func NoExtra(r Receipt) error {
	if r.Extra == "" {
		return nil
	}
	return BadReceipt("this register's protocol has no extra requisite (tag 1192)")
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
