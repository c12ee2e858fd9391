import type { EventBatch } from '../events/batch.ts';

/** What is known of a run after the events that it was shown, in order and without gaps. */
export interface Projection {
  /** Takes one event. */
  observe(batch: EventBatch, row: number): void;
}

/** Shows the events of a batch to projections, in one pass; those that read others come behind them. */
export function observeAll(batch: EventBatch, projections: readonly Projection[]): void {
  for (let row = 0; row < batch.length; row++) {
    for (const projection of projections) projection.observe(batch, row);
  }
}
