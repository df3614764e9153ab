package shtrih

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// syncTries times syncWait is how long a device may be deaf before the first command.
const (
	syncTries = 3
	syncWait  = 3 * time.Second
)

// link2 speaks protocol 2.0: numbered frames, no ENQ. An answer that got lost is lost; what a device
// does with a number that it has seen before is not written down, so no frame is sent twice.
type link2 struct {
	stream
	num    uint16 // of the last frame
	synced bool
}

func newLink2(conn port.Conn) *link2 {
	return &link2{stream: stream{conn: conn, dec: &frame.Decoder2{}}}
}

func (l *link2) close() error { return l.conn.Close() }

// astray: every answer is numbered, so that none is taken for another's.
func (l *link2) astray() bool { return false }

// leftover: the protocol has none.
func (l *link2) leftover(context.Context) ([]byte, error) { return nil, nil }

func (l *link2) exchange(ctx context.Context, body []byte, wait time.Duration) ([]byte, error) {
	defer l.interruptible(ctx)()
	if !l.synced {
		if err := l.sync(ctx, syncTries, syncWait); err != nil {
			return nil, unsent(err)
		}
	}
	packed, err := frame.Encode2(l.num+1, body)
	if err != nil {
		return nil, unsent(err)
	}
	l.num++
	l.synced = false // until the answer is here
	l.forget()
	if err := l.write(ctx, packed...); err != nil {
		return nil, sent(err)
	}
	answer, err := l.answer(ctx, body, time.Now().Add(wait))
	if err != nil {
		return nil, sent(err)
	}
	l.synced = true
	return answer, nil
}

func (l *link2) answer(ctx context.Context, body []byte, by time.Time) ([]byte, error) {
	for {
		e, err := l.next(ctx, by)
		switch {
		case err != nil:
			return nil, err
		case e.Kind == frame.Broken:
			return nil, errBroken
		case e.Kind != frame.Frame || e.Num != l.num:
			// a late answer to an earlier frame
		case !answers(e.Body, body):
			return nil, errors.New("the answer is to another command")
		default:
			return e.Body, nil
		}
	}
}

// sync asks for the device's frame number.
func (l *link2) sync(ctx context.Context, tries int, wait time.Duration) error {
	for range tries {
		l.forget()
		if err := l.write(ctx, frame.EncodeSync()...); err != nil {
			return err
		}
		by := time.Now().Add(wait)
		for {
			e, err := l.next(ctx, by)
			if errors.Is(err, errSilent) {
				break
			}
			if err != nil {
				return err
			}
			if e.Kind == frame.Frame && len(e.Body) == 0 {
				l.num, l.synced = e.Num, true
				return nil
			}
		}
	}
	return fmt.Errorf("%w to the sync of protocol 2.0", errSilent)
}
