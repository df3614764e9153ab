package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Care is what may be done with a customer beside their data. What cannot be is a *page.Refusal.
type Care interface {
	CustomerExtra(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (page.CustomerExtra, error)
	SetCustomerState(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, state sale.CustomerState, by string) error
	EraseCustomer(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, by string) error
	MergeCustomers(ctx context.Context, org sale.OrgNo, into, from sale.CustomerNo, reason, by string) error
	SplitCustomer(ctx context.Context, org sale.OrgNo, from sale.CustomerNo, reason, by string) error
	SetBirthday(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, day, by string) error
	SetConsent(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, c sale.Consent, by string) error
	SetTier(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, tier uint16, until sale.Time, reason, by string) error
	// GiveReview gives the points of a review; one of that name is paid once.
	GiveReview(ctx context.Context, org sale.OrgNo, review sale.ID, no sale.CustomerNo) error
	Rewards(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, limit int) ([]page.Reward, error)
	Shares(ctx context.Context, org sale.OrgNo, no sale.CustomerNo, limit int) ([]page.Share, error)
	ReferralCode(ctx context.Context, org sale.OrgNo, no sale.CustomerNo) (string, error)
}

// causes are the rewards of head office in words.
var causes = map[string]Text{
	loyalty.CauseWelcome: {"Приветственные баллы", "Welcome points"}, loyalty.CauseFirstPurchase: {"За первую покупку", "For the first purchase"},
	loyalty.CauseReview: {"За отзыв", "For a review"}, loyalty.CauseBirthday: {"День рождения", "Birthday"}, loyalty.CauseHoliday: {"Праздник", "Holiday"},
	loyalty.CauseReferral: {"За покупку друга", "For a friend's purchase"}, loyalty.CauseReferralFirst: {"За первую покупку друга", "For a friend's first purchase"},
	loyalty.CauseFriend: {"Пришёл по рекомендации", "Came by referral"},
}

func causeText(cause string) Text {
	if t, ok := causes[cause]; ok {
		return t
	}
	return Text{cause, cause}
}

// purseRow is one of a customer's purses beside the points.
type purseRow struct {
	No     sale.PurseNo
	Name   Text
	Amount sale.Points
}

// careData is what the whole programme adds to a customer's page.
type careData struct {
	Extra   page.CustomerExtra
	Purses  []purseRow
	Rewards []page.Reward
	Shares  []page.Share
	Code    string
	Tiers   []choice
	Rules   *loyalty.Programme
	Enroled string // by whom and where
}

func (s *site) care(c *call, no sale.CustomerNo, f *form) (d careData, err error) {
	if d.Extra, err = s.Care.CustomerExtra(c.ctx(), c.org(), no); err != nil {
		return d, err
	}
	if d.Rewards, err = s.Care.Rewards(c.ctx(), c.org(), no, historyShown); err != nil {
		return d, err
	}
	if d.Shares, err = s.Care.Shares(c.ctx(), c.org(), no, historyShown); err != nil {
		return d, err
	}
	if d.Code, err = s.Care.ReferralCode(c.ctx(), c.org(), no); err != nil {
		return d, err
	}
	if d.Rules, err = c.rules(); err != nil || d.Rules == nil {
		return d, err
	}
	for _, t := range d.Rules.Tiers {
		v := fmt.Sprint(t.No)
		d.Tiers = append(d.Tiers, choice{v, Text{t.RU, t.EN}.in(c.lang), f.V("tier") == v || (f.V("tier") == "" && t.No == d.Extra.Customer.Tier)})
	}
	names := map[sale.PurseNo]Text{}
	for _, w := range d.Rules.Purses {
		names[w.No] = Text{w.RU, w.EN}
	}
	for _, p := range d.Extra.Customer.Purses {
		name, known := names[p.Purse]
		if !known {
			name = Text{fmt.Sprintf("Кошелёк %d", p.Purse), fmt.Sprintf("Purse %d", p.Purse)}
		}
		d.Purses = append(d.Purses, purseRow{p.Purse, name, p.Amount})
	}
	return d, nil
}

// rules is the chain's programme in force; nil when there is none.
func (c *call) rules() (*loyalty.Programme, error) {
	versions, err := c.s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return nil, err
	}
	return loyalty.Current(decoded(versions), c.now(), loyalty.Place{}), nil
}

func address(no sale.CustomerNo) string { return fmt.Sprintf("/customers/%d", int64(no)) }

// refused shows a refusal on the customer's own page.
func (s *site) refused(c *call, field string, err error) error {
	var refusal *page.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	c.form.wrong(field, sentence(refusal.RU), sentence(refusal.EN))
	return s.showCustomer(c, c.form, http.StatusConflict)
}

func (s *site) mergeCustomer(c *call) error {
	no, err := c.person()
	if err != nil {
		return err
	}
	reason := c.form.text("merge-reason", true, textMax)
	other, err := parseNumber(c.form.V("other"))
	if err != nil || other <= 0 || other == no {
		c.form.wrong("other", "Нужен номер другого покупателя: 1042 или 3-1042.", "Want another customer's number: 1042 or 3-1042.")
	}
	if !c.form.ok() {
		return s.showCustomer(c, c.form, http.StatusUnprocessableEntity)
	}
	into, err := s.Customers.CustomerCard(c.ctx(), c.org(), no)
	if err != nil {
		return err
	}
	from, err := s.Customers.CustomerCard(c.ctx(), c.org(), other)
	if isNotFound(err) {
		c.form.wrong("other", "Такого покупателя нет.", "There is no such customer.")
		return s.showCustomer(c, c.form, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	if !c.sure() {
		return c.confirm(Text{"Объединить покупателей?", "Merge the customers?"}, confirmation{
			Lines: []Text{
				{fmt.Sprintf("Останется: %s, № %s, баллов %s.", into.Name, into.No, formats{RU}.points(into.Balance)), fmt.Sprintf("Stays: %s, no. %s, points %s.", into.Name, into.No, formats{EN}.points(into.Balance))},
				{fmt.Sprintf("Присоединится: %s, № %s, баллов %s.", from.Name, from.No, formats{RU}.points(from.Balance)), fmt.Sprintf("Joins: %s, no. %s, points %s.", from.Name, from.No, formats{EN}.points(from.Balance))},
				{"Кассы найдут их по любому телефону и карте обоих. Разделить можно будет позже.", "Tills find them by any phone and card of both. They can be split later."},
			},
			Yes: Text{"Объединить", "Merge"}, Back: address(no), Danger: true,
		})
	}
	if err := s.Care.MergeCustomers(c.ctx(), c.org(), no, other, reason, c.user.Login); err != nil {
		return s.refused(c, "other", err)
	}
	return c.done(address(no), "merged")
}

func (s *site) splitCustomer(c *call) error {
	no, err := c.customerNo()
	if err != nil {
		return err
	}
	from, err := parseNumber(c.r.URL.Query().Get("from"))
	if err != nil {
		return c.redirect(address(no))
	}
	if !c.sure() {
		return c.confirm(Text{"Отделить номер?", "Split the number?"}, confirmation{
			Lines: []Text{{"№ " + from.String(), "No. " + from.String()}, {"У каждого снова будут свои баллы, покупки и ключи.", "Each has their own points, purchases and keys again."}},
			Yes:   Text{"Отделить", "Split"}, Back: address(no), Danger: true,
		})
	}
	if err := s.Care.SplitCustomer(c.ctx(), c.org(), from, "split by hand / отделён вручную", c.user.Login); err != nil {
		return s.refused(c, "", err)
	}
	return c.done(address(no), "split")
}

func (s *site) setTier(c *call) error {
	no, err := c.person()
	if err != nil {
		return err
	}
	tier := uint16(c.form.whole("tier", 0, 1<<16-1))
	reason := c.form.text("tier-reason", true, textMax)
	day, err := sale.ParseDate(c.form.V("tier-until"))
	sh, shErr := c.stores()
	if shErr != nil {
		return shErr
	}
	var until sale.Time
	switch {
	case err != nil:
		c.form.wrong("tier-until", "Нужна дата: 2027-12-31.", "Want a date: 2027-12-31.")
	case day != 0:
		if until = day.Add(1).Start(zone(sh.zone(0))); until <= c.now() {
			c.form.wrong("tier-until", "Этот день уже прошёл.", "This day has passed.")
		}
	}
	if !c.form.ok() {
		return s.showCustomer(c, c.form, http.StatusUnprocessableEntity)
	}
	if err := s.Care.SetTier(c.ctx(), c.org(), no, tier, until, reason, c.user.Login); err != nil {
		return s.refused(c, "tier", err)
	}
	return errors.Join(c.audit("customer.tier", no.String(), fmt.Sprintf("%d: %s", tier, reason)), c.done(address(no), "saved"))
}

func (s *site) testCustomer(c *call) error {
	no, err := c.person()
	if err != nil {
		return err
	}
	if !c.sure() {
		return c.confirm(Text{"Сделать учебным?", "Make a training customer?"}, confirmation{
			Lines: []Text{{"Баллы будут начисляться и списываться, но в отчёты, награды и уровни чеки не войдут.", "Points are earned and spent, but the receipts enter no report, reward or tier."}}, Yes: Text{"Сделать учебным", "Make it so"}, Back: address(no),
		})
	}
	if err := s.Care.SetCustomerState(c.ctx(), c.org(), no, sale.CustomerTest, c.user.Login); err != nil {
		return s.refused(c, "", err)
	}
	return c.done(address(no), "saved")
}

// eraseCustomer deletes the personal data for good. The number must be typed, so that nobody does it by
// a slip of the hand.
func (s *site) eraseCustomer(c *call) error {
	no, err := c.person()
	if err != nil {
		return err
	}
	card, err := s.Customers.CustomerCard(c.ctx(), c.org(), no)
	if err != nil {
		return err
	}
	if c.form.V("erase-no") != no.String() {
		c.form.wrong("erase-no", "Введите номер покупателя: "+no.String()+".", "Type the customer's number: "+no.String()+".")
		return s.showCustomer(c, c.form, http.StatusUnprocessableEntity)
	}
	if !c.sure() {
		return c.confirm(Text{"Стереть данные покупателя?", "Erase the customer's data?"}, confirmation{
			Lines: []Text{
				{card.Name + ", № " + no.String(), card.Name + ", no. " + no.String()},
				{"Имя, телефон, карты, день рождения и контакты чеков будут удалены навсегда, у присоединённых номеров тоже. Чеки и баллы останутся без имени. Кассы больше не найдут этого покупателя.", "Name, phone, cards, birthday and receipts' contacts are deleted for ever, of merged numbers too. Receipts and points stay without a name. Tills will not find this customer any more."},
			},
			Yes: Text{"Стереть навсегда", "Erase for ever"}, Back: address(no), Danger: true,
		})
	}
	if err := s.Care.EraseCustomer(c.ctx(), c.org(), no, c.user.Login); err != nil {
		return s.refused(c, "erase-no", err)
	}
	return c.done(address(no), "erased")
}

// giveReview carries the review's own identifier from the question to the deed, like points by hand.
func (s *site) giveReview(c *call) error {
	no, err := c.person()
	if err != nil {
		return err
	}
	if !c.sure() {
		key, err := sale.NewID(s.Now(), rand.Reader)
		if err != nil {
			return err
		}
		c.form.Values.Set("key", key.String())
		return c.confirm(Text{"Начислить баллы за отзыв?", "Give the points of a review?"}, confirmation{
			Lines: []Text{{"Сколько и как часто, решает программа: раздел «Подарочные баллы».", "How many and how often the programme decides: section “Gift points”."}}, Yes: Text{"Начислить", "Give"}, Back: address(no),
		})
	}
	key, err := sale.ParseID(c.form.V("key"))
	if err != nil {
		return errExpired
	}
	if err := s.Care.GiveReview(c.ctx(), c.org(), key, no); err != nil {
		return s.refused(c, "", err)
	}
	return errors.Join(c.audit("customer.review", no.String(), key.String()), c.done(address(no), "points"))
}

func (s *site) setBirthday(c *call) error {
	no, err := c.person()
	if err != nil {
		return err
	}
	if err := s.Care.SetBirthday(c.ctx(), c.org(), no, c.form.V("birthday"), c.user.Login); err != nil {
		return s.refused(c, "birthday", err)
	}
	return c.done(address(no), "saved")
}

// setConsent writes down a yes or no that a customer gave at head office.
func (s *site) setConsent(c *call) error {
	no, err := c.person()
	if err != nil {
		return err
	}
	kind, err := strconv.ParseUint(c.form.V("kind"), 10, 8)
	if err != nil || (kind != uint64(sale.ConsentPersonalData) && kind != uint64(sale.ConsentAdvertising)) {
		return c.redirect(address(no))
	}
	p, err := c.rules()
	if err != nil {
		return err
	}
	consent := sale.Consent{Kind: sale.ConsentKind(kind), Given: c.form.V("given") == "1"}
	if p != nil {
		for _, t := range p.Enrolment.Consents {
			if t.Kind == consent.Kind {
				consent.Version = max(consent.Version, t.Version)
			}
		}
	}
	if err := s.Care.SetConsent(c.ctx(), c.org(), no, consent, c.user.Login); err != nil {
		return s.refused(c, "", err)
	}
	return c.done(address(no), "saved")
}
