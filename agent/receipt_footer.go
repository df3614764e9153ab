package agent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// What a receipt says of the loyalty programme, below its total. Registers print narrow rolls in character
// sets of their own, so lines are short and use letters, digits and plain signs only.

const (
	// paperWidth is what the narrowest roll (57 mm) takes in the usual font.
	paperWidth = 32
	// footerLinesMax keeps a receipt with many promotions from growing by a hand's length.
	footerLinesMax = 24
)

// footer is of the sale that is about to be printed, so the page's own basket tells the rest.
func (t *Till) footer(s *sale.Sale) (out []string) {
	add := func(ru, en string, args ...any) { out = append(out, toPaper(fmt.Sprintf(t.say(ru, en), args...))...) }
	for _, a := range s.Applied {
		name := t.rulebook().promotion(a.Promotion)
		switch {
		case a.Discount != 0:
			add("%s: -%s", "%s: -%s", t.say(name.RU, name.EN), a.Discount)
		case a.Points != 0:
			add("%s: +%s баллов", "%s: +%s points", t.say(name.RU, name.EN), a.Points)
		}
	}
	out = append(out, t.certificateLines()...)
	if c := t.desk.sale.customer; c != nil && s.Customer == c.No {
		out = append(out, t.customerLines(s, *c)...)
	}
	return out[:min(len(out), footerLinesMax)]
}

// certificateLines say what each certificate keeps.
func (t *Till) certificateLines() (out []string) {
	pays, _ := t.certificatePays()
	for i, x := range t.desk.sale.certificates {
		if pays[i] > 0 {
			out = append(out, toPaper(fmt.Sprintf(t.say("Сертификат %s: осталось %s", "Certificate %s: %s left"), x.customer.Name, x.customer.Balance-pays[i].AsPoints()))...)
		}
	}
	return out
}

func (t *Till) customerLines(s *sale.Sale, c sale.Customer) (out []string) {
	add := func(ru, en string, args ...any) { out = append(out, toPaper(fmt.Sprintf(t.say(ru, en), args...))...) }
	if c.Name != "" {
		add("Покупатель: %s", "Customer: %s", c.Name)
	}
	if s.Redeemed != 0 {
		add("Списано баллов: %s", "Points redeemed: %s", s.Redeemed)
	}
	if s.Earned != 0 {
		add("Начислено баллов: %s", "Points earned: %s", s.Earned)
	}
	out = append(out, t.purseLines(s, c)...)
	if !t.rules.PrintBalance {
		return out
	}
	if p := t.programme(); p == nil || p.Policy != loyalty.PolicyDiscount {
		add("Баланс: %s", "Balance: %s", c.Balance-s.Redeemed+s.Earned)
	}
	after := c
	after.Progress.Spend += s.Total
	after.Progress.Receipts++
	if text := t.progressText(after); text != nil {
		add("%s", "%s", t.say(text.RU, text.EN))
	}
	if e := c.Expiring; e.Amount > s.Redeemed && e.At > t.now() { // what was redeemed came from the nearest to expire
		add("Сгорят %[2]s: %[1]s", "Expire on %[3]s: %[1]s", e.Amount-s.Redeemed, russianDate(t.day(e.At)), t.day(e.At))
	}
	return out
}

func (t *Till) day(at sale.Time) sale.Date { return sale.DateOf(at, t.shop.zone) }

// purseLines say what the receipt did to stamps, tickets and partners' points.
func (t *Till) purseLines(s *sale.Sale, c sale.Customer) (out []string) {
	for _, p := range t.rulebook().purses() {
		paid, earned := moved(s, p.No)
		if paid == 0 && earned == 0 {
			continue
		}
		line := t.say(p.RU, p.EN) + ":"
		if paid != 0 {
			line += " -" + paid.String()
		}
		if earned != 0 {
			line += " +" + earned.String()
		}
		line += fmt.Sprintf(t.say(", всего %s", ", %s in all"), amountIn(c.Purses, p.No)-paid+earned)
		out = append(out, toPaper(line)...)
	}
	return out
}

// moved is what a sale took out of a purse and put into it.
func moved(s *sale.Sale, purse sale.PurseNo) (paid, earned sale.Points) {
	for _, l := range s.Lines {
		paid += amountIn(l.Paid, purse)
		earned += amountIn(l.Extra, purse)
	}
	return paid, earned
}

// plainSigns are what registers' character sets lack.
var plainSigns = strings.NewReplacer("₽", "р.", "«", "\"", "»", "\"", "“", "\"", "”", "\"", "„", "\"", "—", "-", "–", "-", "−", "-", "…", "...", "\u00a0", " ", "\u2009", " ", "№", "N", "×", "x")

// toPaper makes a text into lines that any register prints.
func toPaper(text string) (out []string) {
	words := strings.Fields(strings.Map(printable, plainSigns.Replace(text)))
	line := ""
	for _, w := range words {
		for len([]rune(w)) > paperWidth { // a word wider than the roll is cut
			if line != "" {
				out, line = append(out, line), ""
			}
			r := []rune(w)
			out, w = append(out, string(r[:paperWidth])), string(r[paperWidth:])
		}
		if line != "" && len([]rune(line))+1+len([]rune(w)) > paperWidth {
			out, line = append(out, line), ""
		}
		line = strings.TrimPrefix(line+" "+w, " ")
	}
	if line != "" {
		out = append(out, line)
	}
	return slices.Clip(out)
}

// printable keeps ASCII and the Russian letters; anything else is printed as a question mark.
func printable(r rune) rune {
	switch {
	case r >= ' ' && r < 0x7f, r >= 'А' && r <= 'я', r == 'ё', r == 'Ё':
		return r
	case r < ' ':
		return ' '
	}
	return '?'
}
