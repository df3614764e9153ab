package agent

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// ErrEdit is returned for a config that is written in a way that cannot be edited line by line: its lines in braces,
// or with anchors. A person can.
var ErrEdit = errors.New("the devices' part of the config cannot be edited by a program")

// Devices are what an edit puts into a config. What is zero stays as it is.
type Devices struct {
	Register *DeviceConfig // type and port; settings of another type go into comments
	Serial   string        // the register's own number
	Printer  *DeviceConfig // put in where there is none
	Scanners []DeviceConfig
}

// EditConfig puts devices into a config file. Only the devices' lines change: comments and all other lines stay byte
// for byte. What comes out has been read again and holds what was wanted, or [ErrEdit] is returned.
func EditConfig(file []byte, d Devices) ([]byte, error) {
	want, err := decodeConfig(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEdit, err)
	}
	e := editor{lines: slices.Collect(strings.Lines(string(file)))}
	if n := len(e.lines); n > 0 && !strings.HasSuffix(e.lines[n-1], "\n") {
		e.lines[n-1] += "\n"
	}
	// From the file's end to its beginning would do without reading it again; but who knows their order.
	for _, step := range []func(*editor, Devices) error{(*editor).register, (*editor).printer, (*editor).scanners} {
		if err := e.read(); err != nil {
			return nil, err
		}
		if err := step(&e, d); err != nil {
			return nil, err
		}
	}
	out := []byte(strings.Join(e.lines, ""))
	got, err := decodeConfig(out)
	if err != nil || !reflect.DeepEqual(got, want.with(d)) {
		return nil, ErrEdit
	}
	return out, nil
}

func decodeConfig(b []byte) (c Config, err error) {
	c = DefaultConfig()
	err = yaml.NewDecoder(bytes.NewReader(b)).Decode(&c)
	if len(bytes.TrimSpace(b)) == 0 || err != nil && err.Error() == "EOF" {
		err = nil
	}
	return c, err
}

// with is the config that an edit is to bring about.
func (c Config) with(d Devices) Config {
	if d.Register != nil {
		if c.Register.Type != d.Register.Type {
			c.Register.Settings = nil
		}
		c.Register.Type, c.Register.Port, c.Register.Serial = d.Register.Type, d.Register.Port, d.Serial
	}
	if d.Printer != nil && c.Printer.Type == "" {
		c.Printer.Type, c.Printer.Port = d.Printer.Type, d.Printer.Port
	}
	c.Scanners = append(slices.Clip(c.Scanners), d.Scanners...)
	if len(c.Scanners) == 0 {
		c.Scanners = nil
	}
	return c
}

// editor is a config as lines and as what they mean.
type editor struct {
	lines []string
	root  *yaml.Node // the mapping; nil for an empty file
}

func (e *editor) read() error {
	var doc yaml.Node
	e.root = nil
	if err := yaml.Unmarshal([]byte(strings.Join(e.lines, "")), &doc); err != nil {
		return fmt.Errorf("%w: %w", ErrEdit, err)
	}
	if len(doc.Content) > 0 {
		e.root = doc.Content[0]
	}
	if e.root != nil && (e.root.Kind != yaml.MappingNode || e.root.Style&yaml.FlowStyle != 0) {
		return ErrEdit
	}
	return nil
}

// find is a key of a mapping and its value; nil where there is none.
func find(m *yaml.Node, key string) (k, v *yaml.Node) {
	for i := 0; m != nil && i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i], m.Content[i+1]
		}
	}
	return nil, nil
}

// insert puts lines behind the first n ones.
func (e *editor) insert(n int, lines ...string) { e.lines = slices.Insert(e.lines, n, lines...) }

func (e *editor) register(d Devices) error {
	if d.Register == nil {
		return nil
	}
	key, value := find(e.root, "register")
	if key == nil {
		e.insert(len(e.lines), append([]string{"register:\n"}, deviceLines("  ", "", *d.Register, d.Serial)...)...)
		return nil
	}
	if value.Kind == yaml.ScalarNode && value.Tag == "!!null" && value.Value == "" {
		e.insert(key.Line, deviceLines("  ", "", *d.Register, d.Serial)...)
		return nil
	}
	if !block(value, yaml.MappingNode) {
		return ErrEdit
	}
	// The last lines first, so that those before keep their numbers.
	indent := strings.Repeat(" ", value.Content[0].Column-1)
	_, kind := find(value, "type")
	changes := []setting{{"type", d.Register.Type}, {"port", d.Register.Port}, {"serial", d.Serial}}
	if was := cmp.Or(textOf(kind), DefaultConfig().Register.Type); was != d.Register.Type {
		changes = append(changes, setting{"settings", ""})
	}
	return e.change(key, value, indent, changes)
}

func textOf(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}

// setting is one line of a mapping as it shall be; empty: it goes into a comment.
type setting struct{ key, value string }

func (e *editor) change(under, m *yaml.Node, indent string, changes []setting) error {
	type edit struct {
		line int
		do   func()
	}
	var edits []edit
	at := under.Line // new lines come behind the last that is there of their kin
	for _, c := range changes {
		k, v := find(m, c.key)
		switch {
		case k == nil && c.value == "":
		case k == nil:
			here, text := at, indent+c.key+": "+scalar(c.value)+"\n"
			edits = append(edits, edit{here, func() { e.insert(here, text) }})
		case c.value == "":
			first, last := k.Line, lastLine(v)
			edits = append(edits, edit{first, func() { e.comment(first, last) }})
		default:
			text, ok := replaced(e.lines[v.Line-1], v, c.value)
			if !ok {
				return ErrEdit
			}
			line := v.Line
			edits = append(edits, edit{line, func() { e.lines[line-1] = text }})
			at = max(at, line)
		}
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(b.line, a.line) })
	// Of several lines put in at one place the last comes first, so that they stand in their order.
	for i := 0; i < len(edits); {
		j := i
		for j < len(edits) && edits[j].line == edits[i].line {
			j++
		}
		for _, one := range slices.Backward(edits[i:j]) {
			one.do()
		}
		i = j
	}
	return nil
}

// comment puts lines, counted from one, into comments.
func (e *editor) comment(first, last int) {
	for i := first - 1; i < last; i++ {
		text := strings.TrimLeft(e.lines[i], " ")
		if strings.TrimSpace(text) != "" && !strings.HasPrefix(text, "#") {
			e.lines[i] = e.lines[i][:len(e.lines[i])-len(text)] + "# " + text
		}
	}
}

// lastLine is where a node ends, as far as it has no text of several lines.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

func block(n *yaml.Node, kind yaml.Kind) bool {
	return n.Kind == kind && n.Style&yaml.FlowStyle == 0 && n.Anchor == "" && len(n.Content) > 0
}

// inQuotes is a scalar in quotes at the beginning of a text.
var inQuotes = regexp.MustCompile(`^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')`)

// replaced is a line with another scalar in the place of v; what follows it, a comment, stays.
func replaced(line string, v *yaml.Node, value string) (string, bool) {
	letters := []rune(strings.TrimRight(line, "\r\n"))
	if v.Kind != yaml.ScalarNode || v.Anchor != "" || v.Style&(yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0 || v.Column-1 > len(letters) {
		return "", false
	}
	before, rest := string(letters[:v.Column-1]), string(letters[v.Column-1:])
	ending := line[len(strings.TrimRight(line, "\r\n")):]
	after := ""
	if v.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		token := inQuotes.FindString(rest)
		if token == "" {
			return "", false
		}
		after = rest[len(token):]
	} else if i := strings.Index(rest, " #"); i >= 0 {
		after = rest[i:]
	}
	if v.Value == "" && !strings.HasSuffix(before, " ") {
		before += " "
	}
	return before + scalar(value) + after + ending, true
}

// scalar is a text as YAML, in one line.
func scalar(s string) string {
	b, err := yaml.Marshal(s)
	text := strings.TrimSuffix(string(b), "\n")
	if err != nil || strings.Contains(text, "\n") {
		return fmt.Sprintf("%q", s)
	}
	return text
}

// deviceLines are a device's; first is what the first of them begins with instead of the indent.
func deviceLines(indent, first string, d DeviceConfig, serial string) (lines []string) {
	for _, s := range []setting{{"name", d.Name}, {"type", d.Type}, {"port", d.Port}, {"serial", serial}} {
		if s.value != "" {
			lines = append(lines, indent+s.key+": "+scalar(s.value)+"\n")
		}
	}
	if first != "" {
		lines[0] = first + strings.TrimPrefix(lines[0], indent)
	}
	return lines
}

func (e *editor) printer(d Devices) error {
	if d.Printer == nil {
		return nil
	}
	if key, _ := find(e.root, "printer"); key != nil {
		return nil // there is one: which is right only a person knows
	}
	lines := deviceLines("  ", "", DeviceConfig{Type: d.Printer.Type, Port: d.Printer.Port}, "")
	e.insert(e.behindExample("printer"), append([]string{"printer:\n"}, lines...)...)
	return nil
}

// behindExample is the place behind the lines that show a setting in comments; the file's end where there are none.
func (e *editor) behindExample(key string) int {
	at := slices.IndexFunc(e.lines, func(l string) bool { return strings.TrimRight(l, "\r\n") == "# "+key+":" })
	if at < 0 {
		return len(e.lines)
	}
	for at++; at < len(e.lines) && strings.HasPrefix(e.lines[at], "#   "); at++ {
	}
	return at
}

func (e *editor) scanners(d Devices) error {
	if len(d.Scanners) == 0 {
		return nil
	}
	key, value := find(e.root, "scanners")
	at, indent := 0, "  "
	switch {
	case key == nil:
		at = e.behindExample("scanners") + 1
		e.insert(at-1, "scanners:\n")
	case value.Kind == yaml.ScalarNode && value.Tag == "!!null" && value.Value == "":
		at = key.Line
	case value.Kind == yaml.SequenceNode && len(value.Content) == 0 && strings.TrimSpace(e.lines[key.Line-1]) == "scanners: []":
		e.lines[key.Line-1], at = "scanners:\n", key.Line
	case block(value, yaml.SequenceNode):
		at, indent = lastLine(value), strings.Repeat(" ", value.Column-1)
	default:
		return ErrEdit
	}
	var lines []string
	for _, s := range d.Scanners {
		lines = append(lines, deviceLines(indent+"  ", indent+"- ", s, "")...)
	}
	e.insert(at, lines...)
	return nil
}
