/** A part of a sweep that is small enough to run in seconds: the appendix must agree with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDefinition, type SweepDefinition } from '../sweep/definition.ts';
import { SweepFolder } from '../sweep/folder.ts';
import { outlineOf } from '../sweep/plan.ts';
import { planOf } from '../sweep/prepare.ts';
import { sweep } from '../sweep/sweep.ts';
import { onThreads } from '../sweep/threads.ts';
import { scenarioSection } from './appendix.ts';
import { type GridScenario, gridOf } from './grid.ts';

/**
 * The inputs with the fewest requests, each from one memory state: those that are recorded take turns, as they are small. Inputs
 * without such a state come last. All policies and seeds run, so a scenario has the figures that it has in the whole sweep.
 */
export async function subsetOf(
  definition: SweepDefinition,
  path: string,
  scenarios: number,
): Promise<SweepDefinition> {
  const { inputs, memory, platforms, seeds } = definition;
  const [first] = seeds;
  const once = { ...definition, seeds: [first], workloadPerSeed: false };
  const sized = await Promise.all(
    inputs.map(async (input) => {
      const all = input.memory ?? memory;
      const recorded = all.filter((one) => typeof one === 'object' && 'state' in one);
      const plan = await planOf({ ...once, inputs: [{ ...input, memory: ['64M'] }] }, path);
      return {
        input,
        states: recorded.length > 0 ? recorded : all,
        isRecorded: recorded.length > 0,
        requests: plan.scenarios[0].inputs.get(first)?.facts.requests ?? 0,
      };
    }),
  );
  return {
    ...definition,
    inputs: sized
      .toSorted((a, b) => Number(b.isRecorded) - Number(a.isRecorded) || a.requests - b.requests)
      .slice(0, scenarios)
      .map(({ input, states }, at) => ({
        ...input,
        memory: [states[at % states.length]],
        platforms: (input.platforms ?? platforms).slice(0, 1),
      })),
  };
}

/** Runs so many scenarios of a sweep, in a folder that is removed afterwards. Undefined if it was stopped. */
export async function runSubset(
  path: string,
  scenarios: number,
  { workers, ...options }: { readonly workers: number; readonly signal?: AbortSignal },
): Promise<readonly GridScenario[] | undefined> {
  const plan = await planOf(await subsetOf(readDefinition(path), path, scenarios), path);
  const scratch = mkdtempSync(join(tmpdir(), 'decpool-findings-'));
  try {
    const folder = await SweepFolder.open(scratch, { identity: plan.identity, outline: outlineOf(plan) });
    const results = await sweep(plan, folder, { ...options, engine: onThreads(workers) });
    folder.close();
    return results && gridOf(results).scenarios;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The lines of a scenario's section that an appendix does not have. */
export function missingLines(scenario: GridScenario, appendix: string): string[] {
  const { input, platform, memory } = scenario;
  const [, machine = ''] = appendix.split(`## ${input} on ${platform}\n`);
  const [own] = machine.split('\n## ');
  const [, rest = ''] = own.split(`### ${memory}\n`);
  const there = new Set(rest.split('\n### ')[0].split('\n'));
  return scenarioSection(scenario)
    .split('\n')
    .slice(1)
    .filter((line) => line !== '' && !there.has(line));
}
