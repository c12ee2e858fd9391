/** docs/findings.md: page.md filled with the figures of a sweep, for somebody who is about to write the pool in C. */
import { readFileSync } from 'node:fs';
import { markdownTable } from 'markdown-table';
import { resourceUrl } from '../files/resource.ts';
import { type MetricId, metricOf } from '../metrics/metric.ts';
import type { SweepResults, SweepRow } from '../sweep/results.ts';
import { present } from '../text/listed.ts';
import { filledTemplate } from '../text/template.ts';
import { formatRange, formatValue } from '../text/units.ts';
import type { InputBounds } from './bounds.ts';
import {
  bestOf,
  COMPARED,
  comparedOf,
  isPool,
  medianOf,
  poolsOf,
  type ScenarioFigures,
  scenariosOf,
} from './scenarios.ts';
import { doesGroupingPay, factorOf, GAINS, type PolicySummary, partsOf, summaryOf } from './summary.ts';

const SHOWN: readonly MetricId[] = [
  'splits-2m',
  'mixed-peak',
  'blocks-peak',
  'block-seconds',
  'shared-idle-byte-seconds',
  'host-calls',
  'full-flushes',
];

/** `command`: what makes this page anew. */
export function findingsPage(results: SweepResults, bounds: readonly InputBounds[], command: string): string {
  const { definition, policies, memory } = results;
  const scenarios = scenariosOf(results);
  const summary = summaryOf(policies, scenarios);
  const lost = scenarios.filter((scenario) => !doesGroupingPay(scenario));
  return filledTemplate(readFileSync(resourceUrl('findings.md'), 'utf8'), {
    command,
    inputs: definition.inputs.length,
    'memory-states': memory.length,
    scenarios: scenarios.length,
    policies: policies.length,
    seeds: definition.seeds.length,
    'seed-list': definition.seeds.join(', '),
    'first-seed': definition.seeds[0],
    ...splitFigures(scenarios),
    paying: scenarios.length - lost.length,
    ...candidateFigures(scenarios, summary),
    ...partFigures(scenarios),
    'policy-table': tableOf(POLICY_COLUMNS, summary),
    'without-gain':
      lost.map((scenario) => `- ${nameOf(scenario)}: ${whyNot(scenario)}`).join('\n') ||
      'Nowhere in these scenarios.',
    ...boundFigures(scenarios, bounds),
    ...verdictFigures(scenarios),
    'scenario-sections': scenarios.map(scenarioSection).join('\n\n'),
  });
}

/** How many scenarios are split under what. A policy that refuses requests does not serve, so it counts as splitting. */
function splitFigures(scenarios: readonly ScenarioFigures[]) {
  const splitting = scenarios.filter(({ serving }) =>
    serving.some((figures) => medianOf(figures, 'splits-2m') > 0),
  );
  const unsplit = (isMeant: (policy: string) => boolean) =>
    splitting.filter(({ serving }) =>
      serving.some((figures) => isMeant(figures.policy) && medianOf(figures, 'splits-2m') === 0),
    ).length;
  return {
    splitting: splitting.length,
    'unsplit-by-block-pools': unsplit((policy) => partsOf(policy)?.conversion === 'block'),
    'unsplit-by-page-pools': unsplit((policy) => partsOf(policy)?.conversion === 'page'),
    'unsplit-by-linux-7.3': unsplit((policy) => policy === 'linux-7.3'),
    'unsplit-by-gfp-decrypted': unsplit((policy) => policy === 'gfp-decrypted'),
  };
}

/** The pools that are best in something, of those that serve every scenario if there are any. */
function candidateFigures(scenarios: readonly ScenarioFigures[], summary: readonly PolicySummary[]) {
  const pools = summary.filter(isPool);
  const full = pools.filter(({ served }) => served === scenarios.length);
  const candidates = full.length > 0 ? full : pools;
  const [reliable] = candidates;
  const [strongest] = candidates.toSorted((a, b) => b.undominated - a.undominated);
  const [sparing] = candidates.toSorted((a, b) => a.idleMean - b.idleMean);
  return {
    candidates:
      full.length > 0
        ? 'Of the pools that serve every scenario'
        : 'No pool serves every scenario. Of all pools',
    strongest: strongest.policy,
    'strongest-undominated': strongest.undominated,
    'strongest-served': strongest.served,
    sparing: sparing.policy,
    'sparing-served': sparing.served,
    'sparing-idle': formatValue(sparing.idleMean, 'bytes'),
    reliable: reliable.policy,
    'reliable-served': reliable.served,
  };
}

/** How much the supply and the placement matter, and in how many scenarios a reserve does. */
function partFigures(scenarios: readonly ScenarioFigures[]) {
  const factor = (part: 'placement' | 'supply', metric: MetricId) =>
    `x${short(factorOf(part, metric, scenarios))}`;
  const hasReserve = ({ policy }: { readonly policy: string }) =>
    partsOf(policy)?.supply.startsWith('reserve') === true;
  return {
    'supply-host-calls': factor('supply', 'host-calls'),
    'supply-idle': factor('supply', 'shared-idle-byte-seconds'),
    'placement-host-calls': factor('placement', 'host-calls'),
    'placement-idle': factor('placement', 'shared-idle-byte-seconds'),
    'reserve-serves': scenarios.filter(
      ({ serving, refusing }) =>
        serving.some(hasReserve) && refusing.some((pool) => isPool(pool) && !hasReserve(pool)),
    ).length,
  };
}

/** Two digits are all that a median over scenarios is good for. */
const short = (value: number): string => String(Number(value.toPrecision(2)));

/** Heading, alignment and cell of each column. */
type Columns<Row> = readonly (readonly [head: string, align: 'l' | 'r', cell: (row: Row) => string])[];

const tableOf = <Row>(columns: Columns<Row>, rows: readonly Row[]): string =>
  markdownTable(
    [columns.map(([head]) => head), ...rows.map((row) => columns.map(([, , cell]) => cell(row)))],
    { align: columns.map(([, align]) => align) },
  );

const POLICY_COLUMNS: Columns<PolicySummary> = [
  ['policy', 'l', ({ policy }) => `\`${policy}\``],
  ['served', 'r', ({ served }) => String(served)],
  ['undominated', 'r', ({ undominated }) => String(undominated)],
  ['2M splits', 'r', ({ splits }) => formatValue(splits, 'count')],
  ['mixed 2M, peak', 'r', ({ mixed }) => formatValue(mixed, 'count')],
  ['host calls / linux-7.3', 'r', ({ hostCallsRatio: ratio }) => (ratio === 0 ? '' : `x${short(ratio)}`)],
  ['shared-idle, mean', 'r', ({ idleMean }) => formatValue(idleMean, 'bytes')],
  [
    'blocks peak / lower bound',
    'r',
    ({ blocksRatio }) => (blocksRatio === 0 ? '' : formatValue(blocksRatio, 'ratio')),
  ],
];

/** The figures in which a kernel or the prototype is better than the best pool, or that nothing is gained. */
function whyNot(scenario: ScenarioFigures): string {
  const kernels = comparedOf(scenario);
  const pools = poolsOf(scenario);
  if (pools.length === 0) return 'no pool serves what other policies serve';
  if (kernels.length === 0) return 'neither the kernels nor the prototype serve what a pool serves';
  const worse = GAINS.flatMap((id) => {
    const kernel = bestOf(kernels, id);
    const pool = bestOf(pools, id);
    if (kernel === undefined || pool === undefined || kernel.row.median >= pool.row.median) return [];
    return [
      `${kernel.policies[0]} has ${formatValue(kernel.row.median, kernel.row.unit)} ${GAIN_NAMES[id]}, the best pool ${formatValue(pool.row.median, pool.row.unit)}`,
    ];
  });
  return worse.join('; ') || 'no single pool is as good in splits, mixed ranges and host calls together';
}

const GAIN_NAMES: Readonly<Record<(typeof GAINS)[number], string>> = {
  'splits-2m': '2M splits',
  'mixed-peak': 'mixed 2M ranges at peak',
  'host-calls': 'host calls',
};

function boundFigures(scenarios: readonly ScenarioFigures[], bounds: readonly InputBounds[]) {
  /** The smallest median of a pool in the scenarios of an input. */
  const best = (input: string, metric: MetricId) =>
    Math.min(
      ...scenarios
        .filter((scenario) => scenario.input === input)
        .map((scenario) => bestOf(poolsOf(scenario), metric)?.row.median ?? Number.POSITIVE_INFINITY),
    );
  const ratio = ({ upper, lower }: InputBounds['blocksPeak']) =>
    lower === 0 ? '' : formatValue(upper / lower, 'ratio');
  const columns: Columns<InputBounds> = [
    ['input', 'l', ({ input }) => input],
    ['blocks at peak', 'r', ({ blocksPeak: { lower, upper } }) => formatRange(lower, upper, 'count')],
    ['upper / lower', 'r', ({ blocksPeak }) => ratio(blocksPeak)],
    ['best pool / lower', 'r', ({ input }) => formatValue(best(input, 'blocks-peak-ratio'), 'ratio')],
    ['block-s: upper / lower', 'r', ({ blockSeconds }) => ratio(blockSeconds)],
    ['best pool / lower', 'r', ({ input }) => formatValue(best(input, 'block-seconds-ratio'), 'ratio')],
    ['upper bound from', 'l', ({ blocksPeak }) => blocksPeak.from],
  ];
  return {
    'bounds-table': tableOf(columns, bounds),
    'far-from-optimum': bounds
      .flatMap((bound) => whyFar(bound, best(bound.input, 'blocks-peak-ratio')))
      .join('\n'),
  };
}

/** What the aims of 1.05 for the packing and 1.10 for a pool are missed by, and why; nothing if both are met. */
function whyFar({ input, blocksPeak, pagesPeak = 0 }: InputBounds, best: number): string[] {
  const isPackingFar = blocksPeak.upper > 1.05 * blocksPeak.lower;
  if (!isPackingFar && best <= 1.1) return [];
  const inSlabs = Math.ceil(pagesPeak / 512);
  const reasons = present([
    inSlabs > blocksPeak.lower &&
      `with small objects in whole slabs ${formatValue(pagesPeak, 'pages')} pages (${inSlabs} blocks) are live at peak; the bound counts the bytes of the objects`,
    blocksPeak.upper - blocksPeak.lower === 1 &&
      'one block more is the least that can be lost, and there are few blocks',
    best > 1.1 &&
      `the best pool, at ${formatValue(best, 'ratio')}, does not know lifetimes, and cannot move pages`,
  ]);
  const text = reasons.join('; ') || 'the bounds differ by alignment, and by pages that cannot be moved';
  return [`- **${input}**: ${text}.`];
}

function verdictFigures(scenarios: readonly ScenarioFigures[]) {
  const verdicts = scenarios
    .flatMap((scenario) => SHOWN.map((id) => verdictOf(scenario, id)))
    .filter((verdict) => verdict !== undefined);
  const count = (wanted: Verdict) => verdicts.filter((verdict) => verdict === wanted).length;
  return { comparisons: verdicts.length, clear: count('clear'), within: count('within'), not: count('no') };
}

type Verdict = 'clear' | 'within' | 'no';

/** Whether the best pool beats those of COMPARED that serve the scenario; undefined if there is nothing to compare. */
function verdictOf(scenario: ScenarioFigures, metric: MetricId): Verdict | undefined {
  const pool = bestOf(poolsOf(scenario), metric)?.row;
  const kernels = comparedOf(scenario).flatMap(({ rows }) => rows.get(metric) ?? []);
  if (pool === undefined || kernels.length === 0) return undefined;
  if (pool.max === 0 && kernels.every(({ max }) => max === 0)) return undefined;
  if (kernels.every(({ min }) => pool.max < min)) return 'clear';
  return kernels.every(({ median }) => pool.median < median) ? 'within' : 'no';
}

const nameOf = ({ input, platform, memory }: ScenarioFigures) => `${input} on ${platform}, memory ${memory}`;

/** The section of one scenario, without a line break at its end. */
export function scenarioSection(scenario: ScenarioFigures): string {
  const { serving, refusing } = scenario;
  const pools = poolsOf(scenario);
  const rows = SHOWN.flatMap((id) => {
    const best = bestOf(pools, id);
    const isMoot = serving.every((policy) => medianOf(policy, id) === 0);
    if (best === undefined || isMoot) return [];
    const compared = COMPARED.map((name) => {
      const row = serving.find(({ policy }) => policy === name)?.rows.get(id);
      return row === undefined ? 'refused' : cellText(row);
    });
    return [
      [
        metricOf(id).label,
        namesText(best.policies, pools.length),
        cellText(best.row),
        ...compared,
        verdictOf(scenario, id) ?? '',
      ],
    ];
  });
  const table = markdownTable([['', 'best pools', 'best', ...COMPARED, 'sure'], ...rows], {
    align: ['l', 'l', 'r', 'r', 'r', 'r', 'l'],
  });
  return [
    `### ${nameOf(scenario)}`,
    pools.length === 0 ? 'No pool serves what other policies serve.' : table,
    ...(refusing.length === 0 ? [] : [refusalText(refusing)]),
  ].join('\n\n');
}

const NAMES_SHOWN = 2;

function namesText(policies: readonly string[], all: number): string {
  if (policies.length === all) return 'all alike';
  const named = policies
    .slice(0, NAMES_SHOWN)
    .map((policy) => `\`${policy}\``)
    .join(', ');
  return policies.length > NAMES_SHOWN ? `${named} and ${policies.length - NAMES_SHOWN} more` : named;
}

function cellText({ median, min, max, unit }: SweepRow): string {
  const value = formatValue(median, unit);
  const [low, high] = [formatValue(min, unit), formatValue(max, unit)];
  return low === high ? value : `${value} (${low}..${high})`;
}

function refusalText(refusing: ScenarioFigures['refusing']): string {
  const list = refusing.map(({ policy, refused }) =>
    refused === undefined
      ? `\`${policy}\` (cannot run)`
      : `\`${policy}\` (${formatValue(refused, 'count')} requests)`,
  );
  return `Left out, because they refused requests that others served: ${list.join(', ')}.`;
}
