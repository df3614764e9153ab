// What a receipt may gain beside points: promo codes, certificates, purses and gifts, each a row with one
// button. A cashier who needs none of it never opens this.

import { h } from './tree.js';
import { SCANNER } from './wedge.js';
import { amountDialog, button, dialog, field, icon, ways } from './parts.js';
import { factsOf, holding } from './customer.js';

/** giftReady tells that the customer has the points for a gift. */
export const giftReady = (b) => (b.gifts || []).some((gift) => gift.enough);

/** offersBusy tells that something of the dialog is at work on this receipt. */
export function offersBusy(b) {
  return Boolean((b.codes || []).length || (b.certificates || []).length || (b.purses || []).some((p) => p.paid > 0));
}

export function offersDialog(app, d) {
  const b = app.view.basket;
  const rows = [...codes(app, b), ...certificates(app, b), ...purses(app, b), ...gifts(app, b)];
  walk(app, d, rows.length);
  const send = async (text, scanner) => {
    if (!text.trim()) return;
    if (await app.act({ do: d.how, code: text.trim(), scanner }) && app.dialog === d) app.set({ text: '' });
  };
  app.dialogScan = (code) => send(code, SCANNER);
  return dialog(app, { id: 'offers', title: app.t('offersTitle'), cls: 'tall', shut: app.shut },
    ways(app, d.how, [['code', app.t('promoCode'), 'F3'], ['certificate', app.t('certificate'), 'F4']], (how) => app.set({ how, text: '' }), app.t('offersTitle')),
    h('div', { class: 'entry' },
      field(app, { id: 'offer', label: app.t(d.how === 'code' ? 'promoField' : 'certificateField'), value: d.text, autofocus: true, scan: 'take', max: 40, input: (text) => app.set({ text }) }),
      button(app, { label: app.t('apply'), key: 'Enter', run: () => send(d.text), cls: 'primary', disabled: !d.text.trim() || app.busy, do: 'apply' })),
    h('div', { class: 'scroll offers', tabindex: '0', role: 'region', 'aria-label': app.t('offersList') },
      groups(app, d, rows), applied(app, b), about(app, b),
      !rows.length && !(b.applied || []).length && !b.customer && h('p', { class: 'muted none' }, app.t('offersNone'))));
}

/** walk moves the light over the rows; F8 is the button of the lit one. */
function walk(app, d, n) {
  d.at = Math.max(0, Math.min(d.at, n - 1));
  app.bind('ArrowDown', () => app.set({ at: Math.min(d.at + 1, n - 1) }));
  app.bind('ArrowUp', () => app.set({ at: Math.max(d.at - 1, 0) }));
}

function groups(app, d, rows) {
  const out = [];
  rows.forEach((r, i) => {
    if (!i || rows[i - 1].group !== r.group) out.push(h('h3', { key: r.group }, app.t(r.group)));
    out.push(offerRow(app, r, d.at === i));
  });
  return out;
}

function offerRow(app, r, lit) {
  return h('div', {
    class: 'offer' + (lit ? ' lit' : ''), key: r.id + (lit ? '/lit' : ''), born: lit ? (el) => el.scrollIntoView({ block: 'nearest' }) : null,
  },
  h('div', { class: 'offer-words' }, h('strong', {}, r.name), (r.text || r.mark) && h('p', { class: 'muted' }, r.mark, r.text)),
  r.sum && h('div', { class: 'offer-sum' }, r.sum),
  r.go && button(app, { label: r.label, aria: r.plain, key: lit ? 'F8' : undefined, run: r.go, disabled: r.off || app.busy, cls: 'offer-go', do: r.kind }));
}

function codes(app, b) {
  return (b.codes || []).map((c) => ({
    group: 'groupCodes', kind: 'drop-code', id: 'code-' + c.code, name: app.say(c.name) || c.code, plain: c.code,
    mark: h('span', { class: c.gives ? 'tag gives' : 'tag' }, app.t(c.gives ? 'codeGives' : 'codeWaits')),
    text: [c.code, app.say(c.text)].filter(Boolean).join(' · '),
    label: app.t('takeOff'), go: () => app.act({ do: 'drop-code', code: c.code }),
  }));
}

function certificates(app, b) {
  return (b.certificates || []).map((c) => ({
    group: 'groupCertificates', kind: 'drop-certificate', id: 'certificate-' + c.no, name: c.name, plain: c.name,
    text: [app.t('certificateHolds', { sum: app.money(c.balance) }), app.say(c.text)].filter(Boolean).join(' · '),
    sum: '−' + app.money(c.pays), label: app.t('takeOff'), go: () => app.act({ do: 'drop-certificate', no: c.no }),
  }));
}

function purses(app, b) {
  return (b.purses || []).map((p) => {
    const pays = p.kind === 'partner' && (p.payable > 0 || p.paid > 0);
    return {
      group: 'groupPurses', kind: 'purse', id: 'purse-' + p.purse, name: app.say(p.name), plain: app.say(p.name), text: app.say(p.text),
      mark: p.paid > 0 && h('span', { class: 'tag gives' }, app.t('purseNow', { n: app.points(p.paid) })), sum: holding(app, p),
      label: app.t('pursePay'), go: pays && (() => app.open('purse', { purse: p.purse, text: '' })),
    };
  });
}

function gifts(app, b) {
  return (b.gifts || []).map((g) => ({
    group: 'groupGifts', kind: 'gift', id: 'gift-' + g.sku, name: g.name, plain: g.name, text: g.enough ? '' : app.t('giftLack'),
    sum: app.t('giftPoints', { n: app.points(g.points) }), label: app.t('giftTake'), off: !g.enough, go: () => app.act({ do: 'gift', sku: g.sku }),
  }));
}

/** saving is what a promotion gave: money off, points, or both. */
export function saving(app, a) {
  return [a.discount && '−' + app.money(a.discount), a.points && '+' + app.t('giftPoints', { n: app.points(a.points) })].filter(Boolean).join(' · ');
}

function applied(app, b) {
  const list = b.applied || [];
  return list.length > 0 && h('section', { key: 'applied' }, h('h3', {}, app.t('groupApplied')),
    list.map((a) => h('div', { class: 'offer' }, h('div', { class: 'offer-words' }, h('strong', {}, app.say(a.name))), h('div', { class: 'offer-sum' }, saving(app, a)))));
}

function about(app, b) {
  const said = b.customer ? factsOf(app, b) : [];
  return said.length > 0 && h('section', { key: 'about' }, h('h3', {}, b.customer.name),
    h('ul', { class: 'facts whole' }, said.map(([sign, words]) => h('li', {}, icon(sign), h('span', {}, words)))));
}

/** purseDialog: how much a partner's points pay: all, a part, or nothing. */
export function purseDialog(app, d) {
  const p = (app.view.basket.purses || []).find((one) => one.purse === d.purse);
  if (!p) return dialog(app, { id: 'purse', title: app.t('groupPurses'), shut: app.shut }, h('p', { class: 'muted' }, app.t('purseGone')));
  const pay = (points) => () => app.finish({ do: 'purse', purse: p.purse, points });
  return amountDialog(app, d, {
    id: 'purse', title: app.say(p.name), label: app.t('redeemField'), places: 2,
    above: h('div', { class: 'two' },
      button(app, { label: app.t('redeemAll', { n: app.points(p.payable || 0) }), key: 'F8', run: pay(-1), cls: 'wide', disabled: !p.payable || app.busy, do: 'purse-all' }),
      button(app, { label: app.t('redeemNone'), key: 'F4', run: pay(0), cls: 'wide', disabled: !p.paid || app.busy, do: 'purse-none' })),
    below: h('p', { class: 'muted clip' }, app.say(p.text)),
    command: (points) => ({ do: 'purse', purse: p.purse, points }),
    go: (value) => app.t('redeemSome', { n: value ? app.points(value) : '' }),
  });
}
