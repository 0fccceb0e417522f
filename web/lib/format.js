// Numbers, times and durations as people read them.

// An Intl.NumberFormat takes a browser 20 ms to make; commas between thousands do not need it.
const grouped = (text) => text.replace(/\B(?=(\d{3})+$)/g, ',');

/** Three significant digits, as a number. */
const rounded = (value) => Number(Number(value).toPrecision(3));

export function count(value) {
  return value === null || value === undefined ? '–' : grouped(String(Math.round(value)));
}

/** 9,876, 0.25, 12.3k, 1.2M: a whole number below ten thousand is told in full. */
export function short_count(value) {
  if (value < 10000 && Number.isInteger(value)) return count(value);
  const about = rounded(value);
  if (about < 10000) return Number.isInteger(about) ? count(about) : String(about);
  return about < 1e6 ? `${rounded(about / 1e3)}k` : `${grouped(String(rounded(about / 1e6)))}M`;
}

export function plural(value, word, words = word + 's') {
  return `${count(value)} ${value === 1 ? word : words}`;
}

/** Milliseconds as `340 ms`, `12.3 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined || Number.isNaN(milliseconds)) return '–';
  const ms = Math.max(0, milliseconds);
  if (ms < 1000) return `${rounded(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${rounded(seconds)} s`;
  const two = (value, unit, small, small_unit) => (small ? `${value} ${unit} ${small} ${small_unit}` : `${value} ${unit}`);
  const whole = Math.round(seconds);
  if (whole < 3600) return two(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 86400) return two(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
  return two(Math.floor(whole / 86400), 'd', Math.floor((whole % 86400) / 3600), 'h');
}

export function rate(per_second) {
  return per_second === null || per_second === undefined ? '–' : `${short_count(per_second)}/s`;
}

const pad = (value) => String(value).padStart(2, '0');

/** The local time; with the date unless that is today. */
export function time(text) {
  if (!text) return '–';
  const at = new Date(text);
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  return at.toDateString() === new Date().toDateString() ? clock : `${day} ${clock}`;
}

/** Milliseconds from one time to another, or to now. */
export function between(from, to) {
  if (!from) return null;
  return (to ? Date.parse(to) : Date.now()) - Date.parse(from);
}

/** `12 s ago`, `in 4 min`. */
export function ago(text) {
  if (!text) return '–';
  const passed = Date.now() - Date.parse(text);
  const rough = Math.abs(passed) < 1000 ? 1000 : Math.round(Math.abs(passed) / 1000) * 1000;
  return passed >= 0 ? `${duration(rough)} ago` : `in ${duration(rough)}`;
}

export function json(value) {
  return JSON.stringify(value, null, 2);
}

/** `completed_with_errors` in words. */
export function words(name) {
  return String(name).replaceAll('_', ' ');
}
