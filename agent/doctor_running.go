package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
