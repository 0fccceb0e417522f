// A server that asks for tokens: the page comes without one, the data does not.

import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, test} from 'node:test';

import {check_page} from '../support/browser.mjs';
import {world} from '../support/world.mjs';

const secret = 'a-token-that-nobody-guesses-0123456789';
const folder = mkdtempSync(join(tmpdir(), 'coremachine-token-'));
const file = join(folder, 'tokens');
writeFileSync(file, `${secret}\n`, {mode: 0o600});
after(() => rmSync(folder, {recursive: true, force: true}));
const here = await world('--token-file', file, '--body-limit', '4194304');

test('the token is asked for, kept for the tab, and sent with the stream too', async () => {
  const page = await here.open();
  const dialog = page.getByRole('dialog', {name: 'A token is needed'});
  await dialog.waitFor();
  await check_page(page, 'the question for a token');
  await dialog.getByLabel('Token').fill(secret);
  await dialog.getByRole('button', {name: 'Use it'}).click();
  await page.getByRole('heading', {name: 'Jobs'}).waitFor();
  await page.locator('#link.live').waitFor();
  const job = await here.server.api('POST', 'jobs/hello_world?wait=60s', {}, {Authorization: `Bearer ${secret}`});
  await page.locator(`#job-${job.job_id}`).waitFor();
  assert.ok(!page.url().includes(secret));
  await page.reload();
  await page.locator(`#job-${job.job_id}`).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0, 'it is asked for once');
});

test('the content of a large value is fetched with it', async () => {
  const message = 'large '.repeat(250000);
  const job = await here.server.api('POST', 'jobs/hello_world?wait=60s', {message}, {Authorization: `Bearer ${secret}`});
  const page = await here.open(`#/jobs/${job.job_id}`);
  const dialog = page.getByRole('dialog', {name: 'A token is needed'});
  await dialog.getByLabel('Token').fill(secret);
  await dialog.getByRole('button', {name: 'Use it'}).click();
  const block = page.locator('.block', {has: page.getByRole('heading', {name: 'Params', exact: true})});
  const button = block.getByRole('button', {name: 'The whole value'});
  await button.waitFor();
  await check_page(page, 'a job with large values, behind a token');
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  assert.match(download.suggestedFilename(), /^sha256-[0-9a-f]{64}\.json$/);
  assert.deepEqual(JSON.parse(readFileSync(await download.path(), 'utf8')), {message});
  assert.deepEqual(page.faults, []);
});

test('a wrong one is refused in words', async () => {
  const page = await here.open();
  const dialog = page.getByRole('dialog', {name: 'A token is needed'});
  await dialog.getByLabel('Token').fill('wrong');
  await dialog.getByRole('button', {name: 'Use it'}).click();
  await page.getByRole('alert').getByText('the token is not known here').waitFor();
});
