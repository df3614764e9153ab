// A page is a tree of plain objects; patch makes the document equal to it and touches only what differs,
// so that a basket of 200 lines costs no more than the line that changed.

/** h describes an element. Props: `key` for lists, `on…` for listeners, `born` called once when in the document. */
export function h(tag, props, ...kids) {
  return { tag, props: props || {}, key: props && props.key, kids: flat(kids, []) };
}

/** memo is a node that is not even looked at while its dependencies (a string) stay the same. */
export function memo(key, deps, make) {
  return { memo: true, key, deps, make };
}

function flat(kids, out) {
  for (const kid of kids) {
    if (kid === null || kid === undefined || kid === false || kid === true) continue;
    if (Array.isArray(kid)) flat(kid, out);
    else if (typeof kid === 'object') out.push(kid);
    else out.push({ text: String(kid) });
  }
  return out;
}

/** mount draws kids into root, reusing what an earlier mount left there. */
export function mount(root, kids) {
  const born = [];
  patchKids(root, root.drawn || [], (root.drawn = flat([kids], [])), born);
  for (const act of born) act();
}

function patchKids(parent, old, fresh, born) {
  const keyed = new Map();
  for (const node of old) if (node.key !== undefined) keyed.set(node.key, node);
  const free = old.filter((node) => node.key === undefined);
  const used = new Set();
  const plan = fresh.map((node) => {
    const match = node.key !== undefined ? keyed.get(node.key) : take(free, node);
    if (match && alike(match, node) && !used.has(match)) {
      used.add(match);
      return match;
    }
    return null;
  });
  for (const node of old) if (!used.has(node)) node.el.remove();
  let at = parent.firstChild;
  fresh.forEach((node, i) => {
    const el = plan[i] ? update(plan[i], node, born) : create(node, parent.namespaceURI, born);
    if (el === at) at = at.nextSibling;
    else parent.insertBefore(el, at);
  });
}

function take(free, node) {
  const i = free.findIndex((old) => alike(old, node));
  return i < 0 ? null : free.splice(i, 1)[0];
}

function alike(a, b) {
  return a.memo === b.memo && a.tag === b.tag && (a.text === undefined) === (b.text === undefined);
}

const SVG = 'http://www.w3.org/2000/svg';

function create(node, space, born) {
  if (node.text !== undefined) return (node.el = document.createTextNode(node.text));
  if (node.memo) {
    node.inner = node.make();
    return (node.el = create(node.inner, space, born));
  }
  const el = node.tag === 'svg' || space === SVG
    ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  node.el = el;
  patchKids(el, [], node.kids, born);
  setProps(el, {}, node.props);
  if (node.props.born) born.push(() => node.props.born(el));
  return el;
}

function update(old, node, born) {
  const el = (node.el = old.el);
  if (node.text !== undefined) {
    if (node.text !== old.text) el.data = node.text;
  } else if (node.memo) {
    if (node.deps === old.deps) {
      node.inner = old.inner;
    } else {
      node.inner = node.make();
      update(old.inner, node.inner, born);
    }
  } else {
    patchKids(el, old.kids, node.kids, born);
    setProps(el, old.props, node.props);
  }
  return el;
}

function setProps(el, old, fresh) {
  for (const name in old) if (!(name in fresh)) setProp(el, name, null);
  for (const name in fresh) {
    if (name === 'value' ? el.value !== fresh.value : fresh[name] !== old[name]) setProp(el, name, fresh[name]);
  }
}

function setProp(el, name, value) {
  if (name === 'key' || name === 'born') return;
  if (name.startsWith('on') || name === 'value' || name === 'checked' || name === 'disabled') el[name] = value;
  else if (value === null || value === undefined || value === false) el.removeAttribute(name);
  else el.setAttribute(name, value === true ? '' : value);
}
