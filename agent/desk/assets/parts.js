// The pieces that screens and dialogs are made of. A button that names its key also answers to it: the
// hint on the glass and the key under the finger cannot part.

import { h } from './tree.js';
import { hint } from './keys.js';
import { parse } from './format.js';

/** stay keeps the focus where it is when a finger or mouse presses a button. */
const stay = (e) => e.preventDefault();

/** button: {key, label, sub, run, cls, disabled, aria, pressed, expanded, hide}; `aria` is said to who cannot see. */
export function button(app, o, ...kids) {
  if (o.key && !o.disabled) app.bind(o.key, o.run);
  return h('button', {
    key: o.id, type: 'button', class: 'button ' + (o.cls || ''), disabled: Boolean(o.disabled),
    onclick: o.run, onmousedown: stay, 'aria-keyshortcuts': o.key ? shortcutOf(o.key) : null, 'aria-pressed': o.pressed === undefined ? null : String(o.pressed),
    'aria-expanded': o.expanded === undefined ? null : String(o.expanded),
    tabindex: o.tabindex, born: o.born, 'data-do': o.do,
  },
  o.label && h('span', { class: 'label' }, o.label, o.sub && h('span', { class: 'sub' }, o.sub)),
  o.aria && h('span', { class: 'away' }, o.aria),
  kids, o.key && !o.hide && h('kbd', { 'aria-hidden': 'true' }, hint(o.key, app.lang)));
}

const shortcutOf = (key) => key.replace('Ctrl+', 'Control+');

/** field: {id, label, key, value, input, type, mode, cls, autofocus, scan} — what a scanner types in it is taken by the
 * dialog (`take`), taken by the dialog while the field keeps what it held (`pass`), or refused. */
export function field(app, o) {
  const id = 'f-' + o.id;
  if (o.key) app.bind(o.key, () => document.getElementById(id).focus());
  return h('div', { class: 'field ' + (o.cls || ''), key: o.id },
    h('label', { for: id }, o.label, o.key && h('kbd', { 'aria-hidden': 'true' }, hint(o.key, app.lang))),
    h('input', {
      id, type: o.type || 'text', inputmode: o.mode || 'text', value: o.value, autocomplete: o.type === 'password' ? 'one-time-code' : 'off',
      spellcheck: 'false', 'aria-keyshortcuts': o.key, autocapitalize: 'off', placeholder: o.placeholder, maxlength: o.max || 100, autofocus: o.autofocus, 'data-scan': o.scan || 'refuse',
      oninput: (e) => o.input(e.target.value), onfocus: o.focus,
      'aria-controls': o.controls, 'aria-activedescendant': o.active, role: o.role, 'aria-expanded': o.role ? 'true' : null,
      born: (el) => { if (o.autofocus) light(el); },
    }));
}

/** keypad types into whatever `get` and `set` hold; `last` is the key left of zero (a comma, or nothing). */
export function keypad(app, { get, set, last, max }) {
  const type = (char) => () => set((get() + char).slice(0, max || 12));
  const cap = (label, run, aria) => h('button', {
    type: 'button', class: 'cap', onclick: run, onmousedown: stay, tabindex: '-1',
  }, label, aria && h('span', { class: 'away' }, aria));
  return h('div', { class: 'keypad', role: 'group', 'aria-label': app.t('keypad') },
    [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => cap(String(n), type(String(n)))),
    last ? cap(last, type(last)) : cap('C', () => set(''), app.t('clear')),
    cap('0', type('0')),
    cap('⌫', () => set(get().slice(0, -1)), app.t('backspace')));
}

/** dialog: {title, cls, shut, alert} — the native element keeps the focus inside. */
export function dialog(app, o, ...kids) {
  if (!o.firm) app.bind('Escape', o.shut);
  return h('dialog', {
    key: 'dialog-' + o.id, class: 'dialog ' + (o.cls || ''), 'aria-labelledby': 'title-' + o.id, role: o.alert ? 'alertdialog' : null,
    'data-dialog': o.id, oncancel: (e) => e.preventDefault(), born: (el) => open(app, el), tabindex: '-1',
  },
  h('header', { class: 'dialog-head' },
    h('h2', { id: 'title-' + o.id }, o.title),
    !o.firm && button(app, { label: app.t('back'), key: 'Escape', run: o.shut, cls: 'quiet', do: 'shut' })),
  !o.firm && refusal(app),
  kids);
}

/** amountDialog asks for one figure: {id, title, label, places, whole, above, below, command(value), go(value)}. */
export function amountDialog(app, d, o) {
  const value = parse(d.text, o.places);
  const go = () => value !== null && value > 0 && app.finish(o.command(value));
  const input = (text) => app.set({ text, own: true }); // until then the keypad, like a key, types over what stood there
  return dialog(app, { id: o.id, title: o.title, shut: app.shut },
    o.above,
    field(app, { id: 'amount', label: o.label, value: d.text, mode: 'none', autofocus: true, cls: 'large', max: 12, input }),
    o.below,
    keypad(app, { get: () => (d.own ? d.text : ''), set: input, last: o.whole ? '' : app.lang === 'en' ? '.' : ',' }),
    button(app, { label: o.go(value), key: 'Enter', run: go, cls: 'primary wide', disabled: !value || app.busy, do: 'confirm' }));
}

function open(app, el) {
  el.showModal();
  const first = el.querySelector('[autofocus]') || el.querySelector('.primary:not(:disabled), .tile:not(:disabled)');
  if (first) light(first);
  else el.focus(); // the browser would take the way back, and Enter would leave what waits only for the till's answer
}

/** light focuses; what stands in a figure's field is there to be typed over, a code or a name goes on at its end. */
function light(el) {
  el.focus();
  if (el.dataset.scan !== 'refuse') el.setSelectionRange(el.value.length, el.value.length);
  else if (el.select) el.select();
}

/** refusal is the till's last "no", until the cashier has acted on it. */
export function refusal(app) {
  if (!app.error) return null;
  return h('div', { class: 'strip error', role: 'alert', key: 'refusal' }, icon('error'),
    h('p', {}, app.say(app.error)),
    button(app, { label: app.t('dismissError'), run: () => app.forgive(), cls: 'small', do: 'forgive', key: app.dialog ? undefined : 'Escape' }));
}

/** figures is a list of names and sums. */
export function figures(rows) {
  return h('dl', { class: 'figures' }, rows.filter(Boolean).map(([name, value, cls]) =>
    h('div', { class: cls || '' }, h('dt', {}, name), h('dd', {}, value))));
}

/** ways is a row of choices, one of them pressed: [[value, label, key]]. */
export function ways(app, now, list, choose, label) {
  return h('div', { class: 'ways', role: 'group', 'aria-label': label }, list.map(([value, name, key]) =>
    button(app, { id: value, label: name, key, pressed: now === value, run: () => choose(value), do: 'way-' + value })));
}

const ICONS = {
  error: 'M12 3 22 20H2zM12 9v5M12 16.8v.4',
  warning: 'M12 3 22 20H2zM12 9v5M12 16.8v.4',
  info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v5M12 7.8v.4',
  barcode: 'M3 5v14M6.5 5v14M9 5v14M13 5v14M15 5v14M18.5 5v14M21 5v14',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4 21c1-5 4-6.5 8-6.5s7 1.5 8 6.5',
  cross: 'M6 6l12 12M18 6 6 18',
  up: 'M4 19 10 12l4 3 6-9M15 6h5v5',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3.5 2',
  plus: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 8v8M8 12h8',
  gift: 'M4 11h16v9H4zM3 7.5h18V11H3zM12 7.5V20M12 7.5C9 7.5 7.5 6 8 4.7 8.8 3 12 4 12 7.5c0-3.5 3.2-4.5 4-2.8.5 1.3-1 2.8-4 2.8',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3M12 14.5v2',
  tick: 'M4 4h16v16H4zM8 12.5l3 3 5.5-6.5',
  box: 'M4 4h16v16H4z',
};

export function icon(name) {
  return h('svg', { viewBox: '0 0 24 24', class: 'icon icon-' + name, 'aria-hidden': 'true' }, h('path', { d: ICONS[name] }));
}
