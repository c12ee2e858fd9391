import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Made, madeResults } from '../report/page/testing.ts';
import { resultsText } from '../report/results.ts';
import { reportPage } from './report-run.ts';
import { keptOutput } from './testing.ts';

/** By folder: policies that differ in no key metric, in one and in two. */
const INPUTS: Readonly<Record<string, Made['policies']>> = {
  a: { kernel: [1, 2, 3], pool: [1, 2, 3] },
  b: { kernel: [1, 2, 3], pool: [1, 2, 4] },
  c: { kernel: [1, 2, 3], pool: [0, 2, 4] },
};
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-report-run-'));
  for (const [name, policies] of Object.entries(INPUTS)) {
    mkdirSync(join(folder, name));
    const results = madeResults({ name, policies, ranked: [['kernel'], ['pool']] });
    writeFileSync(join(folder, name, 'results.json'), resultsText(results));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the input that tells policies apart best comes first, on the page and against an older run', async () => {
  const output = keptOutput();
  await reportPage(folder, { against: folder }, output);
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  const articles = [...page.matchAll(/<article class="input" id="input-(\w)"/g)].map(([, name]) => name);
  expect(articles).toEqual(['c', 'b', 'a']);
  const against = [...output.written.matchAll(/^against +(\w):/gm)].map(([, name]) => name);
  expect(against).toEqual(['c', 'b', 'a']);
});

it('each input has a folder of figures under its own name', async () => {
  await reportPage(folder, { out: join(folder, 'page.html') }, keptOutput());
  expect(readdirSync(join(folder, 'page-figures')).sort()).toEqual(Object.keys(INPUTS));
});
