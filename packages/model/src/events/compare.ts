import { columnsOf, type EventBatch } from './batch.ts';

/**
 * How many events from rows `at` and `otherAt` on are the same in two batches, at most `length`: in all that a log holds of them
 * but their position.
 */
export function eventsInCommon(
  batch: EventBatch,
  at: number,
  other: EventBatch,
  otherAt: number,
  length: number,
): number {
  const a = columnsOf(batch);
  const b = columnsOf(other);
  for (let i = 0; i < length; i++) {
    const row = at + i;
    const otherRow = otherAt + i;
    if (
      a.type[row] !== b.type[otherRow] ||
      a.code[row] !== b.code[otherRow] ||
      a.owner[row] !== b.owner[otherRow] ||
      a.request[row] !== b.request[otherRow] ||
      a.allocation[row] !== b.allocation[otherRow] ||
      a.pfn[row] !== b.pfn[otherRow] ||
      a.pages[row] !== b.pages[otherRow] ||
      a.bytes[row] !== b.bytes[otherRow] ||
      a.time[row] !== b.time[otherRow] ||
      a.names.get(row) !== b.names.get(otherRow)
    ) {
      return i;
    }
  }
  return length;
}
