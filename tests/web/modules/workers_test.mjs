import assert from 'node:assert/strict';
import {test} from 'node:test';

globalThis.document = {baseURI: 'http://127.0.0.1/', visibilityState: 'visible'};
globalThis.sessionStorage = {getItem: () => null};
const {queue_state} = await import('../../../web/pages/workers.js');

const idle = {paused: false, disabled: false, available: true, depth: 0, running: 0};

test('a type that nobody runs is at fault only while tasks of it wait', () => {
  const table = [[{}, 'idle'], [{depth: 1}, 'running'], [{running: 1}, 'running'],
    [{available: false}, 'unused'], [{available: false, depth: 1}, 'no_worker'], [{available: false, depth: 1, running: 1}, 'no_worker'],
    // Its worker has gone, and what it has is its own until its term is over.
    [{available: false, running: 1}, 'running'],
    [{available: false, depth: 1, paused: true}, 'paused'], [{available: false, depth: 1, disabled: true}, 'disabled']];
  for (const [change, expected] of table) assert.equal(queue_state({...idle, ...change}), expected, JSON.stringify(change));
});
