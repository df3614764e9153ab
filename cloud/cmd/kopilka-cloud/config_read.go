package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/kopilka/kopilka/cloud"
)

// checkConfig says what is wrong in the settings and touches nothing.
func checkConfig(_ context.Context, c *call) error {
	settings := c.settings()
	if err := c.parse(); err != nil {
		return err
	}
	if c.config == "" && c.flags.NArg() == 1 {
		c.config = c.flags.Arg(0)
	}
	if _, err := settings(); err != nil {
		return err
	}
	what := c.config
	if what == "" {
		what = "no file, the defaults / файла нет, значения по умолчанию"
	}
	_, err := fmt.Fprintln(c.out, "nothing is wrong / ошибок нет:", what)
	return err
}

// readConfig gives the settings of a file, and beside them what is wrong with single ones, which are left as they are by
// default; so all that is wrong can be said in one round. The error is for a file of which nothing can be read.
func readConfig(file string) (config cloud.Config, wrong []error, err error) {
	config = cloud.DefaultConfig()
	if file == "" {
		return config, nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return config, nil, fmt.Errorf("read the settings / не читаются настройки: %w", err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return config, nil, fmt.Errorf("%s: %w", file, explainYAML(raw, err))
	}
	if len(root.Content) == 0 { // nothing but remarks
		return config, nil, nil
	}
	top := root.Content[0]
	wrong = sift(top, reflect.TypeFor[cloud.Config](), "")
	if top.Kind == yaml.MappingNode {
		err = top.Decode(&config)
	}
	if err != nil {
		return config, wrong, fmt.Errorf("%s: the settings make no sense / настройки непонятны: %w", file, err)
	}
	return config, wrong, nil
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// explainYAML says where a file stops to make sense, and mostly why.
func explainYAML(raw []byte, err error) error {
	if !utf8.Valid(raw) {
		return errors.New("its letters are not UTF-8: save the file as UTF-8 / буквы не в UTF-8: сохраните файл в кодировке UTF-8")
	}
	for i, line := range strings.Split(string(raw), "\n") {
		if strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t") {
			return fmt.Errorf("line %d begins with a tab: indent with spaces only / строка %[1]d начинается с табуляции: отступы только пробелами", i+1)
		}
	}
	if at := yamlLine.FindStringSubmatch(err.Error()); at != nil {
		return fmt.Errorf("the file makes no sense near line %s: check the indents, the space behind the colon and the quotes / "+
			"около строки %[1]s файл непонятен: проверьте отступы, пробел после двоеточия и кавычки", at[1])
	}
	return fmt.Errorf("the file makes no sense / файл непонятен: %w", err)
}

// sift takes out of a mapping what is wrong there and says it.
func sift(n *yaml.Node, t reflect.Type, path string) (wrong []error) {
	if n.Kind != yaml.MappingNode {
		whole := "file"
		if path != "" {
			whole = strings.TrimSuffix(path, ".")
		}
		return []error{fmt.Errorf("%s, line %d: want settings, a name and a value each / строка %[2]d: нужны настройки, имя и значение в каждой", whole, n.Line)}
	}
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		fields[t.Field(i).Tag.Get("yaml")] = t.Field(i).Type
	}
	seen := map[string]bool{}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field, known := fields[key.Value]
		var bad []error
		switch {
		case !known:
			bad = []error{noSuch(path, key, fields)}
		case seen[key.Value]:
			bad = []error{fmt.Errorf("%s%s, line %d: given twice / строка %[3]d: указано дважды", path, key.Value, key.Line)}
		case field.Kind() == reflect.Struct && value.Tag != "!!null":
			wrong = append(wrong, sift(value, field, path+key.Value+".")...)
			if value.Kind != yaml.MappingNode {
				continue
			}
		default:
			bad = misfit(value, field, path+key.Value)
		}
		seen[key.Value] = true
		if wrong = append(wrong, bad...); len(bad) == 0 {
			kept = append(kept, key, value)
		}
	}
	n.Content = kept
	return wrong
}

// misfit tells a value of another shape than the setting's.
func misfit(n *yaml.Node, t reflect.Type, path string) []error {
	if n.Tag == "!!null" {
		return nil
	}
	want := ""
	switch {
	case t.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			want = "a list, as in [kopilka.example.ru] / нужен список, например [kopilka.example.ru]"
		}
	case n.Kind != yaml.ScalarNode:
		want = "one value / нужно одно значение"
	case t.Kind() == reflect.Int && n.Tag != "!!int":
		want = "a whole number / нужно целое число"
	}
	if want == "" {
		return nil
	}
	return []error{fmt.Errorf("%s, line %d: want %s (got %q)", path, n.Line, want, n.Value)}
}

// noSuch names the setting that was meant, if one is near.
func noSuch(path string, key *yaml.Node, fields map[string]reflect.Type) error {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if isSlip(strings.ToLower(key.Value), name) {
			return fmt.Errorf("%[1]s%[2]s, line %[3]d: there is no such setting; is %[1]s%[4]s meant? / строка %[3]d: такой настройки нет; может быть, %[1]s%[4]s?", path, key.Value, key.Line, name)
		}
	}
	return fmt.Errorf("%s%s, line %d: there is no such setting; if the file is of a newer version, update kopilka-cloud or take the line out / "+
		"строка %[3]d: такой настройки нет; если файл от более новой версии, обновите kopilka-cloud или уберите строку", path, key.Value, key.Line)
}

// isSlip tells a name that differs by one slip of the finger: a letter too many, too few, another, or two exchanged.
func isSlip(typed, name string) bool {
	head := 0
	for head < len(typed) && head < len(name) && typed[head] == name[head] {
		head++
	}
	a, b := typed[head:], name[head:]
	cut := func(s string, n int) string { return s[min(n, len(s)):] }
	return cut(a, 1) == b || a == cut(b, 1) || cut(a, 1) == cut(b, 1) ||
		len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] && a[2:] == b[2:]
}
