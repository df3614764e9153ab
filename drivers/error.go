package drivers

import (
	"errors"
	"fmt"
)

// Outcome says what is known of the work when a call failed.
type Outcome uint8

// The outcomes. The zero value is the careful one.
const (
	OutcomeUnknown Outcome = iota // the device may have done it: ask before anything else
	OutcomeNotDone                // the device refused, or the request never left
)

// Fail is the family of a failure, the same for all devices, so that a sentence can be chosen.
type Fail string

// The families.
const (
	FailLink        Fail = "link"         // no answer, port gone
	FailProtocol    Fail = "protocol"     // an answer that cannot be
	FailPaper       Fail = "paper"        // paper out
	FailCover       Fail = "cover"        //
	FailBusy        Fail = "busy"         // still printing
	FailShiftOver   Fail = "shift-over"   // shift older than 24 hours
	FailShiftClosed Fail = "shift-closed" //
	FailShiftOpen   Fail = "shift-open"   //
	FailDocument    Fail = "document"     // a document is open that should not be, or the other way round
	FailRefused     Fail = "refused"      // parameters refused
	FailStorage     Fail = "storage"      // fiscal storage full, expired, broken or swapped
	FailOFD         Fail = "ofd"          // waits too long for the operator of fiscal data
	FailClock       Fail = "clock"        //
	FailPassword    Fail = "password"     //
	FailHardware    Fail = "hardware"     //
	FailConfig      Fail = "config"       // the device's tables do not fit our settings
	FailScan        Fail = "scan"         // a bad read
	FailMark        Fail = "mark"         // a marking code that may not be sold
)

// Error is a device's failure: what was tried, on which device, the device's own code, what is known
// of the outcome, and what a person can do.
type Error struct {
	Op      string // "print receipt", "open shift", "scan"
	Device  string // name in the config
	Fail    Fail
	Code    string // the device's own code, "4Eh", empty when there is none
	Outcome Outcome
	Hint    Hint
	Err     error // the cause, where one exists
}

// Hint is what to do, in the two languages of the shop.
type Hint struct {
	RU string `json:"ru"`
	EN string `json:"en"`
}

// Error is for the log: English, with the code.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s on %s: %s", e.Op, e.Device, e.Fail)
	if e.Code != "" {
		s += " " + e.Code
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint.EN != "" {
		s += " (" + e.Hint.EN + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// NotDone tells whether err says for certain that the device did not do the work.
func NotDone(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Outcome == OutcomeNotDone
}

// FailOf is the family of a device error, or empty.
func FailOf(err error) Fail {
	var e *Error
	if errors.As(err, &e) {
		return e.Fail
	}
	return ""
}

// HintOf is the hint of a device error, or empty.
func HintOf(err error) Hint {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return Hint{}
}
