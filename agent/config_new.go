package agent

import (
	_ "embed"
	"fmt"
	"strings"
)

// example is config.example.yaml of the house's top, which a Go file below it cannot reach; a test holds the two
// together.
//
//go:generate cp ../config.example.yaml example.yaml
//go:embed example.yaml
var example string

// NewConfig is the config file of a fresh till, with the example's comments: its data are in the folder, its register
// is still to be chosen, its scanners stand in comments. [EditConfig] puts in what is found.
func NewConfig(data string) ([]byte, error) {
	e := editor{}
	for line := range strings.Lines(example) {
		e.lines = append(e.lines, line)
	}
	if err := e.read(); err != nil {
		return nil, err
	}
	_, folder := find(e.root, "data")
	key, scanners := find(e.root, "scanners")
	if folder == nil || key == nil {
		return nil, fmt.Errorf("%w: the example has no data or no scanners", ErrEdit)
	}
	line, ok := replaced(e.lines[folder.Line-1], folder, data)
	if !ok {
		return nil, ErrEdit
	}
	e.lines[folder.Line-1] = line
	for i := key.Line - 1; i < lastLine(scanners); i++ {
		e.lines[i] = "# " + e.lines[i]
	}
	return EditConfig([]byte(strings.Join(e.lines, "")), Devices{Register: &DeviceConfig{Type: RegisterLater}})
}
