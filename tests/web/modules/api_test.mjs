import assert from 'node:assert/strict';
import {test} from 'node:test';

globalThis.document = {baseURI: 'http://127.0.0.1/', visibilityState: 'visible'};
globalThis.sessionStorage = {getItem: () => null};
const {Problem, call, content} = await import('../../../web/lib/api.js');

/** The next requests are answered with this. */
function answer_with(make) {
  globalThis.fetch = async () => make();
}

/** A body that breaks off after so much of it. */
function broken(begun) {
  return new ReadableStream({
    pull(controller) {
      if (begun) controller.enqueue(new TextEncoder().encode(begun));
      if (!begun) controller.error(new TypeError('terminated'));
      begun = '';
    },
  });
}

const refusal = JSON.stringify({status: 409, code: 'wrong_state', detail: 'it is over', request_id: 'r1'});

test('an answer is its JSON, and null where there is no body', async () => {
  for (const [body, expected] of [['{"a":1}', {a: 1}], ['[]', []], ['', null], ['null', null]]) {
    answer_with(() => new Response(body));
    assert.deepEqual(await call('GET', 'jobs'), expected);
  }
});

test('whatever goes wrong with an answer is a Problem', async () => {
  const table = [
    ['no answer', () => { throw new TypeError('failed to fetch'); }, 0, /does not answer/],
    ['cut off at once', () => new Response(broken('')), 0, /does not answer/],
    ['cut off in the middle', () => new Response(broken('{"a":')), 0, /does not answer/],
    ['a refusal', () => new Response(refusal, {status: 409}), 409, /it is over/],
    ['a refusal that is no problem', () => new Response('<h1>Bad Gateway</h1>', {status: 502}), 502, /Bad Gateway/],
    ['a refusal that is cut off', () => new Response(broken('{"detail":'), {status: 409}), 0, /does not answer/],
  ];
  for (const [what, make, status, words] of table) {
    answer_with(make);
    for (const ask of [() => call('GET', 'jobs'), () => content('artifacts/x')]) {
      await assert.rejects(ask, (error) => {
        assert.ok(error instanceof Problem, `${what}: ${error}`);
        assert.equal(error.status, status, what);
        assert.match(error.message, words, what);
        return true;
      });
    }
  }
  answer_with(() => new Response('<h1>Sign in</h1>'));
  await assert.rejects(() => call('GET', 'jobs'), (error) => error instanceof Problem && error.status === 200 && /Sign in/.test(error.message));
});

test('a page that was left is told of no Problem', async () => {
  const left = new AbortController();
  left.abort();
  answer_with(() => new Response(broken('')));
  await assert.rejects(() => call('GET', 'jobs', {signal: left.signal}), (error) => !(error instanceof Problem));
});
