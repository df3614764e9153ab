package agent

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/gs1"
)

func TestATillWithoutARegisterNeedsNoPort(t *testing.T) {
	c, err := ParseConfig([]byte("register: {type: none}\n"))
	require.NoError(t, err)
	require.True(t, c.Register.None())
	_, err = ParseConfig([]byte("register: {type: shtrih-m}\n"))
	require.ErrorContains(t, err, "register.port")
}

func TestExampleConfig(t *testing.T) {
	c, err := LoadConfig("../config.example.yaml")
	require.NoError(t, err)
	require.Equal(t, DefaultConfig().Weights, c.Weights)
	require.Equal(t, "127.0.0.1:8765", c.Page)
	require.NotEmpty(t, c.Register.Port)
	require.Equal(t, drivers.TaxOSN, Taxes[c.Register.Tax])
	// What the comments show as off must be right too when it is switched on.
	b, err := os.ReadFile("../config.example.yaml")
	require.NoError(t, err)
	on := strings.NewReplacer("# head_office:", "head_office:", "#   url:", "  url:", "# printer:", "printer:", "# display:", "display:",
		"#   type:", "  type:", "#   port:", "  port:", "  # serial:", "  serial:").Replace(string(b))
	c, err = ParseConfig([]byte(on))
	require.NoError(t, err)
	require.NotEmpty(t, c.HeadOffice.URL)
	require.Equal(t, "escpos", c.Printer.Type)
	require.Equal(t, "line-display", c.Display.Type)
	require.NotEmpty(t, c.Register.Serial)
}

func TestEveryProblemOfAConfigAtOnce(t *testing.T) {
	_, err := ParseConfig([]byte(`
data: ""
language: fr
page: 0.0.0.0:80
colour: red
head_office: {url: "shop"}
register: {port: [1, 2], tax: none, settings: {a: {b: c}}}
scanners:
  - {name: register, speed: 9600}
  - just a word
weights: ["21PPP"]
receipt: {balance: maybe, language: de}
log: {level: loud}
`))
	require.Error(t, err)
	for _, want := range []string{
		"data: want the folder", `language: want ru or en (got "fr")`, `page: want 127.0.0.1 and a port`, `colour: there is no such setting, line 5; if the file is of a newer version, update the program or take the line out (got "red")`,
		`head_office.url: want https://… as head office shows it (got "shop")`, "register.port: want one value", `register.tax: want osn`,
		"register.settings.a: want one value", `scanners[0].name: want a name that no other device has (got "register")`, "scanners[0].speed: there is no such setting",
		"scanners[0].port: missing", `scanners[1]: want settings of its own`, `weights[0]: want 13 characters`, `receipt.balance: want true or false`,
		`receipt.language: want ru or en (got "de")`, `log.level: want debug`,
	} {
		require.ErrorContains(t, err, want)
	}
}

// There is no password before the figures of a shop.
func TestMetricsAreForThisMachineOnly(t *testing.T) {
	for address, fine := range map[string]bool{
		`""`: true, "127.0.0.1:9465": true, `"[::1]:9465"`: true, "0.0.0.0:9465": false, "192.168.1.7:9465": false, `":9465"`: false, "127.0.0.1": false, "127.0.0.1:8765": false, "shop.example:9465": false,
	} {
		_, err := ParseConfig([]byte("register: {port: \"tcp://10.0.0.7:7778\"}\nmetrics: " + address + "\n"))
		if fine {
			require.NoError(t, err, address)
		} else {
			require.ErrorContains(t, err, "metrics: want", address)
		}
	}
}

func TestConfigThatIsNone(t *testing.T) {
	for name, text := range map[string]string{"not YAML": "a: [", "a word": "hello", "a list": "- 1\n- 2\n", "empty": "", "twice": "page: 127.0.0.1:1\npage: 127.0.0.1:2\n"} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseConfig([]byte(text))
			var p *ConfigProblem
			require.ErrorAs(t, err, &p)
		})
	}
}

func TestConfigTellsOnlyWhatIsWrong(t *testing.T) {
	port := "register: {port: 'tcp://h:1'}\n"
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"twice":             {port + "updates: {auto: true}\nupdates: {auto: false}\n", []string{"updates: given twice, line 3"}},
		"twice, with fault": {port + "updates: {auto: true}\nupdates: {auto: maybe}\nlanguage: fr\n", []string{"updates: given twice, line 3", `language: want ru or en (got "fr")`}},
		"the port in the second of two": {
			"register: {type: shtrih-m}\n" + port, []string{"register: given twice, line 2"},
		},
		"a register of another shape": {"register: tcp://h:1\n", []string{`register: want settings of its own, indented below it, line 1 (got "tcp://h:1")`}},
		"a list":                      {"- 1\n", []string{"file: want settings of its own, indented below it, line 1"}},
		"mistyped, and so missing":    {"registers: {port: 'tcp://h:1'}\n", []string{"registers: there is no such setting, line 1; is register meant?", "register.port: missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseConfig([]byte(tt.text))
			told := ConfigSentences(err, "en")
			require.Len(t, told, len(tt.want), told)
			for i, want := range tt.want {
				require.Contains(t, told[i], want)
			}
		})
	}
}

func TestConfigProblemsAreSentencesInBothLanguages(t *testing.T) {
	for name, tt := range map[string]struct{ text, ru, en string }{
		"a tab":             {"language: ru\nregister:\n\tport: tcp://h:1\n", "file: строка 3 начинается с табуляции", "file: line 3 begins with a tab"},
		"not UTF-8":         {"# \xca\xe0\xf1\xf1\xe0\n", "сохраните файл в кодировке UTF-8", "save the file as UTF-8"},
		"a colon missed":    {"register:\n  port tcp\n  type: atol\n", "около строки", "makes no sense near line"},
		"mistyped":          {"register: {prot: 'tcp://h:1'}\n", "может быть, register.port?", "is register.port meant?"},
		"in a wrong place":  {"tax: osn\nregister: {port: 'tcp://h:1'}\n", "может быть, register.tax?", "is register.tax meant?"},
		"of a newer one":    {"hologram: on\nregister: {port: 'tcp://h:1'}\n", "hologram: такой настройки нет, строка 1; если файл от более новой версии, обновите программу", "if the file is of a newer version, update the program"},
		"to sell as nobody": {"unenrolled: sell\nregister: {port: 'tcp://h:1'}\n", "без подключения к офису касса не продаёт", "a till that is not enrolled does not sell"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseConfig([]byte(tt.text))
			require.Contains(t, strings.Join(ConfigSentences(err, "ru"), "\n"), tt.ru)
			require.Contains(t, strings.Join(ConfigSentences(err, "en"), "\n"), tt.en)
			require.NotContains(t, strings.Join(ConfigSentences(err, "en"), "\n"), "yaml")
		})
	}
	_, err := LoadConfig(t.TempDir() + "/none.yaml")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Contains(t, ConfigSentences(err, "ru")[0], "none.yaml нет: его пишет kopilka-agent enroll")
	_, err = LoadConfig(t.TempDir())
	require.Contains(t, ConfigSentences(err, "en")[0], "is a folder")
}

func TestRegistersBehindAProgramNeedNoPort(t *testing.T) {
	c, err := ParseConfig([]byte("register: {type: atol}\n"))
	require.NoError(t, err)
	require.Equal(t, "tcp://127.0.0.1:16732", c.Register.Port)
	c, err = ParseConfig([]byte("register: {type: later}\n"))
	require.NoError(t, err)
	require.True(t, c.Register.Later())
}

func FuzzParseConfig(f *testing.F) {
	example, err := os.ReadFile("../config.example.yaml")
	require.NoError(f, err)
	f.Add(string(example))
	f.Add("scanners: [{}]\nregister: {settings: {1: 2}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConfig([]byte(text))
		if err == nil {
			require.Empty(t, c.Problems())
		}
	})
}

func TestWeightPatterns(t *testing.T) {
	for _, good := range []WeightPattern{"21PPPPPWWWWWK", "2PPPPPPWWWWWK", "22PPPPWWWWWWK"} {
		require.NoError(t, good.Validate(), good)
	}
	for _, bad := range []WeightPattern{"", "21PPPPPWWWWW", "46PPPPPWWWWWK", "21WWWWWPPPPPK", "21PPPPPPPPPPK", "2100000WWWWWK", "21PPPPPWWWWWKK"} {
		require.ErrorIs(t, bad.Validate(), gs1.ErrPattern, bad)
	}
	label, ok := WeightPattern("21PPPPPWWWWWK").Match("2100123014323")
	require.True(t, ok)
	require.Equal(t, "2100123", label.Item)
	require.EqualValues(t, 1432, label.Weight)
	_, ok = WeightPattern("21PPPPPWWWWWK").Match("2200123014320")
	require.False(t, ok)
}

// The service starts in another folder than the person who writes the config.
func TestTheDataFolderIsAWholePath(t *testing.T) {
	const rest = "register: {type: none}\n"
	_, err := ParseConfig([]byte("data: var/lib\n" + rest))
	require.ErrorContains(t, err, "data: want the whole path")
	_, err = ParseConfig([]byte("data: /var/lib/kopilka\n" + rest))
	require.NoError(t, err)
}
