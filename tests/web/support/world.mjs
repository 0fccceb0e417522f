// One server and one browser for all tests of a file.

import {after, afterEach} from 'node:test';

import {open_page, start_browser} from './browser.mjs';
import {start_server} from './server.mjs';

/** {server, browser, open(hash, options)}; pages are closed at the end of the test that opened them. */
export async function world(...flags) {
  const server = await start_server(...flags);
  const browser = await start_browser();
  const pages = [];
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.context().close();
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });
  return {
    server, browser,
    async open(hash = '', options = {}) {
      const page = await open_page(browser, options.server || server, {hash, ...options});
      pages.push(page);
      return page;
    },
  };
}
