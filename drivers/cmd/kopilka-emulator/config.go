package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // a machine may have no zones of its own

	"gopkg.in/yaml.v3"

	"github.com/kopilka/kopilka/ledger/sale"
)

// config is the YAML file. Paths in it are relative to the file.
type config struct {
	Listen       string          `yaml:"listen"`
	Goods        string          `yaml:"goods"`         // JSON: what lies on the shelf
	WeightPrefix string          `yaml:"weight_prefix"` // two digits that begin a weighed product's barcode
	Counters     []counterConfig `yaml:"counters"`
}

type counterConfig struct {
	Name     string         `yaml:"name"`
	Register registerConfig `yaml:"register"`
	Scanner  scannerConfig  `yaml:"scanner"`
	Network  networkConfig  `yaml:"network"`
}

type registerConfig struct {
	Type         string   `yaml:"type"` // shtrih-m (default), atol, pirit or mercury, as a till's config names it
	Listen       string   `yaml:"listen"`
	Folder       string   `yaml:"folder"`
	FN           string   `yaml:"fn"`
	FNExpires    string   `yaml:"fn_expires"`   // a day; empty: fifteen months after registration
	Unregistered bool     `yaml:"unregistered"` // the storage is fresh out of its box
	Serial       uint32   `yaml:"serial"`
	INN          string   `yaml:"inn"`
	Shop         []string `yaml:"shop"`
	Width        int      `yaml:"width"`
	KeepDocument bool     `yaml:"keep_document"`
	Zone         string   `yaml:"zone"` // of the wall clock, "Europe/Moscow"; empty: this machine's
}

// scannerConfig is a pseudo terminal behind a link, or where listen is set a TCP port.
type scannerConfig struct {
	Link   string `yaml:"link"`
	Listen string `yaml:"listen"`
	AIM    bool   `yaml:"aim"`
	Prefix string `yaml:"prefix"`
}

// networkConfig is the till's way to the head office; empty where there is none to cut.
type networkConfig struct {
	Listen string `yaml:"listen"`
	Target string `yaml:"target"`
}

func defaultConfig() config {
	return config{Listen: "127.0.0.1:8090", WeightPrefix: "21"}
}

func loadConfig(path string) (config, error) {
	c := defaultConfig()
	if path == "" {
		c.Counters = []counterConfig{{
			Name:     "Касса 1",
			Register: registerConfig{Listen: "127.0.0.1:7778", Folder: filepath.Join("emulator", "register")},
			Scanner:  scannerConfig{Link: filepath.Join("emulator", "scanner"), AIM: true},
		}}
		return c, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("read the config: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("read the config %s: %w", path, err)
	}
	c.relativeTo(filepath.Dir(path))
	return c, c.check()
}

func (c *config) relativeTo(dir string) {
	at := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	at(&c.Goods)
	for i := range c.Counters {
		at(&c.Counters[i].Register.Folder)
		at(&c.Counters[i].Scanner.Link)
	}
}

// check names every problem at once.
func (c *config) check() error {
	var errs []error
	bad := func(key, why string, got any) {
		errs = append(errs, fmt.Errorf("%s: %s (got %q)", key, why, fmt.Sprint(got)))
	}
	if !loopback(c.Listen) {
		bad("listen", "must be a port of this machine, such as 127.0.0.1:8090: the page has no password", c.Listen)
	}
	if len(c.WeightPrefix) != 2 || !sale.Digits(c.WeightPrefix) || c.WeightPrefix[0] != '2' {
		bad("weight_prefix", "must be two digits from 20 to 29", c.WeightPrefix)
	}
	if len(c.Counters) == 0 {
		bad("counters", "at least one is needed", "")
	}
	folders := map[string]bool{}
	for i, k := range c.Counters {
		at := fmt.Sprintf("counters[%d].", i)
		if k.Name == "" {
			bad(at+"name", "is needed", k.Name)
		}
		if k.Register.Listen == "" {
			bad(at+"register.listen", "is needed", k.Register.Listen)
		}
		if f := k.Register.Folder; f != "" && folders[f] {
			bad(at+"register.folder", "belongs to another counter", f)
		}
		folders[k.Register.Folder] = true
		if _, known := types[k.Register.kind()]; !known {
			bad(at+"register.type", "must be one of "+typeNames(), k.Register.Type)
		}
		if _, err := k.Register.expires(); err != nil {
			bad(at+"register.fn_expires", "must be a day such as 2027-12-31", k.Register.FNExpires)
		}
		if _, err := k.Register.location(); err != nil {
			bad(at+"register.zone", "must be an IANA name such as Europe/Moscow", k.Register.Zone)
		}
		if (k.Network.Listen == "") != (k.Network.Target == "") {
			bad(at+"network", "needs both listen and target", k.Network)
		}
	}
	return errors.Join(errs...)
}

// kind is the register's type.
func (r registerConfig) kind() string {
	if r.Type == "" {
		return typeDefault
	}
	return r.Type
}

// expires is the last day of the storage; zero: as long as one lasts.
func (r registerConfig) expires() (time.Time, error) {
	if r.FNExpires == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.DateOnly, r.FNExpires)
}

func (r registerConfig) location() (*time.Location, error) {
	if r.Zone == "" {
		return time.Local, nil
	}
	return time.LoadLocation(r.Zone)
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// goods is what lies on the shelf and in the customers' pockets.
type goods struct {
	Products []product `json:"products"`
	Cards    []card    `json:"cards"`
}

type product struct {
	SKU     string `json:"sku"`
	Name    string `json:"name"`
	Code    string `json:"code"` // of a weighed product: its number of at most five digits
	Price   price  `json:"price"`
	Weighed bool   `json:"weighed"`
	Age18   bool   `json:"age18"`
}

type card struct {
	Name  string `json:"name"`
	Code  string `json:"code"`
	Tier  string `json:"tier"`
	Phone string `json:"phone"`
}

// price reads 89.90 as a number or as a text, without a float in between.
type price sale.Money

func (p *price) UnmarshalJSON(raw []byte) error {
	m, err := sale.ParseMoney(strings.Trim(string(raw), `"`))
	*p = price(m)
	return err
}

func (p price) String() string { return sale.Money(p).String() }

const weighedDigits = 5

func loadGoods(path string) (goods, error) {
	var g goods
	if path == "" {
		return g, nil
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &g)
	}
	if err != nil {
		return g, fmt.Errorf("read the goods %s: %w", path, err)
	}
	var errs []error
	for i, p := range g.Products {
		if p.Weighed && (!sale.Digits(p.Code) || len(p.Code) > weighedDigits) {
			errs = append(errs, fmt.Errorf("%s: products[%d].code: a weighed product has a number of at most five digits (got %q)", path, i, p.Code))
		}
	}
	return g, errors.Join(errs...)
}

// gramsMax is what five digits of a barcode hold.
const gramsMax = 99_999

// weighedCode is the EAN-13 that a shop's scales print: prefix, product, grams, check digit.
func weighedCode(prefix, code string, grams int) (string, error) {
	if grams < 1 || grams > gramsMax {
		return "", fmt.Errorf("%d grams do not fit a barcode: 1 to %d do", grams, gramsMax)
	}
	digits := fmt.Sprintf("%s%0*s%05d", prefix, weighedDigits, code, grams)
	return digits + string(sale.GTINCheckDigit(digits)), nil
}
