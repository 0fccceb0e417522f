// What is done to the jobs that are ticked, or to all that match. How many it will be is said before anything is done.

import {post, remove, segment} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {job_statuses, over_statuses} from '../lib/search.js';
import {act, confirm} from '../lib/ui.js';

const verbs = {
  cancel: {title: 'Cancel', done: 'cancelled', allows: (status) => !over_statuses.includes(status) && status !== 'cancelling',
    one: (id) => post(`jobs/${segment(id)}/cancel`)},
  retry: {title: 'Retry', done: 'retried', allows: (status) => over_statuses.includes(status) && status !== 'completed',
    one: (id) => post(`jobs/${segment(id)}/retry`)},
  delete: {title: 'Delete', done: 'deleted', danger: true, allows: (status) => over_statuses.includes(status),
    one: (id) => remove(`jobs/${segment(id)}`)},
};

/** A few at a time: a browser would queue more. Returns how many went well, and the first thing that did not. */
async function each(jobs, work) {
  const waiting = [...jobs];
  const result = {changed: 0, fault: ''};
  const line = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      try {
        await work(job.job_id);
        result.changed += 1;
      } catch (error) {
        result.fault = result.fault || error.message;
      }
    }
  };
  await Promise.all([line(), line(), line(), line()]);
  return result;
}

const told = (verb, changed, matched, fault) =>
  `${format.plural(changed, 'job')} of ${format.count(matched)} ${verb.done}.${fault ? ` ${fault}` : ''}`;

async function change_ticked(verb, jobs) {
  const fit = jobs.filter((job) => verb.allows(job.status));
  const others = jobs.length - fit.length;
  const note = others ? `${format.plural(others, 'other')} of those selected cannot be ${verb.done} as they are.` : '';
  if (!fit.length) {
    await confirm(`Nothing to ${verb.title.toLowerCase()}`, `None of the ${format.plural(jobs.length, 'selected job')} can be ${verb.done}.`, '');
    return false;
  }
  const title = `${verb.title} ${format.plural(fit.length, 'job')}?`;
  if (!(await confirm(title, note || 'All of them can be, as they are now.', `${verb.title} ${format.count(fit.length)}`, verb.danger))) return false;
  await act(() => each(fit, verb.one), (result) => told(verb, result.changed, fit.length, result.fault));
  return true;
}

/** A filter that names something, even if it is everything. */
export function bulk_filter(filter) {
  return Object.keys(filter).length ? filter : {status: job_statuses};
}

async function change_matching(name, verb, filter) {
  const wanted = bulk_filter(filter);
  const dry = await act(() => post(`jobs/$${name}`, {filter: wanted, dry_run: true}));
  if (!dry) return false;
  if (!dry.matched) {
    await confirm(`Nothing to ${name}`, `No job that matches can be ${verb.done}.`, '');
    return false;
  }
  const text = `${format.plural(dry.matched, 'job')} that match${dry.matched === 1 ? 'es' : ''} can be ${verb.done}; this was a dry run, and nothing has changed yet.`;
  if (!(await confirm(`${verb.title} all that match?`, text, `${verb.title} ${format.count(dry.matched)}`, verb.danger))) return false;
  await act(() => post(`jobs/$${name}`, {filter: wanted, dry_run: false}), (result) => told(verb, result.changed, result.matched));
  return true;
}

/** Fills the bar above the list. `changed` is called when something was done. */
export function bulk_bar(place, selection, filter, changed) {
  const jobs = selection.jobs();
  const look = JSON.stringify([jobs.map((job) => [job.job_id, job.status]), filter]);
  if (place.look === look) return;
  place.look = look;
  const focused = place.contains(document.activeElement) ? document.activeElement.id : '';
  const button = (name, scope, work) => h('button', {type: 'button', class: `small${verbs[name].danger ? ' danger' : ''}`, id: `${name}-${scope}`,
    click: async () => {
      if (!(await work(verbs[name]))) return;
      selection.clear();
      await changed();
    }}, verbs[name].title);
  const names = Object.keys(verbs);
  fill(place,
    h('div', {role: 'group', 'aria-labelledby': 'bulk-ticked'}, h('span', {id: 'bulk-ticked'}, `${format.count(jobs.length)} selected`),
      names.map((name) => {
        const made = button(name, 'ticked', (verb) => change_ticked(verb, jobs));
        made.disabled = jobs.length === 0;
        return made;
      })),
    h('div', {role: 'group', 'aria-labelledby': 'bulk-matching'}, h('span', {id: 'bulk-matching'}, 'All that match'),
      names.map((name) => button(name, 'matching', (verb) => change_matching(name, verb, filter)))));
  if (focused) document.getElementById(focused)?.focus();
}
