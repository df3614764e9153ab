package web

import (
	"context"
	"net/http"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Flags are what people should look at.
type Flags interface {
	FlagRows(ctx context.Context, org sale.OrgNo, resolved bool, after page.FlagKey, limit int) ([]page.Flag, error)
	FlagRow(ctx context.Context, org sale.OrgNo, id sale.ID) (page.Flag, error)
	ResolveFlag(ctx context.Context, org sale.OrgNo, id []byte, by, note string) error
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
}

type flagRow struct {
	page.Flag
	Advice Text
}

type flagsData struct {
	Rows     []flagRow
	Resolved bool
	Older    string
	Wrong    sale.ID // the flag whose note was refused
}

func (s *site) flagsPage(c *call) error { return s.showFlags(c, nil, sale.ID{}, http.StatusOK) }

func (s *site) showFlags(c *call, f *form, wrong sale.ID, status int) error {
	q := c.r.URL.Query()
	d := flagsData{Resolved: q.Get("show") == "resolved", Wrong: wrong}
	var after page.FlagKey
	var err error
	if text := q.Get("after"); text != "" {
		if after, err = page.ParseFlagKey(text); err != nil {
			return err
		}
	}
	flags, err := s.Flags.FlagRows(c.ctx(), c.org(), d.Resolved, after, page.RowsMax+1)
	if err != nil {
		return err
	}
	if len(flags) > page.RowsMax {
		flags = flags[:page.RowsMax]
		d.Older = older(q, flags[page.RowsMax-1].Key().String())
	}
	for _, fl := range flags {
		d.Rows = append(d.Rows, flagRow{fl, adviceOf(fl.Kind)})
	}
	return c.show(status, "flags", Text{"Вопросы", "Flags"}, f, &d)
}

func adviceOf(kind string) Text {
	if t, ok := advices[kind]; ok {
		return t
	}
	return Text{"Разберитесь и закройте с пояснением.", "Look into it and resolve it with a note."}
}

func (s *site) resolveFlag(c *call) error {
	id, err := sale.ParseID(c.r.PathValue("id"))
	if err != nil {
		return page.ErrNotFound
	}
	note := c.form.text("note", true, noteMax)
	if !c.form.ok() {
		return s.showFlags(c, c.form, id, http.StatusUnprocessableEntity)
	}
	fl, err := s.Flags.FlagRow(c.ctx(), c.org(), id)
	if err != nil {
		return err
	}
	if fl.Resolved != 0 {
		return c.done("/flags", "resolved") // somebody else was quicker
	}
	if err := s.Flags.ResolveFlag(c.ctx(), c.org(), id[:], c.user.Login, note); err != nil {
		return err
	}
	return c.done("/flags", "resolved")
}
