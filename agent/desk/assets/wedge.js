// A keyboard scanner types like a person, only faster, and ends with Enter. Two things bite: with the
// Russian layout on, it types Cyrillic, so characters are taken from the key's place and not from its
// letter; and its Enter must press nothing on the page.

/** Slower than any scanner, faster than any hand over several keys (milliseconds between keys). */
export const GAP_MAX = 60;
/** The shortest code worth scanning. */
export const LENGTH_MIN = 4;
/** In a text field only a longer burst counts: two quick keys and Enter are a person's. */
export const LENGTH_MIN_FIELD = 6;

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
  if (e.ctrlKey && e.code === 'BracketRight') return '\u001d'; // how scanners send the GS of marked goods
  if (e.ctrlKey || e.altKey || e.metaKey) return null;
  const code = e.code || '';
  const capitals = e.shiftKey !== (e.capsLock === true);
  if (/^Key[A-Z]$/.test(code)) return capitals ? code[3] : code[3].toLowerCase();
  if (/^Numpad\d$/.test(code)) return code[6];
  if (e.shiftKey && SHIFTED[code]) return SHIFTED[code];
  if (/^Digit\d$/.test(code)) return code[5];
  if (PLAIN[code]) return PLAIN[code];
  return e.key && e.key.length === 1 ? e.key : null;
}

/** Burst gathers keys; it holds what came fast enough in one go. */
export class Burst {
  constructor() {
    this.clear();
  }

  clear() {
    this.text = '';
    this.at = -Infinity;
  }

  /** add takes a key's character and says whether it begins a new burst. */
  add(char, time) {
    const first = time - this.at > GAP_MAX;
    if (first) this.text = '';
    this.text += char;
    this.at = time;
    return first;
  }

  /** enter ends the burst: the scanned text, or null when it was a person. */
  enter(time, lengthMin) {
    const whole = this.text.length >= lengthMin && time - this.at <= GAP_MAX;
    const text = whole ? this.text : null;
    this.clear();
    return text;
  }

  /** running tells a key inside a burst from one of a person. */
  running(time) {
    return this.text.length > 1 && time - this.at <= GAP_MAX;
  }
}
