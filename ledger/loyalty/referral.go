package loyalty

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// The codes of what head office reckons, as reasons of a reward.
const (
	RuleReferralRate    = "referral.rate"    // amount: hundredths deserved; detail: level, rate, of
	RuleReferralFirst   = "referral.first"   // amount: hundredths for a friend's first purchase
	RuleReferralFriend  = "referral.friend"  // amount: hundredths to the friend
	RuleReferralMonth   = "referral.month"   // amount: hundredths that the month's limit held back
	RuleReferralMin     = "referral.min"     // amount: kopecks that a receipt needs to count
	RuleReferralClosed  = "referral.closed"  // the one who brought the friend is blocked, erased or a test
	RuleReferralCycle   = "referral.cycle"   // who brought whom goes in a circle; detail: level
	RuleReferralPending = "referral.pending" // the friend's code is not known yet
	RuleReturned        = "reward.returned"  // amount: hundredths taken back for goods that came back
	RuleGrantWelcome    = "grant.welcome"
	RuleGrantFirst      = "grant.first-purchase"
	RuleGrantBirthday   = "grant.birthday"
	RuleGrantHoliday    = "grant.holiday"
	RuleGrantReview     = "grant.review"
)

// rewardTexts are the sentences of these codes, in the form of texts.
var rewardTexts = map[string]struct{ ru, en string }{
	RuleReferralRate:    {"За покупку друга, уровень {level}: {rate} от {of} ₽ = {points}", "For a friend's purchase, level {level}: {rate} of {of} is {points} points"},
	RuleReferralFirst:   {"За первую покупку друга: {points}", "For a friend's first purchase: {points} points"},
	RuleReferralFriend:  {"За приход по рекомендации: {points}", "For coming on a recommendation: {points} points"},
	RuleReferralMonth:   {"Достигнут предел наград за месяц, не начислено: {points}", "The month's limit is reached, not given: {points} points"},
	RuleReferralMin:     {"Награда положена за чек от {money} ₽", "A reward is due for a receipt of {money} or more"},
	RuleReferralClosed:  {"Счёт рекомендателя сейчас закрыт для начислений", "The account of whoever recommended takes no points now"},
	RuleReferralCycle:   {"Рекомендации замкнулись в круг: за этот уровень награды нет", "Recommendations go in a circle: this level has no reward"},
	RuleReferralPending: {"Ждёт: код рекомендателя ещё не найден", "Pending: the code of whoever recommended is not known yet"},
	RuleReturned:        {"Товары возвращены, награда уменьшена: −{points}", "Goods came back, the reward is less: −{points} points"},
	RuleGrantWelcome:    {"Приветственные баллы: {points}", "Welcome points: {points}"},
	RuleGrantFirst:      {"За первую покупку: {points}", "For the first purchase: {points} points"},
	RuleGrantBirthday:   {"Подарок ко дню рождения: {points}", "Birthday gift: {points} points"},
	RuleGrantHoliday:    {"Подарок к празднику: {points}", "Holiday gift: {points} points"},
	RuleGrantReview:     {"За отзыв: {points}", "For a review: {points} points"},
}

// Link is a customer above a buyer: who brought them, who brought that one, and so on.
type Link struct {
	Customer sale.CustomerNo
	State    sale.CustomerState
}

// Chain walks up from a buyer, as many levels as the programme rewards. cycle tells that it came back to
// somebody who is in it already, the buyer included: there it ends.
func (r Referral) Chain(buyer sale.CustomerNo, by func(sale.CustomerNo) (Link, bool)) (chain []Link, cycle bool) {
	seen := map[sale.CustomerNo]bool{buyer: true}
	at := buyer
	for range max(1, min(len(r.Rates), LevelsMax)) {
		link, ok := by(at)
		if !ok {
			return chain, false
		}
		if seen[link.Customer] {
			return chain, true
		}
		seen[link.Customer] = true
		chain, at = append(chain, link), link.Customer
	}
	return chain, false
}

// Bought is a friend's receipt as it stands: what was paid in money, and what of that has not come back.
type Bought struct{ Total, Kept sale.Money }

// ReferralShare is what one level deserves for a receipt as it stands, before the month's limit. It is
// reckoned anew from what was kept whenever something comes back, so any split of a return ends where one
// whole return does.
type ReferralShare struct {
	Customer sale.CustomerNo
	Level    uint8
	Deserved sale.Points
	Counts   bool // the friend counts as one who has bought
	Reasons  []sale.Reason
}

// Shares are what everybody above a buyer deserves for a receipt, each with its reason, a refusal included.
func (r Referral) Shares(b Bought, chain []Link) []ReferralShare {
	out := make([]ReferralShare, 0, len(chain))
	for i, link := range chain {
		s := ReferralShare{Customer: link.Customer, Level: uint8(i + 1), Counts: b.Kept > 0 && b.Kept >= r.Min}
		switch {
		case !Earns(link.State):
			s.Reasons = []sale.Reason{{Rule: RuleReferralClosed}}
		case b.Total < r.Min:
			s.Reasons = []sale.Reason{{Rule: RuleReferralMin, Amount: int64(r.Min)}}
		case i < len(r.Rates):
			s.Deserved = max(0, b.Kept).Percent(r.Rates[i]).AsPoints()
			s.Reasons = []sale.Reason{{Rule: RuleReferralRate, Amount: int64(s.Deserved), Detail: fmt.Sprintf("level=%d rate=%s of=%s", i+1, r.Rates[i], b.Kept)}}
		}
		out = append(out, s)
	}
	return out
}

// Earns tells whether head office gives points to a customer of this state.
func Earns(s sale.CustomerState) bool { return s == sale.CustomerActive || s == sale.CustomerTest }

// InMonth is what a customer is to have been given for all that their friends bought in a month: what they
// deserve, up to the limit. It is a limit on the sum, so the order in which receipts arrive says nothing.
func (r Referral) InMonth(deserved sale.Points) sale.Points {
	if r.Month == 0 {
		return deserved
	}
	return min(deserved, r.Month)
}

// Qualifies tells whether a receipt makes a friend one who has bought: its kept money reaches the least.
func (r Referral) Qualifies(kept sale.Money) bool { return kept > 0 && kept >= r.Min }

// TakeBack spreads what a reward's owner has to give back: out of what is free of the reward's own lots
// first, in their order; the rest is debt.
func TakeBack(amount sale.Points, free []sale.LotAmount) (parts []sale.LotAmount, debt sale.Points) {
	for _, f := range free {
		if n := min(f.Amount, amount); n > 0 {
			parts = append(parts, sale.LotAmount{Lot: f.Lot, Amount: n})
			amount -= n
		}
	}
	return parts, amount
}
