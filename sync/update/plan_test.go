package update_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/update"
)

type sale3 = sale.StoreNo

func steps(s ...update.Step) update.Plan { return update.Plan{Serial: 1, Steps: s} }

func all(version string) update.Step { return update.Step{Version: version, Share: update.Everybody} }

func back(version string) update.Step {
	return update.Step{Version: version, Share: update.Everybody, Back: true}
}

func TestChoose(t *testing.T) {
	for name, c := range map[string]struct {
		plan    update.Plan
		running string
		want    string
	}{
		"nothing offered":             {steps(), "1.2.0", ""},
		"newer":                       {steps(all("1.3.0")), "1.2.0", "1.3.0"},
		"the newest":                  {steps(all("1.3.0"), all("1.10.0"), all("1.9.0")), "1.2.0", "1.10.0"},
		"running it":                  {steps(all("1.3.0")), "1.3.0", ""},
		"older":                       {steps(all("1.1.0")), "1.2.0", ""},
		"back":                        {steps(back("1.1.0")), "1.2.0", "1.1.0"},
		"back beside something newer": {steps(back("1.1.0"), all("1.3.0")), "1.4.0", ""},
		"back beside what runs":       {steps(back("1.1.0"), all("1.2.0")), "1.2.0", ""},
		"paused":                      {update.Plan{Paused: true, Steps: []update.Step{all("1.3.0")}}, "1.2.0", ""},
		"another store":               {steps(update.Step{Version: "1.3.0", Stores: []sale3{4}, Share: update.Everybody}), "1.2.0", ""},
		"this store":                  {steps(update.Step{Version: "1.3.0", Stores: []sale3{4, 3}, Share: update.Everybody}), "1.2.0", "1.3.0"},
		"nobody":                      {steps(update.Step{Version: "1.3.0"}), "1.2.0", ""},
		"a release after its trial":   {steps(all("1.3.0")), "1.3.0-rc.2", "1.3.0"},
		"a trial before its release":  {steps(all("1.3.0-rc.2")), "1.3.0", ""},
		"a developer's build":         {steps(all("1.3.0")), "dev", "1.3.0"},
		"no version at all":           {steps(all("../../x"), all(""), all("1.3"), all("1.3.0/../.."), all("v1.3.0"), all("1.3.0+x"), all("1.3.0\n")), "1.2.0", ""},
		"one good among them":         {steps(all("../../x"), all("1.3.0")), "1.2.0", "1.3.0"},
	} {
		t.Run(name, func(t *testing.T) {
			step, found := update.Choose(c.plan, who, c.running)
			require.Equal(t, c.want != "", found)
			require.Equal(t, c.want, step.Version)
		})
	}
}

func TestAShareGrowsAndKeepsWhomItHad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version := fmt.Sprintf("1.%d.%d", rapid.IntRange(3, 40).Draw(t, "minor"), rapid.IntRange(0, 40).Draw(t, "patch"))
		w := update.Who{Org: who.Org, Store: sale3(rapid.IntRange(1, 500).Draw(t, "store")), Till: sale.TillNo(rapid.IntRange(1, 5000).Draw(t, "till"))}
		a, b := rapid.IntRange(0, 10000).Draw(t, "a"), rapid.IntRange(0, 10000).Draw(t, "b")
		taken := func(share int) bool {
			_, found := update.Choose(steps(update.Step{Version: version, Share: update.BasisPoints(share)}), w, "1.2.0")
			return found
		}
		if taken(min(a, b)) && !taken(max(a, b)) {
			t.Fatalf("till %d takes %s at %d but not at %d", w.Till, version, min(a, b), max(a, b))
		}
		if once, again := taken(a), taken(a); once != again || taken(0) || !taken(int(update.Everybody)) {
			t.Fatal("a till does not stand by its answer")
		}
	})
}

func TestASharesTillsAreAboutThatMany(t *testing.T) {
	first, both := 0, 0
	const tills = 4000
	for till := range sale.TillNo(tills) {
		w := update.Who{Org: 7, Store: 1, Till: till}
		_, a := update.Choose(steps(update.Step{Version: "1.3.0", Share: 1000}), w, "1.2.0")
		_, b := update.Choose(steps(update.Step{Version: "1.4.0", Share: 1000}), w, "1.2.0")
		if a {
			first++
		}
		if a && b {
			both++
		}
	}
	require.InDelta(t, tills/10, first, tills/40)
	require.Less(t, both, tills/40, "another version begins with other tills")
}

func TestNothingIsNewerThanItself(t *testing.T) {
	digits := rapid.StringMatching(`[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-rc\.[0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := digits.Draw(t, "a"), digits.Draw(t, "b")
		if update.Newer(a, a) || (update.Newer(a, b) && update.Newer(b, a)) {
			t.Fatalf("%s and %s", a, b)
		}
	})
}

func TestHealthSaysWhatIsWorse(t *testing.T) {
	before := update.Health{Ledger: true, HeadOffice: true, Register: true, Scanners: map[string]bool{"a": true, "b": false}}
	require.Empty(t, before.Worse(before))
	require.Empty(t, update.Health{Ledger: true}.Worse(update.Health{}), "what was ill before may be ill")
	ill := update.Health{Scanners: map[string]bool{"b": true}}.Worse(before)
	require.Len(t, ill, 4)
	for _, text := range ill {
		require.NotEmpty(t, text.RU)
		require.NotEmpty(t, text.EN)
	}
}
