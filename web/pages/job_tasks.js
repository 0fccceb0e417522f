// The tasks of one round as a list, and one of them with all that there is of it.

import {get} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {link} from '../lib/router.js';
import {act, badge, facts, json_block, moment, nothing, table} from '../lib/ui.js';

const choices = [['', 'all'], ['failed,dead', 'failed or dead'], ['running', 'running, longest first'], ['retrying', 'retrying'],
  ['queued', 'queued'], ['completed', 'completed'], ['cancelled', 'cancelled']];

function took(task) {
  if (!task.started_at) return '–';
  if (task.finished_at) return format.duration(format.between(task.started_at, task.finished_at));
  return task.status === 'running' ? `${format.duration(format.between(task.started_at))}…` : '–';
}

const error_text = (error) => (error ? `${error.type ? `${error.type}: ` : ''}${error.message}` : '');

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
  const one = h('div', {});
  const list = h('div', {class: 'scroll'});
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
    {title: 'Attempt', class: 'number', cell: (task) => task.attempt},
    {title: 'Worker', cell: (task) => task.worker || ''},
    {title: 'Started', cell: (task) => moment(task.started_at)},
    {title: 'Took', class: 'number', cell: took},
    {title: 'Error', class: 'error-text', cell: (task) => h('span', {title: error_text(task.error)}, error_text(task.error))},
  ];
  let items = [];
  let cursor = '';
  let text = '';

  function show() {
    const now = JSON.stringify([items, cursor]);
    if (now === text) return;
    text = now;
    const focused = node.contains(document.activeElement) ? document.activeElement.id : '';
    const sorted = select.value === 'running' ? [...items].sort((a, b) => String(a.started_at).localeCompare(String(b.started_at))) : items;
    fill(list, sorted.length ? table('Tasks of the stage', columns, sorted) : nothing(cursor ? 'None of those looked at so far is like this.' : 'No task is like this.'));
    fill(more, cursor ? h('button', {type: 'button', id: 'more-tasks', class: 'small', click: () => act(add_page)}, 'More') : null);
    if (focused) document.getElementById(focused)?.focus();
  }
  const page = (from, max_age) => get(`${context.path}/tasks`, {round, status: select.value, limit: select.value === 'running' ? 200 : 50, cursor: from, first: from ? '' : first, max_age}, context.signal);
  async function add_page() {
    const next = await page(cursor);
    items = items.concat(next.items);
    cursor = next.next_cursor || '';
    show();
  }
  async function load_one() {
    if (wanted === null) return;
    const found = await get(`${context.path}/tasks`, {round, first: wanted, limit: 1, expand: 'params,result'}, context.signal);
    const task = found.items.find((item) => String(item.index) === wanted);
    fill(one, task ? detail(task) : nothing(`There is no task ${wanted}.`));
  }
  async function load(anew = false, max_age = undefined) {
    node.hidden = !round;
    // Whoever has gone on to later pages reads them; they are not taken away by what happens meanwhile.
    if (!round || (!anew && items.length > 200)) return;
    const [some] = await Promise.all([page('', max_age), load_one()]);
    items = some.items;
    cursor = some.next_cursor || '';
    show();
  }
  return {node, load};
}
