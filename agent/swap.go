package agent

import (
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// SwapView is a fiscal storage that was changed within a shift: nothing fiscal happens until a manager has
// confirmed the new one.
type SwapView struct {
	Was  string `json:"was"` // serial of the storage that the shift began on
	Is   string `json:"is"`
	Text Text   `json:"text"`
}

// swapped is the storage that stands where the shift's own stood, as far as anybody has looked.
func (t *Till) swapped() (was, is string, yes bool) {
	tally, snap := t.ledger.Tally(), t.desk.register.snapshot
	yes = t.desk.register.online && isSwapped(tally.Open, tally.Last.FN, snap)
	return tally.Last.FN, snap.FN, yes
}

func isSwapped(open bool, was string, snap drivers.Snapshot) bool {
	return open && was != "" && snap.FN != "" && was != snap.FN
}

func (t *Till) swapView() *SwapView {
	was, is, yes := t.swapped()
	if !yes {
		return nil
	}
	return &SwapView{Was: was, Is: is, Text: textStorageSwapped(was, is)}
}

// confirmStorage lets a manager confirm the storage that the page names. The old storage's shift cannot end
// on it any more, so it ends in the journal, without a document; the sale in hand stays.
func (t *Till) confirmStorage(c Command) error {
	_, is, yes := t.swapped()
	if !yes || c.Code != is {
		return refuse(textNotSwapped(), nil)
	}
	by, err := t.manager(c.PIN)
	if err != nil {
		return err
	}
	r, err := t.newRecord(sale.KindShiftClose)
	if err != nil {
		return err
	}
	tally := t.ledger.Tally()
	r.Shift = tally.Shift
	r.Close = tally.Close(t.ledger.Head().Head, nil)
	r.Close.Swapped, r.Close.By = is, by.No
	r.Fiscal = &sale.Fiscal{Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: tally.Last.FN}, Doc: sale.DocShiftClose, Shift: tally.Shift, Settled: true}
	if _, err := t.ledger.Book(r, nil); err != nil {
		return err
	}
	t.log.Warn("a manager confirmed another fiscal storage", "was", tally.Last.FN, "is", is, "manager", by.No)
	t.dropNotices("job", aboutRegister)
	t.notify("info", "storage", textStorageConfirmed(is))
	return nil
}

// noteSerial tells when another register stands where the shift was opened. With the shift's own storage in
// it that is allowed, and the documents go on; somebody should know all the same.
func (t *Till) noteSerial(serial string) {
	if serial == "" || serial == t.desk.knownSerial {
		return
	}
	t.desk.knownSerial = serial
	opened := t.openedOn()
	if opened == "" || opened == serial {
		t.dropNotices("serial")
		return
	}
	t.log.Warn("another register than at the shift's opening", "was", opened, "is", serial)
	t.notify("warning", "serial", textOtherRegister(opened, serial))
}

// openedOn is the register on which the open shift began.
func (t *Till) openedOn() (serial string) {
	if !t.ledger.Tally().Open {
		return ""
	}
	err := t.ledger.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		if r.Kind == sale.KindShiftOpen && r.Fiscal != nil {
			serial = r.Fiscal.Register
		}
		return r.Kind != sale.KindShiftOpen
	})
	if err != nil {
		t.unread("look for the shift's opening", err)
	}
	return serial
}

func textStorageSwapped(was, is string) Text {
	return say("Посреди смены сменился фискальный накопитель: был %s, стоит %s. Верните прежний или пусть старший кассир подтвердит новый своим PIN: смена начнётся заново, чек останется",
		"The fiscal storage was changed within the shift: was %s, is %s. Put the old one back, or let a manager confirm the new one with a PIN: a new shift begins, the sale in hand stays", was, is)
}

func textNotSwapped() Text {
	return say("Подтверждать нечего: накопитель тот же", "There is nothing to confirm: the storage is the same")
}

func textStorageConfirmed(is string) Text {
	return say("Накопитель %s подтверждён. Откройте смену и продолжайте", "Storage %s is confirmed. Open the shift and go on", is)
}

func textOtherRegister(was, is string) Text {
	return say("Подключена другая касса: смену открыли на %s, сейчас %s. Если её заменили нарочно, продолжайте; если нет, позовите поддержку",
		"Another register is connected: the shift was opened on %s, now it is %s. If it was replaced on purpose, go on; if not, call support", was, is)
}

func textCopyWhich() Text {
	return say("Выберите чек из списка: печатать копию последнего здесь некому", "Choose a receipt from the list: there is no register to print the last one's copy")
}

func textNoStorage() Text {
	return say("В кассе нет фискального накопителя или она не зарегистрирована: чек сохранён, позовите поддержку",
		"The register has no fiscal storage or is not registered: the sale in hand is kept, call support")
}
