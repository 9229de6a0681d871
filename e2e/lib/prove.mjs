// Proves that the suite can fail: plays every fault of reference/faults.mjs against the file that must notice it.
//
//   node lib/prove.mjs [part of a fault's name]

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { faults } from '../reference/faults.mjs';

const here = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv[2] ?? '';
const unnoticed = [];

for (const [name, { file }] of Object.entries(faults)) {
  if (!name.includes(wanted)) continue;
  const failed = await play(name, file);
  console.log(`${failed > 0 ? 'noticed  ' : 'UNNOTICED'} ${name} (${file}: ${failed} failed)`);
  if (failed === 0) unnoticed.push(name);
}
if (unnoticed.length > 0) {
  console.error(`e2e: the suite does not notice: ${unnoticed.join('; ')}`);
  process.exit(1);
}

// play gives the number of scenarios that failed.
async function play(fault, file) {
  const run = spawn(process.execPath, [join(here, 'lib', 'run.mjs'), '--reference', join(here, 'clients', `${file}.test.mjs`)], {
    // What never comes is not worth waiting for: here it is the rule.
    env: { ...process.env, E2E_FAULT: fault, E2E_PATIENCE: '3000' }, stdio: ['ignore', 'ignore', 'pipe'],
  });
  let report = '';
  run.stderr.setEncoding('utf8').on('data', (text) => { report += text; });
  await once(run, 'close');
  const [, count] = /^ℹ fail (\d+)$/m.exec(report) ?? [];
  if (count === undefined) throw new Error(`"${fault}" did not get as far as a result:\n${report}`);
  return Number(count);
}
