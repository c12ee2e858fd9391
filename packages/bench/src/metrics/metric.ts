/** All metrics: what each is, known without a run, and their values of a run. */
import {
  type Counters,
  type EventBatch,
  type LogHeader,
  observeAll,
  type Projection,
  RunProjections,
  unknownName,
} from '@decpool/model';
import type { Unit } from '../text/units.ts';
import { FAMILIES } from './all.ts';
import { boundRatios, boundRatiosOf } from './bound-ratios.ts';
import type { BETTER, MetricDefinition, MetricFamily } from './family.ts';

/** Stable name, for machines: `splits-2m`. */
export type MetricId = IdsOf<(typeof FAMILIES)[number] | typeof boundRatios>;
type IdsOf<Family> = Family extends { readonly metrics: infer Metrics } ? keyof Metrics : never;

/** What a metric is: the same for every run. */
export interface Metric extends Omit<MetricDefinition, 'isQuiet'> {
  readonly id: MetricId;
  readonly unit: Unit;
  readonly better: (typeof BETTER)[number];
}

export interface MetricValue extends Metric {
  readonly value: number;
}

const metricsOf = ({ metrics }: { readonly metrics: Readonly<Record<string, MetricDefinition>> }) =>
  Object.entries(metrics).map(
    ([id, { label, unit = 'count', better = 'lower', formula, shown }]): Metric => ({
      id: id as MetricId,
      ...{ label, unit, better, formula },
      ...(shown === undefined ? {} : { shown }),
    }),
  );

/** Every metric under the heading of its family, in the order of reports. */
export const METRIC_GROUPS = [...FAMILIES, boundRatios].map((family) => ({
  group: family.group,
  metrics: metricsOf(family),
}));

/** Every metric, in the order of reports. Not every comparison has the ratios to the bounds. */
export const METRICS: readonly Metric[] = METRIC_GROUPS.flatMap(({ metrics }) => metrics);

/** What the metric of that id is. */
export const metricOf = (id: MetricId): Metric => METRIC_BY_ID[id];

/** Values by id. Typed as if each were there; a run outside a confidential VM has no ratios. */
export const byMetric = <Value>(entries: Iterable<readonly [MetricId, Value]>) =>
  Object.fromEntries(entries) as Readonly<Record<MetricId, Value>>;

const METRIC_BY_ID = byMetric(METRICS.map((metric) => [metric.id, metric]));

/** The id that somebody wrote in `place`. Throws InputError for an unknown one, with ids that are near it. */
export function knownMetric(given: string, place: string): MetricId {
  const found = METRICS.find(({ id }) => id === given);
  if (found !== undefined) return found.id;
  const known = METRICS.map(({ id }) => id);
  throw unknownName({ kind: 'metric', given, known, listedBy: 'decpool metrics', place });
}

const QUIET = new Set(
  FAMILIES.flatMap(({ metrics }: MetricFamily) =>
    Object.entries(metrics).flatMap(([id, { isQuiet }]) => (isQuiet ? [id] : [])),
  ),
);

/** Whether a metric only says something if it is not 0. */
export const isQuiet = (id: MetricId): boolean => QUIET.has(id);

/** These values with what each is. */
const metricValues = (values: { readonly [Id in MetricId]?: number }): MetricValue[] =>
  METRICS.flatMap((metric) => {
    const value = values[metric.id];
    return value === undefined ? [] : [{ ...metric, value }];
  });

/** All metrics of one run that come from its events: give observe() the batches in order, then ask for the values. */
export interface RunMetrics {
  observe(batch: EventBatch): void;
  /** `counters`: those of the state after the last batch. */
  values(counters: Counters): MetricValue[];
}

/** One pass over each batch drives the metrics, the projections that they read, and `others`. */
export function allMetrics(
  header: LogHeader,
  run = new RunProjections(header),
  others: readonly Projection[] = [],
): RunMetrics {
  const families: readonly MetricFamily[] = FAMILIES;
  const measurements = families.map(({ measure }) => measure(header, run));
  const own = measurements.flatMap(({ observe }) => (observe === undefined ? [] : [{ observe }]));
  const projections = [run, ...own, ...others];
  return {
    observe: (batch) => observeAll(batch, projections),
    values: (counters) =>
      metricValues(Object.assign({}, ...measurements.map((measurement) => measurement.values(counters)))),
  };
}

/** The ratios of a run to the lower bounds; none if nothing is bounded. */
export const ratioMetrics = (...[run, lower]: Parameters<typeof boundRatiosOf>): MetricValue[] =>
  metricValues(boundRatiosOf(run, lower));
