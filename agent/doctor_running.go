package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/kopilka/kopilka/drivers"
)

// digestBytes tell settings apart; it is no signature.
const digestBytes = 8

// Digest tells settings apart without telling them: a running till shows its own, so that the doctor sees
// whether the file on the disk is what the till was started with.
func (c Config) Digest() string {
	b, err := json.Marshal(c)
	if err != nil {
		return "" // cannot be: a config is texts, numbers and lists of them
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:digestBytes])
}

// settled holds the running till's settings against the file. Where they differ, the devices that the till
// has are not those of the file, and must not be called in order under its name.
func (e *examination) settled() {
	if e.view.Config == e.Config.Digest() {
		return
	}
	e.other = true
	e.bad("daemon", "kopilka-agent service stop && kopilka-agent service start", say("У работающей кассы другие настройки, чем в файле %[1]s: перезапустите её. Если и тогда так, на %[2]s отвечает другая касса: исправьте page. Устройства не проверены",
		"The running till has other settings than this file, %[1]s: restart it. If that does not help, another till answers at %[2]s: put page right. Devices were not examined", e.ConfigPath, e.Config.Page))
}

// deviceSeen is what the daemon says of its receipt printer or customer display; nil where it has none.
func (e *examination) deviceSeen(subject string, v *DeviceView, fine Text) {
	switch {
	case v == nil:
	case v.Online && v.Text == nil:
		e.ok(subject, fine)
	case v.Online:
		e.warn(subject, "", *v.Text)
	case v.Text != nil:
		e.bad(subject, "", *v.Text)
	default:
		e.warn(subject, "", say("Программа кассы ещё подключается к устройству: повторите через минуту", "The till program is still connecting to the device: try again in a minute"))
	}
}

// unanswered says what else it may be when a register gives no answer, or none that can be read: power and cable
// are only the first guess. With the till running its port is left alone by the search.
func (e *examination) unanswered(err error) {
	r := e.Config.Register
	switch fail := drivers.FailOf(err); {
	case fail != "" && fail != drivers.FailLink && fail != drivers.FailProtocol:
		return
	case err == nil: // the daemon's
	case errors.Is(err, e.Taken), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), len(e.Holders(r.Port)) > 0:
		return // said already, and surely
	}
	command, text := "kopilka-agent devices -probe", say("Если питание и кабель в порядке, проверьте настройки: тип %[1]s, адрес %[2]s, скорость порта такая же, как в кассе. Команда поищет кассу на всех портах", "If power and cable are fine, check the config: type %[1]s, address %[2]s, the port's speed the same as the register's. The command looks for the register on all ports", r.Type, r.Port)
	if e.view != nil {
		command = "kopilka-agent service stop && kopilka-agent devices -probe"
	}
	e.warn("register", command, text)
}

// displayTrial is what the doctor writes on a display that nobody else has.
const displayTrial = "KOPILKA"

// display examines the customer display. Such a display does not answer: what it shows is for a person to see.
func (e *examination) display(ctx context.Context) {
	if e.view != nil {
		e.deviceSeen("display", e.view.Display, say("На дисплей покупателя пишется без ошибок", "The customer display is written to without errors"))
		return
	}
	if e.Display == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	d, err := e.Display(ctx)
	if err == nil {
		err = errors.Join(d.Show(ctx, displayTrial, ""), d.Close())
	}
	if err != nil {
		e.deviceGone("display", e.Config.Display.Port, err)
		return
	}
	e.ok("display", say("На дисплей покупателя записано %[1]s: посмотрите, видно ли; сам он не отвечает", "%[1]s was written to the customer display: see that it shows; it cannot answer itself", displayTrial))
}
