package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
)

// Costs of a password's hash: the second choice of RFC 9106, for a server that shares its memory with
// a database. The first byte of a hash says by which costs it was made, so that they can be raised.
const (
	passwordPasses  = 3
	passwordKiB     = 64 << 10
	passwordSalt    = 16
	passwordKeySize = 32
	passwordCosts   = 1
	// hashesAtOnce bounds the memory that a flood of sign-ins can take (2 × 64 MiB).
	hashesAtOnce = 2
)

// Lengths of a password, in characters. Below ten a stolen table of hashes is guessed; above 200
// somebody is sending us work to do.
const (
	PasswordMin = 10
	PasswordMax = 200
)

// HashPassword makes what a user's row keeps of a password: argon2id and its salt.
func HashPassword(password string) (hash, salt []byte, err error) {
	salt = make([]byte, passwordSalt)
	if _, err := io.ReadFull(rand.Reader, salt); err != nil {
		return nil, nil, fmt.Errorf("read randomness for a password's salt: %w", err)
	}
	return append([]byte{passwordCosts}, passwordKey(password, salt)...), salt, nil
}

// CheckPassword tells, in constant time, whether a password is the one that was hashed.
func CheckPassword(hash, salt []byte, password string) bool {
	if len(hash) != 1+passwordKeySize || hash[0] != passwordCosts {
		return false
	}
	return subtle.ConstantTimeCompare(hash[1:], passwordKey(password, salt)) == 1
}

func passwordKey(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, passwordPasses, passwordKiB, 1, passwordKeySize)
}

// hasher lets few hashes run at once.
type hasher struct {
	turns      chan struct{}
	hash, salt []byte // checked for a login that does not exist, so that its answer takes as long
}

func newHasher() (*hasher, error) {
	hash, salt, err := HashPassword("no such user")
	if err != nil {
		return nil, err
	}
	return &hasher{turns: make(chan struct{}, hashesAtOnce), hash: hash, salt: salt}, nil
}

// check compares; an empty hash stands for a user that does not exist.
func (h *hasher) check(ctx context.Context, hash, salt []byte, password string) (bool, error) {
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-ctx.Done():
		return false, fmt.Errorf("wait for a turn to check a password: %w", ctx.Err())
	}
	if len(hash) == 0 {
		CheckPassword(h.hash, h.salt, password)
		return false, nil
	}
	return CheckPassword(hash, salt, password), nil
}
