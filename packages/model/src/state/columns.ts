/**
 * The fast backend: the whole state in typed arrays, changed in place. A pool decides on it and a bulk replay
 * folds into it; it is never published, because whoever holds it could change it.
 */
import { columnsOf, type EventBatch } from '../events/batch.ts';
import type { EventColumns } from '../events/columns.ts';
import type { Geometry } from '../geometry.ts';
import type { MappingRun } from '../memory-state.ts';
import type { Platform } from '../platform.ts';
import { type Counters, copyOf, type MutableCounters, zeroCounters } from './counters.ts';
import type { Editor, Machine } from './editor.ts';
import { Evolver } from './evolve/evolve.ts';
import { hashTables } from './hash.ts';
import { leafWords } from './layout.ts';
import { writeMapping } from './mapping.ts';
import { StateView } from './view.ts';
import { DenseWords } from './word-table.ts';

/**
 * A state that is changed in place, and the fold of events into it. It is the fastest way to read a log; publish()
 * gives a frozen state.
 */
export class Columns implements Editor {
  readonly geometry: Geometry;
  readonly platform: Platform;
  readonly counters: MutableCounters = zeroCounters();
  readonly blocks: DenseWords;
  readonly mapping: DenseWords;
  readonly allocations: DenseWords;
  readonly extents: DenseWords;
  readonly slabs: DenseWords;
  readonly owners: string[] = [];
  readonly #evolver: Evolver;

  constructor(machine: Machine, directMap: readonly MappingRun[]) {
    this.geometry = machine.geometry;
    this.platform = machine.platform;
    const words = leafWords(machine.geometry);
    this.blocks = new DenseWords(words.blocks);
    this.mapping = new DenseWords(words.mapping);
    this.allocations = new DenseWords(words.allocations);
    this.extents = new DenseWords(words.extents);
    this.slabs = new DenseWords(words.slabs);
    writeMapping(this.mapping, machine, directMap, this.counters);
    this.#evolver = new Evolver(this);
  }

  /** Gives the next number to an owner. */
  addOwner(name: string): void {
    this.owners.push(name);
  }

  /** Folds one row. Throws InvariantError, with nothing changed, when the event cannot have happened. */
  evolve(columns: EventColumns, row: number): void {
    this.#evolver.evolve(columns, row);
  }

  /** Folds a batch, event by event. */
  fold(batch: EventBatch): void {
    const columns = columnsOf(batch);
    for (let row = 0; row < batch.length; row++) this.#evolver.evolve(columns, row);
  }

  /** A frozen copy of the counters. */
  publishCounters(): Counters {
    return Object.freeze(copyOf(this.counters));
  }

  /** The state hash: 64 hex digits. */
  hash(): string {
    return hashTables(this, this, this.counters, this.owners);
  }

  /** A view that always shows the present state. */
  view(): StateView {
    return new StateView(this, this, this.owners, (name) => this.counters[name]);
  }
}
