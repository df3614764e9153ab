package atol

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers/atol/task"
)

// request is one POST in the server's queue.
type request struct {
	uuid    string
	tasks   []task.Task
	results []task.Result
	due     time.Time // when the device has done it
	done    bool
	at      int    // the task that blocked
	before  uint32 // the last document before it
}

// Codes of the vendor's driver.
const (
	codeOK            = 0
	codeNoLink        = 2
	codeUnknownTask   = 11
	codeParameter     = 13
	codeNoPaper       = 44
	codeCover         = 45
	codeCashless      = 52
	codeNoCashReturn  = 53
	codeNotPaid       = 66
	codeExpired       = 68
	codeShiftClosed   = 73
	codeNoCash        = 80
	codeShiftOpen     = 83
	codeFNState       = 117
	codeFNFault       = 118
	codeFNExpired     = 120
	codeFNFull        = 121
	codeFNTime        = 122
	codeFNNoData      = 123
	codeTooLong       = 134
	codeOFDWait       = 139
	codeFNTimeout     = 140
	codeFNShift       = 141
	codeFNTimeDiff    = 142
	codeTaxSystem     = 143
	codeTaxType       = 144
	codeTotal         = 227
	codeMarkBusy      = 401
	codeMarksFull     = 408
	codeMarkInvalid   = 409
	codeMarkState     = 410
	codeFFD           = 413
	codeMarkUnchecked = 420
	// codeInterrupted is guessed: the name is public, the number was not seen.
	codeInterrupted = 502
)

// blocks are the codes at which the server leaves a fiscal task open and its queue standing: the document may
// have been made. The list is that of a public server.
var blocks = []int{2, 3, 4, 115, 116, 117, 118, 119, 120, 121, 122, 124, 133, 134, 135, 136, 137, 138, 141, 142, 159, 15}

func (r *Register) find(uuid string) *request {
	i := slices.IndexFunc(r.queue, func(q *request) bool { return q.uuid == uuid })
	if i < 0 {
		return nil
	}
	return r.queue[i]
}

// accept stores a request behind the others.
func (r *Register) accept(posted task.Request) {
	start := r.opt.Now()
	if n := len(r.queue); n > 0 && r.queue[n-1].due.After(start) {
		start = r.queue[n-1].due
	}
	q := &request{uuid: posted.UUID, tasks: posted.Request, due: start.Add(r.opt.JobTime), results: make([]task.Result, len(posted.Request))}
	for i, t := range q.tasks {
		q.results[i].Status = task.Wait
		if f, struck := r.faults.strike(Busy, t.Type); struck {
			q.due = q.due.Add(f.For)
		}
	}
	r.queue = append(r.queue, q)
	if len(r.queue) > queueKept {
		r.queue = r.queue[1:]
	}
	r.settle()
	r.Notify()
}

// queueKept is how many requests the server remembers, a busy day's.
const queueKept = 20_000

// settle does what is due. It is called before every look at the queue, so that no goroutine has to run for it.
func (r *Register) settle() {
	for r.power && r.link {
		if r.blocked != nil {
			if r.opt.Stubborn {
				return
			}
			r.unblock()
			continue
		}
		i := slices.IndexFunc(r.queue, func(q *request) bool { return !q.done })
		if i < 0 || r.queue[i].due.After(r.opt.Now()) {
			return
		}
		r.run(r.queue[i])
	}
}

// Unblock finds out what became of the document at which the queue stands, as a person at the server would.
func (r *Register) Unblock() {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if r.blocked != nil && r.power && r.link {
		r.unblock()
		r.settle()
	}
}

// unblock asks the storage: a document beyond the last one before is the request's. Its paper goes on.
func (r *Register) unblock() {
	q := r.blocked
	r.blocked = nil
	result := &q.results[q.at]
	if r.FN.Last().FD > q.before {
		result.Status, result.Error = task.Ready, task.Error{}
		_, _, receipt := q.tasks[q.at].Type.Receipt()
		result.Result = encode(map[string]any{"fiscalParams": r.fiscalParams(receipt)})
	} else {
		result.Status = task.Failed
	}
	r.feed()
	q.done = true
	r.Notify()
}

// run does the tasks of a request in a row, up to the first error.
func (r *Register) run(q *request) {
	failed := false
	for i, t := range q.tasks {
		result := &q.results[i]
		if failed {
			result.Status, result.Error = task.Interrupted, task.Error{Code: codeInterrupted, Description: "Выполнение прервано из-за предыдущих ошибок"}
			continue
		}
		before := r.FN.Last().FD
		value, code := r.execute(t)
		result.Error = task.Error{Code: code, Description: describe(code)}
		switch {
		case code == codeOK:
			result.Status, result.Result = task.Ready, encode(value)
		case t.Type.Fiscal() && slices.Contains(blocks, code):
			result.Status, failed = task.Blocked, true
			q.at, q.before, r.blocked = i, before, q
		default:
			result.Status, failed = task.Failed, true
		}
	}
	q.done = r.blocked != q
}

func describe(code int) string {
	if code == codeOK {
		return "Ошибок нет"
	}
	return "Ошибка"
}

// encode never fails: results are made of maps, numbers and text.
func encode(value any) json.RawMessage {
	if value == nil {
		return nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return raw
}

// states are a request's results as the server shows them now.
func (r *Register) states(q *request) task.Results {
	out := task.Results{Results: slices.Clone(q.results)}
	first := slices.IndexFunc(r.queue, func(x *request) bool { return !x.done })
	if !q.done && r.blocked != q && first >= 0 && r.queue[first] == q && r.power && r.link {
		out.Results[0].Status = task.InProgress
	}
	return out
}

// cancel takes a request out of the queue while it waits.
func (r *Register) cancel(q *request) bool {
	if q.done || r.blocked == q {
		return false
	}
	for i := range q.results {
		q.results[i].Status = task.Canceled
	}
	q.done = true
	return true
}
