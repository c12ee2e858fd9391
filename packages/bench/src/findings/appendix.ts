/** docs/findings-scenarios.md: the figures of each scenario. */
import { markdownTable } from 'markdown-table';
import { type MetricId, metricOf } from '../metrics/metric.ts';
import { formatValue } from '../text/units.ts';
import { POOL } from './ablation.ts';
import { type Grid, type GridMachine, type GridScenario, seedsOf, servedValueOf, serves } from './grid.ts';
import { medianText, titleOf } from './tables.ts';
import { CONFIDENCE, medianOf, SIGNIFICANCE, verdictOf } from './uncertainty.ts';

const SHOWN: readonly MetricId[] = [
  'splits-2m',
  'mixed-peak',
  'blocks-peak',
  'host-calls',
  'shared-idle-mean',
  'full-flushes',
  'bounce-pool-idle-mean',
];

/** `command`: what makes this page anew. */
export function appendix(grid: Grid, command: string): string {
  const head = `# Findings, scenario by scenario

The appendix of [findings.md](findings.md). \`${command}\` makes this page; do not edit it.

A cell is the median over ${grid.seeds} seeds. Its ${100 * CONFIDENCE} % interval follows if it is not one value. \`<\`: clearly less than decpool, \`>\`: clearly more (paired sign test over the
seeds, ${100 * SIGNIFICANCE} % for each comparison).

| column | |
| :- | :- |
| refused | requests refused. A policy that refuses more than another has no other figures: it had less to do |
| serves (in findings.md) | scenarios in which no policy refuses fewer requests, under any seed. Policies that serve different runs cannot be compared by their medians |
| better, worse (in findings.md) | scenarios in which, under every seed, the policy serves what decpool refuses, or is at least as good in 2M splits, mixed ranges, idle memory and host calls, and better in one; and the reverse |
| shared-idle, mean | memory that is shared and no request uses, mean over the run: the policy's, and that of the atomic DMA pools, unless the policy replaces them as \`genpool\`, \`swiotlb\` and pools with a reserve do |
| boot pool idle (boot bounce pool idle, mean) | the same of swiotlb's boot pool, which every guest has. Slots that requests take are not idle |
| blocks / lower bound (in findings.md) | below 1 if slots of swiotlb serve requests: the bound is for policies that use blocks for all |

The interval of a median in findings.md is over memory states and seeds.
`;
  return [head, ...grid.machines.map(machineSection)].join('\n');
}

const machineSection = ({ input, platform, scenarios }: GridMachine): string =>
  [`## ${input} on ${platform}\n`, ...scenarios.map(scenarioSection)].join('\n');

/** The section of one scenario, with a line break at its end. */
export function scenarioSection(scenario: GridScenario): string {
  const runs = seedsOf(scenario);
  const bound = medianOf(scenario.bounds);
  const rows = [...scenario.rows.keys()].map((policy) => {
    const refused = scenario.rows.get(policy)?.get('failures')?.values ?? [];
    if (!runs.every((run) => serves(run, policy))) {
      return [titleOf(policy), formatValue(medianOf(refused), 'count'), ...SHOWN.map(() => '')];
    }
    const cells = SHOWN.map((metric) => {
      const values = (of: string) => runs.map((run) => servedValueOf(run, of, metric));
      const verdict = policy === POOL ? 'equal' : verdictOf(values(policy), values(POOL));
      const mark = verdict === 'clearly less' ? '< ' : verdict === 'clearly more' ? '> ' : '';
      return `${mark}${medianText([[values(policy)]], metricOf(metric).unit)}`;
    });
    return [titleOf(policy), formatValue(medianOf(refused), 'count'), ...cells];
  });
  const head = ['policy', 'refused', ...SHOWN.map((id) => metricOf(id).label)];
  const table = markdownTable([head, ...rows], {
    align: ['l', ...head.slice(1).map(() => 'r')],
    padding: true,
    alignDelimiters: false,
  });
  return `### ${scenario.memory}\n\nLower bound of blocks at peak: ${formatValue(bound, 'count')}.\n\n${table}\n`;
}
