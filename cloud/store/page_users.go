package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Pages' users and sessions are read and written here: nothing else in head office knows them.

const userColumns = `login, name, role, hash, salt, lang, created, gone`

func scanUser(org sale.OrgNo, r *sql.Rows) (page.User, error) {
	u := page.User{Org: org}
	var role string
	var gone int
	err := r.Scan(&u.Login, &u.Name, &role, &u.Hash, &u.Salt, &u.Lang, &u.Made, &gone)
	u.Role, u.Gone = page.ParseRole(role), gone != 0
	return u, err
}

// PageUsers lists the people who may sign in, by login; a login other than "" chooses one.
func (s *Store) PageUsers(ctx context.Context, org sale.OrgNo, login string) ([]page.User, error) {
	cond, args := "", []any{int64(org)}
	if login != "" {
		cond, args = " AND login = ?", append(args, text(login))
	}
	var out []page.User
	err := s.view(ctx, func(tx *tx) error {
		return tx.each(ctx, `SELECT `+userColumns+` FROM users WHERE org = ?`+cond+` ORDER BY gone, login`, args, func(r *sql.Rows) error {
			u, err := scanUser(org, r)
			out = append(out, u)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return out, nil
}

// PutPageUser writes a user, with a password where u has one: that of a form opened before may have been changed by the
// user since. Sessions of a user that is gone, or whose password or role changed, end with it.
func (s *Store) PutPageUser(ctx context.Context, u page.User, endSessions bool) error {
	err := s.change(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, `INSERT INTO users (org, login, name, role, hash, salt, lang, created, gone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (org, login) DO UPDATE SET name = excluded.name, role = excluded.role, lang = excluded.lang,
 hash = CASE WHEN length(excluded.hash) > 0 THEN excluded.hash ELSE users.hash END, salt = CASE WHEN length(excluded.hash) > 0 THEN excluded.salt ELSE users.salt END, gone = excluded.gone`,
			int64(u.Org), text(u.Login), text(u.Name), u.Role.String(), append([]byte{}, u.Hash...), append([]byte{}, u.Salt...), string(u.Lang), int64(u.Made), map[bool]int64{true: 1}[u.Gone])
		if err != nil || !endSessions {
			return err
		}
		_, err = tx.exec(ctx, `DELETE FROM sessions WHERE org = ? AND login = ?`, int64(u.Org), text(u.Login))
		return err
	})
	if err != nil {
		return fmt.Errorf("write user %s: %w", u.Login, err)
	}
	return nil
}

// SetPagePassword changes a user's password and ends their sessions. Role and access are not touched: they may have
// been taken away while the password was hashed.
func (s *Store) SetPagePassword(ctx context.Context, org sale.OrgNo, login string, hash, salt []byte) error {
	err := s.change(ctx, func(tx *tx) error {
		done, err := tx.exec(ctx, `UPDATE users SET hash = ?, salt = ? WHERE org = ? AND login = ? AND gone = 0`, hash, salt, int64(org), text(login))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, page.ErrNotFound)
		}
		_, err = tx.exec(ctx, `DELETE FROM sessions WHERE org = ? AND login = ?`, int64(org), text(login))
		return err
	})
	if err != nil {
		return fmt.Errorf("change the password of %s: %w", login, err)
	}
	return nil
}

// SetPageLang remembers a user's language.
func (s *Store) SetPageLang(ctx context.Context, org sale.OrgNo, login string, lang page.Lang) error {
	return s.change(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, `UPDATE users SET lang = ? WHERE org = ? AND login = ?`, string(lang), int64(org), text(login))
		return err
	})
}

// OpenPageSession writes a session and sweeps those that have ended.
func (s *Store) OpenPageSession(ctx context.Context, org sale.OrgNo, v page.Session) error {
	err := s.change(ctx, func(tx *tx) error {
		if _, err := tx.exec(ctx, `DELETE FROM sessions WHERE org = ? AND expires < ?`, int64(org), int64(v.Created)); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `INSERT INTO sessions (hash, org, login, created, expires, csrf) VALUES (?, ?, ?, ?, ?, ?)`,
			v.Token[:], int64(org), text(v.Login), int64(v.Created), int64(v.Ends), v.CSRF)
		return err
	})
	if err != nil {
		return fmt.Errorf("open a session of %s: %w", v.Login, err)
	}
	return nil
}

// PageSession finds a session and its user by the hash of its token.
func (s *Store) PageSession(ctx context.Context, org sale.OrgNo, token [32]byte) (page.Session, page.User, error) {
	v := page.Session{Token: token}
	var u page.User
	found := false
	err := s.view(ctx, func(tx *tx) error {
		err := tx.each(ctx, `SELECT login, created, expires, csrf FROM sessions WHERE hash = ? AND org = ?`, []any{token[:], int64(org)}, func(r *sql.Rows) error {
			return r.Scan(&v.Login, &v.Created, &v.Ends, &v.CSRF)
		})
		if err != nil || v.Login == "" {
			return err
		}
		return tx.each(ctx, `SELECT `+userColumns+` FROM users WHERE org = ? AND login = ? AND gone = 0`, []any{int64(org), v.Login}, func(r *sql.Rows) error {
			found = true
			u, err = scanUser(org, r)
			return err
		})
	})
	if err == nil && !found {
		err = page.ErrNotFound
	}
	if err != nil {
		return page.Session{}, page.User{}, fmt.Errorf("find a session: %w", err)
	}
	return v, u, nil
}

// EndPageSession forgets one.
func (s *Store) EndPageSession(ctx context.Context, token [32]byte) error {
	return s.change(ctx, func(tx *tx) error {
		_, err := tx.exec(ctx, `DELETE FROM sessions WHERE hash = ?`, token[:])
		return err
	})
}

// Audit writes down who did what to what.
func (s *Store) Audit(ctx context.Context, org sale.OrgNo, who, what, object, detail string) error {
	return s.change(ctx, func(tx *tx) error { return tx.audit(ctx, org, who, what, object, detail) })
}
