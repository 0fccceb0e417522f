// What went wrong first, and why a job is not finished, in words.

import {post, segment} from '../lib/api.js';
import {fill, h, new_id} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {link} from '../lib/router.js';
import {act, confirm} from '../lib/ui.js';
import {error_text} from './job_tasks.js';

const sentences = {
  scheduled: () => 'It is not due yet',
  paused: () => 'It is paused',
  no_worker: (n) => `${format.plural(n, 'task')} without a worker`,
  disabled: (n) => `${format.plural(n, 'task')} of a type that is disabled`,
  running: (n) => `${format.plural(n, 'task')} running`,
  retrying: (n) => `${format.plural(n, 'task')} waiting for the next attempt`,
  limit: (n) => `${format.plural(n, 'task')} held back by a limit`,
  signal: () => 'It waits for a signal',
  queued: (n) => `${format.plural(n, 'task')} waiting`,
};

/** The first cause, with the way to its task. */
export function root_error(job, context) {
  const error = job.error;
  if (!error) return null;
  const stage = job.stages.filter((some) => some.stage === error.stage).pop();
  const has_task = error.task_index !== null && error.task_index !== undefined;
  const where = [error.stage ? `stage ${error.stage}` : '', error.task_type || '', has_task ? `task ${error.task_index}` : '',
    error.attempt ? `attempt ${error.attempt}` : ''].filter(Boolean).join(', ');
  return h('section', {class: 'root-error', 'aria-labelledby': 'root-error'},
    h('h2', {id: 'root-error'}, 'Root error'),
    h('p', {class: 'error-message'}, error.message),
    h('p', {}, h('code', {}, error.code), where ? ` in ${where}. ` : ' ',
      has_task && stage ? h('a', {href: link(['jobs', context.id], {round: stage.round, task: error.task_index})}, 'The task') : null));
}

/** Failures that the job goes on with, or went on with: how many, and what one of them says. */
export function tolerated_failure(job, stage, task, context) {
  const failed = stage.tasks.failed + stage.tasks.dead;
  return h('section', {class: 'root-error', 'aria-labelledby': 'root-error'},
    h('h2', {id: 'root-error'}, `${format.plural(failed, 'task')} of stage ${stage.stage} failed`),
    h('p', {class: 'error-message'}, error_text(task.error)),
    h('p', {}, failed === 1 ? 'It is ' : 'The first of them is ',
      h('a', {href: link(['jobs', context.id], {round: stage.round, task: task.index})}, `task ${format.count(task.index)}`),
      job.finished_at ? '; the job went on.' : '; the job goes on.'));
}

export function show_reasons(place, explained, context, reload) {
  if (!explained.reasons.length) return fill(place);
  const example = (reason) => (reason.example === null || reason.example === undefined ? null :
    [' (', h('a', {href: link(['jobs', context.id], {round: context.route.query.get('round'), task: reason.example})}, `task ${format.count(reason.example)}`), ')']);
  return fill(place, h('section', {class: 'why', 'aria-labelledby': 'why'},
    h('h2', {id: 'why'}, 'Why it is not finished'),
    h('ul', {}, explained.reasons.map((reason) => h('li', {},
      h('strong', {}, (sentences[reason.code] || (() => format.words(reason.code)))(reason.count)), `: ${reason.detail}`, example(reason)))),
    explained.reasons.some((reason) => reason.code === 'signal')
      ? h('button', {type: 'button', id: 'send-signal', click: () => send_signal(context, reload)}, 'Send a signal') : null));
}

async function send_signal(context, reload) {
  const name = h('input', {id: new_id('signal'), required: true, autocomplete: 'off'});
  const data = h('textarea', {id: new_id('signal'), rows: 4}, '{}');
  const agreed = await confirm('Send a signal', h('div', {},
    h('label', {for: name.id}, 'Name'), name, h('label', {for: data.id}, 'Data, as JSON'), data), 'Send');
  if (!agreed) return;
  await act(async () => {
    await post(`jobs/${segment(context.id)}/signal`, {name: name.value, data: JSON.parse(data.value || 'null')});
    await reload();
  }, 'Sent.');
}
