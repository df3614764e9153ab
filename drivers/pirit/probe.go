package pirit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	probeMax = 2 * time.Second
	probeENQ = 400 * time.Millisecond
	// probeQuiet is how long a device must be silent behind its one byte: others answer ENQ too, with more.
	probeQuiet = 150 * time.Millisecond
)

// ErrOther is wrapped when something else is at the other end, or nothing.
var ErrOther = errors.New("no register of the Pirit family answers")

// Probe finds out whether a register of this family is at the other end. It sends ENQ, which means nothing to
// most devices, and goes on only after the single byte that this family answers; then it reads. Nothing is begun
// and nothing changed. A register with another password than the factory's is found, and named without a serial.
func Probe(ctx context.Context, dial port.Dial) (drivers.Identity, error) {
	ctx, stop := context.WithTimeout(ctx, probeMax)
	defer stop()
	conn, err := dial(ctx)
	if err != nil {
		return drivers.Identity{}, fmt.Errorf("probe: %w", err)
	}
	l := &link{conn: conn}
	defer l.interruptible(ctx)()
	if err := l.alone(ctx); err != nil {
		return drivers.Identity{}, errors.Join(err, conn.Close())
	}
	p := &Printer{name: "probe", opts: options{password: frame.PasswordDefault}, link: l, id: frame.IDMin}
	p.dial = func(context.Context) (port.Conn, error) { return nil, ErrOther } // one connection has to do
	id, err := p.describe(ctx)
	if codeIn(err) == 0x06 {
		return drivers.Identity{Model: "Pirit / Viki Print"}, p.Close()
	}
	if err != nil {
		return drivers.Identity{}, errors.Join(fmt.Errorf("%w: %w", ErrOther, err), p.Close())
	}
	if f, err := p.flags(ctx); err == nil && !f.has(flagNotStarted) {
		id.FN, _ = p.fn(ctx) // a register that has not begun does not tell; that is no reason not to find it
	}
	return id, p.Close()
}

// alone wants one ACK as the answer to ENQ and nothing behind it.
func (l *link) alone(ctx context.Context) error {
	if err := l.write(ctx, frame.ENQ); err != nil {
		return fmt.Errorf("%w: %w", ErrOther, err)
	}
	if err := l.fill(ctx, time.Now().Add(probeENQ)); err != nil {
		return fmt.Errorf("%w: %w", ErrOther, err)
	}
	if len(l.events) != 1 || l.events[0].Kind != frame.Control || l.events[0].Byte != frame.ACK {
		return fmt.Errorf("%w: ENQ was not answered by ACK", ErrOther)
	}
	l.events = nil
	if err := l.fill(ctx, time.Now().Add(probeQuiet)); !errors.Is(err, errSilent) || l.dec.Inside() {
		return fmt.Errorf("%w: more than ACK came", ErrOther)
	}
	return nil
}
