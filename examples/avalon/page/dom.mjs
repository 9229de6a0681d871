// Small helpers for the document. Whatever people wrote is only ever textContent or an attribute, never markup.

export const $ = (id) => document.getElementById(id);

/** Makes an element: properties as in the DOM, `data` for data-*, `aria` for aria-*. */
export function el(tag, { data, aria, ...properties } = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  Object.assign(node.dataset, data);
  for (const [name, value] of Object.entries(aria || {})) node.setAttribute("aria-" + name, value);
  node.append(...children);
  return node;
}

/** Writes only what changed, so that nothing is announced twice and no selection is lost. */
export function text(node, value) {
  const now = String(value);
  if (node.textContent !== now) node.textContent = now;
}

/** Sets an attribute; null, undefined and false remove it. */
export function attr(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

const kept = new WeakMap();

/** Keeps one child of parent for each item, in order. Nodes live as long as their key, and with them focus and animations. */
export function each(parent, items, keyOf, make, update = () => {}) {
  const before = kept.get(parent) || new Map();
  const now = new Map(items.map((item) => [keyOf(item), item]));
  for (const [key, node] of before) if (!now.has(key)) node.remove();
  let at = parent.firstElementChild;
  for (const [key, item] of now) {
    const node = before.get(key) || make(item);
    update(node, item);
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
    now.set(key, node);
  }
  kept.set(parent, now);
}

/** Local or session storage can be forbidden; then nothing is remembered and nothing breaks. */
export function storage(kind) {
  try {
    return window[kind];
  } catch (err) {
    return null;
  }
}
