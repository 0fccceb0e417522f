// The tasks of one round as a heat map. The server counts them in at most so many cells, whatever their number; a cell
// of several tasks opens into cells of its own, down to single tasks.

import {get} from '../lib/api.js';
import {fill, h, mark_shown} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {cell_at, cell_status, draw, layout} from '../lib/heat_canvas.js';
import {go, link} from '../lib/router.js';

const legend_statuses = ['queued', 'running', 'retrying', 'completed', 'failed', 'dead', 'cancelled'];

/** About as many cells as can be seen: they cost 140 bytes each. */
const wanted_cells = () => (window.innerWidth < 700 ? 500 : 1000);

function range_text(cell) {
  return cell.count === 1 ? `Task ${format.count(cell.first)}` : `Tasks ${format.count(cell.first)} to ${format.count(cell.first + cell.count - 1)}`;
}

function counts_text(tasks) {
  return legend_statuses.filter((name) => tasks[name] > 0).map((name) => `${format.count(tasks[name])} ${name}`).join(', ') || 'none';
}

export function make_heat_map(context, round) {
  const first = Number(context.route.query.get('first')) || 0;
  const count = Number(context.route.query.get('count')) || 0;
  const state = {cells: [], selected: -1, asked: 0};
  const information = h('p', {id: 'cell-information', class: 'cell-information', role: 'status'});
  const canvas = h('canvas', {id: 'heat-map', tabindex: 0, role: 'application', 'aria-label': 'Heat map of the tasks. Arrow keys move, Enter opens, Escape goes back, n finds the next failure.',
    'aria-describedby': 'cell-information'});
  const legend = h('p', {class: 'legend'});
  const way = h('p', {class: 'crumbs'});
  const node = h('section', {'aria-labelledby': 'heat-title', class: 'heat'},
    h('h2', {id: 'heat-title'}, 'Tasks at a glance'), way, legend, h('div', {class: 'heat-box'}, canvas), information,
    h('div', {class: 'buttons'}, h('button', {type: 'button', id: 'next-failure', class: 'small', click: () => { next_failure(); }}, 'Next failure'),
      h('button', {type: 'button', id: 'open-cell', class: 'small', click: () => open(state.selected)}, 'Open')));

  const here = (more) => link(['jobs', context.id], {round, ...more});
  function select(index) {
    if (index < 0 || index >= state.cells.length) return;
    state.selected = index;
    const cell = state.cells[index];
    fill(information, `${range_text(cell)}: ${counts_text(cell.tasks)}`);
    draw(canvas, state.cells, index);
  }
  function open(index) {
    const cell = state.cells[index];
    if (!cell) return;
    if (cell.count === 1) go(['jobs', context.id], {round, first: first || '', count: count || '', task: cell.first});
    else go(['jobs', context.id], {round, first: cell.first, count: cell.count});
  }
  function next_failure() {
    const bad = (cell) => cell.tasks.failed + cell.tasks.dead > 0;
    const after = state.cells.findIndex((cell, i) => i > state.selected && bad(cell));
    const found = after >= 0 ? after : state.cells.findIndex(bad);
    if (found >= 0) select(found);
    else fill(information, 'No task of these has failed.');
  }
  function key(event) {
    const {columns} = layout(state.cells.length, canvas.parentElement.clientWidth);
    const steps = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns};
    const from = Math.max(0, state.selected);
    if (event.key in steps) select(state.selected < 0 ? 0 : Math.max(0, Math.min(state.cells.length - 1, from + steps[event.key])));
    else if (event.key === 'Home') select(0);
    else if (event.key === 'End') select(state.cells.length - 1);
    else if (event.key === 'Enter') open(state.selected);
    else if (event.key === 'n') next_failure();
    else if (event.key === 'Escape' && count) location.hash = here({});
    else return;
    event.preventDefault();
  }
  canvas.addEventListener('keydown', key);
  canvas.addEventListener('mousemove', (event) => {
    const index = cell_at(canvas, state.cells, event);
    if (index >= 0) fill(information, `${range_text(state.cells[index])}: ${counts_text(state.cells[index].tasks)}`);
  });
  canvas.addEventListener('click', (event) => {
    const index = cell_at(canvas, state.cells, event);
    if (index < 0) return;
    select(index);
    open(index);
  });
  const redraw = () => {
    if (!canvas.isConnected) return;  // it has no width yet
    draw(canvas, state.cells, state.selected);
    if (state.cells.length) mark_shown('heat-map');
  };
  window.addEventListener('resize', redraw, {signal: context.signal});
  document.addEventListener('theme-changed', redraw, {signal: context.signal});
  document.addEventListener('page-shown', redraw, {signal: context.signal});
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw, {signal: context.signal});

  async function load(max_age) {
    node.hidden = !round;
    if (!round) return;
    const mine = ++state.asked;
    const map = await get(`${context.path}/heatmap`, {round, cells: wanted_cells(), first: count ? first : '', count: count || '', max_age}, context.signal);
    if (mine !== state.asked) return;
    state.cells = map.cells;
    canvas.dataset.cells = map.cells.length;
    const tasks = map.tasks;
    const all = `All ${format.count(context.job().stages.find((stage) => stage.round === round)?.tasks.total)}`;
    fill(way, count ? [h('a', {href: here({})}, all), ` › ${range_text({first, count})}`] : null);
    fill(legend, legend_statuses.filter((name) => tasks[name] > 0 || name === 'failed').map((name) =>
      h('span', {}, h('i', {class: `key fill-${name}`}), `${name} ${format.count(tasks[name])}`)));
    const failures = map.cells.filter((cell) => ['failed', 'dead'].includes(cell_status(cell.tasks))).length;
    document.getElementById('next-failure')?.toggleAttribute('disabled', failures === 0);
    if (state.selected < 0) fill(information, failures ? `${format.plural(failures, 'cell')} of ${format.count(map.cells.length)} with failures.` : map.cells.length ? `Each cell is ${format.plural(map.cells[0].count, 'task')}.` : 'No tasks.');
    redraw();
  }
  return {node, load};
}
