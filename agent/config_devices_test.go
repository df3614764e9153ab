package agent

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCaptureSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "4MB": 4 << 20, "16 mb": 16 << 20, "1GB": 1 << 30, "4194304": 4 << 20, "8192KB": 8 << 20} {
		got, err := CaptureConfig{Size: text}.Bytes()
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "off", "1MB", "2GB", "-4MB", "4MiB", "MB", "99999999999GB"} {
		_, err := CaptureConfig{Size: text}.Bytes()
		require.Error(t, err, text)
	}
}

func TestOptionalDevicesInAConfig(t *testing.T) {
	c, err := ParseConfig([]byte("register: {port: \"tcp://h:1\", serial: 0012}\nprinter: {type: escpos, port: \"tcp://h:9100\"}\ncapture: {size: 0, devices: [register]}\n"))
	require.NoError(t, err)
	require.Equal(t, "0012", c.Register.Serial, "a number keeps its zeros")
	require.Equal(t, "printer", c.Printer.Name)
	require.True(t, c.Capture.Wants("register"))
	require.False(t, c.Capture.Wants("scanner"))

	_, err = ParseConfig([]byte("register: {port: \"tcp://h:1\"}\nprinter: {type: escpos}\ndisplay: {port: \"tcp://h:9100\", name: \"\"}\ncapture: {size: 5, devices: [till]}\n"))
	for _, want := range []string{"printer.port: missing", "display.type: missing", "display.name: want", "capture.size: want 4MB", `capture.devices[0]: want the name of a device of this config: register, printer (got "till")`} {
		require.ErrorContains(t, err, want)
	}
}
