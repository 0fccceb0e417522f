// Schedules, queues and workers, the system; tokens; what the page is served with.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {check_page, screenshot, sizes, writes_screenshots} from '../support/browser.mjs';
import {world} from '../support/world.mjs';

const here = await world();

test('a schedule is made, fired, paused and deleted', async () => {
  const page = await here.open('#/schedules');
  await page.getByText('There is no schedule.').waitFor();
  await page.getByText('New schedule').click();
  await page.locator('#new-name').fill('nightly');
  await page.locator('#new-job_type').selectOption('hello_world');
  await page.locator('#new-cron').fill('61 2 * * *');
  await page.locator('#create-schedule').click();
  await page.locator('#new-cron-fault').getByText(/./).waitFor();
  await check_page(page, 'a schedule with a fault');
  await page.locator('#new-cron').fill('30 2 * * *');
  await page.locator('#create-schedule').click();
  const row = page.locator('#schedules tbody tr');
  await row.getByText('30 2 * * * (UTC)').waitFor();
  await row.getByText('active').waitFor();
  await row.locator('summary').click();
  assert.equal(await row.locator('ol li').count(), 5);
  await screenshot(page, 'schedules');
  await row.locator('summary').click();
  await page.locator('#run-nightly').click();
  await page.getByText(/Fired: job/).waitFor();
  await page.locator('#pause-nightly').click();
  await row.getByText('paused').waitFor();
  await check_page(page, 'schedules');
  await page.locator('#delete-nightly').click();
  await page.getByRole('dialog').getByText('Delete this schedule?').waitFor();
  await check_page(page, 'the question before a schedule is deleted');
  await page.getByRole('dialog').getByRole('button', {name: 'Delete'}).click();
  await page.getByText('There is no schedule.').waitFor();
});

test('queues are paused and resumed; workers show what they run', async () => {
  const job = await here.server.submit('fan_out', {count: 10000, sleep_ms: 300});
  const page = await here.open('#/workers');
  const row = page.locator('#queues tbody tr', {hasText: 'echo'});
  await page.locator('.card').getByText(/echo \d+/).first().waitFor();
  await row.getByText('running').waitFor();
  await screenshot(page, 'queues');
  await page.locator('#toggle-echo').click();
  await row.getByText('paused').waitFor();
  assert.equal((await here.server.api('GET', 'queues/echo')).paused, true);
  await check_page(page, 'queues');
  await page.locator('#toggle-echo').click();
  await row.getByText('paused').waitFor({state: 'detached'});
  await here.server.api('POST', `jobs/${job.job_id}/cancel`);
});

test('the last hour is drawn', async () => {
  await here.server.run('fan_out', {count: 1000});
  const page = await here.open('#/system');
  await page.getByRole('img', {name: /^Commit: now/}).waitFor();
  assert.equal(await page.locator('.plot').count(), 6);
  await check_page(page, 'system');
  // A picture with something in it takes two minutes of load.
  for (const end = Date.now() + 120000; writes_screenshots && Date.now() < end;) {
    await here.server.run('fan_out', {count: 1000 + Math.round(Math.random() * 40000), fail_percent: 1});
    for (let i = 0; i < 20; ++i) await here.server.run('hello_world', {});
  }
  const {width} = await page.locator('.plot svg').first().boundingBox();
  await page.locator('.plot svg').first().hover({position: {x: width * 0.85, y: 60}});
  await page.locator('.plot').first().getByText(/ ago:/).waitFor();
  await screenshot(page, 'system');
});

test('light, dark, and as the system has it', async () => {
  const page = await here.open('#/system', {dark: true});
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await back();
  await page.getByRole('button', {name: 'Theme'}).click();
  const light = await back();
  assert.notEqual(light, dark);
  await page.reload();
  await page.getByRole('heading', {name: 'System'}).waitFor();
  assert.equal(await back(), light, 'it is kept');
  await page.getByRole('button', {name: 'Theme'}).click();
  assert.equal(await back(), dark);
});

test('the cells of a heat map have the colours of the theme', async () => {
  const job = await here.server.run('fan_out', {count: 1});
  const page = await here.open(`#/jobs/${job.job_id}`, {dark: true});
  await page.locator('#heat-map[data-cells="1"]').waitFor();
  const cell = () => page.evaluate(() => [...document.getElementById('heat-map').getContext('2d').getImageData(3, 3, 1, 1).data].slice(0, 3).join(', '));
  const legend = () => page.evaluate(() => getComputedStyle(document.querySelector('.key.fill-completed')).backgroundColor);
  const dark = await cell();
  assert.equal(`rgb(${dark})`, await legend());
  await page.getByRole('button', {name: 'Theme'}).click();
  assert.notEqual(await cell(), dark);
  assert.equal(`rgb(${await cell()})`, await legend());
});

test('every page on a phone', async () => {
  for (const hash of ['#/schedules', '#/workers', '#/system', '#/nowhere']) {
    const page = await here.open(hash, {size: sizes.phone, dark: true});
    await page.getByRole('heading', {level: 1}).waitFor();
    await check_page(page, hash);
    await page.close();
  }
});

test('what it is served with', async () => {
  const page = await fetch(`${here.server.url}/`, {headers: {'Accept-Encoding': 'identity'}});
  const policy = page.headers.get('content-security-policy');
  for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) {
    assert.ok(policy.split('; ').includes(rule), `${rule} in ${policy}`);
  }
  assert.ok(!policy.includes('unsafe'));
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  const html = await page.text();
  const again = await fetch(`${here.server.url}/`, {headers: {'Accept-Encoding': 'identity', 'If-None-Match': page.headers.get('etag')}});
  assert.equal(again.status, 304);
  const assets = [...html.matchAll(/(?:src|href)="(assets[^"]+)"/g)].map((match) => match[1]);
  assert.equal(assets.length, 4);
  let compressed = 0;
  for (const asset of assets) {
    const plain = await fetch(`${here.server.url}/${asset}`, {headers: {'Accept-Encoding': 'identity'}});
    const packed = await fetch(`${here.server.url}/${asset}`, {headers: {'Accept-Encoding': 'gzip'}});
    assert.equal(packed.headers.get('content-encoding'), 'gzip', asset);
    assert.equal(await packed.text(), await plain.text(), asset);
    assert.match(plain.headers.get('cache-control'), /immutable/);
    compressed += Number(packed.headers.get('content-length'));
  }
  assert.ok(compressed < 64 * 1024, `${compressed} bytes`);
  assert.equal((await fetch(`${here.server.url}/assets/0000000000000000/main.js`)).status, 404);
  assert.equal((await fetch(`${here.server.url}/`, {method: 'HEAD'})).status, 200);
  assert.equal((await fetch(`${here.server.url}/`, {method: 'POST'})).status, 405);
});
