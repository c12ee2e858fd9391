import type { Counters, LogHeader, Seal } from '@decpool/model';
import type { Torn } from '../files/arrow-messages.ts';
import { foldBatch, initialColumns } from '../log/fold.ts';
import { headerOf, type LogPart, type ReadOptions, readLog } from '../log/read.ts';
import { type MetricValue, metricsOfRun } from '../metrics/metric.ts';

/** What the fold of a log gives. */
export interface ReplayResult {
  readonly header: LogHeader;
  readonly events: number;
  readonly counters: Counters;
  readonly metrics: readonly MetricValue[];
  /** What the boot pool of swiotlb cost, which is in none of the metrics. */
  readonly atBoot: readonly MetricValue[];
  /** State hash after the last event, computed from the events. */
  readonly stateHash: string;
  /** Written by the run; undefined if the log was cut off. */
  readonly seal: Seal | undefined;
  /** The incomplete segment at the end of a log that was cut off; it is not in the figures. */
  readonly torn: Torn | undefined;
}

/**
 * Folds a log into state and metrics, without the policy that wrote it. `onRead`: called with bytes of the file. Throws InputError if
 * it is no log, if it was altered, or if an event cannot have happened in the state before it.
 */
export async function replay(
  path: string,
  { onRead = () => {} }: Pick<ReadOptions, 'onRead'> = {},
): Promise<ReplayResult> {
  const parts = readLog(path, { onRead, skipsKeyframes: true });
  try {
    return await replayOf(path, parts);
  } finally {
    // Closes the file, also if it was not read to its end.
    await parts.return(undefined);
  }
}

async function replayOf(path: string, parts: AsyncGenerator<LogPart>): Promise<ReplayResult> {
  const { header } = await headerOf(parts);
  const columns = initialColumns(header);
  const metrics = metricsOfRun(header);
  let seal: Seal | undefined;
  let torn: Torn | undefined;
  for await (const part of parts) {
    if (part.kind === 'seal') seal = part.seal;
    else if (part.kind === 'torn') torn = part;
    else if (part.kind === 'batch') {
      foldBatch(path, columns, part.batch);
      metrics.observe(part.batch);
    }
  }
  const counters = columns.publishCounters();
  return {
    ...{ header, events: counters.events, counters, metrics: metrics.values(counters) },
    atBoot: metrics.atBoot(),
    ...{ stateHash: columns.hash(), seal, torn },
  };
}
