// Forms that are made from schemas, and the registries.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {check_page, go, screenshot, sizes} from '../support/browser.mjs';
import {world} from '../support/world.mjs';

const here = await world();
const field = (page, name) => page.locator(`.field[data-name="${name}"]`);
const input = (page, name) => field(page, name).locator('input, select, textarea');
const fault = (page, name) => field(page, name).locator('.fault');

test('a form out of the schema, with what is wrong at the field', async () => {
  const page = await here.open('#/submit');
  await page.getByLabel('Job type').selectOption('fan_out');
  await input(page, 'count').waitFor();
  await input(page, 'count').fill('many');
  await page.locator('#submit').click();
  await fault(page, 'count').getByText('should be an integer').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.closest('.field').dataset.name), 'count');
  await input(page, 'count').fill('12');
  assert.equal(await input(page, 'count').getAttribute('aria-invalid'), null, 'it goes as soon as it is mended');
  await input(page, 'count').fill('99999999999');
  await page.keyboard.press('Tab');
  await fault(page, 'count').getByText(/10000000 or less/).waitFor();
  await input(page, 'sleep_ms').fill('-1');
  await page.locator('#submit').click();
  await fault(page, 'count').getByText(/should be 10000000 or less/).waitFor();
  await fault(page, 'sleep_ms').getByText(/should be 0 or more/).waitFor();
  assert.equal(await input(page, 'count').getAttribute('aria-invalid'), 'true');
  await check_page(page, 'a form with faults');
  await screenshot(page, 'submit');
  await input(page, 'count').fill('5');
  await input(page, 'sleep_ms').fill('');
  await page.locator('#submit').click();
  await page.waitForURL(/#\/jobs\//);
  await page.getByRole('heading', {level: 1}).getByText('fan_out').waitFor();
  const id = decodeURIComponent(page.url().split('#/jobs/')[1]);
  assert.equal((await here.server.api('GET', `jobs/${id}?wait=60s`)).result.succeeded, 5);
});

test('what only the server finds is shown at the field, too', async () => {
  const page = await here.open('#/submit?type=fan_out');
  await input(page, 'count').fill('5');
  await input(page, 'join').fill('"no such join"');
  await page.locator('#submit').click();
  await fault(page, 'join').getByText(/./).waitFor();
  await page.getByText('Options').click();
  await page.locator('#option-priority').fill('1000');
  await input(page, 'join').fill('"best_effort"');
  await page.locator('#submit').click();
  await page.locator('#option-priority-fault').getByText(/100/).waitFor();
  await check_page(page, 'faults that the server found');
});

test('params as JSON, options, and a form that is filled already', async () => {
  const page = await here.open(`#/submit?type=hello_world&params=${encodeURIComponent('{"message":"again"}')}`);
  assert.equal(await input(page, 'message').inputValue(), 'again');
  await page.locator('#as-json').click();
  const json = page.locator('.schema-form textarea');
  assert.deepEqual(JSON.parse(await json.inputValue()), {message: 'again'});
  await json.fill('{"message": ');
  await page.locator('#submit').click();
  await page.locator('.schema-form .fault').getByText('should be JSON').waitFor();
  await json.fill('{"message": "typed", "more": 1}');
  await page.locator('#submit').click();
  await page.locator('.fault-summary').getByText('#/more').waitFor();
  await json.fill('{"message": "typed"}');
  await page.getByText('Options').click();
  await page.locator('#option-tags').fill('a,b');
  await page.getByText('As a command, or with curl').click();
  await page.locator('.commands code').first().getByText('--tag').waitFor();
  await page.locator('#submit').click();
  await page.waitForURL(/#\/jobs\//);
  const [job] = (await here.server.api('GET', 'jobs?tags=a,b&expand=params')).items;
  assert.deepEqual(job.params, {message: 'typed'});
});

test('the registry of job types', async () => {
  const page = await here.open('#/types');
  await page.locator('#type-hello_world').waitFor();
  await page.locator('#type-hello_world summary').click();
  await page.locator('#type-hello_world pre').getByText('"message"').waitFor();
  await page.getByLabel('Search').fill('hello');
  await page.locator('#type-fan_out').waitFor({state: 'hidden'});
  await check_page(page, 'job types');
  await page.getByRole('link', {name: 'Submit hello_world'}).click();
  await input(page, 'message').waitFor();
});

test('a task is executed, and its result shown', async () => {
  const page = await here.open('#/tasks');
  await page.locator('#task-greet').getByText('builtin').waitFor();
  await check_page(page, 'tasks');
  await screenshot(page, 'tasks');
  await page.getByRole('link', {name: 'Execute greet'}).click();
  await input(page, 'message').fill('<b>Hi</b>');
  await page.locator('#execute').click();
  await page.getByRole('region', {name: 'Result'}).getByText('<b>Hi</b>').waitFor();
  await check_page(page, 'the result of a task');
});

test('on a phone', async () => {
  for (const hash of ['#/submit?type=fan_out', '#/types', '#/tasks', '#/tasks/greet']) {
    const page = await here.open(hash, {size: sizes.phone});
    await page.getByRole('heading', {level: 1}).waitFor();
    await check_page(page, hash);
    await go(page, '#/jobs');
    await page.close();
  }
});
