import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@decpool/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RECORDINGS } from '../../files/testing.ts';
import { supplyReport } from './report.ts';
import { type SupplyResult, validateSupply } from './supply.ts';

const BUNDLED = fileURLToPath(new URL('../../../../../examples/traces/supply/', import.meta.url));
const FOLDERS = ['k61', 'k612', 'k73'].map((kernel) => join(BUNDLED, kernel));

const resultsOf = (folder: string) =>
  validateSupply(folder).filter((each): each is SupplyResult => !(each instanceof InputError));

describe('whole blocks of real kernels beside the model', () => {
  const results = FOLDERS.flatMap(resultsOf);
  const rowsOf = (wanted: string) => results.filter(({ state }) => state === wanted);

  it('have five states and three kernels', () => {
    expect([...new Set(results.map(({ state }) => state))]).toEqual([
      'fresh',
      'cache',
      'churn',
      'frag',
      'cachefrag',
    ]);
    expect(results).toHaveLength(32);
  });

  it('are within 15 %, but for known rows', () => {
    const { text, passes } = supplyReport(results);
    expect(passes).toBe(true);
    expect(text).toContain('32 rows: 27 within, 5 known, 0 different');
  });

  it('come from reclaim if memory is full of page cache, as many pages as the kernel reclaims', () => {
    for (const { flags, kernel, model } of rowsOf('cache')) {
      if (flags === 'thp') continue;
      for (const { got, byKswapd } of model) {
        expect(got).toBe(kernel.got);
        expect(Math.abs(byKswapd - kernel.byKswapd) / kernel.byKswapd).toBeLessThan(0.1);
      }
    }
  });

  it('end where nothing may wait and the watermarks are reached', () => {
    for (const { kernel, model } of results.filter(({ flags }) => flags === 'thp')) {
      for (const { got, stalls } of model) {
        expect(Math.abs(got - kernel.got)).toBeLessThan(2);
        expect(stalls).toBe(0);
      }
    }
  });

  it('are few if memory in use cannot move, and each other request waits in vain: three times, but where 7.3 defers compaction', () => {
    for (const { version, flags, wanted, kernel, model } of rowsOf('frag')) {
      const isDeferred = version.startsWith('7.3') && flags === 'kernel';
      for (const { got, byKswapd, directly, migrated, stalls } of model) {
        expect([byKswapd, directly, migrated]).toEqual([0, 0, 0]);
        if (isDeferred) expect(Math.abs(stalls - kernel.stalls)).toBeLessThan(10);
        else expect(stalls).toBe(3 * (wanted - got));
      }
    }
  });
});

describe('a folder of rows', () => {
  let folder: string;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'decpool-')), 'k61');
    mkdirSync(folder);
    for (const row of ['fresh-kernel', 'frag-kernel']) {
      cpSync(join(FOLDERS[0], 'supply', row), join(folder, 'supply', row), { recursive: true });
    }
  });
  afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

  const csv = readFileSync(join(FOLDERS[0], 'blocksupply.csv'), 'utf8').split('\n');
  const write = (...rows: string[]) =>
    writeFileSync(join(folder, 'blocksupply.csv'), [csv[0], ...rows, ''].join('\n'));
  const fresh = csv[1];

  it('fails if a row is neither within 15 % nor known', () => {
    write(fresh.replace('fresh,kernel,9,200,200', 'fresh,kernel,9,200,20'));
    const { text, passes } = supplyReport(resultsOf(folder));
    expect(passes).toBe(false);
    expect(text).toContain('DIFFERS');
  });

  it('reports other rows if the memory state of one is missing', () => {
    write(fresh, fresh.replace('kernel', 'noretry'));
    const results = validateSupply(folder);
    expect(results[0]).toMatchObject({ passes: true });
    expect(results[1]).toBeInstanceOf(InputError);
  });

  it('is refused with the line if a number is none', () => {
    write(fresh, fresh.replace('200,200', '200,many'));
    expect(() => validateSupply(folder)).toThrow(
      /blocksupply\.csv:3: got is 'many'; expected a whole number/,
    );
  });

  it('is refused if nothing names its kernel', () => {
    const other = join(folder, '..', 'other');
    write(fresh);
    cpSync(folder, other, { recursive: true });
    expect(() => validateSupply(other)).toThrow(/which kernel is it\? Expected a meta\.json in it/);
    writeFileSync(join(other, 'meta.json'), '{"kernel": "6.12.95"}');
    expect(validateSupply(other)[0]).toMatchObject({ version: '6.12.95', passes: true });
  });

  it('is refused without blocksupply.csv', () => {
    expect(() => validateSupply(folder)).toThrow(/no blocksupply\.csv in it/);
  });

  it('without iomem must be of a guest of 2 GiB', () => {
    write(fresh);
    const meminfo = join(folder, 'supply/fresh-kernel/before/meminfo');
    writeFileSync(meminfo, readFileSync(meminfo, 'utf8').replace(/MemTotal: +\d+/, 'MemTotal: 4012345'));
    const [result] = validateSupply(folder);
    expect(result).toBeInstanceOf(InputError);
    expect(`${result}`).toContain('only guests of 2 GiB are known');
  });
});

const own = RECORDINGS.flatMap((folder) =>
  ['k61', 'k612', 'k73'].map((kernel) => join(folder, kernel)),
).filter((folder) => existsSync(join(folder, 'blocksupply.csv')));

describe.skipIf(own.length === 0)('the rows in $DECPOOL_RECORDINGS', () => {
  it.each(own)('%s: are within 15 % or known', (folder) => {
    const failed = validateSupply(folder).filter((row) => row instanceof InputError || !row.passes);
    expect(failed).toEqual([]);
  });
});
