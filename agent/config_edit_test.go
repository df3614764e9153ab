package agent

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTheEmbeddedExampleIsTheHouses(t *testing.T) {
	b, err := os.ReadFile("../config.example.yaml")
	require.NoError(t, err)
	require.Equal(t, string(b), example, "run: go generate ./agent")
}

func TestAFreshConfig(t *testing.T) {
	b, err := NewConfig(`C:\ProgramData\Kopilka`)
	require.NoError(t, err)
	c, err := ParseConfig(b)
	require.NoError(t, err)
	require.Equal(t, `C:\ProgramData\Kopilka`, c.Data)
	require.True(t, c.Register.Later())
	require.Empty(t, c.Scanners)
	require.Empty(t, c.Register.Settings, "they are one driver's")
	require.Equal(t, strings.Count(example, "\n"), strings.Count(string(b), "\n"), "all comments are there")

	found := Devices{
		Register: &DeviceConfig{Type: "pirit", Port: "usb-serial://1fc9:0089/00%2012?baud=57600"}, Serial: "0012: #'\"",
		Printer:  &DeviceConfig{Type: "escpos", Port: "file:///dev/usb/lp0"},
		Scanners: []DeviceConfig{{Name: "scanner", Type: "hid-scanner", Port: "hid://05e0:1300/1"}},
	}
	out, err := EditConfig(b, found)
	require.NoError(t, err)
	c, err = ParseConfig(out)
	require.NoError(t, err)
	require.Equal(t, "pirit", c.Register.Type)
	require.Equal(t, found.Serial, c.Register.Serial)
	require.Equal(t, found.Scanners, c.Scanners)
	require.Equal(t, "escpos", c.Printer.Type)
	again, err := EditConfig(out, Devices{Register: found.Register, Serial: found.Serial})
	require.NoError(t, err)
	require.Equal(t, string(out), string(again))
}

func TestWhatCannotBeEditedIsLeftAlone(t *testing.T) {
	for name, text := range map[string]string{
		"braces": "register: {type: atol}\n", "an anchor": "register: &r\n  type: atol\n", "a folded port": "register:\n  port: >-\n    tcp://h:1\n", "not YAML": "a: [", "a list": "- 1\n",
		"all in braces": "{register: {type: atol}}\n", "a tag": "register:\n  type: !!str atol\n",
	} {
		_, err := EditConfig([]byte(text), Devices{Register: &DeviceConfig{Type: "pirit", Port: "tcp://h:1"}})
		require.ErrorIs(t, err, ErrEdit, name)
	}
}

// someConfig is a file as people write them: keys in any order, other indents, comments at the ends of lines.
func someConfig(t *rapid.T) string {
	comment := func() string {
		return rapid.SampledFrom([]string{"", "", " # so", "  # it's \"x\""}).Draw(t, "comment")
	}
	indent := strings.Repeat(" ", rapid.IntRange(1, 4).Draw(t, "indent"))
	values := map[string][]string{
		"name": {"register", `"касса 1"`}, "type": {"atol", `"shtrih-m"`, "'pirit'", "later"}, "port": {"tcp://h:1", `"serial:///dev/ttyS0?baud=9600"`, "'a''b'"},
		"serial": {`"0012"`, "77"}, "tax": {"osn", "patent"},
	}
	var parts []string
	if rapid.Bool().Draw(t, "has a register") {
		keys := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"name", "type", "port", "serial", "tax", "settings"}), rapid.ID[string]).Draw(t, "keys")
		slices.Sort(keys)
		text := "register:" + comment() + "\n"
		for _, k := range rapid.Permutation(keys).Draw(t, "order") {
			if k == "settings" {
				text += indent + "settings:" + comment() + "\n" + indent + "  password: \"1\"\n" + indent + "  # not here\n" + indent + "  cut: full" + comment() + "\n"
				continue
			}
			text += indent + k + ": " + rapid.SampledFrom(values[k]).Draw(t, k) + comment() + "\n"
		}
		parts = append(parts, text)
	}
	if rapid.Bool().Draw(t, "has scanners") {
		dash := rapid.SampledFrom([]string{"", "  ", "    "}).Draw(t, "dash")
		text := "scanners:" + comment() + "\n"
		for i := range rapid.IntRange(0, 2).Draw(t, "scanners") {
			text += fmt.Sprintf("%s- name: s%d%s\n%s  type: serial-scanner\n%s  # between\n%s  settings: {repeat: 0s}\n", dash, i, comment(), dash, dash, dash)
		}
		parts = append(parts, text)
	}
	parts = append(parts, "# a remark\nlanguage: en\n", "\n", "log: {level: info} # loud\n", "# scanners:\n#   - name: x\n\n", "# printer:\n#   type: escpos\n")
	return strings.Join(rapid.Permutation(parts).Draw(t, "parts"), "")
}

func TestAnEditChangesTheDevicesLinesAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file := someConfig(t)
		text := rapid.SampledFrom([]string{"tcp://h:1", "usb-serial://1fc9:0089/0 0?baud=9600", `a"b'c: #d`, "no", "0012", "касса", " x "})
		var d Devices
		if rapid.Bool().Draw(t, "a register") {
			d.Register, d.Serial = &DeviceConfig{Type: rapid.SampledFrom([]string{"atol", "shtrih-m", "pirit"}).Draw(t, "kind"), Port: text.Draw(t, "port")}, rapid.SampledFrom([]string{"", "0012", "№ 7 #"}).Draw(t, "serial")
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "found") {
			d.Scanners = append(d.Scanners, DeviceConfig{Name: fmt.Sprint("new", i), Type: "hid-scanner", Port: text.Draw(t, "scanner")})
		}
		if rapid.Bool().Draw(t, "a printer") {
			d.Printer = &DeviceConfig{Type: "escpos", Port: text.Draw(t, "printer port")}
		}
		out, err := EditConfig([]byte(file), d)
		require.NoError(t, err, "%s", file)
		was, err := decodeConfig([]byte(file))
		require.NoError(t, err)
		is, err := decodeConfig(out)
		require.NoError(t, err)
		require.Equal(t, was.with(d), is)
		// Every line that is gone was a device's; each comment is still there.
		after := string(out)
		for line := range strings.Lines(file) {
			bare := strings.TrimSpace(line)
			if bare != "" && !strings.Contains(after, line) && !strings.Contains(after, "# "+bare) {
				require.Regexp(t, `^(type|port|serial): `, bare)
			}
			if i := strings.Index(line, "# "); i >= 0 {
				require.Contains(t, after, strings.TrimSpace(line[i:]))
			}
		}
	})
}
