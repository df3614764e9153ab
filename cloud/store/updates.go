package store

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// UpdatesKey answers the key that vouches for the repository of updates, with its certificate. It is drawn when it is
// first asked for, since organisations are older than updates.
func (s *Store) UpdatesKey(ctx context.Context, org sale.OrgNo, random io.Reader) (key ed25519.PrivateKey, cert []byte, err error) {
	err = s.change(ctx, func(tx *tx) error {
		if key, cert, err = tx.key(ctx, org, wire.RoleUpdates); !errors.Is(err, ErrNotFound) {
			return err
		}
		key, cert, err = tx.drawUpdatesKey(ctx, org, random)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("take the key of updates: %w", err)
	}
	return key, cert, nil
}

func (t *tx) drawUpdatesKey(ctx context.Context, org sale.OrgNo, random io.Reader) (ed25519.PrivateKey, []byte, error) {
	root, _, err := t.key(ctx, org, roleRoot)
	if err != nil {
		return nil, nil, err
	}
	public, private, err := ed25519.GenerateKey(random)
	if err != nil {
		return nil, nil, fmt.Errorf("draw the key of updates: %w", err)
	}
	cert, err := t.certify(ctx, root, wire.Cert{Org: org, Role: wire.RoleUpdates, Key: public})
	if err != nil {
		return nil, nil, err
	}
	return private, cert, t.putKey(ctx, org, wire.RoleUpdates, public, private.Seed(), cert)
}
