// An operator at the page of the Admin UI. CHROMIUM is the browser's program; the addresses of the servers come from the Go test.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { io } from 'socket.io-client';

const { CHROMIUM, DEVELOPMENT_URL, READONLY_URL } = process.env;
const WATCHDOG = 30_000;
const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

let browser;
const users = [];

before(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGS });
});

after(async () => {
  users.forEach((socket) => socket.close());
  await browser.close();
});

/** A page at a server. Its fonts come from elsewhere, and are left out. */
async function operator(url) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, serviceWorkers: 'block' });
  context.setDefaultTimeout(WATCHDOG);
  const page = await context.newPage();
  await page.route('**/*', (route) => (route.request().url().startsWith(url) ? route.continue() : route.abort()));
  await page.goto(url);
  return page;
}

async function logIn(page, url, password) {
  await page.getByLabel('Server URL').fill(url);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Connect' }).click();
}

/** Waits until the page has a row with all of these texts in their order. */
async function row(page, ...texts) {
  const pattern = new RegExp(texts.map((t) => t.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('[\\s\\S]*'), 'i');
  const found = page.locator('tr').filter({ hasText: pattern }).first();
  await found.waitFor();
  return found;
}

async function user(url) {
  const socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true });
  users.push(socket);
  await new Promise((resolve, reject) => {
    socket.on('connect', resolve);
    socket.on('connect_error', reject);
  });
  return socket;
}

test('an operator sees who is there and what they say, and ends a socket', { timeout: 4 * WATCHDOG }, async () => {
  const ann = await user(DEVELOPMENT_URL);
  const page = await operator(DEVELOPMENT_URL);

  await logIn(page, DEVELOPMENT_URL, 'wrong');
  await page.getByText('Invalid credentials').waitFor();
  await logIn(page, DEVELOPMENT_URL, 'correct horse');
  await page.getByText('connected', { exact: true }).first().waitFor();

  await row(page, 'WebSocket', '2', '100.0 %');
  await row(page, 'healthy', '1', '100.0 %');
  await row(page, '/', '1');
  await row(page, '/admin', '1');

  const bob = await user(DEVELOPMENT_URL);
  const bobsID = bob.id; // a client forgets it at its end
  assert.equal(await bob.emitWithAck('sit', 'round'), 'seated at round');
  await page.goto(`${DEVELOPMENT_URL}/#/servers/`);
  await row(page, 'castle', String(process.ppid), 'healthy');
  await page.goto(`${DEVELOPMENT_URL}/#/sockets/`);
  await row(page, ann.id, '127.0.0.1', 'WebSocket');
  await row(page, bobsID, '127.0.0.1', 'WebSocket');
  await page.goto(`${DEVELOPMENT_URL}/#/rooms/`);
  await row(page, 'round', 'public', '1');
  await page.goto(`${DEVELOPMENT_URL}/#/events/`);
  await row(page, bobsID, 'connection');
  await row(page, bobsID, 'event received', 'sit');
  await row(page, bobsID, 'room joined', 'round');

  await page.goto(`${DEVELOPMENT_URL}/#/sockets/`);
  const ended = new Promise((resolve) => { bob.on('disconnect', resolve); });
  await (await row(page, bobsID)).getByRole('button').click();
  assert.equal(await ended, 'io server disconnect');
  await row(page, 'status', 'disconnected'); // the click has led to the socket's page too
  await page.goto(`${DEVELOPMENT_URL}/#/sockets/`);
  await row(page, ann.id);
  await page.waitForFunction((id) => ![...document.querySelectorAll('tr')].some((tr) => tr.textContent.includes(id)), bobsID);
  assert.ok(ann.connected);

  await page.reload(); // it shows its session id now, instead of the password
  await page.getByText('connected', { exact: true }).first().waitFor();
  await row(page, ann.id);
  await page.context().close();
});

test('a server that takes no commands is shown without their buttons', { timeout: 4 * WATCHDOG }, async () => {
  const ann = await user(READONLY_URL);
  const page = await operator(READONLY_URL);
  await logIn(page, READONLY_URL, 'correct horse');
  await row(page, 'WebSocket', '2', '100.0 %');
  await page.goto(`${READONLY_URL}/#/sockets/`);
  assert.equal(await (await row(page, ann.id)).getByRole('button').count(), 0, 'nobody can be disconnected');
  await page.goto(`${READONLY_URL}/#/servers/`);
  await row(page, 'tower', 'healthy');
  await page.context().close();
});
