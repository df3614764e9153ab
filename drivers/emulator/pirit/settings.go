package pirit

import "github.com/kopilka/kopilka/drivers/pirit/frame"

// cell is one value of the register's settings.
type cell struct{ table, index int }

// The settings that this register has.
const (
	setPrinter  = 1
	setReceipt  = 2
	setCash     = 5
	setTaxes    = 6
	setPassword = 20
	setShop     = 30
	setPayments = 32
	setRates    = 40
	setPercents = 41
	shopRows    = 4
)

func factory(o Options) map[cell]string {
	out := map[cell]string{
		{setPrinter, 0}: "32", {setReceipt, 0}: "0", {3, 0}: "0", {4, 0}: "2", {setCash, 0}: "0", {setTaxes, 0}: "3", {10, 0}: "1",
		{setPassword, 0}: frame.PasswordDefault,
	}
	for i := range shopRows {
		out[cell{setShop, i}] = ""
		if i < len(o.Shop) {
			out[cell{setShop, i}] = o.Shop[i]
		}
	}
	for i := range 16 {
		out[cell{setPayments, i}] = ""
	}
	for i, name := range map[int]string{0: "НАЛИЧНЫМИ", 1: "БЕЗНАЛИЧНЫМИ", 13: "АВАНС", 14: "КРЕДИТ", 15: "ИНАЯ ФОРМА ОПЛАТЫ"} {
		out[cell{setPayments, i}] = name
	}
	for i, rate := range o.Rates {
		out[cell{setRates, i}], out[cell{setPercents, i}] = rate.Name, rate.Percent
	}
	return out
}

func (r *Register) password() string {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	return r.settings[cell{setPassword, 0}]
}

func (r *Register) readSetting(q request) ([][]byte, byte) {
	table, okTable := q.number(0)
	index, okIndex := q.number(1)
	value, known := r.settings[cell{table, index}]
	if !okTable || !okIndex || !known || table == setPassword {
		return nil, errFormat
	}
	return [][]byte{text(value)}, 0
}

func (r *Register) writeSetting(q request) ([][]byte, byte) {
	table, okTable := q.number(0)
	index, okIndex := q.number(1)
	_, known := r.settings[cell{table, index}]
	switch {
	case !okTable || !okIndex || !known, table == setRates, table == setPercents:
		return nil, errFormat
	case table == setPassword && len(q.field(2)) != frame.PasswordBytes:
		return nil, errFormat
	case r.FN.ShiftOpen():
		return nil, errShift
	}
	r.settings[cell{table, index}] = q.text(2)
	return nil, 0
}
