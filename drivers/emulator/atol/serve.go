package atol

import (
	"bufio"
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kopilka/kopilka/drivers/atol/task"
)

const (
	// bodyMax bounds what a client may send: a receipt of three hundred positions is a tenth of it.
	bodyMax = 1 << 20
	// connectionsMax is more than a shop has; clients that open one and leave it do no harm up to here.
	connectionsMax = 64
)

// ErrOff is what Serve returns when the server is not there any more.
var ErrOff = errors.New("the web server is not running")

// Serve speaks HTTP on one connection until ctx ends, the client closes it, or the server goes; it closes conn.
func (r *Register) Serve(ctx context.Context, conn io.ReadWriteCloser) error {
	r.Mu.Lock()
	off, closed := r.off, r.closed
	r.Mu.Unlock()
	if closed {
		return errors.Join(ErrOff, conn.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ctx.Done():
		case <-off:
		}
		_ = conn.Close() // the stream is given up; there is nobody to tell
	})
	defer watch.Wait()
	defer cancel()
	in := bufio.NewReader(conn)
	for {
		rest := r.restsTill(conn)
		req, err := http.ReadRequest(in)
		rest()
		if err != nil {
			return nil // the client has gone, or does not speak HTTP
		}
		body, err := io.ReadAll(io.LimitReader(req.Body, bodyMax))
		if err != nil {
			return nil // cut in the middle: nothing of it is run
		}
		s := session{r: r, conn: conn, off: off}
		if !s.answer(ctx, req, body) || req.Close {
			return nil
		}
	}
}

// restsTill closes a connection that rests too long; the result says that it does not rest any more.
func (r *Register) restsTill(conn io.Closer) (awake func()) {
	if r.opt.KeepAlive == 0 {
		return func() {}
	}
	timer := time.AfterFunc(r.opt.KeepAlive, func() { _ = conn.Close() }) // the reader notices
	return func() { timer.Stop() }
}

// Listen serves every connection of a listener until ctx ends; it closes the listener.
func (r *Register) Listen(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // ends Accept; there is nobody to tell
	defer stop()
	var served sync.WaitGroup
	defer served.Wait()
	free := make(chan struct{}, connectionsMax)
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept: %w", err)
		}
		free <- struct{}{}
		served.Go(func() {
			_ = r.Serve(ctx, conn) // ends with the connection, as clients want
			<-free
		})
	}
}

// session is one connection.
type session struct {
	r    *Register
	conn io.ReadWriteCloser
	off  chan struct{}
}

// answer takes one request through the faults and answers it; false closes the connection.
func (s session) answer(ctx context.Context, req *http.Request, body []byte) bool {
	r := s.r
	r.Mu.Lock()
	if s.off != r.off || r.closed { // the server that this connection was made to has gone
		r.Mu.Unlock()
		return false
	}
	fault, struck := r.faults.onTheWay(req.Method, r.tasksOf(req, body))
	if struck && (fault.Kind == LoseRequest || fault.Kind == RestartBefore) {
		if fault.Kind == RestartBefore {
			r.restart(fault.Keep)
		}
		r.Mu.Unlock()
		return false
	}
	code, value := r.handle(req, body)
	if struck && fault.Kind == RestartAfter {
		r.restart(fault.Keep)
	}
	r.Mu.Unlock()
	if !struck {
		return s.write(code, value, -1)
	}
	switch fault.Kind {
	case LoseAnswer, RestartAfter:
		return false
	case SlowAnswer:
		return s.sleep(ctx, fault.For) && s.write(code, value, -1)
	case CutAnswer:
		return s.write(code, value, fault.Bytes)
	case Conflict:
		code, value = http.StatusConflict, nil
	case ServerFailure:
		code, value = http.StatusInternalServerError, nil
	}
	return s.write(code, value, -1)
}

func (s session) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-s.off:
	}
	return false
}

// write sends an answer, or its first bytes.
func (s session) write(code int, value any, only int) bool {
	var body []byte
	if value != nil {
		var err error
		if body, err = json.Marshal(value); err != nil {
			return false // no answer of ours cannot be written
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", code, http.StatusText(code))
	if code == http.StatusUnauthorized {
		out.WriteString("WWW-Authenticate: Basic realm=\"atol\"\r\n")
	}
	fmt.Fprintf(&out, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
	out.Write(body)
	raw := out.Bytes()
	if only >= 0 && only < len(raw) {
		raw = raw[:only]
	}
	_, err := s.conn.Write(raw)
	return err == nil && only < 0
}

// tasksOf are the tasks that an HTTP request is about, for faults that wait for one.
func (r *Register) tasksOf(req *http.Request, body []byte) []task.Task {
	if req.Method == http.MethodPost {
		posted, err := task.ParseRequest(body)
		if err != nil {
			return nil
		}
		return posted.Request
	}
	if q := r.find(uuidOf(req)); q != nil {
		return q.tasks
	}
	return nil
}

func uuidOf(req *http.Request) string {
	uuid, ok := strings.CutPrefix(req.URL.Path, task.Path+"/")
	if !ok {
		return ""
	}
	return uuid
}

// handle is the server's own part: the queue.
func (r *Register) handle(req *http.Request, body []byte) (code int, value any) {
	if !r.authorized(req) {
		return http.StatusUnauthorized, nil
	}
	r.settle()
	switch {
	case req.Method == http.MethodPost && req.URL.Path == task.Path:
		return r.post(body)
	case uuidOf(req) == "":
		return http.StatusNotFound, nil
	}
	q := r.find(uuidOf(req))
	switch {
	case q == nil:
		return http.StatusNotFound, nil
	case req.Method == http.MethodGet:
		return http.StatusOK, r.states(q)
	case req.Method == http.MethodDelete && r.cancel(q):
		return http.StatusOK, nil
	}
	return http.StatusMethodNotAllowed, nil
}

func (r *Register) post(body []byte) (code int, value any) {
	posted, err := task.ParseRequest(body)
	if err != nil {
		return http.StatusBadRequest, map[string]string{"error": err.Error()}
	}
	if r.find(posted.UUID) != nil && !r.opt.Twice {
		return http.StatusConflict, nil
	}
	r.accept(posted)
	a := task.Accepted{UUID: posted.UUID, IsBlocked: r.blocked != nil}
	if r.blocked != nil {
		a.BlockedUUID = r.blocked.uuid
	}
	return http.StatusCreated, a
}

func (r *Register) authorized(req *http.Request) bool {
	if r.opt.User == "" {
		return true
	}
	user, password, ok := req.BasicAuth()
	return ok && subtle.ConstantTimeCompare([]byte(user+":"+password), []byte(r.opt.User+":"+r.opt.Password)) == 1
}
