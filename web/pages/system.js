// The server over the last hour: throughput, how long tasks waited, how long commits took.

import {get} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import {follow} from '../lib/events.js';
import * as format from '../lib/format.js';
import {plot} from '../lib/plot.js';
import {facts, nothing, show_link} from '../lib/ui.js';

const none = (value) => value === null || value === undefined;
const milliseconds = (value) => (none(value) ? '–' : format.duration(value));
const per_second = (value) => (none(value) ? '–' : format.rate(value));
const number = (value) => (none(value) ? '–' : format.short_count(value));

function plots(series, pointer) {
  const line = (name, key) => ({name, values: series[key] || []});
  const draw = (title, lines, text) => plot(title, lines, text, series.interval, pointer);
  return [
    draw('Tasks', [line('completed', 'tasks_completed'), line('failed attempts', 'attempts_failed')], per_second),
    draw('Jobs', [line('accepted', 'jobs_accepted'), line('ended', 'jobs_ended')], per_second),
    draw('Waiting tasks', [line('waiting', 'tasks_queued')], number),
    draw('Running tasks', [line('running', 'tasks_running')], number),
    draw('Schedule to start', [line('half within', 'schedule_to_start_p50'), line('95 % within', 'schedule_to_start_p95')], milliseconds),
    draw('Commit', [line('half within', 'commit_p50'), line('95 % within', 'commit_p95')], milliseconds),
  ];
}

function store_text({bytes, full, failed}) {
  if (failed) return 'has failed: the server has to be started again';
  return full ? 'its disk is full' : `${format.short_count(bytes / 1048576)} MiB`;
}

function state(stats) {
  return facts(['Version', stats.version], ['Up for', format.duration(Math.floor(format.between(stats.started_at) / 1000) * 1000)], ['Jobs', format.count(Object.values(stats.jobs).reduce((sum, value) => sum + value, 0))],
    ['Not over', format.count(stats.unfinished)], ['Store', store_text(stats.store)],
    ['Waiting tasks', format.count(stats.tasks.queued)], ['Running tasks', format.count(stats.tasks.running)], ['Open event streams', format.count(stats.streams)]);
}

export async function show_system(root, route, signal) {
  document.title = 'System · CoreMachine';
  const stats = await get('stats', {}, signal);
  const now = h('div', {}, state(stats));
  const drawn = h('div', {class: 'plots', id: 'plots'});
  let drawn_at = stats.sampled_at;
  const pointer = {title: '', at: 0};
  const show = (series) => fill(drawn, series.points ? plots(series, pointer) : nothing('The first point comes in a few seconds.'));
  show(stats.series);
  fill(root, h('h1', {}, 'System'), now, h('h2', {}, 'The last hour'), drawn,
    h('p', {class: 'muted'}, 'For programs: ', h('a', {href: 'metrics'}, 'metrics'), ', ', h('a', {href: 'openapi.json'}, 'openapi.json'), '.'));
  signal.addEventListener('abort', () => show_link('over'));
  follow('stats/events', {
    signal, on_state: show_link,
    async on_event(name, data) {
      fill(now, state({...stats, ...data}));
      if (data.sampled_at === drawn_at) return;
      drawn_at = data.sampled_at;
      const newer = await get('stats', {}, signal).catch(() => null);
      if (newer) show(newer.series);
    },
  });
}
