package storage

import (
	"encoding/binary"
	"time"

	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/ledger/sale"
)

// qtyPlaces is how many decimals a quantity has in tag 1023 here; qtyScale turns millionths into them.
const (
	qtyPlaces = 3
	qtyScale  = 1000
)

// paymentTags are the sums of a receipt by how they were paid.
var paymentTags = map[sale.TenderKind]uint16{
	sale.TenderCash: ffd.TagCash, sale.TenderCard: ffd.TagCashless, sale.TenderAdvance: ffd.TagAdvance,
	sale.TenderCredit: ffd.TagCredit, sale.TenderCounter: ffd.TagCounter,
}

// TLV is the document as the archive gives it out: tagged values, those that were sent for it included.
func (d Document) TLV() []byte {
	out := ffd.AppendTLV(nil, ffd.TagFD, u32(d.FD))
	out = ffd.AppendTLV(out, ffd.TagTime, u32(uint32(d.At.Unix())))
	out = ffd.AppendTLV(out, ffd.TagFiscalSign, u32(d.Sign))
	out = ffd.AppendTLV(out, ffd.TagShift, u32(d.Shift))
	if receiptLike(d.Type) {
		out = d.appendReceipt(out)
	}
	for _, t := range d.Tags {
		out = ffd.AppendTLV(out, t.Tag, t.Value)
	}
	return out
}

func (d Document) appendReceipt(out []byte) []byte {
	out = ffd.AppendTLV(out, ffd.TagReceipt, u32(d.Receipt))
	out = ffd.AppendTLV(out, ffd.TagSign, []byte{d.Op})
	out = ffd.AppendTLV(out, ffd.TagTotal, money(d.Sum))
	out = ffd.AppendTLV(out, ffd.TagTaxSystem, []byte{d.Tax})
	for _, l := range d.Lines {
		out = ffd.AppendTLV(out, ffd.TagPosition, l.tlv())
	}
	sums := map[sale.TenderKind]sale.Money{}
	for _, p := range d.Payments {
		sums[p.Tender] += p.Sum
	}
	sums[sale.TenderCash] -= d.Change
	for kind := sale.TenderCash; kind <= sale.TenderCounter; kind++ {
		if tag, ok := paymentTags[kind]; ok {
			out = ffd.AppendTLV(out, tag, money(sums[kind]))
		}
	}
	return out
}

func (l Line) tlv() []byte {
	out := ffd.AppendTLV(nil, ffd.TagName, charset.Text866(l.Name, ffd.NameBytes))
	out = ffd.AppendTLV(out, ffd.TagPrice, money(l.Price))
	out = ffd.AppendTLV(out, ffd.TagQty, ffd.FVLN(uint64(l.Qty/qtyScale), qtyPlaces))
	out = ffd.AppendTLV(out, ffd.TagSum, money(l.Sum))
	out = ffd.AppendTLV(out, ffd.TagRate, []byte{byte(l.VAT)})
	out = ffd.AppendTLV(out, ffd.TagMethod, []byte{l.Method})
	out = ffd.AppendTLV(out, ffd.TagSubject, []byte{l.Subject})
	for _, t := range l.Tags {
		out = ffd.AppendTLV(out, t.Tag, t.Value)
	}
	return out
}

func u32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

func money(m sale.Money) []byte { return ffd.VLN(uint64(m)) }

// BasisOf reads tags 1173 and 1174 among the tags of a correction.
func BasisOf(tags []Tag) (Basis, bool) {
	var b Basis
	var kind, day bool
	for _, t := range tags {
		switch {
		case t.Tag == ffd.TagCorrectionKind && len(t.Value) == 1:
			b.Prescribed, kind = t.Value[0] == 1, true
		case t.Tag == ffd.TagBasis:
			day = b.read(t.Value)
		}
	}
	return b, kind && day
}

func (b *Basis) read(nested []byte) bool {
	values, err := ffd.ParseTLV(nested)
	if err != nil {
		return false
	}
	day, ok := ffd.Find(values, ffd.TagBasisDay)
	if !ok || len(day) != 4 {
		return false
	}
	b.Day = time.Unix(int64(binary.LittleEndian.Uint32(day)), 0).UTC()
	if number, ok := ffd.Find(values, ffd.TagBasisNumber); ok {
		b.Number = charset.From866(number)
	}
	return true
}
