import assert from 'node:assert/strict';
import {test} from 'node:test';

import * as format from '../../../web/lib/format.js';

test('durations', () => {
  const table = [[null, '–'], [NaN, '–'], [0, '0 ms'], [340, '340 ms'], [999.4, '999 ms'], [1000, '1 s'], [12345, '12.3 s'],
    [60000, '1 min'], [250000, '4 min 10 s'], [3599600, '1 h'], [7500000, '2 h 5 min'], [273600000, '3 d 4 h'], [-5, '0 ms']];
  for (const [value, text] of table) assert.equal(format.duration(value), text, String(value));
});

test('counts', () => {
  assert.equal(format.count(10000000), '10,000,000');
  assert.equal(format.count(null), '–');
  const table = [[0, '0'], [0.0125, '0.0125'], [0.25, '0.25'], [12.345, '12.3'], [999.96, '1,000'], [1234.5, '1,230'], [6123, '6,123'],
    [9999, '9,999'], [9999.9, '10k'], [12345, '12.3k'], [99999, '100k'], [999400, '999k'], [999999, '1M'], [10000000, '10M'], [1234567890, '1,230M']];
  for (const [value, text] of table) assert.equal(format.short_count(value), text, String(value));
  assert.equal(format.plural(1, 'job'), '1 job');
  assert.equal(format.plural(0, 'job'), '0 jobs');
  assert.equal(format.words('completed_with_errors'), 'completed with errors');
});
