// What only a manager does to the register: a correction receipt, and another fiscal storage.

import { h } from './tree.js';
import { button, dialog, field, figures, keypad, ways } from './parts.js';
import { dueOf } from './pay.js';
import { isoDay } from './format.js';

const CASH = 1, CARD = 2; // sale.TenderKind

export const correctionDraft = (app) => ({ of: 'sale', why: 'own', how: 'cash', day: isoDay(app.now()), number: '', reason: '', pin: '' });

const pinOf = (app) => (pin) => app.set({ pin: pin.replace(/\D/g, '') });

/** once sends a command with the PIN and forgets the PIN whatever the answer. */
async function once(app, d, command) {
  if (!d.pin || app.busy) return;
  const pin = d.pin;
  app.set({ pin: '' });
  await app.finish({ ...command, pin });
}

export function correctionDialog(app, d) {
  const total = dueOf(app.view.basket);
  const ordered = d.why === 'order';
  const ready = d.pin && d.day && (!ordered || d.number.trim());
  const set = pinOf(app);
  const go = () => ready && once(app, d, {
    do: 'correction', day: d.day, yes: ordered, code: ordered ? d.number.trim() : undefined, return: d.of === 'return',
    tenders: [{ kind: d.how === 'card' ? CARD : CASH, amount: total }], reason: d.reason.trim() || undefined,
  });
  const row = (label, now, list, key) => h('div', { class: 'asked' }, h('span', { class: 'asked-name' }, app.t(label)), ways(app, now, list, (v) => app.set({ [key]: v }), app.t(label)));
  return dialog(app, { id: 'correction', title: app.t('correction'), cls: 'correction', shut: app.shut },
    h('p', { class: 'muted' }, app.t('correctionText')),
    h('div', { class: 'due' }, h('span', {}, app.t('amount')), h('output', {}, app.money(total))),
    row('correctionWhat', d.of, [['sale', app.t('correctionSale'), 'F2'], ['return', app.t('correctionReturn'), 'F3']], 'of'),
    row('correctionWhy', d.why, [['own', app.t('correctionOwn'), 'F6'], ['order', app.t('correctionOrder'), 'F7']], 'why'),
    row('correctionPay', d.how, [['cash', app.t('payCash'), 'F9'], ['card', app.t('payCard'), 'F10']], 'how'),
    h('div', { class: 'paying', key: 'basis' },
      h('div', { class: 'left-side' },
        h('div', { class: ordered ? 'fields' : '' },
          field(app, { id: 'day', label: app.t('correctionDay'), type: 'date', value: d.day, autofocus: true, input: (day) => app.set({ day }) }),
          ordered && field(app, { id: 'number', key: 'F4', label: app.t('correctionNo'), value: d.number, max: 32, input: (number) => app.set({ number }) })),
        field(app, { id: 'why', label: app.t('reason'), value: d.reason, placeholder: app.t('contactHint'), input: (reason) => app.set({ reason }) }),
        field(app, { id: 'correction-pin', key: 'F8', label: app.t('managerPin'), type: 'password', mode: 'none', value: d.pin, max: 12, input: set })),
      keypad(app, { get: () => d.pin, set })),
    button(app, { label: app.t('correctionDo'), key: 'Enter', run: go, cls: 'primary wide', disabled: !ready || app.busy, do: 'correct' }));
}

export function swapDialog(app, d) {
  const swap = app.view.register.swap;
  if (!swap) {
    queueMicrotask(app.shut); // the old storage is back
    return null;
  }
  const set = pinOf(app);
  return dialog(app, { id: 'swap', title: app.t('swapTitle'), cls: 'swap', shut: app.shut, alert: true },
    h('p', {}, app.t('swapText')),
    figures([[app.t('swapWas'), swap.was], [app.t('swapIs'), swap.is]]),
    field(app, { id: 'swap-pin', label: app.t('managerPin'), type: 'password', mode: 'none', value: d.pin, max: 12, autofocus: true, cls: 'pin', input: set }),
    keypad(app, { get: () => d.pin, set }),
    button(app, { label: app.t('swapDo'), key: 'Enter', run: () => once(app, d, { do: 'storage', code: swap.is }), cls: 'primary wide', disabled: !d.pin || app.busy, do: 'swap-do' }));
}
