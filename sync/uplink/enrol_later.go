package uplink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
)

// EnrolUntil is [Enrol] again and again, with the link's own pauses, until it succeeds, ctx ends or only a person can
// help; see [Final]. Before each pause it tells what is wrong and how long it waits.
func EnrolUntil(ctx context.Context, file string, e Enrolment, tell func(p *Problem, pause time.Duration)) (Identity, sale.Settings, error) {
	waits := backoff{random: e.Random}
	for {
		id, settings, err := Enrol(ctx, file, e)
		if err == nil || Final(err) || ctx.Err() != nil {
			return id, settings, err
		}
		p := problemOf(err)
		wait, drawErr := waits.next(p.Retry)
		if drawErr != nil {
			return Identity{}, sale.Settings{}, errors.Join(err, drawErr)
		}
		tell(p, wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Identity{}, sale.Settings{}, ctx.Err()
		}
	}
}

// Final tells an enrolment that no waiting will mend: its code is spent, or is another head office's.
func Final(err error) bool {
	switch problemOf(err).Code {
	case CodeEnrolTyped, CodeEnrolCode, CodeEnrolSpent, CodeEnrolOther, CodeEnrolled, CodeTrust:
		return true
	}
	return false
}

// Unreached tells an enrolment that failed for want of an answer: the same code may be tried again later.
func Unreached(err error) bool {
	code := problemOf(err).Code
	return code == CodeEnrolReach || code == CodeBusy
}

// unreached names what keeps this machine from head office, as nearly as can be told.
func unreached(err error) *Problem {
	p := &Problem{Code: CodeEnrolReach, Err: fmt.Errorf("ask head office to enrol: %w", err)}
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		p.Code = CodeEnrolClock
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		p.Code = CodeEnrolNot
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &verify):
		p.Code = CodeEnrolTLS
	}
	return p
}
