package update

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Vouch is the organisation's word for the first root of the repository: at Base + VouchFile, [wire.Signed] by a key
// of role [wire.RoleUpdates]. A till believes it once; from then on roots follow by rotation alone.
type Vouch struct {
	Org  sale.OrgNo        `cbor:"1,keyasint"`
	Root [sha256.Size]byte `cbor:"2,keyasint"` // SHA-256 of the bytes of 1.root.json
	At   sale.Time         `cbor:"3,keyasint"`
}

// VouchBytesMax bounds what is read of a vouch: a body, a certificate, two signatures.
const VouchBytesMax = 4 << 10

// SignVouch vouches for a first root with a key certified for it.
func SignVouch(key ed25519.PrivateKey, cert []byte, v Vouch) ([]byte, error) {
	body, err := sale.Encode(v)
	if err != nil {
		return nil, fmt.Errorf("encode the vouch for the update repository: %w", err)
	}
	return wire.Sign(key, cert, body)
}

// VerifyVouch opens a vouch that must be signed under the organisation's root, for this organisation and for these
// bytes of a first root.json.
func VerifyVouch(orgRoot ed25519.PublicKey, org sale.OrgNo, signed, root []byte) (Vouch, error) {
	if len(signed) > VouchBytesMax {
		return Vouch{}, fmt.Errorf("%w: the vouch has %d bytes, at most %d are allowed", ErrForged, len(signed), VouchBytesMax)
	}
	body, err := wire.Verify(orgRoot, signed, wire.RoleUpdates)
	if err != nil {
		return Vouch{}, fmt.Errorf("%w: the vouch for its first root: %w", ErrForged, err)
	}
	var v Vouch
	if err := sale.Decode(body, &v); err != nil {
		return Vouch{}, fmt.Errorf("%w: read the vouch for its first root: %w", ErrForged, err)
	}
	if v.Org != org {
		return Vouch{}, fmt.Errorf("%w: the vouch is organisation %d's, this till is of %d", ErrForged, v.Org, org)
	}
	if v.Root != sha256.Sum256(root) {
		return Vouch{}, fmt.Errorf("%w: the vouch is for another root than head office hands out", ErrForged)
	}
	return v, nil
}
