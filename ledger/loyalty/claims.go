package loyalty

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// claimed is a promo code that was shown and may be used.
type claimed struct {
	use  sale.CodeUse
	used bool
}

func campaignName(id uint32) string { return fmt.Sprintf("campaign=%d", id) }

// claim goes through the codes that were shown; what may not be used is said and left alone, so that a
// code that came too early is still good later.
func (r *reckoning) claim() {
	for _, c := range r.request.Claims {
		if rule := r.unclaimable(c); rule != "" {
			r.because(sale.Reason{Rule: rule, Detail: campaignName(c.Campaign)})
			continue
		}
		if r.engine.campaigns[c.Campaign].Kind != CodeAttribution { // which says where a customer comes from, no more
			r.claims = append(r.claims, claimed{use: sale.CodeUse{Campaign: c.Campaign, Key: c.Key}})
		}
	}
}

// unclaimable is the rule that forbids a code; none when it may be used.
func (r *reckoning) unclaimable(c Claim) string {
	campaign := r.engine.campaigns[c.Campaign]
	if campaign == nil {
		return RuleCodeUnknown
	}
	if !(When{From: campaign.From, Until: campaign.Until}).holds(r.now) {
		return RuleCodeDate
	}
	if r.buyer == nil && (campaign.Kind == CodePersonal || campaign.PerCustomer > 0) {
		return RuleCodeNobody
	}
	if campaign.Kind == CodePersonal && (c.Owner == 0 || c.Owner != r.buyer.No) {
		return RuleCodeOwner
	}
	for _, other := range r.claims {
		if other.use.Campaign == c.Campaign {
			return RuleCodeTwice
		}
	}
	if campaign.PerCustomer > 0 && r.campaignUses(c.Campaign) >= campaign.PerCustomer {
		return RuleCodeLimit
	}
	return ""
}

// campaignUses is how often the customer had what a campaign gives, by the promotion had most: a code
// may carry several at once.
func (r *reckoning) campaignUses(campaign uint32) (most uint32) {
	for i := range r.engine.rules {
		if p := &r.engine.rules[i]; p.Campaign == campaign {
			most = max(most, usesOf(r.buyer.Uses, p.ID))
		}
	}
	return most
}

// claimOf finds the code of a campaign; −1 when none was shown that may be used.
func (r *reckoning) claimOf(campaign uint32) int {
	for i := range r.claims {
		if r.claims[i].use.Campaign == campaign {
			return i
		}
	}
	return -1
}

// nothingFor says which codes gave nothing on this receipt; they stay unused.
func (r *reckoning) nothingFor() {
	for _, c := range r.claims {
		if !c.used {
			r.because(sale.Reason{Rule: RuleCodeNothing, Detail: campaignName(c.use.Campaign)})
		}
	}
}
