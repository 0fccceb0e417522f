// The same request as a command: of `coremachine`, and of curl.

import {stands_for_value} from './references.js';

/** A word that a POSIX shell takes as it is. */
export function quoted(text) {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const server = () => location.origin + location.pathname.replace(/\/$/, '');
const at_server = () => ` --server ${quoted(server())}`;
const with_token = ' -H "Authorization: Bearer $TOKEN"';

function curl(method, path, body) {
  const token = sessionStorage.getItem('coremachine.token') ? with_token : '';
  const data = body === undefined ? '' : ` -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`;
  return `curl -sX ${method}${token} ${quoted(`${server()}/api/v1/${path}`)}${data}`;
}

/** [what, command, curl] of everything that is done to one job. */
export function job_commands(job, verbs) {
  const path = `jobs/${encodeURIComponent(job.job_id)}`;
  const id = quoted(job.job_id);
  const on = (verb) => [verb, `coremachine jobs ${verb} ${id}${at_server()}`, curl('POST', `${path}/${verb}`)];
  return [
    ['show', `coremachine jobs show ${id}${at_server()}`, curl('GET', path)],
    ['watch', `coremachine jobs watch ${id}${at_server()}`, curl('GET', `${path}/events`).replace('-sX', '-sNX')],
    ...verbs.map(on),
    ...(stands_for_value(job.params) ? [] : [['submit again', ...submit_commands(job.job_type, job.params)]]),
  ];
}

/** [command, curl] of a submission. `query` has its options, as the address of the request has them. */
export function submit_commands(type, params, query = {}) {
  const words = ([name, value]) => (name === 'tags' ? String(value).split(',').map((tag) => ['tag', tag.trim()]) : [[name.replaceAll('_', '-'), String(value)]]);
  const flags = Object.entries(query).flatMap(words).map(([name, value]) => ` --${name} ${quoted(value)}`).join('');
  const some = new URLSearchParams(query).toString();
  return [`coremachine submit ${quoted(type)} ${quoted(JSON.stringify(params || {}))}${flags}${at_server()}`,
    curl('POST', `jobs/${encodeURIComponent(type)}${some ? '?' + some : ''}`, params || {})];
}
