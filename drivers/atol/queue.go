package atol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol/task"
)

// kind is what a request risks.
type kind uint8

const (
	reads kind = iota // changes nothing: free to repeat
	works             // does something that can be seen at once, and is not undone
	final             // makes a fiscal document
)

const (
	// readTries is how often a request that only reads is made.
	readTries = 3
	// readWait is for one: the queue may have a document before it.
	readWait = 15 * time.Second
	// shiftWait is for the documents of a shift: the storage may renew its keys over the network meanwhile.
	shiftWait = 150 * time.Second
	// blockedWait is how long a blocked queue is given to find out by itself; the server asks the storage as
	// soon as it has the register again.
	blockedWait = 15 * time.Second
	// lostWait is how long the server may be out of reach while a request is looked after: a restart takes so long.
	lostWait = 10 * time.Second
	// lostPause is between attempts to reach it.
	lostPause = 500 * time.Millisecond
	// fencePause lets a request that is already inside the server be seen by it.
	fencePause = 200 * time.Millisecond
	// askBackWait is for taking a read out of the queue whose caller has gone: the server is near and only looks
	// into its queue for that, and nobody waits for the answer but a till that wants to dial anew.
	askBackWait = 2 * time.Second
	// pollFirst is the first pause between looks; it doubles up to the setting.
	pollFirst = 10 * time.Millisecond
)

// job is one request on its way through the queue. Its uuid is made before the first byte is sent and never
// changes: whatever happens, the same work is not posted under another one.
type job struct {
	uuid  string
	kind  kind
	tasks []task.Task
	wait  time.Duration
	mark  mark // where the archive ended before, for a final job
	// stands says that the queue was blocked by an earlier document when the server took this one.
	stands bool
}

// mark is the end of a storage's archive.
type mark struct {
	fn string
	fd uint32
}

// errMissing says that the server does not know a uuid.
var errMissing = errors.New("the server knows no such request")

// read makes a request that changes nothing, again after a loss. Each attempt is a request of its own: what
// became of an earlier one does not matter.
func (p *Printer) read(ctx context.Context, tasks ...task.Task) ([]task.Result, error) {
	for try := 1; ; try++ {
		results, err := p.do(ctx, job{kind: reads, tasks: tasks, wait: readWait})
		var lost *linkError
		if err == nil || try == readTries || ctx.Err() != nil || !errors.As(err, &lost) {
			return results, err
		}
		if err := pause(ctx, lostPause); err != nil {
			return nil, p.linkFailure(ctx, job{kind: reads}, &linkError{err: err})
		}
	}
}

// work makes a request once.
func (p *Printer) work(ctx context.Context, wait time.Duration, tasks ...task.Task) ([]task.Result, error) {
	return p.do(ctx, job{kind: works, tasks: tasks, wait: wait})
}

// do posts a job and looks after it until its fate is known or the time is over.
func (p *Printer) do(ctx context.Context, j job) ([]task.Result, error) {
	var err error
	if j.uuid, err = p.uuid(); err != nil {
		return nil, notSent(err)
	}
	body, err := task.Request{UUID: j.uuid, Request: j.tasks}.Encode()
	if err != nil {
		return nil, notSent(err)
	}
	a, err := p.exchange(ctx, http.MethodPost, task.Path, body)
	var lost *linkError
	switch {
	case errors.As(err, &lost) && (!lost.sent || j.kind == reads):
		if lost.sent {
			p.askBack(ctx, j)
		}
		return nil, p.linkFailure(ctx, j, err)
	case err != nil:
		return p.follow(ctx, j, err) // the server may have it: reading is free
	case a.code/100 == http.StatusOK/100 || a.code == http.StatusConflict: // 201, or whatever another version or a proxy says for it
		j.stands = stands(a.body)
		return p.follow(ctx, j, nil)
	case a.code >= http.StatusInternalServerError:
		return p.follow(ctx, j, fmt.Errorf("the server answered %d", a.code))
	}
	return nil, refusedHTTP(a.code)
}

// stands reads from the answer to POST whether the queue is blocked; an answer without it says nothing.
func stands(body []byte) bool {
	var a task.Accepted
	return task.ParseResult(body, &a) == nil && a.IsBlocked
}

// follow looks after a job. Lost is why its POST was not answered; nil when it was.
func (p *Printer) follow(ctx context.Context, j job, lost error) ([]task.Result, error) {
	results, err := p.poll(ctx, j)
	if !errors.Is(err, errMissing) {
		return results, err
	}
	if lost == nil {
		lost = errMissing
	}
	return p.fence(ctx, j, lost)
}

// poll looks at a job until it is done.
func (p *Printer) poll(ctx context.Context, j job) ([]task.Result, error) {
	began, heard, gap := time.Now(), time.Now(), pollFirst
	for {
		results, err := p.look(ctx, j)
		var lost *linkError
		switch {
		case errors.As(err, &lost):
			if ctx.Err() != nil || time.Since(heard) >= lostWait {
				p.askBack(ctx, j)
				return nil, p.linkFailure(ctx, j, &linkError{sent: true, err: err})
			}
			gap = lostPause
		case err != nil:
			return nil, err
		default:
			heard, gap = time.Now(), min(2*gap, p.opts.poll)
			state := stateOf(results)
			if state == task.Ready {
				return results, nil
			}
			if state == task.Blocked && time.Since(began) >= blockedWait || time.Since(began) >= j.wait {
				return p.late(ctx, j, state)
			}
		}
		if err := pause(ctx, gap); err != nil {
			p.askBack(ctx, j)
			return nil, p.linkFailure(ctx, j, &linkError{sent: true, err: err})
		}
	}
}

// askBack takes a read out of the queue when its caller has gone: the till's patience is shorter than ours, it dials
// again and again at a register that is off, and the server would keep every one of those jobs until the register
// is back. What prints or moves money is never asked back here, since nobody would look what came of it; a server
// that does not hear this keeps a read, which harms nobody.
func (p *Printer) askBack(ctx context.Context, j job) {
	if j.kind != reads || ctx.Err() == nil {
		return
	}
	p.hangUp() // its deadlines ended with ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askBackWait)
	defer cancel()
	_, _ = p.exchange(ctx, http.MethodDelete, task.Path+"/"+j.uuid, nil) // the failure that led here is the one to report
}

// look asks for a job's state once.
func (p *Printer) look(ctx context.Context, j job) ([]task.Result, error) {
	a, err := p.exchange(ctx, http.MethodGet, task.Path+"/"+j.uuid, nil)
	switch {
	case err != nil:
		return nil, err
	case a.code == http.StatusNotFound:
		return nil, errMissing
	case a.code >= http.StatusInternalServerError:
		return nil, &linkError{sent: true, err: fmt.Errorf("the server answered %d", a.code)}
	case a.code != http.StatusOK:
		return nil, withOutcome(refusedHTTP(a.code), j)
	}
	r, err := task.ParseResults(a.body)
	if err == nil && stateOf(r.Results) == task.Ready && len(r.Results) != len(j.tasks) {
		err = fmt.Errorf("%w: %d results of %d tasks", task.ErrTask, len(r.Results), len(j.tasks))
	}
	if err != nil {
		return nil, withOutcome(malformed(err), j)
	}
	return r.Results, nil
}

// stateOf sums the states of a job's tasks up: Ready when none of them will change any more.
func stateOf(results []task.Result) task.Status {
	state := task.Ready
	if len(results) == 0 {
		state = task.Wait
	}
	for _, r := range results {
		switch {
		case r.Status == task.Blocked:
			return task.Blocked
		case !r.Status.Final():
			state = task.Wait
		}
	}
	return state
}

// late is the end of patience. A job that still waits is asked back, which is a courtesy to whoever prints next:
// only the server's own word "canceled" counts.
func (p *Printer) late(ctx context.Context, j job, state task.Status) ([]task.Result, error) {
	if state == task.Blocked {
		return nil, withOutcome(blocked(), j)
	}
	if _, err := p.exchange(ctx, http.MethodDelete, task.Path+"/"+j.uuid, nil); err == nil {
		results, err := p.look(ctx, j)
		switch {
		case err != nil || stateOf(results) != task.Ready:
		case results[0].Status == task.Canceled && j.stands:
			return nil, outcome(blocked(), drivers.OutcomeNotDone) // what blocks is an earlier document
		default:
			return results, nil
		}
	}
	if j.stands {
		return nil, withOutcome(blocked(), j)
	}
	return nil, withOutcome(inQueue(), j)
}

// fence finds out what became of a job that the server does not know: its POST may never have arrived, or the
// server has forgotten its queue in a restart. The queue is serial, so a read behind the job comes back only when
// the job can no longer be at work; then the archive tells whether it was.
func (p *Printer) fence(ctx context.Context, j job, lost error) ([]task.Result, error) {
	failed := p.linkFailure(ctx, j, &linkError{sent: true, err: lost})
	if j.kind != final {
		return nil, failed
	}
	if err := pause(ctx, fencePause); err != nil {
		return nil, failed
	}
	now, err := p.end(ctx)
	if err != nil {
		return nil, failed
	}
	results, err := p.poll(ctx, j)
	switch {
	case !errors.Is(err, errMissing):
		return results, err // it came after all
	case now != j.mark:
		return nil, failed
	}
	failed.Outcome = drivers.OutcomeNotDone
	return nil, failed
}

// end reads where the archive ends.
func (p *Printer) end(ctx context.Context) (mark, error) {
	results, err := p.read(ctx, task.Task{Type: task.GetFnInfo}, task.Task{Type: task.GetFnStatus})
	if err == nil {
		err = firstError(results)
	}
	if err != nil {
		return mark{}, err
	}
	var info task.FnInfo
	var status task.FnStatus
	if err := errors.Join(task.ParseResult(results[0].Result, &info), task.ParseResult(results[1].Result, &status)); err != nil {
		return mark{}, malformed(err)
	}
	if info.Info == nil || status.Status == nil {
		return mark{}, malformed(errIncomplete)
	}
	return mark{fn: info.Info.Serial, fd: status.Status.Document}, nil
}

// uuid makes the key of a request: random, version 4.
func (p *Printer) uuid() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(p.random, b[:]); err != nil {
		return "", fmt.Errorf("make a request's uuid: %w", err)
	}
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
