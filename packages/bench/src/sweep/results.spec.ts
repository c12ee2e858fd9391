import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METRICS } from '../metrics/metric.ts';
import type { SweepFolder } from './folder.ts';
import { readSweepResults, resultsOf, type SweepResults, writeResults } from './results.ts';
import { byKey, failed, KEYS, OUTLINE, refused, served } from './testing-cells.ts';
import { sweepResultsText } from './text.ts';

/** Host calls of the cells in their order; a text is why the cell was refused. */
const cells = (values: readonly (number | string)[]) =>
  KEYS.map((key, at) => {
    const value = values[at] ?? 0;
    return typeof value === 'string' ? refused(key, value) : served(key, { 'host-calls': value });
  });

describe('the results of a sweep', () => {
  it('have a row for each policy of a scenario, with the five numbers over its seeds', () => {
    const { rows } = resultsOf(OUTLINE, byKey(cells([30, 10, 20, 5, 5, 6, 1, 2, 9, 0, 0, 0])));
    const [metric] = METRICS.filter(({ id }) => id === 'host-calls');
    expect(rows[0]).toEqual({
      ...{ input: 'orders', memory: '1G', platform: 'snp', policy: 'linux-7.3' },
      ...{ metric: 'host-calls', unit: metric.unit, better: metric.better },
      ...{ seeds: 3, values: [30, 10, 20], min: 10, q1: 15, median: 20, q3: 25, max: 30 },
    });
    expect(rows.map(({ platform, policy, values }) => [platform, policy, values])).toEqual([
      ['snp', 'linux-7.3', [30, 10, 20]],
      ['snp', 'first-fit+block+immediate', [5, 5, 6]],
      ['none', 'linux-7.3', [1, 2, 9]],
      ['none', 'first-fit+block+immediate', [0, 0, 0]],
    ]);
  });

  it('are of the runs that were served; without one there is no row', () => {
    const { rows, runs } = resultsOf(
      OUTLINE,
      byKey(cells([30, 'no', 20, 'no', 'no', 'no', 1, 2, 9, 4, 4, 4])),
    );
    expect(rows.map(({ seeds, values }) => [seeds, values])).toEqual([
      [2, [30, 20]],
      [3, [1, 2, 9]],
      [3, [4, 4, 4]],
    ]);
    expect(runs).toHaveLength(KEYS.length);
    expect(runs[0]).toEqual({
      ...{ input: 'orders', memory: '1G', platform: 'snp', policy: 'linux-7.3', seed: 5 },
      ...{ events: 10, stateHash: `hash of ${KEYS[0]}` },
    });
    expect(runs[1]).toMatchObject({ seed: 3, refused: 'no' });
  });

  it('are also of a single run that was served', () => {
    const { rows } = resultsOf(OUTLINE, byKey(cells(['no', 7, 'no'])));
    expect(rows[0]).toMatchObject({ seeds: 1, values: [7], min: 7, q1: 7, median: 7, q3: 7, max: 7 });
  });

  it('have a row for each metric that was measured, in the order of reports', () => {
    const ids = ['host-calls', 'splits-2m', 'failures'] as const;
    const measured = KEYS.map((key) => served(key, Object.fromEntries(ids.map((id) => [id, 1]))));
    const { rows } = resultsOf(OUTLINE, byKey(measured));
    const inOrder = METRICS.map(({ id }) => id).filter((id) => ids.some((one) => one === id));
    expect(rows.slice(0, 3).map(({ metric }) => metric)).toEqual(inOrder);
    expect(rows).toHaveLength(3 * 4);
  });

  it('are not made while a cell is missing', () => {
    const most = cells([]).slice(1);
    expect(() => resultsOf(OUTLINE, byKey(most))).toThrow(new TypeError(`cell ${KEYS[0]} has not been run`));
  });

  it('are written as a tidy table without the single values, and as JSON with a line for each row', () => {
    const results = resultsOf(OUTLINE, byKey(cells([30, 10, 20])));
    const written = new Map<string, string>();
    const folder: Pick<SweepFolder, 'write'> = { write: (name, text) => void written.set(name, text) };
    writeResults(folder as SweepFolder, results);
    const [first] = results.rows;
    expect(written.get('results.csv')?.split('\n')).toEqual([
      'input,memory,platform,policy,metric,unit,better,seeds,median,min,max,q1,q3',
      `orders,1G,snp,linux-7.3,host-calls,${first.unit},${first.better},3,20,10,30,15,25`,
      ...Array(3).fill(expect.stringContaining(',host-calls,')),
      '',
    ]);
    const json = written.get('results.json') ?? '';
    expect(JSON.parse(json)).toEqual(results);
    for (const row of results.rows)
      expect(json).toMatch(new RegExp(`^\\{.*"values":\\[${row.values}\\]`, 'm'));
    expect(json.split('\n').filter((line) => line.startsWith('{"input"'))).toHaveLength(KEYS.length + 4);
  });
});

describe('a file of results', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (results: object): SweepResults => {
    const path = join(folder, 'results.json');
    writeFileSync(path, JSON.stringify(results));
    return readSweepResults(path);
  };
  const RESULTS = resultsOf(OUTLINE, byKey(cells([1, 'no'])));

  it('is read as it was written, and is of version 1', () => {
    const failedRuns = resultsOf(OUTLINE, byKey(KEYS.map((key) => failed(key, 'a defect'))));
    for (const results of [RESULTS, failedRuns]) expect(read(results)).toEqual(results);
    expect(RESULTS).toMatchObject({ decpool: 'sweep results', version: 1 });
  });

  it.each([
    ['version', { version: 2 }],
    ['rows[0].seeds', { rows: [{ ...RESULTS.rows[0], seeds: -1 }] }],
    ['rows[0]', { rows: [{ ...RESULTS.rows[0], key: 'x' }] }],
    ['runs[0]', { runs: [{ ...RESULTS.runs[0], key: 'x' }] }],
    ['runs[0].seed', { runs: [{ ...RESULTS.runs[0], seed: -1 }] }],
  ])('is refused with the place of what is not of it: %s', (place, changes) => {
    expect(read({ ...RESULTS, rows: [{ ...RESULTS.rows[0], seeds: 0 }] }).rows).toHaveLength(1);
    const refusal = /^(.*results\.json): (\S+): /;
    let message = '';
    try {
      read({ ...RESULTS, ...changes });
    } catch (error) {
      message = error instanceof InputError ? error.message : '';
    }
    expect(refusal.exec(message)?.[2]).toBe(place);
  });
});

describe('the text about results', () => {
  const results = (values: readonly (number | string)[]): SweepResults =>
    resultsOf(OUTLINE, byKey(cells(values)));

  it('names the cells that were refused and those that failed, and what was written', () => {
    const some = cells([1, 'no pages', 2]).map((cell, at) =>
      at === 4 ? failed(cell.key, 'a defect') : cell,
    );
    expect(sweepResultsText(resultsOf(OUTLINE, byKey(some)), 'out')).toBe(
      [
        'refused      linux-7.3 on orders, 1G, snp, seed 3: no pages',
        'failed       first-fit+block+immediate on orders, 1G, snp, seed 3: a defect',
        'written      out: results.csv (4 rows), results.json, cells.ndjson',
        '',
      ].join('\n'),
    );
  });

  it.each([5, 6, 8])('shows five of %i refused cells, and how many more there are', (count) => {
    const lines = sweepResultsText(results(Array(count).fill('no')), 'out').split('\n');
    expect(lines.filter((line) => line.includes('seed'))).toHaveLength(5);
    const more = `refused      ${count - 5} more cells; all are in results.json`;
    expect(lines.filter((line) => line.includes('more cells'))).toEqual(count > 5 ? [more] : []);
  });
});
