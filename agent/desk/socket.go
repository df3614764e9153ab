package desk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/kopilka/kopilka/agent"
)

const (
	writeMax  = 5 * time.Second  // a page that reads nothing for so long is gone; it comes back by itself
	beatEvery = 5 * time.Second  // the page covers itself when it hears nothing for beatMissed of these
	readMax   = 30 * time.Second // a browser answers a ping at once, unless its machine sleeps
	queueMax  = 32               // more scans than this in flight means that the till stands still
)

var errStopped = errors.New("the till has stopped")

// ask is what a page sends.
type ask struct {
	ID      uint64         `json:"id"`
	Command *agent.Command `json:"command"`
}

// reply is the answer to one ask.
type reply struct {
	ID    uint64      `json:"id,omitempty"`
	OK    bool        `json:"ok"`
	Error *agent.Text `json:"error,omitempty"`
}

// message is what a page receives: exactly one of these.
type message struct {
	View  *agent.View `json:"view,omitempty"`
	Reply *reply      `json:"reply,omitempty"`
	Beat  int64       `json:"beat,omitempty"` // milliseconds, so that the page knows the program is alive
}

// session is one open page.
type session struct {
	desk    *Desk
	conn    *websocket.Conn
	replies chan reply
	queue   chan ask // one after another: scans keep their order
	urgent  chan ask // must get through while the queue waits for the register
}

func (d *Desk) socket(w http.ResponseWriter, r *http.Request) {
	if !d.enter() {
		http.Error(w, textClosing, http.StatusServiceUnavailable)
		return
	}
	defer d.sockets.Done()
	conn, err := d.upgrader.Upgrade(w, r, nil)
	if err != nil {
		d.Logger.Debug("desk: not a websocket", "err", err)
		return
	}
	s := &session{
		desk: d, conn: conn,
		replies: make(chan reply),
		queue:   make(chan ask, queueMax),
		urgent:  make(chan ask, queueMax),
	}
	s.run(d.ctx)
}

// run holds the page until it leaves, stops reading, or the desk closes.
func (s *session) run(parent context.Context) {
	ctx, cancel := context.WithCancel(parent)
	var wait sync.WaitGroup
	for _, lane := range []chan ask{s.queue, s.urgent} {
		wait.Go(func() { s.work(ctx, lane) })
	}
	wait.Go(func() {
		s.write(ctx)
		cancel()       // read may be handing over an answer that nobody writes any more
		s.conn.Close() // ends read
	})
	s.read(ctx)
	cancel()
	wait.Wait()
}

func (s *session) read(ctx context.Context) {
	s.conn.SetReadLimit(commandBytesMax)
	_ = s.alive("") // a deadline that cannot be set shows at the next read
	s.conn.SetPongHandler(s.alive)
	for {
		_, b, err := s.conn.ReadMessage()
		if err != nil || ctx.Err() != nil {
			return
		}
		s.take(ctx, b)
	}
}

// alive moves the read deadline; a failure shows in the next read.
func (s *session) alive(string) error {
	return s.conn.SetReadDeadline(time.Now().Add(readMax))
}

func (s *session) take(ctx context.Context, b []byte) {
	var a ask
	if err := decode(b, &a); err != nil || a.Command == nil {
		s.desk.Logger.Warn("desk: message not understood", "err", err)
		s.answer(ctx, reply{ID: a.ID, Error: &textShape})
		return
	}
	select {
	case s.lane(a.Command.Do) <- a:
	default:
		s.answer(ctx, reply{ID: a.ID, Error: &textBusy})
	}
}

func (s *session) lane(do string) chan ask {
	switch do {
	case "resume", "retry", "settle", "dismiss":
		return s.urgent
	}
	return s.queue
}

func (s *session) work(ctx context.Context, lane chan ask) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-lane:
			text := s.desk.do(ctx, *a.Command)
			s.answer(ctx, reply{ID: a.ID, OK: text == nil, Error: text})
		}
	}
}

func (s *session) answer(ctx context.Context, r reply) {
	select {
	case s.replies <- r:
	case <-ctx.Done():
	}
}

func (s *session) write(ctx context.Context) {
	views, stop := s.desk.Till.Watch()
	defer stop()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			s.farewell()
			return
		case v, ok := <-views:
			if !ok {
				return
			}
			v = complete(v)
			err = s.send(message{View: &v})
		case r := <-s.replies:
			err = s.reply(views, r)
		case now := <-beat.C:
			err = s.beat(now)
		}
		if err != nil {
			s.desk.Logger.Debug("desk: page gone", "err", err)
			return
		}
	}
}

// reply sends an answer after the view of what its command did: a page that heard the answer first would take the next
// key for what it still shows.
func (s *session) reply(views <-chan agent.View, r reply) error {
	select {
	case v, ok := <-views:
		if !ok {
			return errStopped
		}
		v = complete(v)
		if err := s.send(message{View: &v}); err != nil {
			return err
		}
	default:
	}
	return s.send(message{Reply: &r})
}

func (s *session) send(m message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeMax)); err != nil {
		return err
	}
	return s.conn.WriteMessage(websocket.TextMessage, b)
}

func (s *session) beat(now time.Time) error {
	if err := s.send(message{Beat: now.UnixMilli()}); err != nil {
		return err
	}
	return s.conn.WriteControl(websocket.PingMessage, nil, now.Add(writeMax))
}

func (s *session) farewell() {
	bye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
	if err := s.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second)); err != nil {
		s.desk.Logger.Debug("desk: page left first", "err", err)
	}
}
