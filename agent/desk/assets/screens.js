// One screen for each stage of the till; selling and returning have files of their own.

import { h } from './tree.js';
import { button, field, keypad, icon, figures } from './parts.js';
import { moment } from './format.js';
import { saleScreen } from './sale.js';
import { returnScreen } from './return.js';
import { dayTiles } from './day.js';
import { saving } from './offers.js';
import { holding } from './customer.js';

const SCREENS = {
  'sign-in': signIn,
  shift,
  sale: saleScreen,
  adult,
  printing,
  done,
  return: returnScreen,
  unknown,
};

export function screens(app) {
  const stage = app.view.stage;
  const screen = SCREENS[stage];
  return h('main', { key: 'main-' + stage, class: 'main stage-' + stage, 'data-stage': stage },
    screen ? screen(app) : h('p', { class: 'loading' }, stage));
}

function card(title, ...kids) {
  return h('section', { class: 'card' }, h('h1', {}, title), kids);
}

const pinOf = (app) => ({
  get: () => app.ui.pin,
  set: (pin) => app.mark({ pin: pin.replace(/\D/g, '') }),
  max: 12,
});

function pinField(app, label) {
  return field(app, {
    id: 'pin', label, type: 'password', mode: 'none', value: app.ui.pin, max: 12, autofocus: true, cls: 'pin',
    input: (v) => app.mark({ pin: v.replace(/\D/g, '') }),
  });
}

/** usePin sends a command with the PIN and forgets the PIN whatever the answer. */
async function usePin(app, command) {
  if (!app.ui.pin || app.busy) return;
  const pin = app.ui.pin;
  app.mark({ pin: '' });
  await app.act({ ...command, pin });
}

function signIn(app) {
  const go = () => usePin(app, { do: 'sign-in' });
  return card(app.t('signTitle'),
    pinField(app, app.t('signText')),
    keypad(app, pinOf(app)),
    button(app, { label: app.t('signIn'), key: 'Enter', run: go, cls: 'primary wide', disabled: !app.ui.pin || app.busy, do: 'sign-in' }));
}

export function shiftFigures(app) {
  const s = app.view.shift;
  return figures([
    [app.t('shiftSales'), s.sales], [app.t('shiftReturns'), s.returns], [app.t('shiftSold'), app.money(s.sold)],
    [app.t('shiftCard'), app.money(s.card)], s.advance && [app.t('shiftAdvance'), app.money(s.advance)], [app.t('shiftCash'), app.money(s.cash), 'main-sum'],
  ]);
}

function shift(app) {
  const out = button(app, { label: app.t('signOut'), key: 'Escape', run: () => app.act({ do: 'sign-out' }), cls: 'quiet wide', do: 'sign-out' });
  const more = button(app, { label: app.t('more'), key: 'F1', run: () => app.open('menu'), cls: 'quiet wide', do: 'more' });
  const day = app.view.kpi && [h('h2', {}, app.t('dayTitle')), dayTiles(app, app.view.kpi)];
  const s = app.view.shift;
  if (s.open || s.expired || s.strange) {
    const strange = !s.open && !s.expired;
    return card(app.t(strange ? 'shiftStrange' : 'shiftExpired'), h('p', {}, app.t(strange ? 'shiftStrangeText' : 'shiftExpiredText')), s.open && shiftFigures(app), day,
      button(app, { label: app.t('shiftClose'), key: 'Enter', run: () => app.finish({ do: 'close-shift' }), cls: 'primary wide', disabled: app.busy, do: 'close-shift' }), h('div', { class: 'pair' }, more, out));
  }
  return card(app.t('shiftTitle'), h('p', {}, app.t(app.view.register.plain ? 'shiftTextPlain' : 'shiftText')), day,
    button(app, { label: app.t('shiftOpen'), key: 'Enter', run: () => app.finish({ do: 'open-shift' }), cls: 'primary wide', disabled: app.busy, do: 'open-shift' }), h('div', { class: 'pair' }, more, out));
}

// Enter must not answer here: the scan that asked the question may still be sending its own.
function adult(app) {
  const answer = (yes) => () => app.finish({ do: 'adult', yes });
  return card(app.t('adultTitle'),
    h('p', { class: 'product' }, app.view.basket.adult || ''),
    h('p', {}, app.t('adultText')),
    h('div', { class: 'pair' },
      button(app, { label: app.t('adultNo'), key: 'Escape', run: answer(false), cls: 'big', disabled: app.busy, do: 'adult-no' }),
      button(app, { label: app.t('adultYes'), key: 'F9', run: answer(true), cls: 'primary big', disabled: app.busy, do: 'adult-yes' })));
}

function printing(app) {
  const v = app.view;
  const total = v.return ? v.return.total : v.basket.total;
  return h('section', { class: 'card hush', role: 'status' },
    h('div', { class: 'paper', 'aria-hidden': 'true' }, h('i', {}), h('i', {}), h('i', {}), h('i', {})),
    h('h1', {}, app.t('printTitle')),
    total > 0 && h('p', { class: 'sum' }, app.money(total)),
    h('p', { class: 'muted' }, app.t('printText')));
}

function done(app) {
  const d = app.view.done;
  if (!d) return null;
  const back = d.kind === 'return';
  return h('section', { class: 'card done' },
    h('p', { class: 'muted' }, app.t({ return: 'doneReturn', correction: 'doneCorrection' }[d.kind] || 'doneTitle', { n: d.no }), d.doc && ' · ' + app.doc(d.doc)),
    changeOf(app, d, back),
    d.text && h('div', { class: 'strip warning', role: 'alert' }, icon('warning'), h('p', {}, app.say(d.text))),
    doneFigures(app, d, back),
    h('div', { class: 'pair' },
      button(app, { label: app.t('more'), key: 'F1', run: () => app.open('menu'), cls: 'big', do: 'more' }),
      button(app, { label: app.t('copy'), key: 'F8', run: () => app.finish({ do: 'copy', id: d.id }), cls: 'big', disabled: app.busy, do: 'copy' }),
      button(app, { label: app.t('next'), key: 'Enter', run: () => app.finish({ do: 'next' }), cls: 'primary big', disabled: app.busy, do: 'next' })),
    h('p', { class: 'muted' }, app.t('doneScan')));
}

/** Names of promotions, certificates and purses on the done screen; it is read in a second. */
const DONE_ROWS_MAX = 3;

/** doneFigures: money beside points, so that a full receipt still fits under the change. */
function doneFigures(app, d, back) {
  const few = (list, row) => (list || []).slice(0, DONE_ROWS_MAX).map(row);
  const money = [
    !back && [app.t('doneTotal'), app.money(d.total)],
    !back && d.given > 0 && [app.t('doneGiven'), app.money(d.given)],
    back && d.advance > 0 && [app.t('doneTotalBack'), app.money(d.total)],
    back && d.advance > 0 && [app.t('certificatePart'), app.money(d.advance)],
    ...few(d.applied, (a) => [app.say(a.name), saving(app, a), 'part']),
    ...few(d.certificates, (c) => [app.t('doneRest', { name: c.name }), app.money(c.balance), 'part']),
  ].filter(Boolean);
  const points = [
    d.earned !== 0 && [app.t(back ? 'doneClawed' : 'doneEarned'), app.points(Math.abs(d.earned))],
    d.redeemed !== 0 && [app.t(back ? 'doneRestored' : 'doneRedeemed'), app.points(Math.abs(d.redeemed))],
    ...few(d.purses, (p) => [app.say(p.name), holding(app, p), 'part']),
  ].filter(Boolean);
  const whose = d.customer && figures([[app.t('doneBalance') + ' · ' + d.customer, app.points(d.balance), 'main-sum']]);
  if (!money.length || !points.length || money.length + points.length <= DONE_ROWS_MAX + 1) return [figures([...money, ...points]), whose];
  return [h('div', { class: 'done-halves' }, figures(money), figures(points)), whose];
}

function changeOf(app, d, back) {
  if (d.kind === 'correction') return h('h1', { class: 'change none' }, app.t('doneCorrected'));
  if (!back && d.change === 0) return h('h1', { class: 'change none' }, app.t('doneNoChange'));
  const handed = d.handed || 0; // what goes back to a certificate is not given by hand
  if (back && handed === 0) return h('h1', { class: 'change none' }, app.t('doneNothingBack'));
  return h('h1', { class: 'change' }, h('span', {}, app.t(back ? 'doneTotalReturn' : 'change')), ' ',
    h('b', {}, app.money(back ? handed : d.change)));
}

function unknown(app) {
  const u = app.view.unknown;
  if (!u) return null;
  const settle = (yes) => () => usePin(app, { do: 'settle', id: u.id, yes });
  const choice = (yes, key, name) => button(app, {
    key, run: settle(yes), cls: 'big choice', disabled: !app.ui.pin || app.busy, do: 'settle-' + name,
    label: app.t(yes ? 'unknownYes' : 'unknownNo'), sub: app.t(yes ? 'unknownYesText' : 'unknownNoText'),
  });
  return h('section', { class: 'card unknown' },
    h('div', { class: 'half' }, h('h1', {}, app.t('unknownTitle')),
      h('p', { class: 'sum' }, app.own('unknownKind', u.kind), ' · ', app.money(u.total), ' · ', moment(u.at, app.now(), app.lang)),
      h('p', {}, app.say(u.text)),
      button(app, { label: app.t('unknownAsk'), key: 'F2', run: () => app.finish({ do: 'retry' }), cls: 'primary wide', disabled: app.busy, do: 'retry' })),
    h('div', { class: 'half' }, h('h2', {}, app.t('unknownOr')), h('p', { class: 'muted' }, app.t('unknownLook')),
      pinField(app, app.t('managerPin')), keypad(app, pinOf(app)),
      h('div', { class: 'pair' }, choice(true, 'F9', 'yes'), choice(false, 'F10', 'no'))));
}
