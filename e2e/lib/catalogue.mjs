// Writes SCENARIOS.md, the table of scenarios and the clients that play them, or with --check fails if it is out of date: so
// no scenario and no client can drop out of the suite unseen.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { differences } from './differences.mjs';

process.env.E2E_CATALOGUE = '1';
const { catalogue } = await import('./scenario.mjs');
const { rows } = await import('./rows.mjs');

const here = fileURLToPath(new URL('..', import.meta.url));
const table = join(here, 'SCENARIOS.md');
const sections = [];
for (const file of readdirSync(join(here, 'clients')).filter((name) => name.endsWith('.test.mjs')).sort()) {
  const first = catalogue.length;
  await import(new URL(`../clients/${file}`, import.meta.url));
  sections.push([file, catalogue.slice(first)]);
}

const unused = Object.keys(differences).filter((name) => !catalogue.some(({ differs }) => differs === name));
if (unused.length > 0) fail(`no scenario shows these of lib/differences.mjs: ${unused.join(', ')}`);

const wanted = page();
if (!process.argv.includes('--check')) writeFileSync(table, wanted);
else if (readFileSync(table, 'utf8') !== wanted) fail('SCENARIOS.md is out of date: run `npm run catalogue`');
console.log(`${catalogue.length} scenarios, ${plays()} plays`);

function plays() { return catalogue.reduce((sum, { cast, together }) => sum + (together ? 1 : Math.max(cast.length, 1)), 0); }

function page() {
  const lines = [
    '# Scenarios and clients',
    '',
    'Written by `npm run catalogue`; the suite fails if it is out of date. ● played by this client on its own, ◐ played by',
    'several clients together, (Go) only against the Go server (see `lib/differences.mjs`). A scenario without a mark is played',
    'without an official client, on the wire itself.',
    '',
    `${catalogue.length} scenarios, ${plays()} plays.`,
  ];
  for (const [file, scenarios] of sections) {
    lines.push('', `## ${file}`, '', `| Scenario | ${rows.map(({ name }) => name).join(' | ')} |`, `|---|${rows.map(() => ':-:|').join('')}`);
    for (const { name, cast, differs, together } of scenarios) {
      const marks = rows.map((row) => (cast.includes(row.name) ? (together ? '◐' : '●') : ''));
      lines.push(`| ${name}${differs ? ' (Go)' : ''} | ${marks.join(' | ')} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fail(why) {
  console.error(`e2e: ${why}`);
  process.exit(1);
}
