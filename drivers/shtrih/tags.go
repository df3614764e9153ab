package shtrih

import (
	"context"
	"strconv"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// documentTags sends what a receipt says beside its positions. The values are never put into an error.
func (p *Printer) documentTags(ctx context.Context, r paper) error {
	values := append(operatorTags(r.Operator), r.basis...)
	values = append(values, textTag(ffd.TagContact, r.Contact, ffd.ContactBytes), textTag(ffd.TagExtra, r.Extra, ffd.ExtraBytes))
	if p.opts.saleKey && r.Key != "" {
		values = append(values, keyTag(r.Key))
	}
	return p.send(ctx, values)
}

// operatorTags name the cashier.
func operatorTags(who drivers.Operator) []ffd.TLV {
	return []ffd.TLV{
		textTag(ffd.TagCashier, who.Name, ffd.CashierBytes), textTag(ffd.TagCashierINN, who.INN, ffd.CashierINNBytes),
	}
}

// textTag is a text in the letters of tagged values, cut to what the tag holds.
func textTag(tag uint16, text string, most int) ffd.TLV {
	return ffd.TLV{Tag: tag, Value: charset.Text866(text, most)}
}

// keyTag names the sale in the journal, so that the archive tells two equal receipts apart.
func keyTag(key string) ffd.TLV {
	return structure(ffd.TagUserRequisite,
		textTag(ffd.TagUserName, ffd.KeyName, ffd.UserNameBytes), textTag(ffd.TagUserValue, key, ffd.UserValueBytes))
}

// permitTag is what the permissive mode answered for a marked piece.
func permitTag(p drivers.Permit) ffd.TLV {
	answer := "UUID=" + p.Request + "&Time=" + strconv.FormatInt(p.At, 10)
	return structure(ffd.TagIndustry,
		textTag(ffd.TagIndustryOffice, ffd.PermitOffice, ffd.IndustryBytes), textTag(ffd.TagIndustryDay, ffd.PermitDay, ffd.IndustryBytes),
		textTag(ffd.TagIndustryNumber, ffd.PermitNumber, ffd.IndustryBytes), textTag(ffd.TagIndustryValue, answer, ffd.IndustryBytes))
}

func structure(tag uint16, values ...ffd.TLV) ffd.TLV {
	var nested []byte
	for _, v := range values {
		nested = ffd.AppendTLV(nested, v.Tag, v.Value)
	}
	return ffd.TLV{Tag: tag, Value: nested}
}

// send gives the storage tagged values of the document in the making, one a command; empty ones are left out.
func (p *Printer) send(ctx context.Context, values []ffd.TLV) error {
	for _, v := range values {
		if len(v.Value) == 0 {
			continue
		}
		if _, err := p.call(ctx, works, frame.CmdFNTag, ffd.AppendTLV(nil, v.Tag, v.Value)...); err != nil {
			return err
		}
	}
	return nil
}

// unit names the measure of the last position where it is not pieces. Registers of FFD 1.05 know no
// such tag and refuse it; the position is whole without it there.
func (p *Printer) unit(ctx context.Context, u sale.Unit) error {
	if u == sale.UnitPiece {
		return nil
	}
	_, err := p.call(ctx, works, frame.CmdOperationTag, ffd.AppendTLV(nil, ffd.TagUnit, []byte{byte(u)})...)
	switch codeIn(err) {
	case codeUnsupported, codeParameters, codeFNCommand, codeFNParameters:
		return nil
	}
	return err
}
