// The dialogs of the sale: search, customer, quantity, points, parked receipts, and the menu.

import { h } from './tree.js';
import { SCANNER } from './wedge.js';
import { amountDialog, button, dialog, field } from './parts.js';
import { shiftFigures } from './screens.js';
import { moment } from './format.js';
import { payDialog, returnPayDialog } from './pay.js';
import { find, pickList } from './find.js';
import { customerDialog, enrolDialog } from './customer.js';
import { offersDialog, purseDialog } from './offers.js';
import { permitDialog } from './watch.js';
import { dayDialog } from './day.js';
import { correctionDialog, correctionDraft, swapDialog } from './fiscal.js';

const DIALOGS = {
  search, customer: customerDialog, enrol: enrolDialog, offers: offersDialog, purse: purseDialog, permit: permitDialog, day: dayDialog,
  'return-price': returnPrice, qty, 'return-qty': returnQty, redeem, explain, recall, clear, menu, cash, receipts,
  'close-shift': closeShift, pay: payDialog, 'return-pay': returnPayDialog,
  correction: correctionDialog, swap: swapDialog,
};

export function dialogs(app) {
  return DIALOGS[app.dialog.kind](app, app.dialog);
}

/** What counts as a code when typed into the search: shorter digits are article numbers or weights. */
const CODE = /^\d{8,}$/;

function search(app, d) {
  find(app, d, '/products?q=', 'products');
  const found = d.found || [];
  const take = (p) => () => {
    if (p.weighed) app.open('qty', { sku: p.sku, name: p.name, weighed: true, text: '', price: p.price });
    else app.finish({ do: 'add', sku: p.sku, qty: 1000 });
  };
  const enter = () => {
    const typed = d.query.trim();
    if (CODE.test(typed)) app.finish({ do: 'scan', code: typed });
    else if (d.answered !== d.query) d.eager = true; // the rows are still of what was typed before
    else if (found[d.at]) take(found[d.at])();
  };
  if (d.eager && d.answered === d.query) {
    d.eager = false;
    queueMicrotask(enter);
  }
  app.dialogScan = (code) => app.finish({ do: 'scan', code, scanner: SCANNER });
  return dialog(app, { id: 'search', title: app.t('searchTitle'), cls: 'tall', shut: app.shut },
    field(app, { id: 'query', label: app.t('searchField'), value: d.query, autofocus: true, scan: 'take', input: (v) => app.set({ query: v, at: 0, eager: false }) }),
    pickList(app, d, found, {
      none: app.t(d.failed ? 'searchFailed' : d.query.trim() ? 'searchNone' : 'searchStart'),
      row: (p) => [h('span', { class: 'name' }, p.name, p.adult && h('span', { class: 'tag' }, app.t('adultMark')), p.weighed && h('span', { class: 'tag' }, app.t('weighed'))),
        h('span', { class: 'times' }, p.sku, p.code && ' · ' + p.code), h('span', { class: 'net' }, app.money(p.price))],
      take,
    }),
    button(app, { label: app.t('add'), key: 'Enter', run: enter, cls: 'primary wide', disabled: app.busy || (d.answered === d.query && !found[d.at] && !CODE.test(d.query.trim())), do: 'add' }));
}

function qty(app, d) {
  return amountDialog(app, d, {
    id: 'qty', title: d.name, label: app.t(d.weighed ? 'weight' : 'quantity') + ', ' + app.t(d.weighed ? 'kg' : 'pcs'), places: 3, whole: !d.weighed,
    command: (value) => (d.sku ? { do: 'add', sku: d.sku, qty: value } : { do: 'qty', line: d.line, sku: d.of, qty: value }),
    go: () => app.t(d.sku ? 'add' : 'ok'),
  });
}

function returnQty(app, d) {
  return amountDialog(app, d, {
    id: 'return-qty', title: d.name, label: app.t(d.weighed ? 'weight' : 'quantity') + ', ' + app.t(d.weighed ? 'kg' : 'pcs'), places: 3, whole: !d.weighed,
    command: (value) => ({ do: 'return-choose', line: d.line, qty: value }), go: () => app.t('ok'),
  });
}

function returnPrice(app, d) {
  return amountDialog(app, d, {
    id: 'return-price', title: d.name, label: app.t('returnPrice') + ', ₽', places: 2,
    below: h('p', { class: 'muted' }, app.t('returnPriceText')),
    command: (value) => ({ do: 'return-price', line: d.line, amount: value }), go: (value) => app.t('ok') + (value ? ' · ' + app.money(value) : ''),
  });
}

function reasonList(app, reasons, none) {
  if (!reasons.length) return h('p', { class: 'muted' }, none);
  return h('ul', { class: 'why' }, reasons.map((r) => h('li', {}, app.say(r))));
}

function redeem(app, d) {
  const b = app.view.basket;
  return amountDialog(app, d, {
    id: 'redeem', title: app.t('redeemTitle'), label: app.t('redeemField'), places: 2,
    above: h('div', { class: 'two' },
      button(app, { label: app.t('redeemAll', { n: app.points(b.redeemable) }), key: 'F8', run: () => app.finish({ do: 'redeem', points: -1 }), cls: 'wide', disabled: b.redeemable <= 0 || app.busy, do: 'redeem-all' }),
      button(app, { label: app.t('redeemNone'), key: 'F4', run: () => app.finish({ do: 'redeem', points: 0 }), cls: 'wide', disabled: b.redeemed === 0 || app.busy, do: 'redeem-none' })),
    below: b.reasons.length > 0 && h('div', { class: 'reasons' },
      button(app, { label: app.t('redeemWhy'), key: 'Ctrl+I', expanded: Boolean(d.why), run: () => app.set({ why: !d.why }), cls: 'quiet link', do: 'why' }),
      d.why && reasonList(app, b.reasons, '')),
    command: (value) => ({ do: 'redeem', points: value }),
    go: (value) => app.t('redeemSome', { n: value ? app.points(value) : '' }),
  });
}

function explain(app) {
  const b = app.view.basket;
  const lines = b.lines.filter((line) => line.reasons && line.reasons.length);
  return dialog(app, { id: 'explain', title: app.t('explainTitle'), cls: 'tall', shut: app.shut },
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': app.t('explainTitle') },
      (b.reasons.length > 0 || !lines.length) && reasonList(app, b.reasons, app.t('explainNone')),
      lines.map((line) => h('section', {}, h('h3', {}, line.name), reasonList(app, line.reasons, '')))),
    button(app, { label: app.t('ok'), key: 'Enter', run: app.shut, cls: 'primary wide', do: 'ok' }));
}

function recall(app, d) {
  const parked = app.view.parked;
  const take = (p) => () => app.finish({ do: 'recall', id: p.id });
  return dialog(app, { id: 'recall', title: app.t('recallTitle'), cls: 'tall', shut: app.shut },
    pickList(app, d, parked, {
      none: app.t('recallNone'), take, alone: true,
      row: (p) => [h('span', { class: 'name' }, app.t('recallRow', { first: p.first, n: p.lines })),
        h('span', { class: 'times' }, moment(p.at, app.now(), app.lang), p.customer && ' · ' + p.customer), h('span', { class: 'net' }, app.money(p.total))],
    }),
    button(app, { label: app.t('take'), key: 'Enter', run: () => parked[d.at] && take(parked[d.at])(), cls: 'primary wide', disabled: !parked[d.at] || app.busy, do: 'take' }));
}

function clear(app) {
  return dialog(app, { id: 'clear', title: app.t('clearTitle'), shut: app.shut },
    h('p', {}, app.t('clearText', { n: app.view.basket.lines.length })),
    button(app, { label: app.t('clearBasket'), key: 'Enter', run: () => app.finish({ do: 'clear' }), cls: 'primary danger wide', disabled: app.busy, do: 'confirm' }));
}

function menu(app) {
  const items = [
    ['F2', 'returnStart', () => app.open('receipts', { query: '', at: 0, found: null, use: 'return' })],
    ['F3', 'copyLast', () => app.finish({ do: 'copy' })],
    ['F4', 'copyTitle', () => app.open('receipts', { query: '', at: 0, found: null, use: 'copy' })],
    ['F6', 'cashIn', () => app.open('cash', { way: 'cash-in', text: '', reason: app.t('cashReasonIn') })],
    ['F7', 'cashOut', () => app.open('cash', { way: 'cash-out', text: '', reason: app.t('cashReasonOut') })],
    ['F8', 'xReport', () => app.finish({ do: 'x-report' })],
    ['F9', 'drawer', () => app.finish({ do: 'drawer' })],
    ['F10', 'shiftClose', () => app.open('close-shift')],
    ['F5', 'doctor', () => { location.href = '/doctor?lang=' + document.documentElement.lang; }],
    app.view.corrects && ['F12', 'correction', () => app.open('correction', correctionDraft(app))],
    ['Ctrl+Q', 'signOut', () => app.finish({ do: 'sign-out' })],
  ].filter(Boolean);
  const selling = app.view.stage !== 'shift';
  const shift = app.view.shift.open;
  const plain = Boolean(app.view.register.plain);
  const off = {
    returnStart: !selling, shiftClose: !shift, xReport: !shift || plain, cashIn: !shift, cashOut: !shift, copyLast: plain,
    drawer: plain && !app.view.printer, correction: app.view.stage !== 'sale' || app.view.basket.lines.length === 0,
  };
  return dialog(app, { id: 'menu', title: app.t('menuTitle'), shut: app.shut },
    h('div', { class: 'menu' }, items.map(([key, name, run]) => button(app, { id: name, key, label: app.t(name), run, cls: 'tile', do: name, disabled: app.busy || off[name] }))));
}

function cash(app, d) {
  return amountDialog(app, d, {
    id: 'cash', title: app.t(d.way === 'cash-in' ? 'cashIn' : 'cashOut'), label: app.t('amount') + ', ₽', places: 2,
    below: field(app, { id: 'reason', label: app.t('reason'), value: d.reason, input: (reason) => app.set({ reason }) }),
    command: (value) => ({ do: d.way, amount: value, reason: d.reason.trim() }),
    go: (value) => app.t(d.way === 'cash-in' ? 'cashIn' : 'cashOut') + (value ? ' · ' + app.money(value) : ''),
  });
}

function receipts(app, d) {
  find(app, d, '/receipts?q=', 'receipts');
  const found = (d.found || []).filter((r) => d.use === 'copy' || r.kind === 'sale');
  const use = (code) => app.finish({ do: 'return-find', code });
  const take = (r) => () => (d.use === 'copy' ? app.finish({ do: 'copy', id: r.id }) : use(r.no));
  const typed = d.query.trim();
  const enter = () => {
    if (d.answered !== d.query) d.eager = true; // the rows are still of what was typed before
    else if (d.use === 'return' && typed && !found.length) use(typed);
    else if (found[d.at]) take(found[d.at])();
  };
  if (d.eager && d.answered === d.query) {
    d.eager = false;
    queueMicrotask(enter);
  }
  app.dialogScan = d.use === 'return' ? use : (code) => app.set({ query: code, at: 0 });
  return dialog(app, { id: 'receipts', title: app.t(d.use === 'copy' ? 'copyTitle' : 'returnTitle'), cls: 'tall', shut: app.shut },
    field(app, { id: 'query', label: app.t('returnField'), value: d.query, autofocus: true, scan: 'take', input: (v) => app.set({ query: v, at: 0, eager: false }) }),
    pickList(app, d, found, {
      none: app.t(d.failed ? 'searchFailed' : 'returnNone'), take,
      row: (r) => [h('span', { class: 'name' }, '№ ' + r.no + ' · ' + r.first), h('span', { class: 'times' }, moment(r.at, app.now(), app.lang), r.doc && ' · ' + app.doc(r.doc)),
        h('span', { class: 'net' }, app.money(r.total))],
    }),
    button(app, { label: app.t(d.use === 'copy' ? 'copy' : 'returnFind'), key: 'Enter', run: enter, cls: 'primary wide', disabled: app.busy || (d.answered === d.query && !found[d.at] && !(d.use === 'return' && typed)), do: 'find' }));
}

function closeShift(app) {
  return dialog(app, { id: 'close-shift', title: app.t('shiftClose'), shut: app.shut },
    h('p', {}, app.t(app.view.register.plain ? 'shiftClosePlain' : 'shiftCloseText')), shiftFigures(app),
    button(app, { label: app.t('shiftClose'), key: 'Enter', run: () => app.finish({ do: 'close-shift' }), cls: 'primary wide', disabled: app.busy, do: 'confirm' }));
}
