/**
 * `decpool workloads` and docs/workloads.md list what there is. `UPDATE_DOCS=1` writes the document's numbers anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { formatDuration, workloadsCommand } from '../cli/workloads-run.ts';
import { formatValue } from '../text/units.ts';
import { WORKLOADS } from './registry.ts';
import { durationOf } from './workload.ts';

let printed = '';
/** Of each workload, as the lists have them: requests, peak of live pages, duration. */
let figures: ReadonlyMap<string, readonly [requests: string, peak: string, duration: string]>;

beforeAll(() => {
  const write = (more: string) => {
    printed += more;
  };
  expect(workloadsCommand({ write, tell: write, isColoured: false, columns: 100, isWatched: false })).toBe(0);
  figures = new Map(
    WORKLOADS.map(({ name, generate }) => {
      const workload = generate();
      return [
        name,
        [
          formatValue(workload.requests.length, 'count'),
          formatValue(workload.peakLivePages, 'pages'),
          formatDuration(durationOf(workload)),
        ],
      ];
    }),
  );
}, 60_000);

it('the command prints a row for each workload, with its requests, its peak and its duration', () => {
  for (const [name, [requests, peak, duration]] of figures) {
    const row = printed.split('\n').find((line) => line.includes(`│ ${name} `));
    expect(row, name).toContain(` ${requests} │`);
    expect(row, name).toContain(` ${peak} pages │`);
    expect(row, name).toContain(` ${duration} │`);
  }
});

it('no line of the table is wider than 110 characters', () => {
  expect(Math.max(...printed.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
});

it('docs/workloads.md has a row for each workload, with the same numbers', () => {
  const document = new URL('../../../../docs/workloads.md', import.meta.url);
  const numbers = new Map([...figures].map(([name, told]) => [name, told.join(' | ')]));
  const ROW = /^(\| `([\w-]+)` \| [^|]+ \| )([^|]+ \| [^|]+ \| [^|]+)( \|)$/gm;
  if (process.env['UPDATE_DOCS'] !== undefined) {
    const text = readFileSync(document, 'utf8');
    const updated = text.replace(ROW, (_, head: string, name: string, old: string, tail: string) =>
      [head, numbers.get(name) ?? old, tail].join(''),
    );
    writeFileSync(document, updated);
  }
  const rows = [...readFileSync(document, 'utf8').matchAll(ROW)].map(([, , name, told]) => [name, told]);
  expect(rows).toEqual([...numbers]);
});

it.each([
  [0, '0 ns'],
  [999, '999 ns'],
  [24_471_000, '24.5 ms'],
  [46_600_000_000, '46.6 s'],
  [86_400_000_000_000, '24 h'],
])('%i ns are printed as %s', (ns, text) => {
  expect(formatDuration(ns)).toBe(text);
});
