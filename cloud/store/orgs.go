package store

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// roleRoot and roleSeal are kept beside the roles that the root certifies ([wire.Role]).
const (
	roleRoot wire.Role = 0
	roleSeal wire.Role = 10
)

const (
	cardSecretBytes = 32
	phoneSaltBytes  = 16
	// generationBits is how many versions of the feed one generation has room for. Generations of a restored
	// head office are numbered by the clock, so that one backup restored twice makes two of them, and no
	// till has seen any version that is given out afterwards.
	generationBits = 32
	// numbersStep is added to the counters of customers, operations, tills and certificates then: what was
	// given out since the backup may stand on a card, a receipt or a till, and must not be given again. A
	// chain makes fewer customers than that between two backups, and has fewer tills in all.
	numbersStep = 10_000
)

// generationsBegin is where the clock of generations starts: until 2068 versions fit 63 bits.
var generationsBegin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Org is what an organisation has of its own.
type Org struct {
	No         sale.OrgNo
	Name       string
	Support    string // whom a cashier calls
	Root       ed25519.PublicKey
	Seal       [32]byte // X25519 public key to which tills seal personal data
	CardSecret []byte
	Phones     sale.PhoneHash
	Generation uint32
}

// CreateOrg draws an organisation's keys and secrets from random and writes it down; it is given the
// next number. It is not idempotent: ask [Store.Orgs] first.
func (s *Store) CreateOrg(ctx context.Context, name string, random io.Reader) (sale.OrgNo, error) {
	secret, salt := make([]byte, cardSecretBytes), make([]byte, phoneSaltBytes)
	for _, b := range [][]byte{secret, salt} {
		if _, err := io.ReadFull(random, b); err != nil {
			return 0, fmt.Errorf("read randomness for a new organisation: %w", err)
		}
	}
	var org sale.OrgNo
	err := s.change(ctx, func(tx *tx) error {
		last, err := tx.int(ctx, `SELECT max(org) FROM orgs`)
		if err != nil {
			return err
		}
		org = sale.OrgNo(last + 1)
		at := s.now().UnixMilli()
		if _, err := tx.exec(ctx, `INSERT INTO orgs (org, name, card_secret, phone_salt, phone_passes, phone_kib, generation, feed, created) VALUES (?, ?, ?, ?, ?, ?, 1, 0, ?)`,
			int64(org), text(name), secret, salt, int64(sale.PhonePassesDefault), int64(sale.PhoneKiBDefault), at); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `INSERT INTO tills (org, till, store, name) VALUES (?, 0, 0, 'head office')`, int64(org)); err != nil {
			return err
		}
		return tx.drawKeys(ctx, org, random)
	})
	if err != nil {
		return 0, fmt.Errorf("create the organisation %q: %w", name, err)
	}
	return org, nil
}

func (t *tx) drawKeys(ctx context.Context, org sale.OrgNo, random io.Reader) error {
	rootPublic, root, err := ed25519.GenerateKey(random)
	if err != nil {
		return fmt.Errorf("draw the root key: %w", err)
	}
	if err := t.putKey(ctx, org, roleRoot, rootPublic, root.Seed(), nil); err != nil {
		return err
	}
	for _, role := range []wire.Role{wire.RoleOnline, wire.RoleProgramme, wire.RoleManifest} {
		public, private, err := ed25519.GenerateKey(random)
		if err != nil {
			return fmt.Errorf("draw the key of role %d: %w", role, err)
		}
		cert, err := t.certify(ctx, root, wire.Cert{Org: org, Role: role, Key: public})
		if err != nil {
			return err
		}
		if err := t.putKey(ctx, org, role, public, private.Seed(), cert); err != nil {
			return err
		}
	}
	seal, err := ecdh.X25519().GenerateKey(random)
	if err != nil {
		return fmt.Errorf("draw the sealing key: %w", err)
	}
	return t.putKey(ctx, org, roleSeal, seal.PublicKey().Bytes(), seal.Bytes(), nil)
}

func (t *tx) putKey(ctx context.Context, org sale.OrgNo, role wire.Role, public, private, cert []byte) error {
	_, err := t.exec(ctx, `INSERT INTO org_keys (org, role, public, private, cert) VALUES (?, ?, ?, ?, ?)`, int64(org), int64(role), public, private, cert)
	return err
}

// certify signs a certificate from now on under the next serial number.
func (t *tx) certify(ctx context.Context, root ed25519.PrivateKey, c wire.Cert) ([]byte, error) {
	if _, err := t.exec(ctx, `UPDATE orgs SET certs = certs + 1 WHERE org = ?`, int64(c.Org)); err != nil {
		return nil, err
	}
	serial, err := t.int(ctx, `SELECT certs FROM orgs WHERE org = ?`, int64(c.Org))
	if err != nil {
		return nil, err
	}
	c.Serial, c.From = uint64(serial), sale.At(t.s.now())
	return wire.SignCert(root, c)
}

// key reads a signing key and its certificate.
func (t *tx) key(ctx context.Context, org sale.OrgNo, role wire.Role) (ed25519.PrivateKey, []byte, error) {
	var seed, cert []byte
	if err := t.row(ctx, `SELECT private, cert FROM org_keys WHERE org = ? AND role = ?`, []any{int64(org), int64(role)}, &seed, &cert); err != nil {
		return nil, nil, fmt.Errorf("read the key of role %d of organisation %d: %w", role, org, err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, nil, fmt.Errorf("the key of role %d of organisation %d has %d bytes, want %d", role, org, len(seed), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), cert, nil
}

// Orgs lists the organisations by number.
func (s *Store) Orgs(ctx context.Context) ([]sale.OrgNo, error) {
	var out []sale.OrgNo
	err := s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT org FROM orgs ORDER BY org`, nil, func(r *sql.Rows) error {
			var org sale.OrgNo
			out = append(out, 0)
			err := r.Scan(&org)
			out[len(out)-1] = org
			return err
		})
	})
	return out, err
}

// Org reads an organisation.
func (s *Store) Org(ctx context.Context, org sale.OrgNo) (o Org, err error) {
	err = s.view(ctx, func(tx *tx) error {
		o, err = tx.org(ctx, org)
		return err
	})
	return o, err
}

func (t *tx) org(ctx context.Context, org sale.OrgNo) (Org, error) {
	o := Org{No: org}
	err := t.row(ctx, `SELECT name, support, card_secret, phone_salt, phone_passes, phone_kib, generation FROM orgs WHERE org = ?`, []any{int64(org)},
		&o.Name, &o.Support, &o.CardSecret, &o.Phones.Salt, &o.Phones.Passes, &o.Phones.KiB, &o.Generation)
	if err != nil {
		return Org{}, fmt.Errorf("read organisation %d: %w", org, err)
	}
	var root, seal []byte
	err = errors.Join(
		t.row(ctx, `SELECT public FROM org_keys WHERE org = ? AND role = ?`, []any{int64(org), int64(roleRoot)}, &root),
		t.row(ctx, `SELECT public FROM org_keys WHERE org = ? AND role = ?`, []any{int64(org), int64(roleSeal)}, &seal))
	if err != nil {
		return Org{}, fmt.Errorf("read the keys of organisation %d: %w", org, err)
	}
	o.Root = root
	copy(o.Seal[:], seal)
	return o, nil
}

// Generation is raised whenever head office has been restored from a backup.
func (s *Store) Generation(ctx context.Context, org sale.OrgNo) (generation uint32, err error) {
	o, err := s.Org(ctx, org)
	return o.Generation, err
}

// RaiseGeneration is called once after head office was restored from a backup: tills then send again
// what the backup did not have, and are told the whole state anew, under versions and with numbers that
// nobody has seen: what they have heard since the backup is no longer true.
func (s *Store) RaiseGeneration(ctx context.Context, org sale.OrgNo) error {
	return s.change(ctx, func(tx *tx) error {
		tx.moved[org] = true
		old, err := tx.int(ctx, `SELECT generation FROM orgs WHERE org = ?`, int64(org))
		if err != nil {
			return err
		}
		next := max(old+1, int64(s.now().Sub(generationsBegin).Seconds()))
		step := (next - old) << generationBits
		_, err = tx.exec(ctx, `UPDATE orgs SET generation = ?, feed = feed + ?, restored_at = ?,
			customers = customers + ?, operations = operations + ?, tills = tills + ?, certs = certs + ? WHERE org = ?`,
			next, step, s.now().UnixMilli(), numbersStep, numbersStep, numbersStep, numbersStep, int64(org))
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE feed SET version = version + ? WHERE org = ?`, step, int64(org))
		return err
	})
}

// SignWelcome signs with the organisation's online key.
func (s *Store) SignWelcome(ctx context.Context, org sale.OrgNo, body []byte) (signature, cert []byte, err error) {
	err = s.view(ctx, func(tx *tx) error {
		key, c, err := tx.key(ctx, org, wire.RoleOnline)
		if err == nil {
			signature, cert = ed25519.Sign(key, body), c
		}
		return err
	})
	return signature, cert, err
}
