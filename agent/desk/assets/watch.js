// Rules against fraud, as calm sentences under the basket: below the list, where their coming and going
// moves nothing that a finger may be reaching for. They speak of the receipt, never of the customer.

import { h } from './tree.js';
import { button, dialog, icon, keypad, field } from './parts.js';

const waits = (w) => w.measure === 'pin' && !w.permitted;

/** watchStrips: one strip for each rule; the first that waits for a manager has the button for all. */
export function watchStrips(app, list) {
  if (!list || !list.length) return null;
  const first = list.find(waits);
  return h('div', { class: 'watch', key: 'watch', role: 'region', 'aria-label': app.t('watch') }, list.map((w) => h('div', {
    class: 'strip ' + (waits(w) ? 'warning' : 'calm'), key: w.rule, role: 'status',
  },
  icon(waits(w) ? 'lock' : 'info'), h('p', {}, app.say(w.text)),
  w.permitted && h('span', { class: 'tag gives' }, app.t('permitted')),
  w === first && button(app, { label: app.t('managerPin'), key: 'Ctrl+P', run: () => app.open('permit', { pin: '' }), cls: 'small', do: 'permit' }))));
}

const listOf = (app) => (app.view.stage === 'return' ? app.view.return.watch : app.view.basket.watch) || [];

/** permitDialog asks a manager; "without points" is always a way on, so that goods never wait. */
export function permitDialog(app, d) {
  const open = listOf(app).filter(waits);
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
      app.view.stage !== 'return' && button(app, { label: app.t('permitNone'), key: 'F4', run: () => app.finish({ do: 'permit' }), cls: 'wide', disabled: app.busy, do: 'permit-none' }),
      button(app, { label: app.t('permitDo'), key: 'Enter', run: go, cls: 'primary wide', disabled: !d.pin || app.busy, do: 'permit-do' })));
}
