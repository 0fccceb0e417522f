// The page of one job.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

import {check_page, go, screenshot, sizes} from '../support/browser.mjs';
import {nasty} from '../support/words.mjs';
import {world} from '../support/world.mjs';

const here = await world('--workers', '64', '--body-limit', '4194304');
/** The map has cells, and not as many as before. */
const new_cells = (page, before) => page.waitForFunction((known) => {
  const cells = Number(document.getElementById('heat-map')?.dataset.cells);
  return cells > 0 && cells !== known;
}, before);
const section = (page, name) => page.getByRole('region', {name});

test('what went wrong first comes first, and leads to its task', async () => {
  const job = await here.server.run('fan_out', {count: 200, fail_percent: 2, fail_attempts: 9, max_attempts: 2, join: 'strict'});
  assert.equal(job.status, 'failed');
  const page = await here.open(`#/jobs/${job.job_id}`);
  const error = section(page, 'Root error');
  await error.getByText(job.error.message).waitFor();
  await page.locator('#heat-map[data-cells="200"]').waitFor();
  await page.locator('#task-status').waitFor();
  assert.equal(await page.locator('#task-status').inputValue(), 'failed,dead', 'failures are what the list begins with');
  await check_page(page, 'a failed job');
  await screenshot(page, 'job-failed');
  await error.getByRole('link', {name: 'The task'}).click();
  const detail = page.locator('#task-detail');
  await detail.getByText(`Task ${job.error.task_index}`).waitFor();
  await page.waitForFunction(() => {
    const {top, bottom} = document.getElementById('task-detail').getBoundingClientRect();
    return top >= 0 && bottom <= window.innerHeight;
  });
  assert.match(await detail.innerText(), /"i": \d+/);
  assert.match(await detail.innerText(), /Attempt\s+2/);
  await check_page(page, 'a task');
});

test('stages, counts and progress live while it runs, and at its end the result', async () => {
  // It goes on for as long as it takes the page to have shown enough.
  await here.server.api('PUT', 'limits/echo', {max_concurrency: 1});
  const job = await here.server.submit('fan_out', {count: 6000, sleep_ms: 10});
  const page = await here.open(`#/jobs/${job.job_id}`, {dark: true});
  await section(page, 'Stages').getByText('running').first().waitFor();
  await section(page, 'Why it is not finished').waitFor();
  await page.locator('.rate').getByText(/\d+\/s, done in about/).waitFor();
  await check_page(page, 'a job that runs');
  await screenshot(page, 'job-running');
  const progress = await page.evaluate(() => new Promise((resolve) => {
    const told = new Set();
    const look = () => {
      told.add(document.querySelector('.rate p').textContent);
      if (told.size > 3) resolve([...told]);
    };
    new MutationObserver(look).observe(document.querySelector('.rate'), {childList: true, subtree: true});
  }));
  // The tasks are pulled as they are needed: of how many it speaks depends on how quickly the disk took the first ones.
  for (const text of progress) assert.match(text, /^Stage 2: [\d,]+ of \d,\d+ tasks, \d+ %/);
  await here.server.api('PUT', 'limits/echo', {max_concurrency: 0});
  await page.getByRole('heading', {level: 1}).getByText('completed', {exact: true}).waitFor();
  await page.getByRole('region', {name: 'Result'}).first().waitFor();
  assert.match(await page.locator('.block', {hasText: 'Result'}).last().innerText(), /"succeeded": 6000/);
  await section(page, 'Why it is not finished').waitFor({state: 'detached'});
});

test('the heat map opens down to single tasks, by mouse and by keyboard', async () => {
  const job = await here.server.run('fan_out', {count: 50000, fail_percent: 1, fail_attempts: 9, max_attempts: 1, join: 'best_effort'});
  assert.equal(job.status, 'completed_with_errors');
  const page = await here.open(`#/jobs/${job.job_id}`);
  const failures = section(page, '500 tasks of stage 2 failed');
  await failures.getByText('echo was asked to fail').waitFor();
  await failures.getByRole('link', {name: 'task 0'}).waitFor();
  const map = page.locator('#heat-map');
  const information = page.locator('#cell-information');
  await new_cells(page, 0);
  const cells = Number(await map.getAttribute('data-cells'));
  assert.ok(cells > 100 && cells <= 1000, `${cells} cells`);
  await screenshot(page, 'heat-map');
  await map.focus();
  await page.keyboard.press('n');
  await information.getByText(/\d+ failed/).waitFor();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.waitForURL(/first=\d+&count=\d+/);
  await new_cells(page, cells);
  await check_page(page, 'a part of the heat map');
  // A cell of the part is one task.
  await map.focus();
  await page.keyboard.press('Home');
  await information.getByText(/^Task [\d,]+:/).waitFor();
  await page.locator('#open-cell').click();
  await page.locator('#task-detail').waitFor();
  await page.locator('.heat').getByRole('link', {name: 'All 50,000'}).click();
  await page.waitForFunction((before) => Number(document.getElementById('heat-map')?.dataset.cells) === before, cells);
  await map.click({position: {x: 3, y: 3}});
  await page.waitForURL(/first=0&count=\d+/);
});

test('why it waits, in words, and the verbs that its status allows', async () => {
  const job = await here.server.submit('fan_out', {count: 10000, sleep_ms: 100, max_concurrency: 1});
  const page = await here.open(`#/jobs/${job.job_id}`);
  await section(page, 'Why it is not finished').getByText(/running|held back by a limit/).first().waitFor();
  await page.locator('#job-pause').click();
  await page.getByRole('heading', {level: 1}).getByText('paused').waitFor();
  await section(page, 'Why it is not finished').getByText('It is paused').waitFor();
  await check_page(page, 'a job that is paused');
  await page.locator('#job-resume').click();
  await page.locator('#job-pause').waitFor();
  await page.locator('#job-cancel').click();
  await page.getByRole('dialog').getByText('Cancel this job?').waitFor();
  await check_page(page, 'the question before a job is cancelled');
  await page.getByRole('dialog').getByRole('button', {name: 'Cancel'}).click();
  await page.getByRole('heading', {level: 1}).getByText('cancelled').waitFor();
  await page.locator('#job-retry').waitFor();
  await page.locator('#job-delete').click();
  await page.getByRole('dialog').getByText('Delete this job').waitFor();
  await check_page(page, 'the question before a job is deleted');
  await page.getByRole('dialog').getByRole('button', {name: 'Delete'}).click();
  await page.getByRole('heading', {name: 'Jobs', level: 1}).waitFor();
  await assert.rejects(here.server.api('GET', `jobs/${job.job_id}`), /404/);
});

test('the same as a command and with curl', async () => {
  const job = await here.server.run('hello_world', {message: "it's `quoted` $HOME"});
  const page = await here.open(`#/jobs/${job.job_id}`);
  await page.getByText('As a command, or with curl').click();
  const commands = await page.locator('.command').allInnerTexts();
  assert.ok(commands.some((text) => text.includes(`coremachine jobs show ${job.job_id} --server ${here.server.url}`)), commands.join('\n'));
  const curl = await page.locator('.command', {hasText: 'submit again'}).locator('code.curl').innerText();
  const {execFileSync} = await import('node:child_process');
  const again = JSON.parse(execFileSync('sh', ['-c', curl], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']}));
  assert.deepEqual(again.params, job.params);
  await check_page(page, 'commands');
  const shown = await page.locator('.command', {hasText: 'show'}).locator('code.command').innerText();
  // As where a page without https may not use the clipboard.
  await page.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not here')); });
  await page.getByRole('button', {name: 'Copy command: show'}).click();
  const dialog = page.getByRole('dialog', {name: 'Copy this'});
  await dialog.waitFor();
  assert.equal(await page.evaluate(() => {
    const {value, selectionStart, selectionEnd} = document.activeElement;
    return value.slice(selectionStart, selectionEnd);
  }), shown, 'it is selected');
  await check_page(page, 'what is copied by hand');
  await dialog.getByRole('button', {name: 'Close'}).click();
  await dialog.waitFor({state: 'detached'});
});

test('the commands are those that the status allows by now', async () => {
  const job = await here.server.submit('fan_out', {count: 1, sleep_ms: 3600000});
  const page = await here.open();
  // That somebody else pauses it is no event: also where there is none, the page has to find out.
  await page.route('**/events', (route) => route.abort());
  await go(page, `#/jobs/${job.job_id}`);
  await page.getByText('As a command, or with curl').click();
  const verbs = (...wanted) => page.waitForFunction((expected) =>
    [...document.querySelectorAll('.command h3')].map((head) => head.textContent).join() === expected, ['show', 'watch', ...wanted, 'submit again'].join());
  await verbs('pause', 'cancel');
  await here.server.api('POST', `jobs/${job.job_id}/pause`);
  await verbs('resume', 'cancel');
  await page.locator('.command', {hasText: 'resume'}).locator('code.curl').waitFor();
  await here.server.api('POST', `jobs/${job.job_id}/cancel`);
  await verbs('retry');
});

test('a large value leads to its content', async () => {
  const message = 'large '.repeat(250000);
  const job = await here.server.run('hello_world', {message});
  const page = await here.open(`#/jobs/${job.job_id}`);
  const block = page.locator('.block', {has: page.getByRole('heading', {name: 'Params', exact: true})});
  const link = block.getByRole('link', {name: 'The whole value'});
  await link.waitFor();
  await check_page(page, 'a job with large values');
  await page.locator('#job-delete').waitFor();
  assert.equal(await page.locator('#submit-again').count(), 0, 'a reference is not what was submitted');
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  assert.match(download.suggestedFilename(), /^sha256-[0-9a-f]{64}\.json$/);
  assert.deepEqual(JSON.parse(readFileSync(await download.path(), 'utf8')), {message});
});

test('a large page is small and fast', async () => {
  const job = await here.server.run('fan_out', {count: 300000, fail_percent: 1, fail_attempts: 9, max_attempts: 1, join: 'best_effort'});
  const page = await here.open();
  await page.locator('#jobs').waitFor();
  const bodies = [];
  page.on('response', (response) => { if (response.url().includes(job.job_id)) bodies.push(response.body()); });
  await go(page, `#/jobs/${job.job_id}`);
  await page.waitForFunction(() => Number(document.getElementById('heat-map')?.dataset.cells) > 100);
  await page.locator('.tasks tbody tr').first().waitFor();
  const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + body.length, 0);
  assert.ok(bytes > 50 * 1024 && bytes < 300 * 1024, `${bytes} bytes`);
});

test('on a phone', async () => {
  const job = await here.server.run('fan_out', {count: 200, fail_percent: 5, fail_attempts: 9, max_attempts: 1, join: 'best_effort'});
  const page = await here.open(`#/jobs/${job.job_id}`, {size: sizes.phone, dark: true});
  await page.locator('#heat-map[data-cells="200"]').waitFor();
  await check_page(page, 'a job on a phone, dark');
  await screenshot(page, 'job-phone');
});

test('params and results that look like markup stay text', async () => {
  for (const text of nasty) {
    const job = await here.server.run('hello_world', {message: text});
    const page = await here.open(`#/jobs/${job.job_id}`);
    await page.getByRole('region', {name: 'Result'}).first().waitFor();
    assert.equal(await page.evaluate(() => document.querySelectorAll('main img, main script, main b').length), 0, text);
    const shown = JSON.parse(await page.locator('.block pre').first().textContent());
    assert.deepEqual(shown, job.params);
    assert.deepEqual(page.faults, []);
    await page.close();
  }
});

test('a job that is not there', async () => {
  const page = await here.open('#/jobs/nothing-like-it');
  await page.getByRole('alert').getByText('there is no job').waitFor();
  await check_page(page, 'a job that is not there');
});
