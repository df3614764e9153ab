package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// ConfigProblem is one thing wrong in a config file.
type ConfigProblem struct {
	Path string // "register.port"; "file" for the whole of it
	Text Text
	Got  string
}

// Error is "register.port: want tcp://… or serial://… (got "COM3")".
func (p *ConfigProblem) Error() string { return p.In("en") }

// gotMax is as much of a value as is repeated: what is longer was pasted there.
const gotMax = 60

// In is the sentence in a language, ru or en.
func (p *ConfigProblem) In(lang string) string {
	text, got := p.Text.RU, "стоит"
	if lang == "en" {
		text, got = p.Text.EN, "got"
	}
	if p.Got == "" {
		return p.Path + ": " + text
	}
	return fmt.Sprintf("%s: %s (%s %q)", p.Path, text, got, shortened(p.Got))
}

func shortened(s string) string {
	if letters := []rune(s); len(letters) > gotMax {
		return string(letters[:gotMax]) + "…"
	}
	return s
}

// ConfigFileError is a config that could not be read at all.
type ConfigFileError struct {
	Text Text
	Err  error
}

// Error is the sentence in English.
func (e *ConfigFileError) Error() string { return e.Text.EN }

// Unwrap gives the cause.
func (e *ConfigFileError) Unwrap() error { return e.Err }

// ConfigSentences are an error of [LoadConfig] in a language, a sentence each; nil where err is none.
func ConfigSentences(err error, lang string) (said []string) {
	for _, one := range leaves(err) {
		var p *ConfigProblem
		var f *ConfigFileError
		switch {
		case errors.As(one, &p):
			said = append(said, p.In(lang))
		case errors.As(one, &f) && lang != "en":
			said = append(said, f.Text.RU)
		case errors.As(one, &f):
			said = append(said, f.Text.EN)
		}
	}
	return said
}

// configBytesMax bounds the file; a real one has some 4 KB.
const configBytesMax = 1 << 20

// LoadConfig reads a config file. All its problems come at once, joined, each a *ConfigProblem.
func LoadConfig(path string) (Config, error) {
	b, err := readConfig(path)
	if err != nil {
		return Config{}, err
	}
	c, err := ParseConfig(b)
	if err != nil {
		return c, fmt.Errorf("config %s:\n%w", path, err)
	}
	return c, nil
}

func readConfig(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, unreadable(path, err)
	case info.IsDir():
		return nil, &ConfigFileError{say("%s — папка, а нужен файл настроек", "%s is a folder, not a config file", path), fs.ErrInvalid}
	case info.Size() > configBytesMax:
		return nil, &ConfigFileError{say("файл настроек %[1]s слишком велик: %[2]d байт, не больше %[3]d", "the config file %[1]s is too large: %[2]d bytes, at most %[3]d", path, info.Size(), configBytesMax), fs.ErrInvalid}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return b, nil
}

func unreadable(path string, err error) error {
	text := say("файл настроек %[1]s не читается: %[2]v", "the config file %[1]s cannot be read: %[2]v", path, err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = say("файла настроек %s нет: его пишет kopilka-agent enroll, другое место указывает -config", "there is no config file %s: kopilka-agent enroll writes it, -config names another place", path)
	case errors.Is(err, fs.ErrPermission):
		text = say("файл настроек %s закрыт для вас: запустите от имени администратора", "the config file %s is closed to you: run as an administrator", path)
	}
	return &ConfigFileError{text, err}
}

// ParseConfig reads a config; unknown keys are refused.
func ParseConfig(b []byte) (Config, error) {
	c := DefaultConfig()
	var root yaml.Node
	if err := yaml.Unmarshal(b, &root); err != nil {
		return c, notYAML(b, err)
	}
	if len(root.Content) == 0 {
		return c, errors.Join(c.Problems()...)
	}
	problems := walk(root.Content[0], reflect.TypeFor[Config](), "")
	if err := root.Decode(&c); err != nil && len(problems) == 0 {
		problems = append(problems, &ConfigProblem{Path: "file", Text: say("не читается: %v", "cannot be read: %v", err)})
	}
	if c.Register.Port == "" {
		c.Register.Port = usualPorts[c.Register.Type]
	}
	return c, errors.Join(append(problems, unspoiled(c.Problems(), problems)...)...)
}

// unspoiled leaves out what only seems wrong because the setting above it could not be read.
func unspoiled(seeming, known []error) (problems []error) {
	for _, err := range seeming {
		if !slices.ContainsFunc(known, func(above error) bool { return spoils(above, err) }) {
			problems = append(problems, err)
		}
	}
	return problems
}

func spoils(above, below error) bool {
	var a, b *ConfigProblem
	if !errors.As(above, &a) || !errors.As(below, &b) {
		return false
	}
	rest, within := strings.CutPrefix(b.Path, a.Path)
	return a.Path == "file" || within && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// usualPorts are of registers that are reached through a program of their maker on the till itself.
var usualPorts = map[string]string{"atol": "tcp://127.0.0.1:16732", "mercury": "tcp://127.0.0.1:50010"}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// notYAML says where the file ceases to be one. The parser's own words are about tokens.
func notYAML(b []byte, err error) *ConfigProblem {
	p := &ConfigProblem{Path: "file"}
	if !utf8.Valid(b) && !slices.Contains([]byte{0xFE, 0xFF}, b[0]) {
		p.Text = say("буквы не в UTF-8: сохраните файл в кодировке UTF-8", "its letters are not UTF-8: save the file as UTF-8")
		return p
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		if strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t") {
			p.Text = say("строка %d начинается с табуляции: отступы только пробелами", "line %d begins with a tab: indent with spaces only", n)
			return p
		}
	}
	if at := yamlLine.FindStringSubmatch(err.Error()); at != nil {
		p.Text = say("около строки %s файл непонятен: проверьте отступы, пробел после двоеточия и кавычки", "the file makes no sense near line %s: check the indents, the space behind the colon and the quotes", at[1])
		return p
	}
	p.Text = say("файл непонятен (%v)", "the file makes no sense (%v)", strings.TrimPrefix(err.Error(), "yaml: "))
	return p
}

// walk finds keys that no setting has and values of the wrong shape. Of a setting that is given twice it leaves the first
// in the tree, without which nothing of the file could be decoded.
func walk(n *yaml.Node, t reflect.Type, path string) (problems []error) {
	wrong := func(ru, en string) []error {
		return []error{&ConfigProblem{orFile(path), Text{RU: fmt.Sprintf("нужно %s, строка %d", ru, n.Line), EN: fmt.Sprintf("want %s, line %d", en, n.Line)}, n.Value}}
	}
	switch t.Kind() {
	case reflect.Struct:
		if n.Kind != yaml.MappingNode {
			return wrong("несколько настроек, с отступом под ней", "settings of its own, indented below it")
		}
		return walkStruct(n, t, path)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return wrong("список, каждая строка с чёрточки", "a list, each item behind a dash")
		}
		for i, item := range n.Content {
			problems = append(problems, walk(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.Map:
		if n.Kind != yaml.MappingNode {
			return wrong("имена и значения, с отступом под ней", "names and values, indented below it")
		}
		for i := 1; i < len(n.Content); i += 2 {
			problems = append(problems, walk(n.Content[i], t.Elem(), join(path, n.Content[i-1].Value))...)
		}
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			return wrong("true или false", "true or false")
		}
	default:
		if n.Kind != yaml.ScalarNode {
			return wrong("одно значение", "one value")
		}
	}
	return problems
}

func walkStruct(n *yaml.Node, t reflect.Type, path string) (problems []error) {
	fields := map[string]reflect.Type{}
	keys(t, fields)
	seen := map[string]bool{}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		field, known := fields[key]
		switch {
		case !known:
			problems = append(problems, &ConfigProblem{join(path, key), noSuch(path, key, fields, n.Content[i].Line), n.Content[i+1].Value})
		case seen[key]:
			problems = append(problems, &ConfigProblem{join(path, key), say("указано дважды, строка %d", "given twice, line %d", n.Content[i].Line), ""})
			continue
		default:
			problems = append(problems, walk(n.Content[i+1], field, join(path, key))...)
		}
		seen[key] = true
		kept = append(kept, n.Content[i], n.Content[i+1])
	}
	n.Content = kept
	return problems
}

// noSuch names the setting that was meant, if one is near; else the file may be another version's.
func noSuch(path, key string, here map[string]reflect.Type, line int) Text {
	if path == "" && key == "unenrolled" {
		return say("такой настройки нет, строка %d: без подключения к офису касса не продаёт — у неё нет ни товаров, ни кассиров, ни ключа, которым подписан журнал",
			"there is no such setting, line %d: a till that is not enrolled does not sell: it has no goods, no cashiers and no key that its journal is signed with", line)
	}
	near := nearestKey(key, here)
	if near == "" {
		near = elsewhere(key)
	} else {
		near = join(path, near)
	}
	if near != "" {
		return say("такой настройки нет, строка %[1]d; может быть, %[2]s?", "there is no such setting, line %[1]d; is %[2]s meant?", line, near)
	}
	return say("такой настройки нет, строка %d; если файл от более новой версии, обновите программу или уберите эту строку",
		"there is no such setting, line %d; if the file is of a newer version, update the program or take the line out", line)
}

// typoMax is how many letters a mistyped name differs by.
const typoMax = 2

func nearestKey(key string, among map[string]reflect.Type) (best string) {
	least := min(typoMax, len(key)/2) + 1
	for name := range among {
		if d := distance(strings.ToLower(key), name); d < least || d == least && best != "" && name < best {
			best, least = name, d
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

// elsewhere is the path of a setting of this name, where it stands in the wrong place.
func elsewhere(key string) string {
	fields := map[string]reflect.Type{}
	keys(reflect.TypeFor[Config](), fields)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field := fields[name]
		if field.Kind() != reflect.Struct {
			continue
		}
		inner := map[string]reflect.Type{}
		keys(field, inner)
		if _, ok := inner[key]; ok && (name == "register" || !isDeviceKey(key)) {
			return join(name, key)
		}
	}
	return ""
}

// isDeviceKey tells the settings that every device has: of these the register's are the likeliest.
func isDeviceKey(key string) bool {
	fields := map[string]reflect.Type{}
	keys(reflect.TypeFor[DeviceConfig](), fields)
	_, is := fields[key]
	return is
}

func keys(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, inline := strings.CutSuffix(f.Tag.Get("yaml"), ",inline")
		if inline {
			keys(f.Type, into)
			continue
		}
		into[name] = f.Type
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func orFile(path string) string {
	if path == "" {
		return "file"
	}
	return path
}
