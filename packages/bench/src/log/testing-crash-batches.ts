/** What the crash specs and the program that they kill agree on. */
import type { EventBatch } from '@decpool/model';
import { LOG_FORMATS, type LogFormat } from './format.ts';

/** Name of the n-th log. */
export const crashLogName = (log: number, format: LogFormat): string => `${log}${LOG_FORMATS[format]}`;

/** The events of a batch in batches of these sizes, over and over. */
export function inBatches(events: EventBatch, sizes: readonly number[]): EventBatch[] {
  const batches: EventBatch[] = [];
  for (let from = 0; from < events.length; ) {
    const to = Math.min(events.length, from + sizes[batches.length % sizes.length]);
    batches.push(events.slice(from, to));
    from = to;
  }
  return batches;
}
