/** All metrics: what each is, known without a run, and their values of a run. */
import { Columns, type Counters, type EventBatch, type LogHeader, machineOf } from '@decpool/model';
import {
  BootPoolEvents,
  EventPass,
  type Projection,
  type RunPart,
  RunProjections,
  unknownName,
} from '@decpool/model/internal';
import type { Unit } from '../text/units.ts';
import { FAMILIES } from './all.ts';
import { boundRatios, boundRatiosOf } from './bound-ratios.ts';
import type { BETTER, MetricDefinition, MetricFamily } from './family.ts';

/** Stable name, for machines: `splits-2m`. */
export type MetricId = IdsOf<(typeof FAMILIES)[number] | typeof boundRatios>;
type IdsOf<Family> = Family extends { readonly metrics: infer Metrics } ? keyof Metrics : never;

/** What a metric is: the same for every run. */
export interface Metric extends Omit<MetricDefinition, 'isQuiet' | 'isBootApart' | 'isBootSize'> {
  readonly id: MetricId;
  readonly unit: Unit;
  readonly better: (typeof BETTER)[number];
}

export interface MetricValue extends Metric {
  readonly value: number;
}

const metricsOf = ({ metrics }: { readonly metrics: Readonly<Record<string, MetricDefinition>> }) =>
  Object.entries(metrics).map(
    ([id, { label, unit = 'count', better = 'lower', formula, shown, isBootApart }]): Metric => ({
      id: id as MetricId,
      ...{ label, unit, better },
      formula: isBootApart === true ? `${formula}; without the boot pools` : formula,
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

const idsWith = (flag: 'isQuiet' | 'isBootApart' | 'isBootSize'): ReadonlySet<string> =>
  new Set(
    FAMILIES.flatMap(({ metrics }: MetricFamily) =>
      Object.entries(metrics).flatMap(([id, definition]) => (definition[flag] ? [id] : [])),
    ),
  );
const QUIET = idsWith('isQuiet');
const BOOT_APART = idsWith('isBootApart');
const BOOT_SIZES = idsWith('isBootSize');

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
  /** Takes the next batch. */
  observe(batch: EventBatch): void;
  /** `counters`: those of the state after the last batch. */
  values(counters: Counters): MetricValue[];
  /** What the boot pools that are the same under every policy cost, which is in none of the values, and their sizes. Empty without one. */
  atBoot(): MetricValue[];
}

interface MetricOptions {
  readonly run?: RunProjections;
  /** Which metrics are wanted; the others cost nothing. Default: all. */
  readonly ids?: readonly MetricId[];
  /** Parts of `run` that are read beside the metrics. */
  readonly reads?: readonly RunPart[];
  /** What else the pass drives, behind `run`. */
  readonly others?: readonly Projection[];
}

/** One pass over each batch drives the metrics, the projections that they read, and `others`. */
export function metricsOfRun(
  header: LogHeader,
  { run = new RunProjections(header), ids, reads = [], others = [] }: MetricOptions = {},
): RunMetrics {
  const isWanted = (id: string) => ids === undefined || ids.some((wanted) => wanted === id);
  const families = (FAMILIES as readonly MetricFamily[]).filter(({ metrics }) =>
    Object.keys(metrics).some(isWanted),
  );
  const measurements = families.map(({ measure }) => measure(header, run));
  const own = measurements.flatMap(({ sees, observe }) =>
    observe === undefined ? [] : [{ ...(sees && { sees }), observe }],
  );
  const allValues = (counters: Counters): Record<string, number> =>
    Object.fromEntries(
      measurements.flatMap(({ values }) => Object.entries(values(counters)).filter(([id]) => isWanted(id))),
    );
  const bootPool = new BootPoolCosts(header, allValues);
  const parts = [...reads, ...families.flatMap((family) => family.reads ?? [])];
  const pass = new EventPass([bootPool, ...run.projections(parts), ...own, ...others]);
  return {
    observe: (batch) => pass.observe(batch),
    values(counters) {
      const values = allValues(counters);
      for (const [id, value] of Object.entries(bootPool.values()))
        if (BOOT_APART.has(id)) values[id] -= value;
      return metricValues(values);
    },
    atBoot: () => metricValues(bootPool.values()),
  };
}

/** What the metrics come to after the events of the boot pools that are apart. Stands before the projections that the metrics read. */
class BootPoolCosts implements Projection {
  readonly #header: LogHeader;
  readonly #allValues: (counters: Counters) => Record<string, number>;
  readonly #bootPool: BootPoolEvents;
  /** The state, folded up to the end of the boot pools. */
  #columns: Columns | undefined;
  #values: Record<string, number> | undefined;

  constructor(header: LogHeader, allValues: (counters: Counters) => Record<string, number>) {
    this.#header = header;
    this.#allValues = allValues;
    this.#bootPool = new BootPoolEvents(header);
  }

  get isDone(): boolean {
    return this.#values !== undefined;
  }

  observe(batch: EventBatch, row: number): void {
    if (this.isDone) return;
    this.#bootPool.observe(batch, row);
    if (!this.#bootPool.isCurrent) {
      this.values();
      return;
    }
    this.#columns ??= new Columns(machineOf(this.#header), this.#header.memory.directMap);
    this.#columns.fold(batch.slice(row, row + 1));
  }

  /** By id; empty if there are no such events. No more are taken after it was called. */
  values(): Readonly<Record<string, number>> {
    if (this.#values === undefined) {
      const values = this.#columns === undefined ? {} : this.#allValues(this.#columns.publishCounters());
      this.#values = Object.fromEntries(
        Object.entries(values).filter(([id]) => BOOT_APART.has(id) || BOOT_SIZES.has(id)),
      );
      this.#columns = undefined;
    }
    return this.#values;
  }
}

/** The ratios of a run to the lower bounds; none if nothing is bounded. */
export const ratioMetrics = (...[run, lower]: Parameters<typeof boundRatiosOf>): MetricValue[] =>
  metricValues(boundRatiosOf(run, lower));
