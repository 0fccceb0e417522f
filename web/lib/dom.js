// Makes DOM nodes. Whatever is a string becomes text, never markup: nothing that a user typed can become part of the
// page's structure. No other module makes nodes in another way.

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

function set(node, properties) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  return node;
}

/** h('a', {href: '#/jobs', click: f}, 'Jobs'): functions are listeners, all else are attributes. */
export function h(tag, properties, ...children) {
  return append(set(document.createElement(tag), properties), children);
}

/** The same for SVG. */
export function s(tag, properties, ...children) {
  return append(set(document.createElementNS('http://www.w3.org/2000/svg', tag), properties), children);
}

/** Puts the children in place of what the node has. */
export function fill(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

/** Does it at most once in so many milliseconds, the last time included. `stop` forgets what is due. */
export function throttled(milliseconds, work) {
  let last = 0;
  let timer = 0;
  const run = () => {
    timer = 0;
    last = performance.now();
    work();
  };
  const ask = () => {
    if (!timer) timer = setTimeout(run, Math.max(0, last + milliseconds - performance.now()));
  };
  ask.stop = () => {
    clearTimeout(timer);
    timer = 0;
  };
  return ask;
}

/**
 * Does it one at a time: whoever asks while it is being done gets it done once more after that. So what is shown at last
 * is what was asked for last, however long answers take.
 */
export function one_at_a_time(work) {
  let running = null;
  let next = null;
  const begin = () => {
    running = work().finally(() => { running = null; });
    return running;
  };
  return () => {
    if (next) return next;
    if (!running) return begin();
    next = running.catch(() => {}).then(() => {
      next = null;
      return begin();
    });
    return next;
  };
}

/** Notes when something was on the screen for the first time, for those who measure that. */
export function mark_shown(name) {
  if (performance.getEntriesByName(name, 'mark').length) return;
  requestAnimationFrame(() => setTimeout(() => {
    if (!performance.getEntriesByName(name, 'mark').length) performance.mark(name);
  }));
}

let last_id = 0;
/** An id that no other element has. */
export function new_id(prefix) {
  return `${prefix}-${++last_id}`;
}
