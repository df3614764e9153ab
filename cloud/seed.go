package cloud

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kopilka/kopilka/cloud/programme"
	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Seed is what an organisation starts with, as a file. Reading it again changes only what differs.
type Seed struct {
	Stores    []store.Shop   `json:"stores"`
	Staff     []SeedMember   `json:"staff"`
	Products  []sale.Product `json:"products"`
	Customers []SeedCustomer `json:"customers"`
	// Programme is published when the organisation has no rules of its own yet: none at all, or only the
	// default ones of its founding. Left out, it is the default one.
	Programme    *loyalty.Programme `json:"programme,omitempty"`
	Codes        []SeedCodes        `json:"codes,omitempty"`
	Certificates []SeedCertificates `json:"certificates,omitempty"`

	made SeedMade
}

// SeedMade is what no seed can say beforehand: the random numbers that applying it has made.
type SeedMade struct {
	Codes        map[uint32][]string `json:"codes"`        // by campaign
	Certificates map[string][]string `json:"certificates"` // by batch
}

// Made is what the Apply before it made anew; nothing of what there was already.
func (s *Seed) Made() SeedMade { return s.made }

// SeedCodes are single-use codes of a campaign, made once: a campaign that has any gets no more.
type SeedCodes struct {
	Campaign uint32 `json:"campaign"`
	Count    int    `json:"count"`
}

// SeedCertificates are gift certificates, issued once for each batch.
type SeedCertificates struct {
	Batch string     `json:"batch"`
	Count int        `json:"count"`
	Worth sale.Money `json:"worth"`
	Days  int        `json:"days,omitempty"` // good for; zero: for ever
}

// SeedMember is a member of staff with the PIN in plain text.
type SeedMember struct {
	No    sale.StaffNo `json:"no"`
	Name  string       `json:"name"`
	INN   string       `json:"inn,omitempty"`
	Role  string       `json:"role"` // "cashier" or "manager"
	PIN   string       `json:"pin"`
	Store sale.StoreNo `json:"store,omitempty"`
}

// SeedCustomer is a customer with an opening balance, found again by number, phone or card.
type SeedCustomer struct {
	No      sale.CustomerNo `json:"no,omitempty"`
	Name    string          `json:"name"`
	Phone   string          `json:"phone,omitempty"`
	Cards   []string        `json:"cards,omitempty"`
	Tier    uint16          `json:"tier,omitempty"`
	Home    sale.StoreNo    `json:"home,omitempty"`
	Balance string          `json:"balance,omitempty"` // points: "1240" or "12.50"

	Staff    sale.StaffNo `json:"staff,omitempty"`    // a member of staff's own card
	Segment  uint8        `json:"segment,omitempty"`  // whose meaning the programme's rules know
	Birthday string       `json:"birthday,omitempty"` // "05-17" or "1990-05-17"
}

// SeedBytesMax bounds a seed file: some hundred thousand customers.
const SeedBytesMax = 64 << 20

// ReadSeed reads a seed; unknown keys are refused, since they are typing errors.
func ReadSeed(r io.Reader) (*Seed, error) {
	d := json.NewDecoder(io.LimitReader(r, SeedBytesMax))
	d.DisallowUnknownFields()
	s := new(Seed)
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("read the seed: %w", err)
	}
	return s, s.Validate()
}

// Validate names every problem at once: "customers[3].phone: problem (got value)".
func (s *Seed) Validate() error {
	var problems []error
	bad := func(path string, i int, field, problem, got string) {
		problems = append(problems, fmt.Errorf("%s[%d].%s: %s (got %q)", path, i, field, problem, got))
	}
	for i, m := range s.Staff {
		if m.Role != "cashier" && m.Role != "manager" {
			bad("staff", i, "role", "want cashier or manager", m.Role)
		}
		if !sale.Digits(m.PIN) || len(m.PIN) < sale.PINDigitsMin || len(m.PIN) > sale.PINDigitsMax {
			bad("staff", i, "pin", "want 4 to 8 digits", m.PIN)
		}
	}
	for i, p := range s.Products {
		if p.SKU == "" || p.Name == "" || p.Price < 0 {
			bad("products", i, "sku", "want an article, a name and a price of zero or more", string(p.SKU))
		}
	}
	for i, c := range s.Customers {
		if _, err := sale.ParsePhone(c.Phone); c.Phone != "" && err != nil {
			bad("customers", i, "phone", "want +7 and ten digits", c.Phone)
		}
		if _, err := sale.ParsePoints(c.Balance); c.Balance != "" && err != nil {
			bad("customers", i, "balance", "want points like 1240 or 12.50", c.Balance)
		}
		if c.No == 0 && c.Phone == "" && len(c.Cards) == 0 {
			bad("customers", i, "cards", "want a number, a phone or a card to find the customer by again", "")
		}
	}
	return errors.Join(problems...)
}

// Apply brings an organisation up to the seed. It may be run again, and after a failure half-way.
func (s *Seed) Apply(ctx context.Context, p *Program, org sale.OrgNo) error {
	s.made = SeedMade{Codes: map[uint32][]string{}, Certificates: map[string][]string{}}
	for _, shop := range s.Stores {
		if err := p.Store.PutShop(ctx, org, shop); err != nil {
			return err
		}
	}
	if err := s.publish(ctx, p.Office, org); err != nil {
		return err
	}
	for _, m := range s.Staff {
		if err := m.apply(ctx, p, org); err != nil {
			return err
		}
	}
	if err := p.Store.PutProducts(ctx, org, s.Products); err != nil {
		return err
	}
	for _, c := range s.Customers {
		if err := c.apply(ctx, p, org); err != nil {
			return fmt.Errorf("customer %q: %w", c.Name, err)
		}
	}
	if err := s.makeCodes(ctx, p, org); err != nil {
		return err
	}
	return s.issue(ctx, p, org)
}

func (s *Seed) makeCodes(ctx context.Context, p *Program, org sale.OrgNo) error {
	have, err := p.Store.CampaignCodes(ctx, org)
	if err != nil {
		return err
	}
	made := map[uint32]bool{}
	for _, c := range have {
		made[c.Campaign] = true
	}
	for _, c := range s.Codes {
		if made[c.Campaign] {
			continue
		}
		if s.made.Codes[c.Campaign], err = p.Store.MakeCodes(ctx, org, c.Campaign, c.Count, nil, "seed", p.Random); err != nil {
			return err
		}
	}
	return nil
}

func (s *Seed) issue(ctx context.Context, p *Program, org sale.OrgNo) error {
	have, err := p.Store.CertificateBatches(ctx, org)
	if err != nil {
		return err
	}
	issued := map[string]bool{}
	for _, b := range have {
		issued[b.Batch] = true
	}
	for _, c := range s.Certificates {
		if issued[c.Batch] {
			continue
		}
		var expires sale.Time
		if c.Days > 0 {
			expires = sale.At(p.Now()).Add(time.Duration(c.Days) * 24 * time.Hour)
		}
		if s.made.Certificates[c.Batch], err = p.Store.IssueCertificates(ctx, org, c.Batch, c.Count, c.Worth, expires, "seed", p.Random); err != nil {
			return err
		}
	}
	return nil
}

// publish makes the seed's rules the ones in force, until somebody has published rules of their own.
func (s *Seed) publish(ctx context.Context, o *programme.Office, org sale.OrgNo) error {
	have, err := o.Store.Programmes(ctx, org)
	if err != nil {
		return err
	}
	if len(have) > 0 {
		untouched, err := asFounded(have)
		if err != nil || !untouched || s.Programme == nil {
			return err
		}
	}
	rules := s.Programme
	if rules == nil {
		rules = loyalty.Default()
	}
	next := *rules
	next.Version = 0 // the seed's rules come after what there is
	_, err = o.Publish(ctx, org, next, "seed", "")
	return err
}

// asFounded tells whether an organisation has only the rules that it was founded with, the default ones.
func asFounded(published [][]byte) (bool, error) {
	if len(published) != 1 {
		return false, nil
	}
	first, err := loyalty.Decode(published[0])
	if err != nil {
		return false, fmt.Errorf("read the programme of the founding: %w", err)
	}
	founding := loyalty.Default()
	founding.Version = first.Version
	body, err := founding.Encode()
	return bytes.Equal(body, published[0]), err
}

func (m SeedMember) apply(ctx context.Context, p *Program, org sale.OrgNo) error {
	role := sale.RoleCashier
	if m.Role == "manager" {
		role = sale.RoleManager
	}
	member := sale.Staff{No: m.No, Name: m.Name, INN: m.INN, Role: role, Store: m.Store}
	old, err := p.Store.Member(ctx, org, m.No)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err != nil || !old.CheckPIN(m.PIN) { // a new salt for a new PIN only, else every seed would be a change
		member.Salt = make([]byte, 16)
		if _, err := io.ReadFull(p.Random, member.Salt); err != nil {
			return fmt.Errorf("read randomness for a PIN's salt: %w", err)
		}
		member.PIN = sale.HashPIN(m.PIN, member.Salt)
	}
	return p.Store.PutStaff(ctx, org, member)
}

func (c SeedCustomer) apply(ctx context.Context, p *Program, org sale.OrgNo) error {
	person := store.Person{No: c.No, Name: c.Name, Cards: c.Cards, Tier: c.Tier, Home: c.Home}
	if c.Phone != "" {
		phone, err := sale.ParsePhone(c.Phone)
		if err != nil {
			return err
		}
		person.Phone = phone
	}
	for _, key := range append([]string{person.Phone}, c.Cards...) {
		if person.No != 0 || key == "" {
			continue
		}
		no, err := p.Store.FindPerson(ctx, org, key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		person.No = no
	}
	no, err := p.Store.PutPerson(ctx, org, person)
	if err != nil {
		return err
	}
	if err := c.applyExtra(ctx, p.Store, org, no); err != nil || c.Balance == "" {
		return err
	}
	balance, err := sale.ParsePoints(c.Balance)
	if err != nil || balance == 0 {
		return err
	}
	return p.Office.AdjustPoints(ctx, org, openingID(org, no), no, balance, "начальный остаток / opening balance", "seed")
}

// applyExtra keeps what the seed says beside the person; what it does not say stays as it is.
func (c SeedCustomer) applyExtra(ctx context.Context, s *store.Store, org sale.OrgNo, no sale.CustomerNo) error {
	if c.Staff != 0 {
		if err := s.SetStaffCard(ctx, org, no, c.Staff, "seed"); err != nil {
			return err
		}
	}
	if c.Segment != 0 {
		if err := s.SetSegment(ctx, org, no, c.Segment, "seed"); err != nil {
			return err
		}
	}
	if c.Birthday == "" {
		return nil
	}
	return s.SetBirthday(ctx, org, no, c.Birthday, "seed")
}

// openingID names the one opening balance that a customer can have.
func openingID(org sale.OrgNo, no sale.CustomerNo) sale.ID {
	sum := sha256.Sum256(fmt.Appendf(nil, "kopilka-opening/%d/%d", org, no))
	return sale.DeriveID(sale.ID(sum[:16]), "opening", 0)
}
