import type { Columns, EventBatch } from '@decpool/model';
import { initialColumns } from '../log/fold.ts';
import type { OpenLog } from '../log/open.ts';

/** A report, and the owners' names by their numbers, which its events tell. */
export interface Explained<Report> {
  readonly report: Report;
  readonly owners: readonly string[];
}

/**
 * Folds a log from its start up to a position, and shows each batch once it was folded. A state that was folded from the start still
 * knows the owners of allocations that are freed; one read from a keyframe does not.
 */
export async function foldWhile(
  log: OpenLog,
  position: number,
  observe: (batch: EventBatch, columns: Columns) => void,
): Promise<Columns> {
  const columns = initialColumns(log.header);
  for await (const batch of log.fold(columns, position)) observe(batch, columns);
  return columns;
}
