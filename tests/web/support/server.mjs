// A real server on a free port, with a store of its own that goes with it.

import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';

/** {url, api(method, path, body), submit(type, params, query), stop()} */
export async function start_server(...more) {
  const folder = mkdtempSync(join(tmpdir(), 'coremachine-web-'));
  const child = spawn(process.env.COREMACHINE_PROGRAM, ['serve', '--listen', '127.0.0.1:0', '--store', `sqlite:${join(folder, 'jobs.db')}`,
    ...(more.includes('--workers') ? [] : ['--workers', '2']), '--log-level', 'warn', ...more], {cwd: folder, stdio: ['ignore', 'pipe', 'inherit']});
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const first = new Promise((resolve) => createInterface({input: child.stdout}).once('line', resolve));
  const line = await Promise.race([first, ended.then((code) => { throw new Error(`the server ended with ${code}`); })]);
  const url = line.replace('listening on ', '');

  async function api(method, path, body, headers = {}) {
    const response = await fetch(`${url}/api/v1/${path}`, {method, headers: {...(body === undefined ? {} : {'Content-Type': 'application/json'}), ...headers},
      body: body === undefined ? undefined : JSON.stringify(body)});
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
  return {
    url, folder, api,
    submit: (type, params = {}, query = '') => api('POST', `jobs/${type}${query}`, params),
    /** The job when it is over. */
    run: (type, params = {}, query = '') => api('POST', `jobs/${type}?wait=60s${query}`, params),
    async stop() {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, {recursive: true, force: true});
    },
  };
}
