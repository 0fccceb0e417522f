// Headless Chromium, and what every page is judged by.

import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';

const require = createRequire(`${process.env.COREMACHINE_NODE_PACKAGES}/`);
const {chromium} = require('playwright-core');
const axe = require.resolve('axe-core/axe.min.js');
const images = fileURLToPath(new URL('../../../docs/images/', import.meta.url));

export const sizes = {desktop: {width: 1280, height: 900}, phone: {width: 390, height: 844}};

export async function start_browser() {
  return chromium.launch({executablePath: process.env.COREMACHINE_CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']});
}

/** A page that remembers what went wrong in it: errors, refused content, requests to elsewhere. */
export async function open_page(browser, server, {size = sizes.desktop, dark = false, hash = ''} = {}) {
  const context = await browser.newContext({viewport: size, colorScheme: dark ? 'dark' : 'light', reducedMotion: 'reduce', timezoneId: 'UTC', locale: 'en-GB'});
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // What the server refuses is shown by the page; the browser's own line about it says nothing more.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) page.faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) page.faults.push(`asks elsewhere: ${request.url()}`);
  });
  page.on('dialog', (dialog) => { page.faults.push(`a script ran: ${dialog.message()}`); dialog.dismiss(); });
  page.setDefaultTimeout(60000);
  await page.goto(`${server.url}/${hash}`);
  return page;
}

export async function go(page, hash) {
  await page.evaluate((to) => { location.hash = to; }, hash);
}

/** No rule of axe is broken in either theme, nothing went wrong, and nothing is wider than the screen. */
export async function check_page(page, what) {
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
  // The page's policy refuses scripts that are put in; the debugger's are not asked.
  const session = await page.context().newCDPSession(page);
  const {readFileSync} = await import('node:fs');
  await session.send('Runtime.evaluate', {expression: readFileSync(axe, 'utf8')});
  const first = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
  // In the other theme the colours alone are others.
  const dark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  await page.emulateMedia({colorScheme: dark ? 'light' : 'dark'});
  const other = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations'], runOnly: ['color-contrast']}));
  await page.emulateMedia({colorScheme: dark ? 'dark' : 'light'});
  const broken = [...first.violations, ...other.violations].map((rule) => `${rule.id}: ${rule.help}\n    ${rule.nodes.slice(0, 4).map((node) => `${node.target} ${node.failureSummary.split('\n')[1] || ''}`).join('\n    ')}`);
  assert.deepEqual(broken, [], `${what}: axe`);
  const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= screen, `${what}: it is ${wide} wide on a screen of ${screen}`);
  assert.deepEqual(page.faults, [], `${what}: nothing went wrong`);
}

/** Written only where it is asked for, so that tests leave the tree as it is. */
export const writes_screenshots = process.env.COREMACHINE_SCREENSHOTS === 'write';

export async function screenshot(page, name) {
  if (!writes_screenshots) return;
  await page.evaluate(() => { document.activeElement?.blur(); window.scrollTo(0, 0); });
  mkdirSync(images, {recursive: true});
  await page.screenshot({path: `${images}${name}.png`});
}
