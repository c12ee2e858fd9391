import {
  Columns,
  type Counters,
  type EventBatch,
  frameOf,
  InputError,
  type LogHeader,
  type Seal,
} from '@decpool/model';
import { atPath } from './log/byte-file.ts';
import type { OnRead } from './log/on-read.ts';
import { readLog } from './log/read.ts';
import type { Torn } from './log/records.ts';
import { allMetrics, type MetricValue, type RunMetrics } from './metrics/metric.ts';

export interface ReplayResult {
  readonly header: LogHeader;
  readonly events: number;
  readonly counters: Counters;
  readonly metrics: readonly MetricValue[];
  /** State hash after the last event, computed here. */
  readonly stateHash: string;
  /** What the run that wrote the log said; missing when the log was cut off. */
  readonly seal: Seal | undefined;
  /** What was left of a segment when the log was cut off; it is not in the figures. */
  readonly torn: Torn | undefined;
}

export interface ReplayOptions {
  /** Told in bytes of the file. */
  readonly onRead?: OnRead;
}

/**
 * Folds a log into state and metrics, without the policy that wrote it. Throws InputError when it is not a log, when it was
 * altered, or when an event cannot have happened in the state that the events before it make.
 */
export async function replay(path: string, { onRead = () => {} }: ReplayOptions = {}): Promise<ReplayResult> {
  let run: { header: LogHeader; columns: Columns; metrics: RunMetrics } | undefined;
  let seal: Seal | undefined;
  let torn: Torn | undefined;
  const fold = (batch: EventBatch) => {
    try {
      run?.columns.fold(batch);
      run?.metrics.observe(batch);
    } catch (error) {
      throw atPath(path, error);
    }
  };
  for await (const part of readLog(path, { onRead, skipsKeyframes: true })) {
    if (part.kind === 'header') {
      const { header } = part;
      run = {
        header,
        columns: new Columns(frameOf(header), header.memory.directMap),
        metrics: allMetrics(header),
      };
    } else if (part.kind === 'batch') {
      fold(part.batch);
    } else if (part.kind === 'seal') {
      seal = part.seal;
    } else if (part.kind === 'torn') {
      torn = part;
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
    seal,
    torn,
  };
}
