package desk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/kopilka/kopilka/agent"
)

// healthMax is how long the till may take to say how it is; one that takes longer is not well.
const healthMax = 5 * time.Second

// holdBytesMax bounds {"seconds":60}.
const holdBytesMax = 1 << 10

var textStuck = agent.Text{
	RU: "Программа кассы не отвечает самой себе. Перезапустите службу kopilka-agent.",
	EN: "The till program does not answer itself. Restart the service kopilka-agent.",
}

// health says how the till is, in whatever words the program has for it, for who updates it.
func (d *Desk) health(w http.ResponseWriter, r *http.Request) {
	if d.Health == nil {
		http.NotFound(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), healthMax)
	defer cancel()
	h, err := d.Health(ctx)
	if err != nil {
		d.Logger.Warn("desk: the till did not say how it is", "err", err)
		d.answer(w, http.StatusServiceUnavailable, reply{Error: &textStuck})
		return
	}
	d.answer(w, http.StatusOK, h)
}

// hold keeps sales from beginning while the program is exchanged; zero seconds let go.
func (d *Desk) hold(w http.ResponseWriter, r *http.Request) {
	if d.Hold == nil {
		http.NotFound(w, r)
		return
	}
	if r.Header.Get(scriptHeader) == "" {
		http.Error(w, "the header "+scriptHeader+": 1 is missing", http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, holdBytesMax))
	if err != nil {
		d.answer(w, http.StatusRequestEntityTooLarge, reply{Error: &textShape})
		return
	}
	var wish struct {
		Seconds *int `json:"seconds"`
	}
	if err := decode(body, &wish); err != nil || wish.Seconds == nil || *wish.Seconds < 0 {
		d.answer(w, http.StatusBadRequest, reply{Error: &textShape})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), healthMax)
	defer cancel()
	text, status := d.holds(ctx, *wish.Seconds)
	d.answer(w, status, reply{OK: text == nil, Error: text})
}

func (d *Desk) holds(ctx context.Context, seconds int) (*agent.Text, int) {
	err := d.Hold(ctx, seconds)
	var refusal *agent.Refusal
	switch {
	case err == nil:
		return nil, http.StatusOK
	case errors.As(err, &refusal):
		d.Logger.Info("desk: not held", "err", err)
		return &refusal.Text, http.StatusConflict
	}
	d.Logger.Warn("desk: the till was not held", "err", err)
	return &textStuck, http.StatusServiceUnavailable
}
