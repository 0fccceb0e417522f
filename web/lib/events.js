// Server-sent events, read by fetch, as an EventSource cannot send a token. A stream that breaks is taken up again
// after the last event that came, and one of a page that nobody looks at is closed until somebody does: a browser has
// six connections to a server, and a page in the background should cost the server nothing.

import {address, headers} from './api.js';
import {ask_token} from './token.js';

const longest_pause = 15000;

/** Takes pieces of text and calls `on_event({id, name, data})` for each event in them. */
export function event_parser(on_event) {
  let rest = '';
  let event = {id: '', name: 'message', data: []};
  const line = (text) => {
    if (text === '') {
      if (event.data.length) on_event({id: event.id, name: event.name, data: event.data.join('\n')});
      event = {id: event.id, name: 'message', data: []};
      return;
    }
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') event.id = value;
    if (field === 'event') event.name = value;
    if (field === 'data') event.data.push(value);
  };
  return (piece) => {
    const lines = (rest + piece).split(/\r?\n/);
    rest = lines.pop();
    lines.forEach(line);
  };
}

const visible = () => document.visibilityState !== 'hidden';

function until_visible(signal) {
  if (visible() || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (!visible() && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end);
  });
}

/** Reads one response to its end. */
async function read(response, parse) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    parse(value);
  }
}

/**
 * Calls `on_event(name, data)` with the parsed data of each event, until `signal` is aborted, the server says that there
 * is nothing more, or `is_last(name)`. `on_state` is told 'live', 'broken' or 'over'.
 */
export async function follow(path, {signal, on_event, on_state = () => {}, is_last = () => false}) {
  let last_id = '';
  let failures = 0;
  let over = false;
  while (!signal.aborted && !over) {
    await until_visible(signal);
    if (signal.aborted) return;
    const stop = new AbortController();
    const leave = () => { if (signal.aborted || !visible()) stop.abort(); };
    signal.addEventListener('abort', leave);
    document.addEventListener('visibilitychange', leave);
    try {
      const accept = {Accept: 'text/event-stream', ...(last_id ? {'Last-Event-ID': last_id} : {})};
      const response = await fetch(address(path), {headers: headers(accept), signal: stop.signal, cache: 'no-store', credentials: 'omit'});
      if (response.status === 401 && !(await ask_token('The token is not known.'))) over = true;
      if (response.status === 204 || response.status === 404) over = true;
      if (response.ok && response.status !== 204) {
        on_state('live');
        failures = 0;
        await read(response, event_parser(({id, name, data}) => {
          if (id) last_id = id;
          on_event(name, JSON.parse(data));
          if (is_last(name)) over = true;
        }));
      }
    } catch (error) {
      if (!stop.signal.aborted && !(error instanceof TypeError) && error.name !== 'AbortError') console.error(error);
    } finally {
      signal.removeEventListener('abort', leave);
      document.removeEventListener('visibilitychange', leave);
    }
    if (signal.aborted || over) break;
    if (!visible()) continue;
    on_state('broken');
    await pause(Math.min(longest_pause, 500 * 2 ** failures++) * (0.75 + Math.random() / 2), signal);
  }
  if (!signal.aborted) on_state('over');
}
