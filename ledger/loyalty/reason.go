package loyalty

import (
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// The codes of rules. They are written into records, so a code never changes its meaning.
//
// On a receipt: what was reckoned, from what base, what limited it. A receipt's Redeemable is the least
// of redeem.cap, redeem.floor, redeem.goods and redeem.spendable, less redeem.step. Its Earned is
// tier.earn and promo.earn-… and promo.points, less round.earn. Its Discount is tier.discount and the
// money of promo.percent, promo.amount, promo.gift, promo.nth and promo.stamps, gift.off and purse.paid.
// On a line: what a promotion or purse took off it, and why the line got less than its share.
const (
	RuleTierUnknown     = "tier.unknown"     // amount: the tier's number
	RuleTierDiscount    = "tier.discount"    // amount: kopecks off; detail: tier, rate, of
	RuleTierEarn        = "tier.earn"        // amount: hundredths before rounding; detail: tier, rate, of
	RuleRoundEarn       = "round.earn"       // amount: hundredths dropped; detail: step
	RuleEarnMax         = "earn.max"         // line: kopecks; it earns no more points than the money paid for it
	RuleEarnBarred      = "earn.barred"      // line: a promotion gives no points on these goods
	RuleRedeemCap       = "redeem.cap"       // amount: hundredths that the tier allows; detail: tier, rate, of
	RuleRedeemFloor     = "redeem.floor"     // amount: hundredths that the lines' floors leave room for
	RuleRedeemGoods     = "redeem.goods"     // amount: hundredths that caps on goods leave room for
	RuleRedeemSpendable = "redeem.spendable" // amount: hundredths that the customer can spend here and now
	RuleRedeemStep      = "redeem.step"      // amount: hundredths dropped from the redeemable; detail: step
	RuleRedeemLess      = "redeem.less"      // amount: hundredths wanted and not given
	RuleRedeemPolicy    = "redeem.policy"    // the programme takes no points
	RuleRedeemNobody    = "redeem.nobody"    // points wanted, no customer named
	RuleRedeemRefused   = "redeem.refused"   // amount: hundredths wanted; detail: why, a rule's code
	RuleNoProgramme     = "programme.none"   // points wanted, no programme in force
	RuleBlocked         = "customer.blocked" // neither earns nor redeems
	RuleErased          = "customer.erased"  // neither earns nor redeems
	RulePriceFloor      = "price.floor"      // receipt: kopecks of discount refused; line: kopecks it must keep
	RuleGoodsCap        = "goods.cap"        // line: kopecks that a cap on these goods lets points pay
	RuleNoDiscount      = "product.no-discount"
	RuleNoRedeem        = "product.no-redeem"
	RuleNoEarn          = "product.no-earn"
	RuleRoundMove       = "round.move" // line: kopecks its net was moved by, so that one price gives a weight's sum
	RuleRoundMark       = "round.mark" // line: the same of marked goods, whose code allows one price alone; no other line gives it
)

// The codes of promotions, codes, gifts and purses. Detail begins with promo, campaign or purse, and its
// number. Money stands on the receipt and, a line's share, on the lines.
const (
	RulePromoPercent = "promo.percent"    // kopecks off; detail: rate, of
	RulePromoAmount  = "promo.amount"     // kopecks off
	RulePromoGift    = "promo.gift"       // kopecks off goods that go with others
	RulePromoNth     = "promo.nth"        // kopecks off every Nth piece
	RulePromoStamps  = "promo.stamps"     // kopecks off a piece that stamps paid; detail: stamps
	RulePromoLimit   = "promo.limit"      // amount: times the customer had it; no more
	RuleGiftDue      = "promo.gift-due"   // the gift is due and does not lie in the basket; detail: sku
	RuleEarnTimes    = "promo.earn-times" // hundredths more (or fewer); detail: rate
	RuleEarnExtra    = "promo.earn-extra" // hundredths more; detail: rate
	RuleEarnPoints   = "promo.points"     // hundredths more
	RuleStamps       = "purse.stamps"     // hundredths of a stamp earned; detail: promo, purse
	RuleTickets      = "purse.tickets"    // hundredths of a draw ticket earned; detail: promo, purse
	RulePromoPurse   = "purse.earn"       // hundredths of a partner's points earned; detail: promo, purse
	RulePursePaid    = "purse.paid"       // kopecks that a partner's points paid
	RulePurseLess    = "purse.less"       // hundredths of a partner's points wanted and not taken
	RulePurseUnknown = "purse.unknown"    // hundredths wanted of a purse that pays for nothing
	RuleStackBest    = "stack.best"       // amount: promotions of one group; the best for the customer was found by trying
	RuleStackFirst   = "stack.priority"   // amount: promotions of one group; the highest priority was taken
	RuleCodeUsed     = "code.used"        // detail: campaign, promo
	RuleCodeNothing  = "code.nothing"     // genuine, but nothing in the basket for it; it stays unused
	RuleCodeUnknown  = "code.unknown"     // of a campaign that the programme does not have
	RuleCodeDate     = "code.date"        // not now
	RuleCodeNobody   = "code.nobody"      // needs a customer
	RuleCodeOwner    = "code.owner"       // another customer's
	RuleCodeTwice    = "code.twice"       // the campaign has a code on this receipt already
	RuleCodeLimit    = "code.limit"       // the customer had the campaign's codes as often as they may
	RuleGiftPoints   = "gift.points"      // hundredths that a gift cost; detail: price
	RuleGiftOff      = "gift.off"         // kopecks off a gift beside its points
	RuleReward       = "cashier.reward"   // hundredths; detail: rate, of
	RuleRewardOwn    = "cashier.own"      // none on one's own purchase
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
	RuleRoundMark:       {"Копейки ради одной цены у товара с маркировкой: {money} ₽", "Kopecks for one price on marked goods: {money}"},
	RuleRoundMove:       {"Перенос копеек между строками чека: {money} ₽", "Kopecks moved between lines of the receipt: {money}"},
	RuleEarnMax:         {"Баллов за товар не больше, чем за него заплачено: {money}", "No more points on a product than was paid for it: {money}"},
	RuleEarnBarred:      {"По условиям акции баллы за этот товар не начисляются", "By a promotion's terms this product earns no points"},
	RuleRedeemGoods:     {"Ограничения по товарам оставляют баллам не больше {points}", "Caps on goods leave room for {points} points at most"},
	RuleRedeemRefused:   {"В этом чеке баллы не списываются (правило {why})", "Points are not spent on this receipt (rule {why})"},
	RuleGoodsCap:        {"Баллами за этот товар можно оплатить не больше {money} ₽", "Points may pay {money} of this product at most"},
	RulePromoPercent:    {"Акция {promo}: скидка {money} ₽", "Promotion {promo}: {money} off"},
	RulePromoAmount:     {"Акция {promo}: скидка {money} ₽", "Promotion {promo}: {money} off"},
	RulePromoGift:       {"Акция {promo}: подарок, скидка {money} ₽", "Promotion {promo}: a gift, {money} off"},
	RulePromoNth:        {"Акция {promo}: товар в подарок за количество, скидка {money} ₽", "Promotion {promo}: a piece free for the number bought, {money} off"},
	RulePromoStamps:     {"Акция {promo}: оплачено наклейками, скидка {money} ₽", "Promotion {promo}: paid with stamps, {money} off"},
	RulePromoLimit:      {"Акция {promo}: покупатель уже воспользовался ею, раз: {n}", "Promotion {promo}: the customer has had it already, times: {n}"},
	RuleGiftDue:         {"Акция {promo}: положен подарок, отсканируйте товар {sku}", "Promotion {promo}: a gift is due, scan product {sku}"},
	RuleEarnTimes:       {"Акция {promo}: начисление с коэффициентом {rate}: {points}", "Promotion {promo}: accrual times {rate}: {points} points"},
	RuleEarnExtra:       {"Акция {promo}: ещё {rate} баллами: {points}", "Promotion {promo}: {rate} more in points: {points}"},
	RuleEarnPoints:      {"Акция {promo}: подарено баллов: {points}", "Promotion {promo}: {points} points given"},
	RuleStamps:          {"Акция {promo}: начислено наклеек: {points}", "Promotion {promo}: {points} stamps earned"},
	RuleTickets:         {"Акция {promo}: начислено билетов розыгрыша: {points}", "Promotion {promo}: {points} draw tickets earned"},
	RulePromoPurse:      {"Акция {promo}: начислено баллов партнёра: {points}", "Promotion {promo}: {points} of a partner's points earned"},
	RulePursePaid:       {"Оплачено баллами партнёра (кошелёк {purse}): {money} ₽", "Paid with a partner's points (purse {purse}): {money}"},
	RulePurseLess:       {"Просили больше, чем можно, баллов партнёра (кошелёк {purse}): {points}", "{points} of a partner's points fewer than asked were taken (purse {purse})"},
	RulePurseUnknown:    {"Из кошелька {purse} платить нельзя: {points}", "Purse {purse} pays for nothing: {points}"},
	RuleStackBest:       {"Из взаимоисключающих акций ({n}) выбрана самая выгодная покупателю: {promo}", "Of {n} promotions that exclude each other, the best for the customer: {promo}"},
	RuleStackFirst:      {"Из взаимоисключающих акций ({n}) выбрана первая по приоритету: {promo}", "Of {n} promotions that exclude each other, the first by priority: {promo}"},
	RuleCodeUsed:        {"Промокод принят (кампания {campaign}, акция {promo})", "The code was taken (campaign {campaign}, promotion {promo})"},
	RuleCodeNothing:     {"Промокод подлинный, но товаров для него в чеке нет; он не потрачен (кампания {campaign})", "The code is genuine, but nothing here is for it; it stays unused (campaign {campaign})"},
	RuleCodeUnknown:     {"Такой кампании промокодов здесь нет ({campaign})", "There is no such campaign of codes here ({campaign})"},
	RuleCodeDate:        {"Промокод сегодня не действует (кампания {campaign})", "The code does not hold today (campaign {campaign})"},
	RuleCodeNobody:      {"Для промокода нужно назвать покупателя (кампания {campaign})", "The code needs a customer to be named (campaign {campaign})"},
	RuleCodeOwner:       {"Промокод выдан на другую карту (кампания {campaign})", "The code was given to another card (campaign {campaign})"},
	RuleCodeTwice:       {"Промокод этой кампании в чеке уже есть ({campaign})", "A code of this campaign is on the receipt already ({campaign})"},
	RuleCodeLimit:       {"Промокоды этой кампании уже использованы, сколько можно ({campaign})", "Codes of this campaign were used as often as they may be ({campaign})"},
	RuleGiftPoints:      {"Подарок за баллы: {points}", "A gift for points: {points}"},
	RuleGiftOff:         {"Скидка на подарок сверх баллов: {money} ₽", "Off the gift beside its points: {money}"},
	RuleReward:          {"Вознаграждение кассира: {rate} от {of} ₽ = {points}", "The cashier's reward: {rate} of {of} is {points}"},
	RuleRewardOwn:       {"За собственную покупку вознаграждения нет", "No reward for one's own purchase"},
}

// ReasonText is a reason as a sentence, in Russian ("ru") or else English. A code that this version
// does not know is shown as it stands.
func ReasonText(r sale.Reason, lang string) string {
	t, known := texts[r.Rule]
	if !known {
		t, known = rewardTexts[r.Rule]
	}
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
