// The bar on top and the strips under it: what state the register, head office and the scanners are in,
// and, when something is wrong, the sentence that says what to do.

import { h } from './tree.js';
import { button, icon, refusal } from './parts.js';
import { clock, span } from './format.js';

/** More strips than this push the basket away; the rest waits behind a button. */
const STRIPS_MAX = 2;

export function bar(app) {
  const v = app.view;
  return h('header', { class: 'bar', key: 'bar' },
    h('img', { src: '/assets/mark.svg', alt: '', width: '34', height: '34' }),
    h('div', { class: 'place' },
      h('strong', { title: v.store }, v.store || v.org), h('span', {}, app.t('till', { n: v.till }))),
    h('div', { class: 'chips' }, registerChip(app, v), networkChip(app, v.network)),
    who(app, v),
    h('time', { class: 'clock' }, clock(app.now(), app.lang)),
    button(app, { label: app.lang === 'ru' ? 'EN' : 'RU', aria: app.t('language'), run: app.switchLanguage, key: 'Ctrl+L', cls: 'quiet lang', do: 'language' }));
}

/** Where a manager may confirm another fiscal storage. */
const ASK_STAGES = ['shift', 'sale', 'done', 'return'];

/** Where a look at one's day disturbs no question that waits for an answer. */
const DAY_STAGES = ['sale', 'done', 'return']; // the screen of the shift shows it anyway

/** who is signed in; pressed, it shows their day. */
function who(app, v) {
  const name = v.cashier && h('span', { class: 'cashier', title: v.cashier.name }, v.cashier.name);
  const shift = v.shift.open && h('span', { class: 'muted' }, app.t('shiftNo', { n: v.shift.no }));
  if (!v.kpi || !DAY_STAGES.includes(v.stage)) return h('div', { class: 'who', key: 'who' }, name, shift);
  return button(app, { id: 'who-day', aria: app.t('dayTitle'), key: 'Ctrl+K', hide: true, run: () => app.open('day'), cls: 'quiet who', do: 'day' },
    name, h('span', { class: 'muted' }, shift, ' ', h('kbd', { 'aria-hidden': 'true' }, 'Ctrl K')));
}

function chip(level, label, more) {
  return h('span', { class: 'chip ' + level }, h('i', { class: 'dot', 'aria-hidden': 'true' }),
    h('span', { class: 'chip-text' }, label, more && h('span', { class: 'chip-more' }, ' · ' + more)));
}

function registerChip(app, v) {
  const r = v.register;
  if (r.plain) return plainChip(app, v.printer);
  const unsent = r.unsent > 0 ? app.t('registerUnsent', { n: r.unsent }) : '';
  if (!r.online) return chip('error', app.t('registerOff'), unsent);
  const worst = r.conditions.find((c) => c !== 'printing');
  if (worst) return chip(r.text ? 'error' : 'warning', app.own('', worst), unsent);
  return chip('good', app.t('registerOk'), unsent);
}

/** plainChip: no register; what can stop is the printer alone. */
function plainChip(app, p) {
  if (!p) return chip('calm', app.t('registerNone'));
  if (!p.online) return chip('error', app.t('printerOff'));
  return p.text ? chip('warning', app.t('printerTrouble')) : chip('good', app.t('registerNone'), app.t('printerOk'));
}

function networkChip(app, n) {
  const unsent = n.unsent > 0 ? app.t('networkUnsent', { n: n.unsent }) : '';
  if (n.online) return chip('good', app.t('networkOk'), unsent);
  const label = n.since ? app.t('networkOff', { span: span(app.now() - n.since, app.lang) }) : app.t('networkOffNow');
  return chip('calm', label, unsent);
}

/** strips are the sentences under the bar, the gravest first. */
export function strips(app) {
  const all = gather(app);
  const shown = app.ui.all ? all : all.slice(0, STRIPS_MAX);
  const hidden = all.length - shown.length;
  const first = shown.find((s) => s.notice !== undefined);
  if (first) first.first = true; // the key dismisses this one, then the next takes its place
  return h('div', { class: 'strips', key: 'strips', role: 'region', 'aria-label': app.t('messages') },
    !app.dialog && refusal(app),
    shown.map((s, i) => strip(app, s, i === shown.length - 1 && rest(app, hidden, all.length))));
}

/** rest is the way to the strips that are not shown; it stands in the last one. */
function rest(app, hidden, count) {
  if (hidden === 0 && !(app.ui.all && count > STRIPS_MAX)) return null;
  return button(app, {
    cls: 'rest small', key: 'Ctrl+M', expanded: app.ui.all, run: () => app.mark({ all: !app.ui.all }), do: 'rest',
    label: app.ui.all ? app.t('fewerNotices') : app.t('moreNotices', { n: hidden }),
  });
}

function gather(app) {
  const v = app.view, list = [];
  const add = (id, level, words, more) => words && list.push({ id, level, words: app.say(words), ...more });
  add('held', 'held', v.held && v.held.text);
  if (v.register.swap) add('swap', 'error', v.register.swap.text, { swap: true });
  add('register', 'error', v.register.text, { resume: v.register.canResume });
  if (!v.register.text && v.register.canResume) list.push({ id: 'register', level: 'warning', words: app.own('', 'waits-for-resume'), resume: true });
  add('frozen', 'warning', v.frozen);
  add('shift', 'warning', v.shift.warn);
  if (v.printer) add('printer', 'warning', v.printer.text);
  for (const s of v.scanners) {
    if (!s.online) list.push({ id: 'scanner-' + s.name, level: 'warning', words: s.text ? app.say(s.text) : app.t('scannerOff', { name: s.name }) });
  }
  for (const n of v.notices) add('notice-' + n.id, n.level, n.text, { notice: n.id });
  if (!v.network.online) add('network', 'calm', v.network.text);
  const rank = { held: -1, error: 0, warning: 1, info: 2, calm: 3 };
  return list.sort((a, b) => rank[a.level] - rank[b.level]);
}

function strip(app, s, more) {
  return h('div', { class: 'strip ' + s.level, key: s.id, role: ['error', 'held'].includes(s.level) ? 'alert' : null },
    s.level === 'held' ? h('div', { class: 'pulse', 'aria-hidden': 'true' }) : icon(s.level === 'calm' || s.level === 'info' ? 'info' : s.level), h('p', {}, s.words),
    s.resume && button(app, { label: app.t('resume'), key: 'F5', run: () => app.act({ do: 'resume' }), cls: 'small strong', do: 'resume' }),
    s.swap && ASK_STAGES.includes(app.view.stage) && button(app, { label: app.t('swapDo'), key: 'Ctrl+U', run: () => app.open('swap', { pin: '' }), cls: 'small strong', do: 'swap' }),
    s.notice !== undefined && button(app, { label: app.t('dismiss'), run: () => app.act({ do: 'dismiss', notice: s.notice }), cls: 'small', do: 'dismiss', key: s.first ? 'Ctrl+D' : undefined }),
    more);
}

/** overlay covers the page while the till program is silent: nothing on it is true any more. */
export function overlay(app) {
  if (!app.down) return null;
  return h('dialog', {
    key: 'offline', class: 'dialog offline', role: 'alertdialog', 'aria-labelledby': 'offline-title', 'aria-describedby': 'offline-text',
    oncancel: (e) => e.preventDefault(), born: (el) => { el.showModal(); el.focus(); }, tabindex: '-1', 'data-dialog': 'offline',
  },
  h('div', { class: 'pulse', 'aria-hidden': 'true' }),
  h('h2', { id: 'offline-title' }, app.t('offlineTitle')),
  h('p', { id: 'offline-text' }, app.t('offlineText')),
  h('p', { class: 'muted' }, app.t('offlineWhat')),
  app.view && app.view.support && h('p', {}, app.t('support', { tel: app.view.support })),
  h('p', { class: 'muted', role: 'status' }, app.t('offlineTry')));
}
