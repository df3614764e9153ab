package port

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
)

// AddressError is an address that cannot be one, in both languages of the shop. It wraps [ErrAddress].
type AddressError struct {
	Got    string
	RU, EN string // why
	Meant  string // what was probably meant; empty: nobody can tell
}

// Error is for the log.
func (e *AddressError) Error() string {
	text := fmt.Sprintf("%v: got %q: %s", ErrAddress, e.Got, e.EN)
	if e.Meant != "" {
		text += ", " + e.Meant + " is probably meant"
	}
	return text
}

// Unwrap is ErrAddress.
func (e *AddressError) Unwrap() error { return ErrAddress }

// why is a reason in both languages, before it is known what it is about.
type why struct{ ru, en string }

func (w why) Error() string { return w.en }

func because(ru, en string, args ...any) error {
	return why{fmt.Sprintf(ru, args...), fmt.Sprintf(en, args...)}
}

// refused makes a reason an error about the address s.
func refused(s string, err error) error {
	e := &AddressError{Got: s, RU: err.Error(), EN: err.Error(), Meant: meant(s)}
	var w why
	if errors.As(err, &w) {
		e.RU, e.EN = w.ru, w.en
	}
	return e
}

var (
	comPort  = regexp.MustCompile(`(?i)^com[0-9]{1,3}$`)
	usbIDs   = regexp.MustCompile(`^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}$`)
	withWord = regexp.MustCompile(`[A-Za-z./]`)
)

// meant is the address that somebody left the kind out of.
func meant(s string) string {
	bare, query, _ := strings.Cut(s, "?")
	if query != "" {
		query = "?" + query
	}
	switch {
	case strings.Contains(s, "://"):
		return ""
	case comPort.MatchString(bare):
		return schemeSerial + "://" + strings.ToUpper(bare) + query
	case strings.HasPrefix(bare, "/dev/hidraw"):
		return schemeHIDRaw + "://" + bare
	case strings.HasPrefix(bare, "/dev/usb/lp"):
		return schemeFile + "://" + bare
	case strings.HasPrefix(bare, "/dev/"):
		return schemeSerial + "://" + bare + query
	case usbIDs.MatchString(bare) && !strings.Contains(bare, "."):
		return schemeUSB + "://" + bare + query
	}
	if host, number, err := net.SplitHostPort(bare); err == nil && host != "" && withWord.MatchString(host) {
		if _, err := parseTCPPort(number); err == nil {
			return schemeTCP + "://" + bare
		}
	}
	return ""
}
