package atol

import (
	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

// check is a code that is being checked: between begin and accept or decline there is one.
type check struct {
	raw     string
	verdict uint8
}

func (r *Register) beginMark(t task.Task) (any, int) {
	switch {
	case r.opt.FFD == "1.05":
		return nil, codeFFD
	case r.check != nil:
		return nil, codeMarkBusy
	case t.Params == nil:
		return nil, codeParameter
	}
	raw, err := t.Params.Code()
	if err != nil {
		return nil, codeMarkInvalid
	}
	back := t.Params.ItemEstimatedStatus == task.PieceReturn || t.Params.ItemEstimatedStatus == task.DryReturn
	var qty sale.Qty
	if t.Params.ItemQuantity != nil {
		qty = sale.Qty(*t.Params.ItemQuantity)
	}
	verdict, code := r.FN.CheckMark(raw, back, qty)
	if code != storage.OK {
		return nil, codes[code]
	}
	r.check = &check{raw: raw, verdict: verdict}
	c := task.CheckOf(verdict)
	return map[string]any{"offlineValidation": map[string]any{"fmCheck": c.Checked, "fmCheckResult": c.Valid, "fmCheckErrorReason": "checked"}}, codeOK
}

func (r *Register) markStatus(task.Task) (any, int) {
	if r.check == nil {
		return nil, codeMarkState
	}
	out := map[string]any{"ready": true, "sentImcRequest": r.FN.Answers(), "driverError": map[string]any{"code": 0, "description": "Ошибок нет"}}
	if r.FN.Answers() {
		out["onlineValidation"] = map[string]any{"itemInfoCheckResult": task.CheckOf(r.check.verdict)}
	}
	return out, codeOK
}

func (r *Register) acceptMark(task.Task) (any, int) {
	if r.check == nil {
		return nil, codeMarkState
	}
	c := *r.check
	r.check = nil
	if code := r.FN.KeepMark(c.raw, true); code != storage.OK {
		return nil, codes[code]
	}
	return map[string]any{"itemInfoCheckResult": task.CheckOf(c.verdict)}, codeOK
}

func (r *Register) declineMark(t task.Task) (any, int) { return r.drop(t) }

func (r *Register) cancelMark(t task.Task) (any, int) {
	if r.check == nil {
		return nil, codeOK
	}
	return r.drop(t)
}

func (r *Register) drop(task.Task) (any, int) {
	if r.check == nil {
		return nil, codeMarkState
	}
	c := *r.check
	r.check = nil
	return nil, codes[r.FN.KeepMark(c.raw, false)]
}

func (r *Register) clearMarks(task.Task) (any, int) {
	if r.opt.FFD == "1.05" {
		return nil, codeFFD
	}
	r.check = nil
	r.FN.ClearMarks()
	return nil, codeOK
}
