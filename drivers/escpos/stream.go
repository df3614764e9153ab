package escpos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/escpos/command"
)

// mark is the question behind a window.
type mark struct {
	id []byte // of GS ( H; nil for GS r
}

// stream sends the pieces in windows, at most two ahead of the printer's answers: a serial line has no flow
// control here, and a small buffer that overflows loses rows of a picture without a word.
func (p *Printer) stream(ctx context.Context, pieces [][]byte) error {
	var open []mark
	for _, window := range windows(pieces, p.opts.window) {
		if len(open) >= windowsAhead {
			if err := p.await(ctx, open[0]); err != nil {
				return err
			}
			open = open[1:]
		}
		m, ask := p.mark()
		if err := p.line.write(ctx, append(window, ask...)); err != nil {
			return err
		}
		if p.opts.barrier != barrierOff {
			open = append(open, m)
		}
	}
	for _, m := range open {
		if err := p.await(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// windows joins pieces up to a size. A piece that is larger goes alone.
func windows(pieces [][]byte, size int) (out [][]byte) {
	var now []byte
	for _, piece := range pieces {
		if len(now) > 0 && len(now)+len(piece) > size {
			out, now = append(out, now), nil
		}
		now = append(now, piece...)
	}
	return append(out, now)
}

// mark makes the next question.
func (p *Printer) mark() (mark, []byte) {
	var s command.Script
	switch p.opts.barrier {
	case barrierQueued:
		s.Barrier()
		p.line.owed++
	case barrierProcess:
		id := processID(p.asked)
		p.asked++
		s.Process(id)
		return mark{id[:]}, s.Bytes()
	}
	return mark{}, s.Bytes()
}

// processID writes a number in four characters that GS ( H takes; it comes again after 16 million slips.
func processID(n uint32) (id [4]byte) {
	const digits, first = 64, '0'
	for i := range id {
		id[len(id)-1-i] = byte(first + n%digits)
		n /= digits
	}
	return id
}

// await waits for the answer to a mark. A printer that is silent for a second is asked why.
func (p *Printer) await(ctx context.Context, m mark) error {
	l := p.line
	for end := time.Now().Add(windowMaxWait); ; {
		err := l.until(ctx, time.Now().Add(pollEvery), func() bool { return l.answered(m) })
		if err == nil {
			return l.accept(m)
		}
		if !errors.Is(err, errSilent) {
			return err
		}
		s, err := l.status(ctx, statusWaitBusy)
		switch {
		case l.answered(m): // while it was being asked
			return l.accept(m)
		case err != nil:
			return err
		}
		if stop := stopped(s, true); stop != nil {
			return stop
		}
		if !time.Now().Before(end) {
			return fmt.Errorf("printing since %s: %w", windowMaxWait, errSilent)
		}
	}
}

func (l *line) answered(m mark) bool {
	if m.id == nil {
		return len(l.queued) > 0
	}
	return l.place(m) >= 0
}

// place is where the answer to a mark stands among those that came, or -1.
func (l *line) place(m mark) int {
	return slices.IndexFunc(l.process, func(id []byte) bool { return bytes.Equal(id, m.id) })
}

// accept takes the answer. One that says that the paper has ended is no promise that the last lines are on it.
func (l *line) accept(m mark) error {
	if m.id != nil {
		l.process = l.process[l.place(m)+1:] // it answers in order: what came before this is older
		return nil
	}
	b := l.queued[0]
	l.queued = l.queued[1:]
	if command.QueuedEnd(b) {
		return partial(failure(drivers.FailPaper, hintPaperPart, nil))
	}
	return nil
}
