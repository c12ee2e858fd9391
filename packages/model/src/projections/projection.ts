import type { EventBatch } from '../events/batch.ts';
import { EVENT_TYPES } from '../events/schema.ts';
import type { EventSet } from './event-sets.ts';

/** What is known of a run after the events that it was shown, in order and without gaps. */
export interface Projection {
  /** Types of the events that it needs; others change nothing in it. Missing: all. */
  readonly sees?: EventSet;
  /** Whether it needs no more events. */
  readonly isDone?: boolean;
  /** Takes one event. */
  observe(batch: EventBatch, row: number): void;
}

/** One pass over batches drives projections, each event only those that need it; those that read others come behind them. */
export class EventPass {
  #projections: readonly Projection[];
  /** By type code. */
  #byType: readonly (readonly Projection[])[] = [];

  constructor(projections: readonly Projection[]) {
    this.#projections = projections;
    this.#sort();
  }

  /** Takes one event, and drives the projections that need it. */
  observe(batch: EventBatch): void {
    if (this.#projections.some(({ isDone }) => isDone === true)) {
      this.#projections = this.#projections.filter(({ isDone }) => isDone !== true);
      this.#sort();
    }
    const byType = this.#byType;
    for (let row = 0; row < batch.length; row++) {
      const needing = byType[batch.typeAt(row)];
      for (let index = 0; index < needing.length; index++) needing[index].observe(batch, row);
    }
  }

  #sort(): void {
    this.#byType = EVENT_TYPES.map((_, type) =>
      this.#projections.filter(({ sees }) => sees === undefined || sees[type]),
    );
  }
}

/** Shows the events of a batch to projections. */
export const observeAll = (batch: EventBatch, projections: readonly Projection[]): void =>
  new EventPass(projections).observe(batch);
