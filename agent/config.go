package agent

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/kopilka/kopilka/drivers"
)

// Config is a till's config file. A setting exists only where two stores need different values.
type Config struct {
	Data       string           `yaml:"data"`
	Language   string           `yaml:"language"`
	Page       string           `yaml:"page"`
	HeadOffice HeadOfficeConfig `yaml:"head_office"`
	Register   RegisterConfig   `yaml:"register"`
	Printer    DeviceConfig     `yaml:"printer"`
	Display    DeviceConfig     `yaml:"display"`
	Scanners   []DeviceConfig   `yaml:"scanners"`
	Weights    []WeightPattern  `yaml:"weights"`
	Receipt    ReceiptConfig    `yaml:"receipt"`
	Log        LogConfig        `yaml:"log"`
	Capture    CaptureConfig    `yaml:"capture"`
	Metrics    string           `yaml:"metrics"` // empty: none are offered
}

// HeadOfficeConfig says where head office has moved to since enrolment; whom to believe there is pinned.
type HeadOfficeConfig struct {
	URL string `yaml:"url"`
}

// DeviceConfig names a device, the driver that speaks to it and the port it is on.
type DeviceConfig struct {
	Name     string            `yaml:"name"`
	Type     string            `yaml:"type"`
	Port     string            `yaml:"port"`
	Settings map[string]string `yaml:"settings"`
}

// RegisterNone is the type of a till without a register: another program makes its fiscal receipts, or nobody does.
const RegisterNone = "none"

// None tells a till without a register.
func (c RegisterConfig) None() bool { return c.Type == RegisterNone }

// RegisterConfig is the fiscal register.
type RegisterConfig struct {
	DeviceConfig `yaml:",inline"`
	Tax          string `yaml:"tax"`
	// Serial is the register's own number: with it the register is found wherever it is plugged in, and no
	// other is taken for it. Empty: whatever answers on the port.
	Serial string `yaml:"serial"`
}

// ReceiptConfig is what the receipt says beside the fiscal data.
type ReceiptConfig struct {
	Language string `yaml:"language"`
	Balance  bool   `yaml:"balance"`
}

// LogConfig is how much the log says.
type LogConfig struct {
	Level string `yaml:"level"`
}

// DefaultConfig is what holds for every key that a file leaves out.
func DefaultConfig() Config {
	return Config{
		Data: defaultData, Language: "ru", Page: "127.0.0.1:8765",
		Register: RegisterConfig{DeviceConfig: DeviceConfig{Name: "register", Type: "shtrih-m"}, Tax: "osn"},
		Weights:  []WeightPattern{"21CCCCCWWWWWK", "23CCCCCPPPPPK"}, Receipt: ReceiptConfig{Language: "ru", Balance: true}, Log: LogConfig{Level: "info"},
		Printer: DeviceConfig{Name: "printer"}, Display: DeviceConfig{Name: "display"}, Capture: CaptureConfig{Size: "16MB"},
	}
}

// Taxes are the names of tax systems in the config.
var Taxes = map[string]drivers.TaxSystem{
	"osn": drivers.TaxOSN, "usn-income": drivers.TaxUSNIncome, "usn-profit": drivers.TaxUSNProfit, "esn": drivers.TaxESN, "patent": drivers.TaxPatent,
}

// ConfigProblem is one thing wrong in a config file.
type ConfigProblem struct {
	Path string // "register.port"
	Text string
	Got  string
}

// Error is "register.port: want tcp://… or serial://… (got "COM3")".
func (p *ConfigProblem) Error() string {
	if p.Got == "" {
		return p.Path + ": " + p.Text
	}
	return fmt.Sprintf("%s: %s (got %q)", p.Path, p.Text, p.Got)
}

// configBytesMax bounds the file; a real one has some 2 KB.
const configBytesMax = 1 << 20

// LoadConfig reads a config file. All its problems come at once, joined, each a *ConfigProblem.
func LoadConfig(path string) (Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the config: %w", err)
	}
	if info.Size() > configBytesMax {
		return Config{}, fmt.Errorf("read the config %s: %d bytes, at most %d", path, info.Size(), configBytesMax)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the config: %w", err)
	}
	c, err := ParseConfig(b)
	if err != nil {
		return c, fmt.Errorf("config %s:\n%w", path, err)
	}
	return c, nil
}

// ParseConfig reads a config; unknown keys are refused.
func ParseConfig(b []byte) (Config, error) {
	c := DefaultConfig()
	var root yaml.Node
	if err := yaml.Unmarshal(b, &root); err != nil {
		return c, &ConfigProblem{Path: "file", Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	if len(root.Content) == 0 {
		return c, errors.Join(c.Problems()...)
	}
	problems := walk(root.Content[0], reflect.TypeFor[Config](), "")
	if err := root.Decode(&c); err != nil && len(problems) == 0 {
		problems = append(problems, &ConfigProblem{Path: "file", Text: err.Error()})
	}
	return c, errors.Join(append(problems, c.Problems()...)...)
}

// walk finds keys that no setting has and values of the wrong shape.
func walk(n *yaml.Node, t reflect.Type, path string) (problems []error) {
	wrong := func(want string) []error {
		return []error{&ConfigProblem{Path: orFile(path), Text: fmt.Sprintf("want %s, line %d", want, n.Line), Got: n.Value}}
	}
	switch t.Kind() {
	case reflect.Struct:
		if n.Kind != yaml.MappingNode {
			return wrong("settings of its own, indented below it")
		}
		return walkStruct(n, t, path)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return wrong("a list, each item behind a dash")
		}
		for i, item := range n.Content {
			problems = append(problems, walk(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.Map:
		if n.Kind != yaml.MappingNode {
			return wrong("names and values, indented below it")
		}
		for i := 1; i < len(n.Content); i += 2 {
			problems = append(problems, walk(n.Content[i], t.Elem(), join(path, n.Content[i-1].Value))...)
		}
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			return wrong("true or false")
		}
	default:
		if n.Kind != yaml.ScalarNode {
			return wrong("one value")
		}
	}
	return problems
}

func walkStruct(n *yaml.Node, t reflect.Type, path string) (problems []error) {
	fields := map[string]reflect.Type{}
	keys(t, fields)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		field, known := fields[key]
		switch {
		case !known:
			problems = append(problems, &ConfigProblem{Path: join(path, key), Text: fmt.Sprintf("there is no such setting, line %d", n.Content[i].Line), Got: n.Content[i+1].Value})
		case seen[key]:
			problems = append(problems, &ConfigProblem{Path: join(path, key), Text: fmt.Sprintf("given twice, line %d", n.Content[i].Line)})
		default:
			problems = append(problems, walk(n.Content[i+1], field, join(path, key))...)
		}
		seen[key] = true
	}
	return problems
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

// Problems checks values; the drivers check their own settings when the program makes them.
func (c Config) Problems() (problems []error) {
	bad := func(path, text, got string) { problems = append(problems, &ConfigProblem{path, text, got}) }
	if c.Data == "" {
		bad("data", "want the folder of the ledger", "")
	}
	if c.Language != "ru" && c.Language != "en" {
		bad("language", "want ru or en", c.Language)
	}
	if c.Receipt.Language != "ru" && c.Receipt.Language != "en" {
		bad("receipt.language", "want ru or en", c.Receipt.Language)
	}
	if host, _, err := net.SplitHostPort(c.Page); err != nil || !loopbackHost(host) {
		bad("page", "want 127.0.0.1 and a port: the cashier's page is for this machine only", c.Page)
	}
	if c.HeadOffice.URL != "" {
		if u, err := url.Parse(c.HeadOffice.URL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			bad("head_office.url", "want https://… as head office shows it", c.HeadOffice.URL)
		}
	}
	if _, known := Taxes[c.Register.Tax]; !known {
		bad("register.tax", "want osn, usn-income, usn-profit, esn or patent", c.Register.Tax)
	}
	if c.Register.Port == "" && !c.Register.None() {
		bad("register.port", "missing: want tcp://address:port or serial:///dev/…; `kopilka-agent devices` says what is there", "")
	}
	for i, p := range c.Weights {
		if err := p.Validate(); err != nil {
			bad(fmt.Sprintf("weights[%d]", i), "want 13 characters: a prefix of 20 to 29, C for the item's code, W grams, N pieces, P kopecks or R roubles, and a final K, as in 21CCCCCWWWWWK", string(p))
		}
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		bad("log.level", "want debug, info, warn or error", c.Log.Level)
	}
	return slices.Concat(problems, c.metricsProblems(), c.optionalProblems(), c.scannerProblems(), c.captureProblems())
}

func (c Config) scannerProblems() (problems []error) {
	names := map[string]bool{c.Register.Name: true, c.Printer.Name: c.Printer.Type != "", c.Display.Name: c.Display.Type != ""}
	for i, s := range c.Scanners {
		path := fmt.Sprintf("scanners[%d]", i)
		if s.Name == "" || names[s.Name] {
			problems = append(problems, &ConfigProblem{path + ".name", "want a name that no other device has", s.Name})
		}
		names[s.Name] = true
		if s.Type == "" {
			problems = append(problems, &ConfigProblem{path + ".type", "missing: want serial-scanner or hid-scanner", ""})
		}
		if s.Port == "" {
			problems = append(problems, &ConfigProblem{path + ".port", "missing: want serial:///dev/…?baud=9600; `kopilka-agent devices` says what is there", ""})
		}
	}
	return problems
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// metricsProblems keeps figures of a shop's turnover on this machine: there is no password before them. Who gathers
// them from elsewhere runs a collector here, or a tunnel.
func (c Config) metricsProblems() []error {
	if c.Metrics == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(c.Metrics)
	switch {
	case err != nil || !loopbackHost(host) || port == "":
		return []error{&ConfigProblem{"metrics", "want 127.0.0.1 and a port, as 127.0.0.1:9465: metrics are for a collector on this machine; or empty for none", c.Metrics}}
	case c.Metrics == c.Page:
		return []error{&ConfigProblem{"metrics", "want another port than page has", c.Metrics}}
	}
	return nil
}
