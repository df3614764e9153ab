package all

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	// PortMax is what one port may take: every type at every speed.
	PortMax = 60 * time.Second
	// probeMax is what one question may take; probes end by themselves in two seconds, dialling may take more.
	probeMax = 4 * time.Second
)

// Search looks for registers and printers. It never touches a port that is excluded or that somebody holds.
type Search struct {
	Ports []port.Found
	Local bool // also the addresses where programs of registers' makers listen
	// Exclude are addresses, device files or COM ports to keep away from.
	Exclude []string
	// Holders are the programs that have a device file or a network address open; nil: nobody can tell.
	Holders func(at string) []string
	// Only is the one type to ask for; empty: all.
	Only string
	// Baud is the one speed to ask at; zero: all that a type knows.
	Baud int
	// Dial opens an address; nil: as the config would.
	Dial func(address string) (port.Dial, error)
	// Tell is called before each question; nil: nobody is told.
	Tell func(address, kind string, baud int)
}

// Hit is what is known of one port after a search.
type Hit struct {
	Port     port.Found // zero for a network address
	Address  string     // as the config takes it, with the speed that was found
	Type     string     // empty: nothing answered
	Identity drivers.Identity
	Held     []string // who has it open: it was not asked
	Busy     bool     // somebody has it open, and nobody can tell who
	Excluded bool
	Maker    string // of a scanner, which is not asked
	Err      error  // why it could not be opened
}

// Run asks port after port. What it has when ctx ends it gives back.
func (s Search) Run(ctx context.Context) (hits []Hit) {
	for _, f := range s.Ports {
		if ctx.Err() != nil {
			return hits
		}
		hits = append(hits, s.serial(ctx, f))
	}
	if !s.Local {
		return hits
	}
	for _, kind := range s.kinds() {
		for _, address := range Kinds[kind].Local {
			h := Hit{Address: address, Excluded: s.excluded(address)}
			if s.Holders != nil && !h.Excluded {
				h.Held = s.Holders(address)
			}
			if ctx.Err() == nil && !h.Excluded && len(h.Held) == 0 {
				s.ask(ctx, &h, kind, 0)
			}
			if h.Type != "" || h.Excluded || len(h.Held) > 0 {
				hits = append(hits, h)
			}
		}
	}
	return hits
}

func (s Search) kinds() []string {
	if s.Only != "" {
		return []string{s.Only}
	}
	known := slices.Sorted(maps.Keys(Kinds))
	slices.SortStableFunc(known, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return known
}

func rank(kind string) int {
	if i := slices.Index(order, kind); i >= 0 {
		return i
	}
	return len(order)
}

func (s Search) excluded(f ...string) bool {
	return slices.ContainsFunc(s.Exclude, func(x string) bool {
		x = strings.ToLower(withoutQuery(x))
		return slices.ContainsFunc(f, func(name string) bool {
			name = strings.ToLower(withoutQuery(name))
			_, host, _ := strings.Cut(name, "://")
			return name != "" && (x == name || "serial://"+name == x || host != "" && x == host)
		})
	})
}

// Unmatched is the first exclusion that names no port of the search and no local address; empty: all name one.
func (s Search) Unmatched() string {
	for _, x := range s.Exclude {
		one := Search{Exclude: []string{x}}
		here := slices.ContainsFunc(s.Ports, func(f port.Found) bool { return one.excluded(f.Path, f.Address()) })
		for _, kind := range s.kinds() {
			here = here || s.Local && slices.ContainsFunc(Kinds[kind].Local, func(a string) bool { return one.excluded(a) })
		}
		if !here {
			return x
		}
	}
	return ""
}

func withoutQuery(address string) string {
	plain, _, _ := strings.Cut(address, "?")
	return plain
}

// serial looks at one port of this machine.
func (s Search) serial(ctx context.Context, f port.Found) Hit {
	h := Hit{Port: f, Address: cmp.Or(f.Address(), "serial://"+f.Path), Maker: ScannerMaker(f.VID)}
	if s.Holders != nil && f.Path != "" {
		h.Held = s.Holders(f.Path)
	}
	h.Excluded = s.excluded(f.Path, f.Address())
	if h.Excluded || len(h.Held) > 0 || h.Maker != "" || f.Kind != port.KindSerial {
		return h
	}
	ctx, cancel := context.WithTimeout(ctx, PortMax)
	defer cancel()
	for round := 0; s.round(ctx, &h, round) && h.Type == "" && h.Err == nil && !h.Busy; round++ {
	}
	return h
}

// round asks each type at its speed of that place in its list, so that every type has its likeliest speed before
// any has its second. False: no type has so many.
func (s Search) round(ctx context.Context, h *Hit, n int) bool {
	more := false
	for _, kind := range s.kinds() {
		bauds := s.bauds(kind, h.Port)
		if n >= len(bauds) {
			continue
		}
		more = true
		if s.ask(ctx, h, kind, bauds[n]); h.Type != "" || h.Err != nil || h.Busy || ctx.Err() != nil {
			return false
		}
	}
	return more
}

// bauds are the speeds worth asking at.
func (s Search) bauds(kind string, f port.Found) []int {
	bauds := Kinds[kind].Bauds
	switch {
	case len(bauds) == 0:
		return nil
	case s.Baud != 0:
		return []int{s.Baud}
	case strings.Contains(f.Path, "ttyACM"):
		return bauds[:1] // a device that is a port itself has no line with a speed
	}
	return bauds
}

// ask asks one question and notes what the answer says.
func (s Search) ask(ctx context.Context, h *Hit, kind string, baud int) {
	probe := Kinds[kind].Probe
	if probe == nil || kindOf(kind) == "" {
		return
	}
	address := AtBaud(h.Address, baud)
	dial, err := s.dial(address)
	if err != nil {
		h.Err = err
		return
	}
	if s.Tell != nil {
		s.Tell(address, kind, baud)
	}
	ctx, cancel := context.WithTimeout(ctx, probeMax)
	defer cancel()
	opened := false
	id, err := probe(ctx, func(ctx context.Context) (port.Conn, error) {
		c, err := dial(ctx)
		opened = opened || err == nil
		return c, err
	})
	switch {
	case err == nil:
		h.Type, h.Identity, h.Address = kind, id, address
	case errors.Is(err, port.ErrBusy):
		h.Busy = true
	case !opened && ctx.Err() == nil:
		h.Err = err // a port that cannot be opened for one type cannot for the next
	}
}

// kindOf tells what part of the config a type belongs to; empty: no driver has it.
func kindOf(kind string) string {
	if _, ok := Printers[kind]; ok {
		return "register"
	}
	if _, ok := SlipPrinters[kind]; ok {
		return "printer"
	}
	return ""
}

// IsRegister tells a type of fiscal registers.
func IsRegister(kind string) bool { return kindOf(kind) == "register" }

func (s Search) dial(address string) (port.Dial, error) {
	if s.Dial != nil {
		return s.Dial(address)
	}
	a, err := port.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	return a.Dial, nil
}

var baudSetting = regexp.MustCompile(`baud=[0-9]+`)

// AtBaud is an address with another speed; zero, and addresses without a speed, change nothing.
func AtBaud(address string, baud int) string {
	switch {
	case baud == 0 || !strings.HasPrefix(address, "serial://") && !strings.HasPrefix(address, "usb-serial://"):
		return address
	case baudSetting.MatchString(address):
		return baudSetting.ReplaceAllString(address, fmt.Sprintf("baud=%d", baud))
	case strings.Contains(address, "?"):
		return fmt.Sprintf("%s&baud=%d", address, baud)
	}
	return fmt.Sprintf("%s?baud=%d", address, baud)
}

// Baud is the speed in an address, zero where it names none.
func Baud(address string) (baud int) {
	if _, err := fmt.Sscanf(baudSetting.FindString(address), "baud=%d", &baud); err != nil {
		return 0
	}
	return baud
}
