package update_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/sync/update"
)

func (t *till) programFile() string {
	all, err := filepath.Glob(filepath.Join(t.opts.Folder, "targets", "*."+update.AgentProgram))
	require.NoError(t.office.t, err)
	require.Len(t.office.t, all, 1)
	return all[0]
}

// spoilt are folders as a compromised agent would leave them.
var spoilt = map[string]func(tl *till){
	"a byte of the program changed": func(tl *till) {
		b, err := os.ReadFile(tl.programFile())
		require.NoError(tl.t, err)
		b[7] ^= 1
		require.NoError(tl.t, os.WriteFile(tl.programFile(), b, 0o600))
	},
	"the program cut short": func(tl *till) { require.NoError(tl.t, os.Truncate(tl.programFile(), 1000)) },
	"a huge program":        func(tl *till) { require.NoError(tl.t, os.Truncate(tl.programFile(), 1<<40)) },
	"the program a folder": func(tl *till) {
		file := tl.programFile()
		require.NoError(tl.t, os.Remove(file))
		require.NoError(tl.t, os.Mkdir(file, 0o700))
	},
	"the program a link out of the folder": func(tl *till) {
		file := tl.programFile()
		outside := filepath.Join(tl.t.TempDir(), "outside")
		require.NoError(tl.t, os.Rename(file, outside))
		require.NoError(tl.t, os.Symlink(outside, file))
	},
	"the program a device":     func(tl *till) { relink(tl, tl.programFile(), "/dev/zero") },
	"the timestamp a device":   func(tl *till) { relink(tl, filepath.Join(tl.opts.Folder, "metadata", "timestamp.json"), "/dev/zero") },
	"the wanted file a device": func(tl *till) { relink(tl, filepath.Join(tl.opts.Folder, update.WantedFile), "/dev/zero") },
	"metadata a link to itself": func(tl *till) {
		relink(tl, filepath.Join(tl.opts.Folder, "metadata", "timestamp.json"), "timestamp.json")
	},
	"a huge timestamp": func(tl *till) {
		require.NoError(tl.t, os.Truncate(filepath.Join(tl.opts.Folder, "metadata", "timestamp.json"), 1<<40))
	},
	"a huge wanted file": func(tl *till) {
		require.NoError(tl.t, os.Truncate(filepath.Join(tl.opts.Folder, update.WantedFile), 1<<40))
	},
	"no metadata": func(tl *till) { require.NoError(tl.t, os.RemoveAll(filepath.Join(tl.opts.Folder, "metadata"))) },
	"no program":  func(tl *till) { require.NoError(tl.t, os.Remove(tl.programFile())) },
	"the timestamp is nonsense": func(tl *till) {
		require.NoError(tl.t, os.WriteFile(filepath.Join(tl.opts.Folder, "metadata", "timestamp.json"), []byte("{"), 0o600))
	},
	"wanted is nonsense": func(tl *till) {
		require.NoError(tl.t, os.WriteFile(filepath.Join(tl.opts.Folder, update.WantedFile), []byte("["), 0o600))
	},
	"wanted is no version":       func(tl *till) { tl.want(update.Wanted{Program: program("../../x", "linux", "amd64")}) },
	"wanted is an older version": func(tl *till) { tl.want(update.Wanted{Program: program("1.0.0", "linux", "amd64")}) },
	"wanted is an invented one":  func(tl *till) { tl.want(update.Wanted{Program: program("9.0.0", "linux", "amd64")}) },
}

func relink(tl *till, file, to string) {
	require.NoError(tl.t, os.Remove(file))
	require.NoError(tl.t, os.Symlink(to, file))
}

func (t *till) want(w update.Wanted) {
	require.NoError(t.office.t, t.client.Want(update.Offer{Wanted: w}))
}

func TestAHostileFolderIsRefused(t *testing.T) {
	for name, spoil := range spoilt {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && (strings.Contains(name, "link") || strings.Contains(name, "device")) {
				t.Skip("links and devices in folders are of Unix")
			}
			o := newOffice(t)
			tl := o.till()
			_, _, err := tl.check()
			require.NoError(t, err)
			spoil(tl)
			_, _, err = tl.verify()
			require.Error(t, err)
		})
	}
}

func TestWhatTheAgentSaysOfTheProgramIsNotBelieved(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	offer, _, err := tl.check()
	require.NoError(t, err)
	lie := offer.Wanted
	lie.File, lie.SHA256, lie.Step.NoReturn, lie.Ledger.Reads = "../../etc/passwd", strings.Repeat("0", 64), true, 99
	tl.want(lie)
	v, _, err := tl.verify()
	require.NoError(t, err)
	require.Equal(t, offer.Wanted, v.Wanted, "all of it comes from what was signed")
}

// TestTheUpdaterFollowsThePlanItself has an agent ask for what the plan does not give this till.
func TestTheUpdaterFollowsThePlanItself(t *testing.T) {
	o := newOffice(t)
	for name, plan := range map[string]update.Plan{
		"paused":             {Serial: 2, Paused: true, Steps: []update.Step{{Version: "1.3.0", Share: update.Everybody}}},
		"for another store":  {Serial: 3, Steps: []update.Step{{Version: "1.3.0", Stores: []sale3{99}, Share: update.Everybody}}},
		"for nobody":         {Serial: 4, Steps: []update.Step{{Version: "1.3.0"}}},
		"a version not back": {Serial: 5, Steps: []update.Step{{Version: "1.1.0", Share: update.Everybody}}},
	} {
		t.Run(name, func(t *testing.T) {
			tl := o.till()
			_, _, err := tl.check()
			require.NoError(t, err)
			before := o.plan
			o.plan = plan
			o.next()
			o.publish()
			_, found, err := tl.check()
			require.NoError(t, err)
			require.False(t, found)
			tl.want(update.Wanted{Program: program("1.3.0", "linux", "amd64")})
			_, _, err = tl.verify()
			require.ErrorIs(t, err, update.ErrStay)
			o.plan = before
			o.next()
			o.publish()
		})
	}
}

func TestAStepBackIsTakenWhereThePlanSaysSo(t *testing.T) {
	o := newOffice(t)
	o.build("1.1.0", "linux", "amd64")
	o.plan.Steps = []update.Step{{Version: "1.1.0", Share: update.Everybody, Back: true}}
	o.bump()
	o.till().takes("1.1.0")
}

func TestTheUpdaterRemembersAcrossRuns(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	o.bump()
	tl.takes("1.3.0")
	file := filepath.Join(t.TempDir(), update.TrustFile)
	require.NoError(t, tl.trust.Save(file))
	loaded, err := update.LoadTrust(file)
	require.NoError(t, err)
	require.Equal(t, tl.trust, loaded)

	// The agent's folder is set back to another day's, which was in order then.
	old := newOffice(t)
	old.keys, old.orgRoot = o.keys, o.orgRoot
	old.programs = o.programs
	old.publishRoot()
	old.vouch(old.files["metadata/1.root.json"])
	old.publish()
	back := old.till()
	_, _, err = back.check()
	require.NoError(t, err)
	back.trust = loaded
	_, _, err = back.verify()
	require.ErrorIs(t, err, update.ErrForged)
}

func FuzzParsers(f *testing.F) {
	plan, err := json.Marshal(update.Plan{Serial: 1, Steps: []update.Step{{Version: "1.3.0", Share: 10, Stores: []sale3{1}}}})
	require.NoError(f, err)
	wanted, err := json.Marshal(update.Wanted{Program: program("1.3.0", "linux", "amd64"), File: "targets/x"})
	require.NoError(f, err)
	f.Add(plan)
	f.Add(wanted)
	f.Add([]byte(`{"steps":[null,{"version":"../../x","share":-1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := update.ParsePlan(b); err == nil {
			if step, found := update.Choose(p, who, "1.2.0"); found {
				require.NoError(t, update.CheckVersion(step.Version))
				require.False(t, strings.Contains(program(step.Version, "linux", "amd64").Target(), ".."))
			}
		}
		if w, err := update.ParseWanted(b); err == nil {
			require.NoError(t, update.CheckVersion(w.Version))
		}
		_, err := update.VerifyVouch(make([]byte, 32), who.Org, b, b)
		require.ErrorIs(t, err, update.ErrForged)
	})
}
