// Selling: the basket on the left, whom and how much on the right, every action below with its key.

import { h, memo } from './tree.js';
import { button, icon, figures } from './parts.js';
import { qty } from './format.js';
import { askCustomer, customerPanel } from './customer.js';
import { giftReady, offersBusy, saving } from './offers.js';
import { wantedStrip, watchStrips } from './watch.js';
import { dueOf, paidByCertificates } from './pay.js';

export function saleScreen(app) {
  return [
    h('div', { class: 'desk', key: 'desk' }, basket(app), side(app)),
    actions(app),
  ];
}

function basket(app) {
  const lines = app.view.basket.lines;
  if (lines.length === 0) {
    return h('section', { class: 'basket empty', 'aria-label': app.t('basket'), key: 'empty' },
      h('div', { class: 'nothing' }, icon('barcode'), h('h1', {}, app.t('emptyTitle')), h('p', {}, app.t('emptyText'))),
      wantedStrip(app), watchStrips(app, app.view.basket.watch));
  }
  move(app, lines.length);
  return h('section', { class: 'basket', 'aria-label': app.t('basket'), key: 'basket' },
    h('h1', { class: 'away' }, app.t('basket')),
    h('ol', { class: 'lines', born: keepShown }, lines.map((line, i) => lineNode(app, line, i))),
    wantedStrip(app), watchStrips(app, app.view.basket.watch));
}

/** move binds the arrows to a list of n rows. */
export function move(app, n) {
  const to = (i) => () => {
    app.mark({ line: Math.max(0, Math.min(n - 1, i)) });
  };
  app.bind('ArrowUp', to(app.ui.line - 1));
  app.bind('ArrowDown', to(app.ui.line + 1));
  app.bind('PageUp', to(app.ui.line - 8));
  app.bind('PageDown', to(app.ui.line + 8));
  app.bind('Ctrl+Home', to(0));
  app.bind('Ctrl+End', to(n - 1));
}

/** show brings the lit row into sight when it becomes the lit one. */
export const show = (el) => el.scrollIntoView({ block: 'nearest' });

/** keepShown does so again when a notice or a strip takes room from the list. */
export const keepShown = (list) => new ResizeObserver(() => {
  const lit = list.querySelector('.lit');
  if (lit) show(lit);
}).observe(list);

function lineNode(app, line, i) {
  const lit = app.ui.line === i;
  const key = i + '/' + line.sku + (lit ? '/lit' : '');
  if (lit) keysOf(app, line, i);
  return memo(key, app.lang + lit + JSON.stringify(line), () => h('li', { class: lit ? 'line lit' : 'line', born: lit ? show : null },
    h('button', {
      type: 'button', class: 'row', 'aria-current': lit ? 'true' : null, tabindex: lit ? '0' : '-1',
      onmousedown: (e) => e.preventDefault(), onclick: () => app.mark({ line: i }),
    }, row(app, line, i)),
    lit && tools(app, line, i)));
}

function row(app, line, i) {
  return [
    h('span', { class: 'no' }, i + 1),
    h('span', { class: 'name' }, line.name, line.adult && h('span', { class: 'tag' }, app.t('adultMark'))),
    h('span', { class: 'times' }, app.qty(line.qty, line.weighed), ' × ', app.money(line.price),
      line.mark && h('span', { class: 'tag mark-' + line.mark.state }, app.own('markState', line.mark.state))),
    h('span', { class: 'cuts' }, cuts(app, line)),
    h('span', { class: 'net' }, app.money(line.net)),
  ];
}

function cuts(app, line) {
  const said = [];
  if (line.discount) said.push(app.t('discount') + ' −' + app.money(line.discount));
  if (line.redeemed) said.push(app.t('redeemed') + ' −' + app.money(line.redeemed));
  return said.join(' · ');
}

const ONE = 1000; // thousandths

function more(app, line, i, by) {
  return () => app.act({ do: 'qty', line: i, sku: line.sku, qty: line.qty + by });
}

/** remove names the goods beside their place: the till refuses where another line stands there by now. */
const remove = (app, line, i) => () => app.act({ do: 'remove', line: i, sku: line.sku });

/** single: a piece with a code of its own is one, whatever is pressed. */
const single = (line) => Boolean(line.mark) && !line.weighed;

function keysOf(app, line, i) {
  app.bind('Delete', remove(app, line, i));
  if (single(line)) return;
  if (!line.weighed) {
    app.bind('Ctrl+ArrowUp', more(app, line, i, ONE));
    if (line.qty > ONE) app.bind('Ctrl+ArrowDown', more(app, line, i, -ONE));
  }
  app.bind('F4', askQty(app, line, i));
}

function askQty(app, line, i) {
  return () => app.open('qty', { line: i, of: line.sku, name: line.name, weighed: line.weighed, text: line.weighed ? '' : qty(line.qty, app.lang, false) });
}

// The tools are drawn inside a memo, so their keys are bound by keysOf, which runs at every drawing.
function tools(app, line, i) {
  const silent = { ...app, bind: () => {} };
  const said = [...(line.mark ? [line.mark.text] : []), ...(line.reasons || [])];
  const one = single(line);
  return h('div', { class: 'tools' },
    !one && !line.weighed && button(silent, { label: '−', aria: app.t('minus'), key: 'Ctrl+ArrowDown', run: more(app, line, i, -ONE), disabled: line.qty <= ONE, cls: 'step', do: 'minus' }),
    !one && button(silent, { label: app.t(line.weighed ? 'weight' : 'quantityShort'), key: 'F4', run: askQty(app, line, i), do: 'qty' }),
    !one && !line.weighed && button(silent, { label: '+', aria: app.t('plus'), key: 'Ctrl+ArrowUp', run: more(app, line, i, ONE), cls: 'step', do: 'plus' }),
    h('span', { class: 'gap' }),
    button(silent, { label: app.t('remove'), key: 'Delete', run: remove(app, line, i), cls: 'danger', do: 'remove' }),
    said.length > 0 && h('ul', { class: 'why' }, said.map((r) => h('li', {}, app.say(r)))));
}

/** whole does something with the receipt as a whole, unless goods on the counter still wait for their code. */
const whole = (app, run) => () => {
  const name = app.view.basket.wanted;
  if (name) app.refuse('markFirst', { name });
  else run();
};

function side(app) {
  const b = app.view.basket;
  const empty = b.lines.length === 0;
  const pay = (how) => whole(app, () => app.open('pay', { how, given: '', card: '', contact: '' }));
  return h('aside', { class: 'side', 'aria-label': app.t('total') },
    h('div', { class: 'side-top' }, customerPanel(app, b)),
    h('div', { class: 'sums' }, figures(sums(app, b))),
    h('div', { class: 'total' },
      h('div', { class: 'total-name' }, h('span', {}, app.t('total')),
        !empty && button(app, { label: app.t('explain'), key: 'Ctrl+I', run: () => app.open('explain'), cls: 'quiet link', do: 'explain' })), h('output', {}, app.money(dueOf(b)))),
    h('div', { class: 'extras' }, b.customer && redeemButton(app, b), offersButton(app, b)),
    h('div', { class: 'pays' },
      button(app, { label: app.t('payCash'), key: 'F9', run: pay('cash'), cls: 'primary pay', disabled: empty, do: 'cash' }),
      button(app, { label: app.t('payCard'), key: 'F10', run: pay('card'), cls: 'primary pay', disabled: empty, do: 'card' })));
}

/** Rows of promotions among the sums; more would push the customer out of sight. */
const APPLIED_MAX = 2;

function sums(app, b) {
  const paid = paidByCertificates(b);
  const partners = (b.purses || []).filter((p) => p.kind === 'partner' && p.paid > 0).map((p) => ({ name: p.name, discount: p.paid })); // a partner's point is a rouble, both are counted in hundredths; stamps and tickets are no money
  const all = [...(b.applied || []), ...partners];
  const named = all.length > APPLIED_MAX ? all.slice(0, APPLIED_MAX - 1) : all;
  const rest = all.slice(named.length);
  const sum = (what) => rest.reduce((total, a) => total + (a[what] || 0), 0);
  return [
    (b.discount !== 0 || b.redeemed !== 0 || paid !== 0) && [app.t('gross'), app.money(b.gross)],
    b.discount !== 0 && [app.t('discount'), '−' + app.money(b.discount), 'good'],
    ...named.map((a) => [app.say(a.name), saving(app, a), 'part']),
    rest.length > 0 && [app.t('andMore', { n: rest.length }), saving(app, { discount: sum('discount'), points: sum('points') }), 'part'],
    b.redeemed !== 0 && [app.t('redeemed'), '−' + app.money(b.redeemed), 'good'],
    paid !== 0 && [app.t('certificatesPay'), '−' + app.money(paid), 'good'],
    b.earned !== 0 && [app.t('earned'), '+' + app.points(b.earned)],
  ];
}

function offersButton(app, b) {
  return button(app, {
    id: 'offers', label: app.t('offers'), key: 'F12', cls: 'offers-open' + (offersBusy(b) ? ' on' : ''), do: 'offers',
    run: () => app.open('offers', { how: 'code', text: '', at: 0 }), aria: giftReady(b) ? app.t('giftReady') : undefined,
  }, giftReady(b) && icon('gift'));
}

function redeemButton(app, b) {
  const sub = b.redeemed > 0 ? app.t('redeemNow', { n: app.points(b.redeemed) }) : app.t('redeemUpTo', { n: app.points(b.redeemable) });
  return button(app, {
    id: 'redeem', label: app.t('redeem'), sub, key: 'F8', cls: 'redeem' + (b.redeemed > 0 ? ' on' : ''), do: 'redeem',
    disabled: b.lines.length === 0, run: () => app.open('redeem', { text: '' }),
  });
}

function actions(app) {
  const v = app.view;
  const lines = v.basket.lines;
  const none = lines.length === 0;
  const item = (key, name, run, disabled, more) => button(app, { key, label: app.t(name), run, disabled, do: name, cls: 'action', ...more });
  return h('nav', { class: 'actions', 'aria-label': app.t('more'), key: 'actions' },
    item('F1', 'more', () => app.open('menu'), false),
    item('F2', 'search', () => app.open('search', { query: '', at: 0, found: null }), false),
    item('F3', 'customer', askCustomer(app), false),
    item('F6', 'park', whole(app, () => app.finish({ do: 'park' })), none),
    item('F7', 'recall', () => app.open('recall', { at: 0 }), v.parked.length === 0, v.parked.length ? { label: `${app.t('recall')}: ${v.parked.length}` } : {}),
    item('Ctrl+Delete', 'clearBasket', () => app.open('clear'), none));
}
