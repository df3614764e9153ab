package agent

import (
	"context"
	"errors"
	"slices"
	"time"
)

// HoldMax is the longest that a till may be held for an update: it takes the updater some ten seconds to stop and start
// it, and a cashier who waits longer calls support.
const HoldMax = 2 * time.Minute

// ErrHold is wrapped by every refusal to be held, and of what is begun meanwhile.
var ErrHold = errors.New("the till is not to be interrupted now, or is being updated")

// hold is the pause in which no sale may begin. It ends by itself: an updater that dies must not stop the shop.
type hold struct {
	touched time.Time // when the cashier last did something, by the monotonic clock
	since   time.Time // zero: not held
	until   time.Time
	over    <-chan time.Time // nil: not held
}

// whileHeld are the commands that begin nothing.
var whileHeld = []string{"dismiss", "next", "sign-out"}

// Hold keeps sales from beginning for some seconds, at most [HoldMax] from the first; none lets go. It is refused, with
// the reason in a *Refusal, while anything is open or a cashier is at work.
func (t *Till) Hold(ctx context.Context, seconds int) error {
	return t.turn(ctx, func() error {
		if seconds <= 0 {
			t.release()
			return nil
		}
		if text, busy := t.occupied(); busy {
			return refuse(text, ErrHold)
		}
		t.hold(min(time.Duration(seconds)*time.Second, HoldMax))
		return nil
	})
}

func (t *Till) hold(d time.Duration) {
	h, now := &t.desk.hold, t.clock.now()
	if h.over == nil {
		h.since = now
	}
	h.until = now.Add(d)
	if most := h.since.Add(HoldMax); h.until.After(most) {
		h.until = most
	}
	h.over = time.NewTimer(h.until.Sub(now)).C
	t.log.Info("held for an update", "until", h.until)
}

func (t *Till) release() {
	if t.desk.hold.over == nil {
		return
	}
	t.desk.hold = hold{touched: t.desk.hold.touched}
	t.dropNotices("scan") // "wait and scan again" is over
	t.log.Info("sales may begin again")
}

// paused tells whether nothing may begin.
func (t *Till) paused() bool { return t.desk.hold.over != nil }

// touch notes that the cashier is at work, and refuses while the till is held.
func (t *Till) touch(command string) error {
	t.desk.hold.touched = t.clock.now()
	if t.paused() && !slices.Contains(whileHeld, command) {
		return refuse(textHeld(), ErrHold)
	}
	return nil
}

// occupied says why the till is not to be interrupted now.
func (t *Till) occupied() (Text, bool) {
	d := &t.desk
	switch {
	case d.printing > 0 || (t.slips != nil && len(t.slips.jobs) > 0):
		return say("Касса печатает или закрывает документ: обновление подождёт", "The register is at work on a document: the update waits"), true
	case d.unknown != nil:
		return say("Исход прошлого документа неизвестен: сначала решите его на экране кассы", "The outcome of the last document is not known: settle it on the till's page first"), true
	case d.ret != nil:
		return say("Оформляется возврат: обновление подождёт", "A return is being made: the update waits"), true
	case d.sale.begun():
		return say("В чеке товары: обновление подождёт, пока его не закроют", "There are goods in the basket: the update waits until it is empty"), true
	}
	if left := t.quietLeft(); left > 0 {
		return say("Кассир работает: обновление подождёт %[1]d мин без нажатий и сканирования", "A cashier is at work: the update waits for %[1]d min without a key or a scan",
			int((t.rules.Quiet+time.Minute-1)/time.Minute)), true
	}
	return Text{}, false
}

// quietLeft is how long the cashier must yet leave the till alone. Where nobody can sell, nobody is disturbed.
func (t *Till) quietLeft() time.Duration {
	h := t.desk.hold
	if t.desk.cashier == nil || !t.ledger.Tally().Open || h.touched.IsZero() {
		return 0
	}
	return t.rules.Quiet - t.clock.now().Sub(h.touched)
}

// begun tells a sale that a new start of the program would lose.
func (s *open) begun() bool {
	return len(s.basket.Lines) > 0 || s.waiting != nil || s.wanted != nil || len(s.certificates) > 0
}

// HoldView is the pause on the cashier's page.
type HoldView struct {
	Seconds int  `json:"seconds"` // at most, from this view on
	Text    Text `json:"text"`
}

func (t *Till) holdView() *HoldView {
	if !t.paused() {
		return nil
	}
	return &HoldView{Seconds: t.holdLeft(), Text: textHeld()}
}

// holdLeft is in whole seconds, rounded up: zero means not held.
func (t *Till) holdLeft() int {
	if !t.paused() {
		return 0
	}
	left := t.desk.hold.until.Sub(t.clock.now())
	return int((max(left, 1) + time.Second - 1) / time.Second)
}

func textHeld() Text {
	return say("Программа обновляется, это займёт меньше минуты. Подождите и повторите", "The program is being updated, which takes less than a minute. Wait, then repeat")
}
