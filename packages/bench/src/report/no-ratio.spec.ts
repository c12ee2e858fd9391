/** A policy that refused requests did less work: 0.42 of a lower bound for all of it would flatter. */
import { nanoseconds, platformNamed } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import { beforeAll, expect, it } from 'vitest';
import { compare } from '../compare/compare.ts';
import { RequestList } from '../workloads/request-list.ts';
import { workload } from '../workloads/workload.ts';
import { resultsCsv } from './csv.ts';
import { fromStored, type Results, resultsOf, resultsSchema, resultsText } from './results.ts';
import { allRowsOf } from './rows.ts';
import { comparisonText } from './terminal.ts';

const RATIOS = ['blocks-peak-ratio', 'block-seconds-ratio'] as const;
let results: Results;
beforeAll(async () => {
  const list = new RequestList();
  // The first is too large for the bounce buffers.
  for (const [index, pages] of [1024, 8, 8].entries())
    list.allocate(nanoseconds(index * 1e9), {
      api: 'alloc_pages',
      pages,
      bytes: pages * 4096,
      owner: 'ring',
    });
  const comparison = await compare({
    name: 'rings',
    workload: workload({ name: 'rings', description: 'Rings.', requests: list.requests, notes: [] }),
    memory: freshBoot(4 * 2 ** 30),
    platform: platformNamed('snp'),
    policies: ['swiotlb', 'decpool'],
    seeds: [1],
    notes: [],
  });
  results = resultsOf(comparison, 'decpool compare');
});

it('a table has "-" where a ratio to the bounds would flatter, and the ratio of who served all', () => {
  const rows = allRowsOf(results);
  for (const ratio of RATIOS) {
    const [refused, served] = rows.find(({ metric }) => metric.id === ratio)!.cells;
    expect(refused).toMatchObject({ policy: 'swiotlb', value: '-' });
    expect(Number(served.value)).toBeGreaterThanOrEqual(1);
    expect(served.change).toBeUndefined();
  }
  const text = comparisonText(results, { columns: 100, isColoured: false });
  expect(text).toMatch(/^blocks \/ lower bound +- +1$/m);
});

it('JSON has null and CSV nothing, and the JSON is read as it was', () => {
  const document = JSON.parse(resultsText(results));
  for (const ratio of RATIOS) {
    expect(document.policies[0].metrics[ratio]).toBeNull();
    expect(document.policies[1].metrics[ratio].median).toBeGreaterThanOrEqual(1);
  }
  expect(fromStored(resultsSchema.parse(document))).toEqual(results);
  const lines = resultsCsv([results]).split('\n');
  expect(lines.filter((line) => /,swiotlb,.*-ratio,/.test(line)).every((line) => line.endsWith(','))).toBe(
    true,
  );
});

it('the ranking leaves the policy out', () => {
  expect(results.ranking.refused).toEqual(['swiotlb']);
});
