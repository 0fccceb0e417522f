// What can be done to one job, as buttons and as commands.

import {post, remove, segment} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import {stands_for_value} from '../lib/references.js';
import {go, link} from '../lib/router.js';
import {over_statuses} from '../lib/search.js';
import {job_commands} from '../lib/shell.js';
import {act, confirm, copy_button} from '../lib/ui.js';

/** The verbs that the status allows. */
export function allowed_verbs(status) {
  if (over_statuses.includes(status)) return status === 'completed' ? ['delete'] : ['retry', 'delete'];
  if (status === 'cancelling') return [];
  return status === 'paused' ? ['resume', 'cancel'] : ['pause', 'cancel'];
}

const names = {cancel: 'Cancel', pause: 'Pause', resume: 'Resume', retry: 'Retry', delete: 'Delete'};
const questions = {cancel: 'Cancel this job?', delete: 'Delete this job, with all that belongs to it?'};

async function change(job, verb, reload) {
  const path = `jobs/${segment(job.job_id)}`;
  if (questions[verb] && !(await confirm(questions[verb], `${job.job_type} ${job.job_id}`, names[verb], true))) return;
  if (verb === 'delete') {
    if ((await act(async () => { await remove(path); return true; }, 'Deleted.'))) go(['jobs']);
    return;
  }
  await act(async () => { await post(`${path}/${verb}`); await reload(); });
}

export function job_buttons(job, reload) {
  return h('div', {class: 'buttons'},
    allowed_verbs(job.status).map((verb) => h('button', {type: 'button', id: `job-${verb}`, class: questions[verb] ? 'danger' : '',
      click: () => change(job, verb, reload)}, names[verb])),
    stands_for_value(job.params) ? null
      : h('a', {class: 'button quiet', id: 'submit-again', href: link(['submit'], {type: job.job_type, params: JSON.stringify(job.params || {})})}, 'Submit again'));
}

function command_list(job) {
  const verbs = allowed_verbs(job.status).filter((verb) => verb !== 'delete');
  return job_commands(job, verbs).map(([what, command, curl]) => h('div', {class: 'command'}, h('h3', {}, what),
    [['command', command], ['curl', curl]].map(([kind, text]) => h('p', {},
      h('code', {tabindex: 0, class: kind}, text), copy_button(text, 'Copy', `Copy ${kind}: ${what}`)))));
}

/** The same as commands. What somebody reads in it, or copies from it, is not replaced until another status allows others. */
export function make_commands() {
  const summary = h('summary', {}, 'As a command, or with curl');
  const list = h('div', {});
  let shown = '';
  return {
    node: h('details', {class: 'commands'}, summary, list),
    show(job) {
      if (job.status === shown) return;
      shown = job.status;
      const focused = list.contains(document.activeElement);
      fill(list, command_list(job));
      if (focused) summary.focus();
    },
  };
}
