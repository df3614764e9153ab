package loyalty

import (
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// The codes of rules. They are written into records, so a code never changes its meaning.
//
// On a receipt: what was reckoned, from what base, what limited it. A receipt's Redeemable is the least
// of redeem.cap, redeem.floor and redeem.spendable, less redeem.step; its Earned is tier.earn less
// round.earn; its Discount is tier.discount.
// On a line: why the line got less than its share.
const (
	RuleTierUnknown     = "tier.unknown"     // amount: the tier's number
	RuleTierDiscount    = "tier.discount"    // amount: kopecks off; detail: tier, rate, of
	RuleTierEarn        = "tier.earn"        // amount: hundredths before rounding; detail: tier, rate, of
	RuleRoundEarn       = "round.earn"       // amount: hundredths dropped; detail: step
	RuleRedeemCap       = "redeem.cap"       // amount: hundredths that the tier allows; detail: tier, rate, of
	RuleRedeemFloor     = "redeem.floor"     // amount: hundredths that the lines' floors leave room for
	RuleRedeemSpendable = "redeem.spendable" // amount: hundredths that the customer can spend here and now
	RuleRedeemStep      = "redeem.step"      // amount: hundredths dropped from the redeemable; detail: step
	RuleRedeemLess      = "redeem.less"      // amount: hundredths wanted and not given
	RuleRedeemPolicy    = "redeem.policy"    // the programme takes no points
	RuleRedeemNobody    = "redeem.nobody"    // points wanted, no customer named
	RuleNoProgramme     = "programme.none"   // points wanted, no programme in force
	RuleBlocked         = "customer.blocked" // neither earns nor redeems
	RuleErased          = "customer.erased"  // neither earns nor redeems
	RulePriceFloor      = "price.floor"      // receipt: kopecks of discount refused; line: kopecks it must keep
	RuleNoDiscount      = "product.no-discount"
	RuleNoRedeem        = "product.no-redeem"
	RuleNoEarn          = "product.no-earn"
	RuleRoundMove       = "round.move" // line: kopecks its net was moved by, so that one price gives a weight's sum
)

// texts are what people read; {money} and {points} are the amount, other names come from the detail.
var texts = map[string]struct{ ru, en string }{
	RuleTierUnknown:     {"Уровень {n} в программе не найден, применён базовый", "Tier {n} is not in the programme, the base tier was used"},
	RuleTierDiscount:    {"Скидка уровня {tier}: {rate} от {of} ₽ — {money} ₽", "Discount of tier {tier}: {rate} of {of} is {money}"},
	RuleTierEarn:        {"Начислено баллов по уровню {tier}: {rate} от {of} ₽ = {points}", "Accrual of tier {tier}: {rate} of {of} is {points} points"},
	RuleRoundEarn:       {"Начисление округлено вниз до {step}: −{points}", "Accrual rounded down to {step}: −{points} points"},
	RuleRedeemCap:       {"Баллами можно оплатить до {rate} от {of} ₽ = {points}", "Points may pay up to {rate} of {of}: {points} points"},
	RuleRedeemFloor:     {"Минимальные цены товаров оставляют баллам не больше {points}", "Minimum prices leave room for {points} points at most"},
	RuleRedeemSpendable: {"Сейчас на этой кассе доступно баллов: {points}", "{points} points can be spent at this till now"},
	RuleRedeemStep:      {"Баллы списываются по {step}: −{points}", "Points are taken in steps of {step}: −{points} points"},
	RuleRedeemLess:      {"Просили больше, чем можно, на баллов: {points}", "{points} points fewer than asked were taken"},
	RuleRedeemPolicy:    {"Программа даёт скидку и баллы не принимает", "The programme gives a discount and takes no points"},
	RuleRedeemNobody:    {"Покупатель не назван, баллы списать нельзя", "No customer is named, points cannot be taken"},
	RuleNoProgramme:     {"Программа лояльности не действует", "No loyalty programme is in force"},
	RuleBlocked:         {"Покупатель заблокирован: баллы не начисляются и не списываются", "The customer is blocked: no points are earned or taken"},
	RuleErased:          {"Данные покупателя удалены: баллы не начисляются и не списываются", "The customer's data are erased: no points are earned or taken"},
	RulePriceFloor:      {"Минимальная цена: {money} ₽", "Minimum price: {money}"},
	RuleNoDiscount:      {"На этот товар скидка не действует", "This product takes no discount"},
	RuleNoRedeem:        {"За этот товар нельзя платить баллами", "Points may not pay for this product"},
	RuleNoEarn:          {"За этот товар баллы не начисляются", "This product earns no points"},
	RuleRoundMove:       {"Перенос копеек между строками чека: {money} ₽", "Kopecks moved between lines of the receipt: {money}"},
}

// ReasonText is a reason as a sentence, in Russian ("ru") or else English. A code that this version
// does not know is shown as it stands.
func ReasonText(r sale.Reason, lang string) string {
	t, known := texts[r.Rule]
	if !known {
		return strings.TrimSpace(fmt.Sprintf("%s %d %s", r.Rule, r.Amount, r.Detail))
	}
	amount := func(s string) string { return s }
	if lang == "ru" {
		amount = func(s string) string { return strings.ReplaceAll(s, ".", ",") } // the decimal comma
	}
	pairs := []string{"{money}", amount(sale.Money(r.Amount).String()), "{points}", amount(sale.Points(r.Amount).String()), "{n}", fmt.Sprint(r.Amount)}
	for _, field := range strings.Fields(r.Detail) {
		if name, value, ok := strings.Cut(field, "="); ok {
			pairs = append(pairs, "{"+name+"}", amount(value))
		}
	}
	text := t.en
	if lang == "ru" {
		text = t.ru
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// rated is the reason of a percentage of a base.
func rated(rule string, amount int64, t Tier, rate sale.BasisPoints, of sale.Money) sale.Reason {
	return sale.Reason{Rule: rule, Amount: amount, Detail: fmt.Sprintf("tier=%d rate=%s of=%s", t.No, rate, of)}
}

func stepped(rule string, amount, step sale.Points) sale.Reason {
	return sale.Reason{Rule: rule, Amount: int64(amount), Detail: "step=" + step.String()}
}
