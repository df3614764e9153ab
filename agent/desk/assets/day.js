// The cashier's day: what they did with the programme so far, to be read in one glance.

import { h } from './tree.js';
import { button, dialog } from './parts.js';

/** shareOf is the percentage of receipts with a customer. */
export const shareOf = (k) => (k.receipts > 0 ? Math.round((100 * k.withCustomer) / k.receipts) : 0);

export function dayTiles(app, k) {
  const share = shareOf(k);
  const tile = (name, value, sub, more) => h('div', { class: 'day-tile' }, h('dt', {}, app.t(name)), h('dd', {}, h('b', {}, value), sub && h('span', {}, sub)), more);
  return h('dl', { class: 'day' },
    tile('dayReceipts', k.receipts),
    h('div', { class: 'day-tile' }, h('dt', {}, app.t('dayShare')),
      h('dd', {}, h('b', {}, share + '\u00a0%'), h('span', {}, app.t('dayOf', { n: k.withCustomer, of: k.receipts })),
        h('progress', { max: 100, value: share, 'aria-label': app.t('dayShare') }))),
    tile('dayEnrolled', k.enrolled),
    tile('dayEarned', app.points(k.earned), app.t('dayRedeemed', { n: app.points(k.redeemed) })),
    tile('dayReward', app.points(k.reward)),
    tile('dayRank', k.rank ? app.t('dayOf', { n: k.rank, of: k.of }) : '—', k.rank ? '' : app.t('dayNoRank')));
}

export function dayDialog(app) {
  const k = app.view.kpi;
  return dialog(app, { id: 'day', title: app.t('dayTitle') + (app.view.cashier ? ' · ' + app.view.cashier.name : ''), cls: 'day-dialog', shut: app.shut },
    k ? dayTiles(app, k) : h('p', { class: 'muted' }, app.t('dayNone')),
    button(app, { label: app.t('ok'), key: 'Enter', run: app.shut, cls: 'primary wide', do: 'ok' }));
}
