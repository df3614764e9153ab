package update_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/kopilka/kopilka/sync/update"
)

// verify is the updater's look at the agent's folder, with the trust that it writes down each time.
func (t *till) verify() (update.Verified, []byte, error) {
	to := filepath.Join(t.office.t.TempDir(), "program")
	v, err := update.Verify(update.Request{
		Folder: t.opts.Folder, Trust: t.trust, Running: t.opts.Running, OS: t.opts.OS, Arch: t.opts.Arch, Now: t.opts.Now(), To: to,
	})
	t.trust = v.Trust
	if err != nil {
		require.NoFileExists(t.office.t, to, "nothing that is not verified lies there")
		return v, nil, err
	}
	body, err := os.ReadFile(to)
	require.NoError(t.office.t, err)
	return v, body, nil
}

func TestAnUpdateIsFoundDownloadedAndVerifiedTwice(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	tl.takes("1.3.0")
	o.build("1.4.0", "linux", "amd64")
	o.plan.Steps = append(o.plan.Steps, update.Step{Version: "1.4.0", Share: update.Everybody})
	o.bump()
	tl.takes("1.4.0")
	left, err := os.ReadDir(filepath.Join(tl.opts.Folder, "targets"))
	require.NoError(t, err)
	require.Len(t, left, 2, "the plan and the program; what was before is cleaned away")

	tl.opts.Running = "1.4.0"
	tl.restart()
	_, found, err := tl.check()
	require.NoError(t, err)
	require.False(t, found)
	_, _, err = tl.verify()
	require.ErrorIs(t, err, update.ErrStay, "what the agent asked for before is nothing new")
}

// attacks change what head office's server, or the line to it, gives a till that has updated once before. All must be
// refused as they are named, and leave what was believed.
var attacks = []struct {
	name string
	want error
	do   func(o *office, tl *till)
}{
	{"arbitrary software", update.ErrForged, func(o *office, _ *till) {
		o.build("1.4.0", "linux", "amd64")
		o.keys["targets"] = []signer{newSigner(o.t)}
		o.bump()
	}},
	{"a thief of head office signs programs with the online keys", update.ErrForged, func(o *office, _ *till) {
		o.build("1.4.0", "linux", "amd64")
		o.keys["targets"] = o.keys["snapshot"]
		o.bump()
	}},
	{"timestamp rolled back", update.ErrForged, func(o *office, tl *till) {
		before := o.all()
		o.bump()
		tl.takes("1.3.0")
		tl.restart() // what was seen is on the disk
		o.restore(before)
	}},
	{"snapshot rolled back", update.ErrForged, func(o *office, tl *till) {
		o.bump()
		tl.takes("1.3.0")
		o.versions["snapshot"], o.versions["timestamp"] = 1, 9
		o.publish()
	}},
	{"targets rolled back", update.ErrForged, func(o *office, tl *till) {
		o.bump()
		tl.takes("1.3.0")
		o.versions["targets"], o.versions["snapshot"], o.versions["timestamp"] = 1, 9, 9
		o.publish()
	}},
	{"the roll-out rolled back", update.ErrForged, func(o *office, tl *till) {
		o.bump()
		tl.takes("1.3.0")
		o.versions["rollout"], o.versions["snapshot"], o.versions["timestamp"] = 1, 9, 9
		o.publish()
	}},
	{"the plan's serial rolled back", update.ErrForged, func(o *office, tl *till) {
		o.bump()
		tl.takes("1.3.0")
		o.bump()
		o.plan.Serial = 1
		o.versions["rollout"], o.versions["snapshot"], o.versions["timestamp"] = 9, 9, 9
		o.publish()
	}},
	{"frozen at the timestamp", update.ErrExpired, func(_ *office, tl *till) { tl.later(31 * 24 * time.Hour) }},
	{"frozen at the snapshot", update.ErrExpired, expiredRole("snapshot")},
	{"frozen at the targets", update.ErrExpired, expiredRole("targets")},
	{"frozen at the roll-out", update.ErrExpired, expiredRole("rollout")},
	{"root out of date", update.ErrExpired, func(o *office, _ *till) {
		o.expires["root"] = today.Add(-time.Hour)
		o.rotate()
	}},
	{"endless timestamp", update.ErrForged, func(o *office, _ *till) { o.answers(endless("timestamp.json")) }},
	{"endless snapshot", update.ErrForged, func(o *office, _ *till) { o.bump(); o.answers(endless("snapshot.json")) }},
	{"endless targets", update.ErrForged, func(o *office, _ *till) { o.bump(); o.answers(endless("targets.json")) }},
	{"endless root", update.ErrForged, func(o *office, _ *till) { o.answers(endless("root.json")) }},
	{"mixed: the timestamp of now, targets of before", update.ErrForged, func(o *office, _ *till) {
		before := o.all()
		o.versions["timestamp"], o.versions["snapshot"], o.versions["targets"] = 5, 5, 5
		o.build("1.4.0", "linux", "amd64")
		o.publish()
		o.put("metadata/5.targets.json", before["metadata/1.targets.json"])
	}},
	{"mixed: a snapshot that the timestamp does not name", update.ErrForged, func(o *office, _ *till) {
		o.bump()
		now := o.all()
		o.bump()
		o.put("metadata/3.snapshot.json", now["metadata/2.snapshot.json"])
	}},
	{"a program for another processor under this one's name", update.ErrUnfit, func(o *office, _ *till) {
		p := o.build("1.4.0", "linux", "amd64")
		b := o.programs[p.Target()]
		b.says.Arch = "arm64"
		o.programs[p.Target()] = b
		o.offer("1.4.0")
	}},
	{"an old program under a new one's name", update.ErrUnfit, func(o *office, _ *till) {
		p := o.build("1.4.0", "linux", "amd64")
		b := o.programs[p.Target()]
		b.says.Version = "1.0.0"
		o.programs[p.Target()] = b
		o.offer("1.4.0")
	}},
	{"no program for this processor", update.ErrUnfit, func(o *office, _ *till) {
		o.build("1.4.0", "linux", "arm64")
		o.offer("1.4.0")
	}},
	{"one root key of two is stolen", update.ErrForged, func(o *office, _ *till) {
		o.versions["root"]++
		o.keys["targets"] = []signer{newSigner(o.t)}
		o.put("metadata/2.root.json", sign(o.t, o.root(), o.keys["root"][0]))
	}},
	{"one root key of two signs twice", update.ErrForged, func(o *office, _ *till) {
		o.versions["root"]++
		o.put("metadata/2.root.json", sign(o.t, o.root(), o.keys["root"][0], o.keys["root"][0]))
	}},
	{"a root that only its own new keys sign", update.ErrForged, func(o *office, _ *till) {
		o.versions["root"]++
		o.keys["root"] = []signer{newSigner(o.t), newSigner(o.t), newSigner(o.t)}
		o.publishRoot()
	}},
	{"a root that leaps over one", update.ErrForged, func(o *office, _ *till) {
		o.versions["root"] = 3
		o.publishRoot()
		o.put("metadata/2.root.json", o.files["metadata/3.root.json"])
	}},
	{"the first root again as the second", update.ErrForged, func(o *office, _ *till) {
		o.put("metadata/2.root.json", o.files["metadata/1.root.json"])
	}},
	{"unsigned targets", update.ErrForged, func(o *office, _ *till) {
		o.next()
		o.publishWith(func(signed map[string][]byte) { signed["targets"] = sign(o.t, o.targets()) })
	}},
	{"unsigned roll-out", update.ErrForged, func(o *office, _ *till) {
		o.next()
		o.publishWith(func(signed map[string][]byte) { signed["rollout"] = sign(o.t, o.rollout()) })
	}},
	{"a plan that the operator's delegation does not cover", update.ErrForged, func(o *office, _ *till) {
		o.next()
		o.publishWith(func(signed map[string][]byte) {
			m := o.targets()
			m.Signed.Delegations.Roles[0].Paths = []string{"other.json"}
			signed["targets"] = sign(o.t, m, o.keys["targets"]...)
		})
	}},
	{"no delegation", update.ErrForged, func(o *office, _ *till) {
		o.next()
		o.publishWith(func(signed map[string][]byte) {
			m := o.targets()
			m.Signed.Delegations = nil
			signed["targets"] = sign(o.t, m, o.keys["targets"]...)
		})
	}},
	{"a tampered byte of metadata", update.ErrForged, func(o *office, _ *till) {
		o.bump()
		b := append([]byte(nil), o.all()["metadata/2.targets.json"]...)
		b[len(b)/2] ^= 1
		o.put("metadata/2.targets.json", b)
	}},
	{"a tampered byte of the program", update.ErrForged, func(o *office, _ *till) {
		p := o.build("1.4.0", "linux", "amd64")
		o.offer("1.4.0")
		b := append([]byte(nil), o.programs[p.Target()].body...)
		b[100] ^= 1
		o.put(hashed(p.Target(), o.programs[p.Target()].body), b)
	}},
	{"metadata that crashes parsers", update.ErrForged, func(o *office, _ *till) {
		o.next()
		ts := metadata.Timestamp(o.until("timestamp"))
		ts.Signed.Version, ts.Signed.Meta = 9, map[string]*metadata.MetaFiles{"snapshot.json": nil}
		o.put("metadata/timestamp.json", sign(o.t, ts, o.keys["timestamp"]...))
	}},
	{"rubbish for a timestamp", update.ErrForged, func(o *office, _ *till) { o.put("metadata/timestamp.json", []byte("<html>log in")) }},
	{"a plan of too many steps", update.ErrForged, func(o *office, _ *till) {
		o.plan.Steps = make([]update.Step, 5000)
		o.bump()
	}},
}

func expiredRole(role string) func(*office, *till) {
	return func(o *office, _ *till) {
		o.expires[role] = today.Add(-time.Hour)
		o.bump()
	}
}

// later moves the till's clock.
func (t *till) later(d time.Duration) {
	t.opts.Now = func() time.Time { return today.Add(d) }
	t.restart()
}

// next is bump without publishing.
func (o *office) next() {
	for _, role := range []string{"timestamp", "snapshot", "targets", "rollout"} {
		o.versions[role]++
	}
}

func (o *office) offer(version string) {
	o.plan.Steps = append(o.plan.Steps, update.Step{Version: version, Share: update.Everybody})
	o.bump()
}

// endless answers a file of some name with bytes that do not end.
func endless(suffix string) func(http.ResponseWriter, *http.Request, string) bool {
	return func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !strings.HasSuffix(name, suffix) {
			return false
		}
		for block := make([]byte, 64<<10); ; {
			if _, err := w.Write(block); err != nil || r.Context().Err() != nil {
				return true
			}
		}
	}
}

func TestAttacksAreRefused(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			tl := o.till()
			tl.takes("1.3.0")
			a.do(o, tl)
			before := tl.trust
			_, _, err := tl.check()
			require.ErrorIs(t, err, a.want)
			require.NotEqual(t, update.Explain(err), update.Explain(nil), "there is a sentence for it")
			require.GreaterOrEqual(t, tl.trust.Seen.Timestamp, before.Seen.Timestamp)
			if errors.Is(a.want, update.ErrForged) {
				tl.copyToAgent(a.want)
			}
		})
	}
}

// copyToAgent has a compromised agent put all that the server holds into its folder and ask for it: the updater must
// refuse it without the agent's help.
func (t *till) copyToAgent(want error) {
	o := t.office
	o.t.Helper()
	for name, body := range o.all() {
		if strings.HasPrefix(name, "targets/") {
			name = "targets/" + filepath.Base(name)
		}
		require.NoError(o.t, os.WriteFile(filepath.Join(t.opts.Folder, filepath.FromSlash(name)), body, 0o600))
	}
	if o.answer != nil {
		return // the line is ill, the repository is not
	}
	require.NoError(o.t, t.client.Want(update.Offer{Wanted: update.Wanted{Program: program("1.4.0", "linux", "amd64")}}))
	_, _, err := t.verify()
	require.ErrorIs(o.t, err, want)
}

func TestAForeignRootIsNotBelieved(t *testing.T) {
	o, foreign := newOffice(t), newOffice(t)
	for name, body := range foreign.all() {
		o.put(name, body) // with a vouch under another organisation's root
	}
	_, _, err := o.till().check()
	require.ErrorIs(t, err, update.ErrForged)
}

func TestAWrongVouch(t *testing.T) {
	for name, spoil := range map[string]func(o *office){
		"for another root": func(o *office) { o.vouch([]byte("another")) },
		"rubbish":          func(o *office) { o.put(update.VouchFile, []byte{0xff, 0x00}) },
		"too long":         func(o *office) { o.put(update.VouchFile, make([]byte, 5000)) },
		"a tampered bit": func(o *office) {
			b := o.all()[update.VouchFile]
			b[len(b)-1] ^= 1
			o.put(update.VouchFile, b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			spoil(o)
			tl := o.till()
			_, _, err := tl.check()
			require.ErrorIs(t, err, update.ErrForged)
			require.NoFileExists(t, filepath.Join(tl.opts.Folder, "metadata", "1.root.json"))
		})
	}
}

func TestAVouchForAnotherOrganisation(t *testing.T) {
	o := newOffice(t)
	tl := o.tillWith(func(p *update.Options) { p.Who.Org = 8 })
	_, _, err := tl.check()
	require.ErrorIs(t, err, update.ErrForged)
}

func TestTheVouchCountsOnce(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	tl.takes("1.3.0")
	other := newOffice(t)
	other.orgRoot = o.orgRoot // who holds the organisation's own key vouches for a repository of his
	other.vouch(other.files["metadata/1.root.json"])
	o.restore(other.all())
	_, _, err := tl.check()
	require.ErrorIs(t, err, update.ErrForged)
	tl.copyToAgent(update.ErrForged)
}

func TestNoRepository(t *testing.T) {
	o := newOffice(t)
	o.restore(map[string][]byte{})
	_, _, err := o.till().check()
	require.ErrorIs(t, err, update.ErrNone)
	o.server.Close()
	_, _, err = o.till().check()
	require.Error(t, err)
	require.NotErrorIs(t, err, update.ErrNone)
	require.Contains(t, update.Explain(err).EN, "did not answer")
}

func TestRootsAreFollowedOneByOne(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	tl.takes("1.3.0")
	o.rotate("root", "targets")
	o.rotate("root", "timestamp", "snapshot", "rollout")
	o.bump()
	tl.takes("1.3.0")
	fresh := o.till()
	fresh.takes("1.3.0")
	require.Equal(t, tl.trust.Root, fresh.trust.Root)
}

func TestFastForwardIsRecoveredFromByANewRoot(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	o.versions["timestamp"], o.versions["snapshot"], o.versions["rollout"], o.plan.Serial = 1<<40, 1<<40, 1<<40, 1<<60 // by a thief of the online keys
	o.publish()
	tl.takes("1.3.0")
	o.versions["timestamp"], o.versions["snapshot"], o.versions["rollout"], o.plan.Serial = 2, 2, 2, 2
	o.publish()
	_, _, err := tl.check()
	require.ErrorIs(t, err, update.ErrForged)
	o.rotate("timestamp", "snapshot", "rollout")
	o.versions["targets"]++
	o.publish()
	tl.takes("1.3.0")
}

func TestAWrongClockOnlyStopsUpdating(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	tl.later(2 * 365 * 24 * time.Hour)
	_, _, err := tl.check()
	require.ErrorIs(t, err, update.ErrExpired)
	tl.later(0)
	tl.takes("1.3.0")
}

func TestRedirectsElsewhereAreNotFollowed(t *testing.T) {
	o := newOffice(t)
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("followed to", r.URL) }))
	defer portal.Close()
	o.answers(func(w http.ResponseWriter, r *http.Request, _ string) bool {
		http.Redirect(w, r, portal.URL+r.URL.Path, http.StatusFound)
		return true
	})
	_, _, err := o.till().check()
	require.ErrorContains(t, err, "shop's network")
}

func TestSlowAnswersAreGivenUp(t *testing.T) {
	for _, what := range []string{"metadata/timestamp.json", "targets/"} {
		t.Run(what, func(t *testing.T) {
			o := newOffice(t)
			tl := o.tillWith(func(p *update.Options) { p.Patience = 200 * time.Millisecond })
			o.answers(func(w http.ResponseWriter, r *http.Request, name string) bool {
				if !strings.HasPrefix(name, what) || strings.HasSuffix(name, update.RolloutFile) {
					return false
				}
				w.WriteHeader(http.StatusOK)
				w.(http.Flusher).Flush()
				<-r.Context().Done() // until the till hangs up
				return true
			})
			_, _, err := tl.check()
			require.Condition(t, func() bool { return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) }, "%v", err)
			o.answers(nil)
			tl.takes("1.3.0")
		})
	}
}

func TestAThiefWithTheOnlineKeysCannotMakeAProgram(t *testing.T) {
	o := newOffice(t)
	tl := o.till()
	tl.takes("1.3.0")
	evil := program("1.9.0", "linux", "amd64")
	o.plan.Steps = append(o.plan.Steps, update.Step{Version: "1.9.0", Share: update.Everybody})
	o.next()
	o.publishWith(func(signed map[string][]byte) {
		m := o.rollout()
		m.Signed.Targets[evil.Target()] = o.target(evil.Target(), []byte("evil"), evil)
		signed["rollout"] = sign(o.t, m, o.keys["rollout"]...)
	})
	_, _, err := tl.check()
	require.ErrorIs(t, err, update.ErrUnfit, "the operator signed no such program")
}

func TestAPinnedKeyOfTheWrongSizeIsNoTrust(t *testing.T) {
	file := filepath.Join(t.TempDir(), update.TrustFile)
	require.NoError(t, update.Trust{Org: 1, OrgRoot: ed25519.PublicKey{1, 2}}.Save(file))
	_, err := update.LoadTrust(file)
	require.Error(t, err)
	_, err = update.LoadTrust(file + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Contains(t, fmt.Sprint(err), "believed")
}
