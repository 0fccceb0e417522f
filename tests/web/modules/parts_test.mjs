import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {test} from 'node:test';

import {cell_status, layout, share_height} from '../../../web/lib/heat_canvas.js';
import {nice_ceiling} from '../../../web/lib/plot.js';
import {link, parse_route} from '../../../web/lib/router.js';
import {kind_of} from '../../../web/lib/schema_field.js';
import {quoted} from '../../../web/lib/shell.js';
import {nasty} from '../support/words.mjs';

test('a shell takes a quoted word as it is', () => {
  for (const text of [...nasty, "it's", '$HOME `id` "x" \\', 'a\nb', '', '-n', '*']) {
    if (text.includes('\u0000')) continue; // no shell can say that
    assert.equal(execFileSync('sh', ['-c', `printf %s ${quoted(text)}`], {encoding: 'utf8'}), text);
  }
});

test('an address leads back to what it was made of', () => {
  for (const text of [...nasty, 'a/b', 'a?b#c', '100%', ' ']) {
    const {path, query} = parse_route(link(['jobs', text], {q: text, none: '', zero: 0}));
    assert.deepEqual(path, ['jobs', text]);
    assert.equal(query.get('q'), text);
    assert.equal(query.has('none'), false);
    assert.equal(query.get('zero'), '0');
  }
  assert.deepEqual(parse_route('').path, []);
  assert.deepEqual(parse_route('#/a%ZZ').path, ['a%ZZ']);
});

test('the worst of a cell is what is seen', () => {
  const none = {total: 1000, queued: 0, running: 0, retrying: 0, completed: 0, failed: 0, dead: 0, cancelled: 0};
  const table = [[{completed: 1000}, 'completed'], [{queued: 1000}, 'queued'], [{completed: 999, running: 1}, 'running'],
    [{completed: 998, running: 1, retrying: 1}, 'retrying'], [{completed: 999, failed: 1}, 'failed'], [{completed: 998, failed: 1, dead: 1}, 'dead'],
    [{completed: 500, cancelled: 500}, 'cancelled'], [{completed: 500, queued: 500}, 'queued']];
  for (const [counts, status] of table) assert.equal(cell_status({...none, ...counts}), status);
});

test('however few of a cell failed, it is seen, and ten times as many are seen to be more', () => {
  const heights = [1e-7, 1e-4, 1e-3, 1e-2, 0.1, 1].map(share_height);
  assert.deepEqual(heights, [...heights].sort((a, b) => a - b));
  assert.ok(heights[0] >= 0.25 && heights[5] === 1 && heights[3] - heights[2] > 0.1 && heights[3] < 0.5, `${heights}`);
});

test('every cell has its place on the canvas', () => {
  for (const cells of [1, 2, 17, 500, 1000, 4096]) {
    for (const width of [200, 390, 1280]) {
      const {columns, rows, size} = layout(cells, width);
      assert.ok(columns * rows >= cells && columns * (rows - 1) < cells, `${cells} in ${columns} × ${rows}`);
      assert.ok(columns * size <= Math.max(width, size));
    }
  }
});

test('axes end at a round number', () => {
  for (const [value, end] of [[0, 1], [0.013, 0.02], [1, 1], [3, 5], [51, 100], [1100000, 2000000]]) assert.ok(Math.abs(nice_ceiling(value) / end - 1) < 1e-9, `${value}`);
});

test('a schema says how its value is asked for', () => {
  const root = {$defs: {point: {type: 'object', properties: {x: {type: 'integer'}}}}};
  const table = [[{type: 'integer'}, 'integer', false], [{type: ['string', 'null']}, 'string', true], [{type: 'string', enum: ['a', 'b']}, 'choice', false],
    [{type: 'array', items: {type: 'string'}}, 'lines', false], [{type: 'array', items: {type: 'integer'}}, 'json', false], [{}, 'json', false],
    [{$ref: '#/$defs/point'}, 'object', false], [{anyOf: [{$ref: '#/$defs/point'}, {type: 'null'}]}, 'object', true], [{type: 'object'}, 'json', false],
    [{anyOf: [{type: 'string'}, {type: 'integer'}]}, 'json', false], [{type: 'boolean'}, 'boolean', false]];
  for (const [schema, kind, nullable] of table) {
    const found = kind_of(schema, root);
    assert.deepEqual([found.kind, found.nullable], [kind, nullable], JSON.stringify(schema));
  }
});
