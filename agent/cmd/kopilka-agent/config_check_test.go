package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/drivers/all"
)

// checkConfig is what check-config prints of a text.
func checkConfig(t *testing.T, text, lang string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	var out bytes.Buffer
	err := checkConfigCommand.run(t.Context(), []string{"-config", path, "-lang", lang}, &out)
	return out.String(), err
}

func TestCheckConfigTellsEverythingInOneRound(t *testing.T) {
	text := `
colour: red
register: {type: atol, port: "serial:///dev/ttyS0"}
printer: {type: epson, port: "tcp://127.0.0.1:9100"}
display: {type: line-display, port: "tcp://127.0.0.1:9100", settings: {width: "99"}}
scanners:
  - {name: hand, type: serial-scanner, port: "127.0.0.1:7778", settings: {repeat: soon}}
  - {name: desk, type: serial-scanner, port: "serial:///dev/ttyS0?baud=9600"}
`
	ru, err := checkConfig(t, text, "ru")
	require.ErrorIs(t, err, errConfig)
	en, err := checkConfig(t, text, "en")
	require.ErrorIs(t, err, errConfig)
	for _, want := range []string{
		"colour: такой настройки нет", "register.port: касса типа atol подключена через программу", "printer.type: неизвестный тип, есть escpos", "display.settings.width: нужно",
		"scanners[0].port: не адрес; видимо, имелось в виду tcp://127.0.0.1:7778", "scanners[0].settings.repeat: нужно время от", "scanners[1].port: «desk» и «register» (register.port) на одном порту",
	} {
		require.Contains(t, ru, want)
	}
	for _, want := range []string{
		"register.port: a register of type atol is reached through", "usually tcp://127.0.0.1:16732", "printer.type: unknown type, known are escpos", "tcp://127.0.0.1:7778 is probably meant",
		"scanners[0].settings.repeat: want a duration from", `"desk" and "register" (register.port) are on one port`,
	} {
		require.Contains(t, en, want)
	}
	require.NotContains(t, en, "register register")
	require.Equal(t, strings.Count(ru, "\n"), strings.Count(en, "\n"))
	for line := range strings.Lines(ru) {
		require.Equal(t, 1, strings.Count(ru, line), "said twice: %s", line)
	}
}

func TestCheckConfigOfAFileThatIsNone(t *testing.T) {
	ru, err := checkConfig(t, "register:\n\tport: x\n", "ru")
	require.ErrorIs(t, err, errConfig)
	require.Contains(t, ru, "строка 2 начинается с табуляции")
	var out bytes.Buffer
	err = checkConfigCommand.run(t.Context(), []string{"-config", filepath.Join(t.TempDir(), "none"), "-lang", "en"}, &out)
	require.ErrorIs(t, err, errConfig)
	require.Contains(t, out.String(), "kopilka-agent enroll writes it")
}

func TestCheckConfigOfARegisterToBeChosen(t *testing.T) {
	out, err := checkConfig(t, "register: {type: later}\n", "en")
	require.NoError(t, err)
	require.Contains(t, out, "in order")
	require.Contains(t, out, "kopilka-agent setup")
}

func TestUsualPortsAreTheDrivers(t *testing.T) {
	for kind := range all.Printers {
		c, err := agent.ParseConfig([]byte("register: {type: " + kind + "}\n"))
		if len(all.Kinds[kind].Bauds) > 0 {
			require.Error(t, err, "%s may be on any port", kind)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, all.Kinds[kind].Local[0], c.Register.Port)
	}
}
