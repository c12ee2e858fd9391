import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { changeText } from './equivalent.ts';
import type { Mutant } from './mutants.ts';
import { type Outcome, tableOf } from './table.ts';
import { trial } from './trial.ts';

const FIXTURE = 'scripts/mutate/fixture';
const settings = {
  module: 'clamp',
  sources: [`${FIXTURE}/clamp.ts`],
  specs: [`${FIXTURE}/clamp.spec.ts`, `${FIXTURE}/widest.spec.ts`],
  triesEquivalent: false,
  each: 20,
  seconds: 100,
};
const changes = (mutants: readonly Mutant[]) =>
  mutants.map((mutant) => `${mutant.line}: ${changeText(mutant)}`).sort();

const before = process.cwd();
let outcome: Outcome;
beforeAll(async () => {
  process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
  outcome = await trial(settings);
});
afterAll(() => process.chdir(before));

it('tells which mutants no test finds, and which none reaches', () => {
  expect(changes(outcome.survivors)).toEqual([
    '5: value < LEAST -> value <= LEAST',
    '6: value > most -> value >= most',
  ]);
  expect(changes(outcome.unreached)).toEqual(['16: 1 -> 1 + 1', '16: value + 1 -> value - 1']);
  expect(outcome.untried).toEqual([]);
  expect(outcome.found).toBe(outcome.mutants.length - 4);
});

it('finds by a spec that only reads what a module has made', () => {
  expect(changes(outcome.mutants)).toContain('19: 7 -> 7 + 1');
});

it('prints a row of them', () => {
  expect(
    tableOf([{ ...outcome, seconds: 1 }])
      .split('\n')
      .at(-1),
  ).toBe(
    `| clamp | ${outcome.mutants.length} | 0 | 2 | ${outcome.found} | 2 | 0 | ${((100 * outcome.found) / (outcome.found + 2)).toFixed(1)} % | 1 |`,
  );
});

it('what was not tried with all tests is no survivor, and counts as not found', async () => {
  const late = await trial({ ...settings, each: 0 });
  expect(late.untried.length).toBeGreaterThan(0);
  expect(late.found + late.survivors.length + late.untried.length).toBe(outcome.mutants.length - 2);
  const row = tableOf([late]).split('\n').at(-1)?.split(' | ') ?? [];
  expect(row[7]).toBe(`${((100 * late.found) / (outcome.mutants.length - 2)).toFixed(1)} %`);
});
