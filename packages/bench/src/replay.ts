import {
  Columns,
  type Counters,
  type EventBatch,
  frameOf,
  InputError,
  type LogHeader,
  type LogTrailer,
} from '@decpool/model';
import { readLog } from './log/read.ts';
import { allMetrics } from './metrics/all.ts';
import type { MetricValue, Projection } from './metrics/metric.ts';

export interface ReplayResult {
  readonly header: LogHeader;
  readonly events: number;
  readonly counters: Counters;
  readonly metrics: readonly MetricValue[];
  /** State hash after the last event, computed here. */
  readonly stateHash: string;
  /** What the run that wrote the log said; missing when the log was cut off. */
  readonly trailer: LogTrailer | undefined;
}

/**
 * Folds a log into state and metrics, without the policy that wrote it. Throws InputError when it is not a log, or
 * when an event cannot have happened in the state that the events before it make.
 */
export async function replay(path: string): Promise<ReplayResult> {
  let run: { header: LogHeader; columns: Columns; metrics: Projection } | undefined;
  let trailer: LogTrailer | undefined;
  for await (const part of readLog(path)) {
    if (part.kind === 'header') {
      const { header } = part;
      run = {
        header,
        columns: new Columns(frameOf(header), header.memory.directMap),
        metrics: allMetrics(header),
      };
    } else if (part.kind === 'batch') {
      if (run !== undefined) fold(path, run.columns, part.batch);
      run?.metrics.observe(part.batch);
    } else {
      trailer = part.trailer;
    }
  }
  if (run === undefined) throw new InputError(`${path}: empty; expected an event log`);
  const counters = run.columns.publishCounters();
  return {
    header: run.header,
    events: counters.events,
    counters,
    metrics: run.metrics.values(counters),
    stateHash: run.columns.hash(),
    trailer,
  };
}

function fold(path: string, columns: Columns, batch: EventBatch): void {
  try {
    columns.fold(batch);
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${path}: ${error.message}`);
    throw error;
  }
}
