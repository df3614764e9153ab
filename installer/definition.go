package installer

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // see serviceSID
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// Marker is the last argument of the program when the Windows service manager starts it. Windows itself
// can say so too, but wine cannot.
const Marker = "as-service"

// definition is windows/service.json.
type definition struct {
	daemon
	// AccountElsewhere is taken where the system knows no accounts of services, as wine.
	AccountElsewhere string `json:"account_elsewhere"`
	Marker           string `json:"marker"`
	EventSource      string `json:"event_source"`
	SharedRights     string `json:"shared_rights"`
	// ProgramsRights are for a folder of programs that Windows has not given its own.
	ProgramsRights string `json:"programs_rights"`
	Notify         struct {
		Key       string   `json:"key"`
		Value     string   `json:"value"`
		Arguments []string `json:"arguments"`
	} `json:"notify"`
	Updater struct {
		daemon
		Program string `json:"program"` // beside the folders of the till program's versions
	} `json:"updater"`
}

// daemon is one service and the folder that it may write.
type daemon struct {
	Name        string `json:"name"`
	Display     named  `json:"display"`
	Description named  `json:"description"`
	// Account is the least that does the work. NT SERVICE\… is an account of this one service, made by Windows:
	// it is in no group but those of everybody, and reaches serial ports, the network and its own folder.
	Account    string   `json:"account"`
	Privileges []string `json:"privileges"` // all that are left to the account; none: what it has
	Arguments  []string `json:"arguments"`
	// RestartAfter are the pauses before restarts after failures, the last one for ever.
	RestartAfter []int `json:"restart_after_seconds"`
	ForgetAfter  int   `json:"forget_failures_after_seconds"`
	// ShutdownSeconds is how long Windows waits for it before the machine goes off.
	ShutdownSeconds int `json:"shutdown_seconds"`
	// Folder lies in the machine's ProgramData. Its rights, in SDDL, keep the till's key from everybody
	// who is merely signed in: by default all of ProgramData can be read. {service} stands for the till's service,
	// which may not delete or rename the folder itself: it would put another one there, with a config of its own.
	Folder       string `json:"folder"`
	FolderRights string `json:"folder_rights"`
}

// serviceSID is the identity that Windows gives a service: S-1-5-80 and the SHA-1 of its name in capitals and
// UTF-16. It can be named in rights before the service is there, and on a machine that does not know the account.
func serviceSID(name string) string {
	var text []byte
	for _, c := range utf16.Encode([]rune(strings.ToUpper(name))) {
		text = binary.LittleEndian.AppendUint16(text, c)
	}
	sum := sha1.Sum(text) //nolint:gosec // Windows's own way to name a service, no protection of anything
	sid := "S-1-5-80"
	for part := range slices.Chunk(sum[:], 4) {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(part))
	}
	return sid
}

// rights fills the till's service in.
func (d definition) rights(sddl string) string {
	return strings.ReplaceAll(sddl, "{service}", serviceSID(d.Name))
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
