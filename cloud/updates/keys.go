package updates

import (
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/kopilka/kopilka/sync/update"
)

// The operator's keys: two of three sign a new root, so that one may be lost and one may be stolen.
const (
	rootKeys      = 3
	rootThreshold = 2
)

// Kinds of PEM blocks: a key in the clear after PKCS #8, or scrypt and secretbox after The Update Framework's own tools.
const (
	pemClear  = "PRIVATE KEY"
	pemLocked = "KOPILKA ENCRYPTED PRIVATE KEY"
)

// key is a private key with the name that metadata know it by.
type key struct {
	private ed25519.PrivateKey
	public  *metadata.Key
	id      string
}

// Keys are the operator's keys, off their stick.
type Keys struct {
	folder     string // where new ones go
	passphrase []byte
	all        []key
	roots      []string // files of roots that lie beside them
}

func (r *Repo) drawKey() (key, error) {
	_, private, err := ed25519.GenerateKey(r.Random)
	if err != nil {
		return key{}, fmt.Errorf("draw a key: %w", err)
	}
	return newKey(private)
}

func newKey(private ed25519.PrivateKey) (key, error) {
	public, err := metadata.KeyFromPublicKey(private.Public())
	if err != nil {
		return key{}, fmt.Errorf("name a key: %w", err)
	}
	id, err := public.ID()
	if err != nil {
		return key{}, fmt.Errorf("name a key: %w", err)
	}
	return key{private, public, id}, nil
}

func (r *Repo) drawKeys(n int) ([]key, error) {
	var out []key
	for range n {
		k, err := r.drawKey()
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func (k key) pem(passphrase []byte) ([]byte, error) {
	raw, err := x509.MarshalPKCS8PrivateKey(k.private)
	kind := pemClear
	if err == nil && len(passphrase) > 0 {
		kind = pemLocked
		raw, err = encrypted.Encrypt(raw, passphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("write a key down: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), nil
}

func readKey(file string, passphrase []byte) (key, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return key{}, fmt.Errorf("read a key: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return key{}, fmt.Errorf("%w: %s holds no key / в %[2]s нет ключа", ErrKeys, file)
	}
	der := block.Bytes
	if block.Type == pemLocked {
		if len(passphrase) == 0 {
			return key{}, fmt.Errorf("%w: %s is encrypted, name the file with its passphrase: -passphrase-file FILE / ключ %[2]s зашифрован, укажите файл с паролем: -passphrase-file ФАЙЛ", ErrKeys, file)
		}
		if der, err = encrypted.Decrypt(der, passphrase); err != nil {
			return key{}, fmt.Errorf("%w: the passphrase does not open %s / пароль не подходит к %[2]s", ErrKeys, file)
		}
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	private, fits := parsed.(ed25519.PrivateKey)
	if err != nil || !fits {
		return key{}, errors.Join(fmt.Errorf("%w: %s is no Ed25519 key / в %[2]s не ключ Ed25519", ErrKeys, file), err)
	}
	return newKey(private)
}

// ReadKeys reads the operator's keys from one or several folders: root keys that lie in several safes need never
// come together in one.
func ReadKeys(folders []string, passphrase []byte) (*Keys, error) {
	if len(folders) == 0 {
		return nil, fmt.Errorf("%w: say where they are: -keys FOLDER / укажите, где они: -keys ПАПКА", ErrKeys)
	}
	out := &Keys{folder: folders[0], passphrase: passphrase}
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKeys, err)
		}
		for _, e := range entries {
			file := filepath.Join(folder, e.Name())
			switch {
			case strings.HasSuffix(e.Name(), ".root.json"):
				out.roots = append(out.roots, file)
			case strings.HasSuffix(e.Name(), ".pem"):
				k, err := readKey(file, passphrase)
				if err != nil {
					return nil, err
				}
				out.all = append(out.all, k)
			}
		}
	}
	return out, nil
}

// put writes new keys of the operator, and never over old ones.
func (k *Keys) put(role string, keys []key) error {
	if err := os.MkdirAll(k.folder, secretDir); err != nil {
		return fmt.Errorf("make the folder for the keys: %w", err)
	}
	for _, x := range keys {
		raw, err := x.pem(k.passphrase)
		if err == nil {
			err = k.putFile(fmt.Sprintf("%s-%s.pem", role, x.id[:8]), raw)
		}
		if err != nil {
			return err
		}
	}
	k.all = append(k.all, keys...)
	return nil
}

func (k *Keys) putFile(name string, raw []byte) error {
	f, err := os.OpenFile(filepath.Join(k.folder, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, secretPerm)
	if err != nil {
		return fmt.Errorf("write a file beside the keys: %w", err)
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// keepRoot leaves a copy of a root beside the keys: with it a head office that comes back from an old backup catches
// up with what tills know. Nothing depends on it otherwise.
func (k *Keys) keepRoot(version int64, raw []byte) error {
	err := k.putFile(versioned(version, metadata.ROOT), raw)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// online reads head office's own keys.
func (r *Repo) online() ([]key, error) {
	files, err := filepath.Glob(r.at(keysFolder, "*.pem"))
	if err != nil {
		return nil, fmt.Errorf("look for head office's keys: %w", err)
	}
	var out []key
	for _, f := range files {
		k, err := readKey(f, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func (r *Repo) putOnline(keys []key) error {
	for _, k := range keys {
		raw, err := k.pem(nil)
		if err != nil {
			return err
		}
		if err := r.whole(keysFolder+"/"+k.id+".pem", raw, secretPerm); err != nil {
			return err
		}
	}
	return nil
}

// names tells whether the repository names a key of head office's own.
func (s *state) names(id string) bool {
	for _, role := range []string{metadata.SNAPSHOT, metadata.TIMESTAMP} {
		if slices.Contains(s.root.Signed.Roles[role].KeyIDs, id) {
			return true
		}
	}
	return slices.Contains(rolloutKeys(s.targets), id)
}

func rolloutKeys(targets *metadata.Metadata[metadata.TargetsType]) []string {
	if d := targets.Signed.Delegations; d != nil {
		for _, role := range d.Roles {
			if role.Name == update.RolloutRole {
				return role.KeyIDs
			}
		}
	}
	return nil
}

// sign puts the signatures of those keys that are wanted under m, in place of all others.
func sign[T metadata.Roles](m *metadata.Metadata[T], keys []key, wanted ...string) error {
	m.ClearSignatures()
	done := map[string]bool{}
	for _, k := range keys {
		if !slices.Contains(wanted, k.id) || done[k.id] {
			continue
		}
		signer, err := signature.LoadSigner(k.private, crypto.Hash(0))
		if err == nil {
			_, err = m.Sign(signer)
		}
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		done[k.id] = true
	}
	return nil
}
