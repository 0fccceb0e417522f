// clients.mjs URL COUNT: does over HTTP what COUNT browsers do that show the list of jobs: each follows the stream and asks
// for the first page whenever something has changed, once a second at most. Says `ready` when all are connected.

import {Agent, get} from 'node:http';

const [, , url, count] = process.argv;
let connected = 0;

function dashboard() {
  const agent = new Agent({keepAlive: true, maxSockets: 1});
  let due = null;
  const load = () => {
    due = null;
    get(`${url}/api/v1/jobs?limit=50&max_age=900ms`, {agent}, (response) => response.resume());
  };
  get(`${url}/api/v1/stats/events`, {agent: false}, (response) => {
    if (response.statusCode !== 200) throw new Error(`the stream answered ${response.statusCode}`);
    if (++connected === Number(count)) console.log('ready');
    response.on('data', (bytes) => {
      if (bytes.includes('event: overview') && !due) due = setTimeout(load, 1000);
    });
  });
}

for (let i = 0; i < Number(count); ++i) dashboard();
