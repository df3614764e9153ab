// Who buys: the panel beside the basket, and the questions that lead to it (who it is, taking in a new one).

import { h } from './tree.js';
import { SCANNER } from './wedge.js';
import { button, dialog, field, icon, keypad, ways } from './parts.js';

/** A card with more stamps than this is a number: dots would not be counted at a glance. */
const DOTS_MAX = 12;
const HUNDREDTHS = 100;

export function customerPanel(app, b) {
  const c = b.customer;
  if (!c) return nobody(app, b);
  return h('section', { class: 'customer' + (c.blocked ? ' blocked' : ''), 'aria-label': app.t('customer'), key: 'customer' },
    h('div', { class: 'person' },
      h('div', { class: 'names' }, h('strong', { title: c.name }, c.name), app.say(c.tier) && h('span', { class: 'tag' }, app.say(c.tier))),
      button(app, { aria: app.t('customerDrop'), key: 'Ctrl+Backspace', hide: true, run: () => app.act({ do: 'drop-customer' }), cls: 'quiet drop', do: 'drop-customer' }, icon('cross'),
        h('kbd', { 'aria-hidden': 'true' }, 'Ctrl ⌫'))),
    h('div', { class: 'balances' },
      h('p', {}, h('b', {}, app.points(c.balance)), h('span', {}, app.t('balance'))),
      h('p', {}, h('b', {}, app.points(c.spendable)), h('span', {}, app.t('spendable'))),
      c.debt > 0 && h('p', { class: 'owed' }, h('b', {}, app.points(c.debt)), h('span', {}, app.t('debt')))),
    c.blocked && h('p', { class: 'stop' }, app.t('blocked')),
    c.asking && h('p', { class: 'asking', role: 'status' }, app.t('asking')),
    h('p', { class: 'age' }, app.say(c.text)),
    facts(app, b), purseShort(app, b.purses || []));
}

function nobody(app, b) {
  return [
    button(app, { id: 'nobody', label: app.t('customerAdd'), sub: app.t('customerNone'), key: 'F3', run: askCustomer(app), cls: 'customer none', do: 'customer' }, icon('person')),
    b.house && h('p', { class: 'house', key: 'house' }, app.t('house')),
  ];
}

/** factsOf are the sentences about a customer that are true now: the next tier, what expires, what is on its way. */
export function factsOf(app, b) {
  const c = b.customer;
  return [['up', c.progress], ['clock', c.expiring], ['plus', c.pending]].filter(([, words]) => words).map(([sign, words]) => [sign, app.say(words)]);
}

function facts(app, b) {
  const said = factsOf(app, b);
  if (!said.length) return null;
  return h('ul', { class: 'facts' }, said.map(([sign, words]) => h('li', { title: words }, icon(sign), h('span', {}, words))));
}

/** purseShort is the purse that a cashier is asked about most, a stamp card before others; all are among the offers. */
function purseShort(app, purses) {
  const p = purses.find((one) => one.kind === 'stamps') || purses[0];
  return p && h('p', { class: 'purse-short' }, h('span', { class: 'purse-name', title: app.say(p.name) }, app.say(p.name)), holding(app, p));
}

/** holding is what a purse holds: a stamp card as its dots, all else as a number. */
export function holding(app, p) {
  const have = Math.floor(p.balance / HUNDREDTHS);
  if (p.kind !== 'stamps' || !p.of || p.of > DOTS_MAX || have > p.of) return h('b', { class: 'purse-sum' }, app.points(p.balance));
  return h('span', { class: 'dots', role: 'img', 'aria-label': app.t('stampsOf', { have, of: p.of }) },
    Array.from({ length: p.of }, (_, i) => h('i', { class: i < have ? 'full' : '' })));
}

export const askCustomer = (app) => () => app.open('customer', { how: 'phone', text: '' });

/** customerDialog finds who is known; who is not can be taken in from here. */
export function customerDialog(app, d) {
  const phone = d.how === 'phone';
  const go = () => app.finish(phone ? { do: 'customer', phone: d.text.trim() } : { do: 'customer', code: d.text.trim() });
  const typed = { phone: phone ? d.text.trim() : '', card: phone ? '' : d.text.trim() };
  app.dialogScan = (code) => app.finish({ do: 'customer', code, scanner: SCANNER });
  return dialog(app, { id: 'customer', title: app.t('customerTitle'), shut: app.shut },
    h('p', { class: 'muted' }, app.t('customerText')),
    ways(app, d.how, [['phone', app.t('customerPhone'), 'F3'], ['code', app.t('customerCode'), 'F4']], (how) => app.set({ how }), app.t('customerTitle')),
    field(app, { id: 'customer', label: app.t(phone ? 'customerPhone' : 'customerCode'), value: d.text, mode: 'none', autofocus: true, scan: 'take', cls: 'large', input: (text) => app.set({ text }) }),
    keypad(app, { get: () => d.text, set: (text) => app.set({ text }), last: '+', max: 24 }),
    h('div', { class: 'pair' },
      app.view.enrol && button(app, { label: app.t('enrol'), key: 'F6', run: () => openEnrol(app, typed), cls: 'wide', disabled: app.busy, do: 'enrol' }),
      button(app, { label: app.t('customerFind'), key: 'Enter', run: go, cls: 'primary wide', disabled: !d.text.trim() || app.busy, do: 'find-customer' })));
}

function openEnrol(app, typed) {
  app.open('enrol', { phone: '', card: '', name: '', code: '', yes: {}, on: typed.card ? 'card' : 'phone', ...typed });
}

/** Keys of the first consents; a programme with more than these is answered with a finger or Tab. */
const CONSENT_KEYS = ['F7', 'F8', 'F9', 'F10'];

/** enrolDialog takes in a customer: a phone or a card, and a yes of their own to each text. */
export function enrolDialog(app, d) {
  const asked = app.view.enrol ? app.view.enrol.consents || [] : [];
  const lack = lackOf(app, d, asked);
  const go = () => !lack && app.finish(enrolment(d, asked));
  app.dialogScan = (code, el) => app.set(el && el.id === 'f-code' ? { code } : { card: code, on: 'card' });
  return dialog(app, { id: 'enrol', title: app.t('enrolTitle'), cls: 'enrol-dialog', shut: app.shut },
    h('div', { class: 'enrol-halves' },
      h('div', { class: 'enrol-who' }, enrolFields(app, d),
        keypad(app, { get: () => d[d.on], set: (text) => app.set({ [d.on]: text }), last: '+', max: 24 })),
      h('div', { class: 'consents' }, asked.map((c, i) => consent(app, d, c, i)))),
    h('div', { class: 'enrol-end' },
      h('p', { class: 'lack', role: 'status' }, lack),
      button(app, { label: app.t('enrolDo'), key: 'Enter', run: go, cls: 'primary wide', disabled: Boolean(lack) || app.busy, do: 'enrol-do' })));
}

function enrolFields(app, d) {
  const one = (id, key, more) => field(app, {
    id, key, label: app.t('enrol-' + id), value: d[id], scan: 'pass', input: (text) => app.set({ [id]: text }), focus: () => d.on !== id && app.set({ on: id }), ...more,
  });
  const figure = { mode: 'none', max: 24 };
  return h('div', { class: 'enrol-fields' },
    one('phone', 'F2', { ...figure, autofocus: d.on === 'phone' }),
    one('card', 'F3', { ...figure, autofocus: d.on === 'card', placeholder: app.t('enrolScan') }),
    one('name', 'F4', { placeholder: app.t('contactHint') }),
    one('code', 'F6', { placeholder: app.t('contactHint') }));
}

const consentId = (c) => c.kind + '-' + c.version;

/** consentName: a programme newer than this page may ask for a kind that has no name here. */
function consentName(app, c) {
  const name = app.own('consentKind', String(c.kind));
  return name === String(c.kind) ? app.t('consentOther', { n: c.kind }) : name;
}

function consent(app, d, c, i) {
  const id = consentId(c);
  const yes = Boolean(d.yes[id]);
  const name = consentName(app, c);
  return h('section', { class: 'consent' + (yes ? ' given' : ''), key: id, 'aria-label': name },
    h('header', {}, h('h3', {}, name), h('span', { class: c.required ? 'tag must' : 'tag' }, app.t(c.required ? 'consentRequired' : 'consentOptional')),
      h('span', { class: 'muted' }, app.t('consentVersion', { n: c.version }))),
    h('div', { class: 'consent-text', tabindex: '0', role: 'region', 'aria-label': app.t('consentText', { name }) }, h('p', {}, app.say(c.text))),
    button(app, {
      label: app.t(yes ? 'consentGiven' : 'consentAsk'), key: CONSENT_KEYS[i], pressed: yes, cls: 'wide yes', do: 'consent-' + c.kind,
      run: () => app.set({ yes: { ...d.yes, [id]: !yes } }),
    }, icon(yes ? 'tick' : 'box')));
}

/** lackOf says what is still missing, or nothing. */
function lackOf(app, d, asked) {
  if (!d.phone.trim() && !d.card.trim()) return app.t('enrolLackKey');
  const open = asked.find((c) => c.required && !d.yes[consentId(c)]);
  return open ? app.t('enrolLackYes', { name: consentName(app, open) }) : '';
}

function enrolment(d, asked) {
  const said = (text) => text.trim() || undefined;
  return {
    do: 'enrol', phone: said(d.phone), card: said(d.card), name: said(d.name), code: said(d.code),
    consents: asked.map((c) => ({ kind: c.kind, version: c.version, given: Boolean(d.yes[consentId(c)]) })),
  };
}
