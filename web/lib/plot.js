// Lines over time, as SVG.

import {h, s} from './dom.js';

const width = 600;
const height = 140;
const left = 56;
const bottom = 20;
const top = 8;

/** A number of 1, 2 or 5 times a power of ten, at least as large. */
export function nice_ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999999);
}

/** Points are drawn as one line from one gap (null) to the next. */
function path_of(values, x, y) {
  let text = '';
  let pen = 'M';
  values.forEach((value, i) => {
    if (value === null || value === undefined) {
      pen = 'M';
      return;
    }
    text += `${pen}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = 'L';
  });
  return text;
}

/**
 * A figure with its title, a legend with the newest values, and the lines. `lines` are {name, values}; `text` says a
 * value in words; all lines have the same length, and the newest value is `interval` seconds or less old.
 */
export function plot(title, lines, text, interval) {
  const length = Math.max(2, ...lines.map((line) => line.values.length));
  const highest = nice_ceiling(Math.max(0, ...lines.flatMap((line) => line.values.map((value) => value || 0))));
  const x = (i) => left + (i / (length - 1)) * (width - left - 4);
  const y = (value) => top + (1 - value / highest) * (height - top - bottom);
  const minutes = Math.round(((length - 1) * interval) / 60);
  const grid = [0, 0.5, 1].flatMap((part) => [
    s('line', {class: 'grid', x1: left, x2: width, y1: y(part * highest), y2: y(part * highest)}),
    s('text', {class: 'axis', x: left - 6, y: y(part * highest) + 4, 'text-anchor': 'end'}, text(part * highest))]);
  const summary = lines.map((line) => `${line.name} ${text(newest(line.values))}`).join(', ');
  const drawing = s('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${title}: now ${summary}`},
    grid,
    s('text', {class: 'axis', x: left, y: height - 4}, minutes ? `${minutes} min ago` : ''),
    s('text', {class: 'axis', x: width - 2, y: height - 4, 'text-anchor': 'end'}, 'now'),
    lines.map((line, i) => s('path', {class: `line line-${i}`, d: path_of(line.values, x, y)})));
  return h('figure', {class: 'plot'}, h('figcaption', {}, h('strong', {}, title), legend(lines, text)), drawing);
}

function newest(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known[known.length - 1] : null;
}

function legend(lines, text) {
  return h('span', {class: 'legend'}, lines.map((line, i) =>
    h('span', {}, h('i', {class: `key key-${i}`}), `${line.name} ${text(newest(line.values))}`)));
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
