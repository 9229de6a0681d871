// Runs test files with node's own test runner and audits the result: a file that ran no test, skipped one or left one "to
// do" has failed, since nothing here may be missing in silence.
//
//   node lib/run.mjs [--reference] [file ...]      without files: all of clients/
//
// With --reference it starts the official Node server of reference/ for the run, otherwise REALTIME_URL says where to go.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const here = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_NODE = 20;

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  fail(`Node ${OLDEST_NODE} or newer is needed, this is ${process.version}`);
}

const reference = process.argv.includes('--reference');
const named = process.argv.slice(2).filter((arg) => arg !== '--reference');
const files = named.length > 0 ? named : readdirSync(join(here, 'clients'))
  .filter((name) => name.endsWith('.test.mjs')).sort()
  // What Go does otherwise on purpose is no business of the reference.
  .filter((name) => !(reference && name === 'differences.test.mjs')).map((name) => join(here, 'clients', name));

const environment = { ...process.env };
let server;
if (reference) {
  server = spawn(process.execPath, [join(here, 'reference', 'server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
  server.on('exit', (code, signal) => {
    if (server) fail(`the reference server ended by itself: ${code ?? signal}`);
  });
  [environment.REALTIME_URL] = await once(createInterface(server.stdout), 'line');
}

const { code, report } = await runTests();
const counts = Object.fromEntries([...report.join('').matchAll(/^# (\w+) (\d+)$/gm)].map(([, what, n]) => [what, Number(n)]));
const running = server;
server = undefined;
running?.stdin.end();
for (const what of ['skipped', 'todo', 'cancelled']) {
  if (counts[what] !== 0) fail(`${counts[what]} tests ${what}`);
}
// For a file without a test the runner counts the file itself, under its path.
const empty = [...report.join('').matchAll(/^# Subtest: (.*\.test\.mjs)$/gm)].map(([, file]) => file);
if (empty.length > 0 || !(counts.tests > 0)) fail(`no test ran in ${empty.join(', ') || 'any file'}`);
if (code !== 0) fail(`node --test ended with ${code}`);

// runTests shows the readable report as it comes, and gives the machine's one, which holds the counts.
async function runTests() {
  const reporters = ['--test-reporter=spec', '--test-reporter-destination=stderr', '--test-reporter=tap', '--test-reporter-destination=stdout'];
  const tests = spawn(process.execPath, ['--test', ...reporters, ...files], {
    cwd: here, env: environment, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = [];
  tests.stdout.setEncoding('utf8').on('data', (text) => lines.push(text));
  const [status, signal] = await once(tests, 'close');
  return { code: status ?? signal, report: lines };
}

function fail(why) {
  console.error(`e2e: ${why}`);
  process.exit(1);
}
