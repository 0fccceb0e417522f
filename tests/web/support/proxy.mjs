// Stands between a browser and the server, to break connections when a test wants it.

import {connect, createServer} from 'node:net';

/** {url, heads, cut(), open(), stop()}: `heads` are the requests that came, as they were written. */
export async function start_proxy(target) {
  const {hostname, port} = new URL(target);
  const all = new Set();
  const heads = [];
  let closed = false;
  const server = createServer((client) => {
    if (closed) return client.destroy();
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      all.add(from);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => { all.delete(from); to.destroy(); });
    }
    client.on('data', (bytes) => heads.push(bytes.toString('latin1')));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    closed = true;
    for (const socket of all) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${server.address().port}`, heads, cut,
    open() { closed = false; },
    stop() { cut(); server.close(); },
  };
}
