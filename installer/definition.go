package installer

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Marker is the last argument of the program when the Windows service manager starts it. Windows itself
// can say so too, but wine cannot.
const Marker = "as-service"

// definition is windows/service.json.
type definition struct {
	Name        string `json:"name"`
	Display     named  `json:"display"`
	Description named  `json:"description"`
	// Account is the least that reaches serial ports and the network.
	Account      string   `json:"account"`
	Arguments    []string `json:"arguments"`
	Marker       string   `json:"marker"`
	RestartAfter []int    `json:"restart_after_seconds"`
	ForgetAfter  int      `json:"forget_failures_after_seconds"`
	// Folder lies in the machine's ProgramData. Its rights, in SDDL, keep the till's key from everybody
	// who is merely signed in: by default all of ProgramData can be read.
	Folder       string `json:"folder"`
	FolderRights string `json:"folder_rights"`
	SharedRights string `json:"shared_rights"`
	Notify       struct {
		Key       string   `json:"key"`
		Value     string   `json:"value"`
		Arguments []string `json:"arguments"`
	} `json:"notify"`
}

type named struct {
	RU string `json:"ru"`
	EN string `json:"en"`
}

func (n named) in(english bool) string {
	if english {
		return n.EN
	}
	return n.RU
}

func readDefinition() (d definition, err error) {
	b, err := Files.ReadFile("windows/service.json")
	if err != nil {
		return d, fmt.Errorf("read the embedded service definition: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, fmt.Errorf("read the embedded service definition: %w", err)
	}
	return d, nil
}
