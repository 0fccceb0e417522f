// One job: the root error and why it is not finished, then its stages, the tasks of one of them, params and result.

import {get, segment} from '../lib/api.js';
import {fill, h, mark_shown, one_at_a_time, throttled} from '../lib/dom.js';
import {follow} from '../lib/events.js';
import * as format from '../lib/format.js';
import {link} from '../lib/router.js';
import {over_statuses} from '../lib/search.js';
import {badge, facts, json_block, moment, notice, repeat, show_link, tags} from '../lib/ui.js';
import {make_heat_map} from './heat_map.js';
import {job_buttons, make_commands} from './job_actions.js';
import {make_rate} from './job_rate.js';
import {make_timeline} from './job_stages.js';
import {make_tasks} from './job_tasks.js';
import {root_error, show_reasons, tolerated_failure} from './job_why.js';

const is_over = (job) => over_statuses.includes(job.status);

function head(job, reload) {
  return [
    h('p', {class: 'crumbs'}, h('a', {href: '#/jobs'}, 'Jobs'), ' › ', h('a', {href: link(['jobs'], {q: `type:${job.job_type}`})}, job.job_type)),
    h('div', {class: 'title-row'}, h('h1', {}, job.job_type, ' ', badge(job.status)), job_buttons(job, reload)),
    facts(['Job', h('code', {}, job.job_id)], ['Created', moment(job.created_at)],
      ['Due', job.run_at && job.status === 'scheduled' ? `${format.time(job.run_at)}, ${format.ago(job.run_at)}` : ''],
      ['Started', job.started_at ? moment(job.started_at) : ''], ['Finished', job.finished_at ? moment(job.finished_at) : ''],
      ['Took', job.finished_at ? format.duration(format.between(job.started_at || job.created_at, job.finished_at)) : ''],
      ['Attempt', job.attempt > 1 ? job.attempt : ''], ['Priority', job.priority || ''],
      ['Tags', job.tags && job.tags.length ? tags(job.tags, true) : '']),
  ];
}

/** The round that the address names, or the one that matters most: where it failed, or the last one. */
function chosen_round(job, route) {
  const asked = Number(route.query.get('round'));
  if (job.stages.some((stage) => stage.round === asked)) return asked;
  const failed = job.error && job.stages.filter((stage) => stage.stage === job.error.stage).pop();
  const last = failed || [...job.stages].reverse().find((stage) => stage.tasks.total > 0) || job.stages[job.stages.length - 1];
  return last ? last.round : 0;
}

/** Waits for what comes at once, so that a page is shown whole; what takes longer is shown when it is there. */
async function in_time(work, on_late_error) {
  let late = false;
  work.catch((error) => { if (late) on_late_error(error); });
  await Promise.race([work, new Promise((resolve) => { setTimeout(resolve, 200); })]);
  late = true;
}

export async function show_job(root, route, signal) {
  const id = route.path[1];
  const path = `jobs/${segment(id)}`;
  let job = await get(path, {}, signal);
  document.title = `${job.job_type} · ${job.status} · CoreMachine`;
  const place = {head: h('div', {}), error: h('div', {}), why: h('div', {'aria-live': 'polite'}), values: h('div', {class: 'columns'})};
  const context = {id, path, route, signal, names: [], job: () => job, over: () => is_over(job)};
  const timeline = make_timeline(context);
  const rate = make_rate();
  const commands = make_commands();
  const round = chosen_round(job, route);
  const map = make_heat_map(context, round);
  const tasks = make_tasks(context, round);

  const reload = one_at_a_time(async () => {
    job = await get(path, {}, signal);
    show();
    await Promise.all([map.load(), tasks.load().then(show_failure), why()]);
  });
  let failure = null;
  /** Where the job itself has no error, that of the first task that failed says what is wrong. */
  const show_failure = async () => {
    const stage = job.stages.find((some) => some.round === round);
    if (job.error || !stage || stage.tasks.failed + stage.tasks.dead === 0) return;
    failure = failure || await tasks.first_failure();
    if (failure && !job.error) fill(place.error, tolerated_failure(job, stage, failure, context));
  };
  /** It tells the status, too: that somebody else paused or resumed the job is no event. */
  const why = async () => {
    if (is_over(job)) return fill(place.why);
    const explained = await get(`${path}/explain`, {}, signal);
    show_reasons(place.why, explained, context, reload);
    if (explained.status !== job.status) soon();
  };
  function show() {
    document.title = `${job.job_type} · ${format.words(job.status)} · CoreMachine`;
    const focused = place.head.contains(document.activeElement) ? document.activeElement.id : '';
    fill(place.head, head(job, reload));
    if (focused) document.getElementById(focused)?.focus();
    if (job.error || !failure) fill(place.error, root_error(job, context));
    timeline.show(job, round);
    rate.show(job);
    commands.show(job);
    fill(place.values, json_block('Params', job.params), job.result === null || job.result === undefined ? null : json_block('Result', job.result));
  }

  const quietly = (work) => () => work().catch((error) => { if (!signal.aborted) notice(error.message, 'bad'); });
  const soon = throttled(700, quietly(reload));
  const counts_soon = throttled(250, () => { timeline.show(job, round); rate.show(job); });
  const tasks_soon = throttled(2000, quietly(one_at_a_time(() => Promise.all([map.load('1500ms'), tasks.load(false, '1500ms').then(show_failure), why()]))));
  signal.addEventListener('abort', () => { soon.stop(); counts_soon.stop(); tasks_soon.stop(); show_link('over'); });

  // What is asked for comes first: the rest is made while the server answers.
  const names = get(`job-types/${segment(job.job_type)}`, {}, signal).then((type) => {
    context.names = type.stages || [];
    timeline.show(job, round);
  }, () => {});  // a type that is no more has no names
  const asked = Promise.all([map.load(), tasks.load().then(show_failure), why(), names]);
  fill(root, place.head, place.error, place.why, rate.node, timeline.node, map.node, tasks.node, place.values, commands.node);
  show();
  await in_time(asked, (error) => { if (!signal.aborted) notice(error.message, 'bad'); });
  if (is_over(job)) return;
  repeat(5000, signal, why);
  follow(`${path}/events`, {
    signal, on_state: show_link,
    on_event(name, data) {
      const stage = job.stages.find((some) => some.round === data.round);
      // Only these tell of this moment: the others are told from the first on.
      if (name === 'progress' && stage) {
        stage.tasks = data.tasks;
        counts_soon();
        tasks_soon();
      } else if (name !== 'task.failed') {
        tasks_soon.stop();
        soon();
      }
    },
  });
}
