package installer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc/eventlog"
)

// Numbers of our messages in the Windows event log, for whoever filters by them.
const (
	EventStarted uint32 = 1
	EventStopped uint32 = 2
	EventFailed  uint32 = 3
	EventUpdate  uint32 = 4
	EventSlept   uint32 = 5
)

// messages is part of every Windows: its messages 1 to 1000 are nothing but the text that is given.
const messages = `%SystemRoot%\System32\EventCreate.exe`

const sources = `SYSTEM\CurrentControlSet\Services\EventLog\Application\`

// installSource makes the event viewer show our messages as they are. Without it they come with a complaint.
func installSource(name string) (err error) {
	k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, sources+name, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("register with the event log: %w", rights(err))
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	return errors.Join(
		k.SetDWordValue("CustomSource", 1),
		k.SetExpandStringValue("EventMessageFile", messages),
		k.SetDWordValue("TypesSupported", windows.EVENTLOG_ERROR_TYPE|windows.EVENTLOG_WARNING_TYPE|windows.EVENTLOG_INFORMATION_TYPE),
	)
}

func removeSource(name string) error {
	if err := registry.DeleteKey(registry.LOCAL_MACHINE, sources+name); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("take leave of the event log: %w", rights(err))
	}
	return nil
}

// Events writes to the Windows event log. The zero value writes nowhere.
type Events struct{ log *eventlog.Log }

// OpenEvents works in the service's account too: writing wants no rights.
func OpenEvents() (Events, error) {
	d, err := readDefinition()
	if err != nil {
		return Events{}, err
	}
	log, err := eventlog.Open(d.EventSource)
	if err != nil {
		return Events{}, fmt.Errorf("open the event log: %w", err)
	}
	return Events{log}, nil
}

// Info is for what happens as it should.
func (e Events) Info(id uint32, text string) error {
	if e.log == nil {
		return nil
	}
	return e.log.Info(id, text)
}

// Error is for what a person has to look at.
func (e Events) Error(id uint32, text string) error {
	if e.log == nil {
		return nil
	}
	return e.log.Error(id, text)
}

// Close lets go of the event log.
func (e Events) Close() error {
	if e.log == nil {
		return nil
	}
	return e.log.Close()
}
