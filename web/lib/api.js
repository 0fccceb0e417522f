// Requests to the server. Addresses are relative to the page, so that it also works behind a proxy with a prefix.

import {ask_token, token} from './token.js';

const base = new URL('api/v1/', document.baseURI);

/** What the server refused, as its problem says it; or that it could not be reached (`status` 0). */
export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `the server answered ${status}`);
    this.status = status;
    this.code = problem.code || '';
    this.errors = problem.errors || [];
    this.request_id = problem.request_id || '';
  }
}

/** The address of a path below /api/v1; entries of the query that are empty are left out. */
export function address(path, query = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    const text = Array.isArray(value) ? value.join(',') : value;
    if (text !== '' && text !== null && text !== undefined) url.searchParams.set(name, text);
  }
  return url;
}

export function headers(more = {}) {
  return token() ? {...more, Authorization: `Bearer ${token()}`} : more;
}

/** What the server said is not there, or not whole. */
const cut_off = (error, signal) => (signal && signal.aborted ? error : new Problem(0, {detail: 'The server does not answer.'}));

async function problem_of(response, signal) {
  const text = await body_of(response, 'text', signal);
  try {
    return new Problem(response.status, JSON.parse(text));
  } catch {
    return new Problem(response.status, {detail: text.slice(0, 200)});
  }
}

/** The body, read as `kind`; a connection may break off in the middle of it. */
async function body_of(response, kind, signal) {
  try {
    return await response[kind]();
  } catch (error) {
    throw cut_off(error, signal);
  }
}

async function send(method, url, text, signal) {
  const sent = text === undefined ? {} : {'Content-Type': 'application/json'};
  try {
    return await fetch(url, {
      method, signal, headers: headers(sent), body: text,
      cache: 'no-store', credentials: 'omit', redirect: 'error'});
  } catch (error) {
    throw cut_off(error, signal);
  }
}

/** The answer, if it is none that refuses; where a token is needed, it is asked for. */
async function answer_of(method, url, text, signal) {
  const used = token();
  let response = await send(method, url, text, signal);
  if (response.status === 401) {
    const {message} = await problem_of(response, signal);
    // Somebody else may have got a token meanwhile.
    if (token() !== used || (await ask_token(message))) response = await send(method, url, text, signal);
    else throw new Problem(401, {detail: message});
  }
  if (!response.ok) throw await problem_of(response, signal);
  return response;
}

/** The answer as JSON, null if it has no body. `text` is the body, or `body` as JSON. Throws a Problem. */
export async function call(method, path, {query, body, text, signal} = {}) {
  const sent = body === undefined ? text : JSON.stringify(body);
  const response = await answer_of(method, address(path, query), sent, signal);
  const answer = await body_of(response, 'text', signal);
  try {
    return answer ? JSON.parse(answer) : null;
  } catch {
    // Something between the page and the server answers in its place.
    throw new Problem(response.status, {detail: `The answer is no JSON: ${answer.slice(0, 200)}`});
  }
}

/** What is there, as it is, in a Blob: the browser keeps a large one on the disk. Throws a Problem. */
export async function content(path) {
  return body_of(await answer_of('GET', address(path)), 'blob');
}

export const get = (path, query, signal) => call('GET', path, {query, signal});
export const post = (path, body, query) => call('POST', path, {body, query});
export const put = (path, body) => call('PUT', path, {body});
export const remove = (path) => call('DELETE', path);

/** A segment of a path: names and ids are escaped. */
export const segment = encodeURIComponent;
