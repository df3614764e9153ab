package web

import (
	"fmt"
	"strings"

	"github.com/kopilka/kopilka/ledger/loyalty"
)

// fact is one thing that a programme says, in words.
type fact struct {
	Key         string // within its thing
	Label, Told string
}

// thing is a section's sheet or one of its list's, with what it says.
type thing struct {
	Section Text
	Name    string // of a list's thing
	Ident   string
	Facts   []fact
}

// things says all that a programme says: one description serves a version's page and the difference
// between two.
func things(f formats, p *loyalty.Programme, k *known) []thing {
	if p == nil {
		return nil
	}
	mine := *k
	mine.p = p
	seen := map[string]int{} // two things may bear one name: the second is told from the first by its place
	var out []thing
	for _, ch := range chapters() {
		for _, sec := range ch.Sections {
			if sec.List == nil {
				out = append(out, thing{Section: sec.Title, Ident: sec.Key, Facts: factsOf(f, sec.sheet(p, &mine), "")})
				continue
			}
			for i := range sec.List.size(p) {
				ident, name := sec.List.name(p, i)
				if ident == "" {
					ident = name.RU
				}
				ident = sec.Key + " " + ident
				if seen[ident]++; seen[ident] > 1 {
					ident += fmt.Sprint("/", seen[ident])
				}
				prefix := fmt.Sprintf("%s.%d.", sec.paths()[0], i)
				out = append(out, thing{sec.Title, name.in(f.lang), ident, factsOf(f, sec.List.sheet(p, &mine, i), prefix)})
			}
		}
	}
	return out
}

func factsOf(f formats, s *sheet, prefix string) []fact {
	var out []fact
	for _, g := range s.Groups {
		for _, e := range g.Entries {
			told := e.told(f)
			if told == "" {
				continue
			}
			label, _, _ := strings.Cut(e.Label.in(f.lang), "; ")
			for _, typing := range []string{", по одн", ", one a"} { // how to type it is nothing to a reader
				label, _, _ = strings.Cut(label, typing)
			}
			if strings.HasPrefix(e.Name, "watch.") {
				label = g.Title.in(f.lang) + ": " + strings.ToLower(label)
			}
			out = append(out, fact{strings.TrimPrefix(e.Name, prefix), strings.TrimSuffix(label, ", ₽"), told})
		}
	}
	return out
}

// difference is what has become of one thing.
type difference struct {
	Section Text
	Name    string
	Added   bool
	Removed bool
	Rows    []change
}

// change is one fact before and after; either may be empty.
type change struct{ Label, Before, After string }

// differences says what a version changes against the one before it. Nothing before: all is new.
func differences(f formats, before, after *loyalty.Programme, k *known) []difference {
	was, is := things(f, before, k), things(f, after, k)
	var out []difference
	for _, now := range is {
		old, there := findThing(was, now.Ident)
		d := difference{Section: now.Section, Name: now.Name, Added: !there && now.Name != "", Rows: changesOf(old.Facts, now.Facts)}
		if len(d.Rows) > 0 || d.Added {
			out = append(out, d)
		}
	}
	for _, old := range was {
		if _, there := findThing(is, old.Ident); !there {
			out = append(out, difference{Section: old.Section, Name: old.Name, Removed: true})
		}
	}
	return out
}

func findThing(list []thing, ident string) (thing, bool) {
	for _, t := range list {
		if t.Ident == ident {
			return t, true
		}
	}
	return thing{}, false
}

func changesOf(was, is []fact) []change {
	var out []change
	for _, now := range is {
		old := findFact(was, now.Key)
		if old.Told != now.Told {
			out = append(out, change{now.Label, old.Told, now.Told})
		}
	}
	for _, old := range was {
		if findFact(is, old.Key).Key == "" {
			out = append(out, change{old.Label, old.Told, ""})
		}
	}
	return out
}

func findFact(list []fact, key string) fact {
	for _, f := range list {
		if f.Key == key {
			return f
		}
	}
	return fact{}
}
