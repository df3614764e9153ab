// The doctor's page: asks for the findings and shows the worst first. It needs nothing of the cashier's page, so that
// it works where that does not.
const text = {
  title: ['Осмотр кассы', 'Examination of the till'],
  again: ['Осмотреть снова', 'Examine again'],
  back: ['К кассе', 'Back to the till'],
  busy: ['Идёт осмотр, до полуминуты…', 'Examining, up to half a minute…'],
  failed: ['Программа кассы не ответила. Выполните на этой машине: kopilka-agent doctor', 'The till program did not answer. Run on this machine: kopilka-agent doctor'],
  ok: ['Всё в порядке', 'All is well'],
  warning: ['Касса продаёт, но требует внимания: {n}', 'The till sells, but needs attention: {n}'],
  error: ['Кассе нужна помощь: {n}', 'The till needs help: {n}'],
  at: ['осмотрена в {t}', 'examined at {t}'],
};
const levels = { ok: ['в порядке', 'ok'], warning: ['внимание', 'warning'], error: ['ошибка', 'error'] };
const subjects = {
  service: 'служба', version: 'версия', config: 'настройки', daemon: 'программа', folder: 'папка', disk: 'диск', rights: 'права', log: 'лог',
  ledger: 'журнал', clock: 'часы', register: 'касса', printer: 'принтер', display: 'дисплей', 'head office': 'офис',
};
const order = ['error', 'warning', 'ok'];

let lang = new URLSearchParams(location.search).get('lang') || document.documentElement.lang;
if (lang !== 'en') lang = 'ru';
let last = null;
let busy = false;

const t = (pair, put = {}) => Object.entries(put).reduce((s, [k, v]) => s.replace(`{${k}}`, v), pair[lang === 'en' ? 1 : 0]);

function make(tag, attrs, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs)) k === 'run' ? e.addEventListener('click', v) : e.setAttribute(k, v);
  e.append(...children);
  return e;
}

function head() {
  const title = make('h1', {}, t(text.title));
  if (last) title.append(make('span', { class: 'when' }, t(text.at, { t: new Date(last.at).toLocaleTimeString(lang === 'en' ? 'en-GB' : 'ru') })));
  const again = make('button', { class: 'button primary', id: 'again', run: examine }, t(text.again));
  again.disabled = busy;
  document.getElementById('head').replaceChildren(
    make('a', { class: 'button', id: 'back', href: '/' }, t(text.back)), title,
    make('button', { class: 'button', id: 'lang', lang: lang === 'en' ? 'ru' : 'en', run: turn }, lang === 'en' ? 'Русский' : 'English'), again);
}

function subject(s) {
  if (lang === 'en') return s;
  return s.startsWith('scanner ') ? 'сканер ' + s.slice(8) : subjects[s] || s;
}

function row(f) {
  const r = make('li', { class: 'row ' + f.level },
    make('span', { class: 'level' }, t(levels[f.level])), make('span', { class: 'subject' }, subject(f.subject)), make('span', {}, f.text[lang]));
  if (f.command) r.append(make('code', {}, f.command));
  return r;
}

function verdict(kind, words) { return make('p', { class: 'verdict ' + kind }, words); }

function draw(failed) {
  document.documentElement.lang = lang;
  document.title = 'Копилка: ' + t(text.title);
  head();
  const main = document.getElementById('findings');
  main.setAttribute('aria-busy', busy);
  if (failed) return main.replaceChildren(verdict('error', t(text.failed)));
  const parts = [];
  if (busy) parts.push(verdict('busy', t(text.busy)));
  if (last && !busy) {
    const n = last.findings.filter((f) => f.level === last.worst).length;
    parts.push(verdict(last.worst, t(text[last.worst], { n })));
  }
  if (last) {
    const sorted = [...last.findings].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
    parts.push(make('ul', { class: 'rows' }, ...sorted.map(row)));
  }
  main.replaceChildren(...parts);
}

function turn() {
  lang = lang === 'en' ? 'ru' : 'en';
  draw();
}

async function examine() {
  if (busy) return;
  busy = true;
  draw();
  let failed = false;
  try {
    const answer = await fetch('/doctor.json');
    if (!answer.ok) throw new Error(answer.statusText);
    last = await answer.json();
  } catch {
    failed = true;
  }
  busy = false;
  draw(failed);
}

examine();
