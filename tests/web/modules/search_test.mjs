import assert from 'node:assert/strict';
import {test} from 'node:test';

import {parse_search, time_of} from '../../../web/lib/search.js';

const now = Date.parse('2026-01-31T12:00:00Z');

test('words are sought, filters are filters', () => {
  const table = [
    ['', '', {}],
    ['  ', '', {}],
    ['no such file', '', {q: 'no such file'}],
    ['type:fan_out', '', {type: 'fan_out'}],
    ['tag:a tags:b,c tag:a', '', {tags: ['a', 'b', 'c']}],
    ['status:failed,dead timeout', '', {status: ['failed', 'dead'], q: 'timeout'}],
    ['since:2h', '', {since: '2026-01-31T10:00:00.000Z'}],
    ['until:2026-01-30', '', {until: '2026-01-30T00:00:00.000Z'}],
    ['x', 'running', {q: 'x', status: ['running']}],
    ['http://host:80', '', {q: 'http://host:80'}],
    ['type:', '', {q: 'type:'}],
  ];
  for (const [text, status, filter] of table) assert.deepEqual(parse_search(text, status, now), {filter, faults: []}, text);
});

test('what is none is said to be none', () => {
  assert.match(parse_search('since:yesterday').faults[0], /since: takes/);
  assert.match(parse_search('status:broken').faults[0], /no status “broken”/);
  assert.equal(time_of('5x', now), '');
});
