// The stages of a job on a line of time.

import {fill, h, s} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {status_bar} from '../lib/plot.js';
import {link} from '../lib/router.js';
import {badge, nothing, table} from '../lib/ui.js';

/** A job that loops may have thousands of rounds; the newest say most. */
const most_shown = 50;

/** Where a round lies between the start of the job and its end, in parts of a hundred. */
function bar(job, stage) {
  const start = Date.parse(job.started_at || job.created_at);
  const end = job.finished_at ? Date.parse(job.finished_at) : Date.now();
  const length = Math.max(1, end - start);
  const from = stage.started_at ? ((Date.parse(stage.started_at) - start) / length) * 100 : 0;
  const to = stage.finished_at ? ((Date.parse(stage.finished_at) - start) / length) * 100 : 100;
  const text = `from ${format.duration(format.between(job.started_at || job.created_at, stage.started_at))}, for ${took(stage)}`;
  return s('svg', {class: 'lane', viewBox: '0 0 100 6', preserveAspectRatio: 'none', role: 'img', 'aria-label': text},
    s('rect', {class: `fill-${stage.status}`, x: Math.min(99, Math.max(0, from)), y: 0, width: Math.max(1, to - from), height: 6}));
}

function took(stage) {
  return stage.started_at ? format.duration(format.between(stage.started_at, stage.finished_at)) : '–';
}

function counts_in_words(tasks) {
  const some = ['running', 'retrying', 'failed', 'dead', 'cancelled'].filter((name) => tasks[name] > 0);
  return [`${format.short_count(tasks.completed)} of ${format.short_count(tasks.total)}`, ...some.map((name) => `${format.short_count(tasks[name])} ${name}`)].join(', ');
}

export function make_timeline(context) {
  const content = h('div', {class: 'scroll'});
  const node = h('section', {'aria-labelledby': 'stages'}, h('h2', {id: 'stages'}, 'Stages'), content);
  let all = false;
  let text = '';
  const columns = (job, chosen) => [
    {title: 'Stage', cell: (stage) => h('a', {id: `round-${stage.round}`, href: link(['jobs', context.id], {round: stage.round}), 'aria-current': stage.round === chosen ? 'true' : null},
      `${stage.stage}`, context.names[stage.stage - 1] ? ` ${context.names[stage.stage - 1]}` : '', stage.round !== stage.stage ? ` (round ${stage.round})` : '')},
    {title: 'Status', cell: (stage) => badge(stage.status)},
    {title: 'When', class: 'wide', cell: (stage) => bar(job, stage)},
    {title: 'Took', class: 'number', cell: took},
    {title: 'Tasks', cell: (stage) => h('span', {class: 'progress'},
      status_bar(['failed', 'dead', 'retrying', 'running', 'completed', 'cancelled', 'queued'].map((name) => [name, stage.tasks[name]]), counts_in_words(stage.tasks)),
      h('small', {'aria-hidden': 'true'}, counts_in_words(stage.tasks)))},
  ];
  function show(job, chosen) {
    const now = JSON.stringify([job.stages.map((stage) => [stage.round, stage.status, stage.tasks, took(stage)]), chosen, all, context.names]);
    if (now === text) return;
    text = now;
    const shown = all ? job.stages : job.stages.slice(-most_shown);
    const focused = content.contains(document.activeElement) ? document.activeElement.id : '';
    fill(content,
      shown.length < job.stages.length ? h('button', {type: 'button', class: 'quiet small', click: () => { all = true; show(job, chosen); }},
        `Show all ${format.count(job.stages.length)} rounds`) : null,
      shown.length ? table('Stages of the job', columns(job, chosen), shown, (stage) => ({class: stage.round === chosen ? 'chosen' : ''}))
        : nothing('No stage has begun.'));
    if (focused) document.getElementById(focused)?.focus();
  }
  return {node, show};
}
