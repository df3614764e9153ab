package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Programme is the loyalty programme and head office's own bookings of points.
type Programme interface {
	ProgrammeRows(ctx context.Context, org sale.OrgNo) ([]page.ProgrammeVersion, error)
	PutProgramme(ctx context.Context, org sale.OrgNo, version uint32, effective sale.Time, body []byte, by, note string) error
	// AdjustPoints books points by hand under an ID that makes a repeat harmless. It wraps
	// page.ErrChanged when the points are not free any more.
	AdjustPoints(ctx context.Context, org sale.OrgNo, id sale.ID, customer sale.CustomerNo, amount sale.Points, reason, by string) error
	RetireTill(ctx context.Context, org sale.OrgNo, till sale.TillNo, by string) error
}

// decoded reads the versions' rules; what cannot be read is left out, the list still shows it.
func decoded(versions []page.ProgrammeVersion) []*loyalty.Programme {
	var out []*loyalty.Programme
	for _, v := range versions {
		if p, err := loyalty.Decode(v.Body); err == nil {
			out = append(out, p)
		}
	}
	return out
}

type programmeRow struct {
	page.ProgrammeVersion
	Rules   *loyalty.Programme
	Scope   Text
	Begins  sale.Time
	Zone    string
	Current bool
	Future  bool
}

type programmeData struct {
	Rows    []programmeRow
	Drafts  []draftRow
	Scopes  []choice
	Bases   []choice
	Zone    string
	Older   bool // versions that the page leaves out
	Current *programmeRow
}

type draftRow struct {
	page.Draft
	Scope Text
	Zone  string
}

// versionsShown is how many versions the page lists; the rest is a click away.
const versionsShown = 20

func (s *site) programmePage(c *call) error { return s.showProgramme(c, nil, http.StatusOK) }

func (s *site) showProgramme(c *call, f *form, status int) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	versions, err := s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return err
	}
	d := programmeData{Zone: sh.zone(0), Scopes: sh.scopeChoices(c.f), Bases: []choice{{"", c.f.pick("То, что действует сейчас", "What is in force now"), true}}}
	if d.Drafts, err = s.draftRows(c, sh); err != nil {
		return err
	}
	d.Rows = sh.programmeRows(versions, c.now())
	for i, row := range d.Rows {
		if row.Current && row.Rules.Scope == (loyalty.Scope{}) {
			d.Current = &d.Rows[i]
		}
		if i < versionsShown {
			d.Bases = append(d.Bases, choice{fmt.Sprint(row.Version), fmt.Sprintf("%s %d · %s", c.f.pick("версия", "version"), row.Version, row.Scope.in(c.lang)), false})
		}
	}
	if len(d.Rows) > versionsShown && c.r.URL.Query().Get("all") == "" {
		d.Rows, d.Older = d.Rows[:versionsShown], true
	}
	return c.show(status, "programme", Text{"Программа лояльности", "Loyalty programme"}, f, &d)
}

// programmeRows lists versions, the latest first, and marks those in force anywhere.
func (s shop) programmeRows(versions []page.ProgrammeVersion, now sale.Time) []programmeRow {
	all := decoded(versions)
	inForce := map[uint32]bool{}
	for _, p := range all {
		if cur := loyalty.Current(all, now, s.place(p.Scope)); cur != nil {
			inForce[cur.Version] = true
		}
	}
	var out []programmeRow
	for _, v := range versions {
		row := programmeRow{ProgrammeVersion: v, Scope: s.scopeText(loyalty.Scope{}), Begins: v.From, Zone: s.zone(0)}
		if p, err := loyalty.Decode(v.Body); err == nil {
			row.Rules, row.Scope, row.Zone, row.Current = p, s.scopeText(p.Scope), s.zone(p.Scope.Store), inForce[p.Version]
			row.Begins = p.Begins(zone(row.Zone))
		}
		row.Future = row.Begins > now
		out = append(out, row)
	}
	slices.SortStableFunc(out, func(a, b programmeRow) int { return int(b.Version) - int(a.Version) })
	return out
}

func (s *site) draftRows(c *call, sh shop) ([]draftRow, error) {
	drafts, err := s.Drafts.Drafts(c.ctx(), c.org())
	if err != nil {
		return nil, err
	}
	var out []draftRow
	for _, d := range drafts {
		p := new(loyalty.Programme)
		if err := sale.Decode(d.Body, p); err != nil {
			return nil, fmt.Errorf("read draft %d: %w", d.No, err)
		}
		d.Body = nil
		out = append(out, draftRow{d, sh.scopeText(p.Scope), sh.zone(p.Scope.Store)})
	}
	return out, nil
}

func nextVersion(versions []page.ProgrammeVersion) uint32 {
	var last uint32
	for _, v := range versions {
		last = max(last, v.Version)
	}
	return last + 1
}

func bare(b sale.BasisPoints) string { return strings.TrimSuffix(b.String(), "%") }

type versionData struct {
	programmeRow
	Before  uint32
	Changes []difference
	Things  []thing
}

// versionPage tells a version whole, and what it changed against the one before it in the same scope.
func (s *site) versionPage(c *call) error {
	row, all, k, err := s.version(c)
	if err != nil {
		return err
	}
	d := versionData{programmeRow: row}
	if row.Rules != nil {
		before := beforeOf(all, row.Rules)
		if before != nil {
			d.Before = before.Version
			d.Changes = differences(c.f, before, row.Rules, k)
		}
		for _, t := range things(c.f, row.Rules, k) {
			if t.Name != "" && t.Section != consentSection { // the heading names it already
				t.Facts = slices.DeleteFunc(t.Facts, func(f fact) bool { return f.Key == "ru" || f.Key == "en" })
			}
			if len(t.Facts) > 0 {
				d.Things = append(d.Things, t)
			}
		}
	}
	n := fmt.Sprint(row.Version)
	return c.show(http.StatusOK, "version", Text{"Версия " + n, "Version " + n}, newForm("day", sale.DateOf(c.now(), zone(row.Zone)).Add(1).String()), &d)
}

func (s *site) version(c *call) (programmeRow, []*loyalty.Programme, *known, error) {
	versions, err := s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return programmeRow{}, nil, nil, err
	}
	sh, err := c.shop()
	if err != nil {
		return programmeRow{}, nil, nil, err
	}
	k := &known{shop: sh}
	if k.partners, err = s.partnerOptions(c); err != nil {
		return programmeRow{}, nil, nil, err
	}
	for _, row := range sh.programmeRows(versions, c.now()) {
		if fmt.Sprint(row.Version) == c.r.PathValue("version") {
			return row, decoded(versions), k, nil
		}
	}
	return programmeRow{}, nil, nil, page.ErrNotFound
}

// beforeOf is what held in a version's scope before it: the last of the same scope, else the last of
// the whole chain.
func beforeOf(all []*loyalty.Programme, p *loyalty.Programme) *loyalty.Programme {
	var best *loyalty.Programme
	for _, scope := range []loyalty.Scope{p.Scope, {}} {
		for _, q := range all {
			if q.Scope == scope && q.Version < p.Version && !q.Withdrawn && (best == nil || q.Version > best.Version) {
				best = q
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

// starts reads from when a version holds: a day, at each store's midnight, or a moment.
func starts(f *form, p *loyalty.Programme, zoneName string, now time.Time) {
	p.Day, p.EffectiveFrom = 0, 0
	if f.V("begin") == "moment" {
		p.EffectiveFrom = f.moment("effective", zoneName)
		if p.EffectiveFrom != 0 && p.EffectiveFrom < sale.At(now).Add(-time.Minute) {
			f.wrong("effective", "Этот момент уже прошёл: чеки, пробитые по прежним правилам, менять нельзя.", "This moment has passed: receipts made by the rules before cannot be changed.")
		}
		return
	}
	day, err := sale.ParseDate(f.V("day"))
	switch {
	case err != nil || day == 0:
		f.wrong("day", "Нужна дата: 2026-12-31.", "Want a date: 2026-12-31.")
	case day <= sale.DateOf(sale.At(now), zone(zoneName)):
		f.wrong("day", "Первый возможный день — завтрашний. Нужно раньше — выберите момент.", "Tomorrow is the first day possible. For sooner choose a moment.")
	default:
		p.Day = day
	}
}

// begun is when a version begins, in words.
func begun(f formats, p *loyalty.Programme, zoneName string) string {
	if p.Day != 0 {
		return f.day(p.Day) + f.pick(", с полуночи по времени каждого магазина", ", from each store's own midnight")
	}
	return f.moment(p.EffectiveFrom, zoneName) + " (" + zoneName + ")"
}

type publishData struct {
	*editing
	Problems []problemLink
	Doubts   []problemLink
	Changes  []difference
	Replaced uint32 // the version that Changes is held against
}

func (s *site) publishForm(c *call) error {
	e, err := s.openDraft(c)
	if err != nil {
		return err
	}
	today := sale.DateOf(c.now(), zone(e.Zone))
	soon := s.Now().Add(time.Hour).In(zone(e.Zone)).Truncate(time.Minute)
	return s.showPublish(c, e, newForm("begin", "day", "day", today.Add(1).String(), "effective", soon.Format("2006-01-02T15:04"), "note", e.Draft.Note), http.StatusOK)
}

func (s *site) showPublish(c *call, e *editing, f *form, status int) error {
	doubts, err := s.doubts(c, e)
	if err != nil {
		return err
	}
	d := publishData{editing: e, Problems: e.links(), Doubts: doubts, Changes: differences(c.f, e.replaced(everything), e.Rules, e.known)}
	if p := e.replaced(everything); p != nil {
		d.Replaced = p.Version
	}
	n := fmt.Sprint(e.Next)
	return c.show(status, "publish", Text{"Публикация версии " + n, "Publishing version " + n}, f, &d)
}

// publish adds a version. It never changes one, so a receipt can always be explained by its own.
func (s *site) publish(c *call) error {
	e, err := s.openDraft(c)
	if isNotFound(err) && c.sure() { // pressed twice: it is a version by now
		return c.redirect("/programme")
	}
	if err != nil {
		return err
	}
	p := e.Rules
	note := c.form.text("note", true, noteMax)
	starts(c.form, p, e.Zone, s.Now())
	if len(e.problems) > 0 {
		c.form.wrong("", "Сначала исправьте черновик: ниже видно, что не так.", "Mend the draft first: what is wrong stands below.")
	}
	if v := c.form.V("rev"); v != "" && v != fmt.Sprint(e.Draft.Rev) {
		c.form.wrong("", "Пока вы смотрели, черновик изменили. Проверьте его ещё раз.", "The draft was changed while you were looking. Check it again.")
	}
	if v := c.form.V("next"); v != "" && v != fmt.Sprint(e.Next) {
		c.form.wrong("", "Пока вы смотрели, опубликовали другую версию. Сверьте отличия ещё раз.", "Another version was published while you were looking. Check the differences again.")
	}
	c.form.Values.Set("next", fmt.Sprint(e.Next))
	if !c.form.ok() {
		return s.showPublish(c, e, c.form, http.StatusUnprocessableEntity)
	}
	if !c.sure() {
		n := fmt.Sprint(p.Version)
		return c.confirm(Text{"Опубликовать версию " + n + "?", "Publish version " + n + "?"}, s.confirmPublish(e))
	}
	if err := s.putVersion(c, p, e.Zone, note); err != nil {
		return err
	}
	if err := s.Drafts.DropDraft(c.ctx(), c.org(), e.Draft.No, c.user.Login); err != nil {
		return err
	}
	return c.done(fmt.Sprintf("/programme/%d", p.Version), "published")
}

func (s *site) putVersion(c *call, p *loyalty.Programme, zoneName, note string) error {
	body, err := p.Encode()
	if err != nil {
		return err
	}
	return s.Programme.PutProgramme(c.ctx(), c.org(), p.Version, p.Begins(zone(zoneName)), body, c.user.Login, note)
}

func (s *site) confirmPublish(e *editing) confirmation {
	ru, en := formats{RU}, formats{EN}
	begins := e.Rules.Begins(zone(e.Zone))
	n := len(differences(ru, e.replaced(begins), e.Rules, e.known))
	ask := confirmation{
		Yes: Text{"Опубликовать", "Publish"}, Back: e.address("publish"),
		Lines: []Text{
			{"Где: " + e.ScopeRU.RU + ".", "Where: " + e.ScopeRU.EN + "."},
			{"Действует: " + begun(ru, e.Rules, e.Zone) + ". Касса без связи перейдёт на неё, если успеет получить заранее.", "In force: " + begun(en, e.Rules, e.Zone) + ". A till offline changes over if it has got the version before."},
			{"Изменений: " + ru.count(n) + ".", "Changes: " + en.count(n) + "."},
			{"Опубликованную версию изменить нельзя, можно опубликовать следующую.", "A published version cannot be changed, only followed by the next."},
		},
	}
	if next := e.followed(begins); next != nil {
		ask.Lines = append(ask.Lines, Text{
			fmt.Sprintf("Затем её сменит версия %d, опубликованная раньше: %s.", next.Version, begun(ru, next, e.Zone)),
			fmt.Sprintf("Version %d, published before, follows it: %s.", next.Version, begun(en, next, e.Zone)),
		})
	}
	if v := e.undoneAt(begins); v != 0 {
		ask.Danger = true
		ask.Lines = append([]Text{undoes(v)}, ask.Lines...)
	}
	return ask
}

func undoes(version uint32) Text {
	return Text{
		fmt.Sprintf("Черновик начат не с версии %d: всё, что в ней изменили, будет отменено. Сверьте отличия от неё.", version),
		fmt.Sprintf("The draft was not begun from version %d: all that it changed will be undone. Check the differences from it.", version),
	}
}

// withdraw publishes a version that leaves the word to the next wider scope.
func (s *site) withdraw(c *call) error {
	row, all, _, err := s.version(c)
	if err != nil {
		return err
	}
	if row.Rules == nil || row.Rules.Scope == (loyalty.Scope{}) {
		return c.redirect("/programme/" + strconv.Itoa(int(row.Version)))
	}
	p, err := clone(*row.Rules)
	if err != nil {
		return err
	}
	p.Withdrawn, p.Version = true, 0
	for _, q := range all {
		p.Version = max(p.Version, q.Version+1)
	}
	c.form.Values.Set("begin", "day")
	starts(c.form, &p, row.Zone, s.Now())
	note := c.form.text("note", true, noteMax)
	if !c.form.ok() {
		return c.show(http.StatusUnprocessableEntity, "version", Text{fmt.Sprintf("Версия %d", row.Version), fmt.Sprintf("Version %d", row.Version)}, c.form, &versionData{programmeRow: row})
	}
	if !c.sure() {
		return c.confirm(Text{"Отменить особые правила?", "Withdraw the override?"}, confirmation{
			Lines: []Text{
				{"Где: " + row.Scope.RU + ".", "Where: " + row.Scope.EN + "."},
				{"С " + formats{RU}.day(p.Day) + " здесь снова действуют общие правила.", "From " + formats{EN}.day(p.Day) + " the wider rules hold here again."},
			},
			Yes: Text{"Отменить", "Withdraw"}, Back: fmt.Sprintf("/programme/%d", row.Version), Danger: true,
		})
	}
	if err := s.putVersion(c, &p, row.Zone, note); err != nil {
		return err
	}
	return c.done("/programme", "override")
}
