package agent

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"

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
	Updates    UpdatesConfig    `yaml:"updates"`
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

// RegisterLater is the type of a till whose register is not chosen yet: it starts, says so, and sells nothing until
// it is. Installing writes it where no register was found.
const RegisterLater = "later"

// None tells a till without a register.
func (c RegisterConfig) None() bool { return c.Type == RegisterNone }

// Later tells a till whose register is not chosen yet.
func (c RegisterConfig) Later() bool { return c.Type == RegisterLater }

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
		Updates: UpdatesConfig{Auto: true, Quiet: "5m"},
	}
}

// Taxes are the names of tax systems in the config.
var Taxes = map[string]drivers.TaxSystem{
	"osn": drivers.TaxOSN, "usn-income": drivers.TaxUSNIncome, "usn-profit": drivers.TaxUSNProfit, "esn": drivers.TaxESN, "patent": drivers.TaxPatent,
}

// wholePath is one of either system: a config for one may be written on the other.
var wholePath = regexp.MustCompile(`^(/|[A-Za-z]:[\\/]|\\\\)`)

// Problems checks values; the drivers check their own settings when the program makes them.
func (c Config) Problems() (problems []*ConfigProblem) {
	bad := func(path, got, ru, en string) {
		problems = append(problems, misset(path, Text{RU: ru, EN: en}, got))
	}
	if c.Data == "" {
		bad("data", "", "нужна папка журнала", "want the folder of the ledger")
	} else if !wholePath.MatchString(c.Data) {
		bad("data", c.Data, "нужен полный путь: служба запускается из другой папки", "want the whole path: the service starts in another folder")
	}
	if c.Language != "ru" && c.Language != "en" {
		bad("language", c.Language, "нужно ru или en", "want ru or en")
	}
	if c.Receipt.Language != "ru" && c.Receipt.Language != "en" {
		bad("receipt.language", c.Receipt.Language, "нужно ru или en", "want ru or en")
	}
	if host, _, err := net.SplitHostPort(c.Page); err != nil || !loopbackHost(host) {
		bad("page", c.Page, "нужно 127.0.0.1 и порт: страница кассира только для этой машины", "want 127.0.0.1 and a port: the cashier's page is for this machine only")
	}
	if c.HeadOffice.URL != "" {
		if u, err := url.Parse(c.HeadOffice.URL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			bad("head_office.url", c.HeadOffice.URL, "нужно https://…, как показывает офис", "want https://… as head office shows it")
		}
	}
	if _, known := Taxes[c.Register.Tax]; !known {
		bad("register.tax", c.Register.Tax, "нужно osn, usn-income, usn-profit, esn или patent", "want osn, usn-income, usn-profit, esn or patent")
	}
	if c.Register.Port == "" && !c.Register.None() && !c.Register.Later() {
		bad("register.port", "", "не указан: нужно tcp://адрес:порт или serial:///dev/…; что подключено, скажет `kopilka-agent devices`",
			"missing: want tcp://address:port or serial:///dev/…; `kopilka-agent devices` says what is there")
	}
	for i, p := range c.Weights {
		if err := p.Validate(); err != nil {
			bad(fmt.Sprintf("weights[%d]", i), string(p), "нужно 13 знаков: префикс от 20 до 29, C для кода товара, W граммы, N штуки, P копейки или R рубли, и K в конце, например 21CCCCCWWWWWK",
				"want 13 characters: a prefix of 20 to 29, C for the item's code, W grams, N pieces, P kopecks or R roubles, and a final K, as in 21CCCCCWWWWWK")
		}
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		bad("log.level", c.Log.Level, "нужно debug, info, warn или error", "want debug, info, warn or error")
	}
	return slices.Concat(problems, c.metricsProblems(), c.optionalProblems(), c.scannerProblems(), c.captureProblems(), c.updatesProblems())
}

func (c Config) scannerProblems() (problems []*ConfigProblem) {
	names := map[string]bool{c.Register.Name: true, c.Printer.Name: c.Printer.Type != "", c.Display.Name: c.Display.Type != ""}
	for i, s := range c.Scanners {
		path := fmt.Sprintf("scanners[%d]", i)
		if s.Name == "" || names[s.Name] {
			problems = append(problems, misset(path+".name", textOwnName(), s.Name))
		}
		names[s.Name] = true
		if s.Type == "" {
			problems = append(problems, misset(path+".type", say("не указан: нужно serial-scanner или hid-scanner", "missing: want serial-scanner or hid-scanner"), ""))
		}
		if s.Port == "" {
			problems = append(problems, misset(path+".port", say("не указан: нужно serial:///dev/…?baud=9600; что подключено, скажет `kopilka-agent devices`",
				"missing: want serial:///dev/…?baud=9600; `kopilka-agent devices` says what is there"), ""))
		}
	}
	return problems
}

func textOwnName() Text {
	return say("нужно имя, которого нет у других устройств", "want a name that no other device has")
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// metricsProblems keeps figures of a shop's turnover on this machine: there is no password before them. Who gathers
// them from elsewhere runs a collector here, or a tunnel.
func (c Config) metricsProblems() []*ConfigProblem {
	if c.Metrics == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(c.Metrics)
	switch {
	case err != nil || !loopbackHost(host) || port == "":
		return []*ConfigProblem{misset("metrics", say("нужно 127.0.0.1 и порт, например 127.0.0.1:9465: показатели только для сборщика на этой машине; или пусто, если не нужны",
			"want 127.0.0.1 and a port, as 127.0.0.1:9465: metrics are for a collector on this machine; or empty for none"), c.Metrics)}
	case c.Metrics == c.Page:
		return []*ConfigProblem{misset("metrics", say("нужен другой порт, чем у page", "want another port than page has"), c.Metrics)}
	}
	return nil
}
