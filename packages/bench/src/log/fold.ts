/** Folding the events of a log into a state. */
import { Columns, type EventBatch, frameOf, type LogHeader } from '@decpool/model';
import { atPath } from './byte-file.ts';

/** The state before the first event of a log. */
export const initialColumns = (header: LogHeader): Columns =>
  new Columns(frameOf(header), header.memory.directMap);

/**
 * Folds batches of a log's events into a state, and yields each batch once it was folded. Throws InputError that names the file if
 * an event cannot have happened.
 */
export async function* foldBatches(
  path: string,
  columns: Columns,
  batches: AsyncIterable<EventBatch>,
): AsyncGenerator<EventBatch> {
  for await (const batch of batches) {
    try {
      columns.fold(batch);
    } catch (error) {
      throw atPath(path, error);
    }
    yield batch;
  }
}
