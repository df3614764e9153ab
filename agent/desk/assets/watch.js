// Rules against fraud, as calm sentences under the basket: below the list, where their coming and going
// moves nothing that a finger may be reaching for. They speak of the receipt, never of the customer.

import { h } from './tree.js';
import { button, dialog, icon, keypad, field } from './parts.js';

/** wantedStrip asks for the marking code of goods whose barcode was scanned; a scan answers it, or it is left. */
export function wantedStrip(app) {
  const name = app.view.basket.wanted;
  if (!name) return null;
  return h('div', { class: 'watch wanted', key: 'wanted', role: 'region', 'aria-label': app.t('markWanted') },
    h('div', { class: 'strip warning', role: 'status' }, icon('barcode'), h('p', {}, app.t('markWantedText', { name })),
      button(app, { label: app.t('markLeave'), key: 'Ctrl+B', run: () => app.act({ do: 'drop-mark' }), cls: 'small', disabled: app.busy, do: 'drop-mark' })));
}

const waits = (w) => w.measure === 'pin' && !w.permitted;

/**
 * watchStrips: one strip for each rule; the first that waits for a manager has the button for all. With `later`
 * the PIN is asked for at the end, as it is of a return.
 */
export function watchStrips(app, list, later) {
  if (!list || !list.length) return null;
  const first = list.find(waits);
  return h('div', { class: 'watch', key: 'watch', role: 'region', 'aria-label': app.t('watch') }, list.map((w) => h('div', {
    class: 'strip ' + (waits(w) ? 'warning' : 'calm'), key: w.rule, role: 'status',
  },
  icon(waits(w) ? 'lock' : 'info'), h('p', {}, app.say(w.text)),
  w.permitted && h('span', { class: 'tag gives' }, app.t('permitted')),
  later && waits(w) && h('span', { class: 'tag' }, app.t('permitLater')),
  !later && w === first && button(app, { label: app.t('managerPin'), key: 'Ctrl+P', run: () => app.open('permit', { pin: '' }), cls: 'small', do: 'permit' }))));
}

/** permitDialog asks a manager; "without points" is always a way on, so that goods never wait. */
export function permitDialog(app, d) {
  const open = (app.view.basket.watch || []).filter(waits);
  const set = (pin) => app.set({ pin: pin.replace(/\D/g, '') });
  const go = async () => {
    if (!d.pin || app.busy) return;
    const pin = d.pin;
    app.set({ pin: '' });
    await app.finish({ do: 'permit', pin, yes: true });
  };
  return dialog(app, { id: 'permit', title: app.t('permitTitle'), shut: app.shut },
    h('ul', { class: 'why' }, open.map((w) => h('li', {}, app.say(w.text)))),
    field(app, { id: 'permit-pin', label: app.t('managerPin'), type: 'password', mode: 'none', value: d.pin, max: 12, autofocus: true, cls: 'pin', input: set }),
    keypad(app, { get: () => d.pin, set }),
    h('div', { class: 'pair' },
      button(app, { label: app.t('permitNone'), key: 'F4', run: () => app.finish({ do: 'permit' }), cls: 'wide', disabled: app.busy, do: 'permit-none' }),
      button(app, { label: app.t('permitDo'), key: 'Enter', run: go, cls: 'primary wide', disabled: !d.pin || app.busy, do: 'permit-do' })));
}
