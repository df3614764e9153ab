package settings

import (
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// sieve takes out of a tree what cannot be read into a type, and says it.
type sieve struct {
	top      reflect.Type // of the whole file
	problems []*Problem
}

// wrong says that a value has another shape than is wanted.
func (s *sieve) wrong(n *yaml.Node, path, ru, en string) bool {
	if path == "" {
		path = Whole
	}
	s.problems = append(s.problems, &Problem{path, n.Line, say("нужно %[1]s, строка %[3]d", "want %[2]s, line %[3]d", ru, en, n.Line), n.Value})
	return false
}

// fits tells whether a value, less what is wrong within it, can be read into a type.
func (s *sieve) fits(n *yaml.Node, t reflect.Type, path string) bool {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" && path != "" {
		return true
	}
	switch t.Kind() {
	case reflect.Struct:
		if n.Kind != yaml.MappingNode {
			return s.wrong(n, path, "несколько настроек, с отступом под ней", "settings of its own, indented below it")
		}
		s.fields(n, t, path)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return s.wrong(n, path, "список, каждая строка с чёрточки", "a list, each item behind a dash")
		}
		return s.items(n, t, path)
	case reflect.Map:
		if n.Kind != yaml.MappingNode {
			return s.wrong(n, path, "имена и значения, с отступом под ней", "names and values, indented below it")
		}
		return s.entries(n, t, path)
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			return s.wrong(n, path, "true или false", "true or false")
		}
	case reflect.Int:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
			return s.wrong(n, path, "целое число", "a whole number")
		}
	default:
		if n.Kind != yaml.ScalarNode {
			return s.wrong(n, path, "одно значение", "one value")
		}
	}
	return true
}

// items puts nothing in the place of an item that cannot be read: those behind it keep their numbers.
func (s *sieve) items(n *yaml.Node, t reflect.Type, path string) bool {
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.Tag == "!!null" {
			s.wrong(item, at, "что-то за чёрточкой", "something behind the dash")
		} else if s.fits(item, t.Elem(), at) {
			continue
		}
		var nothing yaml.Node
		if nothing.Encode(reflect.Zero(t.Elem()).Interface()) != nil {
			return false
		}
		n.Content[i] = &nothing
	}
	return true
}

func (s *sieve) entries(n *yaml.Node, t reflect.Type, path string) bool {
	all := true
	for i := 1; i < len(n.Content); i += 2 {
		all = s.fits(n.Content[i], t.Elem(), join(path, n.Content[i-1].Value)) && all
	}
	return all
}

// fields leaves in a mapping what its type has and can take; of a setting that is given twice, the first.
func (s *sieve) fields(n *yaml.Node, t reflect.Type, path string) {
	known := map[string]reflect.Type{}
	for _, f := range fieldsOf(t) {
		known[f.name] = f.kind
	}
	seen := map[string]bool{}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		field, is := known[key.Value]
		switch {
		case !is:
			s.problems = append(s.problems, &Problem{at, key.Line, s.noSuch(path, key.Value, t, key.Line), value.Value})
		case seen[key.Value]:
			s.problems = append(s.problems, &Problem{at, key.Line, say("указано дважды, строка %d", "given twice, line %d", key.Line), ""})
		case s.fits(value, field, at):
			kept = append(kept, key, value)
		}
		seen[key.Value] = true
	}
	n.Content = kept
}

// noSuch names the setting that was meant, if one is near; else the file may be another version's.
func (s *sieve) noSuch(path, key string, t reflect.Type, line int) Text {
	near := nearest(key, t)
	if near != "" {
		near = join(path, near)
	} else {
		near = elsewhere(key, s.top)
	}
	if near != "" {
		return say("такой настройки нет, строка %[1]d; может быть, %[2]s?", "there is no such setting, line %[1]d; is %[2]s meant?", line, near)
	}
	return say("такой настройки нет, строка %d; если файл от более новой версии, обновите программу или уберите эту строку",
		"there is no such setting, line %d; if the file is of a newer version, update the program or take the line out", line)
}

// typoMax is how many letters a mistyped name differs by.
const typoMax = 2

func nearest(key string, t reflect.Type) (best string) {
	least := min(typoMax, len(key)/2) + 1
	for _, f := range fieldsOf(t) {
		if d := distance(strings.ToLower(key), f.name); d < least || d == least && best != "" && f.name < best {
			best, least = f.name, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or changed (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// elsewhere is the path of a setting of this name where it stands in the wrong place: the first in the type's order.
func elsewhere(key string, top reflect.Type) string {
	for _, section := range fieldsOf(top) {
		if section.kind.Kind() != reflect.Struct {
			continue
		}
		for _, f := range fieldsOf(section.kind) {
			if f.name == key {
				return join(section.name, key)
			}
		}
	}
	return ""
}

type field struct {
	name string
	kind reflect.Type
}

func fieldsOf(t reflect.Type) (all []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, inline := strings.CutSuffix(f.Tag.Get("yaml"), ",inline")
		if inline {
			all = append(all, fieldsOf(f.Type)...)
			continue
		}
		all = append(all, field{name, f.Type})
	}
	return all
}

func join(path, key string) string {
	if key == "" {
		key = `""`
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
