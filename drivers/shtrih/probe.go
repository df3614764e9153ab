package shtrih

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

const (
	// probeMax bounds a probe: a port is asked for many protocols and speeds.
	probeMax = 2 * time.Second
	// probeReply is for the first byte of a device that is there.
	probeReply = 500 * time.Millisecond
	// probePassword is the first cashier's when it leaves the factory. A cashier's wrong password locks nothing.
	probePassword = 1
)

// errNotShtrih says that something else, or nothing, is at the other end.
var errNotShtrih = errors.New("no register of SHTRIH-M answers")

// Probe tells whether a register of this family is at the other end of the line. Only questions are sent: a
// sync of protocol 2.0, an ENQ, the device's type (FCh), and its states under the factory's password. An answer
// that the device still holds for a lost command stays with it, and then its type is not asked for: the
// identity is empty and the error nil.
func Probe(ctx context.Context, dial port.Dial) (drivers.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, probeMax)
	defer cancel()
	conn, err := dial(ctx)
	if err != nil {
		return drivers.Identity{}, fmt.Errorf("probe for SHTRIH-M: %w", err)
	}
	id, err := probe(ctx, conn)
	if err != nil {
		return drivers.Identity{}, errors.Join(fmt.Errorf("probe for SHTRIH-M: %w", err), conn.Close())
	}
	_ = conn.Close() // the device has answered, which is all that was asked
	return id, nil
}

func probe(ctx context.Context, conn port.Conn) (drivers.Identity, error) {
	two := newLink2(conn)
	stop := two.interruptible(ctx)
	err := two.sync(ctx, 1, probeReply)
	stop()
	if err == nil {
		return whoAnswers(ctx, two)
	}
	if !errors.Is(err, errSilent) {
		return drivers.Identity{}, err
	}
	one := newLink1(conn)
	holds, err := one.idle(ctx)
	if err != nil || holds {
		return drivers.Identity{}, err
	}
	return whoAnswers(ctx, one)
}

// idle asks one ENQ. It tells whether the device holds an answer for somebody, which it then is left with.
func (l *link1) idle(ctx context.Context) (holds bool, err error) {
	defer l.interruptible(ctx)()
	if err := l.write(ctx, frame.ENQ); err != nil {
		return false, err
	}
	by := time.Now().Add(probeReply)
	for {
		e, err := l.next(ctx, by)
		switch {
		case errors.Is(err, errSilent):
			return false, errNotShtrih
		case err != nil:
			return false, err
		case e.Kind == frame.Frame:
			return true, nil
		case e.Kind == frame.Control && e.Byte == frame.NAK:
			return false, nil
		case e.Kind == frame.Broken:
			return false, errNotShtrih
		}
	}
}

// whoAnswers reads the type, which no other device gives, then what the factory's password allows.
func whoAnswers(ctx context.Context, l link) (drivers.Identity, error) {
	rest, err := ask(ctx, l, frame.CmdDeviceType.Append(nil))
	if err != nil || len(rest) < 7 {
		return drivers.Identity{}, errors.Join(errNotShtrih, err)
	}
	id := drivers.Identity{Model: strings.TrimSpace(charset.From1251(rest[6:]))}
	password := binary.LittleEndian.AppendUint32(nil, probePassword)
	if rest, err := ask(ctx, l, append(frame.CmdStatus.Append(nil), password...)); err == nil && len(rest) >= fullBytes {
		f := readFull(rest)
		id.Serial, id.Firmware, id.INN = f.serial, f.firmware, f.inn
	}
	if rest, err := ask(ctx, l, append(frame.CmdFNStatus.Append(nil), password...)); err == nil && len(rest) >= storageBytes {
		id.FN = readStorage(rest).fn
	}
	return id, nil
}

// ask carries one question; a refusal is an error.
func ask(ctx context.Context, l link, body []byte) ([]byte, error) {
	answer, err := l.exchange(ctx, body, probeReply)
	if err != nil {
		return nil, err
	}
	rest, code, err := open(answer)
	if err == nil && code != 0 {
		err = refusedBy(code, false)
	}
	return rest, err
}
