// Payment and the money side of a return. For cash the tender is what settles the receipt and `given`
// is what the buyer put on the counter; the till reckons the change again, here it is only shown.

import { h } from './tree.js';
import { button, dialog, field, icon, keypad, ways } from './parts.js';
import { notes, parse, draft, amount, round } from './format.js';

const CASH = 1, CARD = 2, ADVANCE = 3; // sale.TenderKind
/** Quick sums that fit beside the keypad. */
const NOTES_MAX = 5;

const certificatesOf = (b) => (b.certificates || []).filter((c) => c.pays > 0);

/** paidByCertificates is how much of the receipt certificates pay. */
export const paidByCertificates = (b) => certificatesOf(b).reduce((sum, c) => sum + c.pays, 0);

/** dueOf is the money to take: the total less what certificates pay. */
export const dueOf = (b) => (certificatesOf(b).length ? b.due : b.total);

export function payDialog(app, d) {
  const b = app.view.basket;
  const due = dueOf(b);
  if (d.due === undefined && !app.busy) d.due = due; // what the last tap does to the sum is no news
  if (d.due !== undefined && d.due !== due) return changed(app, d, due);
  const paid = paidByCertificates(b); // the till adds it to the receipt by itself
  const whole = paid > 0 && due === 0;
  const reckoned = whole ? wholePart(app) : { cash: cashPart, card: cardPart, mixed: mixedPart }[d.how](app, d, due);
  const pay = () => reckoned.command && app.finish({ ...reckoned.command, do: 'pay', contact: d.contact.trim() || undefined });
  return dialog(app, { id: 'pay', title: app.t('payTitle'), cls: 'pay-dialog', shut: app.shut },
    paid > 0 && h('p', { class: 'advance' }, h('span', {}, app.t('receiptTotal', { sum: app.money(b.total) })),
      h('span', {}, app.t('certificatesPay') + ' −' + app.money(paid))),
    h('div', { class: 'due' }, h('span', {}, app.t('total')), h('output', {}, app.money(due))),
    !whole && ways(app, d.how, [['cash', app.t('payCash'), 'F9'], ['card', app.t('payCard'), 'F10'], ['mixed', app.t('payMixed'), 'F8']],
      (how) => app.set({ how, given: '', card: '' }), app.t('payHow')),
    h('div', { class: 'paying how-' + (whole ? 'whole' : d.how), key: 'how-' + (whole ? 'whole' : d.how) }, reckoned.body),
    field(app, { id: 'contact', key: 'F4', label: app.t('contact'), value: d.contact, placeholder: app.t('contactHint'), input: (contact) => app.set({ contact }) }),
    button(app, {
      label: app.t(whole || d.how === 'cash' ? 'payConfirm' : 'cardConfirm'), key: 'Enter', run: pay, cls: 'primary wide', do: 'pay', disabled: !reckoned.command || app.busy,
    }));
}

/** changed: the sum is not the one that was said, and perhaps taken: a piece was refused, points left, somebody scanned on. */
function changed(app, d, due) {
  return dialog(app, { id: 'pay', title: app.t('payTitle'), cls: 'pay-dialog', shut: app.shut },
    h('div', { class: 'due' }, h('span', {}, app.t('total')), h('output', {}, app.money(due))),
    h('div', { class: 'strip warning', role: 'alert', key: 'changed' }, icon('warning'),
      h('p', {}, app.t('dueChanged', { was: app.money(d.due), now: app.money(due) }))),
    h('p', { class: 'muted' }, app.t('dueChangedText')),
    button(app, { id: 'due-new', label: app.t('dueNew', { sum: app.money(due) }), key: 'F6', run: () => app.set({ due }), cls: 'primary wide', do: 'due-new' }));
}

function moneyField(app, o) {
  return field(app, { id: o.id, label: o.label + ', ₽', value: o.value, mode: 'none', autofocus: o.autofocus, cls: 'large', max: 12, placeholder: o.placeholder,
    input: o.set, focus: o.focus });
}

function pad(app, get, set) {
  return keypad(app, { get, set, last: app.lang === 'en' ? '.' : ',' });
}

function changeRow(app, left) {
  const short = left !== null && left < 0;
  return h('p', { class: 'left' + (short ? ' short' : ''), role: 'status' }, h('span', {}, app.t(short ? 'short' : 'change')),
    h('b', {}, left === null ? '—' : app.money(Math.abs(left))));
}

/** cashPart: an empty field means the exact sum, so that F9 and Enter are enough. */
function cashPart(app, d, total) {
  const given = d.given.trim() === '' ? total : parse(d.given, 2);
  const left = given === null ? null : given - total;
  const set = (text) => app.set({ given: text });
  return {
    command: left !== null && left >= 0 ? { tenders: [{ kind: CASH, amount: total }], given } : null,
    body: [
      h('div', { class: 'left-side' },
        moneyField(app, { id: 'given', label: app.t('received'), value: d.given, autofocus: true, placeholder: amount(total, app.lang), set }),
        h('div', { class: 'notes' }, notes(total, NOTES_MAX).map((sum, i) => button(app, {
          id: sum, label: i === 0 ? app.t('exact') : round(sum, app.lang), run: () => set(draft(sum, 2, app.lang)), cls: 'note', do: 'note', pressed: given === sum && d.given !== '',
        }))),
        changeRow(app, left)),
      pad(app, () => d.given, set),
    ],
  };
}

/** wholePart: certificates pay everything, no money changes hands. */
function wholePart(app) {
  return { command: {}, body: h('p', { class: 'terminal' }, app.t('payWhole')) };
}

function cardPart(app, d, total) {
  return {
    command: { tenders: [{ kind: CARD, amount: total }] },
    body: h('p', { class: 'terminal' }, app.t('cardText', { sum: app.money(total) })),
  };
}

function mixedPart(app, d, total) {
  const card = parse(d.card, 2);
  const fits = card !== null && card > 0 && card < total;
  const cash = fits ? total - card : null;
  const given = d.given.trim() === '' ? cash : parse(d.given, 2);
  const left = cash === null || given === null ? null : given - cash;
  const which = d.on || 'card';
  const set = (text) => app.set({ [which]: text });
  return {
    command: left !== null && left >= 0 ? { tenders: [{ kind: CARD, amount: card }, { kind: CASH, amount: cash }], given } : null,
    body: [
      h('div', { class: 'left-side' },
        moneyField(app, { id: 'card', label: app.t('cardPart'), value: d.card, autofocus: true, set: (text) => app.set({ card: text }), focus: () => app.set({ on: 'card' }) }),
        moneyField(app, { id: 'given', label: app.t('cashPart') + ', ' + app.t('received').toLowerCase(), value: d.given, placeholder: cash === null ? '' : amount(cash, app.lang),
          set: (text) => app.set({ given: text }), focus: () => app.set({ on: 'given' }) }),
        changeRow(app, left),
        fits && h('p', { class: 'terminal' }, app.t('cardText', { sum: app.money(card) }))),
      pad(app, () => d[which], set),
    ],
  };
}

/**
 * backTenders spreads a return. What the till says is a certificate's goes back to it, whatever is chosen for the
 * rest: a return must not turn it into cash. Then back to the card up to what the card paid, the rest in cash.
 */
export function backTenders(how, paid, total) {
  const by = (is) => paid.filter((t) => is(t.kind)).reduce((sum, t) => sum + t.amount, 0);
  const advance = Math.min(by((kind) => kind === ADVANCE), total);
  const rest = total - advance;
  const card = how === 'cash' ? 0 : how === 'card' ? rest : Math.min(by((kind) => kind !== CASH && kind !== ADVANCE), rest);
  return [{ kind: ADVANCE, amount: advance }, { kind: CARD, amount: card }, { kind: CASH, amount: rest - card }].filter((t) => t.amount > 0);
}

/** otherWay tells whether more goes back in some way than the till lets a cashier give: a manager's PIN is needed. */
const otherWay = (tenders, paid) => tenders.some((t) => t.amount > paid.filter((p) => p.kind === t.kind).reduce((sum, p) => sum + p.amount, 0));

const PARTS = { [CASH]: 'cashPart', [CARD]: 'cardPart', [ADVANCE]: 'certificatePart' };

export function returnPayDialog(app, d) {
  const r = app.view.return;
  const tenders = backTenders(d.how, r.tenders, r.total);
  const card = tenders.find((t) => t.kind === CARD);
  const manager = r.manager || otherWay(tenders, r.tenders);
  const go = async () => {
    const pin = d.pin || undefined;
    app.set({ pin: '' });
    await app.finish({ do: 'return-pay', tenders, reason: d.reason.trim(), pin });
  };
  const setPin = (pin) => app.set({ pin: pin.replace(/\D/g, '') });
  const reasons = app.t('returnReasons').split('|');
  return dialog(app, { id: 'return-pay', title: app.t('returnPay'), cls: 'pay-dialog', shut: app.shut },
    h('div', { class: 'due' }, h('span', {}, app.t('returnTotal')), h('output', {}, app.money(r.total))),
    ways(app, d.how, [!r.foreign && ['as-paid', app.t('returnAsPaid'), 'F8'], ['cash', app.t('payCash'), 'F9'], ['card', app.t('payCard'), 'F10']].filter(Boolean), (how) => app.set({ how }), app.t('returnHow')),
    h('p', { class: 'split', role: 'status' }, tenders.map((t) => app.t(PARTS[t.kind]) + ': ' + app.money(t.amount)).join(' · ')),
    card && h('p', { class: 'terminal' }, app.t('returnCard', { sum: app.money(card.amount) })),
    h('div', { class: 'notes' }, reasons.map((name, i) => button(app, { id: name, label: name, key: ['F2', 'F3', 'F4'][i], pressed: d.reason === name, run: () => app.set({ reason: name }), cls: 'note', do: 'reason' }))),
    h('div', { class: manager ? 'paying' : 'paying how-card', key: 'back' },
      h('div', { class: 'left-side' },
        field(app, { id: 'reason', label: app.t('reason'), value: d.reason, autofocus: true, input: (reason) => app.set({ reason }) }),
        field(app, { id: 'pin', key: 'F7', label: app.t(manager ? 'managerPin' : 'returnPin'), type: 'password', mode: manager ? 'none' : 'numeric', value: d.pin, max: 12, input: setPin }),
        manager && h('p', { class: 'muted' }, app.t('returnManager'))),
      manager && keypad(app, { get: () => d.pin, set: setPin })),
    button(app, { label: app.t('returnPay'), key: 'Enter', run: go, cls: 'primary wide', disabled: app.busy || !d.reason.trim() || tenders.length === 0 || (manager && !d.pin), do: 'confirm' }));
}
