// SPDX-License-Identifier: Apache-2.0
// Elements and tables. Everything from the outside goes in as text, never as markup: names, paths
// and versions are written by the attackers that this dashboard shows.

const bound = new WeakSet(); // elements with listeners

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) {
      node.addEventListener(name.slice(2), value);
      bound.add(node);
    }
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function mayStay(old, node) {
  return old.isEqualNode(node) && !bound.has(node) &&
    ![...(node.querySelectorAll?.('*') ?? [])].some((inner) => bound.has(inner));
}

function mayDescend(old, node) {
  return old instanceof Element && old.nodeName === node.nodeName && !bound.has(old) &&
    !bound.has(node) && old.childNodes.length && node.childNodes.length &&
    old.cloneNode().isEqualNode(node.cloneNode());
}

// Makes these the children of `parent`, and leaves alone what is there already: nothing flickers,
// scrolls or loses its focus. What listens is always replaced, as it knows what it was made for.
export function patch(parent, nodes) {
  nodes.forEach((node, index) => {
    const old = parent.childNodes[index];
    if (!old) parent.append(node);
    else if (mayStay(old, node)) return;
    else if (mayDescend(old, node)) patch(old, [...node.childNodes]);
    else old.replaceWith(node);
  });
  while (parent.childNodes.length > nodes.length) parent.lastChild.remove();
}

// columns: [title, cell(item)] pairs; a cell is a node or text.
export function table(columns, items, empty) {
  if (!items.length) return element('p', { class: 'empty' }, empty);
  const head = element('tr', {}, ...columns.map(([title]) => element('th', { scope: 'col' }, title)));
  const rows = items.map((item) => element('tr', {}, ...columns.map(([, cell]) =>
    element('td', {}, cell(item) ?? ''))));
  return element('div', { class: 'scroll' },
    element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)));
}

// pairs: [term, value]; empty values are left out.
export function definitions(pairs) {
  const shown = pairs.filter(([, value]) => value !== '' && value !== null && value !== undefined);
  return element('dl', {}, ...shown.flatMap(([term, value]) =>
    [element('dt', {}, term), element('dd', {}, value instanceof Node ? value : String(value))]));
}

export function tag(word) {
  return word ? element('span', { class: `tag ${word}` }, word) : null;
}

export function mono(text) {
  return element('span', { class: 'mono' }, text);
}

export function time(text) {
  if (!text) return '—';
  const when = new Date(text);
  return element('time', { datetime: text, title: text }, when.toLocaleString());
}

export function runLink(id) {
  return element('a', { href: `#/runs/${id}`, class: 'mono' }, id.slice(0, 12));
}

export function card(value, label) {
  return element('div', { class: 'card' }, element('b', {}, String(value)), element('span', {}, label));
}
