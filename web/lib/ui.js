// Small parts that several pages have.

import {address, content} from './api.js';
import {fill, h, new_id} from './dom.js';
import * as format from './format.js';
import {file_name, references} from './references.js';
import {link} from './router.js';
import {token} from './token.js';

/** A status, told by word and colour. */
export function badge(status) {
  return h('span', {class: `badge is-${status}`}, format.words(status));
}

/** A time with how long ago that was; the whole of it on hover. */
export function moment(text) {
  return text ? h('time', {datetime: text, title: text}, format.time(text)) : '–';
}

/** `linked`: each leads to the jobs that have it, if a search can say it. */
export function tags(list, linked = false) {
  return (list || []).map((tag) => (linked && /^[^\s,]+$/.test(tag)
    ? h('a', {class: 'tag', href: link(['jobs'], {q: `tag:${tag}`})}, tag) : h('span', {class: 'tag'}, tag)));
}

/** JSON as it is, and a button that copies it. */
export function json_block(title, value, level = 'h3') {
  const text = format.json(value);
  return h('section', {class: 'block'},
    h('div', {class: 'block-head'}, h(level, {}, title), copy_button(text, 'Copy', `Copy ${title}`)),
    references(value).map(artifact_link),
    h('pre', {tabindex: 0, role: 'region', 'aria-label': title}, text));
}

/** Leads to the content of a reference. A link cannot send a token: then a button fetches it. */
function artifact_link({where, reference}) {
  const path = `artifacts/${encodeURIComponent(reference.$artifact)}`;
  const name = file_name(reference);
  const words = where ? `The content of ${where}` : 'The whole value';
  return h('p', {}, token() ? h('button', {type: 'button', class: 'quiet small', click: () => act(() => save(path, name))}, words)
    : h('a', {href: address(path), download: name}, words),
  reference.size >= 0 ? ` ${format.plural(reference.size, 'byte')}` : null, reference.media_type ? ` of ${reference.media_type}` : null);
}

async function save(path, name) {
  const url = URL.createObjectURL(await content(path));
  h('a', {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);  // the browser has begun to write it long before
}

export function copy_button(text, label, spoken = label) {
  return h('button', {type: 'button', class: 'quiet small', 'aria-label': spoken, click: () => copy(text)}, label);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https there is no clipboard; a selection that is copied by hand always works.
    await confirm('Copy this', h('textarea', {readonly: true, rows: 6, 'aria-label': 'text to copy', focus: (event) => event.target.select()}, text), '');
    return;
  }
  notice('Copied.');
}

/** Says something at the edge of the page, and to screen readers. */
export function notice(text, kind = 'good') {
  const place = document.getElementById('notices');
  const note = h('p', {class: `notice ${kind}`}, text,
    h('button', {type: 'button', class: 'quiet small', 'aria-label': 'Close', click: () => note.remove()}, '×'));
  place.append(note);
  if (kind === 'good') setTimeout(() => note.remove(), 6000);
}

/** Runs what a button does, and says what goes wrong. */
export async function act(work, done) {
  try {
    const result = await work();
    if (done) notice(typeof done === 'function' ? done(result) : done);
    return result;
  } catch (error) {
    if (error.name !== 'AbortError') notice(error.message, 'bad');
    return undefined;
  }
}

/** Asks before something is done. `yes` empty: there is nothing to agree to. True: agreed. */
export function confirm(title, content, yes, danger = false) {
  return new Promise((resolve) => {
    const id = new_id('dialog');
    const agree = yes ? h('button', {type: 'submit', value: 'ok', class: danger ? 'danger' : ''}, yes) : null;
    const back = h('button', {type: 'button', class: 'quiet', click: () => dialog.close('')}, yes ? 'Back' : 'Close');
    const form = h('form', {submit: (event) => { event.preventDefault(); dialog.close('ok'); }},
      h('h2', {id}, title), typeof content === 'string' ? h('p', {}, content) : content,
      h('div', {class: 'buttons'}, agree, back));
    const dialog = h('dialog', {'aria-labelledby': id}, form);
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'ok');
    });
    document.body.append(dialog);
    dialog.showModal();
    if (danger) back.focus();
  });
}

/**
 * A table. `columns` are {title, cell(item), class}; `caption` is for screen readers. On narrow screens each row becomes
 * a card, for which each cell knows the title of its column.
 */
export function table(caption, columns, items, row_properties = () => ({})) {
  return h('table', {},
    h('caption', {class: 'unseen'}, caption),
    h('thead', {}, h('tr', {}, columns.map((column) => h('th', {scope: 'col', class: column.class}, column.title)))),
    h('tbody', {}, items.map((item) => table_row(columns, item, row_properties(item)))));
}

export function table_row(columns, item, properties) {
  return h('tr', properties, columns.map((column) =>
    h('td', {class: column.class, 'data-title': typeof column.title === 'string' ? column.title : ''}, column.cell(item))));
}

/** Term and description, one after the other; those without a description are left out. */
export function facts(...pairs) {
  return h('dl', {class: 'facts'}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))));
}

/** Says that a list is empty, and what could be done about it. */
export function nothing(text, ...more) {
  return h('p', {class: 'nothing'}, text, ' ', more);
}

/** How live the page is, in the header. */
export function show_link(state) {
  const names = {live: 'live', broken: 'connecting…', over: ''};
  const place = document.getElementById('link');
  place.className = `link ${state}`;
  if (place.textContent !== names[state]) fill(place, names[state]);
}

/** Calls `work` now and every so many milliseconds while the page is shown and looked at. */
export function repeat(milliseconds, signal, work) {
  let timer = 0;
  const round = async () => {
    if (signal.aborted) return;
    if (document.visibilityState !== 'hidden') {
      try { await work(); } catch (error) { if (!signal.aborted) notice_once(error.message); }
    }
    if (!signal.aborted) timer = setTimeout(round, milliseconds);
  };
  signal.addEventListener('abort', () => clearTimeout(timer));
  timer = setTimeout(round, milliseconds);
}

let last_said = '';
function notice_once(text) {
  if (text !== last_said) notice(text, 'bad');
  last_said = text;
}
