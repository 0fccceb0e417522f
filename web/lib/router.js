// Which page is shown. The address after the `#` is the whole state of a page: `#/jobs?status=failed&q=timeout`. The
// server knows one page, so a bookmark works wherever that is served from.

import {fill, h} from './dom.js';

/** {path: ['jobs', '01H…'], query: URLSearchParams} */
export function parse_route(hash) {
  const text = hash.replace(/^#\/?/, '');
  const mark = text.indexOf('?');
  const path = mark < 0 ? text : text.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1));
  const segments = path.split('/').filter((part) => part !== '').map((part) => {
    try { return decodeURIComponent(part); } catch { return part; }
  });
  return {path: segments, query};
}

/** `#/jobs/ID?task=5`; entries that are empty are left out. */
export function link(path, query = {}) {
  const some = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== '' && value !== null && value !== undefined && value !== false) some.set(name, value);
  }
  const text = some.toString();
  return '#/' + path.map(encodeURIComponent).join('/') + (text ? '?' + text : '');
}

/** Changes the address without showing the page anew. */
export function set_address(path, query) {
  history.replaceState(null, '', link(path, query));
}

export function go(path, query) {
  location.hash = link(path, query);
}

/**
 * Shows the page of the address, now and whenever that changes. `pages` is {name: show}; show(root, route, signal) fills
 * the root, and `signal` is aborted when another page comes.
 */
export function start(root, pages, on_shown) {
  let shown = new AbortController();
  let before = '';
  const show = async () => {
    if (location.hash === '#main') return;
    const route = parse_route(location.hash);
    const name = route.path[0] || 'jobs';
    shown.abort();
    shown = new AbortController();
    const {signal} = shown;
    const path = route.path.join('/');
    // The same page with another filter: whoever had the focus keeps it.
    const focused = path === before && document.activeElement ? document.activeElement.id : '';
    const place = h('div', {class: 'page'});
    on_shown(name);
    try {
      if (!pages[name]) throw new Error(`There is no page “${name}”.`);
      await pages[name](place, route, signal);
    } catch (error) {
      if (signal.aborted) return;
      fill(place, h('h1', {}, 'This cannot be shown'), h('p', {class: 'fault', role: 'alert'}, error.message),
        h('p', {}, h('a', {href: '#/jobs'}, 'All jobs')));
    }
    if (signal.aborted) return;
    fill(root, place);
    const again = focused && document.getElementById(focused);
    if (again) again.focus();
    else if (before && path !== before) root.focus();
    before = path;
    document.dispatchEvent(new CustomEvent('page-shown', {detail: name}));
  };
  window.addEventListener('hashchange', show);
  show();
}
