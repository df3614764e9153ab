package updates

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
)

const (
	// stepsMax bounds a plan: more than a version for each region is no plan.
	stepsMax = 50
	// refreshAfter is the age at which head office signs anew; tills believe a signature for a week.
	refreshAfter = 24 * time.Hour
	refreshTick  = time.Hour
)

// SetPlan has tills follow another plan. was is the serial of the plan that the caller has looked at, stores are all
// that there are. It answers the plan as published.
func (r *Repo) SetPlan(ctx context.Context, was uint64, plan update.Plan, stores []sale.StoreNo) (update.Plan, error) {
	err := r.locked(ctx, func() error {
		s, err := r.load()
		if err != nil {
			return err
		}
		if s.plan.Serial != was {
			return fmt.Errorf("%w: %d, looked at %d", ErrStale, s.plan.Serial, was)
		}
		if err := s.checkPlan(plan, stores); err != nil {
			return err
		}
		plan.Serial = uint64(r.next(int64(was)))
		return r.publish(s, change{plan: plan}, nil)
	})
	return plan, err
}

func (s *state) checkPlan(plan update.Plan, stores []sale.StoreNo) error {
	if len(plan.Steps) > stepsMax {
		return fmt.Errorf("%w: %d steps, at most %d / шагов %[2]d, можно не больше %[3]d", ErrPlan, len(plan.Steps), stepsMax)
	}
	published := map[string]bool{}
	for target, t := range s.targets.Signed.Targets {
		p, err := programOf(t)
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		published[p.Version] = true
	}
	var problems []error
	for i, x := range plan.Steps {
		bad := func(ru, en string, args ...any) {
			problems = append(problems, fmt.Errorf("step %[1]d: "+en+" / шаг %[1]d: "+ru, slices.Concat([]any{i + 1}, args)...))
		}
		if !published[x.Version] {
			bad("версия %[2]s не опубликована", "version %[2]s is not published", x.Version)
		}
		if x.Share < 1 || x.Share > update.Everybody {
			bad("доля %[2]s вне 0.01–100%%", "a share of %[2]s is not within 0.01–100%%", sale.BasisPoints(x.Share))
		}
		for _, no := range x.Stores {
			if !slices.Contains(stores, no) {
				bad("нет магазина %[2]d", "there is no store %[2]d", no)
			}
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %w", ErrPlan, errors.Join(problems...))
	}
	return nil
}

// Refresh signs anew what is head office's own, so that it does not expire. What tills have seen before a restore
// from a backup is overtaken by it, as far as the operator's signatures are not concerned: see [Repo.Renew].
func (r *Repo) Refresh(ctx context.Context) error {
	return r.locked(ctx, func() error {
		s, err := r.load()
		if err != nil {
			return err
		}
		return r.publish(s, change{plan: s.plan}, nil)
	})
}

// Run refreshes at once and every day until ctx ends. What goes wrong is logged and tried again within the hour:
// tills go on for a week without it, and sell in any case.
func (r *Repo) Run(ctx context.Context) {
	tick := time.NewTicker(refreshTick)
	defer tick.Stop()
	for first := true; ; first = false {
		r.keep(ctx, first)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *Repo) keep(ctx context.Context, always bool) {
	v, err := r.Look(ctx)
	if errors.Is(err, update.ErrNone) {
		return
	}
	if err == nil && (always || r.Now().Sub(v.Signed) >= refreshAfter) {
		err = r.Refresh(ctx)
	}
	if err != nil && ctx.Err() == nil {
		r.Logger.Error("could not sign the repository of updates anew; will try again", "err", err)
	}
}
