package uplink

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Enrolment is what a person types at a new till, and what the program adds.
type Enrolment struct {
	URL     string // of head office
	Code    string // as head office shows it
	Name    string // of the machine, for people at head office
	Program string // "kopilka-agent 1.0.0"
	Client  *http.Client
	Random  io.Reader // crypto/rand.Reader outside tests: the till's key comes out of it
}

// Enrol makes this machine a till: it proves itself with the code, checks that the root that answers is
// the one printed in the code, and keeps its identity in file. The key is on disk before it is sent, so
// that an enrolment cut off after head office's answer is finished by typing the same code again.
func Enrol(ctx context.Context, file string, e Enrolment) (Identity, sale.Settings, error) {
	code, err := wire.ParseEnrolCode(e.Code)
	if err != nil {
		return Identity{}, sale.Settings{}, &Problem{Code: CodeEnrolTyped, Err: wire.ErrCode} // not the code itself: it is a secret
	}
	id, err := pending(file, e)
	if err != nil {
		return Identity{}, sale.Settings{}, err
	}
	answer, err := e.post(ctx, id, code)
	if err != nil {
		return Identity{}, sale.Settings{}, err
	}
	if wire.RootPrint(answer.Root) != code.Print {
		return Identity{}, sale.Settings{}, problem(CodeEnrolOther, "the answer's root does not fit the code: %w", wire.ErrTrust)
	}
	id.Org, id.Till, id.Store = answer.Org, answer.Till, answer.Store
	id.Root, id.Cert, id.Seal = answer.Root, answer.Cert, answer.Seal
	if err := id.check(); err != nil {
		return Identity{}, sale.Settings{}, err
	}
	return id, answer.Settings, id.Save(file)
}

// pending is an identity with a key that is on disk, from an earlier attempt or new.
func pending(file string, e Enrolment) (Identity, error) {
	id, err := loadAny(file)
	switch {
	case err == nil && id.Enrolled():
		return Identity{}, problem(CodeEnrolled, "%s is of till %d", file, id.Till)
	case errors.Is(err, fs.ErrNotExist):
		seed := make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(e.Random, seed); err != nil {
			return Identity{}, fmt.Errorf("read randomness for the till's key: %w", err)
		}
		id = Identity{Key: ed25519.NewKeyFromSeed(seed)}
	case err != nil:
		return Identity{}, err
	}
	id.URL = e.URL
	return id, id.Save(file)
}

// post sends the request and reads the answer.
func (e Enrolment) post(ctx context.Context, id Identity, code wire.EnrolCode) (wire.EnrolAnswer, error) {
	body, err := sale.Encode(wire.EnrolRequest{
		Secret: code.Secret, Key: id.Key.Public().(ed25519.PublicKey),
		Proof: ed25519.Sign(id.Key, wire.ProofBytes(code.Secret)), Name: e.Name, Program: e.Program,
	})
	if err != nil {
		return wire.EnrolAnswer{}, err
	}
	address, err := id.endpoint(false, wire.PathEnrol)
	if err != nil {
		return wire.EnrolAnswer{}, err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return wire.EnrolAnswer{}, fmt.Errorf("ask head office to enrol: %w", err)
	}
	q.Header.Set("Content-Type", "application/cbor")
	a, err := e.Client.Do(q)
	if err != nil {
		return wire.EnrolAnswer{}, unreached(err)
	}
	return readAnswer(a)
}

func readAnswer(a *http.Response) (answer wire.EnrolAnswer, err error) {
	defer func() { err = errors.Join(err, a.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(a.Body, wire.EnrolBodyBytesMax+1))
	if err != nil {
		return answer, &Problem{Code: CodeEnrolReach, Err: fmt.Errorf("read head office's answer: %w", err)}
	}
	switch {
	case a.StatusCode == http.StatusTooManyRequests || a.StatusCode >= http.StatusInternalServerError:
		return answer, &Problem{Code: CodeBusy, Err: fmt.Errorf("head office answered %s", a.Status), Retry: retryAfter(a)}
	case a.StatusCode == http.StatusConflict:
		return answer, problem(CodeEnrolSpent, "head office answered %s", a.Status)
	case a.StatusCode == http.StatusForbidden || a.StatusCode == http.StatusGone || a.StatusCode == http.StatusUnauthorized:
		return answer, problem(CodeEnrolCode, "head office answered %s", a.Status)
	case a.StatusCode != http.StatusOK:
		return answer, problem(CodeEnrolNot, "head office answered %s", a.Status)
	case len(body) > wire.EnrolBodyBytesMax:
		return answer, problem(CodeEnrolNot, "answer of more than %d bytes", wire.EnrolBodyBytesMax)
	}
	if err := sale.Decode(body, &answer); err != nil {
		return answer, &Problem{Code: CodeEnrolNot, Err: err}
	}
	return answer, nil
}
