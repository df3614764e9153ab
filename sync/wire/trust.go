package wire

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Role is what a certified key may sign.
type Role uint8

// The roles of keys under an organisation's root.
const (
	RoleOnline    Role = 1 // head office in Welcome
	RoleProgramme Role = 2 // loyalty programmes
	RoleManifest  Role = 3 // the customers' snapshot
	RoleTill      Role = 4 // a till's own key, for the tills of its store
	RoleUpdates   Role = 5 // the vouch for the repository of updates
)

// Cert says, signed by the organisation's root, whose a key is. Times bound its use; a till with a
// doubtful clock does not judge them.
type Cert struct {
	Org    sale.OrgNo        `cbor:"1,keyasint"`
	Role   Role              `cbor:"2,keyasint"`
	Key    ed25519.PublicKey `cbor:"3,keyasint"`
	Till   sale.TillNo       `cbor:"4,keyasint,omitempty"`
	Store  sale.StoreNo      `cbor:"5,keyasint,omitempty"`
	From   sale.Time         `cbor:"6,keyasint"`
	Until  sale.Time         `cbor:"7,keyasint,omitempty"`
	Serial uint64            `cbor:"8,keyasint"`
}

// Signed is a body with the signature of a certified key.
type Signed struct {
	Body      []byte `cbor:"1,keyasint"`
	Cert      []byte `cbor:"2,keyasint"` // Signed by the root: Body is a Cert, Cert is empty
	Signature []byte `cbor:"3,keyasint"`
}

// ErrTrust is wrapped by every refusal of a signature or certificate.
var ErrTrust = errors.New("not signed by this organisation")

// The first bytes of everything signed, so that no signature serves for anything else.
const (
	signCert    = "kopilka-cert-v1\x00"
	signBody    = "kopilka-body-v1\x00"
	signHello   = "kopilka-hello-v1\x00"
	signWelcome = "kopilka-welcome-v1\x00"
	signBatch   = "kopilka-batch-v1\x00"
	signRequest = "kopilka-request-v1\x00"
)

// SignCert makes a certificate.
func SignCert(root ed25519.PrivateKey, c Cert) ([]byte, error) {
	body, err := sale.Encode(c)
	if err != nil {
		return nil, err
	}
	return sale.Encode(Signed{Body: body, Signature: ed25519.Sign(root, append([]byte(signCert), body...))})
}

// VerifyCert checks a certificate against the organisation's root and the role wanted.
func VerifyCert(root ed25519.PublicKey, cert []byte, role Role) (Cert, error) {
	var s Signed
	var c Cert
	if err := sale.Decode(cert, &s); err != nil {
		return Cert{}, fmt.Errorf("%w: %w", ErrTrust, err)
	}
	if len(root) != ed25519.PublicKeySize || !ed25519.Verify(root, append([]byte(signCert), s.Body...), s.Signature) {
		return Cert{}, fmt.Errorf("%w: the certificate's signature does not fit the pinned root", ErrTrust)
	}
	if err := sale.Decode(s.Body, &c); err != nil {
		return Cert{}, fmt.Errorf("%w: %w", ErrTrust, err)
	}
	if c.Role != role || len(c.Key) != ed25519.PublicKeySize {
		return Cert{}, fmt.Errorf("%w: a key of role %d where %d was due", ErrTrust, c.Role, role)
	}
	return c, nil
}

// Sign puts a body under a certified key.
func Sign(key ed25519.PrivateKey, cert, body []byte) ([]byte, error) {
	return sale.Encode(Signed{Body: body, Cert: cert, Signature: ed25519.Sign(key, append([]byte(signBody), body...))})
}

// Verify opens a signed body.
func Verify(root ed25519.PublicKey, signed []byte, role Role) ([]byte, error) {
	var s Signed
	if err := sale.Decode(signed, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrust, err)
	}
	c, err := VerifyCert(root, s.Cert, role)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(c.Key, append([]byte(signBody), s.Body...), s.Signature) {
		return nil, fmt.Errorf("%w: the body's signature does not fit its certificate", ErrTrust)
	}
	return s.Body, nil
}

// HelloBytes is what a till signs in Hello.
func HelloBytes(challenge []byte, h *Hello) []byte {
	b := append([]byte(signHello), challenge...)
	b = append(b, h.Nonce...)
	b = binary.BigEndian.AppendUint16(b, h.Version)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Org))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Till))
	b = binary.BigEndian.AppendUint32(b, h.Head.Epoch)
	b = binary.BigEndian.AppendUint64(b, h.Head.Seq)
	return append(b, h.Head.Head[:]...)
}

// WelcomeBytes is what head office signs in Welcome.
func WelcomeBytes(tillNonce []byte, w *Welcome) []byte {
	b := append([]byte(signWelcome), tillNonce...)
	b = binary.BigEndian.AppendUint16(b, w.Version)
	b = binary.BigEndian.AppendUint64(b, uint64(w.Now))
	b = binary.BigEndian.AppendUint32(b, w.Generation)
	b = binary.BigEndian.AppendUint32(b, w.Have.Epoch)
	b = binary.BigEndian.AppendUint64(b, w.Have.Seq)
	b = append(b, w.Have.Head[:]...)
	if w.Quarantine {
		return append(b, 1)
	}
	return append(b, 0)
}

// BatchBytes is what a till signs in Batch: the head stands for every record before it.
func BatchBytes(org sale.OrgNo, till sale.TillNo, m *Batch) []byte {
	b := binary.BigEndian.AppendUint32([]byte(signBatch), uint32(org))
	b = binary.BigEndian.AppendUint32(b, uint32(till))
	b = binary.BigEndian.AppendUint32(b, m.Epoch)
	b = binary.BigEndian.AppendUint32(b, m.Fork)
	b = binary.BigEndian.AppendUint64(b, m.From)
	b = binary.BigEndian.AppendUint32(b, uint32(m.Count))
	return append(b, m.Head[:]...)
}

// RequestBytes is what a till signs to fetch the snapshot over plain HTTP; at is the till's time, which
// head office holds within [RequestAgeMax] of its own.
func RequestBytes(org sale.OrgNo, till sale.TillNo, path string, at sale.Time) []byte {
	b := binary.BigEndian.AppendUint32([]byte(signRequest), uint32(org))
	b = binary.BigEndian.AppendUint32(b, uint32(till))
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	return append(b, path...)
}

// An enrolment code is what a person types at a new till: a secret used once, and a fingerprint of the
// organisation's root, so that nobody between can put another root in its place.
const (
	codeSecretBytes = 10
	codePrintBytes  = 5
	codeGroup       = 6
	codeLetters     = 24 // 5 bits each; a letter too many would decode to the same bytes
)

var codeAlphabet = base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").WithPadding(base32.NoPadding)

// ErrCode is wrapped by every refusal of an enrolment code.
var ErrCode = errors.New("not an enrolment code: want 24 letters and digits in groups of six, as head office shows it")

// EnrolCode is an enrolment code taken apart.
type EnrolCode struct {
	Secret [codeSecretBytes]byte
	Print  [codePrintBytes]byte
}

// NewEnrolCode draws a code for an organisation.
func NewEnrolCode(root ed25519.PublicKey, random io.Reader) (EnrolCode, error) {
	c := EnrolCode{Print: RootPrint(root)}
	if _, err := io.ReadFull(random, c.Secret[:]); err != nil {
		return EnrolCode{}, fmt.Errorf("read randomness for an enrolment code: %w", err)
	}
	return c, nil
}

// RootPrint is the part of a root's hash that stands in a code.
func RootPrint(root ed25519.PublicKey) [codePrintBytes]byte {
	sum := sha256.Sum256(root)
	return [codePrintBytes]byte(sum[:codePrintBytes])
}

// String is the code as shown and typed.
func (c EnrolCode) String() string {
	s := codeAlphabet.EncodeToString(append(c.Secret[:], c.Print[:]...))
	groups := make([]string, 0, 4)
	for len(s) > codeGroup {
		groups, s = append(groups, s[:codeGroup]), s[codeGroup:]
	}
	return strings.Join(append(groups, s), "-")
}

// ParseEnrolCode reads a typed code; case, spaces and dashes do not matter.
func ParseEnrolCode(s string) (EnrolCode, error) {
	plain := strings.NewReplacer("-", "", " ", "", "\t", "", "\r", "", "\n", "").Replace(strings.ToUpper(s))
	b, err := codeAlphabet.DecodeString(plain)
	if err != nil || len(plain) != codeLetters || len(b) != codeSecretBytes+codePrintBytes {
		return EnrolCode{}, fmt.Errorf("%w: got %q", ErrCode, s)
	}
	return EnrolCode{Secret: [codeSecretBytes]byte(b), Print: [codePrintBytes]byte(b[codeSecretBytes:])}, nil
}

// EnrolRequest is the body of the POST to [PathEnrol], CBOR. Proof is the till's signature over the
// secret, so that a code cannot be spent on a key that nobody holds.
type EnrolRequest struct {
	Secret  [codeSecretBytes]byte `cbor:"1,keyasint"`
	Key     ed25519.PublicKey     `cbor:"2,keyasint"`
	Proof   []byte                `cbor:"3,keyasint"`
	Name    string                `cbor:"4,keyasint,omitempty"` // of the machine, for people
	Program string                `cbor:"5,keyasint"`
}

// EnrolAnswer is what an enrolled till keeps. A repeat of the same request with the same key gets the
// same answer; another key is refused: the code is spent.
type EnrolAnswer struct {
	Org      sale.OrgNo        `cbor:"1,keyasint"`
	Till     sale.TillNo       `cbor:"2,keyasint"`
	Store    sale.StoreNo      `cbor:"3,keyasint"`
	Root     ed25519.PublicKey `cbor:"4,keyasint"`
	Cert     []byte            `cbor:"5,keyasint"` // of the till's own key
	Seal     [32]byte          `cbor:"6,keyasint"` // X25519 key to which personal data is sealed
	Settings sale.Settings     `cbor:"7,keyasint"`
}

// ProofBytes is what the till signs as Proof.
func ProofBytes(secret [codeSecretBytes]byte) []byte {
	return append([]byte("kopilka-enrol-v1\x00"), secret[:]...)
}
