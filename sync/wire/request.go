package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/ledger/sale"
)

// RequestHeader carries a till's signature on a plain HTTP request: "Kopilka " and the base64 of a
// [Request].
const (
	RequestHeader = "Authorization"
	requestScheme = "Kopilka "
)

// RequestAgeMax bounds the age of a signed HTTP request, in milliseconds: enough for a slow line, too
// short for a request found in a proxy's log to be of use next day.
const RequestAgeMax = 15 * 60 * 1000

// requestHeaderMax bounds the header before it is decoded; a real one has some 150 bytes.
const requestHeaderMax = 512

// ErrRequest is wrapped by every refusal of a signed HTTP request.
var ErrRequest = errors.New("not a signed request of a till")

// Request is who asks, and when by the till's trusted time. Signature is over [RequestBytes].
type Request struct {
	Org       sale.OrgNo  `cbor:"1,keyasint"`
	Till      sale.TillNo `cbor:"2,keyasint"`
	At        sale.Time   `cbor:"3,keyasint"`
	Signature []byte      `cbor:"4,keyasint"`
}

// SignRequest is the value of [RequestHeader] for a GET of path: one of [PathManifest] and [PathChunk],
// without any prefix that a proxy puts before it.
func SignRequest(key ed25519.PrivateKey, org sale.OrgNo, till sale.TillNo, path string, at sale.Time) (string, error) {
	b, err := sale.Encode(Request{Org: org, Till: till, At: at, Signature: ed25519.Sign(key, RequestBytes(org, till, path, at))})
	if err != nil {
		return "", err
	}
	return requestScheme + base64.StdEncoding.EncodeToString(b), nil
}

// ParseRequest reads the header's value. Nothing is believed before [Request.Verify].
func ParseRequest(header string) (Request, error) {
	text, ok := strings.CutPrefix(header, requestScheme)
	if !ok || len(text) > requestHeaderMax {
		return Request{}, fmt.Errorf("%w: header of %d bytes", ErrRequest, len(header))
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	var r Request
	if err := sale.Decode(b, &r); err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return r, nil
}

// Verify checks the signature with the till's key, and the age.
func (r Request) Verify(key ed25519.PublicKey, path string, now sale.Time) error {
	if age := now - r.At; age > RequestAgeMax || age < -RequestAgeMax {
		return fmt.Errorf("%w: made %s ago, at most %d min are allowed", ErrRequest, now.Sub(r.At), RequestAgeMax/60000)
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, RequestBytes(r.Org, r.Till, path, r.At), r.Signature) {
		return fmt.Errorf("%w: the signature does not fit till %d", ErrRequest, r.Till)
	}
	return nil
}
