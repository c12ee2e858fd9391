/**
 * `decpool workloads` and docs/workloads.md list what there is. `UPDATE_DOCS=1` writes the document's numbers anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatDuration, workloadsCommand } from '../cli/workloads.ts';
import { formatValue } from '../report/units.ts';
import { WORKLOADS } from './registry.ts';
import { durationOf } from './workload.ts';

function printed(): string {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  expect(workloadsCommand({ write, isColoured: false, isWatched: false })).toBe(0);
  return text;
}

it('the command prints a row for each workload, with its requests, its peak and its duration', () => {
  const text = printed();
  for (const { name, generate } of WORKLOADS) {
    const workload = generate();
    const row = text.split('\n').find((line) => line.includes(`│ ${name} `));
    expect(row, name).toContain(` ${formatValue(workload.requests.length, 'count')} │`);
    expect(row, name).toContain(` ${formatValue(workload.peakLivePages, 'pages')} pages │`);
    expect(row, name).toContain(` ${formatDuration(durationOf(workload))} │`);
  }
});

it('no line of the table is wider than 110 characters', () => {
  expect(
    Math.max(
      ...printed()
        .split('\n')
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(110);
});

it('docs/workloads.md has a row for each workload, with the same numbers', () => {
  const document = new URL('../../../../docs/workloads.md', import.meta.url);
  const numbers = new Map(
    WORKLOADS.map(({ name, generate }) => {
      const workload = generate();
      return [
        name,
        [
          formatValue(workload.requests.length, 'count'),
          formatValue(workload.peakLivePages, 'pages'),
          formatDuration(durationOf(workload)),
        ].join(' | '),
      ];
    }),
  );
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
