package loyalty

import (
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Policy is what a programme's tiers give.
type Policy uint8

// The policies.
const (
	PolicyPoints   Policy = 1 // customers earn points and pay with them
	PolicyDiscount Policy = 2 // a percentage off by tier; points are neither earned nor taken
	PolicyCombined Policy = 3 // both: the tier's discount first, then points on what is left
)

// String is the name used in JSON.
func (p Policy) String() string {
	switch p {
	case PolicyPoints:
		return "points"
	case PolicyDiscount:
		return "discount"
	case PolicyCombined:
		return "combined"
	}
	return fmt.Sprintf("policy%d", uint8(p))
}

// MarshalText makes policies readable in JSON.
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads "points", "discount" or "combined".
func (p *Policy) UnmarshalText(b []byte) error {
	for _, known := range []Policy{PolicyPoints, PolicyDiscount, PolicyCombined} {
		if string(b) == known.String() {
			*p = known
			return nil
		}
	}
	return fmt.Errorf("%w: policy: want points, discount or combined (got %q)", ErrProgramme, b)
}

// Tier is a level of customers. Tier 0 is everybody's first and the one that an unknown tier falls to.
type Tier struct {
	No        uint16           `cbor:"1,keyasint" json:"no"`
	RU        string           `cbor:"2,keyasint" json:"ru"`
	EN        string           `cbor:"3,keyasint" json:"en"`
	Earn      sale.BasisPoints `cbor:"4,keyasint,omitempty" json:"earn"`      // of the money paid
	Discount  sale.BasisPoints `cbor:"5,keyasint,omitempty" json:"discount"`  // off the price
	RedeemMax sale.BasisPoints `cbor:"6,keyasint,omitempty" json:"redeemMax"` // of the goods that points may pay for
	Need      Need             `cbor:"7,keyasint,omitzero" json:"need,omitzero"`
}

// LotRules are the life of earned points.
type LotRules struct {
	ActivateAfterHours uint32 `cbor:"1,keyasint,omitempty" json:"activateAfterHours"` // zero: at once
	ExpireAfterDays    uint32 `cbor:"2,keyasint,omitempty" json:"expireAfterDays"`    // of 24 hours, from activation; zero: never
}

// Programme is one version of an organisation's rules. It is never changed, only followed by the next
// version; a sale names the version that reckoned it. Versions are numbered over all scopes together.
type Programme struct {
	Version       uint32      `cbor:"1,keyasint" json:"version"` // from 1; a sale's zero means no programme
	EffectiveFrom sale.Time   `cbor:"2,keyasint,omitempty" json:"effectiveFrom"`
	Policy        Policy      `cbor:"3,keyasint" json:"policy"`
	Tiers         []Tier      `cbor:"4,keyasint" json:"tiers"`
	Lots          LotRules    `cbor:"5,keyasint,omitzero" json:"lots"`
	EarnStep      sale.Points `cbor:"6,keyasint" json:"earnStep"`            // a receipt's accrual is rounded down to it: 100 is whole points
	RedeemStep    sale.Points `cbor:"7,keyasint" json:"redeemStep"`          // points are taken in multiples of it
	LineFloor     sale.Money  `cbor:"8,keyasint,omitempty" json:"lineFloor"` // least money that a reduced line keeps; zero lets a line cost nothing

	Day        sale.Date   `cbor:"20,keyasint,omitempty" json:"day,omitempty"` // begins at the store's midnight; instead of EffectiveFrom
	Scope      Scope       `cbor:"21,keyasint,omitzero" json:"scope,omitzero"`
	Withdrawn  bool        `cbor:"22,keyasint,omitempty" json:"withdrawn,omitempty"` // from here on the scope follows the next wider one
	Promotions []Promotion `cbor:"23,keyasint,omitempty" json:"promotions,omitempty"`
	Campaigns  []Campaign  `cbor:"24,keyasint,omitempty" json:"campaigns,omitempty"`
	Caps       []GoodsCap  `cbor:"25,keyasint,omitempty" json:"caps,omitempty"`
	Gifts      []Gift      `cbor:"26,keyasint,omitempty" json:"gifts,omitempty"`
	Purses     []Purse     `cbor:"27,keyasint,omitempty" json:"purses,omitempty"`
	Window     Window      `cbor:"28,keyasint,omitzero" json:"window,omitzero"`
	Referral   Referral    `cbor:"29,keyasint,omitzero" json:"referral,omitzero"`
	Grants     Grants      `cbor:"30,keyasint,omitzero" json:"grants,omitzero"`
	Cashier    Cashier     `cbor:"31,keyasint,omitzero" json:"cashier,omitzero"`
	Watch      Watch       `cbor:"32,keyasint,omitzero" json:"watch,omitzero"`
	Enrolment  Enrolment   `cbor:"33,keyasint,omitzero" json:"enrolment,omitzero"`
	Returns    Returns     `cbor:"34,keyasint,omitzero" json:"returns,omitzero"`
	GraceDays  uint32      `cbor:"35,keyasint,omitempty" json:"graceDays,omitempty"` // after a lot's expiry before it is taken off the books
	// Counter has points that paid stand on the fiscal receipt as counter-provision (tag 1217), each line at its
	// price before points. Without it they lower the lines' prices, as a discount does. Money, points and what is
	// earned are the same either way.
	Counter bool `cbor:"36,keyasint,omitempty" json:"counter,omitempty"`
}

// Limits of a programme.
const (
	ProgrammeBytesMax = 224 << 10 // 200 promotions of a kilobyte each; signed it still fits one Down (wire.DownBytesMax)
	TiersMax          = 64        // more than a person can tell apart
	StepMax           = 1000 * sale.Point
	LineFloorMax      = 1000 * sale.Rouble // above it the floor is a typing error
	ActivateHoursMax  = 366 * 24
	ExpireDaysMax     = 10 * 366
)

// ErrProgramme is wrapped by every refusal of a programme.
var ErrProgramme = errors.New("programme")

// Default is what a new organisation starts with: 3, 5 and 7 % back in whole points that pay for up to
// 30, 40 and 50 % of a receipt, can be spent at once and live for 365 days.
func Default() *Programme {
	return &Programme{
		Version: 1, Policy: PolicyPoints, EarnStep: sale.Point, RedeemStep: sale.Point, LineFloor: 1,
		Lots: LotRules{ExpireAfterDays: 365},
		Tiers: []Tier{
			{No: 0, RU: "Базовый", EN: "Base", Earn: 300, Discount: 300, RedeemMax: 3000},
			{No: 1, RU: "Серебряный", EN: "Silver", Earn: 500, Discount: 500, RedeemMax: 4000},
			{No: 2, RU: "Золотой", EN: "Gold", Earn: 700, Discount: 700, RedeemMax: 5000},
		},
	}
}

// Place is where a programme is asked for.
type Place struct {
	Region string
	Store  sale.StoreNo
	Zone   *time.Location // nil is UTC
}

func (p Place) zone() *time.Location {
	if p.Zone == nil {
		return time.UTC
	}
	return p.Zone
}

// Current is the version in force at a place and moment: the store's own before its region's before
// the organisation's; of each the latest that has begun, of those that begin together the highest. A
// withdrawn one leaves the word to the next wider scope. Nil when none has begun.
func Current(versions []*Programme, at sale.Time, where Place) *Programme {
	scopes := []Scope{{Store: where.Store}, {Region: where.Region}, {}}
	for i, s := range scopes {
		if i < len(scopes)-1 && s == (Scope{}) {
			continue
		}
		if p := currentOf(versions, at, s, where.zone()); p != nil && !p.Withdrawn {
			return p
		}
	}
	return nil
}

func currentOf(versions []*Programme, at sale.Time, scope Scope, zone *time.Location) *Programme {
	var best *Programme
	var from sale.Time
	for _, v := range versions {
		if v == nil || v.Scope != scope {
			continue
		}
		begins := v.Begins(zone)
		if begins > at || (best != nil && (begins < from || (begins == from && v.Version < best.Version))) {
			continue
		}
		best, from = v, begins
	}
	return best
}

// Begins is the moment from which the version holds in a store's zone.
func (p *Programme) Begins(zone *time.Location) sale.Time {
	if p.Day != 0 {
		return p.Day.Start(zone)
	}
	return p.EffectiveFrom
}

// Encode writes the programme as deterministic CBOR, the bytes that are signed.
func (p *Programme) Encode() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return sale.Encode(p)
}

// Decode reads what [Programme.Encode] wrote and refuses what could not reckon a sale.
func Decode(b []byte) (*Programme, error) {
	if len(b) > ProgrammeBytesMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrProgramme, len(b), ProgrammeBytesMax)
	}
	p := new(Programme)
	if err := sale.Decode(b, p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProgramme, err)
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}

// Validate names every problem at once, a line each: "programme: path: problem (got value)".
func (p *Programme) Validate() error {
	var c checker
	c.want(p.Version > 0, "version", "want 1 or more / нужно 1 или больше", p.Version)
	c.want(p.EffectiveFrom >= 0, "effectiveFrom", "want a time since 1970 / нужно время после 1970 года", int64(p.EffectiveFrom))
	c.want(p.Policy >= PolicyPoints && p.Policy <= PolicyCombined, "policy", "want points, discount or combined / нужно points, discount или combined", p.Policy)
	c.want(p.EarnStep > 0 && p.EarnStep <= StepMax, "earnStep", "want 0.01 to 1000 points / нужно от 0.01 до 1000 баллов", p.EarnStep)
	c.want(p.RedeemStep > 0 && p.RedeemStep <= StepMax, "redeemStep", "want 0.01 to 1000 points / нужно от 0.01 до 1000 баллов", p.RedeemStep)
	c.want(p.LineFloor >= 0 && p.LineFloor <= LineFloorMax, "lineFloor", "want 0.00 to 1000.00 / нужно от 0.00 до 1000.00 ₽", p.LineFloor)
	c.lots("lots", p.Lots)
	c.tiers(p.Tiers)
	c.place(p)
	c.promotions(p)
	c.campaigns(p.Campaigns)
	c.caps(p.Caps)
	c.gifts(p)
	c.purses(p.Purses)
	c.mechanics(p)
	return errors.Join(c.problems...)
}

// checker gathers problems, so that whoever wrote the programme mends them in one go.
type checker struct{ problems []error }

func (c *checker) want(ok bool, path, problem string, got any) {
	if !ok {
		c.problems = append(c.problems, fmt.Errorf("%w: %s: %s (got %v)", ErrProgramme, path, problem, got))
	}
}

func (c *checker) tiers(tiers []Tier) {
	c.want(len(tiers) <= TiersMax, "tiers", "want at most 64 / нужно не больше 64", len(tiers))
	seen := make(map[uint16]bool, len(tiers))
	for i, t := range tiers[:min(len(tiers), TiersMax)] {
		at := fmt.Sprintf("tiers[%d].", i)
		c.want(!seen[t.No], at+"no", "want a number that no other tier has / номер занят другим уровнем", t.No)
		seen[t.No] = true
		c.want(t.RU != "" && len(t.RU) <= sale.NameBytesMax, at+"ru", "want a name of 1 to 256 bytes / нужно название от 1 до 256 байт", fmt.Sprintf("%d bytes", len(t.RU)))
		c.want(t.EN != "" && len(t.EN) <= sale.NameBytesMax, at+"en", "want a name of 1 to 256 bytes / нужно название от 1 до 256 байт", fmt.Sprintf("%d bytes", len(t.EN)))
		c.percent(at+"earn", t.Earn)
		c.percent(at+"discount", t.Discount)
		c.percent(at+"redeemMax", t.RedeemMax)
	}
	c.want(seen[0], "tiers", "want a tier 0, the one that everybody starts in / нужен уровень 0, с которого начинают все", fmt.Sprintf("%d others", len(tiers)))
}

func (c *checker) percent(path string, bp sale.BasisPoints) {
	c.want(bp >= 0 && bp <= sale.Hundred, path, "want 0 to 100 % / нужно от 0 до 100 %", bp)
}

// tier finds a tier; ok is false when the programme has none of that number.
func (p *Programme) tier(no uint16) (Tier, bool) {
	for _, t := range p.Tiers {
		if t.No == no {
			return t, true
		}
	}
	return Tier{}, false
}
