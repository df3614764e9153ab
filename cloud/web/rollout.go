package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Updates is which version of the till program goes to whom. The address is /rollout, because tills fetch what is
// published below /updates/.
type Updates interface {
	// Rollout answers page.ErrNotFound where no repository has been made.
	Rollout(ctx context.Context, org sale.OrgNo) (page.Rollout, error)
	WeighRollout(ctx context.Context, org sale.OrgNo, plan page.RolloutPlan) (page.RolloutPlan, error)
	// SetRollout answers page.ErrChanged where the plan is not the one with serial was any more.
	SetRollout(ctx context.Context, org sale.OrgNo, was uint64, plan page.RolloutPlan, by string) error
}

const (
	// rolloutStepsMax is how many steps a form takes; one row more than there are steps is empty.
	rolloutStepsMax = 20
	// operatorSoon is how long before the operator's signatures end somebody should fetch the keys.
	operatorSoon = 60 * 24 * time.Hour
	// signedLate is the age of head office's own signatures at which its daily work has failed for some days.
	signedLate = 3 * 24 * time.Hour
)

type rolloutData struct {
	page.Rollout
	None  bool
	Rows  []rolloutRow
	Tills []rolloutTill
	Zone  string
	// Soon and Late: the operator's signatures end, head office's own were not renewed.
	Soon, Late bool
}

// rolloutRow is a row of the form; its fields are named by its number.
type rolloutRow struct {
	No       int
	Versions []choice
	Step     page.RolloutStep // zero for the empty row
}

// Field names an entry of the row.
func (r rolloutRow) Field(name string) string { return fmt.Sprintf("%s-%d", name, r.No) }

// Next is the row's number for people.
func (r rolloutRow) Next() int { return r.No + 1 }

type rolloutTill struct {
	page.Till
	Running, Wanted string
	Update          *page.TillUpdate
	Text            Text
	Tone            string
}

func (s *site) rolloutPage(c *call) error { return s.showRollout(c, nil, http.StatusOK) }

func (s *site) showRollout(c *call, f *form, status int) error {
	title := Text{"Обновления касс", "Till updates"}
	r, err := s.Updates.Rollout(c.ctx(), c.org())
	if errors.Is(err, page.ErrNotFound) {
		return c.show(status, "rollout", title, f, &rolloutData{None: true})
	}
	if err != nil {
		return err
	}
	sh, err := c.shop()
	if err != nil {
		return err
	}
	if f == nil {
		f = rolloutForm(r)
	}
	d := &rolloutData{Rollout: r, Zone: sh.zone(0), Soon: r.OperatorUntil.Sub(c.now()) < operatorSoon, Late: c.now().Sub(r.Signed) > signedLate}
	for i := range min(max(len(r.Steps), typedSteps(f))+1, rolloutStepsMax) {
		row := rolloutRow{No: i, Versions: versionChoices(c, r.Versions, f.V(fmt.Sprintf("version-%d", i)))}
		if i < len(r.Steps) {
			row.Step = r.Steps[i]
		}
		d.Rows = append(d.Rows, row)
	}
	for _, t := range sh.Tills {
		if t.State == page.TillEnrolled {
			d.Tills = append(d.Tills, tillOf(t, r))
		}
	}
	return c.show(status, "rollout", title, f, d)
}

// typedSteps is how many rows of a form have something in them.
func typedSteps(f *form) (n int) {
	for i := range rolloutStepsMax {
		if f.V(fmt.Sprintf("version-%d", i)) != "" {
			n = i + 1
		}
	}
	return n
}

func versionChoices(c *call, all []page.Published, chosen string) []choice {
	out := []choice{{"", c.say("— нет —", "— none —"), chosen == ""}}
	known := chosen == ""
	for _, v := range all {
		known = known || v.Version == chosen
		out = append(out, choice{v.Version, v.Version, v.Version == chosen})
	}
	if !known {
		out = append(out, choice{chosen, chosen, true})
	}
	return out
}

func tillOf(t page.Till, r page.Rollout) rolloutTill {
	x := rolloutTill{Till: t, Running: r.Running[t.No], Wanted: r.Wanted[t.No]}
	if t.Status != nil {
		x.Update = t.Status.Update
	}
	switch u := x.Update; {
	case u != nil && u.State == page.UpdateFailed:
		x.Text, x.Tone = Text{"не вышло: " + u.Version, "failed: " + u.Version}, "bad"
	case u != nil && u.State == page.UpdateTrial:
		x.Text, x.Tone = Text{"пробует " + u.Version, "trying " + u.Version}, "warn"
	case x.Wanted == "":
		x.Text, x.Tone = Text{"обновлений нет", "no update due"}, ""
	case r.Paused:
		x.Text, x.Tone = Text{"отложена " + x.Wanted, "held back: " + x.Wanted}, "warn"
	case u != nil && u.State == page.UpdateReady && u.Version == x.Wanted:
		x.Text, x.Tone = Text{"скачала " + u.Version + ", ждёт перерыва", "has " + u.Version + ", waits for a pause"}, "warn"
	case u != nil && u.State == page.UpdateLoading && u.Version == x.Wanted:
		x.Text, x.Tone = Text{"скачивает " + u.Version, "downloads " + u.Version}, "warn"
	default:
		x.Text, x.Tone = Text{"ждёт " + x.Wanted, "due " + x.Wanted}, "warn"
	}
	return x
}

func rolloutForm(r page.Rollout) *form {
	f := newForm("serial", strconv.FormatUint(r.Serial, 10))
	for i, s := range r.Steps {
		set := func(name, value string) { f.Values.Set(fmt.Sprintf("%s-%d", name, i), value) }
		set("version", s.Version)
		set("stores", strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Stores), " ", ", "), "[]"))
		set("share", strings.TrimSuffix(s.Share.String(), "%"))
		if s.Back {
			set("back", "1")
		}
		if s.NoReturn {
			set("noreturn", "1")
		}
	}
	return f
}

// readRollout reads the form's rows; those without a version are no steps.
func readRollout(f *form, known []page.Store) (plan page.RolloutPlan) {
	for i := range rolloutStepsMax {
		at := func(name string) string { return fmt.Sprintf("%s-%d", name, i) }
		s := page.RolloutStep{Version: f.V(at("version")), Back: f.V(at("back")) == "1", NoReturn: f.V(at("noreturn")) == "1"}
		if s.Version == "" {
			continue
		}
		share, err := sale.ParsePoints(cleanFigure(strings.TrimSuffix(strings.TrimSpace(f.V(at("share"))), "%")))
		if s.Share = sale.BasisPoints(share); err != nil || share < 1 || share > sale.Points(sale.Hundred) {
			f.wrong(at("share"), "Нужна доля от 0,01 до 100 %.", "Want a share from 0.01 to 100 %.")
		}
		s.Stores = readStores(f, at("stores"), known)
		plan.Steps = append(plan.Steps, s)
	}
	return plan
}

func readStores(f *form, field string, known []page.Store) (out []sale.StoreNo) {
	for text := range strings.FieldsFuncSeq(f.V(field), func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || !slices.ContainsFunc(known, func(s page.Store) bool { return s.No == sale.StoreNo(n) }) {
			f.wrong(field, fmt.Sprintf("Нет магазина «%s»: номера — на странице «Магазины».", text), fmt.Sprintf("There is no store “%s”: the numbers are on the page Stores.", text))
			return nil
		}
		if !slices.Contains(out, sale.StoreNo(n)) {
			out = append(out, sale.StoreNo(n))
		}
	}
	return out
}

// saveRollout shows how many tills a plan means, then publishes it.
func (s *site) saveRollout(c *call) error {
	now, err := s.Updates.Rollout(c.ctx(), c.org())
	if errors.Is(err, page.ErrNotFound) { // nothing to plan before there is a repository: the page says how to make one
		return s.showRollout(c, nil, http.StatusConflict)
	}
	if err != nil {
		return err
	}
	sh, err := c.stores()
	if err != nil {
		return err
	}
	was, err := strconv.ParseUint(c.form.V("serial"), 10, 64)
	if err != nil || was != now.Serial {
		return s.staleRollout(c)
	}
	plan := readRollout(c.form, sh.Stores)
	plan.Paused = now.Paused
	if !c.form.ok() {
		return s.showRollout(c, c.form, http.StatusUnprocessableEntity)
	}
	if !c.sure() {
		return s.askRollout(c, plan)
	}
	return s.publishRollout(c, was, plan)
}

func (s *site) askRollout(c *call, plan page.RolloutPlan) error {
	plan, err := s.Updates.WeighRollout(c.ctx(), c.org(), plan)
	if err != nil {
		return err
	}
	var lines []Text
	ru, en := formats{RU}, formats{EN}
	for _, x := range plan.Steps {
		line := Text{
			fmt.Sprintf("Версия %s: %s (%s), уже стоит на %d.", x.Version, ru.number(x.Tills, "касса", "кассы", "касс", "", ""), ru.percent(x.Share), x.Taken),
			fmt.Sprintf("Version %s: %s (%s), %d have it.", x.Version, en.number(x.Tills, "", "", "", "till", "tills"), en.percent(x.Share), x.Taken),
		}
		if x.Back {
			line = Text{line.RU + " Кассы с более новой версией вернутся на эту.", line.EN + " Tills with a newer version return to this one."}
		}
		if x.NoReturn {
			line = Text{line.RU + " Даже если вернуться на прежнюю будет нельзя.", line.EN + " Even where there is no way back to the one before."}
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = []Text{{"В плане не останется ни одной версии: кассы останутся на том, что на них стоит.", "The plan has no version left: tills stay with what they run."}}
	}
	lines = append(lines, Text{"Касса обновляется сама между покупателями и возвращается к прежней версии, если новая не работает.", "A till updates by itself between customers, and goes back if the new version does not work."})
	return c.confirm(Text{"Опубликовать план?", "Publish the plan?"}, confirmation{Lines: lines, Yes: Text{"Опубликовать", "Publish"}, Back: "/rollout"})
}

func (s *site) publishRollout(c *call, was uint64, plan page.RolloutPlan) error {
	err := s.Updates.SetRollout(c.ctx(), c.org(), was, plan, c.user.Login)
	if errors.Is(err, page.ErrChanged) {
		return s.staleRollout(c)
	}
	if err != nil {
		return err
	}
	return c.done("/rollout", "rollout")
}

func (s *site) staleRollout(c *call) error {
	f := &form{}
	f.wrong("", "План тем временем изменили. Ниже он такой, как сейчас; внесите свою правку ещё раз.", "Somebody has changed the plan meanwhile. It is shown as it is now; make your change again.")
	r, err := s.Updates.Rollout(c.ctx(), c.org())
	if err != nil {
		return err
	}
	f.Values = rolloutForm(r).Values
	return s.showRollout(c, f, http.StatusConflict)
}

// pauseRollout holds all tills where they are, or lets them go on: one press, since it may be urgent.
func (s *site) pauseRollout(c *call) error {
	r, err := s.Updates.Rollout(c.ctx(), c.org())
	if errors.Is(err, page.ErrNotFound) {
		return s.showRollout(c, nil, http.StatusConflict)
	}
	if err != nil {
		return err
	}
	r.Paused = c.form.V("paused") == "1"
	return s.publishRollout(c, r.Serial, r.RolloutPlan)
}
