package shtrih

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// link1 speaks protocol 1.0: ENQ before each command, ACK or NAK after each frame. The device keeps
// an answer until it is acknowledged, so an answer that got lost can be asked for again by ENQ.
type link1 struct {
	stream
	// strayed is set once a reply was missed or came unasked. From then on a control byte may belong
	// to an earlier question, so that no NAK is believed, and the connection is not used again.
	strayed bool
}

func newLink1(conn port.Conn) *link1 {
	return &link1{stream: stream{conn: conn, dec: &frame.Decoder1{}}}
}

func (l *link1) close() error { return l.conn.Close() }

func (l *link1) astray() bool { return l.strayed }

func (l *link1) leftover(ctx context.Context) ([]byte, error) {
	defer l.interruptible(ctx)()
	return l.ready(ctx, enqTries, answerWait)
}

// exchange carries one command. An answer left over from an earlier command is read first and
// dropped on purpose: who cared for it has asked by leftover before.
func (l *link1) exchange(ctx context.Context, body []byte, wait time.Duration) ([]byte, error) {
	defer l.interruptible(ctx)()
	packed, err := frame.Encode1(body)
	if err != nil {
		return nil, unsent(err)
	}
	if _, err := l.ready(ctx, enqTries, answerWait); err != nil {
		return nil, unsent(err)
	}
	for range sendTries {
		if err := l.write(ctx, packed...); err != nil {
			return nil, sent(err)
		}
		answer, refused, err := l.answer(ctx, body, wait)
		if err != nil {
			return nil, sent(err)
		}
		if !refused {
			return answer, nil
		}
	}
	return nil, unsent(fmt.Errorf("the device refused the frame %d times", sendTries))
}

// answer waits until the device has taken the frame and answered it. refused means that the device
// said NAK to it and holds no answer: then it has not taken it, and only then.
func (l *link1) answer(ctx context.Context, body []byte, wait time.Duration) (answer []byte, refused bool, err error) {
	by := time.Now().Add(ackWait)
	for taken := false; ; {
		e, err := l.next(ctx, by)
		switch {
		case errors.Is(err, errSilent):
			l.strayed = true
			answer, err = l.again(ctx, body, wait)
			return answer, false, err
		case err != nil:
			return nil, false, err
		case e.Kind == frame.Frame && answers(e.Body, body):
			l.thank(ctx)
			return e.Body, false, nil
		case e.Kind == frame.Frame:
			l.thank(ctx) // a late answer to something else: the device must not keep it
		case e.Kind == frame.Broken:
			if err := l.write(ctx, frame.NAK); err != nil {
				return nil, false, err
			}
			answer, err = l.again(ctx, body, wait)
			return answer, false, err
		case e.Byte == frame.ACK && !taken:
			taken, by = true, time.Now().Add(wait)
		case e.Byte == frame.NAK && !taken:
			answer, refused, err = l.doubt(ctx, body, wait)
			return answer, refused, err
		}
	}
}

// doubt finds out what a NAK to a frame meant. It may be a double of the one before, or an ACK that the
// line turned into it; a device that holds no answer has not taken the frame, and may have it again.
func (l *link1) doubt(ctx context.Context, body []byte, wait time.Duration) (answer []byte, refused bool, err error) {
	left, err := l.ready(ctx, enqTries, wait)
	switch {
	case err != nil:
		return nil, false, err
	case left != nil && answers(left, body):
		return left, false, nil
	case l.strayed:
		return nil, false, errors.New("it cannot be told whether the device took the frame")
	}
	return nil, true, nil
}

// again asks for an answer that did not come or came damaged. A device that holds none either never
// got the command or lost power after it: nobody can say which.
func (l *link1) again(ctx context.Context, body []byte, wait time.Duration) ([]byte, error) {
	left, err := l.ready(ctx, enqTries, wait)
	switch {
	case err != nil:
		return nil, err
	case left == nil || !answers(left, body):
		return nil, fmt.Errorf("%w, and the device holds none", errSilent)
	}
	return left, nil
}

// ready asks by ENQ until the device says that it waits for a command. An answer that it held before
// that is returned; it may still be working on it, so wait is as long as that command may take.
func (l *link1) ready(ctx context.Context, tries int, wait time.Duration) (left []byte, err error) {
	stale := 0
	for range tries {
		l.strayed = l.strayed || len(l.events) > 0
		l.forget()
		l.dec.Reset()
		if err := l.write(ctx, frame.ENQ); err != nil {
			return nil, err
		}
		idle, err := l.settle(ctx, wait, &left, &stale)
		if idle || err != nil {
			return left, err
		}
	}
	return nil, fmt.Errorf("%w to ENQ", errSilent)
}

// settle reads what follows one ENQ. It tells whether the device is idle; false means: ask again.
func (l *link1) settle(ctx context.Context, wait time.Duration, left *[]byte, stale *int) (bool, error) {
	by := time.Now().Add(enqWait)
	for {
		e, err := l.next(ctx, by)
		switch {
		case errors.Is(err, errSilent):
			l.strayed = true
			return false, nil
		case err != nil:
			return false, err
		case e.Kind == frame.Broken:
			return false, l.write(ctx, frame.NAK)
		case e.Kind == frame.Frame:
			*left = e.Body
			l.thank(ctx)
			if *stale++; *stale > staleMax {
				return false, errors.New("the device repeats an answer without end")
			}
			if err := l.write(ctx, frame.ENQ); err != nil {
				return false, err
			}
			by = time.Now().Add(enqWait)
		case e.Byte == frame.ACK:
			by = time.Now().Add(wait)
		case e.Byte == frame.NAK:
			return true, nil
		}
	}
}

// thank acknowledges an answer. Lost, it costs nothing: the device offers the answer again, and the
// next ENQ finds and drops it. So its failure is no failure of the command.
func (l *link1) thank(ctx context.Context) {
	_ = l.write(ctx, frame.ACK) // see above
}
