import type { Geometry } from '../geometry.ts';
import type { Platform } from '../platform.ts';
import type { MutableCounters } from './counters.ts';
import type { WordReader, WordTable } from './word-table.ts';

/** The machine of a run: its header names it, and no event changes it. */
export interface Machine {
  readonly geometry: Geometry;
  readonly platform: Platform;
}

/** The tables of the state, for reading. */
export interface StateTables<Table extends WordReader = WordReader> {
  readonly blocks: Table;
  readonly mapping: Table;
  readonly allocations: Table;
  readonly extents: Table;
  readonly slabs: Table;
}

/**
 * What the reducer needs of whatever carries the state. There are two: Columns (typed arrays, changed in place)
 * and the edit of an immutable State.
 */
export interface Editor extends Machine, StateTables<WordTable> {
  readonly counters: MutableCounters;
  addOwner(name: string): void;
}
