package desk

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
)

const (
	tokenBytes = 16
	// The notify helper runs as the person at the screen, so the installer gives the file's group to that
	// person; nobody else reads it.
	tokenMode fs.FileMode = 0o640
)

// NoticeToken reads this machine's token for /notices, making it at the first start.
func NoticeToken(path string) (string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeToken(path)
	}
	if err != nil {
		return "", fmt.Errorf("read the notice token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if raw, err := hex.DecodeString(token); err != nil || len(raw) != tokenBytes {
		return "", fmt.Errorf("read the notice token: %s holds no token: delete it, a new one is made at the next start", path)
	}
	return token, nil
}

func makeToken(path string) (string, error) {
	raw := make([]byte, tokenBytes)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("make the notice token: %w", err)
	}
	token := hex.EncodeToString(raw)
	if err := os.WriteFile(path, []byte(token+"\n"), tokenMode); err != nil {
		return "", fmt.Errorf("make the notice token: %w", err)
	}
	return token, nil
}

// notices streams what a person should see even while another program covers the page: one event
// "notice" for each that appears or changes, "gone" with its id when it no longer holds.
func (d *Desk) notices(w http.ResponseWriter, r *http.Request) {
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if d.NoticeToken == "" || subtle.ConstantTimeCompare([]byte(given), []byte(d.NoticeToken)) != 1 {
		http.Error(w, "the notice token is missing or wrong", http.StatusUnauthorized)
		return
	}
	if !d.enter() {
		http.Error(w, textClosing, http.StatusServiceUnavailable)
		return
	}
	defer d.sockets.Done()
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	s := noticeStream{out: http.NewResponseController(w), w: w, shown: map[uint64]agent.Notice{}}
	if err := s.run(r, d); err != nil {
		d.Logger.Debug("desk: notice stream ended", "err", err)
	}
}

type noticeStream struct {
	w     http.ResponseWriter
	out   *http.ResponseController
	shown map[uint64]agent.Notice
}

func (s *noticeStream) run(r *http.Request, d *Desk) error {
	views, stop := d.Till.Watch()
	defer stop()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return nil
		case <-d.ctx.Done():
			return nil
		case v, ok := <-views:
			if !ok {
				return nil
			}
			err = s.show(append(s.standing(v), v.Notices...))
		case <-beat.C:
			err = s.send(": still here\n\n")
		}
		if err != nil {
			return err
		}
	}
}

// standingID is above every number that the till gives its notices.
const standingID = 1 << 52

// standing are the sentences that the page shows in its bar and not as notices; behind another window
// they would go unseen.
func (s *noticeStream) standing(v agent.View) (out []agent.Notice) {
	var unknown *agent.Text
	if v.Unknown != nil {
		unknown = &v.Unknown.Text
	}
	for i, c := range []struct {
		level string
		text  *agent.Text
	}{{"error", v.Register.Text}, {"error", unknown}, {"warning", v.Shift.Warn}, {"warning", v.Frozen}} {
		if c.text == nil {
			continue
		}
		n := agent.Notice{ID: standingID + uint64(i), Level: c.level, At: v.Now, Text: *c.text}
		if old, ok := s.shown[n.ID]; ok && old.Text == n.Text {
			n.At = old.At // it is the same trouble still
		}
		out = append(out, n)
	}
	return out
}

func (s *noticeStream) show(notices []agent.Notice) error {
	here := make(map[uint64]bool, len(notices))
	for _, n := range notices {
		here[n.ID] = true
		if old, ok := s.shown[n.ID]; ok && old == n {
			continue
		}
		b, err := json.Marshal(n)
		if err != nil {
			return fmt.Errorf("encode notice %d: %w", n.ID, err)
		}
		if err := s.send(fmt.Sprintf("event: notice\ndata: %s\n\n", b)); err != nil {
			return err
		}
		s.shown[n.ID] = n
	}
	for id := range s.shown {
		if here[id] {
			continue
		}
		if err := s.send(fmt.Sprintf("event: gone\ndata: {\"id\":%d}\n\n", id)); err != nil {
			return err
		}
		delete(s.shown, id)
	}
	return nil
}

func (s *noticeStream) send(text string) error {
	if err := s.out.SetWriteDeadline(time.Now().Add(writeMax)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("send a notice: %w", err)
	}
	return s.out.Flush()
}
