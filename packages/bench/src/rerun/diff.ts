/** Two logs side by side: the first event that differs, their metrics, and the blocks whose final states differ. */
import { isDeepStrictEqual } from 'node:util';
import type { Columns } from '@decpool/model';
import { type BlockView, blockIndex, type EventBatch, type LogHeader, type PoolEvent } from '@decpool/model';
import { initialColumns } from '../log/fold.ts';
import type { OpenLog } from '../log/open.ts';
import { type MetricValue, metricsOfRun } from '../metrics/metric.ts';
import { type Divergence, SideBySide } from './divergence.ts';

export interface BlockDifference {
  readonly block: number;
  readonly left: BlockView;
  readonly right: BlockView;
}

type Pair<Value> = readonly [left: Value, right: Value];

/** Where two logs differ. Left is the first, right the second. */
export interface LogDiff {
  /** Undefined if all events are the same. */
  readonly divergence: Omit<Divergence, 'before'> | undefined;
  /** The last events that both logs have. */
  readonly before: readonly PoolEvent[];
  readonly events: Pair<number>;
  /** The value of each metric in both logs. */
  readonly metrics: readonly Pair<MetricValue>[];
  /** The facts of the headers that differ. */
  readonly headers: readonly (readonly [name: string, left: string, right: string])[];
  /** Blocks whose final states differ; undefined if the guests have memory of different sizes. */
  readonly blocks: readonly BlockDifference[] | undefined;
}

const CONTEXT_EVENTS = 5;

/** Throws InputError if a log was altered or is damaged. Bounded memory: one segment of each log at a time. */
export async function diffLogs(left: OpenLog, right: OpenLog): Promise<LogDiff> {
  const side = new SideBySide();
  const a = summaryOf(left, (batch) => side.left(batch));
  const b = summaryOf(right, (batch) => side.right(batch));
  // A batch of each in turn: neither gets far ahead.
  for (let hasMore = true; hasMore; ) {
    const [hasLeft, hasRight] = [await a.next(), await b.next()];
    hasMore = hasLeft || hasRight;
  }
  side.end();
  const metricsOfB = new Map(b.metrics().map((metric) => [metric.id, metric]));
  const { before, ...divergence } = side.divergence ?? { before: [] };
  return {
    divergence: 'seq' in divergence ? divergence : undefined,
    before: before.slice(-CONTEXT_EVENTS),
    events: [left.events, right.events],
    metrics: a.metrics().flatMap((metric) => {
      const other = metricsOfB.get(metric.id);
      return other === undefined ? [] : [[metric, other] as const];
    }),
    headers: headerDifferences(left.header, right.header),
    blocks: blockDifferences(a.columns, b.columns),
  };
}

/** Folds a log into its state and metrics, a batch at a time. */
function summaryOf(log: OpenLog, observe: (batch: EventBatch) => void) {
  const columns = initialColumns(log.header);
  const metrics = metricsOfRun(log.header);
  const batches = log.fold(columns);
  return {
    columns,
    metrics: () => metrics.values(columns.publishCounters()),
    /** Returns whether there was a batch. */
    async next(): Promise<boolean> {
      const { value: batch, done } = await batches.next();
      if (done === true) return false;
      metrics.observe(batch);
      observe(batch);
      return true;
    },
  };
}

function headerDifferences(left: LogHeader, right: LogHeader): LogDiff['headers'] {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])] as (keyof LogHeader)[];
  return names.flatMap((name) => {
    const [a, b] = [left[name], right[name]].map((value) => JSON.stringify(value) ?? 'none');
    return a === b ? [] : [[name, a, b] as const];
  });
}

function blockDifferences(left: Columns, right: Columns): BlockDifference[] | undefined {
  const [a, b] = [left.view(), right.view()];
  if (a.blocks !== b.blocks || left.geometry.pagesPerBlock !== right.geometry.pagesPerBlock) return undefined;
  return Array.from({ length: a.blocks }, (_, block) => ({
    block,
    left: a.block(blockIndex(block)),
    right: b.block(blockIndex(block)),
  })).filter(({ left, right }) => !isDeepStrictEqual(left, right));
}
