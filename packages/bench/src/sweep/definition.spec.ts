import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDefinition } from './definition.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const GOOD = {
  name: 'small',
  policies: ['linux-6.12', 'first-fit+block+immediate'],
  inputs: [{ workload: 'netvsc' }, { trace: 'dma.txt', memory: [{ state: 'before' }] }],
  seeds: [1, 2],
};

function read(definition: unknown) {
  const path = join(folder, 'sweep.json');
  writeFileSync(path, typeof definition === 'string' ? definition : JSON.stringify(definition));
  return readDefinition(path);
}

it('has 4 GiB after a boot, the own platform of each workload, and no settings by default', () => {
  expect(read(GOOD)).toMatchObject({
    ...GOOD,
    memory: ['4G'],
    platforms: ['default'],
    settings: {
      ...{ pcp: true, compaction: true, reclaim: true, granule: 4, wordAccess: true, nodes: 1 },
      ...{ swiotlbDynamic: false, restore: false },
    },
    workloadPerSeed: false,
    description: '',
  });
  expect(read({ ...GOOD, settings: { faults: { decrypt: 0.1 } } }).settings.faults).toEqual({
    ...{ seed: 1, decrypt: 0.1, encrypt: 0, converted: 0, retries: 1 },
  });
});

it.each([
  ['{"name": ', /sweep\.json: not JSON: /],
  [{ ...GOOD, seeds: [] }, /sweep\.json: seeds: /],
  [{ ...GOOD, seeds: [1, 1.5] }, /sweep\.json: seeds\[1\]: /],
  [{ ...GOOD, policies: ['genpool', 'genpool'] }, /policies\[1\]: "genpool" is there twice/],
  [{ ...GOOD, platforms: ['sev'] }, /platforms\[0\]: .*"snp"/],
  [{ ...GOOD, inputs: [{ workload: 'netvsc' }, {}] }, /inputs\[1\]: expected \{"workload": NAME\}/],
  [{ ...GOOD, memory: [4] }, /memory\[0\]: expected a size as in "4G"/],
  [{ ...GOOD, settings: { granule: 8 } }, /settings\.granule: /],
  [{ ...GOOD, settings: { faults: {} } }, /settings\.faults: nothing fails/],
  [{ ...GOOD, settings: { faults: { encrypt: 1, retries: 1001 } } }, /settings\.faults\.retries: /],
  [{ ...GOOD, colour: 'red' }, /sweep\.json: .*"colour"/],
])('tells the place of what is wrong in %j', (definition, message) => {
  expect(() => read(definition)).toThrow(message);
});

it('tells a file that is not there', () => {
  expect(() => readDefinition(join(folder, 'none.json'))).toThrow(/none\.json: cannot be read/);
});

describe('the limits of a definition', () => {
  const accepts = (changes: object) => {
    try {
      read({ ...GOOD, ...changes });
      return true;
    } catch {
      return false;
    }
  };
  const setting = (name: string) => (value: unknown) => accepts({ settings: { [name]: value } });
  const fault = (name: string) => (value: unknown) =>
    accepts({ settings: { faults: { decrypt: 0.5, [name]: value } } });
  const chance = { good: [0.1, 1], bad: [-0.1, 1.1, '1'] };

  it.each([
    {
      what: 'a seed',
      test: (seed: unknown) => accepts({ seeds: [seed] }),
      good: [0, 0xffffffff],
      bad: [-1, 2 ** 32, 0.5],
    },
    { what: 'a policy', test: (name: unknown) => accepts({ policies: [name] }), good: ['x'], bad: ['', 7] },
    {
      what: 'a name',
      test: (name: unknown) => accepts({ name }),
      good: ['a', 'A-1._'],
      bad: ['', 'a b', 'a/b'],
    },
    { what: 'nodes', test: setting('nodes'), good: [1, 8], bad: [0, 9, 1.5] },
    { what: 'the granule', test: setting('granule'), good: [4, 16, 64], bad: [0, 5, 17, 32, 65] },
    { what: 'the kernel', test: setting('kernel'), good: ['6.x', '6.12', '7.x'], bad: ['5.x'] },
    { what: 'the chance to decrypt', test: fault('decrypt'), ...chance },
    { what: 'the chance to encrypt', test: fault('encrypt'), ...chance, good: [0, ...chance.good] },
    {
      what: 'the chance that it was converted',
      test: fault('converted'),
      ...chance,
      good: [0, ...chance.good],
    },
    { what: 'retries', test: fault('retries'), good: [0, 1000], bad: [-1, 1001, 0.5] },
  ])('are kept by $what', ({ test, good, bad }) => {
    expect(good.filter((value) => !test(value))).toEqual([]);
    expect(bad.filter(test)).toEqual([]);
  });

  it('are not kept by faults of which none happens', () => {
    const faults = (chances: object) => accepts({ settings: { faults: chances } });
    expect([faults({ encrypt: 0.5 }), faults({ decrypt: 0.5 })]).toEqual([true, true]);
    expect([faults({ converted: 1 }), faults({ decrypt: 0, encrypt: 0 })]).toEqual([false, false]);
  });

  const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed);

  it('are a million cells: inputs, their memory and platforms, policies and seeds', () => {
    // 2 policies by the cells of two inputs: 2 states by 2 platforms of its own, and 1 by 1.
    const inputs = [{ workload: 'a', memory: ['1G', '2G'], platforms: ['snp', 'tdx'] }, { workload: 'b' }];
    expect(accepts({ inputs, seeds: seeds(100_000) })).toBe(true);
    expect(() => read({ ...GOOD, inputs, seeds: seeds(100_001) })).toThrow(
      /sweep\.json: it has 1000010 cells; expected at most 1000000/,
    );
  });

  it('are ten thousand workloads, if each seed has its own', () => {
    expect(accepts({ workloadPerSeed: true, seeds: seeds(5000) })).toBe(true);
    expect(() => read({ ...GOOD, workloadPerSeed: true, seeds: seeds(5001) })).toThrow(
      /"workloadPerSeed" makes 10002 workloads; expected at most 10000/,
    );
  });
});
