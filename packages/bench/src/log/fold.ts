/** Folding the events of a log into a state. */
import { Columns, type EventBatch, type LogHeader, machineOf } from '@decpool/model';
import { atPath } from './byte-file.ts';

/** The state before the first event of a log. */
export const initialColumns = (header: LogHeader): Columns =>
  new Columns(machineOf(header), header.memory.directMap);

/** Folds a batch of a log's events. Throws InputError that names the file if an event cannot have happened. */
export function foldBatch(path: string, columns: Columns, batch: EventBatch): void {
  try {
    columns.fold(batch);
  } catch (error) {
    throw atPath(path, error);
  }
}

/** Folds batches of a log's events into a state, and yields each once it was folded. */
export async function* foldBatches(
  path: string,
  columns: Columns,
  batches: AsyncIterable<EventBatch>,
): AsyncGenerator<EventBatch> {
  for await (const batch of batches) {
    foldBatch(path, columns, batch);
    yield batch;
  }
}
