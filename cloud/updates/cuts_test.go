package updates_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/sync/update"
)

// TestPowerCuts cuts every change at every file operation: a till that asks then takes the old or the new, and the
// change can be made again.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	errCut := errors.New("power cut")
	for name, deed := range map[string]func(o *office, keys *updates.Keys, file string) error{
		"add": func(o *office, k *updates.Keys, file string) error {
			_, err := o.repo.Add(t.Context(), file, k)
			return err
		},
		"plan":     func(o *office, _ *updates.Keys, _ string) error { return o.replan() },
		"withdraw": func(o *office, k *updates.Keys, _ string) error { return o.repo.Withdraw(t.Context(), "1.3.0", k) },
		"refresh":  func(o *office, _ *updates.Keys, _ string) error { return o.repo.Refresh(t.Context()) },
		"rotate": func(o *office, k *updates.Keys, _ string) error {
			return o.repo.Rotate(t.Context(), k, updates.Operators)
		},
		"rotate online": func(o *office, k *updates.Keys, _ string) error { return o.repo.Rotate(t.Context(), k, updates.Online) },
		"renew":         func(o *office, k *updates.Keys, _ string) error { return o.repo.Renew(t.Context(), k) },
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			o.init()
			o.add("1.3.0")
			if name != "withdraw" { // which refuses what is in the plan
				o.plan(update.Step{Version: "1.3.0", Share: 5})
			}
			file := release(t, "1.4.0", artefact(t, "1.4.0", "linux"))
			x := o.till()
			start := t.TempDir()
			require.NoError(t, os.CopyFS(start, os.DirFS(o.repo.Folder)))
			stick := t.TempDir() // or roots would gather there, and with them the operations of the next try
			require.NoError(t, os.CopyFS(stick, os.DirFS(o.stick)))
			cuts := 0
			for ; ; cuts++ {
				require.NoError(t, os.RemoveAll(o.stick))
				require.NoError(t, os.CopyFS(o.stick, os.DirFS(stick)))
				require.NoError(t, os.RemoveAll(o.repo.Folder))
				require.NoError(t, os.CopyFS(o.repo.Folder, os.DirFS(start)))
				x.dir = t.TempDir()
				_, _, err := x.refresh()
				require.NoError(t, err)
				left := cuts
				o.repo.Cut = func(string) error {
					if left--; left < 0 {
						return errCut
					}
					return nil
				}
				err = deed(o, o.keys(), file)
				o.repo.Cut = nil
				_, _, seen := x.refresh()
				require.NoError(t, seen, "cut %d", cuts)
				_, _, seen = o.till().refresh()
				require.NoError(t, seen, "cut %d, a new till", cuts)
				if err == nil {
					break
				}
				require.ErrorIs(t, err, errCut)
				if err := deed(o, o.keys(), file); name != "withdraw" || !errors.Is(err, updates.ErrPlan) {
					require.NoError(t, err, "again after cut %d", cuts)
				}
				_, _, seen = x.refresh()
				require.NoError(t, seen, "again after cut %d", cuts)
			}
			require.Greater(t, cuts, 12, "every write is several operations")
			t.Logf("%s: %d cuts", name, cuts)
		})
	}
}

func (o *office) replan() error {
	v, err := o.repo.Look(o.t.Context())
	if err != nil {
		return err
	}
	_, err = o.repo.SetPlan(o.t.Context(), v.Plan.Serial, update.Plan{Steps: []update.Step{{Version: "1.3.0", Share: v.Plan.Steps[0].Share + 1}}}, nil)
	return err
}

// TestInitIsCut: before the vouch no till believes anything, so a repository may be begun anew until then.
func TestInitIsCut(t *testing.T) {
	t.Parallel()
	errCut := errors.New("power cut")
	for cuts := 0; ; cuts++ {
		o := open(t)
		left := cuts
		o.repo.Cut = func(string) error {
			if left--; left < 0 {
				return errCut
			}
			return nil
		}
		err := o.repo.Init(t.Context(), o.stick, nil, vouch)
		o.repo.Cut = nil
		if err == nil {
			break
		}
		require.ErrorIs(t, err, errCut)
		if err := o.repo.Init(t.Context(), o.stick+"2", nil, vouch); !errors.Is(err, updates.ErrExists) {
			require.NoError(t, err, "cut %d", cuts)
		}
		_, _, err = o.till().refresh()
		require.NoError(t, err, "cut %d", cuts)
	}
}
