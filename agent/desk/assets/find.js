// Lists to pick from: rows found by the till, walked with the arrows, pressed with a finger.

import { h } from './tree.js';

/** A pause in typing before the till is asked. */
const WAIT = 70;

/** find asks for d.query unless that is what d.found already answers. */
export function find(app, d, url, list) {
  if (d.asked === d.query) return;
  d.asked = d.query;
  clearTimeout(d.timer);
  if (d.abort) d.abort.abort();
  d.abort = new AbortController();
  d.timer = setTimeout(() => ask(app, d, url + encodeURIComponent(d.query.trim()), list), d.found ? WAIT : 0);
}

async function ask(app, d, url, list) {
  const query = d.asked;
  try {
    const answer = await fetch(url, { signal: d.abort.signal });
    if (!answer.ok) throw new Error(answer.statusText);
    d.found = (await answer.json())[list];
    d.failed = false;
  } catch (e) {
    if (e.name === 'AbortError') return;
    d.found = [];
    d.failed = true;
  }
  d.answered = query; // what the rows are of: Enter waits for those of what was typed
  if (app.dialog === d) app.set({});
}

/** pickList: {row(item), take(item), none, alone} — `alone` when no text field keeps the focus. */
export function pickList(app, d, items, o) {
  d.at = Math.max(0, Math.min(d.at, items.length - 1));
  app.bind('ArrowDown', () => app.set({ at: Math.min(d.at + 1, items.length - 1) }));
  app.bind('ArrowUp', () => app.set({ at: Math.max(d.at - 1, 0) }));
  if (!items.length) return h('p', { class: 'muted none', role: 'status' }, d.found === null ? '' : o.none);
  return h('ol', { class: 'picks', 'data-for': d.answered }, items.map((item, i) => {
    const lit = d.at === i;
    return h('li', { key: i + (lit ? '/lit' : ''), born: lit ? (el) => el.scrollIntoView({ block: 'nearest' }) : null },
      h('button', {
        type: 'button', class: lit ? 'row lit' : 'row', 'aria-current': lit ? 'true' : null, tabindex: lit ? '0' : '-1',
        onmousedown: (e) => e.preventDefault(), onclick: o.take(item), autofocus: o.alone && lit,
      }, o.row(item)));
  }));
}
