package atol

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AddressDefault is where the vendor's web server listens when nobody has changed it.
const AddressDefault = "tcp://127.0.0.1:16732"

// Settings are the names that New takes, each with what it means, for error texts and documents.
var Settings = map[string]string{
	"user":       "of the web server, where it asks for one; default none",
	"password":   "of the web server's user",
	"department": "printed on each position, 1 to 16; default 1",
	"poll":       "how often the queue is looked at, 20ms to 2s; default 100ms",
	"queue-wait": "how long a document may take in the queue, 10s to 10m; default 60s",
	"sale-key":   "on writes the sale's short name into each receipt (tag 1084), off does not; default off",
}

const (
	pollDefault = 100 * time.Millisecond
	pollMin     = 20 * time.Millisecond // the server writes each look into its log
	pollMax     = 2 * time.Second       // a cashier waits for it
	queueMin    = 10 * time.Second      // a storage signs in a second or two, paper takes some more
	queueMax    = 10 * time.Minute      //
	queueWait   = time.Minute           // a receipt of three hundred lines at 50 mm a second
	// departmentMax is what every model of the family has at least.
	departmentMax = 16
	// secretMax bounds a user's name and password: they stand in one header line.
	secretMax = 128
)

type options struct {
	user, password string
	department     uint8
	poll           time.Duration
	wait           time.Duration
	key            bool
}

func defaults() options { return options{department: 1, poll: pollDefault, wait: queueWait} }

// authorization is the header's value, empty where no user is set.
func (o options) authorization() string {
	if o.user == "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(o.user+":"+o.password))
}

// parse reads the settings and reports all that is wrong with them at once. The password is not repeated.
func parse(settings map[string]string) (options, error) {
	o := defaults()
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		err := o.set(key, settings[key])
		switch {
		case err != nil && key == "password":
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w (got %q)", key, err, settings[key]))
		}
	}
	if o.password != "" && o.user == "" {
		errs = append(errs, errors.New("password: without user"))
	}
	return o, errors.Join(errs...)
}

func (o *options) set(key, value string) (err error) {
	switch key {
	case "user":
		o.user, err = value, secret(value)
		if strings.Contains(value, ":") {
			err = errors.New("a colon cannot be in a user's name")
		}
	case "password":
		o.password, err = value, secret(value)
	case "department":
		var n uint64
		if n, err = strconv.ParseUint(value, 10, 8); err != nil || n < 1 || n > departmentMax {
			err = fmt.Errorf("want a number from 1 to %d", departmentMax)
		}
		o.department = uint8(n)
	case "poll":
		o.poll, err = span(value, pollMin, pollMax)
	case "queue-wait":
		o.wait, err = span(value, queueMin, queueMax)
	case "sale-key":
		if o.key = value == "on"; !o.key && value != "off" {
			err = errors.New("want on or off")
		}
	default:
		err = fmt.Errorf("unknown setting, known are %s", strings.Join(slices.Sorted(maps.Keys(Settings)), ", "))
	}
	return err
}

func secret(value string) error {
	if len(value) > secretMax {
		return fmt.Errorf("at most %d bytes", secretMax)
	}
	return nil
}

func span(value string, low, high time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < low || d > high {
		return 0, fmt.Errorf("want a duration from %s to %s", low, high)
	}
	return d, nil
}
