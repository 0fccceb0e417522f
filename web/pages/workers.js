// What waits of each task type, and who runs what.

import {get, post, segment} from '../lib/api.js';
import {fill, h, one_at_a_time} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {link} from '../lib/router.js';
import {live_rows} from '../lib/rows.js';
import {act, badge, facts, nothing, repeat, table, table_row, tags} from '../lib/ui.js';

/** That nobody runs a type is a fault only when somebody waits for it. */
export function queue_state(queue) {
  if (queue.paused) return 'paused';
  if (queue.disabled) return 'disabled';
  if (queue.depth && !queue.available) return 'no_worker';
  if (queue.depth || queue.running) return 'running';
  return queue.available ? 'idle' : 'unused';
}

function limit_text(limit) {
  if (!limit) return '';
  return [limit.max_concurrency ? `${limit.max_concurrency} at a time` : '', limit.rate ? `${limit.rate}/s` : ''].filter(Boolean).join(', ');
}

const queue_columns = (reload) => [
  {title: 'Task type', cell: (queue) => h('a', {href: link(['tasks', queue.name])}, queue.name)},
  {title: 'State', cell: (queue) => badge(queue_state(queue))},
  {title: 'Waiting', class: 'number', cell: (queue) => format.count(queue.depth)},
  {title: 'Running', class: 'number', cell: (queue) => format.count(queue.running)},
  {title: 'Oldest', class: 'number', cell: (queue) => (queue.oldest_age === null ? '' : format.duration(queue.oldest_age * 1000))},
  {title: 'Limit', cell: (queue) => limit_text(queue.limit)},
  {title: 'Do', cell: (queue) => {
    const verb = queue.paused ? 'resume' : 'pause';
    return h('button', {type: 'button', class: 'small', id: `toggle-${queue.name}`, 'aria-label': `${verb} ${queue.name}`,
      click: async () => { await act(() => post(`queues/${segment(queue.name)}/${verb}`)); await reload(); }}, queue.paused ? 'Resume' : 'Pause');
  }},
];

const task_columns = [
  {title: 'Task', cell: (task) => h('a', {href: link(['jobs', task.job_id], {round: task.round, task: task.task_index})}, `${task.task_type} ${task.task_index}`)},
  {title: 'Job', cell: (task) => h('a', {href: link(['jobs', task.job_id])}, h('code', {}, task.job_id))},
  {title: 'Attempt', class: 'number', cell: (task) => task.attempt},
  {title: 'For', class: 'number', cell: (task) => (task.started_at ? format.duration(format.between(task.started_at)) : '–')},
];

/** A worker may run hundreds of tasks at once; those that run longest come first. */
const most_tasks = 100;

function worker_card(worker) {
  const tasks = [...worker.tasks].sort((a, b) => String(a.started_at).localeCompare(String(b.started_at)));
  return h('section', {class: 'card'}, h('h3', {}, worker.name),
    facts(['Kind', worker.kind === 'local' ? 'threads of the server' : `over ${worker.kind}`], ['Running', `${format.count(worker.running)} of ${format.count(worker.concurrency)}`],
      ['Connected', format.ago(worker.connected_at)], ['Last seen', format.ago(worker.last_seen)]),
    h('details', {id: `types-${worker.name}`}, h('summary', {}, `Runs ${format.plural(worker.task_types.length, 'task type')}`), h('p', {}, tags(worker.task_types))),
    tasks.length ? h('div', {class: 'scroll'}, table(`Tasks of ${worker.name}`, task_columns, tasks.slice(0, most_tasks))) : nothing('Nothing runs.'),
    tasks.length > most_tasks ? h('p', {class: 'muted'}, `and ${format.plural(tasks.length - most_tasks, 'other')}`) : null);
}

/** What is between the server and its workers, where that is a queue of its own. */
function transport_card(transport) {
  if (!transport) return null;
  return h('section', {class: 'card', id: 'transport', 'aria-labelledby': 'transport-title'},
    h('h3', {id: 'transport-title'}, 'Workers take their tasks from ', h('code', {}, transport.url), ' ', badge(transport.up ? 'up' : 'down')),
    transport.fault ? h('p', {class: 'fault', role: 'alert'}, transport.fault) : null,
    facts(['Workers', format.count(transport.workers)], ['Not taken yet', format.plural(transport.waiting, 'task')], ['Taken', format.plural(transport.running, 'task')]));
}

/** In place of what the node had, unless it is the same; what was opened stays open. */
function renew(node, children) {
  const open = [...node.querySelectorAll('details[open]')].map((details) => details.id);
  const focused = node.contains(document.activeElement) ? document.activeElement.closest('[id]')?.id : '';
  fill(node, children);
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  if (focused) document.getElementById(focused)?.querySelector('summary')?.focus();
}

export async function show_workers(root, route, signal) {
  document.title = 'Queues and workers · CoreMachine';
  const body = h('tbody', {});
  const workers = h('div', {});
  const empty = h('div', {});
  const transport = h('div', {});
  let text = '';
  let carried = '';
  const reload = one_at_a_time(async () => {
    const [queues, some] = await Promise.all([get('queues', {}, signal), get('workers', {}, signal)]);
    show_rows(queues.items);
    fill(empty, queues.items.length ? null : nothing('There is no task type.'));
    const between = JSON.stringify(queues.transport);
    if (between !== carried) fill(transport, transport_card(queues.transport));
    carried = between;
    const now = JSON.stringify(some.items.map((worker) => ({...worker, last_seen: ''})));
    if (now === text && !some.items.some((worker) => worker.tasks.length)) return;
    text = now;
    renew(workers, some.items.length ? some.items.map(worker_card) : nothing('Nobody runs tasks: the server was started with --workers 0, and no worker is connected.'));
  });
  const columns = queue_columns(reload);
  const show_rows = live_rows(body, {key: (queue) => queue.name, look: JSON.stringify, make: (queue) => table_row(columns, queue, {})});
  await reload();
  fill(root, h('h1', {}, 'Queues and workers'), h('h2', {}, 'Queues'),
    h('div', {class: 'scroll'}, h('table', {id: 'queues', class: 'cards'}, h('caption', {class: 'unseen'}, 'Queues, by task type'),
      h('thead', {}, h('tr', {}, columns.map((column) => h('th', {scope: 'col', class: column.class}, column.title)))), body)), empty,
    h('h2', {}, 'Workers'), transport, workers);
  repeat(2000, signal, reload);
}
