/** The document `results.json`, from which every report is made. Values are unrounded, one for each seed. */

import * as z from 'zod';
import type { Bounds } from '../bounds/bounds.ts';
import type { Comparison, ComparisonInput } from '../compare/compare.ts';
import { rank } from '../compare/ranking.ts';
import type { Spread } from '../compare/spread.ts';
import { sha256 } from '../files/sha256.ts';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { byMetric, type MetricId } from '../metrics/metric.ts';
import { metricIdSchema, metricSchema } from '../metrics/schema.ts';
import { cautionsOf, describe, notesOf } from './facts.ts';
import { recordedSchema, storedRecorded } from './recorded-schema.ts';

/** Version of the format of `results.json`. readResults() also reads some older ones. */
export const RESULTS_VERSION = 5;

const count = z.int().min(0);

const spreadSchema = z.strictObject({
  values: z.array(z.number()).min(1).readonly().describe('One for each seed, in their order'),
  median: z.number(),
  min: z.number(),
  max: z.number(),
});

const boundSchema = z.strictObject({
  lower: z.number().describe('No policy that serves all requests is below it'),
  upper: z.number().exactOptional().describe('Can be had'),
  upperFrom: z.string().exactOptional().describe('What shows that it can be had'),
});

const knownRatioSchema = z.strictObject({
  formula: z.string(),
  value: z.number().exactOptional(),
  source: z.string().exactOptional(),
});

const worstCaseSchema = z.strictObject({
  of: z.enum(['volumes', 'aligned pages']).exactOptional(),
  blocksPeak: knownRatioSchema,
  blockSeconds: knownRatioSchema,
});

const ownerFiguresSchema = z.strictObject({
  owner: z.string(),
  splits2M: count,
  splits1G: count,
  leakedPages: count,
});

const timelinePointSchema = z.strictObject({
  time: z.number().min(0).describe('Simulated ns'),
  sharedIdleBytes: z.number().min(0),
  liveBytes: z.number().min(0),
});

const policySchema = z.strictObject({
  policy: z.string(),
  isBaseline: z.boolean(),
  log: z.string().exactOptional().describe('Event log of the first seed, relative to the results'),
  runs: z
    .array(z.strictObject({ seed: count, events: count, stateHash: z.string() }))
    .min(1)
    .readonly(),
  metrics: z
    .record(metricIdSchema, spreadSchema.nullable())
    .describe(
      'By metric id; null for a ratio to the bounds, if the policy refused a request that can be served',
    ),
  byOwner: z.array(ownerFiguresSchema).readonly().describe('Of the first seed'),
  timeline: z.array(timelinePointSchema).readonly().describe('Of the first seed, at no more than 256 points'),
  worstCase: worstCaseSchema,
});

/** A comparison of one input. */
export const resultsSchema = z.strictObject({
  decpool: z.literal('comparison'),
  version: z.literal(RESULTS_VERSION),
  command: z.string().describe('Reproduces the results'),
  input: z.strictObject({
    name: z.string(),
    description: z.string(),
    requests: count,
    requestsHash: z.string().describe('SHA-256 of the requests'),
    peakLivePages: count,
  }),
  trace: z.looseObject({}).exactOptional().describe('What became of the lines of a recorded trace'),
  memory: z.string(),
  memoryHash: z.string().describe('SHA-256 of the memory state: two may have one name'),
  platform: z.looseObject({ name: z.string(), confidential: z.boolean() }),
  pageSource: z.looseObject({}).exactOptional(),
  faults: z.looseObject({}).exactOptional(),
  swiotlbDynamic: z.boolean(),
  pagesPerBlock: count,
  seeds: z.array(count).min(1).readonly(),
  facts: z
    .array(z.tuple([z.string(), z.string()]).readonly())
    .readonly()
    .describe('What was run, in words: label and text'),
  cautions: z.array(z.string()).readonly().describe('Notes that change how the figures must be read'),
  notes: z.array(z.string()).readonly().describe('Other notes'),
  bounds: z
    .strictObject({
      blocksPeak: boundSchema,
      blockSeconds: boundSchema,
      lifetimes: z.strictObject({
        allocations: count,
        neverFreed: count,
        zero: count,
        longestNs: z.number(),
        shortestNs: z.number(),
        mu: z.number().exactOptional(),
      }),
      packing: z.union([z.strictObject({ items: count }), z.strictObject({ missing: z.string() })]),
    })
    .exactOptional()
    .describe('Missing outside a confidential VM, where nothing is shared'),
  metrics: z.array(metricSchema).readonly().describe('In the order in which tables have them'),
  rows: z.array(metricIdSchema).readonly().describe('Metric ids: the rows of the short tables, in order'),
  ranking: z.strictObject({
    isParetoWanted: z.boolean(),
    objectives: z
      .array(metricIdSchema)
      .readonly()
      .describe('Metric ids; less is better, and the first decides'),
    ranked: z
      .array(
        z.strictObject({
          policies: z.array(z.string()).min(1).readonly(),
          values: z.array(z.number()).readonly().describe('Medians, one for each objective'),
          front: z.int().min(1).describe('1: no policy is at least as good in all and better in one'),
        }),
      )
      .readonly(),
    refused: z
      .array(z.string())
      .readonly()
      .describe('Refused more requests than others, so that they are not ranked'),
  }),
  atBoot: z
    .record(metricIdSchema, spreadSchema)
    .exactOptional()
    .describe(
      'What the boot pools cost under every policy that does not replace them, by metric id; in no metrics of a policy',
    ),
  recorded: recordedSchema
    .exactOptional()
    .describe('With --recording: what its kernel counted, to compare with the metrics of the baseline'),
  policies: z.array(policySchema).min(1).readonly().describe('The first is the baseline'),
});

type Stored = Readonly<z.infer<typeof resultsSchema>>;

/** Of a policy that refused a request, the ratios to the bounds are missing: null in JSON. */
export interface PolicyResults extends Omit<Stored['policies'][number], 'metrics'> {
  readonly metrics: Readonly<Record<MetricId, Spread>>;
}

/** A comparison as a document: what `results.json` has, and what every report is made from. */
export interface Results extends Omit<Stored, 'policies'> {
  readonly policies: readonly PolicyResults[];
}

/** Results as they are stored: null for what is missing. */
export const stored = ({ policies, ...results }: Results): Stored => ({
  ...results,
  policies: policies.map(({ metrics, ...policy }) => ({
    ...policy,
    metrics: Object.fromEntries(
      results.metrics.map(({ id }) => [id, metrics[id] ?? null]),
    ) as Stored['policies'][number]['metrics'],
  })),
});

export const fromStored = ({ policies, ...results }: Stored): Results => ({
  ...results,
  policies: policies.map(({ metrics, ...policy }) => ({
    ...policy,
    metrics: byMetric(
      Object.entries(metrics).flatMap(([id, spread]) =>
        spread === null ? [] : [[id as MetricId, spread] as const],
      ),
    ),
  })),
});

/** The results of a comparison. `command` reproduces it. `logOf`: the path of a policy's event log, relative to the results. */
export function resultsOf(
  comparison: Comparison,
  command: string,
  logOf?: (policy: string) => string,
): Results {
  const { input, bounds, policies, atBoot } = comparison;
  const [baseline] = policies;
  const { objectives, ranked, refused } = rank(comparison);
  return {
    decpool: 'comparison',
    version: RESULTS_VERSION,
    command,
    input: {
      name: input.name,
      description: input.workload.description,
      requests: input.workload.requests.length,
      requestsHash: comparison.requests,
      peakLivePages: input.workload.peakLivePages,
    },
    ...(input.sanity === undefined ? {} : { trace: { ...input.sanity } }),
    ...settingOf(input),
    pagesPerBlock: comparison.geometry.pagesPerBlock,
    facts: describe(comparison),
    cautions: cautionsOf(comparison),
    notes: notesOf(comparison),
    ...(bounds === undefined ? {} : { bounds: plainBounds(bounds) }),
    metrics: policies
      .reduce((most, each) => (each.metrics.length > most.metrics.length ? each : most))
      .metrics.map(({ metric }) => metric),
    rows: input.rows ?? KEY_METRICS,
    ranking: {
      isParetoWanted: input.isParetoWanted === true,
      objectives: objectives.map(({ id }) => id),
      ranked,
      refused,
    },
    ...(atBoot.length === 0 ? {} : { atBoot: spreadsOf(atBoot) }),
    ...(input.recorded === undefined ? {} : { recorded: storedRecorded(input.recorded) }),
    policies: policies.map(({ policy, runs, metrics, byOwner, timeline, worstCase }) => ({
      policy,
      isBaseline: policy === baseline.policy,
      ...(logOf === undefined ? {} : { log: logOf(policy) }),
      runs,
      metrics: spreadsOf(metrics),
      byOwner,
      timeline,
      worstCase,
    })),
  };
}

const spreadsOf = (metrics: Comparison['atBoot']) =>
  byMetric(metrics.map(({ metric, spread }) => [metric.id, spread]));

/** What a run is on beside its requests. */
export type Setting = Pick<
  Results,
  'memory' | 'memoryHash' | 'platform' | 'pageSource' | 'faults' | 'swiotlbDynamic' | 'seeds'
>;

export const settingOf = (input: ComparisonInput): Setting => ({
  memory: input.memory.name,
  memoryHash: sha256(JSON.stringify(input.memory)),
  platform: { ...input.platform },
  ...(input.pageSource === undefined ? {} : { pageSource: { ...input.pageSource } }),
  ...(input.faults === undefined ? {} : { faults: { ...input.faults } }),
  swiotlbDynamic: input.isSwiotlbDynamic === true,
  seeds: input.seeds,
});

export const resultsText = (results: Results): string => `${JSON.stringify(stored(results), null, 2)}\n`;

function plainBounds({ lifetimes: { mu, ...lifetimes }, ...bounds }: Bounds): NonNullable<Results['bounds']> {
  return { ...bounds, lifetimes: mu === undefined ? lifetimes : { ...lifetimes, mu } };
}
