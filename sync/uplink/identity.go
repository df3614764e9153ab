package uplink

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/kopilka/kopilka/ledger/durable"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// identityBytesMax bounds the file; a real one has some 700 bytes.
const identityBytesMax = 64 << 10

// ErrNotEnrolled tells that there is no identity, or one whose enrolment never came to its end.
var ErrNotEnrolled = errors.New("this till is not enrolled: run kopilka-agent enrol with a code from head office")

// Identity is who this till is and whom it believes. Its file is the till's secret: whoever reads it can
// hand in sales as this till until head office revokes the key.
type Identity struct {
	URL   string             `json:"url"` // of head office, "https://shop.example"
	Org   sale.OrgNo         `json:"org"`
	Till  sale.TillNo        `json:"till"` // zero while enrolment is under way
	Store sale.StoreNo       `json:"store"`
	Key   ed25519.PrivateKey `json:"key"`
	Cert  []byte             `json:"cert"` // of Key, by the root
	Root  ed25519.PublicKey  `json:"root"` // pinned: everything that comes down hangs on it
	Seal  [32]byte           `json:"seal"` // X25519 key to which personal data is sealed
}

// Enrolled tells an identity that head office has confirmed.
func (id Identity) Enrolled() bool { return id.Till != 0 }

// Load reads an identity. [ErrNotEnrolled] where there is none yet.
func Load(file string) (Identity, error) {
	id, err := loadAny(file)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !id.Enrolled()) {
		return Identity{}, fmt.Errorf("%w (%s)", ErrNotEnrolled, file)
	}
	if err != nil {
		return Identity{}, err
	}
	return id, id.check()
}

// loadAny also reads an identity whose enrolment is under way.
func loadAny(file string) (Identity, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Identity{}, fmt.Errorf("read the till's identity: %w", err)
	}
	if info.Size() > identityBytesMax {
		return Identity{}, fmt.Errorf("read the till's identity %s: %d bytes, at most %d", file, info.Size(), identityBytesMax)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return Identity{}, fmt.Errorf("read the till's identity: %w", err)
	}
	var id Identity
	if err := json.Unmarshal(b, &id); err != nil {
		return Identity{}, fmt.Errorf("read the till's identity %s: %w", file, err)
	}
	if len(id.Key) != ed25519.PrivateKeySize {
		return Identity{}, fmt.Errorf("read the till's identity %s: key of %d bytes, want %d", file, len(id.Key), ed25519.PrivateKeySize)
	}
	return id, nil
}

// check refuses an identity that could not have come from head office.
func (id Identity) check() error {
	c, err := wire.VerifyCert(id.Root, id.Cert, wire.RoleTill)
	if err != nil {
		return &Problem{Code: CodeTrust, Err: fmt.Errorf("the till's own certificate: %w", err)}
	}
	if !c.Key.Equal(id.Key.Public()) || c.Till != id.Till || c.Org != id.Org {
		return problem(CodeTrust, "the till's certificate is of till %d of organisation %d with another key: %w", c.Till, c.Org, wire.ErrTrust)
	}
	return nil
}

// Save writes the identity whole or not at all, readable by its owner only (on Windows the folder's
// rights decide).
func (id Identity) Save(file string) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("write the till's identity: %w", err)
	}
	if err := durable.Write(file, append(b, '\n'), identityMode); err != nil {
		return fmt.Errorf("write the till's identity: %w", err)
	}
	return nil
}

// identityMode: the till's key is for the service alone.
const identityMode = 0o600

// endpoint is head office's address for a path, over http(s) or ws(s).
func (id Identity) endpoint(socket bool, path string) (string, error) {
	u, err := url.Parse(id.URL)
	if err != nil {
		return "", fmt.Errorf("head office's address %q: %w", id.URL, err)
	}
	schemes := map[string]string{"http": "ws", "https": "wss"}
	ws, ok := schemes[u.Scheme]
	if !ok || u.Host == "" {
		return "", fmt.Errorf("head office's address %q: want https://host", id.URL)
	}
	if socket {
		u.Scheme = ws
	}
	return u.JoinPath(path).String(), nil
}
