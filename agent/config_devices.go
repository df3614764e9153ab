package agent

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// CaptureConfig is what is written down of the talk with devices, see `kopilka-agent capture`.
type CaptureConfig struct {
	File string `yaml:"file"`
	Size string `yaml:"size"`
	// Devices are the names of those that are written down; empty: the register and all scanners.
	Devices []string `yaml:"devices"`
}

// Sizes of a capture: less does not hold a busy hour, more fills a till's disk.
const (
	captureMin = 4 << 20
	captureMax = 1 << 30
)

var sizeUnits = map[string]int64{"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}

// Bytes is the size of the file; zero: nothing is written down.
func (c CaptureConfig) Bytes() (int64, error) {
	text := strings.ToUpper(strings.TrimSpace(c.Size))
	digits := strings.TrimRight(text, "KMGB ")
	n, err := strconv.ParseUint(digits, 10, 31)
	unit, known := sizeUnits[strings.TrimSpace(text[len(digits):])]
	size := int64(n) * unit
	if err != nil || !known || size != 0 && (size < captureMin || size > captureMax) {
		return 0, fmt.Errorf("want 4MB to 1GB, or 0 for none")
	}
	return size, nil
}

// Wants tells whether a device is written down.
func (c CaptureConfig) Wants(device string) bool {
	return len(c.Devices) == 0 || slices.Contains(c.Devices, device)
}

func (c Config) captureProblems() (problems []*ConfigProblem) {
	if _, err := c.Capture.Bytes(); err != nil {
		problems = append(problems, misset("capture.size", Text{RU: "нужно от 4MB до 1GB, или 0, чтобы ничего не записывать", EN: err.Error()}, c.Capture.Size))
	}
	names := []string{c.Register.Name}
	for _, d := range slices.Concat(c.Scanners, []DeviceConfig{c.Printer, c.Display}) {
		if d.Type != "" {
			names = append(names, d.Name)
		}
	}
	for i, name := range c.Capture.Devices {
		if !slices.Contains(names, name) {
			problems = append(problems, misset(fmt.Sprintf("capture.devices[%d]", i), say("нужно имя устройства из этих настроек: %s", "want the name of a device of this config: %s", strings.Join(names, ", ")), name))
		}
	}
	return problems
}

// optionalProblems are those of devices that a till may have or not.
func (c Config) optionalProblems() (problems []*ConfigProblem) {
	for _, d := range []struct {
		path, example string
		DeviceConfig
	}{{"printer", "escpos", c.Printer}, {"display", "line-display", c.Display}} {
		switch {
		case d.Type == "" && d.Port == "":
		case d.Type == "":
			problems = append(problems, misset(d.path+".type", say("не указан: нужно %s", "missing: want %s", d.example), ""))
		case d.Port == "":
			problems = append(problems, misset(d.path+".port", say("не указан: нужно tcp://адрес:порт или serial:///dev/…; что подключено, скажет `kopilka-agent devices`",
				"missing: want tcp://address:port or serial:///dev/…; `kopilka-agent devices` says what is there"), ""))
		}
		if d.Name == "" {
			problems = append(problems, misset(d.path+".name", textOwnName(), ""))
		}
	}
	return problems
}
