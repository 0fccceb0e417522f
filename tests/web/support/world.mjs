// One server and one browser for all tests of a file.

import {after, before} from 'node:test';

import {open_page, start_browser} from './browser.mjs';
import {start_server} from './server.mjs';

export function world(...flags) {
  const all = {};
  const pages = [];
  before(async () => {
    all.server = await start_server(...flags);
    all.browser = await start_browser();
  });
  after(async () => {
    if (all.browser) await all.browser.close();
    if (all.server) await all.server.stop();
  });
  all.open = async (hash = '', options = {}) => {
    const page = await open_page(all.browser, all.server, {hash, ...options});
    pages.push(page);
    return page;
  };
  return all;
}
