// The tasks of one round as a list, and one of them with all that there is of it.

import {get} from '../lib/api.js';
import {fill, h, mark_shown} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {link} from '../lib/router.js';
import {act, badge, facts, json_block, moment, nothing, table} from '../lib/ui.js';

const choices = [['', 'all'], ['failed,dead', 'failed or dead'], ['running', 'running, longest first'], ['retrying', 'retrying'],
  ['queued', 'queued'], ['completed', 'completed'], ['cancelled', 'cancelled']];

function took(task) {
  if (!task.started_at) return '';
  if (task.finished_at) return format.duration(format.between(task.started_at, task.finished_at));
  return task.status === 'running' ? `${format.duration(format.between(task.started_at))}…` : '';
}

export const error_text = (error) => (error ? `${error.type ? `${error.type}: ` : ''}${error.message}` : '');

function detail(task) {
  return h('section', {class: 'task-detail', 'aria-labelledby': 'task-title', id: 'task-detail'},
    h('h3', {id: 'task-title'}, `Task ${format.count(task.index)} `, badge(task.status)),
    task.error ? h('p', {class: 'error-message'}, error_text(task.error)) : null,
    facts(['Type', h('code', {}, task.task_type)], ['Attempt', task.attempt || 'none yet'], ['Worker', task.worker || ''],
      ['Started', task.started_at ? moment(task.started_at) : ''], ['Finished', task.finished_at ? moment(task.finished_at) : ''],
      ['Took', took(task)], ['Next attempt', task.retry_at ? format.ago(task.retry_at) : '']),
    h('div', {class: 'columns'}, task.params === undefined ? null : json_block('Params of the task', task.params, 'h4'),
      task.result === undefined ? null : json_block('Result of the task', task.result, 'h4'),
      task.progress === undefined || task.progress === null ? null : json_block('Progress of the task', task.progress, 'h4')));
}

/** Failures first, where there are some. */
function first_choice(context, round) {
  if (context.route.query.has('status')) return context.route.query.get('status');
  const stage = context.job().stages.find((some) => some.round === round);
  return stage && stage.tasks.failed + stage.tasks.dead > 0 ? 'failed,dead' : '';
}

export function make_tasks(context, round) {
  const wanted = context.route.query.get('task');
  const first = context.route.query.get('first') || '';
  const one = h('div', {'aria-live': 'polite'});
  const list = h('div', {class: 'scroll later'});
  const more = h('div', {class: 'pager'});
  const select = h('select', {id: 'task-status', change: () => act(() => load(true))},
    choices.map(([value, text]) => h('option', {value}, text)));
  select.value = first_choice(context, round);
  const node = h('section', {'aria-labelledby': 'tasks-title', class: 'tasks'}, one,
    h('div', {class: 'title-row'}, h('h2', {id: 'tasks-title'}, 'Tasks'), h('span', {}, h('label', {for: 'task-status'}, 'Show'), ' ', select)), list, more);
  const columns = [
    {title: 'Task', class: 'number', cell: (task) => h('a', {id: `task-${task.index}`, href: link(['jobs', context.id],
      {round, first, count: context.route.query.get('count'), status: select.value, task: task.index}), 'aria-current': String(task.index) === wanted ? 'true' : null}, format.count(task.index))},
    {title: 'Status', cell: (task) => badge(task.status)},
    {title: 'Attempt', class: 'number', cell: (task) => task.attempt || ''},
    {title: 'Worker', cell: (task) => task.worker || ''},
    {title: 'Started', cell: (task) => (task.started_at ? moment(task.started_at) : '')},
    {title: 'Took', class: 'number', cell: took},
    {title: 'Error', class: 'error-text', cell: (task) => (task.error ? h('span', {title: error_text(task.error)}, error_text(task.error)) : '')},
  ];
  let items = [];
  let cursor = '';
  let text = '';
  let asked = 0;
  let further = false;
  let one_text = '';
  let is_seen = false;
  /** Who asks for a task sees it, wherever on the page it is; once, as it may be renewed while something else is read. */
  const bring_into_sight = () => {
    if (is_seen || !one.isConnected || !one.firstChild) return;
    is_seen = true;
    one.scrollIntoView({block: one.getBoundingClientRect().height > window.innerHeight ? 'start' : 'nearest'});
  };
  document.addEventListener('page-shown', bring_into_sight, {signal: context.signal});

  function show() {
    const now = JSON.stringify([items, items.map(took), select.value, cursor]);
    if (now === text) return;
    text = now;
    const focused = node.contains(document.activeElement) ? document.activeElement.id : '';
    const sorted = select.value === 'running' ? [...items].sort((a, b) => String(a.started_at).localeCompare(String(b.started_at))) : items;
    fill(list, sorted.length ? table('Tasks of the stage', columns, sorted) : nothing(cursor ? 'None of those looked at so far is like this.' : 'No task is like this.'));
    fill(more, cursor ? h('button', {type: 'button', id: 'more-tasks', class: 'small', click: () => act(add_page)}, 'More') : null);
    if (focused) document.getElementById(focused)?.focus();
    mark_shown('tasks');
  }
  const page = (from, max_age) => get(`${context.path}/tasks`, {round, status: select.value, limit: select.value === 'running' ? 200 : 50, cursor: from, first: from ? '' : first, max_age}, context.signal);
  async function add_page() {
    const mine = ++asked;
    const next = await page(cursor);
    if (mine !== asked) return;
    further = true;
    items = items.concat(next.items);
    cursor = next.next_cursor || '';
    show();
  }
  async function load_one() {
    if (wanted === null) return;
    const found = await get(`${context.path}/tasks`, {round, first: wanted, limit: 1, expand: 'params,result'}, context.signal);
    const task = found.items.find((item) => String(item.index) === wanted);
    const now = JSON.stringify([task, task && took(task)]);
    if (now === one_text) return;
    one_text = now;
    fill(one, task ? detail(task) : nothing(`There is no task ${wanted}.`));
    bring_into_sight();
  }
  async function load(anew = false, max_age = undefined) {
    node.hidden = !round;
    // Whoever has gone on to later pages reads them; they are not taken away by what happens meanwhile.
    if (!round || (!anew && further)) return load_one();
    const mine = ++asked;
    const [some] = await Promise.all([page('', max_age), load_one()]);
    if (mine !== asked) return;
    further = false;
    items = some.items;
    cursor = some.next_cursor || '';
    show();
  }
  /** The failed task with the lowest number: one that is in the list, or else the server knows. */
  async function first_failure() {
    if (select.value === 'failed,dead' && !first && items.length) return items[0];
    const found = await get(`${context.path}/tasks`, {round, status: 'failed,dead', limit: 1}, context.signal);
    return found.items[0];
  }
  return {node, load, first_failure};
}
