import type { Geometry } from '../geometry.ts';
import type { Platform } from '../platform.ts';
import type { MutableCounters } from './counters.ts';
import type { WordReader, WordTable } from './word-table.ts';

/** The machine of a run: its header names it, and no event changes it. */
export interface Machine {
  readonly geometry: Geometry;
  readonly platform: Platform;
}

/** The tables of the state; by default as they are read. */
export interface StateTables<Table = WordReader> {
  readonly blocks: Table;
  readonly mapping: Table;
  readonly allocations: Table;
  readonly extents: Table;
  readonly slabs: Table;
}

/** Makes tables of other tables. */
export const mapTables = <From, To>(
  { blocks, mapping, allocations, extents, slabs }: StateTables<From>,
  make: (table: From) => To,
): StateTables<To> => ({
  blocks: make(blocks),
  mapping: make(mapping),
  allocations: make(allocations),
  extents: make(extents),
  slabs: make(slabs),
});

/**
 * What the reducer needs of whatever carries the state. There are two: Columns (typed arrays, changed in place)
 * and the edit of an immutable State.
 */
export interface Editor extends Machine, StateTables<WordTable> {
  readonly counters: MutableCounters;
  addOwner(name: string): void;
}
