/** Two logs side by side: where their events part, what they come to, and which blocks end up otherwise. */
import {
  type BlockView,
  blockIndex,
  Columns,
  type EventBatch,
  frameOf,
  type LogHeader,
  type PoolEvent,
} from '@decpool/model';
import { atPath } from '../log/byte-file.ts';
import type { OpenLog } from '../log/open.ts';
import { allMetrics, type MetricValue, type RunMetrics } from '../metrics/metric.ts';
import { type Divergence, SideBySide } from './divergence.ts';

export interface BlockDifference {
  readonly block: number;
  readonly left: BlockView;
  readonly right: BlockView;
}

export interface LogDiff {
  /** Undefined where all events are the same. */
  readonly divergence: Divergence | undefined;
  /** The last events that both have. */
  readonly before: readonly PoolEvent[];
  readonly events: readonly [left: number, right: number];
  /** Of each metric its value in both logs. */
  readonly metrics: readonly (readonly [left: MetricValue, right: MetricValue])[];
  /** Facts of the headers that differ, and what each says. */
  readonly headers: readonly (readonly [name: string, left: string, right: string])[];
  /** Blocks whose state at the end differs; undefined where the guests have memory of different sizes. */
  readonly blocks: readonly BlockDifference[] | undefined;
}

const CONTEXT_EVENTS = 5;

/** Throws InputError where one of them was altered or is damaged. Bounded memory: a segment of each at a time. */
export async function diffLogs(left: OpenLog, right: OpenLog): Promise<LogDiff> {
  const side = new SideBySide();
  const [a, b] = [new Summary(left), new Summary(right)];
  const [nextLeft, nextRight] = [left.batches(), right.batches()];
  for (;;) {
    const [one, other] = [await nextLeft.next(), await nextRight.next()];
    if (one.done !== true) {
      a.take(one.value);
      side.left(one.value);
    }
    if (other.done !== true) {
      b.take(other.value);
      side.right(other.value);
    }
    if (one.done === true && other.done === true) break;
  }
  side.end();
  const { divergence } = side;
  return {
    divergence,
    before:
      divergence === undefined ? [] : await eventsIn(left, divergence.seq - CONTEXT_EVENTS, divergence.seq),
    events: [left.events, right.events],
    metrics: pairs(a.metrics(), b.metrics()),
    headers: headerDifferences(left.header, right.header),
    blocks: blockDifferences(a.columns, b.columns),
  };
}

/** Folds a log into its state and metrics. */
class Summary {
  readonly columns: Columns;
  readonly #path: string;
  readonly #metrics: RunMetrics;

  constructor({ header, path }: OpenLog) {
    this.#path = path;
    this.columns = new Columns(frameOf(header), header.memory.directMap);
    this.#metrics = allMetrics(header);
  }

  take(batch: EventBatch): void {
    try {
      this.columns.fold(batch);
    } catch (error) {
      throw atPath(this.#path, error);
    }
    this.#metrics.observe(batch);
  }

  metrics(): readonly MetricValue[] {
    return this.#metrics.values(this.columns.publishCounters());
  }
}

/** Events [from, to) of a log as objects. */
export async function eventsIn(log: OpenLog, from: number, to: number): Promise<PoolEvent[]> {
  const events: PoolEvent[] = [];
  for await (const batch of log.batches(Math.max(0, from), Math.min(to, log.events))) events.push(...batch);
  return events;
}

function pairs(
  left: readonly MetricValue[],
  right: readonly MetricValue[],
): readonly (readonly [MetricValue, MetricValue])[] {
  const byId = new Map(right.map((metric) => [metric.id, metric]));
  return left.flatMap((metric) => {
    const other = byId.get(metric.id);
    return other === undefined ? [] : [[metric, other] as const];
  });
}

function headerDifferences(left: LogHeader, right: LogHeader): (readonly [string, string, string])[] {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])] as (keyof LogHeader)[];
  return names.flatMap((name) => {
    const [a, b] = [left[name], right[name]].map((value) => JSON.stringify(value) ?? 'none');
    return a === b ? [] : [[name, a, b] as const];
  });
}

function blockDifferences(left: Columns, right: Columns): BlockDifference[] | undefined {
  const [a, b] = [left.view(), right.view()];
  if (a.blocks !== b.blocks || left.geometry.pagesPerBlock !== right.geometry.pagesPerBlock) return undefined;
  const differences: BlockDifference[] = [];
  for (let block = 0; block < a.blocks; block++) {
    const [one, other] = [a.block(blockIndex(block)), b.block(blockIndex(block))];
    if (JSON.stringify(one) !== JSON.stringify(other)) differences.push({ block, left: one, right: other });
  }
  return differences;
}
