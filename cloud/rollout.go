package cloud

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
)

// updatesFolder is where the repository of updates lies. It is a folder whatever the database is: nodes of one head
// office share it, or one of them alone serves it.
func (c Config) updatesFolder() string {
	return cmp.Or(c.Updates, filepath.Join(cmp.Or(c.Data, DefaultConfig().Data), "updates"))
}

// openUpdates needs no repository: there may be one later.
func (p *Program) openUpdates() {
	p.Updates = &updates.Repo{Folder: p.Config.updatesFolder(), Now: p.Now, Random: p.Random, Logger: p.Logger}
}

// Vouch signs for the first root of the repository in an organisation's name.
func (p *Program) Vouch(org sale.OrgNo) updates.Voucher {
	return func(ctx context.Context, root []byte) ([]byte, error) {
		key, cert, err := p.Store.UpdatesKey(ctx, org, p.Random)
		if err != nil {
			return nil, err
		}
		return update.SignVouch(key, cert, update.Vouch{Org: org, Root: sha256.Sum256(root), At: sale.At(p.Now())})
	}
}

// Rollout is what is published and planned, and how far the tills have come. page.ErrNotFound: there is no repository.
func (p *Program) Rollout(ctx context.Context, org sale.OrgNo) (page.Rollout, error) {
	v, err := p.Updates.Look(ctx)
	if errors.Is(err, update.ErrNone) {
		return page.Rollout{}, fmt.Errorf("%w: %w", page.ErrNotFound, err)
	}
	if err != nil {
		return page.Rollout{}, err
	}
	tills, err := p.Store.TillRows(ctx, org, 0)
	if err != nil {
		return page.Rollout{}, err
	}
	out := page.Rollout{
		RolloutPlan: planned(v.Plan, org, tills), OperatorUntil: sale.At(v.Targets), Signed: sale.At(v.Signed),
		Running: map[sale.TillNo]string{}, Wanted: map[sale.TillNo]string{},
	}
	if v.Root.Before(v.Targets) {
		out.OperatorUntil = sale.At(v.Root)
	}
	runs := map[string]int{}
	going := v.Plan
	going.Paused = false // a pause holds back what is due, it does not change what that is
	for _, t := range tills {
		if t.State != page.TillEnrolled {
			continue
		}
		running := versionOf(t.Program)
		out.Running[t.No] = running
		runs[running]++
		if step, found := update.Choose(going, who(org, t), running); found {
			out.Wanted[t.No] = step.Version
		}
	}
	for _, x := range v.Versions {
		row := page.Published{Version: x.Version, RU: x.Notes.RU, EN: x.Notes.EN, Added: sale.At(x.Added), Tills: runs[x.Version]}
		for _, program := range x.Programs {
			row.Systems = append(row.Systems, program.OS+"-"+program.Arch)
		}
		out.Versions = append(out.Versions, row)
	}
	return out, nil
}

// WeighRollout counts the tills that each step of a plan is meant for, and those that have taken it.
func (p *Program) WeighRollout(ctx context.Context, org sale.OrgNo, plan page.RolloutPlan) (page.RolloutPlan, error) {
	tills, err := p.Store.TillRows(ctx, org, 0)
	if err != nil {
		return plan, err
	}
	return planned(planOf(plan), org, tills), nil
}

// SetRollout publishes another plan in place of the one with this serial, and writes down who did.
func (p *Program) SetRollout(ctx context.Context, org sale.OrgNo, was uint64, plan page.RolloutPlan, by string) error {
	stores, err := p.Store.StoreRows(ctx, org)
	if err != nil {
		return err
	}
	var known []sale.StoreNo
	for _, s := range stores {
		known = append(known, s.No)
	}
	set, err := p.Updates.SetPlan(ctx, was, planOf(plan), known)
	if errors.Is(err, updates.ErrStale) {
		return fmt.Errorf("%w: %w", page.ErrChanged, err)
	}
	if err != nil {
		return refusal(err)
	}
	return p.Store.Audit(ctx, org, by, "update.plan", fmt.Sprint(set.Serial), PlanText(set))
}

// PlanText is a plan in one line, for the audit log and the command line.
func PlanText(p update.Plan) string {
	var out []string
	for _, s := range p.Steps {
		text := s.Version + " " + sale.BasisPoints(s.Share).String()
		if len(s.Stores) > 0 {
			text += " " + strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Stores), " ", ","), "[]")
		}
		for _, x := range []struct {
			set  bool
			word string
		}{{s.Back, "back"}, {s.NoReturn, "no-return"}} {
			if x.set {
				text += " " + x.word
			}
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		out = append(out, "—")
	}
	if p.Paused {
		out = append(out, "paused")
	}
	return strings.Join(out, "; ")
}

func planned(plan update.Plan, org sale.OrgNo, tills []page.Till) page.RolloutPlan {
	out := page.RolloutPlan{Serial: plan.Serial, Paused: plan.Paused}
	for _, s := range plan.Steps {
		row := page.RolloutStep{Version: s.Version, Stores: s.Stores, Share: sale.BasisPoints(s.Share), Back: s.Back, NoReturn: s.NoReturn}
		for _, t := range tills {
			// A till without a version takes whatever is offered to it.
			if _, meant := update.Choose(update.Plan{Steps: []update.Step{s}}, who(org, t), ""); !meant || t.State != page.TillEnrolled {
				continue
			}
			row.Tills++
			if running := versionOf(t.Program); running == s.Version || (!s.Back && running != "" && update.Newer(running, s.Version)) {
				row.Taken++
			}
		}
		out.Steps = append(out.Steps, row)
	}
	return out
}

func planOf(p page.RolloutPlan) update.Plan {
	out := update.Plan{Paused: p.Paused}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, update.Step{Version: s.Version, Stores: s.Stores, Share: update.BasisPoints(s.Share), Back: s.Back, NoReturn: s.NoReturn})
	}
	return out
}

func who(org sale.OrgNo, t page.Till) update.Who {
	return update.Who{Org: org, Store: t.Store, Till: t.No}
}

// versionOf reads the version off "kopilka-agent 1.3.0"; empty where it is none, as a developer's build has.
func versionOf(program string) string {
	_, v, _ := strings.Cut(program, " ")
	if update.CheckVersion(v) != nil {
		return ""
	}
	return v
}
