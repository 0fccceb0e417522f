// Streams that break are taken up again where they broke off.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {check_page} from '../support/browser.mjs';
import {start_proxy} from '../support/proxy.mjs';
import {world} from '../support/world.mjs';

const here = await world();

/** The Last-Event-ID of each request for this stream; empty where there was none. */
const resumed_from = (proxy, path) => proxy.heads.filter((head) => head.startsWith(`GET /api/v1/${path} `))
  .map((head) => (/^last-event-id: (\d+)/im.exec(head) || ['', ''])[1]);

async function break_off(page, proxy) {
  await page.locator('#link.live').waitFor();
  proxy.cut();
  await page.locator('#link.broken').waitFor();
  await check_page(page, 'a page without a connection');
  proxy.open();
  await page.locator('#link.live').waitFor();
}

test('of a job: nothing is told twice, and the end is not missed', async (t) => {
  const proxy = await start_proxy(here.server.url);
  t.after(() => proxy.stop());
  // It cannot be over before the stream is back.
  await here.server.api('PUT', 'limits/echo', {max_concurrency: 1});
  const job = await here.server.submit('fan_out', {count: 3000, sleep_ms: 10});
  const path = `jobs/${job.job_id}/events`;
  const page = await here.open(`#/jobs/${job.job_id}`, {server: proxy});
  await page.locator('.rate').getByText(/of 3,000 tasks/).waitFor();
  // Only an event of the stream makes the page tell of another number.
  const before = await page.locator('.rate p').textContent();
  await page.waitForFunction((text) => document.querySelector('.rate p').textContent !== text, before);
  await break_off(page, proxy);
  const [first, second] = resumed_from(proxy, path);
  assert.equal(first, '');
  assert.ok(Number(second) > 0, `after event “${second}”`);
  await here.server.api('PUT', 'limits/echo', {max_concurrency: 0});
  await here.server.api('POST', `jobs/${job.job_id}/cancel`);
  await page.getByRole('heading', {level: 1}).getByText('cancelled').waitFor();
});

test('of all jobs', async (t) => {
  const proxy = await start_proxy(here.server.url);
  t.after(() => proxy.stop());
  const page = await here.open('#/jobs', {server: proxy});
  await break_off(page, proxy);
  const job = await here.server.run('hello_world', {});
  await page.locator(`#job-${job.job_id}`).waitFor();
});
