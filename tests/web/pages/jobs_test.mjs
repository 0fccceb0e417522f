// The list of jobs: counts, search, pages, what is done to many.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {check_page, go, screenshot, sizes} from '../support/browser.mjs';
import {nasty} from '../support/words.mjs';
import {world} from '../support/world.mjs';

const here = await world();
const rows = (page) => page.locator('#jobs tbody tr');
/** The list shows what is sought: these words are in the box and in the address, and so many jobs are like that. */
const shows = (page, {q = '', status = '', count}) => page.waitForFunction((wanted) => {
  const table = document.getElementById('jobs');
  const query = new URLSearchParams(location.hash.split('?')[1]);
  return table && !table.hasAttribute('aria-busy') && document.getElementById('search').value === wanted.q && (query.get('q') || '') === wanted.q &&
    (query.get('status') || '') === wanted.status && table.querySelectorAll('tbody tr').length === wanted.count;
}, {q, status, count});
const chip = (page, status) => page.locator(`#chip-${status}`);
const failing = {count: 3, fail_percent: 100, fail_attempts: 9, max_attempts: 1};

await here.server.run('hello_world', {message: 'one'}, '&tags=nightly,eu');
await here.server.run('hello_world', {message: 'two'});
for (let i = 0; i < 3; ++i) await here.server.run('fan_out', failing, '&tags=broken');
await here.server.submit('hello_world', {}, '?delay=1h&tags=later');

test('jobs with their status, error, tags and counts', async () => {
  const page = await here.open();
  await rows(page).nth(5).waitFor();
  assert.equal(await rows(page).count(), 6);
  await chip(page, 'failed').getByText('3').waitFor();
  await chip(page, 'completed').getByText('2').waitFor();
  await chip(page, 'all').getByText('6').waitFor();
  assert.match(await rows(page).filter({hasText: 'fan_out'}).first().innerText(), /failed/);
  await check_page(page, 'jobs');
  await screenshot(page, 'jobs');
});

test('the list lives while jobs come and go', async () => {
  const page = await here.open();
  await rows(page).nth(5).waitFor();
  await page.locator('#link.live').waitFor();
  const job = await here.server.run('hello_world', {message: 'new'}, '&tags=live');
  await page.locator(`#job-${job.job_id}`).waitFor();
  await page.locator('tr', {has: page.locator(`#job-${job.job_id}`)}).getByText('completed').waitFor();
  await here.server.api('DELETE', `jobs/${job.job_id}`);
  await page.locator(`#job-${job.job_id}`).waitFor({state: 'detached'});
});

test('one box seeks in id, type, tags and error text, and its words are in the address', async () => {
  const page = await here.open();
  await rows(page).nth(5).waitFor();
  const some = (await here.server.api('GET', 'jobs?type=hello_world')).items[0];
  const failed = (await here.server.api('GET', 'jobs?status=failed')).items[0];
  const search = page.getByLabel('Search');
  for (const [text, found] of [['nightly', 1], ['fan_out', 3], [some.job_id, 1], [failed.error.message.slice(-12), 3], ['type:hello_world', 3], ['tag:eu', 1],
    ['status:failed,completed', 5], ['tag:broken status:completed', 0], ['no such job anywhere', 0]]) {
    await search.fill(text);
    await shows(page, {q: text, count: found});
  }
  await page.getByText('No job is like this.').waitFor();
  await check_page(page, 'an empty list');
  await search.fill('since:never');
  await page.locator('#search-faults').getByText('since: takes').waitFor();
  await page.goto(`${here.server.url}/#/jobs?q=nightly`);
  await page.reload();
  await shows(page, {q: 'nightly', count: 1});
});

test('what is typed while the list lives is what is shown at last', async () => {
  const page = await here.open();
  await shows(page, {count: 6});
  await page.locator('#link.live').waitFor();
  const ids = [];
  for (const word of ['broken', 'nightly', 'later', 'broken']) {
    for (let i = 0; i < 5; ++i) ids.push((await here.server.run('hello_world', {message: `${word} ${i}`}, '&tags=busy')).job_id);
    await page.getByLabel('Search').pressSequentially(word);
    await shows(page, {q: word, count: word === 'broken' ? 3 : 1});
    await page.getByLabel('Search').fill('');
    await shows(page, {count: 6 + ids.length});
  }
  await here.server.api('POST', 'jobs/$delete', {filter: {tags: ['busy']}});
  await shows(page, {count: 6});
});

test('pages, a filter by status, and the way back', async () => {
  for (let i = 0; i < 52; ++i) await here.server.submit('hello_world', {}, '?delay=2h&tags=many');
  const page = await here.open('#/jobs?q=tag:many');
  await page.locator('#older').click();
  await page.locator('#newest').waitFor();
  await shows(page, {q: 'tag:many', count: 2});
  await page.goBack();
  await shows(page, {q: 'tag:many', count: 50});
  await go(page, '#/jobs');
  await shows(page, {count: 50});
  await chip(page, 'failed').click();
  await shows(page, {status: 'failed', count: 3});
  assert.equal(await chip(page, 'failed').getAttribute('aria-current'), 'true');
});

test('all that match are cancelled after a dry run', async () => {
  const page = await here.open('#/jobs?q=tag:many');
  await rows(page).nth(49).waitFor();
  await page.locator('#cancel-matching').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('52 jobs that match can be cancelled; this was a dry run').waitFor();
  assert.equal((await here.server.api('GET', 'jobs?tags=many&status=scheduled&limit=200')).items.length, 52, 'nothing is done before it is agreed to');
  await check_page(page, 'the question before many are cancelled');
  await dialog.getByRole('button', {name: 'Cancel 52'}).click();
  await page.getByText('52 jobs of 52 cancelled.').waitFor();
  assert.equal((await here.server.api('GET', 'jobs?tags=many&status=cancelled&limit=200')).items.length, 52);
});

test('a text that is sought is a filter for many, too', async () => {
  const page = await here.open('#/jobs?q=many');
  await rows(page).nth(49).waitFor();
  await page.locator('#delete-matching').click();
  await page.getByRole('dialog').getByRole('button', {name: 'Delete 52'}).click();
  await page.getByText('52 jobs of 52 deleted.').waitFor();
  assert.equal((await here.server.api('GET', 'jobs?tags=many')).items.length, 0);
});

test('those that are ticked are retried; those that cannot be are named before', async () => {
  const page = await here.open('#/jobs?q=type:fan_out status:failed,completed');
  await shows(page, {q: 'type:fan_out status:failed,completed', count: 3});
  await go(page, '#/jobs');
  await shows(page, {count: 6});
  await page.locator('#pick-all').check();
  await page.getByText('6 selected').waitFor();
  await page.locator('#retry-ticked').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('3 others of those selected cannot be retried as they are.').waitFor();
  await check_page(page, 'the question before some are retried');
  await screenshot(page, 'jobs-retry');
  await dialog.getByRole('button', {name: 'Retry 3'}).click();
  await page.getByText('3 jobs of 3 retried.').waitFor();
  const again = await here.server.api('GET', 'jobs?type=fan_out');
  assert.deepEqual(again.items.map((job) => job.attempt), [2, 2, 2]);
  await page.getByText('0 selected').waitFor();
});

test('where nothing can be done, that is said', async () => {
  const page = await here.open('#/jobs?q=tag:nightly');
  await shows(page, {q: 'tag:nightly', count: 1});
  await page.locator('#retry-matching').click();
  const dialog = page.getByRole('dialog', {name: 'Nothing to retry'});
  await dialog.waitFor();
  await check_page(page, 'nothing to retry');
  await dialog.getByRole('button', {name: 'Close'}).click();
  await dialog.waitFor({state: 'detached'});
});

test('all that match are retried', async () => {
  const page = await here.open('#/jobs?q=tag:broken');
  await shows(page, {q: 'tag:broken', count: 3});
  await rows(page).getByText('failed', {exact: true}).nth(2).waitFor();
  await page.locator('#retry-matching').click();
  await page.getByRole('dialog').getByText('3 jobs that match can be retried; this was a dry run').waitFor();
  await page.getByRole('dialog').getByRole('button', {name: 'Retry 3'}).click();
  await page.getByText('3 jobs of 3 retried.').waitFor();
  const again = await here.server.api('GET', 'jobs?tags=broken');
  assert.deepEqual(again.items.map((job) => job.attempt), [3, 3, 3]);
});

test('a tag leads to the jobs that have it', async () => {
  const page = await here.open();
  await rows(page).getByRole('link', {name: 'later'}).click();
  await shows(page, {q: 'tag:later', count: 1});
});

test('by keyboard alone', async () => {
  const page = await here.open();
  await rows(page).nth(5).waitFor();
  await page.keyboard.press('/');
  await page.waitForFunction(() => document.activeElement.id === 'search');
  await page.keyboard.type('nightly');
  await shows(page, {q: 'nightly', count: 1});
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.getByRole('heading', {name: 'Submit a job'}).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', {name: 'Keys'}).waitFor();
  await check_page(page, 'the list of keys');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({state: 'detached'});
});

test('on a phone, and in the dark', async () => {
  const page = await here.open('', {size: sizes.phone, dark: true});
  await rows(page).nth(5).waitFor();
  await check_page(page, 'jobs on a phone, dark');
  await screenshot(page, 'jobs-phone');
});

test('what people typed stays text', async () => {
  const words = nasty.filter((text) => !text.includes('\u0000'));
  for (const text of words) {
    await here.server.api('POST', 'jobs/hello_world?wait=60s', {message: text});
    await here.server.submit('hello_world', {message: text}, `?delay=3h&tags=${encodeURIComponent(text.replaceAll(',', ' '))}`);
  }
  const page = await here.open();
  await rows(page).nth(words.length * 2).waitFor();
  for (const text of words) {
    await go(page, `#/jobs?q=${encodeURIComponent(text)}`);
    await page.waitForFunction((wanted) => document.getElementById('search')?.value === wanted &&
      [...document.querySelectorAll('#jobs tbody .tag')].some((tag) => tag.textContent === wanted), text);
    assert.deepEqual(await page.evaluate(() => [document.images.length, document.querySelectorAll('main script, main b b').length]), [0, 0]);
  }
  await check_page(page, 'words that look like markup');
});
