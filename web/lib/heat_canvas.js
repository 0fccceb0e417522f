// Draws the cells of a heat map, and says which one is where.

import {h} from './dom.js';

/** What of a cell is seen first: one failure among thousands of tasks is what somebody is looking for. */
export function cell_status(tasks) {
  if (tasks.failed || tasks.dead) return tasks.dead ? 'dead' : 'failed';
  if (tasks.retrying) return 'retrying';
  if (tasks.running) return 'running';
  if (tasks.completed === tasks.total) return 'completed';
  if (tasks.cancelled) return 'cancelled';
  return 'queued';
}

const statuses = ['queued', 'running', 'retrying', 'completed', 'failed', 'dead', 'cancelled'];

/** The largest square with which so many cells fill the width, and how many are in a row. */
export function layout(cells, width) {
  const size = Math.max(7, Math.min(26, Math.floor(Math.sqrt((width * 260) / Math.max(1, cells)))));
  const columns = Math.max(1, Math.min(cells, Math.floor(width / size)));
  return {size, columns, rows: Math.ceil(cells / columns)};
}

/** Those of the theme, as a canvas takes them: a variable by itself has both themes in it, the colour of an element one. */
function colours(canvas) {
  const probe = h('i', {hidden: true});
  canvas.after(probe);
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {line: colour('text'), back: colour('back')};
  for (const name of statuses) found[name] = colour(name);
  probe.remove();
  return found;
}

/**
 * How much of a cell its worst status takes. However little it is, it is seen; and ten times as many are seen to be more,
 * so that what failed as a whole stands out from a task here and there.
 */
export function share_height(part) {
  return 0.25 + 0.75 * Math.max(0, 1 + Math.log10(part) / 4) ** 2;
}

/** A cell that is partly done is filled as far as it is; failures and what runs get a mark that needs no colour. */
function draw_cell(pen, cell, x, y, size, colour) {
  const {tasks} = cell;
  const status = cell_status(tasks);
  const inside = size - 1;
  pen.fillStyle = colour.queued;
  pen.fillRect(x, y, inside, inside);
  const done = tasks.total ? tasks.completed / tasks.total : 0;
  if (done > 0) {
    const height = Math.max(1, Math.round(inside * done));
    pen.fillStyle = colour.completed;
    pen.fillRect(x, y + inside - height, inside, height);
  }
  if (status === 'queued' || status === 'completed') return;
  const height = Math.max(3, Math.round(inside * share_height(tasks[status] / tasks.total)));
  pen.fillStyle = colour[status];
  pen.fillRect(x, y, inside, height);
  if (status !== 'failed' && status !== 'dead') return;
  pen.strokeStyle = colour.back;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x + 2, y + 1);
  pen.lineTo(x + inside - 2, y + height - 1);
  if (status === 'dead') {
    pen.moveTo(x + inside - 2, y + 1);
    pen.lineTo(x + 2, y + height - 1);
  }
  pen.stroke();
}

export function draw(canvas, cells, selected) {
  const width = canvas.parentElement.clientWidth || 600;
  const {size, columns, rows} = layout(cells.length, width);
  const scale = window.devicePixelRatio || 1;
  canvas.width = columns * size * scale;
  canvas.height = Math.max(1, rows) * size * scale;
  canvas.style.width = `${columns * size}px`;
  canvas.style.height = `${Math.max(1, rows) * size}px`;
  const pen = canvas.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  const colour = colours(canvas);
  cells.forEach((cell, i) => draw_cell(pen, cell, (i % columns) * size, Math.floor(i / columns) * size, size, colour));
  if (selected >= 0 && selected < cells.length) {
    pen.strokeStyle = colour.line;
    pen.lineWidth = 2;
    pen.strokeRect((selected % columns) * size, Math.floor(selected / columns) * size, size - 1, size - 1);
  }
}

/** The number of the cell at a place in the canvas, or −1. */
export function cell_at(canvas, cells, event) {
  const box = canvas.getBoundingClientRect();
  const {size, columns} = layout(cells.length, canvas.parentElement.clientWidth || 600);
  const column = Math.floor((event.clientX - box.left) / size);
  const index = Math.floor((event.clientY - box.top) / size) * columns + column;
  return column >= 0 && column < columns && index >= 0 && index < cells.length ? index : -1;
}
