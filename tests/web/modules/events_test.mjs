import assert from 'node:assert/strict';
import {test} from 'node:test';

globalThis.document = {baseURI: 'http://127.0.0.1/', visibilityState: 'visible'};
globalThis.sessionStorage = {getItem: () => null};
const {event_parser, follow} = await import('../../../web/lib/events.js');

const stream = 'retry: 1000\n\nid: 1\nevent: job.accepted\ndata: {"a":1}\n\n:\n\nid: 2\nevent: progress\ndata: {"b":\ndata: 2}\r\n\r\ndata: x\n\n';

function parsed(pieces) {
  const events = [];
  const parse = event_parser((event) => events.push(event));
  pieces.forEach(parse);
  return events;
}

test('a stream is the same however it is cut', () => {
  const whole = parsed([stream]);
  assert.deepEqual(whole, [{id: '1', name: 'job.accepted', data: '{"a":1}'}, {id: '2', name: 'progress', data: '{"b":\n2}'}, {id: '2', name: 'message', data: 'x'}]);
  for (let at = 0; at <= stream.length; ++at) assert.deepEqual(parsed([stream.slice(0, at), stream.slice(at)]), whole, `cut at ${at}`);
  assert.deepEqual(parsed([...stream]), whole);
});

/** A target that also says how many listeners it has. */
function counted(target) {
  const listeners = new Set();
  const {addEventListener, removeEventListener} = target;
  return Object.assign(target, {
    addEventListener(name, listener, ...more) { listeners.add(listener); addEventListener?.call(target, name, listener, ...more); },
    removeEventListener(name, listener) { listeners.delete(listener); removeEventListener?.call(target, name, listener); },
    listeners: () => listeners.size,
    tell: (name) => [...listeners].forEach((listener) => listener({type: name})),
  });
}

test('a stream that is taken up again and again leaves no listeners behind', async (t) => {
  const {fetch, setTimeout} = globalThis;
  t.after(() => Object.assign(globalThis, {fetch, setTimeout}));
  globalThis.setTimeout = (work) => setImmediate(work);
  const page = counted(globalThis.document);
  const leave = new AbortController();
  const signal = counted(leave.signal);
  const known = [];
  let tries = 0;
  globalThis.fetch = async () => {
    known.push([signal.listeners(), page.listeners()]);
    tries += 1;
    if (tries % 3 === 0) {
      // Nobody looks at the page for a while.
      page.visibilityState = 'hidden';
      setImmediate(() => { page.visibilityState = 'visible'; page.tell('visibilitychange'); });
    }
    if (tries === 30) leave.abort();
    if (tries % 2) throw new TypeError('no connection');
    return new Response('data: 1\n\n');
  };
  await follow('jobs/events', {signal, on_event: () => {}});
  assert.equal(known.length, 30);
  assert.deepEqual(known, known.map(() => known[0]));
  assert.deepEqual([signal.listeners(), page.listeners()], [0, 0]);
});
