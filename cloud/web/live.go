package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
)

const (
	// pulseEvery is how soon a change made by another node is seen; changes of this one come at once.
	pulseEvery = 2 * time.Second
	// sayEvery keeps proxies from closing a silent stream and finds browsers that have gone.
	sayEvery = 20 * time.Second
	// writeWithin bounds a write to a browser that does not read.
	writeWithin = 10 * time.Second
)

// live tells a page what has changed, as server-sent events; the page then fetches itself anew. The
// stream carries no data of its own, so it cannot show what the page's own role would not.
func (s *site) live(c *call) error {
	out := http.NewResponseController(c.w)
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	moved, stop := s.Watch(c.org())
	defer stop()
	last, err := s.Pulse(c.ctx(), c.org())
	if err != nil {
		return err
	}
	if say(c.w, out, "retry: 3000\n: ready\n\n") != nil {
		return nil // the browser has gone; there is nobody to tell
	}
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	beats := 0
	for {
		select {
		case <-c.ctx().Done():
			return nil
		case <-moved:
		case <-tick.C:
			beats++
		}
		now, err := s.Pulse(c.ctx(), c.org())
		if err != nil {
			return s.liveFailed(c, err)
		}
		text := news(last, now)
		last = now
		if time.Duration(beats)*pulseEvery >= sayEvery { // a busy head office is never silent: who is listening is asked all the same
			beats = 0
			if !s.stillSignedIn(c) {
				return nil
			}
			if text == "" {
				text = ": still here\n\n"
			}
		}
		if text != "" && say(c.w, out, text) != nil {
			return nil // gone
		}
	}
}

// liveFailed logs, since the stream has begun and cannot become an error page.
func (s *site) liveFailed(c *call, err error) error {
	if c.ctx().Err() == nil {
		s.Logger.Error("live pages: cannot ask for news", "err", err)
	}
	return nil
}

func (s *site) stillSignedIn(c *call) bool {
	_, _, err := s.Accounts.PageSession(c.ctx(), c.org(), c.session.Token)
	return err == nil && c.session.Ends > c.now()
}

func say(w http.ResponseWriter, out *http.ResponseController, text string) error {
	// not every server knows deadlines per write; then its own hold
	if err := out.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := fmt.Fprint(w, text); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	// HTTP/2 ends a stream at a deadline that has passed, whether or not anything is being written
	if err := out.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// news is the event for a change of pulse; empty for none.
func news(last, now page.Pulse) string {
	if last == now {
		return ""
	}
	body, err := json.Marshal(map[string]bool{"records": last.Records != now.Records, "tills": last.Tills != now.Tills, "flags": last.Flags != now.Flags})
	if err != nil {
		return ""
	}
	return fmt.Sprintf("event: news\ndata: %s\n\n", body)
}
