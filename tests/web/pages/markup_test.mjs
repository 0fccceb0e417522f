// Whatever the server says: no text of its answers becomes markup, a script or an address that is one.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {check_page} from '../support/browser.mjs';
import {nasty} from '../support/words.mjs';
import {world} from '../support/world.mjs';

const here = await world();
const words = nasty.filter((text) => !text.includes('\u0000'));

/** What has to be what it is, so that a page shows all of its parts. */
const kept = new Set(['status', 'code', 'next_cursor', 'type', 'pointer', 'kind']);

/** Each text of an answer in turn becomes one of the words; times and what `kept` names stay. */
function poisoned(value, key, state) {
  if (typeof value === 'string') return kept.has(key) || /^\d{4}-\d\d-\d\dT/.test(value) ? value : words[state.next++ % words.length];
  if (Array.isArray(value)) return value.map((one) => poisoned(one, key, state));
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, poisoned(one, name, state)]));
  return value;
}

async function poison(page) {
  const state = {next: 0};
  await page.route(/\/api\/v1\/(?!.*events)/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({response, body: JSON.stringify(poisoned(await response.json(), '', state))});
  });
  return state;
}

async function check_text(page, what) {
  const found = await page.evaluate(() => ({
    made: [...document.querySelectorAll('img, iframe, object, embed, main script, main b:not(.chip b), [onload], [onerror]')].map((one) => one.outerHTML),
    links: [...document.querySelectorAll('a[href]')].map((one) => one.protocol).filter((protocol) => protocol !== 'http:'),
  }));
  assert.deepEqual(found, {made: [], links: []}, what);
  assert.deepEqual(page.faults, [], what);
}

const failed = await here.server.run('fan_out', {count: 20, fail_percent: 50, fail_attempts: 9, max_attempts: 1}, '&tags=a,b');
const waiting = await here.server.submit('fan_out', {count: 10000, sleep_ms: 200});
await here.server.api('POST', 'schedules', {name: 'often', job_type: 'hello_world', every: '1h'});

test('every page', async () => {
  const page = await here.open('#/nowhere');
  const state = await poison(page);
  for (const hash of ['#/jobs', `#/jobs/${failed.job_id}?task=0`, `#/jobs/${waiting.job_id}`, '#/types', '#/tasks', '#/tasks/greet', '#/schedules', '#/workers', '#/system', '#/submit']) {
    const before = state.next;
    await page.goto('about:blank');
    await page.goto(`${here.server.url}/${hash}`);
    await page.locator('main h1').waitFor();
    // The stream tells the system's page what is so, after the first answer.
    if (hash !== '#/system') await page.waitForFunction((some) => some.some((word) => document.querySelector('main').textContent.includes(word)), words);
    assert.ok(state.next > before, `${hash} shows texts of the server`);
    for (const summary of await page.locator('main summary').all()) await summary.evaluate((node) => { node.parentElement.open = true; });
    await check_text(page, hash);
  }
});

test('a problem', async () => {
  const page = await here.open('#/submit?type=hello_world');
  await page.route(/\/api\/v1\/jobs\/hello_world/, (route) => route.fulfill({status: 422, contentType: 'application/problem+json',
    body: JSON.stringify({title: words[0], detail: words[1], status: 422, errors: [{pointer: '#/message', detail: words[2]}, {pointer: `#/${words[3]}`, detail: words[4]}]})}));
  await page.locator('#submit').click();
  await page.locator('.fault').getByText(words[2]).waitFor();
  await page.locator('.fault-summary').getByText(words[4]).waitFor();
  await check_text(page, 'a problem');
});

test('why a job waits for a signal, and the dialog that sends one', async () => {
  const page = await here.open('#/nowhere');
  await page.route(/\/explain/, (route) => route.fulfill({contentType: 'application/json',
    body: JSON.stringify({job_id: waiting.job_id, status: 'running', reasons: [{code: 'signal', count: 1, example: null, detail: words[0]}]})}));
  let sent = '';
  await page.route(/\/signal/, (route) => {
    sent = route.request().postData();
    return route.fulfill({status: 202, contentType: 'application/json', body: '{}'});
  });
  await page.goto('about:blank');
  await page.goto(`${here.server.url}/#/jobs/${waiting.job_id}`);
  await page.getByText(words[0]).waitFor();
  await page.locator('#send-signal').click();
  const dialog = page.getByRole('dialog', {name: 'Send a signal'});
  await dialog.getByLabel('Name').fill(words[1]);
  await dialog.getByLabel('Data, as JSON').fill('{"go": true}');
  await check_page(page, 'the dialog for a signal');
  await dialog.getByRole('button', {name: 'Send'}).click();
  await page.getByText('Sent.').waitFor();
  assert.deepEqual(JSON.parse(sent), {name: words[1], data: {go: true}});
  await check_text(page, 'a signal');
});
