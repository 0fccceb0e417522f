// The registry of task types, and the execution of one of them by itself.

import {call, get, segment} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {link} from '../lib/router.js';
import {schema_form} from '../lib/schema_form.js';
import {badge, facts, json_block, nothing, tags} from '../lib/ui.js';
import {filter_field} from './types.js';

function retry_text(retry) {
  return `${format.plural(retry.max_attempts, 'attempt')}, first after ${retry.first_delay} × ${retry.factor}, at most ${retry.max_delay}`;
}

function card(task) {
  return h('section', {class: 'card', id: `task-${task.name}`},
    h('div', {class: 'title-row'}, h('h2', {}, task.name, ' ', task.enabled === false ? badge('disabled') : null),
      h('a', {class: 'button', href: link(['tasks', task.name]), 'aria-label': `Execute ${task.name}`}, 'Execute')),
    h('p', {}, task.description),
    facts(['Tags', task.tags.length ? tags(task.tags) : ''], ['Version', task.version], ['Retry', retry_text(task.retry)],
      ['Timeout', task.timeout], ['Heartbeat', task.heartbeat], ['Pure', task.pure ? 'it has no effect but its result' : '']),
    h('details', {}, h('summary', {}, 'Schema of the params'), json_block(`Schema of ${task.name}`, task.params_schema)));
}

function show_execution(place, execution) {
  const over = execution.error || execution.status === 'completed';
  fill(place, h('h2', {id: 'execution'}, 'Result ', execution.status ? badge(execution.status) : null),
    h('p', {}, h('a', {href: link(['jobs', execution.job_id])}, `Job ${execution.job_id}`)),
    execution.error ? h('p', {class: 'error-message'}, `${execution.error.type}: ${execution.error.message}`) : null,
    over && !execution.error ? json_block('Result', execution.result) : over ? null : h('p', {}, 'It runs on; its job has the result when it is there.'));
}

async function show_one(root, name, signal) {
  document.title = `${name} · CoreMachine`;
  const task = await get(`tasks/${segment(name)}`, {}, signal);
  const form = schema_form(task.params_schema, null);
  const result = h('section', {'aria-live': 'polite'});
  const execute = async (event) => {
    event.preventDefault();
    if (!form.check()) return;
    fill(result, h('p', {class: 'muted'}, 'It runs…'));
    try {
      show_execution(result, await call('POST', `tasks/${segment(name)}/execute`, {text: `{"params":${form.json()}}`, query: {wait: '30s'}, signal}));
    } catch (error) {
      if (signal.aborted) return;
      fill(result);
      form.refuse({message: error.message, errors: error.errors || []}, '/params');
    }
  };
  fill(root, h('p', {class: 'crumbs'}, h('a', {href: '#/tasks'}, 'Tasks')), h('h1', {}, task.name), h('p', {}, task.description),
    h('form', {id: 'execute-form', class: 'form-card', novalidate: true, submit: execute}, form.node,
      h('div', {class: 'buttons'}, h('button', {type: 'submit', id: 'execute'}, 'Execute'))), result);
}

export async function show_tasks(root, route, signal) {
  if (route.path[1]) return show_one(root, route.path[1], signal);
  document.title = 'Tasks · CoreMachine';
  const tasks = await get('tasks', {}, signal);
  const cards = tasks.map(card);
  return fill(root, h('h1', {}, 'Tasks'), filter_field('Search', cards), cards.length ? cards : nothing('No task is registered.'));
}
