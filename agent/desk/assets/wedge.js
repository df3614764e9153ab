// A keyboard scanner types like a person, only faster, and mostly ends with Enter or Tab. What bites: with the Russian
// layout on it types Cyrillic, so characters are taken from the key's place and not from its letter; the separator GS
// of marked goods comes as a shortcut or as an Alt code; its Enter must press nothing on the page; and what a person
// has typed must never pass for a scan, for a scanned card is a card in hand.
//
// All here is pure: events go in, words come out. The page in app.js does what they say.

/** How the till is told that a scanner typed: the name in the command. */
export const SCANNER = 'wedge';
/** Slower than any scanner on a cable, faster than any hand over several keys (milliseconds between keys). */
export const GAP_MAX = 60;
/** What a scanner keeps on the average; short bursts must, since two or three quick keys are a person's. */
export const GAP_MEAN = 35;
/** From this length on no hand keeps up GAP_MAX from key to key. */
export const LENGTH_LONG = 8;
/** The shortest code worth scanning. */
export const LENGTH_MIN = 4;
/** In a text field only a longer burst counts: two quick keys and Enter are a person's. */
export const LENGTH_MIN_FIELD = 6;
/** A scanner that ends with nothing is told by this pause after a long, quick burst. */
export const PAUSE = 140;
/** The separator inside the codes of marked goods. */
export const GS = '\u001d';
/** Before the first GS of such a code stand 01, fourteen digits, 21 and a serial number. */
const GS_FROM = 18;

const SHIFTED = {
  Digit1: '!', Digit2: '@', Digit3: '#', Digit4: '$', Digit5: '%', Digit6: '^', Digit7: '&', Digit8: '*',
  Digit9: '(', Digit0: ')', Minus: '_', Equal: '+', BracketLeft: '{', BracketRight: '}', Backslash: '|',
  Semicolon: ':', Quote: '"', Comma: '<', Period: '>', Slash: '?', Backquote: '~',
};
const PLAIN = {
  Minus: '-', Equal: '=', BracketLeft: '[', BracketRight: ']', Backslash: '\\', Semicolon: ';', Quote: "'",
  Comma: ',', Period: '.', Slash: '/', Backquote: '`', Space: ' ', NumpadDecimal: '.', NumpadAdd: '+',
  NumpadSubtract: '-', NumpadMultiply: '*', NumpadDivide: '/',
};

/** charOf is the character of a key as the scanner means it, by the US layout; null when it types nothing. */
export function charOf(e) {
  if (e.ctrlKey && e.code === 'BracketRight') return GS; // how most scanners send it
  if (e.ctrlKey || e.altKey || e.metaKey) return null;
  const code = e.code || '';
  const capitals = e.shiftKey !== (e.capsLock === true);
  if (/^Key[A-Z]$/.test(code)) return capitals ? code[3] : code[3].toLowerCase();
  if (/^Numpad\d$/.test(code)) return code[6];
  if (e.shiftKey && SHIFTED[code]) return SHIFTED[code];
  if (/^Digit\d$/.test(code)) return code[5];
  if (PLAIN[code]) return PLAIN[code];
  return e.key && e.key.length === 1 ? e.key : null; // no place is known: the till undoes the layout
}

/** AltCodes puts together what scanners type as Alt and digits of the number pad: GS as 029, and some all of a code. */
export class AltCodes {
  constructor() {
    this.digits = '';
  }

  /** down takes a key; true when it belongs to an Alt code. */
  down(e) {
    if (!e.altKey || e.ctrlKey || e.metaKey || !/^Numpad\d$/.test(e.code || '')) return false;
    this.digits = (this.digits + e.code[6]).slice(-4);
    return true;
  }

  /** up takes a key that was let go; the character when it was Alt after digits, else null. */
  up(e) {
    if (e.key !== 'Alt' || this.digits === '') return null;
    const n = Number(this.digits);
    this.digits = '';
    return n === 29 || (n >= 32 && n < 127) ? String.fromCharCode(n) : null;
  }
}

/** Burst gathers keys; it holds what came fast enough in one go. */
export class Burst {
  constructor() {
    this.clear();
  }

  clear() {
    this.text = '';
    this.began = -Infinity;
    this.at = -Infinity;
    this.human = false;
    this.caps = false;
  }

  /** touch is a key that has no character of its own; true when it begins a new burst. */
  touch(time) {
    const first = time - this.at > GAP_MAX;
    if (first) {
      this.clear();
      this.began = time;
    }
    this.at = time;
    return first;
  }

  /** add takes a key's character and says whether it begins a new burst. A key that is held down is a person's. */
  add(char, time, { repeat = false, caps = false } = {}) {
    const first = this.touch(time);
    this.text += char;
    this.human = this.human || repeat;
    this.caps = this.caps || (caps && /[a-z]/i.test(char));
    return first;
  }

  /** enter ends the burst: the scanned text, or null when it was a person. */
  enter(time, lengthMin) {
    const text = time - this.at <= GAP_MAX && this.scanned(lengthMin) ? this.text : null;
    this.clear();
    return text;
  }

  /** pause ends a burst that nothing else has ended. It must be long, and quick as only a machine is. */
  pause() {
    const text = this.scanned(LENGTH_LONG) && this.mean() <= GAP_MEAN ? this.text : null;
    this.clear();
    return text;
  }

  scanned(lengthMin) {
    return !this.human && this.text.length >= lengthMin && (this.text.length >= LENGTH_LONG || this.mean() <= GAP_MEAN);
  }

  mean() {
    return this.text.length > 1 ? (this.at - this.began) / (this.text.length - 1) : Infinity;
  }

  /** running tells a key inside a burst from one of a person. */
  running(time) {
    return this.text.length > 1 && time - this.at <= GAP_MAX;
  }

  /** separates tells an F8 that a scanner types for GS from one that a person presses. */
  separates(e, time) {
    return e.code === 'F8' && !e.ctrlKey && !e.altKey && !e.shiftKey && this.text.length >= GS_FROM && this.running(time);
  }
}

/** damaged tells a marking code whose letters Caps Lock may have turned round: nobody can say which they were. */
export function damaged(text, caps) {
  return caps && /^\u001d?01\d{14}21/.test(text);
}
