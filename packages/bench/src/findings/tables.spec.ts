import { describe, expect, it } from 'vitest';
import { appendix } from './appendix.ts';
import { gridOf } from './grid.ts';
import { missingLines } from './subset.ts';
import { lossTable, policyTable } from './tables.ts';
import { madeResults } from './testing.ts';

const NEVER = 'longest-free-range+block+never-return+swiotlb';
const TEN = Array.from({ length: 10 }, (_, seed) => seed);
const GRID = gridOf(
  madeResults(10, [
    {
      policies: {
        decpool: { 'host-calls': TEN.map((seed) => 20 + seed), 'blocks-peak': Array(10).fill(12) },
        'linux-7.3': { 'host-calls': Array(10).fill(100), 'splits-2m': Array(10).fill(3) },
        [NEVER]: { 'host-calls': Array(10).fill(5) },
      },
    },
    {
      memory: 'scattered',
      policies: {
        decpool: { failures: Array(10).fill(7), 'host-calls': Array(10).fill(1) },
        'linux-7.3': { 'host-calls': Array(10).fill(100) },
        [NEVER]: { failures: [...Array(9).fill(0), 1] },
      },
    },
  ]),
);
const cellsOf = (table: string) =>
  table
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe('the table of policies', () => {
  it('has medians over the runs served, with their intervals, and who is better than decpool', () => {
    const [own, kernel, never] = cellsOf(policyTable(GRID, ['decpool', 'linux-7.3', NEVER]));
    expect(own).toEqual(['`decpool`', '1', '0', '0', '24.5 (22..27)', '0 B', '0 B', '1.2', '0', '0']);
    expect(kernel.slice(0, 5)).toEqual(['`linux-7.3`', '2', '1.5 (0..3)', '0', '100']);
    expect(kernel.slice(-2)).toEqual(['1', '1']);
    // It refuses a request under one seed only: no scenario that it serves, but nine runs.
    expect(never.slice(0, 2)).toEqual(['decpool, never returns', '1']);
    expect(never.slice(-2)).toEqual(['1', '0']);
  });

  it('shows no figures of a policy that serves nothing', () => {
    const grid = gridOf(
      madeResults(1, [{ policies: { decpool: {}, swiotlb: { failures: [3], 'host-calls': [1] } } }]),
    );
    expect(cellsOf(policyTable(grid, ['swiotlb']))).toEqual([
      ['`swiotlb`', '0', '-', '-', '-', '-', '-', '-', '0', '1'],
    ]);
  });
});

describe('the table of losses', () => {
  it('has where another is better under every seed, and what differs', () => {
    expect(cellsOf(lossTable(GRID, ['linux-7.3', NEVER]))).toEqual([
      ['`linux-7.3`', '1', 'netvsc on snp from scattered', 'failed requests 7 > 0; host calls 1 > 100'],
      ['decpool, never returns', '1', 'netvsc on snp from fresh', 'host calls 24.5 > 5'],
    ]);
  });

  it('names a machine alone if it is in all of its memory states, with the range of the medians', () => {
    const grid = gridOf(
      madeResults(1, [
        { policies: { decpool: { 'host-calls': [4] }, swiotlb: {} } },
        { memory: 'aged', policies: { decpool: { 'host-calls': [7] }, swiotlb: {} } },
      ]),
    );
    expect(cellsOf(lossTable(grid, ['swiotlb']))).toEqual([
      ['`swiotlb`', '2', 'netvsc on snp', 'host calls 4..7 > 0'],
    ]);
  });
});

describe('the appendix', () => {
  const text = appendix(GRID, 'decpool findings x.json');

  it('has a section for each machine and memory state, and says what is clear', () => {
    expect([...text.matchAll(/^##+ (.+)$/gm)].map(([, heading]) => heading)).toEqual([
      'netvsc on snp',
      'fresh',
      'scattered',
    ]);
    expect(text).toMatch(/\| `linux-7.3` +\| +0 \| +> 3 \| +0 \| +< 0 \| +> 100 \|/);
    expect(text).toMatch(/\| `decpool` +\| +7 \| +\| +\|/);
  });

  it('has all lines of its own scenarios, and not those of others', () => {
    for (const scenario of GRID.scenarios) expect(missingLines(scenario, text)).toEqual([]);
    const [fresh] = GRID.scenarios;
    const changed = text.replace('> 100', '> 101');
    expect(missingLines(fresh, changed)).toHaveLength(1);
    expect(missingLines({ ...fresh, memory: 'aged' }, text).length).toBeGreaterThan(3);
  });
});
