package web

import (
	"context"
	"fmt"
	"net/http"
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
	Current bool
	Future  bool
}

type programmeData struct {
	Rows    []programmeRow
	Current *loyalty.Programme
	Zone    string
}

func (s *site) programmePage(c *call) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	versions, err := s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return err
	}
	d := programmeData{Current: loyalty.Current(decoded(versions), c.now(), loyalty.Place{}), Zone: sh.zone(0)}
	for _, v := range versions {
		row := programmeRow{ProgrammeVersion: v, Future: v.From > c.now()}
		if p, err := loyalty.Decode(v.Body); err == nil {
			row.Rules, row.Current = p, d.Current != nil && p.Version == d.Current.Version
		}
		d.Rows = append(d.Rows, row)
	}
	return c.show(http.StatusOK, "programme", Text{"Программа лояльности", "Loyalty programme"}, nil, &d)
}

// tierLines is how many lines of tiers the form shows; empty ones are left out of the programme.
const tierLines = 6

type programmeFormData struct {
	Version uint32
	Lines   []int
	Zone    string
}

// programmeForm shows the rules in force, or a chosen version's, to be changed into the next one.
func (s *site) programmeForm(c *call) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	versions, err := s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return err
	}
	base := loyalty.Current(decoded(versions), c.now(), loyalty.Place{})
	for _, p := range decoded(versions) {
		if fmt.Sprint(p.Version) == c.r.URL.Query().Get("from") {
			base = p
		}
	}
	if base == nil {
		base = loyalty.Default()
	}
	tomorrow := dayStart(s.Now(), sh.zone(0)).AddDate(0, 0, 1)
	return s.showProgrammeForm(c, programmeValues(base, tomorrow), versions, sh.zone(0), http.StatusOK)
}

func (s *site) showProgrammeForm(c *call, f *form, versions []page.ProgrammeVersion, zoneName string, status int) error {
	d := programmeFormData{Version: nextVersion(versions), Zone: zoneName}
	for i := range max(tierLines, len(f.Values["tier-ru"])) {
		d.Lines = append(d.Lines, i)
	}
	title := fmt.Sprint(d.Version)
	return c.show(status, "programme-form", Text{"Новая версия программы: " + title, "New version of the programme: " + title}, f, &d)
}

func nextVersion(versions []page.ProgrammeVersion) uint32 {
	var last uint32
	for _, v := range versions {
		last = max(last, v.Version)
	}
	return last + 1
}

func tierField(i int, name string) string { return fmt.Sprintf("tier-%d-%s", i, name) }

// programmeValues puts a programme into the form's fields.
func programmeValues(p *loyalty.Programme, from time.Time) *form {
	f := newForm("policy", p.Policy.String(), "effective", from.Format("2006-01-02T15:04"), "note", "",
		"activate", fmt.Sprint(p.Lots.ActivateAfterHours), "expire", fmt.Sprint(p.Lots.ExpireAfterDays),
		"earn-step", p.EarnStep.String(), "redeem-step", p.RedeemStep.String(), "floor", p.LineFloor.String())
	for i, t := range p.Tiers {
		for name, value := range map[string]string{
			"no": fmt.Sprint(t.No), "ru": t.RU, "en": t.EN, "earn": bare(t.Earn), "discount": bare(t.Discount), "redeem": bare(t.RedeemMax),
		} {
			f.Values.Set(tierField(i, name), value)
		}
	}
	return f
}

func bare(b sale.BasisPoints) string { return strings.TrimSuffix(b.String(), "%") }

// readProgramme takes the form for a programme, gathering every problem.
func readProgramme(f *form, zoneName string) *loyalty.Programme {
	p := &loyalty.Programme{EffectiveFrom: f.moment("effective", zoneName), Policy: loyalty.PolicyPoints}
	if f.V("policy") == loyalty.PolicyDiscount.String() {
		p.Policy = loyalty.PolicyDiscount
	}
	p.Lots.ActivateAfterHours = uint32(f.whole("activate", 0, loyalty.ActivateHoursMax))
	p.Lots.ExpireAfterDays = uint32(f.whole("expire", 0, loyalty.ExpireDaysMax))
	p.EarnStep, p.RedeemStep = f.step("earn-step"), f.step("redeem-step")
	p.LineFloor = f.money("floor", 0, loyalty.LineFloorMax)
	seen := map[uint16]bool{}
	for i := range loyalty.TiersMax {
		if _, there := f.Values[tierField(i, "no")]; !there {
			break
		}
		if f.V(tierField(i, "ru"))+f.V(tierField(i, "en"))+f.V(tierField(i, "no")) == "" {
			continue
		}
		t := readTier(f, i)
		if seen[t.No] {
			f.wrong(tierField(i, "no"), "Такой номер уже есть.", "This number is taken.")
		}
		seen[t.No] = true
		p.Tiers = append(p.Tiers, t)
	}
	if !seen[0] {
		f.wrong(tierField(0, "no"), "Нужен уровень 0: с него начинает каждый.", "There must be a tier 0: everybody begins there.")
	}
	return p
}

func (f *form) step(field string) sale.Points {
	p := f.points(field)
	if f.E(field) == nil && (p <= 0 || p > loyalty.StepMax) {
		f.wrong(field, "От 0,01 до 1000.", "From 0.01 to 1000.")
	}
	return p
}

func readTier(f *form, i int) loyalty.Tier {
	return loyalty.Tier{
		No: uint16(f.whole(tierField(i, "no"), 0, 1<<16-1)), RU: f.text(tierField(i, "ru"), true, 60), EN: f.text(tierField(i, "en"), true, 60),
		Earn: f.percent(tierField(i, "earn")), Discount: f.percent(tierField(i, "discount")), RedeemMax: f.percent(tierField(i, "redeem")),
	}
}

// publish adds a version. It never changes one, so a receipt can always be explained by its own.
func (s *site) publish(c *call) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	versions, err := s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return err
	}
	p := readProgramme(c.form, sh.zone(0))
	p.Version = nextVersion(versions)
	note := c.form.text("note", false, noteMax)
	if p.EffectiveFrom != 0 && p.EffectiveFrom < c.now().Add(-time.Minute) {
		c.form.wrong("effective", "Начало действия уже прошло: чеки, пробитые по старым правилам, менять нельзя.", "This moment has passed: receipts made by the old rules cannot be changed.")
	}
	if c.form.ok() {
		if err := p.Validate(); err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				c.form.wrong("", line, line)
			}
		}
	}
	if !c.form.ok() {
		return s.showProgrammeForm(c, c.form, versions, sh.zone(0), http.StatusUnprocessableEntity)
	}
	if !c.sure() {
		return c.confirm(Text{fmt.Sprintf("Опубликовать версию %d?", p.Version), fmt.Sprintf("Publish version %d?", p.Version)}, s.confirmPublish(p, sh.zone(0)))
	}
	body, err := p.Encode()
	if err != nil {
		return err
	}
	if err := s.Programme.PutProgramme(c.ctx(), c.org(), p.Version, p.EffectiveFrom, body, c.user.Login, note); err != nil {
		return err
	}
	return c.done("/programme", "published")
}

func (s *site) confirmPublish(p *loyalty.Programme, zoneName string) confirmation {
	ru, en := formats{RU}, formats{EN}
	ask := confirmation{Yes: Text{"Опубликовать", "Publish"}, Back: "/programme"}
	ask.Lines = append(ask.Lines, Text{
		"Действует с " + ru.moment(p.EffectiveFrom, zoneName) + " (" + zoneName + "). Касса без связи перейдёт на неё, когда получит.",
		"In force from " + en.moment(p.EffectiveFrom, zoneName) + " (" + zoneName + "). A till offline changes over when it gets it.",
	})
	for _, t := range p.Tiers {
		if p.Policy == loyalty.PolicyDiscount {
			ask.Lines = append(ask.Lines, Text{
				fmt.Sprintf("%s: скидка %s", t.RU, ru.percent(t.Discount)), fmt.Sprintf("%s: discount %s", t.EN, en.percent(t.Discount)),
			})
			continue
		}
		ask.Lines = append(ask.Lines, Text{
			fmt.Sprintf("%s: начисление %s, баллами до %s чека", t.RU, ru.percent(t.Earn), ru.percent(t.RedeemMax)),
			fmt.Sprintf("%s: earns %s, points pay up to %s of a receipt", t.EN, en.percent(t.Earn), en.percent(t.RedeemMax)),
		})
	}
	ask.Lines = append(ask.Lines, Text{"Опубликованную версию изменить нельзя, можно опубликовать следующую.", "A published version cannot be changed, only followed by the next."})
	return ask
}
