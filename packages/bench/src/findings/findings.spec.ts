import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METRICS, type MetricId } from '../metrics/metric.ts';
import { SweepFolder } from '../sweep/folder.ts';
import { prepareSweep } from '../sweep/prepare.ts';
import type { SweepResults, SweepRow } from '../sweep/results.ts';
import { sweep } from '../sweep/sweep.ts';
import { boundsOfInputs } from './bounds.ts';
import { findingsPage, scenarioSection } from './page.ts';
import { bestOf, type PolicyFigures, type ScenarioFigures, scenariosOf } from './scenarios.ts';
import { doesGroupingPay, factorOf, summaryOf } from './summary.ts';

const path = (name: string) => fileURLToPath(new URL(`../../../../${name}`, import.meta.url));

type Medians = { readonly [Id in MetricId]?: number };

/** A policy that came to these medians, whatever the seed. */
const figures = (policy: string, medians: Medians): PolicyFigures => ({
  policy,
  rows: new Map(
    METRICS.flatMap(({ id }) => {
      const median = medians[id];
      return median === undefined
        ? []
        : [[id, { metric: id, median, min: median, max: median } as SweepRow] as const];
    }),
  ),
});
const scenario = (...serving: ScenarioFigures['serving']): ScenarioFigures => ({
  input: 'x',
  memory: '4G',
  platform: 'snp',
  serving,
  refusing: [],
});
const KERNEL = figures('linux-7.3', { 'splits-2m': 5, 'mixed-peak': 5, 'host-calls': 100 });

describe('grouping', () => {
  const pays = (medians: Medians) =>
    doesGroupingPay(scenario(KERNEL, figures('first-fit+block+immediate', medians)));

  it('pays where a pool is as good in everything, and better in one', () => {
    expect(pays({ 'splits-2m': 0, 'mixed-peak': 5, 'host-calls': 100 })).toBe(true);
  });

  it('does not where it only trades one for the other, or changes nothing', () => {
    expect(pays({ 'splits-2m': 0, 'mixed-peak': 0, 'host-calls': 101 })).toBe(false);
    expect(pays({ 'splits-2m': 5, 'mixed-peak': 5, 'host-calls': 100 })).toBe(false);
    expect(doesGroupingPay(scenario(KERNEL))).toBe(false);
  });

  it('is not said to pay where no kernel serves the scenario', () => {
    expect(doesGroupingPay(scenario(figures('first-fit+block+immediate', { 'splits-2m': 0 })))).toBe(false);
  });
});

describe('what matters in a pool', () => {
  it('is told by pools that differ in that part only', () => {
    const all = [
      scenario(
        figures('first-fit+block+immediate', { 'host-calls': 100 }),
        figures('first-fit+block+never-return', { 'host-calls': 10 }),
        figures('best-fit+block+immediate', { 'host-calls': 120 }),
        figures('best-fit+page+immediate', { 'host-calls': 9999 }),
      ),
    ];
    expect(factorOf('supply', 'host-calls', all)).toBe(10);
    expect(factorOf('placement', 'host-calls', all)).toBeCloseTo(1.2);
  });
});

describe('the summary', () => {
  it('counts scenarios that a policy served, and those in which nothing is better throughout', () => {
    const better = figures('first-fit+block+immediate', { 'splits-2m': 0, 'host-calls': 1 });
    const [first, second] = summaryOf(
      ['linux-7.3', 'first-fit+block+immediate'],
      [scenario(KERNEL, better), scenario(better)],
    );
    expect(first).toMatchObject({ policy: 'first-fit+block+immediate', served: 2, undominated: 2 });
    expect(second).toMatchObject({ policy: 'linux-7.3', served: 1, undominated: 0 });
  });

  it('finds all that share the smallest median', () => {
    const all = [
      figures('a', { borders: 2 }),
      figures('b', { borders: 1 }),
      figures('c', { borders: 1 }),
      figures('d', {}),
    ];
    expect(bestOf(all, 'borders')).toMatchObject({ policies: ['b', 'c'], row: { median: 1 } });
  });
});

describe('docs/findings.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-findings-'));
  let results: SweepResults | undefined;
  let text = '';

  // The cheapest scenarios of the committed sweep, with all its policies and seeds.
  beforeAll(async () => {
    const definition = JSON.parse(readFileSync(path('examples/sweeps/findings.json'), 'utf8'));
    const file = join(folder, 'part.json');
    const inputs = [{ workload: 'its-storm', platforms: ['cca'] }, { workload: 'tdx-vm' }];
    const memory = [{ state: path('examples/traces/exact/k73/fresh-mix-1') }];
    writeFileSync(file, JSON.stringify({ ...definition, inputs, memory }));
    const plan = await prepareSweep(file);
    const sweepFolder = await SweepFolder.open(join(folder, 'sweep'), plan);
    results = await sweep(plan, sweepFolder, { workers: 1 });
    sweepFolder.close();
    if (results !== undefined)
      text = findingsPage(results, boundsOfInputs(plan, results), 'decpool findings part.json');
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('says what these scenarios come to now', () => {
    const committed = readFileSync(path('docs/findings.md'), 'utf8');
    const scenarios = results === undefined ? [] : scenariosOf(results);
    expect(scenarios).toHaveLength(2);
    for (const each of scenarios) {
      expect(committed).toContain(scenarioSection(each));
    }
  });

  it('has the answer, the policies, the bounds and how sure they are, in that order', () => {
    const headings = [...text.matchAll(/^##? (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      'Findings: which policy should the kernel build?',
      'The answer',
      'Policies over all scenarios',
      'Where grouping does not pay, or nothing can be compared',
      'How far from the optimum',
      'How sure the figures are',
      'Scenario by scenario',
    ]);
    expect(text).not.toMatch(/undefined|NaN|Infinity/);
  });
});
