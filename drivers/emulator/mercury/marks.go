package mercury

import (
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// marking is the check that has begun and is neither accepted nor rejected.
type marking struct {
	raw     string
	verdict uint8
}

func (r *Register) checkMark(raw []byte) (any, *refused) {
	req, fault := parse[frame.CheckMark](raw)
	switch {
	case fault != nil:
		return nil, fault
	case r.opt.FFD != "1.2":
		return nil, errFormat
	case len(req.Code) == 0 || req.Qty <= 0 || req.Planned < ffd.PlannedSold || req.Planned > ffd.PlannedReturnedMeasured:
		return nil, errParameter
	case r.mark != nil:
		return nil, errMarkOrder
	}
	back := req.Planned == ffd.PlannedReturned || req.Planned == ffd.PlannedReturnedMeasured
	verdict, code := r.FN.CheckMark(string(req.Code), back, sale.Qty(req.Qty*int64(sale.Piece)/frame.QtyScale))
	if fault := storageError(code); fault != nil {
		return nil, fault
	}
	r.mark = &marking{raw: string(req.Code), verdict: verdict}
	valid := verdict&storage.VerdictValid != 0
	return frame.MarkBegun{Answer: done, FN: &frame.MarkAlone{Code: 1, Valid: &valid}}, nil
}

// unheard is the result of a check whose answer did not come.
const unheard = 5101

func (r *Register) markResult([]byte) (any, *refused) {
	if r.mark == nil {
		return nil, errMarkOrder
	}
	result := frame.MarkResult{Answer: done, Done: true, Online: &frame.MarkOnline{Result: unheard}}
	if r.mark.verdict&storage.VerdictStateKnown != 0 {
		v := int64(r.mark.verdict)
		result.Online.Result, result.Online.Verdict = 0, &v
	}
	return result, nil
}

func (r *Register) acceptMark([]byte) (any, *refused) { return r.keepMark(true) }

func (r *Register) rejectMark([]byte) (any, *refused) { return r.keepMark(false) }

func (r *Register) keepMark(keep bool) (any, *refused) {
	if r.mark == nil {
		return nil, errMarkOrder
	}
	m := *r.mark
	r.mark = nil
	if fault := storageError(r.FN.KeepMark(m.raw, keep)); fault != nil {
		return nil, fault
	}
	return frame.MarkKept{Answer: done, Verdict: int64(m.verdict)}, nil
}

func (r *Register) abortMark([]byte) (any, *refused) {
	if r.mark == nil {
		return nil, errMarkOrder
	}
	_, fault := r.keepMark(false)
	return done, fault
}

func (r *Register) clearMarks([]byte) (any, *refused) {
	if r.opt.FFD != "1.2" {
		return nil, errFormat
	}
	r.mark = nil
	r.FN.ClearMarks()
	return done, nil
}
