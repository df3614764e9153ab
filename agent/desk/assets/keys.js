// Names of keys, one spelling for handlers and for hints. A key that types something is never a
// shortcut: a scanner would press it.

/** nameOf an event: "F2", "Ctrl+Delete", "Enter". Keys of the number pad without Num Lock count as themselves. */
export function nameOf(e) {
  const mods = (e.ctrlKey ? 'Ctrl+' : '') + (e.altKey ? 'Alt+' : '') + (e.metaKey ? 'Meta+' : '');
  if (e.ctrlKey && /^Key[A-Z]$/.test(e.code || '')) return mods + e.code[3]; // whatever the layout
  return mods + e.key;
}

const HINTS = {
  ru: { Delete: 'Del', Escape: 'Esc', ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→' },
  en: { Delete: 'Del', Escape: 'Esc', ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→' },
};

/** hint is a key's name as it stands on the keyboard: "Ctrl Del". */
export function hint(name, lang) {
  return name.split('+').map((part) => HINTS[lang][part] || part).join(' ');
}

/** forField tells keys that edit text and so belong to the field that has the focus. */
export function forField(name) {
  return /^(Delete|Backspace|ArrowLeft|ArrowRight|Home|End|Ctrl\+(A|C|V|X|Z)|Ctrl\+(Arrow|Delete|Backspace).*)$/.test(name);
}

/** safe tells a name that no scanner can type. */
export function safe(name) {
  return name.length > 1;
}
