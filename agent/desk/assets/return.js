// Returning: the lines of one sold receipt; each row says how much was sold, how much can still come
// back and how much is chosen now.

import { h, memo } from './tree.js';
import { button, figures } from './parts.js';
import { move, show } from './sale.js';
import { moment } from './format.js';

const ONE = 1000; // thousandths

export function returnScreen(app) {
  const r = app.view.return;
  if (!r) return null;
  move(app, r.lines.length);
  return [
    h('div', { class: 'desk', key: 'desk' },
      h('section', { class: 'basket returns', 'aria-labelledby': 'return-title' },
        h('header', { class: 'of' }, h('h1', { id: 'return-title' }, app.t('returnOf', { n: r.no })),
          h('p', { class: 'muted' }, moment(r.at, app.now(), app.lang), r.doc && ' · ' + r.doc)),
        h('ol', { class: 'lines' }, r.lines.map((line, i) => lineNode(app, line, i)))),
      side(app, r)),
    actions(app, r),
  ];
}

const choose = (app, line, amount) => () => app.act({ do: 'return-choose', line: line.line, qty: Math.max(0, Math.min(line.left, amount)) });

function lineNode(app, line, i) {
  const lit = app.ui.line === i;
  if (lit) keysOf(app, line);
  const key = i + (lit ? '/lit' : '');
  return memo(key, app.lang + lit + JSON.stringify(line), () => h('li', {
    class: (lit ? 'line lit' : 'line') + (line.chosen > 0 ? ' chosen' : '') + (line.left === 0 ? ' gone' : ''), born: lit ? show : null,
  },
  h('button', {
    type: 'button', class: 'row', 'aria-current': lit ? 'true' : null, tabindex: lit ? '0' : '-1',
    onmousedown: (e) => e.preventDefault(), onclick: () => app.mark({ line: i }),
  }, h('span', { class: 'no' }, i + 1), h('span', { class: 'name' }, line.name),
  h('span', { class: 'times' }, app.t('returnSold', { n: app.qty(line.sold, line.weighed) }), ' · ', app.t('returnLeft', { n: app.qty(line.left, line.weighed) })),
  h('span', { class: 'cuts' }, line.chosen > 0 && app.t('returnChosen', { n: app.qty(line.chosen, line.weighed) })),
  h('span', { class: 'net' }, app.money(line.net))),
  lit && stepper(app, line)));
}

function keysOf(app, line) {
  app.bind('ArrowRight', choose(app, line, line.weighed ? line.left : line.chosen + ONE));
  app.bind('ArrowLeft', choose(app, line, line.weighed ? 0 : line.chosen - ONE));
  if (line.left === 0) return;
  app.bind('F4', askQty(app, line));
  app.bind('F3', choose(app, line, line.left));
}

const askQty = (app, line) => () => app.open('return-qty', { line: line.line, name: line.name, weighed: line.weighed, text: '' });

// Drawn inside a memo: keys are bound by keysOf at every drawing.
function stepper(app, line) {
  const silent = { ...app, bind: () => {} };
  const step = line.weighed ? line.left : ONE;
  return h('div', { class: 'tools' },
    button(silent, { label: '−', aria: app.t('minus'), key: 'ArrowLeft', run: choose(app, line, line.chosen - step), disabled: line.chosen === 0, cls: 'step', do: 'less' }),
    h('b', { class: 'chosen-qty' }, app.qty(line.chosen, line.weighed)),
    button(silent, { label: '+', aria: app.t('plus'), key: 'ArrowRight', run: choose(app, line, line.chosen + step), disabled: line.chosen >= line.left, cls: 'step', do: 'more-of' }),
    button(silent, { label: app.t('quantityShort'), key: 'F4', run: askQty(app, line), disabled: line.left === 0, do: 'return-qty' }),
    h('span', { class: 'gap' }),
    button(silent, { label: app.t('returnAll'), key: 'F3', run: choose(app, line, line.left), disabled: line.chosen >= line.left, do: 'return-all' }));
}

function side(app, r) {
  return h('aside', { class: 'side', 'aria-label': app.t('returnTotal') },
    h('div', { class: 'side-top' }),
    h('div', { class: 'sums' }, figures([
      r.customer && [app.t('customer'), r.customer.name],
      r.restored !== 0 && [app.t('returnRestored'), '+' + app.points(r.restored), 'good'],
      r.clawed !== 0 && [app.t('returnClawed'), '−' + app.points(r.clawed)],
    ])),
    h('div', { class: 'total' }, h('span', {}, app.t('returnTotal')), h('output', {}, app.money(r.total))),
    h('div', { class: 'pays one' }, button(app, {
      label: app.t('returnPay'), key: 'F9', run: () => app.open('return-pay', { how: 'as-paid', reason: '', pin: '' }),
      cls: 'primary pay', disabled: r.lines.every((line) => line.chosen === 0) || app.busy, do: 'return-pay',
    })));
}

function actions(app, r) {
  const all = (amount) => async () => {
    for (const line of r.lines) {
      const want = amount(line);
      if (want !== line.chosen && !(await app.act({ do: 'return-choose', line: line.line, qty: want }))) return;
    }
  };
  return h('nav', { class: 'actions', 'aria-label': app.t('more'), key: 'actions' },
    button(app, { label: app.t('cancel'), key: 'Escape', run: () => app.finish({ do: 'return-cancel' }), cls: 'action', do: 'return-cancel' }),
    button(app, { label: app.t('returnWhole'), key: 'F6', run: all((line) => line.left), cls: 'action', do: 'return-whole' }),
    button(app, { label: app.t('returnNothing'), key: 'F7', run: all(() => 0), cls: 'action', do: 'return-nothing' }),
    h('p', { class: 'muted hint' }, app.t('returnPick')));
}
