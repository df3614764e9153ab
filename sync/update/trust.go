package update

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/kopilka/kopilka/ledger/durable"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Trust is what one reader of the repository believes: the agent keeps one in its folder, the updater another that
// the agent cannot write. It is no secret.
type Trust struct {
	Org     sale.OrgNo        `json:"org"`
	Store   sale.StoreNo      `json:"store"`
	Till    sale.TillNo       `json:"till"`
	OrgRoot ed25519.PublicKey `json:"org_root"`       // pinned at enrolment: whose vouch counts
	Root    []byte            `json:"root,omitempty"` // the newest root.json believed; none before the first
	Seen    Seen              `json:"seen,omitzero"`
}

// Seen are the newest versions met. Older ones are refused until the root changes the keys that signed them.
type Seen struct {
	Timestamp int64  `json:"timestamp"`
	Snapshot  int64  `json:"snapshot"`
	Targets   int64  `json:"targets"`
	Rollout   int64  `json:"rollout"`
	Plan      uint64 `json:"plan"`
}

// Who is the till that this trust belongs to.
func (t Trust) Who() Who { return Who{Org: t.Org, Store: t.Store, Till: t.Till} }

// trustBytesMax bounds the file: a root of [rootBytesMax] in base64, and little else.
const trustBytesMax = 2 * rootBytesMax

// LoadTrust reads a trust; fs.ErrNotExist is wrapped where there is none.
func LoadTrust(file string) (Trust, error) {
	b, err := readUpTo(file, trustBytesMax)
	if err != nil {
		return Trust{}, fmt.Errorf("read what is believed of updates: %w", err)
	}
	var t Trust
	if err := json.Unmarshal(b, &t); err != nil {
		return Trust{}, fmt.Errorf("read what is believed of updates, %s: %w", file, err)
	}
	if len(t.OrgRoot) != ed25519.PublicKeySize {
		return Trust{}, fmt.Errorf("read what is believed of updates, %s: a key of %d bytes, want %d", file, len(t.OrgRoot), ed25519.PublicKeySize)
	}
	return t, nil
}

// Save writes the trust whole or not at all.
func (t Trust) Save(file string) error {
	if err := writeJSON(file, t); err != nil {
		return fmt.Errorf("write what is believed of updates: %w", err)
	}
	return nil
}

// readUpTo reads a file that may be too large, or no file.
func readUpTo(file string, most int64) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s: not a file of at most %d bytes", file, most)
	}
	return os.ReadFile(file)
}

func writeJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(file, append(b, '\n'), fileMode)
}

// fileMode lets support read what is no secret, whoever ran the command that wrote it.
const fileMode = 0o644

// removed is nil also where there was nothing to remove.
func removed(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
