import assert from 'node:assert/strict';
import {test} from 'node:test';

import {file_name, references, stands_for_value} from '../../../web/lib/references.js';
import {nasty} from '../support/words.mjs';

const id = (digit) => `sha256-${digit.repeat(64)}`;
const json = {$artifact: id('a'), size: 2000000, media_type: 'application/json', automatic: true};
const rows = {$artifact: id('b'), size: 7, media_type: 'application/x-ndjson'};

test('references are found wherever they are in a value', () => {
  const table = [[null, []], [7, []], ['$artifact', []], [{artifact: id('a')}, []], [json, [['', json]]],
    [{rows, more: [1, {deep: json}]}, [['rows', rows], ['more.1.deep', json]]], [[rows, rows], [['0', rows], ['1', rows]]],
    // Any text is the name of a member, and none of them makes it the value itself.
    [{'': rows}, [['""', rows]]], [{'': {'': rows}, a: {'': json}}, [['"".""', rows], ['a.""', json]]],
    [JSON.parse(`{"__proto__": ${JSON.stringify(rows)}}`), [['__proto__', rows]]]];
  for (const [value, expected] of table) {
    assert.deepEqual(references(value).map(({where, reference}) => [where, reference]), expected, JSON.stringify(value));
  }
});

test('what is written like one, and names nothing that could be there, is none', () => {
  for (const text of [...nasty, '', 'sha256-', id('A'), `${id('a')}/..`, ` ${id('a')}`, 7, null, {}, [id('a')], [[id('a')]]]) assert.deepEqual(references({$artifact: text}), []);
});

test('only what the machine put there stands for a value', () => {
  assert.equal(stands_for_value(json), true);
  for (const value of [rows, {rows}, {json}, {'': json}, [json], null, undefined, 'text', {...json, automatic: false}, {...json, automatic: 'yes'}]) assert.equal(stands_for_value(value), false);
});

test('a page of links stays short', () => {
  assert.equal(references(Array(1000).fill(rows)).length, 20);
});

test('the file is named after what is in it', () => {
  assert.equal(file_name(json), `${id('a')}.json`);
  assert.equal(file_name(rows), `${id('b')}.ndjson`);
  for (const media_type of ['../x', 'toString', '__proto__', 'constructor', ['text/csv'], null, undefined]) {
    assert.equal(file_name({$artifact: id('c'), media_type}), id('c'));
  }
});
