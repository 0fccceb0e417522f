// Lines over time, as SVG.

import {fill, h, s} from './dom.js';
import * as format from './format.js';

const width = 420;
const height = 140;
const left = 68;
const bottom = 20;
const top = 8;
/** Less than a few minutes is drawn at the right end of them. */
const fewest_points = 31;

/** A number of 1, 2 or 5 times a power of ten, at least as large. */
export function nice_ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999999);
}

/** Values from one gap (null) to the next, as [index of the first, values]. */
function runs_of(values) {
  const runs = [];
  let open = null;
  values.forEach((value, i) => {
    if (value === null || value === undefined) {
      open = null;
      return;
    }
    if (!open) runs.push(open = [i, []]);
    open[1].push(value);
  });
  return runs;
}

// A run of one value is a dot: a line of no length with round ends.
const line_of = (values, x, y) => runs_of(values).map(([first, run]) =>
  run.map((value, i) => `${i ? 'L' : 'M'}${x(first + i).toFixed(1)} ${y(value).toFixed(1)}`).join('') + 'h0').join('');

const area_of = (values, x, y) => runs_of(values).map(([first, run]) =>
  `M${x(first).toFixed(1)} ${y(0)}${run.map((value, i) => `L${x(first + i).toFixed(1)} ${y(value).toFixed(1)}`).join('')}V${y(0)}Z`).join('');

function axes(x, y, highest, text, minutes, length) {
  const levels = [0, 0.5, 1].flatMap((part) => [
    s('line', {class: 'grid', x1: left, x2: width, y1: y(part * highest), y2: y(part * highest)}),
    s('text', {class: 'axis', x: left - 6, y: y(part * highest) + 4, 'text-anchor': 'end'}, text(part * highest))]);
  const times = [[0, 'start'], [0.5, 'middle'], [1, 'end']].map(([part, anchor]) =>
    s('text', {class: 'axis', x: x(part * (length - 1)), y: height - 4, 'text-anchor': anchor}, part === 1 ? 'now' : `${format.plural(Math.round(minutes * (1 - part) * 10) / 10, 'min', 'min')} ago`));
  return [levels, times];
}

/**
 * A figure with its title, a legend with the newest values, and the lines. `lines` are {name, values}; `text` says a
 * value in words; all lines have the same length, and the newest value is `interval` seconds or less old. The newest is
 * at the right; where the pointer is, the legend has the values of that time. `pointer` ({title, at}) is where it is: it
 * outlives the figure, so that one drawn anew says on what is pointed at.
 */
export function plot(title, lines, text, interval, pointer) {
  const known = Math.max(0, ...lines.map((line) => line.values.length));
  const length = Math.max(fewest_points, known);
  const values = lines.map((line) => [...Array(length - line.values.length).fill(null), ...line.values]);
  const highest = nice_ceiling(Math.max(0, ...values.flat().map((value) => value || 0)));
  const x = (i) => left + (i / (length - 1)) * (width - left - 4);
  const y = (value) => top + (1 - value / highest) * (height - top - bottom);
  const now = lines.map((line) => newest(line.values));
  const summary = lines.map((line, i) => `${line.name} ${text(now[i])}`).join(', ');
  const cursor = s('line', {class: 'cursor', y1: top, y2: height - bottom, visibility: 'hidden'});
  const said = h('span', {class: 'legend'});
  const say = (of, when) => fill(said, when ? h('span', {}, when) : null, lines.map((line, i) =>
    h('span', {}, h('i', {class: `key key-${i}`}), `${line.name} ${text(of[i])}`)));
  const drawing = s('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${title}: now ${summary}`},
    axes(x, y, highest, text, ((length - 1) * interval) / 60, length), s('path', {class: 'area', d: area_of(values[0], x, y)}),
    values.map((some, i) => s('path', {class: `line line-${i}`, d: line_of(some, x, y)})), cursor);
  const point = () => {
    const i = Math.max(0, Math.min(length - 1, Math.round(pointer.at * (length - 1))));
    for (const [name, value] of [['x1', x(i)], ['x2', x(i)], ['visibility', 'visible']]) cursor.setAttribute(name, value);
    say(values.map((some) => some[i]), i === length - 1 ? '' : `${format.duration((length - 1 - i) * interval * 1000)} ago:`);
  };
  drawing.addEventListener('pointermove', (event) => {
    const box = drawing.getBoundingClientRect();
    pointer.title = title;
    pointer.at = (((event.clientX - box.left) / box.width) * width - left) / (width - left - 4);
    point();
  });
  drawing.addEventListener('pointerleave', () => {
    pointer.title = '';
    cursor.setAttribute('visibility', 'hidden');
    say(now, '');
  });
  if (pointer.title === title) point();
  else say(now, '');
  return h('figure', {class: 'plot'}, h('figcaption', {}, h('strong', {}, title), said), drawing);
}

function newest(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known[known.length - 1] : null;
}

/** A bar of counts by status, widest first to last as given. `parts` are [name, count]. */
export function status_bar(parts, label) {
  const total = parts.reduce((sum, [, value]) => sum + value, 0);
  const bar = s('svg', {class: 'status-bar', viewBox: '0 0 100 6', preserveAspectRatio: 'none', role: 'img', 'aria-label': label});
  let from = 0;
  for (const [name, value] of parts) {
    if (!value || !total) continue;
    // What is there is seen, however little it is.
    const wide = Math.max((value / total) * 100, 0.7);
    bar.append(s('rect', {class: `fill-${name}`, x: from, y: 0, width: wide, height: 6}));
    from += wide;
  }
  bar.setAttribute('viewBox', `0 0 ${Math.max(from, 1)} 6`);
  return bar;
}
