package atol

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/drivers/port"
)

const (
	// httpWait is for one answer of the web server, which only looks into its queue: it does not wait for the
	// register.
	httpWait = 5 * time.Second
	// idleMax is how long a connection may rest and still be used: the server closes one after half a minute,
	// and a request that meets the close has an unknown fate for nothing.
	idleMax = 4 * time.Second
	// bodyMax is far more than the longest result, a document of three hundred positions.
	bodyMax = 4 << 20
)

// link is one connection to the web server. HTTP is spoken by hand: each byte is sent once, by the goroutine
// that asks, and nothing repeats a request behind the driver's back as http.Transport does.
type link struct {
	conn port.Conn
	r    *bufio.Reader
	used time.Time
}

// answer is what came back.
type answer struct {
	code int
	body []byte
}

// linkError is a failure to carry a request or its answer.
type linkError struct {
	sent bool // the server may have the whole request
	err  error
}

func (e *linkError) Error() string { return e.err.Error() }
func (e *linkError) Unwrap() error { return e.err }

var errSilent = errors.New("no answer in time")

// exchange sends one request, once, and reads its answer. After a failure the connection is gone.
func (p *Printer) exchange(ctx context.Context, method, path string, body []byte) (answer, error) {
	if p.link != nil && time.Since(p.link.used) > idleMax {
		p.hangUp()
	}
	if p.link == nil {
		conn, err := p.dial(ctx)
		if err != nil {
			return answer{}, &linkError{err: err}
		}
		p.link = &link{conn: conn, r: bufio.NewReader(conn)}
	}
	a, keep, err := p.link.exchange(ctx, task.AppendHTTP(nil, method, path, p.opts.authorization(), body), httpWait)
	if err != nil || !keep {
		p.hangUp()
	}
	return a, err
}

// hangUp drops the connection. What it has not carried yet must never arrive, or a receipt that was given up
// would be printed later: so it is reset rather than closed, where the system can.
func (p *Printer) hangUp() {
	if p.link == nil {
		return
	}
	if l, ok := p.link.conn.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // a connection that refuses is broken already
	}
	_ = p.link.conn.Close() // the failure that led here is the one to report
	p.link = nil
}

func (l *link) exchange(ctx context.Context, request []byte, wait time.Duration) (a answer, keep bool, err error) {
	stop := context.AfterFunc(ctx, func() {
		past := time.Unix(1, 0)
		_ = l.conn.SetReadDeadline(past)  // a connection that refuses a deadline is broken,
		_ = l.conn.SetWriteDeadline(past) // and its reads and writes end by themselves
	})
	defer stop()
	by := time.Now().Add(wait)
	if err := errors.Join(l.conn.SetWriteDeadline(by), l.conn.SetReadDeadline(by)); err != nil {
		return answer{}, false, &linkError{err: fmt.Errorf("set the deadline: %w", err)}
	}
	if err := ctx.Err(); err != nil { // asked after the deadlines are set, so that its end is noticed whichever comes first
		return answer{}, false, &linkError{err: err}
	}
	if n, err := l.conn.Write(request); err != nil || n < len(request) {
		// The server runs nothing before the whole body is there.
		return answer{}, false, &linkError{sent: n >= len(request), err: l.why(ctx, "write", errors.Join(err, io.ErrShortWrite))}
	}
	a, keep, err = l.read(ctx)
	if err != nil {
		return answer{}, false, &linkError{sent: true, err: err}
	}
	l.used = time.Now()
	return a, keep, nil
}

func (l *link) read(ctx context.Context) (a answer, keep bool, err error) {
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		return answer{}, false, l.why(ctx, "read the answer", err)
	}
	a.code = resp.StatusCode
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, bodyMax+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return answer{}, false, l.why(ctx, "read the answer's body", err)
	}
	if len(a.body) > bodyMax {
		return answer{}, false, fmt.Errorf("the answer has more than %d bytes", bodyMax)
	}
	return a, !resp.Close, nil
}

// why names a failure of the connection: the caller's end, silence, or what the system says.
func (l *link) why(ctx context.Context, doing string, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: %w", doing, errSilent)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// pause waits unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
