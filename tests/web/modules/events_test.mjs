import assert from 'node:assert/strict';
import {test} from 'node:test';

globalThis.document = {baseURI: 'http://127.0.0.1/', visibilityState: 'visible'};
globalThis.sessionStorage = {getItem: () => null};
const {event_parser} = await import('../../../web/lib/events.js');

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
