// Schedules: when each fires next, what came of the last times, and a form for a new one.

import {call, get, post, remove, segment} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {link} from '../lib/router.js';
import {live_rows} from '../lib/rows.js';
import {act, badge, confirm, moment, nothing, repeat, table_row} from '../lib/ui.js';

const when = (schedule) => (schedule.cron ? `${schedule.cron} (${schedule.time_zone || 'UTC'})` : `every ${schedule.every}`);

function next_times(schedule) {
  const times = schedule.next_times || [];
  if (!times.length) return '–';
  return h('details', {}, h('summary', {id: `next-${schedule.id}`}, format.time(times[0]), h('small', {class: 'muted'}, ` ${format.ago(times[0])}`)),
    h('ol', {class: 'plain'}, times.map((time) => h('li', {}, h('time', {datetime: time}, format.time(time))))));
}

function last_firing(schedule) {
  const firing = schedule.last_firing;
  if (!firing) return '–';
  const at = moment(firing.fired_at || firing.scheduled_for);
  return firing.job_id ? h('a', {href: link(['jobs', firing.job_id])}, at) : [at, firing.error ? ` ${firing.error}` : ''];
}

function buttons(schedule, reload) {
  const path = `schedules/${segment(schedule.id)}`;
  const button = (verb, title, work, done) => h('button', {type: 'button', class: `small ${verb === 'delete' ? 'danger' : ''}`, id: `${verb}-${schedule.id}`,
    'aria-label': `${title} ${schedule.id}`, click: async () => { await act(work, done); await reload(); }}, title);
  const toggle = schedule.paused ? button('resume', 'Resume', () => post(`${path}/resume`)) : button('pause', 'Pause', () => post(`${path}/pause`));
  return h('div', {class: 'buttons'}, button('run', 'Run now', () => post(`${path}/run`), (job) => (job.job_id ? `Fired: job ${job.job_id}.` : 'It fires when the job before it is over.')),
    toggle, button('delete', 'Delete', async () => {
      if (await confirm('Delete this schedule?', `${schedule.id}; its jobs go on.`, 'Delete', true)) await remove(path);
    }));
}

const columns = (reload) => [
  {title: 'Schedule', cell: (schedule) => h('strong', {}, schedule.id)},
  {title: 'Status', cell: (schedule) => [badge(schedule.status), schedule.error ? h('p', {class: 'fault'}, schedule.error) : null]},
  {title: 'Job type', cell: (schedule) => h('a', {href: link(['jobs'], {q: `type:${schedule.job_type}`})}, schedule.job_type)},
  {title: 'When', cell: (schedule) => h('code', {}, when(schedule))},
  {title: 'Next', cell: next_times},
  {title: 'Last', cell: last_firing},
  {title: 'Fired', class: 'number', cell: (schedule) => format.count(schedule.fired)},
  {title: 'Do', cell: (schedule) => buttons(schedule, reload)},
];

const fields = [['name', 'Name', 'it gets one if this is empty'], ['job_type', 'Job type', ''], ['cron', 'Cron', 'minute hour day month weekday: 30 2 * * *'],
  ['time_zone', 'Time zone', 'of the cron expression: Europe/Berlin'], ['every', 'Every', 'in place of cron: 10m'], ['params', 'Params', 'JSON']];

/** A field of the form has the name of its member, so that faults find it. */
function new_schedule(types, reload) {
  const inputs = new Map(fields.map(([name]) => [name, name === 'job_type'
    ? h('select', {id: 'new-job_type'}, types.map((type) => h('option', {value: type.name}, type.name)))
    : name === 'params' ? h('textarea', {id: 'new-params', rows: 3, spellcheck: 'false'}, '{}') : h('input', {id: `new-${name}`, autocomplete: 'off'})]));
  const faults = new Map(fields.map(([name]) => [name, h('p', {class: 'fault', id: `new-${name}-fault`})]));
  const summary = h('p', {class: 'fault', role: 'alert'});
  const refuse = (error) => {
    const elsewhere = (error.errors || []).filter(({pointer, detail}) => {
      const fault = faults.get(String(pointer || '').replace(/^#?\//, '').split('/')[0]);
      if (fault) fault.textContent = detail;
      return !fault;
    });
    fill(summary, elsewhere.length || !(error.errors || []).length ? [error.message, ...elsewhere.map(({detail}) => ` ${detail}`)].join('') : '');
  };
  const submit = async (event) => {
    event.preventDefault();
    fill(summary);
    for (const fault of faults.values()) fault.textContent = '';
    const members = [...inputs].filter(([, input]) => input.value.trim()).map(([name, input]) =>
      `${JSON.stringify(name)}:${name === 'params' ? input.value : JSON.stringify(input.value.trim())}`);
    try {
      JSON.parse(inputs.get('params').value || '{}');
    } catch (error) {
      faults.get('params').textContent = `should be JSON: ${error.message}`;
      return;
    }
    try {
      await call('POST', 'schedules', {text: `{${members.join(',')}}`});
      event.target.closest('details').open = false;
      await reload();
    } catch (error) {
      refuse(error);
    }
  };
  return h('details', {id: 'new-schedule'}, h('summary', {}, 'New schedule'), h('form', {class: 'form-card', novalidate: true, submit}, summary,
    h('div', {class: 'fields'}, fields.map(([name, title, help]) => {
      inputs.get(name).setAttribute('aria-describedby', `new-${name}-help new-${name}-fault`);
      return h('div', {class: 'field'}, h('label', {for: `new-${name}`}, title), inputs.get(name), h('small', {class: 'muted', id: `new-${name}-help`}, help), faults.get(name));
    })), h('div', {class: 'buttons'}, h('button', {type: 'submit', id: 'create-schedule'}, 'Make it'))));
}

export async function show_schedules(root, route, signal) {
  document.title = 'Schedules · CoreMachine';
  const types = await get('job-types', {}, signal);
  const body = h('tbody', {});
  const empty = h('div', {});
  const more = h('div', {class: 'pager'});
  const cursor = route.query.get('cursor') || '';
  const reload = async () => {
    const page = await get('schedules', {limit: 50, cursor}, signal);
    show_rows(page.items);
    fill(empty, page.items.length ? null : nothing('There is no schedule.'));
    fill(more, page.next_cursor ? h('a', {class: 'button', href: link(['schedules'], {cursor: page.next_cursor})}, 'More') : null);
  };
  const all = columns(reload);
  const show_rows = live_rows(body, {key: (schedule) => schedule.id, look: (schedule) => JSON.stringify([schedule, schedule.next_times && format.ago(schedule.next_times[0])]),
    make: (schedule) => table_row(all, schedule, {})});
  await reload();
  fill(root, h('h1', {}, 'Schedules'), new_schedule(types, reload),
    h('div', {class: 'scroll'}, h('table', {id: 'schedules', class: 'cards'}, h('caption', {class: 'unseen'}, 'Schedules'),
      h('thead', {}, h('tr', {}, all.map((column) => h('th', {scope: 'col', class: column.class}, column.title)))), body)), empty, more);
  repeat(5000, signal, reload);
}
