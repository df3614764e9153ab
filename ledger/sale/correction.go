package sale

import "fmt"

// Correction is a correction receipt (54-FZ, article 4.3): of a settlement for which no receipt was made, or,
// from FFD 1.1 on, of a wrong one. It concerns the tax office alone: no customer, no points, no figures of
// the cashier's day.
type Correction struct {
	No         OperationNo     `cbor:"1,keyasint" json:"no"`
	Of         DocKind         `cbor:"2,keyasint" json:"of"`                             // what is corrected: DocSale or DocSaleReturn
	Prescribed bool            `cbor:"3,keyasint,omitempty" json:"prescribed,omitempty"` // at the tax office's order; else the shop's own
	Day        Date            `cbor:"4,keyasint" json:"day"`                            // of the settlement that is corrected
	Number     string          `cbor:"5,keyasint,omitempty" json:"number,omitempty"`     // of the order
	Reason     string          `cbor:"6,keyasint,omitempty" json:"reason,omitempty"`     // for the shop's own books; it is not fiscal
	Lines      []CorrectedLine `cbor:"7,keyasint" json:"lines"`
	Total      Money           `cbor:"8,keyasint" json:"total"`
	Tenders    []Tender        `cbor:"9,keyasint" json:"tenders"`
}

// CorrectedLine is one position of a correction.
type CorrectedLine struct {
	SKU     SKU     `cbor:"1,keyasint,omitempty" json:"sku,omitempty"`
	Name    string  `cbor:"2,keyasint" json:"name"`
	Code    string  `cbor:"3,keyasint,omitempty" json:"code,omitempty"`
	Part    Part    `cbor:"4,keyasint" json:"part"`
	VAT     VAT     `cbor:"5,keyasint" json:"vat"`
	Subject Subject `cbor:"6,keyasint" json:"subject"`
	Unit    Unit    `cbor:"7,keyasint,omitempty" json:"unit,omitempty"`
	Traits  Traits  `cbor:"8,keyasint,omitempty" json:"traits,omitempty"`
}

// Signed is the total as it changes what was sold: less than zero for a corrected return.
func (c *Correction) Signed() Money {
	if c.Of == DocSaleReturn {
		return -c.Total
	}
	return c.Total
}

func (c *Correction) validate() error {
	if c.Of != DocSale && c.Of != DocSaleReturn {
		return fmt.Errorf("a correction of document kind %d", c.Of)
	}
	if len(c.Lines) == 0 || len(c.Lines) > LinesMax || !c.Day.Valid() {
		return fmt.Errorf("%d lines, want 1 to %d, of day %d", len(c.Lines), LinesMax, c.Day)
	}
	var sum Money
	for i, l := range c.Lines {
		if err := validateParts([]Part{l.Part}, l.Part.Qty, l.Part.Sum); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		sum += l.Part.Sum
	}
	if sum != c.Total {
		return fmt.Errorf("lines add up to %s, the correction says %s", sum, c.Total)
	}
	return validateTenders(c.Tenders, c.Total)
}
