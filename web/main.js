// The dashboard: one page, whose parts are modules. See docs/guide/dashboard.md.

import {fill, h} from './lib/dom.js';
import {go, start} from './lib/router.js';
import {confirm} from './lib/ui.js';
import {show_job} from './pages/job.js';
import {show_jobs} from './pages/jobs.js';
import {show_schedules} from './pages/schedules.js';
import {show_submit} from './pages/submit.js';
import {show_system} from './pages/system.js';
import {show_tasks} from './pages/tasks.js';
import {show_types} from './pages/types.js';
import {show_workers} from './pages/workers.js';

const pages = {
  jobs: (root, route, signal) => (route.path[1] ? show_job : show_jobs)(root, route, signal),
  submit: show_submit,
  types: show_types,
  tasks: show_tasks,
  schedules: show_schedules,
  workers: show_workers,
  system: show_system,
};

const menu = [['jobs', 'Jobs', 'j'], ['submit', 'Submit', 's'], ['types', 'Job types', 't'], ['tasks', 'Tasks', 'k'],
  ['schedules', 'Schedules', 'c'], ['workers', 'Queues', 'q'], ['system', 'System', 'y']];

function show_menu(current) {
  const nav = document.getElementById('nav');
  fill(nav, menu.map(([name, title]) =>
    h('a', {href: `#/${name}`, 'aria-current': name === current ? 'page' : null}, title)));
}

/** Where the menu is wider than the screen, the page that is shown is to be seen in it. */
function show_place_in_menu() {
  if (narrow.matches) document.querySelector('#nav [aria-current]')?.scrollIntoView({block: 'nearest', inline: 'center'});
}
const narrow = matchMedia('(max-width: 44rem)');
document.addEventListener('page-shown', () => requestAnimationFrame(show_place_in_menu));

/** As the system has it, or always light, or always dark. */
function set_theme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.getElementById('theme').title = `Colours: ${theme || 'as the system has them'}`;
  document.dispatchEvent(new CustomEvent('theme-changed'));
  try { localStorage.setItem('coremachine.theme', theme); } catch { /* it lasts as long as the page, then */ }
}

function next_theme() {
  const all = ['', 'light', 'dark'];
  set_theme(all[(all.indexOf(document.documentElement.dataset.theme || '') + 1) % all.length]);
}

function show_keys() {
  const rows = [['/', 'search'], ['?', 'this list'], ...menu.map(([, title, key]) => [`g ${key}`, title])];
  return confirm('Keys', h('dl', {class: 'facts keys'}, rows.map(([key, does]) =>
    h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, does)))), '');
}

/** `/` and `g j`, wherever nobody is typing. */
function listen_for_keys() {
  let leader = 0;
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest('input, textarea, select, dialog, [contenteditable]');
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const search = document.getElementById('search');
    const page = performance.now() - leader < 1500 && menu.find(([, , key]) => key === event.key);
    leader = event.key === 'g' ? performance.now() : 0;
    if (page) go([page[0]]);
    else if (event.key === '/' && search) search.focus();
    else if (event.key === '?') show_keys();
    else return;
    event.preventDefault();
  });
}

// First of all, as what it asks the server for takes longest; nothing is shown before the theme is set.
start(document.getElementById('main'), pages, show_menu);
let theme = '';
try { theme = localStorage.getItem('coremachine.theme') || ''; } catch { /* storage is off */ }
set_theme(theme);
document.getElementById('theme').addEventListener('click', next_theme);
document.getElementById('keys').addEventListener('click', show_keys);
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('main').focus();
});
listen_for_keys();
