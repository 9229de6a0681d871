// A real browser, and people in it. CHROMIUM is its program, AVALON_URL where the example listens; both come from the Go test.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Person, WATCHDOG } from './person.mjs';

export const URL_OF_PAGE = process.env.AVALON_URL;
const SHOTS = fileURLToPath(new URL('shots', import.meta.url));

const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const SIZES = {
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1 },
  small: { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1 },
  desktop: { viewport: { width: 1280, height: 800 } },
};

export async function launch() {
  mkdirSync(SHOTS, { recursive: true });
  return chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: ARGS });
}

/**
 * A person with a browser of their own (storage included) and one page of it. Whatever a page complains of is kept for `end`.
 * With `cuttable`, `person.breakLine()` works.
 */
export async function arrive(browser, { name, size, shots, address = URL_OF_PAGE, cuttable = false }) {
  const context = await browser.newContext({ ...SIZES[size], serviceWorkers: 'block' });
  context.setDefaultTimeout(WATCHDOG);
  const person = new Person({ name, size, context, address, shots: shots && `${SHOTS}/${shots}` });
  context.on('page', (page) => watch(page, person.complaints));
  if (cuttable) {
    await context.routeWebSocket(/\/socket\.io\//, (link) => {
      if (person.broken) {
        link.close({ code: 1001 });
        return;
      }
      link.connectToServer();
      person.links.push(link);
    });
  }
  await person.openPage();
  return person;
}

/** Notes what a page complains of: errors, warnings, failed requests, refusals over HTTP, alerts. */
function watch(page, complaints) {
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (err) => complaints.push(`uncaught: ${err.stack}`));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    if (why !== 'net::ERR_ABORTED') complaints.push(`failed: ${request.url()} ${why}`); // aborted: the page was left meanwhile
  });
  page.on('response', (response) => response.status() >= 400 && complaints.push(`${response.status()}: ${response.url()}`));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
}

/** Closes a person's browser. A page that complained has failed. */
export async function leave(...people) {
  for (const person of people) {
    await person.context.close();
    assert.deepEqual(person.complaints, [], `what the browser of ${person.name} complained of`);
  }
}
