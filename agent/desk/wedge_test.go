package desk_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
)

// gs is the separator inside marking codes.
const gs = "\u001d"

// marking is a code of marked goods, GS included; its letters are of both cases.
const marking = "010460123456789321ABCdef1234567" + gs + "91ABCD" + gs + "92abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR="

// What is a scan and what a person, by the times between keys.
func TestWedgeTellsScannersFromPeople(t *testing.T) {
	p := small(t, selling())
	cases := []struct{ name, js, want string }{
		{"scanner and Enter", `typed('46070012', 5).enter(now + 5, 4)`, "46070012"},
		{"slow scanner, long code", `typed('4607001234567', 55).enter(now + 55, 4)`, "4607001234567"},
		{"short and not quick enough", `typed('4607', 50).enter(now + 50, 4)`, "null"},
		{"short and quick", `typed('4607', 30).enter(now + 30, 4)`, "4607"},
		{"too short", `typed('460', 5).enter(now + 5, 4)`, "null"},
		{"Enter came late", `typed('4607001234567', 5).enter(now + 100, 4)`, "null"},
		{"a person", `typed('4607001234567', 90).enter(now + 90, 4)`, "null"},
		{"a person, then a scanner", `more(typed('99', 120), '46070012', 5, 200).enter(now + 5, 4)`, "46070012"},
		{"a key held down", `held('0', 30, 12).enter(now + 30, 4)`, "null"},
		{"no suffix", `typed('4607001234567', 10).pause()`, "4607001234567"},
		{"no suffix, too short to be sure", `typed('4607', 10).pause()`, "null"},
		{"no suffix, too slow to be sure", `typed('4607001234567', 50).pause()`, "null"},
		{"F8 inside a marking code", `typed('010460123456789321ABC', 5).separates({ code: 'F8' }, now + 5)`, "true"},
		{"F8 of a person", `typed('46', 5).separates({ code: 'F8' }, now + 5)`, "false"},
		{"F8 after a pause", `typed('010460123456789321ABC', 5).separates({ code: 'F8' }, now + 100)`, "false"},
		{"GS as an Alt code", `alt('029')`, gs},
		{"a digit as an Alt code", `alt('0052')`, "4"},
		{"an Alt code that is no character", `alt('007')`, "null"},
		{"Alt let go after nothing", `new w.AltCodes().up({ key: 'Alt' })`, "null"},
		{"a digit without Alt", `new w.AltCodes().down({ code: 'Numpad1' })`, "false"},
		{"Caps Lock and a marking code", `w.damaged('010460123456789321ABC', true)`, "true"},
		{"Caps Lock and a price", `w.damaged('4607001234567', true)`, "false"},
		{"a marking code", `w.damaged('010460123456789321ABC', false)`, "false"},
		{"Caps Lock counts with letters only", `typed('4607', 5, { caps: true }).caps + ' ' + typed('46a7', 5, { caps: true }).caps`, "false true"},
		{"Russian layout, by the key's place", `[...'ф.Ъ'].map((c, i) => w.charOf({ key: c, code: ['KeyA', 'Slash', 'BracketRight'][i], shiftKey: i === 2 })).join('')`, "a/}"},
		{"no place known: the letter as it came", `w.charOf({ key: 'ф', code: '' })`, "ф"},
	}
	const load = `(async () => {
		const w = await import('/assets/wedge.js');
		let now = 1000;
		const more = (b, text, gap, pause) => { now += pause - gap; for (const c of text) b.add(c, now += gap); return b; };
		const typed = (text, gap, how) => { const b = new w.Burst(); for (const c of text) b.add(c, now += gap, how); return b; };
		const held = (char, gap, n) => { const b = new w.Burst(); for (let i = 0; i < n; i++) b.add(char, now += gap, { repeat: i > 0 }); return b; };
		const alt = (digits) => { const a = new w.AltCodes(); for (const d of digits) a.down({ altKey: true, code: 'Numpad' + d }); return a.up({ key: 'Alt' }); };
		return String(%s);
	})()`
	for _, c := range cases {
		require.Equal(t, c.want, eval[string](p, fmt.Sprintf(load, c.js)), c.name)
	}
}

// keys fires the events of a keyboard scanner, each 5 ms after the last by their own times.
func (p *page) keys(events ...map[string]any) {
	p.Helper()
	quoted, err := json.Marshal(events)
	require.NoError(p, err)
	eval[bool](p, fmt.Sprintf(`(() => {
		let time = performance.now();
		for (const { up, caps, ...init } of %s) {
			const el = document.activeElement;
			const e = new KeyboardEvent(up ? 'keyup' : 'keydown', { bubbles: true, cancelable: true, modifierCapsLock: caps, ...init });
			Object.defineProperty(e, 'timeStamp', { value: time += 5 });
			const go = el.dispatchEvent(e);
			if (go && !up && !init.ctrlKey && !init.altKey && init.key.length === 1 && el.tagName === 'INPUT') { el.value += init.key; el.dispatchEvent(new Event('input', { bubbles: true })); }
		}
		return true;
	})()`, quoted))
}

// key is one key by its place.
func key(c rune) map[string]any {
	switch {
	case c >= '0' && c <= '9':
		return map[string]any{"key": string(c), "code": "Digit" + string(c)}
	case c >= 'A' && c <= 'Z':
		return map[string]any{"key": string(c), "code": "Key" + string(c), "shiftKey": true}
	case c >= 'a' && c <= 'z':
		return map[string]any{"key": string(c), "code": "Key" + string(c-'a'+'A')}
	}
	return map[string]any{"key": "=", "code": "Equal"}
}

func enter() map[string]any { return map[string]any{"key": "Enter", "code": "Enter"} }

// typing is a code as keys; separator stands for GS.
func typing(code string, separator ...map[string]any) (events []map[string]any) {
	for _, c := range code {
		if string(c) == gs {
			events = append(events, separator...)
		} else {
			events = append(events, key(c))
		}
	}
	return events
}

// However a scanner writes GS, the till gets it; and the function key that it may use for that does nothing.
func TestWedgeKeepsTheSeparator(t *testing.T) {
	p := small(t, selling())
	alt := map[string]any{"key": "Alt", "code": "AltLeft", "altKey": true}
	digit := func(n string) map[string]any {
		return map[string]any{"key": n, "code": "Numpad" + n, "altKey": true}
	}
	for name, separator := range map[string][]map[string]any{
		"Ctrl+]":               {{"key": "Control", "code": "ControlLeft", "ctrlKey": true}, {"key": "]", "code": "BracketRight", "ctrlKey": true}},
		"Ctrl+] in Russian":    {{"key": "ъ", "code": "BracketRight", "ctrlKey": true}},
		"F8":                   {{"key": "F8", "code": "F8"}},
		"Alt and 029 on a pad": {alt, digit("0"), digit("2"), digit("9"), {"key": "Alt", "code": "AltLeft", "up": true}},
	} {
		p.keys(append(typing(marking, separator...), enter())...)
		require.Equal(t, agent.Command{Do: "scan", Code: marking, Scanner: agent.ScannerWedge}, p.asked(), name)
		p.settle()
		require.False(t, eval[bool](p, `Boolean(document.querySelector('dialog'))`), name)
	}
	p.silent()
}

// A scanner may end with Tab or with nothing; the Enter that comes late all the same presses nothing.
func TestWedgeWithoutEnter(t *testing.T) {
	p := small(t, selling())
	want := agent.Command{Do: "scan", Code: "4607001234567", Scanner: agent.ScannerWedge}
	eval[bool](p, `(document.querySelector('[data-do=cash]').focus(), true)`)
	p.keys(append(typing("4607001234567"), map[string]any{"key": "Tab", "code": "Tab"})...)
	require.Equal(t, want, p.asked())
	require.Equal(t, "cash", eval[string](p, `document.activeElement.dataset.do`), "Tab has moved nothing")
	p.keys(typing("4607001234567")...)
	require.Equal(t, want, p.asked(), "told by the pause")
	p.keys(enter())
	p.settle()
	p.silent()
	p.press("F9", "5", "0")
	p.keys(typing("4607001234567")...)
	p.see("dialog .strip.error")
	require.Equal(t, "50", eval[string](p, `document.querySelector('#f-given').value`), "a barcode is no sum, ended or not")
	p.silent()
}

// Letters of a marking code that Caps Lock may have turned round are refused with a sentence.
func TestWedgeUnderCapsLock(t *testing.T) {
	p := small(t, selling())
	events := append(typing(marking, map[string]any{"key": "]", "code": "BracketRight", "ctrlKey": true}), enter())
	for _, e := range events {
		e["caps"] = true
	}
	p.keys(events...)
	p.see(".strip.error")
	require.Contains(t, p.text(".strip.error"), "Caps Lock")
	p.silent()
}

// What a person types into the search and sends is typed to the till, however much it looks like a code.
func TestWhatAPersonTypesIsNoScan(t *testing.T) {
	p := small(t, selling())
	p.press("F2", "2", "9", "0", "0", "0", "1", "2", "3", "4", "5", "6", "7", "8", "Enter")
	require.Equal(t, agent.Command{Do: "scan", Code: "2900012345678"}, p.asked())
}
