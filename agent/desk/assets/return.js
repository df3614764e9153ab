// Returning: the lines of one sold receipt; each row says how much was sold, how much can still come
// back and how much is chosen now.

import { h, memo } from './tree.js';
import { button, figures, icon } from './parts.js';
import { move, keepShown, show } from './sale.js';
import { watchStrips } from './watch.js';
import { draft, moment } from './format.js';

const ONE = 1000; // thousandths

export function returnScreen(app) {
  const r = app.view.return;
  if (!r) return null;
  move(app, r.lines.length);
  return [
    h('div', { class: 'desk', key: 'desk' },
      h('section', { class: 'basket returns', 'aria-labelledby': 'return-title' },
        h('header', { class: 'of' }, h('h1', { id: 'return-title' }, app.t(r.foreign ? 'returnForeign' : r.no ? 'returnOf' : 'returnTitle', { n: r.no })),
          h('p', { class: 'muted' }, [r.at && moment(r.at, app.now(), app.lang), r.doc && app.doc(r.doc)].filter(Boolean).join(' · '))),
        r.lines.length > 0
          ? h('ol', { class: 'lines', born: keepShown }, r.lines.map((line, i) => lineNode(app, line, i, r.foreign)))
          : h('div', { class: 'nothing', key: 'nothing' }, nothing(app, r)),
        watchStrips(app, r.watch, true)),
      side(app, r)),
    actions(app, r),
  ];
}

/** nothing stands where the goods will be: head office is being asked, or the goods are to be scanned. */
function nothing(app, r) {
  if (searching(r)) return [h('div', { class: 'pulse', 'aria-hidden': 'true' }), h('h2', {}, app.t('returnAsking')), h('p', { role: 'status' }, app.t('returnAskingText'))];
  return [icon('barcode'), h('h2', {}, app.t(r.foreign ? 'returnScan' : 'returnEmpty')), r.foreign && h('p', {}, app.t('returnScanText'))];
}

/** searching: nothing can be chosen before head office has answered, or has been given up. */
const searching = (r) => r.asking && r.lines.length === 0;

/** boundOf is how much of a line may come back: goods of a foreign return are named by scanning, not picked from a list. */
const boundOf = (line, foreign) => (foreign ? Infinity : line.left);

const choose = (app, line, amount, foreign) => () => app.act({ do: 'return-choose', line: line.line, qty: Math.max(0, Math.min(boundOf(line, foreign), amount)) });

function lineNode(app, line, i, foreign) {
  const lit = app.ui.line === i;
  if (lit) (foreign ? foreignKeys : keysOf)(app, line);
  const key = i + (lit ? '/lit' : '');
  return memo(key, app.lang + lit + JSON.stringify(line), () => h('li', {
    class: (lit ? 'line lit' : 'line') + (line.chosen > 0 ? ' chosen' : '') + (line.left === 0 && !foreign ? ' gone' : ''), born: lit ? show : null,
  },
  h('button', {
    type: 'button', class: 'row', 'aria-current': lit ? 'true' : null, tabindex: lit ? '0' : '-1',
    onmousedown: (e) => e.preventDefault(), onclick: () => app.mark({ line: i }),
  }, h('span', { class: 'no' }, i + 1), h('span', { class: 'name' }, line.name),
  h('span', { class: 'times' }, foreign
    ? [app.qty(line.chosen, line.weighed), ' × ', app.money(line.price || 0)]
    : [app.t('returnSold', { n: app.qty(line.sold, line.weighed) }), ' · ', app.t('returnLeft', { n: app.qty(line.left, line.weighed) })]),
  h('span', { class: 'cuts' }, !foreign && line.chosen > 0 && app.t('returnChosen', { n: app.qty(line.chosen, line.weighed) })),
  h('span', { class: 'net' }, app.money(line.net))),
  lit && (foreign ? foreignTools : stepper)(app, line)));
}

function keysOf(app, line) {
  if (line.marked) {
    app.bind('ArrowLeft', choose(app, line, 0));
    return;
  }
  app.bind('ArrowRight', choose(app, line, line.weighed ? line.left : line.chosen + ONE));
  app.bind('ArrowLeft', choose(app, line, line.weighed ? 0 : line.chosen - ONE));
  if (line.left === 0) return;
  app.bind('F4', askQty(app, line));
  app.bind('F3', choose(app, line, line.left));
}

const askQty = (app, line) => () => app.open('return-qty', { line: line.line, name: line.name, weighed: line.weighed, text: '' });

const askPrice = (app, line) => () => app.open('return-price', { line: line.line, name: line.name, text: draft(line.price || 0, 2, app.lang) });

function foreignKeys(app, line) {
  app.bind('ArrowRight', choose(app, line, line.chosen + ONE, true));
  app.bind('ArrowLeft', choose(app, line, line.chosen - ONE, true));
  app.bind('F4', askQty(app, line));
  app.bind('F8', askPrice(app, line));
  app.bind('Delete', choose(app, line, 0, true));
}

function foreignTools(app, line) {
  const silent = { ...app, bind: () => {} };
  return h('div', { class: 'tools' },
    !line.weighed && button(silent, { label: '−', aria: app.t('minus'), key: 'ArrowLeft', run: choose(app, line, line.chosen - ONE, true), disabled: line.chosen <= ONE, cls: 'step', do: 'less' }),
    button(silent, { label: app.t(line.weighed ? 'weight' : 'quantityShort'), key: 'F4', run: askQty(app, line), do: 'return-qty' }),
    !line.weighed && button(silent, { label: '+', aria: app.t('plus'), key: 'ArrowRight', run: choose(app, line, line.chosen + ONE, true), cls: 'step', do: 'more-of' }),
    button(silent, { label: app.t('price'), key: 'F8', run: askPrice(app, line), do: 'return-price' }),
    h('span', { class: 'gap' }),
    button(silent, { label: app.t('remove'), key: 'Delete', run: choose(app, line, 0, true), cls: 'danger', do: 'remove' }));
}

// Drawn inside a memo: keys are bound by keysOf at every drawing.
function stepper(app, line) {
  const silent = { ...app, bind: () => {} };
  const step = line.weighed ? line.left : ONE;
  if (line.marked) {
    return h('div', { class: 'tools' },
      line.chosen > 0 && button(silent, { label: app.t('remove'), key: 'ArrowLeft', run: choose(app, line, 0), cls: 'danger', do: 'less' }),
      line.left > 0 && line.chosen === 0 && h('p', { class: 'muted' }, app.t('returnMark')));
  }
  return h('div', { class: 'tools' },
    button(silent, { label: '−', aria: app.t('minus'), key: 'ArrowLeft', run: choose(app, line, line.chosen - step), disabled: line.chosen === 0, cls: 'step', do: 'less' }),
    h('b', { class: 'chosen-qty' }, app.qty(line.chosen, line.weighed)),
    button(silent, { label: '+', aria: app.t('plus'), key: 'ArrowRight', run: choose(app, line, line.chosen + step), disabled: line.chosen >= line.left, cls: 'step', do: 'more-of' }),
    button(silent, { label: app.t('quantityShort'), key: 'F4', run: askQty(app, line), disabled: line.left === 0, do: 'return-qty' }),
    h('span', { class: 'gap' }),
    button(silent, { label: app.t('returnAll'), key: 'F3', run: choose(app, line, line.left), disabled: line.chosen >= line.left, do: 'return-all' }));
}

function side(app, r) {
  const over = overOf(app, r) || (spent(r) ? app.t('returnEmpty') : '');
  return h('aside', { class: 'side', 'aria-label': app.t('returnTotal') },
    h('div', { class: 'side-top' },
      r.foreign && !searching(r) && h('p', { class: 'note-card' }, app.t(r.manager ? 'returnForeignText' : 'returnForeignCalm')),
      r.asking && !searching(r) && h('p', { class: 'asking', role: 'status' }, app.t('returnAsking'))),
    h('div', { class: 'sums' }, figures([
      r.foreign && r.sum > 0 && [app.t('returnSum'), app.money(r.sum)],
      r.foreign && r.limit > 0 && !searching(r) && [app.t('returnLimit'), app.money(r.limit)],
      r.customer && [app.t('customer'), r.customer.name],
      r.restored !== 0 && [app.t('returnRestored'), '+' + app.points(r.restored), 'good'],
      r.clawed !== 0 && [app.t('returnClawed'), '−' + app.points(r.clawed)],
    ])),
    over && h('p', { class: 'stop', role: 'status' }, over),
    h('div', { class: 'total' }, h('span', {}, app.t('returnTotal')), h('output', {}, app.money(r.total))),
    h('div', { class: 'pays one' }, button(app, {
      label: app.t('returnPay'), key: 'F9', run: () => app.open('return-pay', { how: r.foreign ? 'cash' : 'as-paid', reason: '', pin: '' }),
      cls: 'primary pay', disabled: r.asking || Boolean(over) || r.lines.every((line) => line.chosen === 0) || app.busy, do: 'return-pay',
    })));
}

/** spent: all of this receipt has come back before. */
const spent = (r) => !r.foreign && r.lines.length > 0 && r.lines.every((line) => line.left === 0);

/** overOf says which bound of a foreign return the goods chosen go beyond. */
function overOf(app, r) {
  if (!r.foreign) return '';
  if (r.sum > 0 && r.total > r.sum) return app.t('returnOverSum');
  return r.limit > 0 && r.total > r.limit ? app.t('returnOverLimit') : '';
}

function actions(app, r) {
  const all = (amount) => async () => {
    for (const line of r.lines) {
      const want = amount(line);
      if (line.marked && want > line.chosen) continue; // it comes back by its code
      if (want !== line.chosen && !(await app.act({ do: 'return-choose', line: line.line, qty: want }))) return;
    }
  };
  const pick = r.foreign
    ? button(app, { id: 'search', label: app.t('search'), key: 'F2', run: () => app.open('search', { query: '', at: 0, found: null }), cls: 'action', disabled: r.asking, do: 'search' })
    : [button(app, { id: 'whole', label: app.t('returnWhole'), key: 'F6', run: all((line) => line.left), cls: 'action', disabled: !r.lines.length || spent(r), do: 'return-whole' }),
      button(app, { id: 'none', label: app.t('returnNothing'), key: 'F7', run: all(() => 0), cls: 'action', disabled: !r.lines.length, do: 'return-nothing' })];
  return h('nav', { class: 'actions', 'aria-label': app.t('more'), key: 'actions' },
    button(app, { id: 'cancel', label: app.t('cancel'), key: 'Escape', run: () => app.finish({ do: 'return-cancel' }), cls: 'action', do: 'return-cancel' }), pick,
    !searching(r) && h('p', { class: 'muted hint' }, app.t(r.foreign ? 'returnPickForeign' : spent(r) ? 'returnEmpty' : 'returnPick')));
}
