package agent

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// handler carries out one kind of command.
type handler struct {
	stages []Stage // where it makes sense; nil: anywhere
	do     func(*Till, Command) error
}

var (
	anywhere   []Stage
	signedIn   = []Stage{StageShift, StageSale, StageDone, StageAdult, StageReturn}
	idle       = []Stage{StageShift, StageSale, StageDone}
	selling    = []Stage{StageSale, StageDone}
	returning  = []Stage{StageReturn}
	unresolved = []Stage{StageUnknown}
)

var handlers = map[string]handler{
	"sign-in":  {[]Stage{StageSignIn}, (*Till).signIn},
	"sign-out": {signedIn, (*Till).signOut},
	"scan": {anywhere, func(t *Till, c Command) error {
		return t.scan(sale.Code{Text: c.Code, Scanner: c.Scanner}, c.foundBy())
	}},
	"add":           {signedIn, (*Till).addSKU},
	"qty":           {selling, (*Till).setQty},
	"remove":        {selling, (*Till).removeLine},
	"clear":         {selling, (*Till).clear},
	"park":          {selling, (*Till).park},
	"recall":        {selling, (*Till).recall},
	"customer":      {selling, (*Till).customer},
	"drop-customer": {selling, (*Till).dropCustomer},
	"redeem":        {selling, (*Till).redeem},
	"adult":         {[]Stage{StageAdult}, (*Till).adult},
	"pay":           {[]Stage{StageSale}, (*Till).pay},
	"next":          {[]Stage{StageDone}, func(t *Till, _ Command) error { t.next(); return nil }},
	"open-shift":    {idle, (*Till).openShift},
	"close-shift":   {idle, (*Till).closeShift},
	"x-report":      {idle, (*Till).xReport},
	"cash-in":       {idle, (*Till).cashIn},
	"cash-out":      {idle, (*Till).cashOut},
	"copy":          {idle, (*Till).copyReceipt},
	"drawer":        {idle, (*Till).openDrawer},
	"resume":        {anywhere, (*Till).resume},
	"return-find":   {selling, (*Till).returnFind},
	"return-choose": {returning, (*Till).returnChoose},
	"return-pay":    {returning, (*Till).returnPay},
	"return-cancel": {returning, (*Till).returnCancel},
	"settle":        {unresolved, (*Till).settleByHand},
	"retry":         {unresolved, (*Till).retry},
	"dismiss":       {anywhere, (*Till).dismiss},

	"enrol":            {selling, (*Till).enrol},
	"code":             {selling, (*Till).promoCode},
	"drop-code":        {selling, (*Till).dropCode},
	"gift":             {selling, (*Till).gift},
	"certificate":      {selling, (*Till).certificate},
	"drop-certificate": {selling, (*Till).dropCertificate},
	"purse":            {selling, (*Till).purse},
	"paying":           {selling, (*Till).paying},
	"permit":           {selling, (*Till).permit},
	"return-price":     {returning, (*Till).returnPrice},

	"drop-mark":  {selling, (*Till).dropMark},
	"storage":    {signedIn, (*Till).confirmStorage},
	"correction": {[]Stage{StageSale}, (*Till).correct},
}

func (t *Till) command(c Command) error {
	h, known := handlers[c.Do]
	if !known {
		return refuse(textUnknownCommand(c.Do), nil)
	}
	if h.stages != nil && !holdsStage(h.stages, t.desk.stage) {
		return refuse(textNotNow(t.desk.stage), nil)
	}
	return inWords(h.do(t, c))
}

func holdsStage(stages []Stage, s Stage) bool {
	for _, x := range stages {
		if x == s {
			return true
		}
	}
	return false
}

// inWords gives every error that leaves the till a sentence.
func inWords(err error) error {
	var r *Refusal
	if err == nil || errors.As(err, &r) {
		return err
	}
	if hint := drivers.HintOf(err); hint.EN != "" {
		return refuse(hint, err)
	}
	switch {
	case errors.Is(err, ledger.ErrBroken):
		return refuse(textDisk(), err)
	case errors.Is(err, ledger.ErrBusy):
		return refuse(textBusy(), err)
	case errors.Is(err, sale.ErrAmount):
		return refuse(textAmount(), err)
	}
	return refuse(textInternal(), err)
}

// A wrong PIN is answered at once, but after pinTriesMax of them no PIN is taken for pinPause: a PIN has few
// digits. Any wrong one may be a guess at a manager's, so a cashier's own in between starts nothing anew:
// only a manager's does, or pinQuiet without a wrong one.
const (
	pinTriesMax = 5
	pinPause    = 30 * time.Second
	pinQuiet    = 15 * time.Minute
)

// attempts are the wrong PINs since a manager's, by the monotonic clock: trusted time stands still while it is behind
// what is journalled, and a pause must end.
type attempts struct {
	failed int
	last   time.Time // the latest of them
	until  time.Time // of the pause
}

// who finds the member of staff with a PIN.
func (t *Till) who(pin string) (*sale.Staff, error) {
	now, a := t.clock.now(), &t.desk.attempts
	if now.Before(a.until) {
		return nil, refuse(textPINPause(a.until.Sub(now)), nil)
	}
	for _, s := range t.shop.staff {
		if s.CheckPIN(pin) {
			if s.Role >= sale.RoleManager {
				*a = attempts{}
			}
			return &s, nil
		}
	}
	if now.Sub(a.last) >= pinQuiet {
		a.failed = 0
	}
	a.failed, a.last = a.failed+1, now
	if a.failed >= pinTriesMax {
		*a = attempts{until: now.Add(pinPause)}
	}
	return nil, refuse(textPIN(), nil)
}

func (t *Till) signIn(c Command) error {
	if len(t.shop.staff) == 0 {
		return refuse(textNoStaff(), nil)
	}
	s, err := t.who(c.PIN)
	if err != nil {
		return err
	}
	t.desk.cashier = s
	t.log.Info("signed in", "staff", s.No)
	return nil
}

func (t *Till) signOut(Command) error {
	if len(t.desk.sale.basket.Lines) > 0 || t.desk.stage == StageReturn || t.desk.stage == StageAdult {
		return refuse(textBasketOpen(), nil)
	}
	if err := t.othersCode(""); err != nil {
		return err
	}
	t.desk.cashier = nil
	return t.clear(Command{}) // the customer in hand is not the next cashier's
}

// stage is what the page is about. It follows from the state of the desk alone, so that whatever ends,
// in whatever order, cannot leave the page in the wrong place.
func (t *Till) stage() Stage {
	d := &t.desk
	switch {
	case d.printing > 0:
		return StagePrinting
	case d.unknown != nil:
		return StageUnknown
	case d.cashier == nil:
		return StageSignIn
	case d.ret != nil:
		return StageReturn
	case d.sale.waiting != nil:
		return StageAdult
	case d.done != nil:
		return StageDone
	case !t.ledger.Tally().Open || (d.register.snapshot.Shift == drivers.ShiftExpired && !t.noRegister()):
		return StageShift
	}
	return StageSale
}

// next leaves the receipt just made behind.
func (t *Till) next() { t.desk.done = nil }

func (t *Till) dismiss(c Command) error {
	for i, n := range t.desk.notices {
		if n.ID == c.Notice {
			t.desk.notices = append(t.desk.notices[:i:i], t.desk.notices[i+1:]...)
			return nil
		}
	}
	return nil
}

// noticesMax keeps the page readable; the oldest go first.
const noticesMax = 6

// notify shows a sentence; a newer one about the same thing replaces the older.
func (t *Till) notify(level, about string, text Text) {
	t.dropNotices(about)
	t.desk.noticeSeq++
	t.desk.notices = append(t.desk.notices, Notice{ID: t.desk.noticeSeq, Level: level, At: t.now(), Text: text, about: about})
	if extra := len(t.desk.notices) - noticesMax; extra > 0 {
		t.desk.notices = t.desk.notices[extra:]
	}
}

func (t *Till) dropNotices(about ...string) {
	kept := t.desk.notices[:0:0]
	for _, n := range t.desk.notices {
		if !slices.Contains(about, n.about) {
			kept = append(kept, n)
		}
	}
	t.desk.notices = kept
}

// manager checks that the PIN is a manager's.
func (t *Till) manager(pin string) (*sale.Staff, error) {
	if strings.TrimSpace(pin) == "" {
		return nil, refuse(textManagerPIN(), nil)
	}
	s, err := t.who(pin)
	if err != nil {
		return nil, err
	}
	if s.Role < sale.RoleManager {
		return nil, refuse(textManagerPIN(), nil)
	}
	return s, nil
}
