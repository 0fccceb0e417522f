// The list of jobs: counts by status, one search box, pages, and what can be done to many at once.

import {get} from '../lib/api.js';
import {fill, h, throttled} from '../lib/dom.js';
import {follow} from '../lib/events.js';
import * as format from '../lib/format.js';
import {status_bar} from '../lib/plot.js';
import {link, set_address} from '../lib/router.js';
import {live_rows} from '../lib/rows.js';
import {job_statuses, over_statuses, parse_search} from '../lib/search.js';
import {badge, moment, nothing, notice, show_link, table_row, tags} from '../lib/ui.js';
import {bulk_bar} from './jobs_bulk.js';

const page_size = 50;

/** What the task counts of all stages come to. */
function progress(job) {
  const sums = {};
  for (const stage of job.stages || []) {
    for (const [name, value] of Object.entries(stage.tasks)) sums[name] = (sums[name] || 0) + value;
  }
  if (!sums.total) return '–';
  const done = sums.completed + sums.failed + sums.dead + sums.cancelled;
  const text = `${format.short_count(done)} / ${format.short_count(sums.total)}`;
  const parts = ['failed', 'dead', 'retrying', 'running', 'completed', 'cancelled', 'queued'].map((name) => [name, sums[name] || 0]);
  return h('span', {class: 'progress'}, status_bar(parts, `${text} tasks`), h('small', {'aria-hidden': 'true'}, text));
}

function job_columns(selection) {
  return [
    {title: 'Selected', class: 'pick', cell: (job) => selection.box(job)},
    {title: 'Job', cell: (job) => h('a', {href: link(['jobs', job.job_id]), id: `job-${job.job_id}`},
      h('strong', {}, job.job_type), ' ', h('code', {}, job.job_id))},
    {title: 'Status', cell: (job) => badge(job.status)},
    {title: 'Tasks', cell: progress},
    {title: 'Error', class: 'error-text', cell: (job) => (job.error ? h('span', {title: job.error.message}, job.error.message) : '')},
    {title: 'Tags', cell: (job) => tags(job.tags, true)},
    {title: 'Created', cell: (job) => moment(job.created_at)},
    {title: 'Took', class: 'number', cell: (job) => took(job)},
  ];
}

function took(job) {
  if (job.finished_at) return format.duration(format.between(job.started_at || job.created_at, job.finished_at));
  return job.started_at ? `${format.duration(Math.floor(format.between(job.started_at) / 1000) * 1000)}…` : '';
}

/** Which jobs of the page are ticked. */
function make_selection(on_change) {
  const chosen = new Map();
  let shown = [];
  const all = h('input', {type: 'checkbox', id: 'pick-all', 'aria-label': 'Select all on this page', change: () => {
    for (const job of shown) tick(job, all.checked);
    for (const box of document.querySelectorAll('input.pick-one')) box.checked = all.checked;
    on_change();
  }});
  const tick = (job, on) => (on ? chosen.set(job.job_id, job) : chosen.delete(job.job_id));
  return {
    all,
    jobs: () => [...chosen.values()],
    covers_page: () => shown.length > 0 && shown.every((job) => chosen.has(job.job_id)),
    clear() {
      chosen.clear();
      all.checked = false;
      for (const box of document.querySelectorAll('input.pick-one')) box.checked = false;
      on_change();
    },
    box(job) {
      const box = h('input', {type: 'checkbox', class: 'pick-one', id: `pick-${job.job_id}`, 'aria-label': `Select ${job.job_type} ${job.job_id}`,
        change: () => {
          tick(job, box.checked);
          on_change();
        }});
      box.checked = chosen.has(job.job_id);
      return box;
    },
    /** The jobs that are on the page now; those ticked are known by their newest state. */
    show(jobs) {
      shown = jobs;
      for (const job of jobs) if (chosen.has(job.job_id)) chosen.set(job.job_id, job);
      all.checked = this.covers_page();
      on_change();
    },
  };
}

function status_links(route, place) {
  return (counts) => {
    const chosen = route.query.get('status') || '';
    const chip = (status, title, value) => h('a', {
      id: `chip-${status || 'all'}`, class: `chip${value === 0 && status ? ' none' : ''}`, 'aria-current': chosen === status ? 'true' : null,
      href: link(['jobs'], {q: route.query.get('q'), status})}, title, ' ', h('b', {}, value === undefined ? '' : format.short_count(value)));
    const total = counts ? Object.values(counts).reduce((sum, value) => sum + value, 0) : undefined;
    const focused = place.contains(document.activeElement) ? document.activeElement.id : '';
    fill(place, chip('', 'all', total), job_statuses.map((status) => chip(status, format.words(status), counts ? counts[status] || 0 : undefined)));
    if (focused) document.getElementById(focused)?.focus();
  };
}

export async function show_jobs(root, route, signal) {
  document.title = 'Jobs · CoreMachine';
  // What is asked for is what the address says. What is being typed comes into both at once.
  const state = {cursor: route.query.get('cursor') || '', q: route.query.get('q') || '', status: route.query.get('status') || '', filter: {}};
  const chips = h('nav', {class: 'chips', 'aria-label': 'Jobs by status'});
  const show_counts = status_links(route, chips);
  const bulk = h('div', {class: 'bulk'});
  const selection = make_selection(() => bulk_bar(bulk, selection, state.filter, () => load()));
  const columns = job_columns(selection);
  const body = h('tbody', {});
  const below = h('div', {class: 'pager'});
  const faults = h('p', {class: 'fault', id: 'search-faults', role: 'alert'});
  const show_rows = live_rows(body, {
    key: (job) => job.job_id,
    look: (job) => JSON.stringify([job.status, job.stages, job.error, job.finished_at, job.started_at, over_statuses.includes(job.status) || took(job)]),
    make: (job) => table_row(columns, job, {}),
  });
  let loading = null;

  // `max_age`: for what is refreshed by itself, what another dashboard has just got will do.
  async function load(max_age) {
    if (loading) loading.abort();
    const mine = (loading = new AbortController());
    const {filter, faults: wrong} = parse_search(state.q, state.status);
    fill(faults, wrong.join('; '));
    if (wrong.length) return table.removeAttribute('aria-busy');
    state.filter = filter;
    let page;
    try {
      page = await get('jobs', {...filter, limit: page_size, cursor: state.cursor, max_age}, mine.signal);
    } catch (error) {
      if (mine.signal.aborted || signal.aborted) return;
      table.removeAttribute('aria-busy');
      throw error;
    }
    if (mine.signal.aborted || signal.aborted) return;
    table.removeAttribute('aria-busy');
    show_rows(page.items);
    selection.show(page.items);
    const query = {q: state.q, status: state.status};
    fill(below,
      page.items.length ? '' : page.next_cursor ? nothing('None of the newest jobs is like this; there are older ones.')
        : nothing('No job is like this.', h('a', {href: '#/submit'}, 'Submit one')),
      state.cursor ? h('a', {class: 'button', id: 'newest', href: link(['jobs'], query)}, 'Newest') : null,
      page.next_cursor ? h('a', {class: 'button', id: 'older', href: link(['jobs'], {...query, cursor: page.next_cursor})}, 'Older') : null);
  }
  const reload = throttled(1000, () => load('900ms').catch((error) => notice(error.message, 'bad')));
  const typed = throttled(200, () => {
    state.cursor = '';
    state.q = search.value;
    route.query.set('q', state.q);
    set_address(['jobs'], {q: state.q, status: state.status});
    show_counts(state.counts);
    table.setAttribute('aria-busy', 'true');
    load().catch((error) => notice(error.message, 'bad'));
  });
  const search = h('input', {type: 'search', id: 'search', 'aria-describedby': 'search-help search-faults', input: typed,
    autocomplete: 'off', spellcheck: 'false', placeholder: 'id, type, tag or error text'});
  search.value = state.q;

  const table = h('table', {id: 'jobs', class: 'cards'}, h('caption', {class: 'unseen'}, 'Jobs, newest first'),
    h('thead', {}, h('tr', {}, columns.map((column, i) =>
      h('th', {scope: 'col', class: column.class}, i === 0 ? selection.all : column.title)))), body);

  fill(root,
    h('div', {class: 'title-row'}, h('h1', {}, 'Jobs'), h('a', {class: 'button', href: '#/submit'}, 'Submit a job')),
    chips,
    h('form', {role: 'search', class: 'search', submit: (event) => { event.preventDefault(); typed(); }},
      h('label', {for: 'search'}, 'Search'), search,
      h('small', {id: 'search-help', class: 'muted'}, 'Also type:fan_out tag:nightly status:failed,dead since:2h until:2026-01-31'), faults),
    bulk,
    h('div', {class: 'scroll'}, table),
    below);
  show_counts(null);
  // What another dashboard got may be older than the last event: when it is quiet, the list is read once more.
  let quiet = 0;
  signal.addEventListener('abort', () => { reload.stop(); typed.stop(); clearTimeout(quiet); show_link('over'); });
  await load();
  follow('stats/events', {
    signal, on_state: show_link,
    on_event: (name, stats) => {
      state.counts = stats.jobs;
      show_counts(stats.jobs);
      if (state.cursor) return;
      reload();
      clearTimeout(quiet);
      quiet = setTimeout(reload, 1000);
    },
  });
}
