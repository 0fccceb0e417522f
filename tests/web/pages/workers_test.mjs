// Workers that are processes of their own, and a Redis between them and the server.

import assert from 'node:assert/strict';
import {spawn, spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, test} from 'node:test';

import {check_page, sizes} from '../support/browser.mjs';
import {world} from '../support/world.mjs';

// Debian's redis-tools has the server under the name of a helper.
const redis_server = ['redis-server', 'redis-check-rdb'].find((name) => !spawnSync(name, ['--version']).error);
if (!redis_server) console.log('SKIPPED: there is no redis-server; ./dev setup installs redis-tools, which has it');
const options = {skip: redis_server ? false : 'there is no redis-server'};

const folder = mkdtempSync(join(tmpdir(), 'coremachine-redis-'));
const queue = `unix://${join(folder, 'redis.sock')}?prefix=web`;
const children = [];
const start = (command, args, more = {}) => {
  const child = spawn(command, args, {stdio: 'ignore', cwd: folder, ...more});
  children.push(child);
  return child;
};
const start_redis = () => start(redis_server, ['--port', '0', '--unixsocket', join(folder, 'redis.sock'), '--dir', folder, '--save', ''], {argv0: 'redis-server'});
const ended = (child) => new Promise((resolve) => { child.on('exit', resolve); });

let redis = redis_server ? start_redis() : null;
const here = redis_server ? await world('--queue', queue, '--workers', '0') : null;
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.filter((child) => child.exitCode === null && child.signalCode === null).map(ended));
  rmSync(folder, {recursive: true, force: true});
});

test('who takes tasks from a queue in Redis, and that it is down', options, async () => {
  const job = await here.server.submit('fan_out', {count: 10000, sleep_ms: 200});
  const page = await here.open('#/workers');
  const transport = page.locator('#transport');
  await transport.getByText('up', {exact: true}).waitFor();
  await page.getByText('Nobody runs tasks').waitFor();
  await page.locator('#queues tbody tr', {hasText: 'plan'}).getByText('no worker').waitFor();
  await check_page(page, 'a queue without workers');
  const name = '<svg/onload=alert(1)>';
  start(process.env.COREMACHINE_PROGRAM, ['worker', '--queue', queue, '--concurrency', '2', '--name', name, '--log-level', 'error']);
  const card = page.locator('.card', {has: page.getByRole('heading', {name})});
  await card.getByText('over redis').waitFor();
  await transport.getByText(/^[1-9]\d* tasks?$/).first().waitFor();
  await card.getByText(/Runs \d+ task types/).click();
  await card.locator('.tag', {hasText: 'greet'}).waitFor();
  await page.locator('#queues tbody tr', {hasText: 'echo'}).getByText('running').waitFor();
  await check_page(page, 'a worker over Redis');
  const phone = await here.open('#/workers', {size: sizes.phone, dark: true});
  await phone.locator('#toggle-echo').click();
  await phone.locator('#queues tbody tr', {hasText: 'echo'}).getByText('paused').waitFor();
  await page.locator('#queues tbody tr', {hasText: 'echo'}).getByText('paused').waitFor();
  assert.equal((await here.server.api('GET', 'queues/echo')).paused, true);
  await check_page(phone, 'a queue that is paused, on a phone');
  redis.kill('SIGKILL');
  await ended(redis);
  await transport.getByText('down', {exact: true}).waitFor();
  await transport.getByRole('alert').waitFor();
  await check_page(page, 'a queue that is down');
  redis = start_redis();
  await transport.getByText('up', {exact: true}).waitFor();
  await here.server.api('POST', `jobs/${job.job_id}/cancel`);
});
