import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
    settings: { pcp: true, compaction: true, reclaim: true, granule: 4, wordAccess: true, nodes: 1 },
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
  [
    { ...GOOD, seeds: Array.from({ length: 250_001 }, (_, seed) => seed) },
    /sweep\.json: it has 1000004 cells; expected at most 1000000/,
  ],
  [
    { ...GOOD, workloadPerSeed: true, seeds: Array.from({ length: 5001 }, (_, seed) => seed) },
    /"workloadPerSeed" makes 10002 workloads; expected at most 10000/,
  ],
  [{ ...GOOD, colour: 'red' }, /sweep\.json: .*"colour"/],
])('tells the place of what is wrong in %j', (definition, message) => {
  expect(() => read(definition)).toThrow(message);
});

it('tells a file that is not there', () => {
  expect(() => readDefinition(join(folder, 'none.json'))).toThrow(/none\.json: cannot be read/);
});
