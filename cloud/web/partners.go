package web

import (
	"context"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Partners are firms that bring customers or pay for points in a purse of their own.
type Partners interface {
	PartnerRows(ctx context.Context, org sale.OrgNo) ([]page.Partner, error)
	// PutPartner changes a partner, or makes one with the next number when its own is zero.
	PutPartner(ctx context.Context, org sale.OrgNo, p page.Partner, by string) (sale.PartnerNo, error)
}

func (s *site) partnerOptions(c *call) ([]option, error) {
	rows, err := s.Partners.PartnerRows(c.ctx(), c.org())
	if err != nil {
		return nil, err
	}
	var out []option
	for _, p := range rows {
		if !p.Gone {
			out = append(out, option{fmt.Sprint(p.No), Text{p.Name, p.Name}})
		}
	}
	return out, nil
}
