package mercury

import (
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// taxSystems are what an emulated register is registered for.
var taxSystems = []int64{0, 1, 2, 4, 5}

func (r *Register) driverInfo([]byte) (any, *refused) {
	return frame.DriverInfo{Answer: done, Driver: "1.11.0.643", Protocol: "3.6", Base: "0.4"}, nil
}

func (r *Register) openSession(raw []byte) (any, *refused) {
	req, fault := parse[frame.OpenSession](raw)
	switch {
	case fault != nil:
		return nil, fault
	case req.Port != r.opt.Port:
		return nil, errPort
	case r.opt.Password != "" && req.Password != r.opt.Password:
		return nil, errPassword
	}
	r.lastKey++
	key := fmt.Sprintf("%08X-6A48-474A-A08E-%012X", r.opt.Serial, r.lastKey)
	r.sessions[key] = true
	return frame.Session{Answer: done, Key: key, Protocol: "3.6"}, nil
}

func (r *Register) closeSession(raw []byte) (any, *refused) {
	head, fault := parse[frame.Head](raw)
	if fault == nil && head.Key != nil {
		delete(r.sessions, *head.Key)
	}
	return done, fault
}

func (r *Register) commonInfo([]byte) (any, *refused) {
	return frame.CommonInfo{
		Answer: done, Model: r.opt.Model, Serial: r.serial(), FN: r.FN.Serial(), FFDFN: r.opt.FFD, FFDKKT: r.opt.FFD, FFD: r.opt.FFD,
		Program: "3.1", Built: "2025-11-17", Clock: moment(r.clock()), Width: []int64{int64(r.opt.Width)}, LinesMax: linesMax,
	}, nil
}

func (r *Register) registration([]byte) (any, *refused) {
	first, _ := r.FN.Find(1) // a storage begins with its registration
	return frame.Registration{Answer: done, Registered: r.FN.Phase() == storage.PhaseFiscal, Info: &frame.RegistrationInfo{
		At: moment(first.At), Owner: frame.Owner{INN: r.opt.INN}, TaxSystems: taxSystems,
	}}, nil
}

func (r *Register) status([]byte) (any, *refused) {
	var s frame.Status
	s.Answer, s.Clock = done, moment(r.clock())
	fed := r.paper
	s.Paper = &fed
	s.Shift.Open, s.Shift.Expired, s.Shift.No, s.Shift.Cash = r.FN.ShiftOpen(), r.FN.Over24(), r.FN.ShiftNo(), int64(r.ram.Cash)
	if opened := r.FN.Opened(); !opened.IsZero() {
		s.Shift.Opened = moment(opened)
	}
	s.Check.Open, s.Check.No = r.check != nil, r.FN.Receipts()
	if r.check != nil {
		total := int64(r.check.Total)
		s.Check.Goods, s.Check.Sum = int64(len(r.check.Lines)), &total
	}
	last := r.FN.Last()
	if r.FN.Phase() == storage.PhaseFiscal {
		s.FN.Phase = frame.PhaseFiscal
	}
	s.FN.Serial, s.FN.Last = r.FN.Serial(), &frame.LastDoc{FD: last.FD, At: moment(last.At)}
	if n, oldest := r.FN.Unsent(); n > 0 {
		s.FN.Unsent.Count, s.FN.Unsent.First, s.FN.Unsent.At = int64(n), oldest.FD, moment(oldest.At)
	}
	return s, nil
}

func moment(t time.Time) string { return t.Format(frame.TimeLayout) }

func (r *Register) setDateTime(raw []byte) (any, *refused) {
	req, fault := parse[frame.SetDateTime](raw)
	if fault != nil {
		return nil, fault
	}
	at, err := frame.Time(req.At)
	switch {
	case err != nil || at.IsZero():
		return nil, errParameter
	case r.FN.ShiftOpen():
		return nil, errShiftOpen
	case at.Before(r.FN.Last().At):
		return nil, errClock
	}
	r.ram.Drift += at.Sub(r.clock())
	r.ram.save()
	return done, nil
}

// readSales begins to read the journal; with an emulator that is done at once.
func (r *Register) readSales([]byte) (any, *refused) {
	s := frame.Sales{Answer: done, Serial: r.serial(), INN: r.opt.INN, FFD: r.opt.FFD, Shifts: frame.SalesShifts{}}
	for _, d := range r.FN.Documents() {
		if d.Type == storage.DocRegistration {
			continue // the journal knows shifts and receipts only
		}
		if d.Type == storage.DocShiftOpen || len(s.Shifts) == 0 {
			s.Shifts = append(s.Shifts, frame.SalesShift{FN: r.FN.Serial(), No: d.Shift})
		}
		r.list(&s.Shifts[len(s.Shifts)-1], d)
	}
	r.sales = &s
	return done, nil
}

func (r *Register) list(s *frame.SalesShift, d storage.Document) {
	sign := fmt.Sprint(d.Sign)
	switch d.Type {
	case storage.DocShiftOpen:
		s.Open = &frame.SalesEdge{FD: d.FD, At: moment(d.At)}
		if r.opt.OpeningSigns {
			s.Open.Sign = sign
		}
	case storage.DocShiftClose:
		s.Close = &frame.SalesEdge{FD: d.FD, At: moment(d.At), Sign: sign}
	case storage.DocReceipt, storage.DocCorrection:
		kind, _ := frame.Kind(d.Op, d.Type == storage.DocCorrection) // the storage holds no other
		s.Checks = append(s.Checks, frame.SalesCheck{
			FD: d.FD, Sign: sign, At: moment(d.At), No: d.Receipt, Kind: kind, Total: int64(d.Sum),
		})
	case storage.DocRegistration:
	}
}

func (r *Register) progress([]byte) (any, *refused) {
	p := frame.Progress{Answer: done, Of: frame.CmdReadSales}
	if r.sales != nil {
		p.Percent = 100
	}
	return p, nil
}

func (r *Register) getSales([]byte) (any, *refused) {
	if r.sales == nil {
		return nil, errNoDocument
	}
	return *r.sales, nil
}

func (r *Register) openBox([]byte) (any, *refused) {
	r.drawer++
	return done, nil
}

func (r *Register) bringMoney(raw []byte) (any, *refused) {
	return r.moveMoney(raw, frame.CmdBringMoney, 1)
}

func (r *Register) withdraw(raw []byte) (any, *refused) {
	return r.moveMoney(raw, frame.CmdWithdraw, -1)
}

func (r *Register) moveMoney(raw []byte, cmd frame.Command, sign sale.Money) (any, *refused) {
	req, fault := parse[frame.MoveMoney](raw)
	sum := sale.Money(req.Cash)
	switch {
	case fault != nil:
		return nil, fault
	case sum <= 0 || sum > frame.AmountMax:
		return nil, errSum
	case r.check != nil:
		return nil, errCheckOpen
	case !r.paper:
		return nil, errPaper
	case sign < 0 && sum > r.ram.Cash:
		return nil, errDrawer
	case r.cutHere(cmd, false):
		return nil, errMemory
	}
	r.ram.Cash += sign * sum
	r.ram.save()
	if r.cutHere(cmd, true) {
		return nil, errMemory
	}
	title := "ВНЕСЕНИЕ"
	if sign < 0 {
		title = "ВЫПЛАТА"
	}
	r.print(r.header(title), r.wrapped(r.sides("СУММА", "="+sum.String())), cutLine)
	return done, nil
}
