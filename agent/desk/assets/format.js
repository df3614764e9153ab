// Figures for people. Everything that comes and goes is an integer: kopecks, hundredths of a point,
// thousandths of a piece. No figure is ever a fraction in between.

const NBSP = '\u00a0';
const MINUS = '\u2212';

function split(value, places, lang) {
  const digits = String(Math.abs(value)).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, lang === 'en' ? ',' : NBSP);
  return { sign: value < 0 ? MINUS : '', whole: grouped, rest: digits.slice(digits.length - places) };
}

const point = (lang) => (lang === 'en' ? '.' : ',');

/** money(123450, 'ru') is "1 234,50 ₽". */
export function money(kopecks, lang) {
  return amount(kopecks, lang) + NBSP + '₽';
}

/** amount is money without the sign of the currency. */
export function amount(kopecks, lang) {
  const s = split(kopecks, 2, lang);
  return s.sign + s.whole + point(lang) + s.rest;
}

/** round(200000, 'ru') is "2 000 ₽": kopecks are left out when there are none. */
export function round(kopecks, lang) {
  const s = split(kopecks, 2, lang);
  return s.rest === '00' ? s.sign + s.whole + NBSP + '₽' : money(kopecks, lang);
}

/** points(24000, 'ru') is "240", points(1250, 'ru') is "12,50". */
export function points(hundredths, lang) {
  const s = split(hundredths, 2, lang);
  return s.sign + s.whole + (s.rest === '00' ? '' : point(lang) + s.rest);
}

/** qty(432, 'ru') is "0,432", qty(2000, 'ru') is "2"; a weighed quantity always shows its grams. */
export function qty(thousandths, lang, weighed) {
  const s = split(thousandths, 3, lang);
  const rest = weighed ? s.rest : s.rest.replace(/0+$/, '');
  return s.sign + s.whole + (rest ? point(lang) + rest : '');
}

/** draft is a figure as a person would type it into a field. */
export function draft(value, places, lang) {
  const s = split(value, places, lang);
  const rest = s.rest.replace(/0+$/, '');
  return String(Math.trunc(Math.abs(value) / 10 ** places)) + (rest ? point(lang) + s.rest : '');
}

/** parse reads what a person typed: "1 234,5" with 2 places is 123450; anything else is null. */
export function parse(text, places) {
  const m = /^(\d{1,9})(?:[.,](\d*))?$/.exec(text.replace(/[\s\u00a0]/g, ''));
  if (!m || (m[2] || '').length > places) return null;
  return Number(m[1] + (m[2] || '').padEnd(places, '0'));
}

/** plural picks the Russian form: plural(3, 'чек', 'чека', 'чеков') is "чека". */
export function plural(n, one, few, many) {
  const tens = n % 100, ones = n % 10;
  if (tens > 10 && tens < 20) return many;
  return ones === 1 ? one : ones > 1 && ones < 5 ? few : many;
}

let zone; // of the store; the machine's own may be another

/** setZone makes the formats below speak the store's time. A name that the browser does not know changes nothing. */
export function setZone(name) {
  if (!name || name === zone) return;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    zone = name;
  } catch { /* an old browser without this zone shows its own */ }
}

/** doc is a fiscal document's name; the till, like the paper, writes it in Russian. */
export const doc = (name, lang) => (lang === 'en' ? name.replace('ФН', 'FN').replace('ФД', 'FD') : name);

/** clock is hours and minutes at the till. */
export function clock(ms, lang) {
  return new Date(ms).toLocaleTimeString(lang === 'en' ? 'en-GB' : 'ru-RU', { hour: '2-digit', minute: '2-digit', timeZone: zone });
}

/** isoDay is the day at the till as 2027-01-31. */
export const isoDay = (ms) => new Date(ms).toLocaleDateString('en-CA', { timeZone: zone });

/** moment is a day and a time; today's day is left out. */
export function moment(ms, now, lang) {
  const then = new Date(ms);
  const date = (t) => t.toLocaleDateString('en-CA', { timeZone: zone });
  if (date(then) === date(new Date(now))) return clock(ms, lang);
  const day = then.toLocaleDateString(lang === 'en' ? 'en-GB' : 'ru-RU', { day: 'numeric', month: 'short', timeZone: zone });
  return day + ', ' + clock(ms, lang);
}

/** span is a duration in the largest fitting unit: "35 мин". */
export function span(ms, lang) {
  const minutes = Math.max(0, Math.floor(ms / 60000));
  if (minutes < 60) return minutes + NBSP + (lang === 'en' ? 'min' : 'мин');
  if (minutes < 48 * 60) return Math.floor(minutes / 60) + NBSP + (lang === 'en' ? 'h' : 'ч');
  return Math.floor(minutes / 1440) + NBSP + (lang === 'en' ? 'days' : 'дн');
}

const NOTES = [5000, 10000, 20000, 50000, 100000, 200000, 500000];

/** notes are the sums that a buyer is likely to hand over for a total, the exact sum first, at most `most`. */
export function notes(total, most) {
  const sums = new Set([total]);
  for (const note of NOTES) if (total > 0) sums.add(Math.ceil(total / note) * note);
  return [...sums].sort((a, b) => a - b).slice(0, most);
}
