package desk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/kopilka/kopilka/agent"
)

const (
	doctorMax  = time.Minute     // for an examination: head office and the disk have limits of their own below it
	doctorKept = 2 * time.Second // an answer this young is given again: a finger that taps twice starts nothing
	logWishMax = 1 << 10         // bytes; a wish is under 100
)

// ErrLog is wrapped by refusals of a wish about the log, whose sentence is for who asked.
var ErrLog = errors.New("the log stays as it is / журнал остаётся прежним")

// Log is how much the program logs.
type Log interface {
	State() agent.LogState
	// Change has another level for a while. A refusal wraps [ErrLog].
	Change(level string, d time.Duration) error
}

// LogWish is the body of POST /log.
type LogWish struct {
	Level   string `json:"level"`
	Seconds int    `json:"seconds"`
}

// examinations are made one at a time: each writes to the disk and knocks at head office.
type examinations struct {
	turn     chan struct{} // holds one
	findings []agent.Finding
	at       time.Time
	once     sync.Once
}

// Examined is the answer of GET /doctor.json.
type Examined struct {
	At       int64           `json:"at"` // Unix milliseconds
	Worst    agent.Level     `json:"worst"`
	Findings []agent.Finding `json:"findings"`
}

func (x *examinations) make(ctx context.Context, doctor func(context.Context) []agent.Finding) (e Examined, err error) {
	x.once.Do(func() { x.turn = make(chan struct{}, 1) })
	select {
	case x.turn <- struct{}{}:
	case <-ctx.Done():
		return e, ctx.Err()
	}
	defer func() { <-x.turn }()
	if x.at.IsZero() || time.Since(x.at) > doctorKept {
		ctx, cancel := context.WithTimeout(ctx, doctorMax)
		defer cancel()
		found := doctor(ctx)
		if err := ctx.Err(); err != nil {
			return e, err // what is cut short is no finding
		}
		x.findings, x.at = found, time.Now()
	}
	return Examined{At: x.at.UnixMilli(), Worst: agent.Worst(x.findings), Findings: nonNil(x.findings)}, nil
}

func (d *Desk) doctor(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := d.page.ExecuteTemplate(w, "doctor.html", d.Lang); err != nil {
		d.Logger.Debug("desk: page not delivered", "err", err)
	}
}

func (d *Desk) examine(w http.ResponseWriter, r *http.Request) {
	if d.Doctor == nil {
		http.Error(w, "this program has no doctor", http.StatusNotFound)
		return
	}
	e, err := d.examinations.make(r.Context(), d.Doctor)
	if err != nil {
		http.Error(w, "the examination was cut short: try again / осмотр прерван: повторите", http.StatusServiceUnavailable)
		return
	}
	d.answer(w, http.StatusOK, e)
}

func (d *Desk) logState(w http.ResponseWriter, _ *http.Request) {
	if d.Log == nil {
		http.Error(w, "this program's log cannot be changed", http.StatusNotFound)
		return
	}
	d.answer(w, http.StatusOK, d.Log.State())
}

func (d *Desk) changeLog(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(scriptHeader) == "" {
		http.Error(w, "the header "+scriptHeader+": 1 is missing", http.StatusForbidden)
		return
	}
	if d.Log == nil {
		http.Error(w, "this program's log cannot be changed", http.StatusNotFound)
		return
	}
	var wish LogWish
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, logWishMax))
	if err == nil {
		err = json.Unmarshal(body, &wish)
	}
	if err != nil {
		http.Error(w, `want {"level": "debug", "seconds": 3600}`, http.StatusBadRequest)
		return
	}
	if err := d.Log.Change(wish.Level, time.Duration(wish.Seconds)*time.Second); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s := d.Log.State()
	d.Logger.Warn("the log's level was changed", "level", s.Level, "until", s.Until)
	d.logState(w, r)
}
