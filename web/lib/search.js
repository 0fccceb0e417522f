// What is written into the search box of the jobs: words that are sought in id, type, tags and error text, and filters
// such as `type:fan_out tag:nightly status:failed since:2h`.

export const job_statuses = ['scheduled', 'queued', 'running', 'paused', 'cancelling', 'completed',
  'completed_with_errors', 'failed', 'dead', 'cancelled'];
export const over_statuses = ['completed', 'completed_with_errors', 'failed', 'dead', 'cancelled'];

const units = {s: 1e3, m: 6e4, h: 36e5, d: 864e5};

/** `2h` ago, or a date, as RFC 3339; empty if it is neither. */
export function time_of(text, now = Date.now()) {
  const back = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  if (back) return new Date(now - Number(back[1]) * units[back[2]]).toISOString();
  const at = Date.parse(text);
  return Number.isNaN(at) ? '' : new Date(at).toISOString();
}

/** {filter: {status: […], type, tags: […], q, since, until}, faults: […]}; what is not filtered by is left out. */
export function parse_search(text, status = '', now = Date.now()) {
  const filter = {};
  const words = [];
  const faults = [];
  const list = (name, value) => { filter[name] = [...new Set([...(filter[name] || []), ...value.split(',')])].filter(Boolean); };
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const [, name, value] = /^(status|type|tag|tags|since|until):(.+)$/.exec(word) || [];
    if (!name) words.push(word);
    else if (name === 'status') list('status', value);
    else if (name === 'tag' || name === 'tags') list('tags', value);
    else if (name === 'type') filter.type = value;
    else if (time_of(value, now)) filter[name] = time_of(value, now);
    else faults.push(`${name}: takes 30m, 2h, 7d or a date, and not “${value}”`);
  }
  if (status) list('status', status);
  for (const name of filter.status || []) {
    if (!job_statuses.includes(name)) faults.push(`there is no status “${name}”: ${job_statuses.join(', ')}`);
  }
  if (words.length) filter.q = words.join(' ');
  return {filter, faults};
}
