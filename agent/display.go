package agent

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Times of the customer display.
const (
	displayRetry = 10 * time.Second // before dialling again; nobody waits for it
	displayWait  = 3 * time.Second  // for two lines on a slow serial line
)

// OpenDisplay dials the customer display anew.
type OpenDisplay func(ctx context.Context) (drivers.Display, error)

// facing is what the customer reads: two lines, each with something at its left and its right end.
type facing [2]struct{ left, right string }

// displayState is the display as last seen: most of them cannot answer, so that it is what was last written.
type displayState struct {
	online bool
	err    error
}

// displayView is the customer display, where there is one.
func (t *Till) displayView() *DeviceView {
	if t.display == nil {
		return nil
	}
	s := t.desk.display
	v := &DeviceView{Name: "display", Online: s.online}
	if s.err != nil {
		text := orHint(s.err, say("Дисплей покупателя не отвечает: проверьте питание и кабель", "The customer display does not answer: check its power and cable"))
		v.Text = &text
	}
	return v
}

// displayLine owns the customer display. It only ever shows the newest lines, and whatever goes wrong with
// it is its own affair: no sale waits for a display.
type displayLine struct {
	open OpenDisplay
	want chan facing
	last facing // as given to want; the till's goroutine's own
	seen func(displayState)
	log  *slog.Logger
}

// show replaces what is wanted, if it is anything new. Called by the till's goroutine alone.
func (d *displayLine) show(f facing) {
	if d == nil || f == d.last {
		return
	}
	d.last = f
	select {
	case <-d.want: // what was not shown yet
	default:
	}
	d.want <- f
}

// run serves until ctx ends.
func (d *displayLine) run(ctx context.Context) {
	var now *facing
	for ctx.Err() == nil {
		err := d.serve(ctx, &now)
		if ctx.Err() != nil {
			return
		}
		d.log.Warn("the customer display is out of order", "err", err)
		d.seen(displayState{err: err})
		select {
		case <-ctx.Done():
		case <-time.After(displayRetry):
		}
	}
}

func (d *displayLine) serve(ctx context.Context, now **facing) error {
	device, err := d.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = device.Close() }() // it has failed already, or is being left
	for shown := false; ; {
		if *now != nil {
			if err := d.put(ctx, device, **now); err != nil {
				return err
			}
			if !shown {
				shown = true
				d.seen(displayState{online: true})
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case f := <-d.want:
			*now = &f
		}
	}
}

func (d *displayLine) put(ctx context.Context, device drivers.Display, f facing) error {
	ctx, cancel := context.WithTimeout(ctx, displayWait)
	defer cancel()
	w := device.Width()
	return device.Show(ctx, spread(f[0].left, f[0].right, w), spread(f[1].left, f[1].right, w))
}

// spread sets the right end at the margin and cuts the left one: a name may be cut, a sum may not.
func spread(left, right string, width int) string {
	l, r := []rune(left), []rune(right)
	r = r[:min(len(r), width)]
	room := width - len(r)
	if len(r) > 0 {
		room-- // a space between the two
	}
	l = l[:min(len(l), max(room, 0))]
	return string(l) + strings.Repeat(" ", max(0, width-len(l)-len(r))) + string(r)
}

// faces is what the customer should read just now, in the language of the receipt.
func (t *Till) faces() (f facing) {
	d := &t.desk
	lines := d.sale.basket.Lines
	switch {
	case d.cashier == nil || d.unknown != nil || !t.ledger.Tally().Open:
		f[0].left, f[1].left = t.shop.settings.StoreName, t.say("Касса закрыта", "Till closed")
	case d.ret != nil:
		f[0].left = t.say("Возврат", "Return")
		if back := d.ret.total(); back > 0 {
			f[1].left, f[1].right = t.say("К возврату", "You get"), t.figure(back)
		}
	case d.done != nil:
		return t.facesDone(*d.done)
	case len(lines) == 0:
		f[0].left, f[1].left = t.say("Добро пожаловать!", "Welcome!"), t.shop.settings.StoreName
	case d.sale.paying || d.printing > 0:
		_, due := t.certificatePays()
		f[0].left, f[0].right = t.say("К оплате", "To pay"), t.figure(due)
		if q := d.sale.quote; d.sale.customer != nil && q.Earned > 0 {
			f[1].left, f[1].right = t.say("Баллы", "Points"), "+"+t.figure(q.Earned)
		}
	default:
		l := lines[min(d.sale.latest, len(lines)-1)]
		f[0].left, f[0].right = l.Product.Name, t.figure(l.Product.Price)
		f[1].left, f[1].right = t.say("Итого", "Total"), t.figure(d.sale.quote.Total)
	}
	return f
}

// facesDone is the receipt just made: the change, or the total, and the points.
func (t *Till) facesDone(d DoneView) (f facing) {
	switch {
	case d.Kind == sale.KindCorrection.String():
		f[0].left, f[0].right = t.say("Коррекция", "Correction"), t.figure(d.Total)
		return f
	case d.Kind != sale.KindSale.String():
		f[0].left, f[0].right = t.say("Возврат", "Return"), t.figure(d.Total)
	case d.Change > 0:
		f[0].left, f[0].right = t.say("Сдача", "Change"), t.figure(d.Change)
	default:
		f[0].left, f[0].right = t.say("Оплачено", "Paid"), t.figure(d.Total)
	}
	f[1].left = t.say("Спасибо за покупку!", "Thank you!")
	if d.Customer != "" {
		f[1].left, f[1].right = t.say("Баллов", "Points"), t.figure(d.Balance)
	}
	return f
}

// figure writes an amount for the customer's language.
func (t *Till) figure(a interface{ String() string }) string {
	if t.rules.Language == "en" {
		return a.String()
	}
	return strings.Replace(a.String(), ".", ",", 1)
}
