// The page: one state, one drawing of it, one place where keys arrive. What is sold lives in the till;
// here is only what the cashier is typing, and where the light stands.

import { mount, h } from './tree.js';
import { Link } from './link.js';
import { AltCodes, Burst, charOf, damaged, GS, LENGTH_MIN, LENGTH_MIN_FIELD, PAUSE, SCANNER } from './wedge.js';
import { nameOf, forField } from './keys.js';
import { text, own } from './text.js';
import * as format from './format.js';
import { bar, strips, overlay } from './bar.js';
import { screens } from './screens.js';
import { dialogs } from './dialogs.js';

/** A scanner's Enter that comes after the pause has told the scan still presses nothing (milliseconds). */
const SUFFIX_LATE = 500;
const SLOW_CODE = /^\d{8,}$/;

const app = {
  view: null,
  link: null,
  down: false,
  lang: localStorage.getItem('kopilka.lang') || document.documentElement.lang || 'ru',
  error: null, // {ru, en}: the till's last refusal
  dialog: null, // {kind, …what is typed in it}
  ui: { line: 0, pin: '', all: false, explain: false },
  busy: 0,
  skew: 0,

  t: (key, blanks) => text(key, app.lang, blanks),
  own: (group, key) => own(group, key, app.lang),
  say: (pair) => (pair ? pair[app.lang] || pair.ru || pair.en : ''),
  money: (v) => format.money(v, app.lang),
  points: (v) => format.points(v, app.lang),
  qty: (v, weighed) => format.qty(v, app.lang, weighed) + '\u00a0' + app.t(weighed ? 'kg' : 'pcs'),
  doc: (name) => format.doc(name, app.lang),
  now: () => Date.now() + app.skew,

  /** bind gives a key its meaning for this drawing; who is drawn first keeps it. */
  bind: (key, run) => { if (!app.keys.has(key)) app.keys.set(key, run); },

  /** act sends a command; true when the till did it. A refusal is shown until acted on. */
  async act(command) {
    app.busy++;
    draw();
    const reply = await app.link.send(command);
    app.busy--;
    app.error = reply.ok ? null : reply.lost ? { ru: text('lost', 'ru'), en: text('lost', 'en') } : reply.error;
    draw();
    return reply.ok;
  },

  /** finish is act and, when done, close the dialog that asked for it; a second press while it runs does nothing. */
  async finish(command) {
    if (app.busy) return false;
    const asked = app.dialog;
    const done = await app.act(command);
    if (done && app.dialog === asked) app.leave();
    return done;
  },

  open(kind, draft) {
    app.error = null;
    if (!app.dialog) before = document.activeElement;
    app.dialog = { kind, ...draft };
    if (kind === 'pay') app.link.send({ do: 'paying', yes: true }); // whoever is named from here on is named late
    draw();
  },
  /** shut is how a person closes a dialog; leave is how it ends when its command is done. */
  shut() {
    if (app.dialog && app.dialog.kind === 'pay') app.link.send({ do: 'paying' });
    app.leave();
  },
  leave() {
    app.error = null;
    app.dialog = null;
    draw();
  },
  set(change) {
    Object.assign(app.dialog || app.ui, change);
    draw();
  },
  mark(change) {
    Object.assign(app.ui, change);
    draw();
  },
  forgive() {
    app.error = null;
    draw();
  },
  /** refuse is the page's own "no", in words that the till need not be asked for. */
  refuse(key, blanks) {
    app.error = { ru: text(key, 'ru', blanks), en: text(key, 'en', blanks) };
    draw();
  },
  switchLanguage() {
    app.lang = app.lang === 'ru' ? 'en' : 'ru';
    localStorage.setItem('kopilka.lang', app.lang);
    draw();
  },
};

let drawing = false;

/** draw once per frame, however many things have changed; at once where frames stand still (a hidden tab). */
function draw() {
  if (drawing) return;
  drawing = true;
  if (document.hidden) setTimeout(paint);
  else requestAnimationFrame(paint);
}

function paint() {
  drawing = false;
  document.documentElement.lang = app.lang;
  document.title = app.t('title');
  app.keys = new Map();
  app.dialogScan = null; // where a scan goes while a dialog is open
  const page = app.view ? whole() : [h('p', { class: 'loading', key: 'loading' }, app.t('loading')), overlay(app)];
  const onRow = document.activeElement.classList.contains('row');
  mount(document.getElementById('app'), page);
  refocus(onRow);
}

function whole() {
  const page = [bar(app), strips(app), screens(app)];
  const always = app.keys.get('F5');
  if (app.dialog) {
    app.keys = new Map(always ? [['F5', always]] : []);
    page.push(dialogs(app));
  }
  if (app.down) {
    app.keys = new Map();
    page.push(overlay(app));
  }
  return page;
}

let before = null; // who had the focus when the dialog opened

function refocus(onRow) {
  if (document.activeElement !== document.body || document.querySelector('dialog[open]')) return;
  const lit = onRow && document.querySelector('.lit .row'); // the row that had the focus was drawn anew
  const next = lit || before;
  before = null;
  if (next && next.isConnected) next.focus();
}

function take(view) {
  const old = app.view;
  app.view = view;
  format.setZone(view.zone);
  app.skew = view.now - Date.now();
  const stage = old && old.stage !== view.stage;
  if (stage) {
    app.dialog = null;
    app.ui.pin = '';
    app.ui.line = 0;
    app.ui.explain = false;
  }
  follow(old, view);
  draw();
}

/** follow moves the light to the line just added and keeps it inside the list. */
function follow(old, view) {
  const lines = view.basket.lines;
  const had = old ? old.basket.lines : [];
  if (view.stage === 'return') {
    app.ui.line = Math.min(app.ui.line, Math.max(0, view.return.lines.length - 1));
    return;
  }
  app.ui.line -= leftAbove(had, lines, app.ui.line);
  const changed = lines.findIndex((line, i) => i < had.length && line.sku === had[i].sku && line.qty > had[i].qty);
  if (lines.length > had.length || !old) app.ui.line = lines.length - 1;
  else if (lines.length === had.length && changed >= 0) app.ui.line = changed;
  app.ui.line = Math.max(0, Math.min(app.ui.line, lines.length - 1));
}

/** leftAbove is how many lines have left above the lit one: a refused piece, a gift. The light, and what its keys do,
 * stays with the goods that the cashier looks at. */
function leftAbove(had, lines, lit) {
  const gone = had.length - lines.length;
  const stays = gone > 0 && gone <= lit && had.slice(lit).every((line, i) => line.sku === lines[lit - gone + i].sku);
  return stays ? gone : 0;
}

const burst = new Burst();
const altCodes = new AltCodes();
let pausedAt = -Infinity; // when a scan was told by its pause
let fieldBefore = '';
let typedTimer = 0;
let pending = ''; // typed into no field, not yet known to be a person's

const isField = (el) => el && el.tagName === 'INPUT' && el.type !== 'radio' && el.type !== 'checkbox';

function onKey(e) {
  if (e.isComposing || !app.view) return;
  if (app.down) {
    if (e.key === 'Escape') e.preventDefault(); // a second Esc would close the cover by force
    return;
  }
  const el = document.activeElement;
  const inField = isField(el);
  const time = e.timeStamp;
  if ((e.key === 'Enter' || e.key === 'Tab') && scanEnded(e, el, inField)) return;
  if (altCodes.down(e)) {
    if (burst.touch(time) && inField) fieldBefore = el.value;
    clearTimeout(typedTimer);
    if (!inField) e.preventDefault();
    return;
  }
  const caps = Boolean(e.getModifierState && e.getModifierState('CapsLock'));
  const char = burst.separates(e, time) ? GS : charOf({ ctrlKey: e.ctrlKey, altKey: e.altKey, metaKey: e.metaKey, shiftKey: e.shiftKey, code: e.code, key: e.key, capsLock: caps });
  if (char !== null && e.key !== 'Enter') {
    typing(e, char, el, inField, { repeat: e.repeat, caps });
    return;
  }
  shortcut(e, el, inField);
}

/** onKeyUp ends an Alt code. */
function onKeyUp(e) {
  const char = altCodes.up(e);
  if (char === null || !app.view || app.down) return;
  const el = document.activeElement;
  typing(e, char, el, isField(el), {});
}

/** scanEnded takes an Enter or a Tab that closes a burst. */
function scanEnded(e, el, inField) {
  clearTimeout(typedTimer);
  const caps = burst.caps;
  const scanned = burst.enter(e.timeStamp, inField ? LENGTH_MIN_FIELD : LENGTH_MIN);
  const late = scanned === null && e.timeStamp - pausedAt <= SUFFIX_LATE;
  pausedAt = -Infinity;
  if (scanned === null && !late && e.key === 'Enter' && pending && !inField) {
    e.preventDefault();
    typed();
    return true;
  }
  if (scanned === null && !late) {
    if (e.key === 'Enter') pending = '';
    return false;
  }
  e.preventDefault();
  e.stopPropagation();
  if (scanned !== null) deliver(scanned, caps, el, inField);
  return true;
}

/** paused ends a burst that no key has ended: a scan of a scanner without a suffix, or what a person has typed. */
function paused(el, inField) {
  const caps = burst.caps;
  const scanned = burst.pause();
  if (scanned !== null && !app.down) {
    pausedAt = performance.now();
    deliver(scanned, caps, el, inField);
  } else if (!inField) typed();
}

/** deliver brings a scan where it belongs: into the dialog, or to the till. */
function deliver(scanned, caps, el, inField) {
  pending = '';
  if (damaged(scanned, caps)) {
    if (inField) giveBack(el);
    app.refuse('scanCaps');
    return;
  }
  if (inField && el.dataset.scan === 'take') app.dialogScan(scanned);
  else if (inField && el.dataset.scan === 'pass') {
    giveBack(el);
    app.dialogScan(scanned, el);
  }
  else if (inField) refuseScan(el);
  else if (app.dialog) app.dialogScan ? app.dialogScan(scanned) : refuseScan(null);
  else app.act({ do: 'scan', code: scanned, scanner: SCANNER });
}

/** giveBack returns to a field what it held before a scanner typed into it. */
function giveBack(el) {
  el.value = fieldBefore;
  el.dispatchEvent(new Event('input', { bubbles: true }));
}

/** refuseScan: a barcode is no sum of money. */
function refuseScan(el) {
  if (el) giveBack(el);
  app.refuse(app.dialog && app.dialog.kind === 'pay' ? 'scanWhilePaying' : 'scanNowhere');
}

function typing(e, char, el, inField, how) {
  const first = burst.add(char, e.timeStamp, how);
  clearTimeout(typedTimer);
  typedTimer = setTimeout(() => paused(el, inField), PAUSE);
  if (inField) {
    if (first) fieldBefore = el.value;
    if (char === GS) e.preventDefault();
    return;
  }
  if (e.key !== ' ' || burst.running(e.timeStamp)) e.preventDefault();
  pending += e.key.length === 1 ? e.key : '';
}

/** typed hands what a person typed into no field to the field that it is meant for. */
function typed() {
  const said = pending;
  pending = '';
  if (app.down || app.dialog || !said.trim()) return;
  const stage = app.view.stage;
  if (stage === 'sign-in') { // before the codes: a PIN may be as long as one, and no scan is taken before it
    app.mark({ pin: (app.ui.pin + said.replace(/\D/g, '')).slice(0, 12) });
    return;
  }
  if (SLOW_CODE.test(said)) { // a scanner on a slow radio link, or a person who copies digits: to the till they were typed
    app.act({ do: 'scan', code: said });
    return;
  }
  if (stage === 'sale' || stage === 'done' || (stage === 'return' && app.view.return.foreign)) app.open('search', { query: said, at: 0, found: null });
}

function shortcut(e, el, inField) {
  const name = nameOf(e);
  const run = app.keys.get(name);
  if (inField && forField(name)) return;
  const itself = name === 'Enter' && el && (el.tagName === 'BUTTON' || el.tagName === 'SUMMARY'); // it presses itself
  if (!run && !itself) return;
  const held = e.repeat && !/Arrow|Page/.test(name); // once is enough: Delete would empty the basket, Enter pass over the change
  if (itself && !held) return;
  e.preventDefault();
  if (held) return;
  run();
}

document.addEventListener('keydown', onKey, true);
document.addEventListener('keyup', onKeyUp, true);
setInterval(draw, 15000); // clocks and ages
app.link = new Link(`ws://${location.host}/socket`, {
  view: take,
  up: () => {
    if (!app.down) return;
    app.down = false;
    if (app.dialog && app.dialog.kind === 'pay') app.link.send({ do: 'paying', yes: true }); // the till may have been started anew
    draw();
  },
  down: () => { app.down = true; draw(); },
});
app.keys = new Map();
draw();
