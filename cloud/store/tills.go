package store

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// CodeTerm is how long an enrolment code waits for its till: long enough for a visit next morning.
const CodeTerm = 72 * time.Hour

// Shop is a store of the organisation.
type Shop struct {
	No      sale.StoreNo `json:"no"`
	Name    string       `json:"name"`
	Address string       `json:"address"`
	Zone    string       `json:"zone"`             // IANA name
	Region  string       `json:"region,omitempty"` // for programmes of a region
}

// PutShop creates or changes a store; its tills hear of it.
func (s *Store) PutShop(ctx context.Context, org sale.OrgNo, shop Shop) error {
	return s.change(ctx, func(tx *tx) error { return tx.putShop(ctx, org, shop) })
}

func (t *tx) putShop(ctx context.Context, org sale.OrgNo, shop Shop) error {
	if _, err := time.LoadLocation(shop.Zone); err != nil || shop.Zone == "" {
		return fmt.Errorf("store %d: time zone %q is not known, want a name like Europe/Moscow", shop.No, shop.Zone)
	}
	same, err := t.int(ctx, `SELECT count(*) FROM stores WHERE org = ? AND store = ? AND name = ? AND address = ? AND zone = ? AND region = ?`,
		int64(org), int64(shop.No), text(shop.Name), text(shop.Address), shop.Zone, text(shop.Region))
	if err != nil || same > 0 {
		return err
	}
	house := sale.HouseNo(shop.No)
	if _, err := t.exec(ctx, `INSERT INTO stores (org, store, name, address, zone, region, house) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, store) DO UPDATE SET name = excluded.name, address = excluded.address, zone = excluded.zone, region = excluded.region`,
		int64(org), int64(shop.No), text(shop.Name), text(shop.Address), shop.Zone, text(shop.Region), int64(house)); err != nil {
		return fmt.Errorf("save store %d: %w", shop.No, err)
	}
	if _, err := t.exec(ctx, `INSERT INTO customers (org, no, name, short, home, state, search, created) VALUES (?, ?, ?, ?, ?, ?, '', ?)
		ON CONFLICT (org, no) DO UPDATE SET name = excluded.name`, int64(org), int64(house), "Без карты: "+text(shop.Name), "Без карты", int64(shop.No),
		int64(sale.CustomerHouse), t.s.now().UnixMilli()); err != nil {
		return fmt.Errorf("save the house account of store %d: %w", shop.No, err)
	}
	return t.bump(ctx, org, map[feedKey]feedRow{settingsKey(shop.No): {store: shop.No}})
}

// Shops lists the stores by number.
func (s *Store) Shops(ctx context.Context, org sale.OrgNo) (out []Shop, err error) {
	err = s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT store, name, address, zone, region FROM stores WHERE org = ? ORDER BY store`, []any{int64(org)}, func(r *sql.Rows) error {
			var x Shop
			err := r.Scan(&x.No, &x.Name, &x.Address, &x.Zone, &x.Region)
			out = append(out, x)
			return err
		})
	})
	return out, err
}

// settings is what a till is told about itself and its store.
func (t *tx) settings(ctx context.Context, org sale.OrgNo, till sale.TillNo) (*sale.Settings, error) {
	o, err := t.org(ctx, org)
	if err != nil {
		return nil, err
	}
	x := &sale.Settings{Org: o.Name, CardSecret: o.CardSecret, Phones: o.Phones, Support: o.Support}
	err = t.row(ctx, `SELECT s.store, s.name, s.address, s.zone, s.region, s.house FROM stores s JOIN tills t ON t.org = s.org AND t.store = s.store WHERE t.org = ? AND t.till = ?`,
		[]any{int64(org), int64(till)}, &x.Store, &x.StoreName, &x.Address, &x.Zone, &x.Region, &x.House)
	if err != nil {
		return nil, fmt.Errorf("read the store of till %d: %w", till, err)
	}
	return x, nil
}

// TillKey is an enrolled till's public key and whether it was revoked; no key for a stranger.
func (s *Store) TillKey(ctx context.Context, org sale.OrgNo, till sale.TillNo) (key ed25519.PublicKey, revoked bool, err error) {
	err = s.view(ctx, func(tx *tx) error {
		var state int64
		var b []byte
		err := tx.row(ctx, `SELECT pubkey, state FROM tills WHERE org = ? AND till = ? AND till > 0 AND pubkey IS NOT NULL`, []any{int64(org), int64(till)}, &b, &state)
		key, revoked = b, state == tillRevoked
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	})
	return key, revoked, err
}

// RevokeTill takes a till's trust away at once. Its records go to quarantine from now on.
func (s *Store) RevokeTill(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) error {
	return s.change(ctx, func(tx *tx) error {
		res, err := tx.exec(ctx, `UPDATE tills SET state = ? WHERE org = ? AND till = ? AND till > 0 AND state <> ?`, tillRevoked, int64(org), int64(till), tillRevoked)
		if err != nil {
			return fmt.Errorf("revoke till %d: %w", till, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		tx.moved[org] = true // its session must notice
		return tx.audit(ctx, org, by, "till.revoke", fmt.Sprint(till), "")
	})
}

// SaveStatus keeps how a till is, and when it was heard of.
func (s *Store) SaveStatus(ctx context.Context, org sale.OrgNo, till sale.TillNo, st *wire.Status) error {
	body, err := sale.Encode(st)
	if err != nil {
		return err
	}
	open := 0
	if st.ShiftOpen {
		open = 1
	}
	now := s.now().UnixMilli()
	return s.change(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, `UPDATE tills SET status = ?, status_at = ?, seen = ?, shift = ?, shift_open = ?, unsent = ? WHERE org = ? AND till = ?`,
			body, now, now, int64(st.Shift), open, int64(st.Unsent), int64(org), int64(till))
		if err != nil {
			return fmt.Errorf("save the status of till %d: %w", till, err)
		}
		return nil
	})
}

// SawTill notes that a till has said hello.
func (s *Store) SawTill(ctx context.Context, org sale.OrgNo, till sale.TillNo, program string) error {
	return s.change(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, `UPDATE tills SET seen = ?, program = ? WHERE org = ? AND till = ?`, s.now().UnixMilli(), text(program), int64(org), int64(till))
		return err
	})
}

// SaveDown notes up to which version of the state a till has it on disk.
func (s *Store) SaveDown(ctx context.Context, org sale.OrgNo, till sale.TillNo, version uint64) error {
	return s.change(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, `UPDATE tills SET down = ?, seen = ? WHERE org = ? AND till = ?`, int64(version), s.now().UnixMilli(), int64(org), int64(till))
		return err
	})
}

func codeHash(secret []byte) []byte {
	sum := sha256.Sum256(append([]byte("kopilka-enrol-code\x00"), secret...))
	return sum[:]
}

// NewCode draws an enrolment code for a store. With till > 0 it is for a new machine in that till's
// place; else the till gets the next number when it enrols. Only a hash of the code is kept.
func (s *Store) NewCode(ctx context.Context, org sale.OrgNo, store sale.StoreNo, till sale.TillNo, by string, random io.Reader) (wire.EnrolCode, error) {
	o, err := s.Org(ctx, org)
	if err != nil {
		return wire.EnrolCode{}, err
	}
	code, err := wire.NewEnrolCode(o.Root, random)
	if err != nil {
		return wire.EnrolCode{}, err
	}
	err = s.change(ctx, func(tx *tx) error {
		n, err := tx.int(ctx, `SELECT count(*) FROM stores WHERE org = ? AND store = ?`, int64(org), int64(store))
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("store %d: %w", store, ErrNotFound)
		}
		if _, err = tx.exec(ctx, `INSERT INTO enrol_codes (hash, org, store, till, expires, made_by) VALUES (?, ?, ?, ?, ?, ?)`,
			codeHash(code.Secret[:]), int64(org), int64(store), int64(till), s.now().Add(CodeTerm).UnixMilli(), text(by)); err != nil {
			return err
		}
		return tx.audit(ctx, org, by, "till.code", fmt.Sprint(store), fmt.Sprint(till))
	})
	if err != nil {
		return wire.EnrolCode{}, fmt.Errorf("make an enrolment code: %w", err)
	}
	return code, nil
}

// Errors of enrolment that the till's installer can act on, in the words of the protocol.
var (
	ErrCodeUnknown = &wire.Bye{Code: wire.ByeUnknown, Text: "the enrolment code is not known or has run out: make a new one at head office / код регистрации не найден или истёк: создайте новый в головном офисе"}
	ErrCodeSpent   = &wire.Bye{Code: wire.ByeReplaced, Text: "the enrolment code was used by another till: make a new one at head office / код регистрации уже использован другой кассой: создайте новый в головном офисе"}
)

// Enrol makes a till of whoever holds the code's secret and the key. The same key with the same code gets
// the same till again; another key is refused.
func (s *Store) Enrol(ctx context.Context, req *wire.EnrolRequest) (answer *wire.EnrolAnswer, err error) {
	if len(req.Key) != ed25519.PublicKeySize || !ed25519.Verify(req.Key, wire.ProofBytes(req.Secret), req.Proof) {
		return nil, fmt.Errorf("%w: the proof does not fit the key", wire.ErrTrust)
	}
	err = s.change(ctx, func(tx *tx) error {
		answer, err = tx.enrol(ctx, req)
		return err
	})
	return answer, err
}

func (t *tx) enrol(ctx context.Context, req *wire.EnrolRequest) (*wire.EnrolAnswer, error) {
	var org sale.OrgNo
	var store sale.StoreNo
	var till sale.TillNo
	var expires int64
	var usedKey []byte
	hash, now := codeHash(req.Secret[:]), t.s.now().UnixMilli()
	err := t.row(ctx, `SELECT org, store, till, expires, used_key FROM enrol_codes WHERE hash = ?`+t.s.dialect.lock(), []any{hash}, &org, &store, &till, &expires, &usedKey)
	switch {
	case errors.Is(err, ErrNotFound) || (err == nil && usedKey == nil && expires < now):
		return nil, ErrCodeUnknown
	case err != nil:
		return nil, fmt.Errorf("look up the enrolment code: %w", err)
	case usedKey != nil && string(usedKey) != string(req.Key):
		return nil, ErrCodeSpent
	case usedKey != nil:
		return t.enrolAnswer(ctx, org, store, till)
	}
	if till, err = t.seat(ctx, org, store, till, req); err != nil {
		return nil, err
	}
	if _, err := t.exec(ctx, `UPDATE enrol_codes SET used_key = ?, used_at = ?, till = ? WHERE hash = ?`, []byte(req.Key), now, int64(till), hash); err != nil {
		return nil, fmt.Errorf("spend the enrolment code: %w", err)
	}
	if err := t.audit(ctx, org, "", "till.enrol", fmt.Sprint(till), req.Name); err != nil {
		return nil, err
	}
	return t.enrolAnswer(ctx, org, store, till)
}

// seat gives the key a till: the named one, or the next number.
func (t *tx) seat(ctx context.Context, org sale.OrgNo, store sale.StoreNo, till sale.TillNo, req *wire.EnrolRequest) (sale.TillNo, error) {
	if till == 0 {
		if err := t.row(ctx, `UPDATE orgs SET tills = tills + 1 WHERE org = ? RETURNING tills`, []any{int64(org)}, &till); err != nil {
			return 0, fmt.Errorf("draw a till's number: %w", err)
		}
	}
	if till > sale.TillNoMax {
		return 0, fmt.Errorf("organisation %d has used up its %d till numbers", org, sale.TillNoMax)
	}
	root, _, err := t.key(ctx, org, roleRoot)
	if err != nil {
		return 0, err
	}
	cert, err := t.certify(ctx, root, wire.Cert{Org: org, Role: wire.RoleTill, Key: req.Key, Till: till, Store: store})
	if err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, `INSERT INTO tills (org, till, store, name, pubkey, cert, state, enrolled, program) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, till) DO UPDATE SET store = excluded.store, name = excluded.name, pubkey = excluded.pubkey, cert = excluded.cert,
		state = excluded.state, enrolled = excluded.enrolled, program = excluded.program`,
		int64(org), int64(till), int64(store), text(req.Name), []byte(req.Key), cert, tillActive, t.s.now().UnixMilli(), text(req.Program))
	if err != nil {
		return 0, fmt.Errorf("save till %d: %w", till, err)
	}
	return till, t.bump(ctx, org, map[feedKey]feedRow{settingsKey(store): {store: store}})
}

func (t *tx) enrolAnswer(ctx context.Context, org sale.OrgNo, store sale.StoreNo, till sale.TillNo) (*wire.EnrolAnswer, error) {
	o, err := t.org(ctx, org)
	if err != nil {
		return nil, err
	}
	settings, err := t.settings(ctx, org, till)
	if err != nil {
		return nil, err
	}
	var cert []byte
	if err := t.row(ctx, `SELECT cert FROM tills WHERE org = ? AND till = ?`, []any{int64(org), int64(till)}, &cert); err != nil {
		return nil, fmt.Errorf("read the certificate of till %d: %w", till, err)
	}
	return &wire.EnrolAnswer{Org: org, Till: till, Store: store, Root: o.Root, Cert: cert, Seal: o.Seal, Settings: *settings}, nil
}

// audit writes down who did what.
func (t *tx) audit(ctx context.Context, org sale.OrgNo, who, what, object, detail string) error {
	var n int64
	if err := t.row(ctx, `UPDATE orgs SET operations = operations + 1 WHERE org = ? RETURNING operations`, []any{int64(org)}, &n); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	now := t.s.now().UnixMilli()
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d/%s/%s/%s/%s", n, now, who, what, object, detail))
	if _, err := t.exec(ctx, `INSERT INTO audit (org, id, at, who, what, object, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		int64(org), sum[:16], now, text(who), what, text(object), text(detail)); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}
