package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/gs1"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Marked goods (Chestny ZNAK). A piece is sold by its own code: one piece a line, no code twice, and a piece
// that the marking system refuses is not sold, whoever asks. The permissive mode (Decree 1944) asks the
// marking system over the network before the sale; it is a switch that is off, and nothing here stands in
// for it.

// markWait bounds one question to the register and, through it, the marking system.
const markWait = 40 * time.Second

// markStage is how far the question about a piece has come.
type markStage string

// The stages, as the page knows them.
const (
	markTaken       markStage = "taken"       // this register asks when it prints
	markAsking      markStage = "asking"      // it is being asked, or soon will be
	markChecked     markStage = "checked"     // the marking system has said yes
	markUnreachable markStage = "unreachable" // it has not answered: the register tells it of the sale later
	markRefused     markStage = "refused"     // it has said no, in the middle of a payment: the receipt will not come out
)

// MarkView is the marking code of a line.
type MarkView struct {
	State string `json:"state"` // "taken", "asking", "checked", "unreachable", "refused"
	Text  Text   `json:"text"`
}

func markView(s markStage) *MarkView {
	v := &MarkView{State: string(s)}
	switch s {
	case markAsking:
		v.Text = say("Код проверяется", "The code is being checked")
	case markChecked:
		v.Text = say("Код проверен: продавать можно", "Code checked: it may be sold")
	case markUnreachable:
		v.Text = say("Код принят. «Честный знак» не ответил: касса сообщит о продаже позже", "Code taken. The marking system did not answer: the register tells it later")
	case markRefused:
		v.Text = say("Продавать нельзя: «Честный знак» отклонил код", "May not be sold: the marking system refused the code")
	default:
		v.Text = say("Код маркировки принят", "Marking code taken")
	}
	return v
}

// lineMark is what the page shows of a line's code.
func (t *Till) lineMark(l sale.Line) *MarkView {
	if !l.Product.Traits.Has(sale.Marked) || markOf(l.Code) == nil {
		return nil
	}
	return markView(t.stageOf(l.Code))
}

// readProduct finds the product of a code: goods by GTIN, marked goods by their own code, goods whose weight
// stands in the barcode. A damaged marking code is refused where the product needs it, and taken for what its
// GTIN says where it does not.
func (t *Till) readProduct(code sale.Code) (meaning, error) {
	r, err := gs1.Read(code)
	if err != nil {
		return t.readDamaged(code.Text, err)
	}
	if r.Kind == gs1.KindMark && r.GTIN == "" {
		return meaning{mark: r.Mark}, nil
	}
	find := r.Text
	if r.GTIN != "" {
		find = r.GTIN
	}
	m := meaning{qty: sale.Piece, mark: r.Mark}
	p, err := t.ledger.ProductByCode(sale.GTIN(find))
	if errors.Is(err, ledger.ErrNotFound) && r.Kind == gs1.KindMark {
		return meaning{}, refuse(textMarkOfNobody(), errUnknownCode)
	}
	if err != nil {
		return t.readWeighed(find, err)
	}
	m.product = &p
	if weight, ok := r.Elements.Weight(); ok && p.Traits.Has(sale.Weighed) && weight > 0 {
		m.qty = weight
	}
	return m, nil
}

// readDamaged decides about a code that cannot be read whole.
func (t *Till) readDamaged(text string, damage error) (meaning, error) {
	hint := gs1.HintOf(damage)
	gtin, ok := gtinOfGS1(cutAIM(text))
	if !ok {
		return meaning{}, refuse(hint, damage)
	}
	p, err := t.ledger.ProductByCode(gtin)
	switch {
	case err == nil && !p.Traits.Has(sale.Marked):
		return meaning{product: &p, qty: sale.Piece}, nil // its code matters to nobody
	case err == nil:
		return meaning{}, refuse(textMarkDamaged(p.Name, hint), damage)
	case errors.Is(err, ledger.ErrNotFound):
		return meaning{}, refuse(hint, damage)
	}
	return meaning{}, err
}

// cutAIM takes off the symbology identifier that some scanners type before the code.
func cutAIM(text string) string {
	if len(text) > 3 && text[0] == ']' {
		return text[3:]
	}
	return strings.TrimPrefix(text, string(gs1.GS))
}

// markOf is the marking code of a line, nil where it has none.
func markOf(text string) *gs1.Mark {
	m, err := gs1.ParseMark(text)
	if err != nil {
		return nil
	}
	return &m
}

// samePiece tells whether two codes name one piece, whatever their crypto parts.
func samePiece(a, b string) bool {
	m, n := markOf(a), markOf(b)
	return m != nil && n != nil && m.Identity() == n.Identity()
}

func hasPiece(lines []sale.Line, code string) bool {
	return slices.ContainsFunc(lines, func(l sale.Line) bool { return l.Product.Traits.Has(sale.Marked) && samePiece(l.Code, code) })
}

// withMark gives a line of marked goods its code. Without one nil is returned and the code is asked for.
func (t *Till) withMark(line sale.Line, mark *gs1.Mark) (*sale.Line, error) {
	if !line.Product.Traits.Has(sale.Marked) {
		return &line, nil
	}
	if err := t.mayMark(line.Product.Name); err != nil {
		return nil, err
	}
	if mark == nil {
		if t.desk.ret != nil {
			return nil, refuse(textMarkWanted(line.Product.Name), nil)
		}
		if err := t.othersCode(line.Product.SKU); err != nil {
			return nil, err
		}
		t.desk.sale.wanted = &line
		return nil, nil
	}
	if mark.Kind == gs1.MarkIdentity && t.desk.ret == nil { // a return goes by the piece, whatever of its code is left
		return nil, refuse(textMarkCut(line.Product.Name), nil)
	}
	line = t.asLabelled(line, mark)
	if line.Code = mark.Raw; !line.Product.Traits.Has(sale.Weighed) {
		line.Qty = sale.Piece
	}
	return &line, nil
}

// mayMark refuses a piece at a register that has said that it cannot sell any.
func (t *Till) mayMark(name string) error {
	if t.desk.noMarks == (drivers.Hint{}) || t.desk.ret != nil {
		return nil
	}
	return refuse(t.textRefused(name), nil)
}

// textRefused says why a piece is not sold: its code, or a register that can sell none.
func (t *Till) textRefused(name string) Text {
	if hint := t.desk.noMarks; hint != (drivers.Hint{}) {
		return textNoMarks(name, hint)
	}
	return textMarkRefused(name)
}

// asLabelled keeps for a piece what its label or the cashier has said just before: its price, and its weight where
// the code itself holds none.
func (t *Till) asLabelled(line sale.Line, mark *gs1.Mark) sale.Line {
	w := t.desk.sale.wanted
	if w == nil || t.desk.ret != nil || w.Product.SKU != line.Product.SKU {
		return line
	}
	line.Product.Price = w.Product.Price
	if mark.Weight == 0 {
		line.Qty = w.Qty
	}
	return line
}

// takeMark takes a code that names no product by itself: for the product that was asked for.
func (t *Till) takeMark(mark *gs1.Mark) error {
	wanted := t.desk.sale.wanted
	if wanted == nil || t.desk.ret != nil {
		return refuse(textMarkWithoutProduct(), nil)
	}
	return t.take(*wanted, mark)
}

// othersCode refuses what would make goods forgotten that wait for their code: they are on the counter, and would go
// unpaid.
func (t *Till) othersCode(sku sale.SKU) error {
	if w := t.desk.sale.wanted; w != nil && w.Product.SKU != sku {
		return refuse(textMarkFirst(w.Product.Name), nil)
	}
	return nil
}

// dropMark forgets the product whose code was asked for.
func (t *Till) dropMark(Command) error {
	t.desk.sale.wanted = nil
	return nil
}

// markMissing is the first line that may not be paid for want of a code: it came by a list and not by a scan.
func markMissing(lines []sale.Line) error {
	for _, l := range lines {
		if l.Product.Traits.Has(sale.Marked) && markOf(l.Code) == nil {
			return refuse(textMarkWanted(l.Product.Name), nil)
		}
	}
	return nil
}

// stageOf is how far a piece in the basket has come.
func (t *Till) stageOf(code string) markStage {
	if s, known := t.desk.sale.marks[code]; known {
		return s
	}
	if t.desk.register.can.marks {
		return markAsking
	}
	return markTaken
}

// nextMark is a piece in the basket that nobody has asked about.
func (t *Till) nextMark() (q drivers.MarkQuery, found bool) {
	for _, l := range t.desk.sale.basket.Lines {
		if !l.Product.Traits.Has(sale.Marked) || markOf(l.Code) == nil {
			continue
		}
		if _, asked := t.desk.sale.marks[l.Code]; !asked {
			return drivers.MarkQuery{Raw: l.Code, Unit: l.Product.Unit, Qty: l.Qty}, true
		}
	}
	return q, false
}

// wakeForMarks tells the register's goroutine that there is a question for it, whenever it has no job. The
// cashier goes on meanwhile.
func (t *Till) wakeForMarks() {
	if !t.desk.register.online || !t.desk.register.can.marks {
		return
	}
	if _, ask := t.nextMark(); !ask && !t.desk.staleMarks {
		return
	}
	t.wakeRegister()
}

func (t *Till) wakeRegister() {
	select {
	case t.register.wake <- struct{}{}:
	default: // it knows
	}
}

// tendMarks asks one question, in the register's goroutine. An answer that fails is no refusal: the register
// asks again when it prints.
func (t *Till) tendMarks(ctx context.Context, p drivers.Printer) error {
	var q drivers.MarkQuery
	var ask, stale bool
	// Together: a weight put right between the two would be asked about first and forgotten then.
	t.post(func() {
		stale = t.takeStale()
		q, ask = t.nextMark()
	})
	if err := t.forgetMarks(ctx, p, stale); err != nil {
		return linkOnly(err)
	}
	checker, ok := p.(drivers.MarkChecker)
	if !ok || !ask {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, markWait)
	defer cancel()
	verdict, err := checker.CheckMark(ctx, q)
	if err != nil {
		t.log.Warn("a marking code could not be checked", "err", err)
	}
	t.post(func() { t.markAnswered(q, verdict, err) })
	return linkOnly(err)
}

// dropStaleMarks makes the register forget codes of a basket that is gone.
func (t *Till) dropStaleMarks(ctx context.Context, p drivers.Printer) error {
	stale := false
	t.post(func() { stale = t.takeStale() })
	return t.forgetMarks(ctx, p, stale)
}

// takeStale tells once that the register knows codes which the basket has not.
func (t *Till) takeStale() (stale bool) {
	stale, t.desk.staleMarks = t.desk.staleMarks, false
	return stale
}

// forgetMarks empties the register's table of codes where it is stale.
func (t *Till) forgetMarks(ctx context.Context, p drivers.Printer, stale bool) error {
	checker, ok := p.(drivers.MarkChecker)
	if !ok || !stale {
		return nil
	}
	if err := checker.DropMarks(ctx); err != nil {
		t.post(func() { t.desk.staleMarks = true })
		return err
	}
	return nil
}

// markAnswered takes in what the register has found out. A refused piece leaves the basket; while its receipt
// is being made the register itself refuses it.
func (t *Till) markAnswered(q drivers.MarkQuery, v drivers.MarkVerdict, err error) {
	s, code := &t.desk.sale, q.Raw
	at := slices.IndexFunc(s.basket.Lines, func(l sale.Line) bool { return l.Code == code })
	if at < 0 || s.basket.Lines[at].Qty != q.Qty {
		t.desk.staleMarks = true // it left, or was weighed again, while the register was asked, which knows it now
		return
	}
	if s.marks == nil {
		s.marks = map[string]markStage{}
	}
	const whole = drivers.MarkChecked | drivers.MarkStateKnown
	switch {
	case err == nil && v.Refused():
		s.marks[code] = markRefused
		t.refusedLeaves()
	case drivers.FailOf(err) == drivers.FailConfig: // not this piece but the register: no piece can be sold
		t.desk.noMarks = drivers.HintOf(err)
		s.marks[code] = markRefused
		t.refusedLeaves()
	case err == nil && v&whole == whole:
		s.marks[code] = markChecked
	default:
		s.marks[code] = markUnreachable
	}
}

// refusedLeaves takes refused pieces out of the basket, unless a receipt of it is being made just now.
func (t *Till) refusedLeaves() {
	s := &t.desk.sale
	if t.desk.printing > 0 || t.desk.unknown != nil {
		return
	}
	for i := 0; i < len(s.basket.Lines); {
		l := s.basket.Lines[i]
		if s.marks[l.Code] != markRefused {
			i++
			continue
		}
		delete(s.marks, l.Code)
		t.desk.staleMarks = true
		t.notify("error", "mark "+l.Code, t.textRefused(l.Product.Name))
		if err := t.removeLine(Command{Line: i}); err != nil {
			t.log.Error("take a refused piece out of the basket", "err", err)
			return
		}
	}
}

// weighedAgain has a code asked about anew: it was checked for another weight.
func (t *Till) weighedAgain(l sale.Line) {
	if _, asked := t.desk.sale.marks[l.Code]; asked {
		delete(t.desk.sale.marks, l.Code)
		t.desk.staleMarks = true
	}
}

// holdsRefused tells whether a sale that is about to be printed holds a piece that was refused meanwhile.
func (t *Till) holdsRefused(s *sale.Sale) (name string, refused bool) {
	if s == nil {
		return "", false
	}
	for _, l := range s.Lines {
		if t.desk.sale.marks[l.Code] == markRefused {
			return l.Name, true
		}
	}
	return "", false
}

// receiptMark is a line's code as the register wants it.
func receiptMark(traits sale.Traits, code string) *drivers.Mark {
	if m := markOf(code); m != nil && traits.Has(sale.Marked) {
		return &drivers.Mark{Raw: m.Raw}
	}
	return nil
}

// markedSubject is tag 1212 of a piece with a code, where the catalogue still has that of its group.
func markedSubject(s sale.Subject, mark *drivers.Mark) sale.Subject {
	switch {
	case mark == nil:
		return s
	case s == sale.SubjectGoods:
		return sale.SubjectMarkedGoods
	case s == sale.SubjectExcisable:
		return sale.SubjectMarkedExcise
	}
	return s
}

// A return.

// wantsCode tells whether a sold line comes back by its code only.
func wantsCode(l sale.SoldLine) bool {
	return l.Traits.Has(sale.Marked) && (markOf(l.Code) != nil || l.Qty == sale.Piece)
}

// scanBack takes a piece back by its code: it must be one that this receipt sold, where its codes are known.
func (t *Till) scanBack(m meaning) error {
	o := t.desk.ret
	switch {
	case o.of == nil:
		return refuse(textReturnAsking(), nil)
	case m.mark == nil:
		return refuse(textNotNow(StageReturn), nil)
	}
	line := slices.IndexFunc(o.of.Sale.Lines, func(l sale.SoldLine) bool { return wantsCode(l) && samePiece(l.Code, m.mark.Raw) })
	if line < 0 && m.product != nil { // sold before codes were kept: any piece of the product, each once
		line = slices.IndexFunc(o.of.Sale.Lines, func(l sale.SoldLine) bool {
			return wantsCode(l) && markOf(l.Code) == nil && l.SKU == m.product.SKU
		})
		if next := o.nextUncoded(m.product.SKU); next >= 0 {
			line = next
		}
		if slices.ContainsFunc(mapValues(o.codes), func(c string) bool { return samePiece(c, m.mark.Raw) }) {
			return refuse(textMarkTwice(m.product.Name), nil)
		}
	}
	switch {
	case line < 0:
		return refuse(textMarkNotSold(), nil)
	case o.left(line) <= 0:
		return refuse(textMarkBack(o.of.Sale.Lines[line].Name), nil)
	}
	if o.codes == nil {
		o.codes = map[int]string{}
	}
	o.codes[line] = m.mark.Raw
	return t.choose(line, o.left(line))
}

// nextUncoded is the first line of a product sold without codes that may still come back and has no piece yet;
// -1: none.
func (o *openReturn) nextUncoded(sku sale.SKU) int {
	for i, l := range o.of.Sale.Lines {
		if l.SKU == sku && wantsCode(l) && markOf(l.Code) == nil && o.codes[i] == "" && o.left(i) > 0 {
			return i
		}
	}
	return -1
}

func mapValues(m map[int]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// Sentences.

func textMarkWanted(name string) Text {
	return say("%[1]s продаётся по коду маркировки: отсканируйте квадратный код на упаковке", "%[2]s is sold by its marking code: scan the square code on the pack", inMarks(name).RU, inMarks(name).EN)
}

func textMarkFirst(name string) Text {
	return say("Сначала %[1]s: отсканируйте код маркировки или нажмите «Не продавать»", "First %[2]s: scan its marking code or press Do not sell it", inMarks(name).RU, inMarks(name).EN)
}

func textMarkTwice(name string) Text {
	return say("Эта упаковка %[1]s уже в чеке: у каждой свой код, отсканируйте другую", "This pack of %[2]s is in the receipt already: each has a code of its own, scan the other one", inMarks(name).RU, inMarks(name).EN)
}

func textMarkQty() Text {
	return say("Маркированный товар — по одной штуке в строке: отсканируйте код каждой", "Marked goods take one piece a line: scan the code of each")
}

// textMarkCut is said of a code that holds GTIN and serial alone: what proves the piece is behind the separator.
func textMarkCut(name string) Text {
	return textMarkDamaged(name, say(
		"Код прочитан не целиком, без проверочной части. Сканируйте ещё раз; если повторяется, сканер обрывает код на разделителе GS: позовите администратора (doctor scanner).",
		"The code was not read whole, its crypto part is missing. Scan again; if it stays so, the scanner ends codes at the separator GS: call store IT (doctor scanner).",
	))
}

func textMarkDamaged(name string, hint Text) Text {
	return Text{
		RU: inMarks(name).RU + ": " + hint.RU + " До этого отложите товар: без кода его продавать нельзя, остальное продавайте.",
		EN: inMarks(name).EN + ": " + hint.EN + " Until then put it aside: it may not be sold without its code; sell the rest.",
	}
}

func textMarkOfNobody() Text {
	return say("Код маркировки прочитан, но такого товара в каталоге нет: отложите его и сообщите в офис", "The marking code was read, but the catalogue has no such product: put it aside and tell head office")
}

func textMarkWithoutProduct() Text {
	return say("По этому коду маркировки товар не найти: сначала отсканируйте штрихкод или найдите товар по названию, затем код", "This marking code does not name its product: scan the barcode or find the product by name first, then the code")
}

func textMarkRefused(name string) Text {
	return say("%[1]s продавать нельзя: «Честный знак» отклонил код. Товар убран из чека, отложите его", "%[2]s may not be sold: the marking system refused its code. It was taken out of the receipt, put it aside", inMarks(name).RU, inMarks(name).EN)
}

func textNoMarks(name string, hint Text) Text {
	return Text{
		RU: inMarks(name).RU + " продать на этой кассе нельзя: отложите его, остальное продавайте. " + hint.RU,
		EN: inMarks(name).EN + " cannot be sold at this register: put it aside, sell the rest. " + hint.EN,
	}
}

func textMarkNotSold() Text {
	return say("Упаковки с этим кодом в чеке не было: вернуть можно только то, что продано по нему", "No pack with this code is on the receipt: only what it sold can come back")
}

func textMarkBack(name string) Text {
	return say("%[1]s по этому коду уже возвращён", "%[2]s of this code has come back already", inMarks(name).RU, inMarks(name).EN)
}

func textMarkGift() Text {
	return say("Маркированный товар подарком за баллы не оформить: уберите его из подарков в программе", "Marked goods cannot be a gift for points: take them off the programme's gifts")
}

func textMarkReturn(name string) Text {
	return say("%[1]s возвращают по коду маркировки: отсканируйте его на упаковке", "%[2]s comes back by its marking code: scan it on the pack", inMarks(name).RU, inMarks(name).EN)
}
