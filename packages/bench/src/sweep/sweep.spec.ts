import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { platformNamed } from '@decpool/model';
import { aged, freshBoot } from '@decpool/pool';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compare } from '../compare/compare.ts';
import { importTrace } from '../traces/import.ts';
import { workloadNamed } from '../workloads/registry.ts';
import { readSweepResults } from './results.ts';
import { CELLS, DEFINITION, FAULTS, POLICIES, type Run, SEEDS, SweepFiles } from './testing.ts';

let files: SweepFiles;
const scratch = (...names: string[]) => files.scratch(...names);
const sweep = (out: string, workers: number, definition?: string) => files.sweep(out, workers, definition);
const cellsIn = (out: string) => files.cellsIn(out);
const resultsOf = (out: string) => files.resultsOf(out);

/** Starts a sweep, sends it a signal once so many cells are finished, and waits for its end. */
async function sweepUntil(out: string, finished: number, signal: 'SIGKILL' | 'SIGINT') {
  const child = spawn(process.execPath, files.argumentsFor(out, 2), { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  const end = once(child, 'close');
  while (cellsIn(out).length < finished && child.exitCode === null) await setTimeout(5);
  child.kill(signal);
  const [code, by] = await end;
  return { code, by, stdout };
}

let whole: Run;
beforeAll(async () => {
  files = new SweepFiles();
  whole = await sweep('whole', 1);
});
afterAll(() => files.remove());

it('runs every cell, and keeps those apart that were refused', () => {
  expect(whole.code).toBe(0);
  expect(whole.stdout).toContain(
    `5 scenarios (input, memory, platform) x 5 policies x ${SEEDS} seeds = ${CELLS} cells`,
  );
  expect(whole.stdout).toMatch(/refused {6}broken on orders, 1G, snp, seed 3: .*not today/);
  const results = readSweepResults(scratch('whole/results.json'));
  expect(results.runs).toHaveLength(CELLS);
  expect(results.policies).toEqual([...POLICIES, 'broken']);
  expect(results.runs.filter((run) => 'refused' in run).map(({ policy }) => policy)).toEqual(
    Array(5 * SEEDS).fill('broken'),
  );
  expect(new Set(results.rows.map(({ policy }) => policy))).toEqual(new Set(POLICIES));
});

const SOME = { policies: ['linux-7.3', 'first-fit+block+immediate'], seeds: [3, 4] };

it.each([
  {
    index: 0,
    input: { trace: 'traces/orders.txt' },
    workload: async () => (await importTrace(scratch('traces/orders.txt'))).workload,
  },
  // Generated from the first seed.
  {
    index: 1,
    input: { workload: 'its-storm' },
    workload: async () => workloadNamed('its-storm').generate({ seed: 3 }),
  },
])('a cell is the run that compare does: $input', async ({ index, input, workload }) => {
  const definition = { name: 'same', ...SOME, inputs: [input], memory: ['256M:aged'], platforms: ['snp'] };
  writeFileSync(
    scratch('same.json'),
    JSON.stringify({
      ...definition,
      settings: { kernel: '7.x', compaction: false, reclaim: false, faults: FAULTS },
    }),
  );
  const [comparison, { code }] = await Promise.all([
    compare({
      name: 'same',
      workload: await workload(),
      memory: aged(256 * 2 ** 20, 3, 1),
      platform: platformNamed('snp'),
      pageSource: { kernel: '7.x', perCpuLists: true, compaction: false },
      faults: FAULTS,
      ...SOME,
      notes: [],
    }),
    sweep(`same-${index}`, 1, 'same.json'),
  ]);
  expect(code).toBe(0);
  const { runs, rows } = readSweepResults(scratch(`same-${index}`, 'results.json'));
  for (const { policy, runs: expected, metrics } of comparison.policies) {
    expect(runs.filter((run) => run.policy === policy)).toMatchObject(expected);
    const spreads = rows
      .filter((row) => row.policy === policy)
      // A comparison leaves out the ratios of a policy that refused requests.
      .filter((row) => metrics.some(({ metric }) => metric.id === row.metric))
      .map(({ metric, median, min, max, values }) => [metric, { median, min, max, values }]);
    expect(spreads).toEqual(metrics.map(({ metric, spread }) => [metric.id, spread]));
  }
});

it('generates a workload from each seed if it is told to, as compare does with that seed', async () => {
  const definition = { name: 'per-seed', ...SOME, inputs: [{ workload: 'its-storm' }], memory: ['256M'] };
  writeFileSync(
    scratch('per-seed.json'),
    JSON.stringify({ ...definition, platforms: ['cca'], workloadPerSeed: true }),
  );
  expect(await sweep('per-seed', 1, 'per-seed.json')).toMatchObject({ code: 0 });
  const { runs, inputs, rows } = readSweepResults(scratch('per-seed', 'results.json'));
  expect(inputs.map(({ name, seed }) => [name, seed])).toEqual([
    ['its-storm', 3],
    ['its-storm', 4],
  ]);
  for (const [at, seed] of SOME.seeds.entries()) {
    const comparison = await compare({
      name: 'one seed',
      workload: workloadNamed('its-storm').generate({ seed }),
      memory: freshBoot(256 * 2 ** 20),
      platform: platformNamed('cca'),
      pageSource: { kernel: '7.x', perCpuLists: true, compaction: true, reclaim: true },
      ...SOME,
      ...{ seeds: [seed], notes: [] },
    });
    for (const { policy, runs: expected, metrics } of comparison.policies) {
      expect(runs.filter((run) => run.policy === policy && run.seed === seed)).toMatchObject(expected);
      const calls = metrics.find(({ metric }) => metric.id === 'host-calls')?.spread.median;
      const row = rows.find((one) => one.policy === policy && one.metric === 'host-calls');
      expect(row?.values[at]).toBe(calls);
    }
  }
});

it('comes to the same bytes with two workers, however often it was stopped and killed', async () => {
  const stopped = await sweepUntil('killed', 5, 'SIGINT');
  expect(stopped).toMatchObject({ code: 130, by: null });
  expect(stopped.stdout).toMatch(
    /interrupted {2}\d+ of 150 cells are done and kept in .*killed; run the same/,
  );
  expect(existsSync(scratch('killed/lock'))).toBe(false);
  for (const moment of [30, 70]) {
    const before = cellsIn('killed');
    expect(await sweepUntil('killed', moment, 'SIGKILL')).toMatchObject({ by: 'SIGKILL' });
    expect(cellsIn('killed').slice(0, before.length)).toEqual(before);
  }
  const kept = cellsIn('killed').length;
  expect(kept).toBeGreaterThanOrEqual(70);
  const last = await sweep('killed', 2);
  expect(last).toMatchObject({ code: 0 });
  expect(last.stdout).toContain(`resumed      ${kept} cells were already done\n`);
  expect(cellsIn('killed')).toHaveLength(CELLS);
  expect(resultsOf('killed')).toEqual(resultsOf('whole'));
}, 120_000);

it('drops a last line that was cut off, says so, and runs its cell again', async () => {
  const file = scratch('whole/cells.ndjson');
  const before = resultsOf('whole');
  truncateSync(file, readFileSync(file).length - 20);
  const { code, stdout } = await sweep('whole', 2);
  expect(code).toBe(0);
  expect(stdout).toContain(`resumed      ${CELLS - 1} cells were already done\n`);
  expect(stdout).toContain('resumed      the last line of cells.ndjson was cut off; its cell runs again\n');
  expect(cellsIn('whole')).toHaveLength(CELLS);
  expect(resultsOf('whole')).toEqual(before);
});

it('refuses a folder of another sweep, of something else, or in which a sweep runs', async () => {
  writeFileSync(scratch('other.json'), JSON.stringify({ ...DEFINITION, seeds: [3] }));
  mkdirSync(scratch('strange'));
  writeFileSync(scratch('strange/letter.txt'), 'Dear reader');
  mkdirSync(scratch('busy'));
  writeFileSync(scratch('busy/lock'), `${process.pid}\n`);
  const [other, strange, busy] = await Promise.all([
    sweep('whole', 1, 'other.json'),
    sweep('strange', 1),
    sweep('busy', 1),
  ]);
  expect(other).toMatchObject({ code: 2, stdout: '' });
  expect(other.stderr).toContain('belongs to a different sweep (its definition differs)');
  expect(strange).toMatchObject({ code: 2, stdout: '' });
  expect(strange.stderr).toContain(
    "strange: not the folder of a sweep (it has 'letter.txt', but no sweep.json)",
  );
  expect(busy).toMatchObject({ code: 2, stdout: '' });
  expect(busy.stderr).toContain(`process ${process.pid} is writing to it`);
});

it('tells the place of what the definition names and there is not, and the line of what is no cell', async () => {
  const wrong = { ...DEFINITION, inputs: [{ workload: 'netvsc' }, { workload: 'netvcs' }] };
  writeFileSync(scratch('wrong.json'), JSON.stringify(wrong));
  const { code, stderr } = await sweep('wrong', 1, 'wrong.json');
  expect(code).toBe(2);
  expect(stderr).toMatch(/wrong\.json: inputs\[1\]: unknown workload 'netvcs'.*'netvsc'/);
  expect(existsSync(scratch('wrong'))).toBe(false);

  appendFileSync(scratch('whole/cells.ndjson'), '{"key":"x"}\n');
  const spoilt = await sweep('whole', 1);
  expect(spoilt.code).toBe(2);
  expect(spoilt.stderr).toContain(`cells.ndjson:${CELLS + 1}: not a cell of a sweep: `);
});
