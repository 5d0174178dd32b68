// Building blocks of the page. Text goes in as text only: nothing here parses HTML.

export const byId = (id) => document.getElementById(id);

const svgNames = new Set(['svg', 'g', 'path', 'line', 'circle', 'rect', 'text']);

/** A new element with attributes and children; a child is an element or text. */
export function el(name, attributes = {}, ...children) {
  const made = svgNames.has(name) ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) set(made, key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Sets an attribute, or removes it for null and false; does nothing if it is so already. */
export function set(element, key, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(key);
  else if (element.getAttribute(key) !== String(value)) element.setAttribute(key, value === true ? '' : value);
}

/** Sets the text, unless it is there already: an unchanged text is not read out again and keeps its selection. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows one element of the two and hides the other. */
export function swap(shown, hidden, condition) {
  shown.hidden = !condition;
  hidden.hidden = condition;
}

/**
 * Makes a list's children stand for these items, in order. What stands for an item already is updated, not made anew, so it keeps focus,
 * selection and scroll position.
 */
export function keyed(list, items, keyOf, make, update) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let place = list.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = old.get(key);
    old.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    if (child === place) place = place.nextElementSibling;
    else list.insertBefore(child, place);
    update(child, item);
  }
  for (const left of old.values()) left.remove();
}

/** A row of a table that turns into a card on narrow screens, where each cell says by itself what it is. */
export function row(titles, numbers = []) {
  return el('tr', { role: 'row' }, ...titles.map((title, i) =>
    el('td', { role: 'cell', 'data-title': title, class: numbers.includes(i) ? 'number' : null })));
}
