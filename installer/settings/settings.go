// Package settings reads a program's file of settings: YAML into a struct, and all that is wrong in it at once, in both
// languages, in words of settings and lines instead of a parser's.
//
// What will bite: a setting that is wrong is left as it was before, so that the rest can be read and judged; whoever
// judges values afterwards leaves out what only seems wrong because of that ([Unspoiled]).
package settings

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Text is a sentence in both languages.
type Text struct{ RU, EN string }

func say(ru, en string, args ...any) Text {
	return Text{RU: fmt.Sprintf(ru, args...), EN: fmt.Sprintf(en, args...)}
}

// Problem is one thing wrong in a file.
type Problem struct {
	Path string // "register.port", "scanners[1].name"; [Whole] for the file
	Line int    // from one; 0: of no line
	Text Text
	Got  string // what stands there
}

// Whole is the path of a problem of the whole file.
const Whole = "file"

// Error is "register.port: want one value, line 3 (got "…")".
func (p *Problem) Error() string { return p.In("en") }

// In is the sentence in a language, ru or en.
func (p *Problem) In(lang string) string {
	text, got := p.Text.RU, "стоит"
	if lang == "en" {
		text, got = p.Text.EN, "got"
	}
	if p.Got == "" {
		return p.Path + ": " + text
	}
	return fmt.Sprintf("%s: %s (%s %q)", p.Path, text, got, shortened(p.Got))
}

// gotMax is as much of a value as is repeated, in letters: what is longer was pasted there.
const gotMax = 60

func shortened(s string) string {
	if letters := []rune(s); len(letters) > gotMax {
		return string(letters[:gotMax]) + "…"
	}
	return s
}

// Read puts what a file says into a struct that holds the defaults, a pointer to which is given; its fields are named
// by their yaml tags. A setting without a value is one that is left out.
func Read(raw []byte, into any) (problems []*Problem) {
	var file yaml.Node
	if err := yaml.Unmarshal(raw, &file); err != nil {
		return []*Problem{notYAML(raw, err)}
	}
	if len(file.Content) == 0 { // nothing but remarks
		return nil
	}
	top := file.Content[0]
	t := reflect.TypeOf(into).Elem()
	s := sieve{top: t}
	if !s.fits(top, t, "") {
		return s.problems
	}
	if err := top.Decode(into); err != nil {
		s.problems = append(s.problems, &Problem{Path: Whole, Text: say("не читается: %v", "cannot be read: %v", err)})
	}
	return s.problems
}

// Unspoiled leaves out of problems that were found in values those at or below a setting that could not be read: its
// value is another one.
func Unspoiled(seeming, known []*Problem) []*Problem {
	return slices.DeleteFunc(slices.Clone(seeming), func(below *Problem) bool {
		return slices.ContainsFunc(known, func(above *Problem) bool {
			rest, within := strings.CutPrefix(below.Path, above.Path)
			return above.Path == Whole || within && (rest == "" || rest[0] == '.' || rest[0] == '[')
		})
	})
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// notYAML says where the file ceases to be one. The parser's own words are about tokens.
func notYAML(raw []byte, err error) *Problem {
	p := &Problem{Path: Whole}
	if !utf8.Valid(raw) && raw[0] != 0xFE && raw[0] != 0xFF { // a file of 16-bit letters is read, where it is sound
		p.Text = say("буквы не в UTF-8: сохраните файл в кодировке UTF-8", "its letters are not UTF-8: save the file as UTF-8")
		return p
	}
	for line := range strings.Lines(string(raw)) {
		p.Line++
		if strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t") {
			p.Text = say("строка %d начинается с табуляции: отступы только пробелами", "line %d begins with a tab: indent with spaces only", p.Line)
			return p
		}
	}
	p.Line = 0
	if at := yamlLine.FindStringSubmatch(err.Error()); at != nil {
		p.Text = say("около строки %s файл непонятен: проверьте отступы, пробел после двоеточия и кавычки",
			"the file makes no sense near line %s: check the indents, the space behind the colon and the quotes", at[1])
		return p
	}
	p.Text = say("файл непонятен (%v)", "the file makes no sense (%v)", strings.TrimPrefix(err.Error(), "yaml: "))
	return p
}

// Join makes one error of problems; nil of none.
func Join(problems []*Problem) error {
	all := make([]error, len(problems))
	for i, p := range problems {
		all[i] = p
	}
	return errors.Join(all...)
}
