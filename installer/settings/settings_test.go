package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// device is what several sections have in common.
type device struct {
	Name string            `yaml:"name"`
	Port string            `yaml:"port"`
	More map[string]string `yaml:"settings"`
}

type program struct {
	Data     string   `yaml:"data"`
	Language string   `yaml:"language"`
	Days     int      `yaml:"days"`
	Hosts    []string `yaml:"hosts"`
	Register struct {
		device `yaml:",inline"`
		Tax    string `yaml:"tax"`
	} `yaml:"register"`
	Printer  device   `yaml:"printer"`
	Scanners []device `yaml:"scanners"`
	Receipt  struct {
		Balance bool `yaml:"balance"`
	} `yaml:"receipt"`
}

func defaults() program { return program{Data: "/var/lib/x", Language: "ru", Days: 7} }

func told(problems []*Problem, lang string) []string {
	said := make([]string, len(problems))
	for i, p := range problems {
		said[i] = p.In(lang)
	}
	return said
}

func TestReadPutsWhatAFileSaysOverTheDefaults(t *testing.T) {
	p := defaults()
	require.Empty(t, Read([]byte("days: 30\nhosts: [a, b]\nregister:\n  port: tcp://h:1\n  tax: osn\n  settings: {baud: 9600}\n"+
		"scanners:\n- name: one\n- name: two\nreceipt: {balance: true}\nlanguage:\nprinter:\n"), &p))
	want := defaults()
	want.Days, want.Hosts = 30, []string{"a", "b"}
	want.Register.Port, want.Register.Tax, want.Register.More = "tcp://h:1", "osn", map[string]string{"baud": "9600"}
	want.Scanners, want.Receipt.Balance = []device{{Name: "one"}, {Name: "two"}}, true
	require.Equal(t, want, p, "and a setting without a value is left out")
	p = defaults()
	require.Empty(t, Read([]byte("# nothing but remarks\n"), &p))
	require.Empty(t, Read(nil, &p))
	require.Equal(t, defaults(), p)
}

func TestAnAnchorIsReadWhereItIsNamed(t *testing.T) {
	p := defaults()
	require.Empty(t, Read([]byte("register: &r {port: tcp://h:1}\nprinter: *r\n"), &p))
	require.Equal(t, "tcp://h:1", p.Printer.Port)
	require.NotEmpty(t, Read([]byte("printer: &p [*p]\n"), &p), "one that holds itself ends")
}

func TestAllThatIsWrongIsSaidAtOnceInBothLanguages(t *testing.T) {
	for name, tt := range map[string]struct {
		text   string
		ru, en []string
	}{
		"mistyped":              {"register: {prot: x}\n", []string{"register.prot: такой настройки нет, строка 1; может быть, register.port? (стоит \"x\")"}, []string{`register.prot: there is no such setting, line 1; is register.port meant? (got "x")`}},
		"in another's place":    {"tax: osn\n", []string{"может быть, register.tax?"}, []string{"is register.tax meant?"}},
		"of several, the first": {"settings: 1\n", []string{"может быть, register.settings?"}, []string{"is register.settings meant?"}},
		"without a name":        {"\"\": 1\n", []string{"\"\": такой настройки нет"}, []string{"\"\": there is no such setting, line 1"}},
		"of a newer version":    {"\nhologram: on\n", []string{"hologram: такой настройки нет, строка 2; если файл от более новой версии, обновите программу"}, []string{"if the file is of a newer version, update the program"}},
		"twice":                 {"days: 1\ndays: 2\n", []string{"days: указано дважды, строка 2"}, []string{"days: given twice, line 2"}},
		"no number":             {"days: many\n", []string{`days: нужно целое число, строка 1 (стоит "many")`}, []string{`days: want a whole number, line 1 (got "many")`}},
		"half a number":         {"days: 1.5\n", []string{"нужно целое число"}, []string{"want a whole number"}},
		"no yes":                {"receipt: {balance: maybe}\n", []string{"receipt.balance: нужно true или false"}, []string{"receipt.balance: want true or false"}},
		"a list of one":         {"hosts: a\n", []string{"hosts: нужно список"}, []string{"hosts: want a list, each item behind a dash"}},
		"values for one":        {"data: [a]\n", []string{"data: нужно одно значение"}, []string{"data: want one value"}},
		"one for values":        {"register: x\n", []string{"register: нужно несколько настроек"}, []string{"register: want settings of its own"}},
		"one for names":         {"printer: {settings: x}\n", []string{"printer.settings: нужно имена и значения"}, []string{"printer.settings: want names and values"}},
		"within a list":         {"scanners:\n- {nam: x}\n- 7\n", []string{"scanners[0].nam: такой", "scanners[1]: нужно несколько"}, []string{"is scanners[0].name meant?", "scanners[1]: want settings"}},
		"nothing in a list":     {"hosts: [a, ~]\n", []string{"hosts[1]: нужно что-то за чёрточкой"}, []string{"hosts[1]: want something behind the dash"}},
		"within names":          {"printer: {settings: {a: [1]}}\n", []string{"printer.settings.a: нужно одно значение"}, []string{"printer.settings.a: want one value"}},
		"no settings":           {"- 1\n", []string{"file: нужно несколько настроек"}, []string{"file: want settings of its own, indented below it, line 1"}},
		"a number too large":    {"days: 99999999999999999999\n", []string{"days: "}, []string{"days: "}},
		"several":               {"days: x\nhosts: y\nlanguage: en\nlanguage: de\n", []string{"days", "hosts", "language: указано дважды, строка 4"}, []string{"days", "hosts", "language: given twice"}},
		"a tab":                 {"language: ru\nregister:\n\tport: x\n", []string{"file: строка 3 начинается с табуляции"}, []string{"file: line 3 begins with a tab"}},
		"other letters":         {"# \xca\xe0\n", []string{"сохраните файл в кодировке UTF-8"}, []string{"save the file as UTF-8"}},
		"a colon missed":        {"register:\n  port x\n  tax: y\n", []string{"около строки"}, []string{"makes no sense near line"}},
		"a long paste":          {"days: " + strings.Repeat("я", 300) + "\n", []string{"\"" + strings.Repeat("я", gotMax) + "…\""}, []string{strings.Repeat("я", gotMax) + "…"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := defaults()
			problems := Read([]byte(tt.text), &p)
			for lang, want := range map[string][]string{"ru": tt.ru, "en": tt.en} {
				said := told(problems, lang)
				require.Len(t, said, len(want), said)
				for i := range want {
					require.Contains(t, said[i], want[i])
				}
			}
		})
	}
}

// What is wrong spoils nothing else: the rest is read, so that it can be judged in the same round.
func TestTheRestIsReadAllTheSame(t *testing.T) {
	p := defaults()
	require.Len(t, Read([]byte("days: many\nregister: {prot: x, tax: usn}\nlanguage: en\nlanguage: de\nscanners: [7, {name: a, x: 1}]\n"), &p), 5)
	require.Equal(t, 7, p.Days, "as it was")
	require.Equal(t, "usn", p.Register.Tax)
	require.Equal(t, "en", p.Language, "the first of two")
	require.Equal(t, []device{{More: map[string]string{}}, {Name: "a"}}, p.Scanners, "the second is the second still")
}

func TestUnspoiledLeavesOutWhatLiesBelow(t *testing.T) {
	at := func(path string) *Problem { return &Problem{Path: path} }
	seeming := []*Problem{at("register.port"), at("registers"), at("scanners[1].name"), at("data")}
	require.Equal(t, []*Problem{seeming[1], seeming[3]}, Unspoiled(seeming, []*Problem{at("register"), at("scanners")}))
	require.Empty(t, Unspoiled(seeming, []*Problem{at(Whole)}))
	require.Equal(t, seeming, Unspoiled(seeming, nil))
	require.NoError(t, Join(nil))
	require.ErrorContains(t, Join(seeming), "scanners[1].name")
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{"days: 30\nregister: &r {port: x}\nprinter: *r\n", "scanners: [{}]\n", "a: [", "\xff\xfe", "? {a: 1}\n: 2\n", "days: !!int x\n", "<<: {days: 1}\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := defaults()
		for _, problem := range Read(raw, &p) {
			for _, lang := range []string{"ru", "en"} {
				if said := problem.In(lang); problem.Path == "" && problem.Got == "" || strings.HasSuffix(said, ": ") {
					t.Fatalf("says nothing: %q", said)
				}
			}
		}
	})
}
