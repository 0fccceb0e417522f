// What the dashboard costs: how long the page of a job of ten million tasks takes to load and how large it is, and how
// fast hello_world is with and without fifty open dashboards. `./dev bench dashboard` runs it.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {Agent, request} from 'node:http';
import {fileURLToPath} from 'node:url';

import {open_page, start_browser} from '../support/browser.mjs';
import {start_server} from '../support/server.mjs';

const tasks = Number(process.env.COREMACHINE_BENCH_TASKS || 10e6);
const loads = 7;
const rounds = 5;
const seconds = 5;
const dashboards = 50;

const sorted = (values) => [...values].sort((a, b) => a - b);
const quantile = (values, part) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * part))];
const median = (values) => quantile(values, 0.5);
const ms = (value) => `${value.toFixed(2)} ms`;

/** Bytes as they came over the wire, and the time from the request for the page until map and list are on the screen. */
async function load_once(browser, server, hash, warm) {
  const page = warm || (await open_page(browser, server, {hash: '#/nowhere'}));
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', {cacheDisabled: !warm});
  let bytes = 0;
  session.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
  await page.goto('about:blank');
  await page.goto(`${server.url}/${hash}`, {waitUntil: 'commit'});
  // Asked when all is over: what asks a page before that takes part of its time. The page has noted the moments itself.
  await page.waitForLoadState('networkidle');
  const marks = await page.evaluate(() => ['heat-map', 'tasks'].map((name) => performance.getEntriesByName(name, 'mark')[0]?.startTime));
  if (marks.includes(undefined)) throw new Error(`the page has not shown everything: ${marks}`);
  const took = Math.max(...marks);
  await session.detach();
  return {page, took, bytes};
}

async function measure_page(server, browser) {
  const begun = Date.now();
  const {job_id} = await server.submit('fan_out', {count: tasks, fail_percent: 1, fail_attempts: 9, max_attempts: 1, join: 'best_effort'});
  let job;
  do { job = await server.api('GET', `jobs/${job_id}?wait=60s`); } while (!job.finished_at);
  console.log(`a job of ${tasks} tasks, 1 % of them failed, ran for ${((Date.now() - begun) / 1000).toFixed(1)} s: ${job.status}`);
  const hash = `#/jobs/${job_id}`;
  for (const [name, is_warm] of [['first visit, nothing in the cache', false], ['files of the page in the cache', true]]) {
    const all = [];
    let warm = is_warm ? (await load_once(browser, server, hash)).page : null;
    for (let i = 0; i < loads; ++i) {
      const {page, took, bytes} = await load_once(browser, server, hash, warm);
      if (is_warm) warm = page;
      else await page.context().close();
      all.push({took, bytes});
    }
    if (warm) await warm.context().close();
    const took = all.map((one) => one.took);
    console.log(`page of the job, ${name}: median ${median(took).toFixed(0)} ms, slowest ${Math.max(...took).toFixed(0)} ms, ` +
      `${(Math.max(...all.map((one) => one.bytes)) / 1024).toFixed(0)} KiB`);
  }
}

/** One request after the other on each of so many connections; the times of all. */
async function hello(server, connections) {
  const times = [];
  const end = performance.now() + seconds * 1000;
  const line = async () => {
    const agent = new Agent({keepAlive: true, maxSockets: 1});
    while (performance.now() < end) {
      const begun = performance.now();
      const sent = request(`${server.url}/api/v1/jobs/hello_world?wait=30s`, {method: 'POST', agent, headers: {'Content-Type': 'application/json'}});
      sent.end('{}');
      const [response] = await once(sent, 'response');
      response.resume();
      await once(response, 'end');
      if (response.statusCode !== 200) throw new Error(`hello_world: ${response.statusCode}`);
      times.push(performance.now() - begun);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({length: connections}, line));
  return {per_second: times.length / seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99)};
}

async function open_dashboards(server) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('clients.mjs', import.meta.url)), server.url, String(dashboards)], {stdio: ['ignore', 'pipe', 'inherit']});
  await once(child.stdout, 'data');
  return child;
}

async function measure_engine(server) {
  const results = new Map();
  await hello(server, 16);
  for (let round = 0; round < rounds; ++round) {
    for (const open of [0, dashboards]) {
      const child = open ? await open_dashboards(server) : null;
      for (const connections of [1, 16]) {
        const name = `${connections} at a time, ${open} dashboards`;
        results.set(name, [...(results.get(name) || []), await hello(server, connections)]);
      }
      if (child) {
        child.kill();
        await once(child, 'exit');
      }
    }
  }
  console.log(`hello_world over HTTP, each on disk, medians of ${rounds} times ${seconds} s, with and without dashboards in turn:`);
  for (const connections of [1, 16]) {
    for (const open of [0, dashboards]) {
      const all = results.get(`${connections} at a time, ${open} dashboards`);
      const of = (key) => median(all.map((one) => one[key]));
      console.log(`  ${String(connections).padStart(2)} at a time, ${String(open).padStart(2)} dashboards: ${of('per_second').toFixed(0)} jobs/s ` +
        `(${all.map((one) => one.per_second.toFixed(0)).join(', ')}), p50 ${ms(of('p50'))}, p99 ${ms(of('p99'))}`);
    }
  }
}

const server = await start_server();
const browser = await start_browser();
try {
  await measure_page(server, browser);
  await browser.close();
  await measure_engine(server);
} finally {
  await browser.close();
  await server.stop();
}
