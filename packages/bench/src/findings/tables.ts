/** The tables of the findings, in Markdown. */
import { markdownTable } from 'markdown-table';
import { type MetricId, metricOf } from '../metrics/metric.ts';
import { formatRange, formatValue, type Unit } from '../text/units.ts';
import { ABLATIONS, POOL } from './ablation.ts';
import {
  dominatorsOf,
  type Grid,
  type GridRun,
  type GridScenario,
  seedsOf,
  servedValueOf,
  serves,
} from './grid.ts';
import { medianInterval, medianOf } from './uncertainty.ts';

/** Heading, alignment and cell of each column. */
type Columns<Row> = readonly (readonly [head: string, align: 'l' | 'r', cell: (row: Row) => string])[];

export const tableOf = <Row>(columns: Columns<Row>, rows: readonly Row[]): string =>
  markdownTable(
    [columns.map(([head]) => head), ...rows.map((row) => columns.map(([, , cell]) => cell(row)))],
    { align: columns.map(([, align]) => align), alignDelimiters: false },
  );

/** What a reader calls a policy: of a pool that differs from decpool in one rule, that rule. */
export function titleOf(policy: string): string {
  const ablation = ABLATIONS.find((known) => known.policy === policy);
  return ablation === undefined ? `\`${policy}\`` : `${POOL}, ${ablation.instead}`;
}

/** `35 (33..36)`: a median, and its interval if that is not a point. `-` if there is none. */
export function medianText(machines: readonly (readonly (readonly number[])[])[], unit: Unit): string {
  const median = medianOf(machines.flat(2));
  if (Number.isNaN(median)) return '-';
  const { low, high } = medianInterval(machines);
  const text = formatValue(median, unit);
  const isPoint = formatValue(low, unit) === formatValue(high, unit);
  return isPoint ? text : `${text} (${formatRange(low, high, unit)})`;
}

type Measure = (run: GridRun, policy: string) => number;

const measured =
  (metric: MetricId): Measure =>
  (run, policy) =>
    servedValueOf(run, policy, metric);

const overBound: Measure = (run, policy) =>
  servedValueOf(run, policy, 'blocks-peak') / run.scenario.bounds[run.seed];

/** A row for each policy. Medians are over the runs that it serves. */
export function policyTable(grid: Grid, policies: readonly string[]): string {
  const cell = (measure: Measure, unit: Unit) => (policy: string) =>
    medianText(
      grid.machines.map(({ scenarios }) =>
        scenarios.map((scenario) => seedsOf(scenario).map((run) => measure(run, policy))),
      ),
      unit,
    );
  const count = (holds: (run: GridRun, policy: string) => boolean) => (policy: string) =>
    String(grid.scenarios.filter((scenario) => seedsOf(scenario).every((run) => holds(run, policy))).length);
  return tableOf<string>(
    [
      ['policy', 'l', titleOf],
      ['serves', 'r', count(serves)],
      ['2M splits', 'r', cell(measured('splits-2m'), 'count')],
      ['mixed 2M, peak', 'r', cell(measured('mixed-peak'), 'count')],
      ['host calls', 'r', cell(measured('host-calls'), 'count')],
      ['shared-idle, mean', 'r', cell(measured('shared-idle-mean'), 'bytes')],
      ['boot pool idle', 'r', cell(measured('bounce-pool-idle-mean'), 'bytes')],
      ['blocks / lower bound', 'r', cell(overBound, 'ratio')],
      ['better', 'r', count((run, policy) => isBetter(run, policy, POOL))],
      ['worse', 'r', count((run, policy) => isBetter(run, POOL, policy))],
    ],
    policies,
  );
}

/** Whether a policy serves the run, and another does not or is dominated by it. */
function isBetter(run: GridRun, policy: string, other: string): boolean {
  if (policy === other || !serves(run, policy)) return false;
  return !serves(run, other) || dominatorsOf(run, other).includes(policy);
}

const LOST: readonly MetricId[] = ['failures', 'splits-2m', 'mixed-peak', 'host-calls', 'shared-idle-mean'];

/** Where a policy is better than decpool under every seed: because decpool refuses requests there, or in spite of none. */
interface Loss {
  readonly policy: string;
  readonly machines: readonly string[];
  readonly scenarios: readonly GridScenario[];
}

/** For each of the policies where it is better than decpool under every seed, and what differs: `host calls 1..7 > 0`. */
export function lossTable(grid: Grid, policies: readonly string[]): string {
  const losses = policies.flatMap((policy) =>
    [true, false].flatMap((isRefusing): Loss[] => {
      const isLost = (scenario: GridScenario) => {
        const runs = seedsOf(scenario);
        return (
          runs.every((run) => isBetter(run, policy, POOL)) &&
          runs.some((run) => !serves(run, POOL)) === isRefusing
        );
      };
      const scenarios = grid.scenarios.filter(isLost);
      const machines = grid.machines.flatMap(({ input, platform, scenarios: own }) => {
        const lost = own.filter(isLost);
        if (lost.length === 0) return [];
        const memory = lost.length === own.length ? '' : ` from ${lost.map((one) => one.memory).join(', ')}`;
        return [`${input} on ${platform}${memory}`];
      });
      return scenarios.length === 0 ? [] : [{ policy, machines, scenarios }];
    }),
  );
  return tableOf<Loss>(
    [
      ['better', 'l', ({ policy }) => titleOf(policy)],
      ['scenarios', 'r', ({ scenarios }) => String(scenarios.length)],
      ['machines', 'l', ({ machines }) => machines.join('; ')],
      [`${POOL} > the other`, 'l', differencesOf],
    ],
    losses,
  );
}

/** The metrics that differ, each with the range of its medians over the scenarios. */
const differencesOf = ({ policy, scenarios }: Loss): string =>
  LOST.flatMap((metric) => {
    const range = (of: string) => {
      const medians = scenarios.map(({ rows }) => medianOf(rows.get(of)?.get(metric)?.values ?? []));
      const [low, high] = [Math.min(...medians), Math.max(...medians)];
      const { unit } = metricOf(metric);
      return low === high ? formatValue(low, unit) : formatRange(low, high, unit);
    };
    const [own, other] = [range(POOL), range(policy)];
    return own === other ? [] : [`${metricOf(metric).label} ${own} > ${other}`];
  }).join('; ');
