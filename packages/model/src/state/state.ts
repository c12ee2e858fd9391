/**
 * The published backend: an immutable state, one Immer produce per event or per batch. The wide tables are opaque
 * persistent values inside the tree; Immer neither drafts nor freezes them, and nothing outside can change them.
 */
import { castDraft, produce } from 'immer';
import { columnsOf, type EventBatch } from '../events/batch.ts';
import type { EventColumns } from '../events/columns.ts';
import type { Geometry } from '../geometry.ts';
import type { MappingRun } from '../memory-state.ts';
import type { Platform } from '../platform.ts';
import type { Columns } from './columns.ts';
import { type Counters, copyOf, type MutableCounters, zeroCounters } from './counters.ts';
import { type Editor, type Machine, mapTables, type StateTables } from './editor.ts';
import { Evolver } from './evolve/evolve.ts';
import { hashTables } from './hash.ts';
import { leafWords } from './layout.ts';
import { writeMapping } from './mapping.ts';
import { PersistentWords, type WordsEdit } from './persistent-words.ts';
import { StateView } from './view.ts';
import type { DenseWords } from './word-table.ts';

let tablesOf: (tables: Tables) => StateTables<PersistentWords>;
const editsOf = (tables: Tables): StateTables<WordsEdit> =>
  mapTables(tablesOf(tables), (table) => table.edit());

/** The tables of a state: opaque, and immutable for good. viewOf() reads them. */
export class Tables {
  readonly #tables: StateTables<PersistentWords>;

  static {
    tablesOf = (tables) => tables.#tables;
  }

  constructor(tables: StateTables<PersistentWords>) {
    this.#tables = tables;
    Object.freeze(this);
  }
}

/** Everything that is true after a number of events. Deeply immutable. */
export interface State {
  readonly geometry: Geometry;
  readonly platform: Platform;
  readonly counters: Counters;
  /** Names by owner number. */
  readonly owners: readonly string[];
  readonly tables: Tables;
}

/** The state before the first event. */
export function initialState(machine: Machine, directMap: readonly MappingRun[]): State {
  const counters = zeroCounters();
  const empty = mapTables(leafWords(machine.geometry), PersistentWords.empty);
  const mapping = empty.mapping.edit();
  writeMapping(mapping, machine, directMap, counters);
  return produce(
    {
      geometry: machine.geometry,
      platform: machine.platform,
      counters,
      owners: [] as readonly string[],
      tables: new Tables({ ...empty, mapping: mapping.publish() }),
    },
    () => {},
  );
}

/** An edit of a state: what the reducer writes into during one produce. Most events touch few tables: the others get no edit. */
class StateEdit implements Editor {
  readonly geometry: Geometry;
  readonly platform: Platform;
  readonly counters: MutableCounters;
  readonly newOwners: string[] = [];
  readonly #tables: StateTables<PersistentWords>;
  #blocks: WordsEdit | undefined;
  #mapping: WordsEdit | undefined;
  #allocations: WordsEdit | undefined;
  #extents: WordsEdit | undefined;
  #slabs: WordsEdit | undefined;

  constructor(state: State) {
    this.geometry = state.geometry;
    this.platform = state.platform;
    this.counters = copyOf(state.counters);
    this.#tables = tablesOf(state.tables);
  }

  get blocks(): WordsEdit {
    this.#blocks ??= this.#tables.blocks.edit();
    return this.#blocks;
  }

  get mapping(): WordsEdit {
    this.#mapping ??= this.#tables.mapping.edit();
    return this.#mapping;
  }

  get allocations(): WordsEdit {
    this.#allocations ??= this.#tables.allocations.edit();
    return this.#allocations;
  }

  get extents(): WordsEdit {
    this.#extents ??= this.#tables.extents.edit();
    return this.#extents;
  }

  get slabs(): WordsEdit {
    this.#slabs ??= this.#tables.slabs.edit();
    return this.#slabs;
  }

  addOwner(name: string): void {
    this.newOwners.push(name);
  }

  publish(): Tables {
    const tables = this.#tables;
    return new Tables({
      blocks: this.#blocks?.publish() ?? tables.blocks,
      mapping: this.#mapping?.publish() ?? tables.mapping,
      allocations: this.#allocations?.publish() ?? tables.allocations,
      extents: this.#extents?.publish() ?? tables.extents,
      slabs: this.#slabs?.publish() ?? tables.slabs,
    });
  }
}

/** Folds rows [from, to) into a new state. Throws InvariantError if one of them cannot have happened. */
export function foldRows(state: State, columns: EventColumns, from: number, to: number): State {
  return produce(state, (draft) => {
    const edit = new StateEdit(state);
    const evolver = new Evolver(edit);
    for (let row = from; row < to; row++) evolver.evolve(columns, row);
    draft.counters = Object.freeze(edit.counters);
    draft.tables = castDraft(edit.publish());
    if (edit.newOwners.length > 0) draft.owners.push(...edit.newOwners);
  });
}

/** Folds a batch of events into a new state. */
export const foldBatch = (state: State, batch: EventBatch): State =>
  foldRows(state, columnsOf(batch), 0, batch.length);

/** Read access to a published state. */
export const viewOf = (state: State): StateView =>
  new StateView(state, editsOf(state.tables), state.owners, (name) => state.counters[name]);

/** The state hash: 64 hex digits, the same as Columns.hash() after the same events. */
export const hashOf = (state: State): string =>
  hashTables(state, editsOf(state.tables), state.counters, state.owners);

/** Publishes what a Columns has come to as an immutable state; it costs a copy of everything in use. */
export function publish(columns: Columns): State {
  const state = initialState(columns, []);
  return produce(state, (draft) => {
    const edit = new StateEdit(state);
    for (const name of TABLES) copyLeaves(columns[name], edit[name]);
    draft.counters = castDraft(columns.publishCounters());
    draft.tables = castDraft(edit.publish());
    draft.owners = [...columns.owners];
  });
}

const TABLES = ['blocks', 'mapping', 'allocations', 'extents', 'slabs'] as const;

function copyLeaves(from: DenseWords, to: WordsEdit): void {
  for (let leaf = 0; leaf < from.leaves; leaf++) {
    from.read(leaf);
    const words = from.words.subarray(from.base, from.base + from.leafWords);
    if (words.every((word) => word === 0)) continue;
    to.write(leaf);
    for (let i = 0; i < words.length; i++) to.words[to.base + i] = words[i];
  }
}
