package loyalty

import (
	"errors"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Buyer is what a quote needs to know of a customer.
type Buyer struct {
	No        sale.CustomerNo
	Tier      uint16
	State     sale.CustomerState
	Spendable sale.Points // here and now: what the till holds on lease

	Segment  uint8
	Bought   uint32             // receipts so far, as far as the till knows
	Staff    sale.StaffNo       // a member of staff's own card
	Uses     []sale.PromoUse    // of promotions limited per customer
	Purses   []sale.PurseAmount // spendable here and now, beside the points
	NoRedeem string             // a rule's code, where points must not be spent: how they were named, a fraud rule
}

// Claim is a promo code shown at the till and found to be genuine.
type Claim struct {
	Campaign uint32
	Key      sale.LookupKey
	Owner    sale.CustomerNo // of a personal code
}

// RedeemAll asks for as many points as the rules allow.
const RedeemAll sale.Points = -1

// Request is a basket to be reckoned. Buyer is nil for a sale to nobody in particular.
type Request struct {
	Lines  []sale.Line
	Buyer  *Buyer
	Redeem sale.Points // wanted; more than allowed is cut down with a reason
	At     sale.Time

	Zone    *time.Location // of the store; nil is UTC
	Store   sale.StoreNo
	Cashier sale.StaffNo
	Claims  []Claim
	Wishes  []sale.PurseAmount // to spend from partners' purses; more than allowed is cut down with a reason

	// Own: the cashier's own purchase, though a rule may keep the Buyer off the receipt. It brings no reward.
	Own bool
}

// Quote is a reckoned basket, ready to be a sale: Gross − Discount − Redeemed is Total, and every sum
// is exactly the sum of its lines.
type Quote struct {
	Programme  uint32          `json:"programme"` // version; zero without one
	Lines      []sale.SoldLine `json:"lines"`
	Gross      sale.Money      `json:"gross"`
	Discount   sale.Money      `json:"discount"`
	Total      sale.Money      `json:"total"`
	Redeemed   sale.Points     `json:"redeemed"`   // of the goods, and of gifts their points price
	Redeemable sale.Points     `json:"redeemable"` // the most that points could pay for, beside the gifts
	Earned     sale.Points     `json:"earned"`
	Reasons    []sale.Reason   `json:"reasons,omitempty"`

	Reward  sale.Points        `json:"reward,omitempty"` // the cashier's
	Applied []sale.Applied     `json:"applied,omitempty"`
	Codes   []sale.CodeUse     `json:"codes,omitempty"`   // that gave something
	Paid    []sale.PurseAmount `json:"paid,omitempty"`    // from other purses, as on the lines
	Payable []sale.PurseAmount `json:"payable,omitempty"` // the most that a partner's purses could pay
}

// ErrBasket is wrapped by every refusal of a request.
var ErrBasket = errors.New("basket")
