package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Flags is the inbox: what people should look at, and what head office has done about it by itself.
type Flags interface {
	Conflicts(ctx context.Context, org sale.OrgNo, f page.ConflictFilter, after page.FlagKey, limit int) ([]page.Conflict, error)
	Conflict(ctx context.Context, org sale.OrgNo, id sale.ID) (page.Conflict, error)
	ConflictCounts(ctx context.Context, org sale.OrgNo) (map[string]int, error)
	ResolveConflict(ctx context.Context, org sale.OrgNo, id sale.ID, action page.Action, by, note string) error
}

// advices say what to do about each kind.
var advices = map[string]Text{
	"debt":        {"Покупатель должен баллы: вернул товар, а начисленное уже потратил. Долг погасится следующими начислениями. Если так повторяется — посмотрите его возвраты.", "The customer owes points: goods came back after the points were spent. The next accruals settle it. If it repeats, look at the returns."},
	"fork":        {"Касса восстановлена из копии или заменена. Сверьте чеки за этот день с отчётом о закрытии смены; повторы уже отсеяны.", "The till was restored from a copy or replaced. Compare that day's receipts with the Z report; repeats are sifted out."},
	"gap":         {"Часть журнала кассы не пришла. Не стирайте её диск: подключите старый компьютер или прочитайте продажи из ФН.", "A part of the till's journal has not come. Do not wipe its disk: connect the old computer, or read the sales from the fiscal storage."},
	"clock":       {"Проверьте часы кассы и ККТ. Время чека показано так, как его знала касса.", "Check the clocks of the till and the register. The receipt shows the time as the till knew it."},
	"duplicate":   {"Тот же чек пришёл второй раз с другого места. Проведён один; второй сохранён для сверки. Делать обычно ничего не нужно.", "The same receipt came again from elsewhere. One is booked, the other kept for comparison. Usually there is nothing to do."},
	"unprojected": {"Запись сохранена, но не проведена. Обновите головной офис; если не поможет — передайте разработчику запись из карточки чека.", "The record is kept but not booked. Update head office; if that does not help, send the developer the record from the receipt's page."},
	"overspent":   {"Списано больше, чем было у покупателя или в аренде. Обычно это восстановленная касса. Проверьте чек и при нужде поправьте баллы вручную.", "More was redeemed than the customer or the lease held; usually a restored till. Check the receipt and correct the points by hand if need be."},
	"shift":       {"Журнал и ФН разошлись. Откройте смену, найдите красную строку и сверьте чеки с Z-отчётом.", "The journal and the fiscal storage disagree. Open the shift, find the red line and compare the receipts with the Z report."},
	"quarantine":  {"Отозванная касса прислала продажи. Если она ваша и чеки настоящие — зарегистрируйте её заново и перенесите данные; иначе сообщите службе безопасности.", "A revoked till has sent sales. If it is yours and the receipts are real, enrol it again; else tell security."},
	"signature":   {"Кто-то говорил от имени кассы без её ключа. Если кассу только что переустановили — выдайте новый код. Иначе отзовите её и сообщите службе безопасности.", "Somebody spoke in a till's name without its key. If it was just reinstalled, make a new code. Else revoke it and tell security."},
	"exposure":    {"Выведенная касса могла списать эти баллы без связи. Дождитесь её чеков или закройте вопрос, признав риск.", "A retired till may have redeemed these points offline. Wait for its receipts, or resolve this and accept the risk."},
	"double":      {"Один телефон или карта заведены дважды, обычно на двух кассах без связи. Если это разные люди, разделите их.", "One phone or card was enrolled twice, mostly at two tills offline. If they are two people, split them."},
	"late":        {"Касса без связи не знала, что срок вышел. Покупателя это не касается: чек остаётся.", "The till was offline and did not know. It is nothing to the customer: the receipt stands."},
	"code":        {"Две кассы без связи приняли один код. Первым считается более ранний чек, второй покупателю прощён.", "Two tills offline took one code. The earlier receipt counts, the later customer is forgiven."},
	"over-return": {"Сверьте возвраты с исходным чеком: возможно, один и тот же товар принят в двух магазинах.", "Compare the returns with the receipt: the same goods may have been taken in two stores."},
	"watch":       {"Касса заметила то, о чём просили правила программы. Это повод посмотреть, а не обвинение.", "The till met what the programme's rules ask about. It is a reason to look, not to blame."},
	"pending":     {"Баллы рассчитаются сами, когда придёт исходный чек. Если он не придёт — касса, где он пробит, давно без связи.", "The points settle by themselves once the receipt arrives. If it does not, the till that made it has long been offline."},
	"enrolment":   {"Запечатанные данные не совпали с записью кассы. Покупатель заведён без имени; уточните его при следующем визите.", "The sealed data do not fit the till's record. The customer is kept without a name; ask at their next visit."},
}

// kindNames are the kinds of the inbox, in the order of its filter.
var kindNames = []struct {
	kind string
	name Text
}{
	{"watch", Text{"Правило безопасности", "Fraud rule"}},
	{"double", Text{"Двойная регистрация", "Enrolled twice"}},
	{"debt", Text{"Долг по баллам", "Debt of points"}},
	{"late", Text{"Баллы потрачены после срока", "Points spent after their time"}},
	{"code", Text{"Код использован дважды", "Code used twice"}},
	{"over-return", Text{"Возвращено больше проданного", "More returned than sold"}},
	{"pending", Text{"Возврат ждёт своего чека", "Return waits for its receipt"}},
	{"enrolment", Text{"Данные регистрации не сошлись", "Enrolment does not fit"}},
	{"overspent", Text{"Списано больше, чем было", "More redeemed than held"}},
	{"shift", Text{"Смена не сходится", "Shift differs"}},
	{"fork", Text{"Касса восстановлена", "Till restored"}},
	{"gap", Text{"Пропуск в журнале", "Gap in a journal"}},
	{"clock", Text{"Часы кассы", "Till's clock"}},
	{"duplicate", Text{"Повтор чека", "Repeated receipt"}},
	{"unprojected", Text{"Запись не проведена", "Record not booked"}},
	{"quarantine", Text{"Карантин", "Quarantine"}},
	{"signature", Text{"Чужая подпись", "Foreign signature"}},
	{"exposure", Text{"Риск выведенной кассы", "Exposure of a retired till"}},
}

func flagName(kind string) Text {
	for _, k := range kindNames {
		if k.kind == kind {
			return k.name
		}
	}
	return Text{kind, kind}
}

// policies say what head office has done by itself.
var policies = map[string]Text{
	page.PolicyMerged: {"Объединено в более раннюю запись, все баллы на месте.", "Merged into the older enrolment, all points are there."}, page.PolicyStands: {"Чек действует таким, как напечатан.", "The receipt stands as it was printed."},
	page.PolicyReopened: {"Сгоревшие баллы возвращены: их потратили вовремя.", "Expired points were given back: they had been spent in time."}, page.PolicyNetted: {"Долг погасится следующими начислениями.", "The next accruals settle the debt."},
	page.PolicyWaits: {"Рассчитается само, когда придёт чек.", "Settles by itself once the receipt comes."}, page.PolicyUnnamed: {"Покупатель заведён без имени и ключей.", "The customer stays without name and keys."},
}

// deed is an action as a button: what it says, and what is asked first where points move.
type deed struct {
	Action page.Action
	Name   Text
	Ask    Text // empty: done at once
}

var deeds = []deed{
	{page.ActionAccept, Text{"Так и оставить", "Leave it so"}, Text{}},
	{page.ActionMerge, Text{"Объединить…", "Merge…"}, Text{"Баллы и покупки обоих номеров станут общими. Разделить можно будет позже.", "The points and purchases of both numbers become one. They can be split later."}},
	{page.ActionSplit, Text{"Разделить…", "Split…"}, Text{"У каждого номера снова будут свои баллы. Объединить можно будет позже.", "Each number has its own points again. They can be merged later."}},
	{page.ActionForgive, Text{"Простить долг…", "Forgive the debt…"}, Text{"Долг закроется за счёт программы. Отменить нельзя.", "The programme takes the debt over. It cannot be undone."}},
	{page.ActionRevoke, Text{"Погасить код…", "Revoke the code…"}, Text{"Кассы перестанут принимать этот код. Отменить нельзя.", "Tills stop taking this code. It cannot be undone."}},
	{page.ActionNote, Text{"Закрыть", "Resolve"}, Text{}},
}

func deedOf(a page.Action) deed {
	for _, d := range deeds {
		if d.Action == a {
			return d
		}
	}
	return deed{Action: a, Name: Text{string(a), string(a)}}
}

type flagRow struct {
	page.Conflict
	Title  Text
	Advice Text
	Policy Text
	Amount string
	Deeds  []deed
	Did    Text
}

type flagsData struct {
	Rows     []flagRow
	Resolved bool
	Kinds    []choice
	Kind     string
	Customer sale.CustomerNo
	Older    string
	Wrong    sale.ID // the flag whose note was refused
}

func (s *site) flagsPage(c *call) error { return s.showFlags(c, nil, nil, http.StatusOK) }

// showFlags lists the inbox. wrong is the flag whose note was refused: it stands first, wherever its place is.
func (s *site) showFlags(c *call, f *form, wrong *page.Conflict, status int) error {
	q := c.r.URL.Query()
	d := flagsData{Resolved: q.Get("show") == "resolved", Kind: q.Get("kind")}
	filter := page.ConflictFilter{Resolved: d.Resolved, Kind: d.Kind}
	if no, err := parseNumber(q.Get("customer")); err == nil {
		d.Customer, filter.Customer = no, no
	}
	var after page.FlagKey
	var err error
	if text := q.Get("after"); text != "" {
		if after, err = page.ParseFlagKey(text); err != nil {
			return err
		}
	}
	rows, err := s.Flags.Conflicts(c.ctx(), c.org(), filter, after, page.RowsMax+1)
	if err != nil {
		return err
	}
	if len(rows) > page.RowsMax {
		rows = rows[:page.RowsMax]
		d.Older = older(q, rows[page.RowsMax-1].Key().String())
	}
	if wrong != nil {
		d.Wrong = wrong.ID
		rows = append([]page.Conflict{*wrong}, slices.DeleteFunc(rows, func(x page.Conflict) bool { return x.ID == wrong.ID })...)
	}
	if d.Kinds, err = s.kindChoices(c, d.Kind); err != nil {
		return err
	}
	sh, err := c.stores()
	if err != nil {
		return err
	}
	for _, x := range rows {
		if x.Zone == "" {
			x.Zone = sh.zone(0) // of no store in particular
		}
		d.Rows = append(d.Rows, flagRowOf(c.f, x))
	}
	return c.show(status, "flags", Text{"Вопросы", "Inbox"}, f, &d)
}

// kindChoices are the kinds with how many are open of each.
func (s *site) kindChoices(c *call, chosen string) ([]choice, error) {
	counts, err := s.Flags.ConflictCounts(c.ctx(), c.org())
	if err != nil {
		return nil, err
	}
	out := []choice{{"", c.say("Любые", "Any"), chosen == ""}}
	for _, k := range kindNames {
		if n := counts[k.kind]; n > 0 || chosen == k.kind {
			out = append(out, choice{k.kind, fmt.Sprintf("%s · %d", k.name.in(c.lang), n), chosen == k.kind})
		}
	}
	return out, nil
}

func flagRowOf(f formats, x page.Conflict) flagRow {
	row := flagRow{Conflict: x, Title: Text{x.RU, x.EN}, Advice: adviceOf(x.Kind), Policy: policies[x.Policy]}
	if x.RU == "" {
		row.Title = flagName(x.Kind)
	}
	switch x.Kind {
	case "watch":
		kind, name := flagName(x.Kind), watchName(x.Rule)
		row.Title = Text{kind.RU + ": " + name.RU, kind.EN + ": " + name.EN}
	case "debt", "late", "overspent", "exposure":
		if x.Amount != 0 && x.RU == "" {
			row.Amount = f.points(sale.Points(x.Amount)) + f.pick(" баллов", " points")
		}
	}
	for _, d := range deeds {
		if slices.Contains(x.Actions, d.Action) {
			row.Deeds = append(row.Deeds, d)
		}
	}
	if x.Action != "" && x.Action != page.ActionNote {
		row.Did = deedOf(x.Action).Name
	}
	return row
}

// watchName names a fraud rule by its code.
func watchName(rule string) Text {
	for _, w := range fraudRules {
		if w.code == rule {
			return w.name
		}
	}
	return Text{loyalty.WatchText(rule, string(RU)), loyalty.WatchText(rule, string(EN))}
}

func adviceOf(kind string) Text {
	if t, ok := advices[kind]; ok {
		return t
	}
	return Text{"Разберитесь и закройте с пояснением.", "Look into it and resolve it with a note."}
}

// resolveFlag does what the pressed button says. Where points move it asks once more.
func (s *site) resolveFlag(c *call) error {
	id, err := sale.ParseID(c.r.PathValue("id"))
	if err != nil {
		return page.ErrNotFound
	}
	x, err := s.Flags.Conflict(c.ctx(), c.org(), id)
	if err != nil {
		return err
	}
	if x.Resolved != 0 {
		return c.done("/flags", "resolved") // somebody else was quicker
	}
	action := page.Action(c.form.V("action"))
	if action == "" {
		action = page.ActionNote
	}
	if !slices.Contains(x.Actions, action) {
		return page.ErrNotFound
	}
	note := c.form.text("note", action == page.ActionNote || deedOf(action).Ask.RU != "", noteMax)
	if !c.form.ok() {
		return s.showFlags(c, c.form, &x, http.StatusUnprocessableEntity)
	}
	if d := deedOf(action); d.Ask.RU != "" && !c.sure() {
		return c.confirm(flagRowOf(c.f, x).Title, confirmation{Lines: askLines(x, d), Yes: Text{trimDots(d.Name.RU), trimDots(d.Name.EN)}, Back: "/flags", Danger: true})
	}
	err = s.Flags.ResolveConflict(c.ctx(), c.org(), id, action, c.user.Login, note)
	if err != nil && !errors.Is(err, page.ErrChanged) {
		return err
	}
	return c.done("/flags", "resolved")
}

func askLines(x page.Conflict, d deed) []Text {
	lines := []Text{d.Ask}
	if x.Customer != 0 {
		lines = append(lines, Text{"Покупатель № " + x.Customer.String(), "Customer no. " + x.Customer.String()})
	}
	if x.Other != 0 {
		lines = append(lines, Text{"Второй номер: " + x.Other.String(), "The other number: " + x.Other.String()})
	}
	return lines
}

func trimDots(s string) string { return string([]rune(s)[:len([]rune(s))-1]) }
