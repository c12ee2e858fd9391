/**
 * A whole state as bytes: what a keyframe of a log holds, so that a reader need not fold what went before. It holds what the
 * state hash covers, and those finished allocations that an event can still be about: refused ones, whose requests are
 * skipped, and those whose object left a slab empty, which may yet give its pages back.
 *
 * All numbers are little-endian. The number of counters (a uint32, not before schema version 3) and the counters as float64,
 * in the order of COUNTER_NAMES; the owners' names as a JSON array in UTF-8, with its length before it; each table in the
 * order of the state hash; the refused ids as a table of no words; and the allocations that left a slab empty. A table is a
 * uint32 with the number of its records, the number of each record less that of the one before, and then the first word of
 * each record, the second word of each, and so on: alike things side by side compress well.
 */
import { concatBytes } from '@noble/hashes/utils.js';
import { InputError } from '../errors.ts';
import { RULES_SINCE, SCHEMA_VERSION } from '../log/upcast.ts';
import type { Columns } from './columns.ts';
import { COUNTER_NAMES, type Counters, HASHED_COUNTER_NAMES, valuesOf } from './counters.ts';
import { bytesOf, type RecordShape, recordShapes } from './hash.ts';
import {
  ALLOCATION,
  ALLOCATION_WORDS,
  EXTENT,
  HASHED_ALLOCATION,
  MAX_UNITS,
  SLAB,
  STATUS,
} from './layout.ts';
import { editRecord, noteNextExtent, seekExtent, seekRecord } from './records.ts';
import type { DenseWords } from './word-table.ts';

/** The state as it is now. */
export function encodeState(columns: Columns): Uint8Array {
  const { counters, owners, geometry } = columns;
  const names = new TextEncoder().encode(JSON.stringify(owners));
  const parts: Uint8Array[] = [
    bytesOf(Uint32Array.of(COUNTER_NAMES.length)),
    bytesOf(valuesOf(counters, COUNTER_NAMES)),
    bytesOf(Uint32Array.of(names.length)),
    names,
  ];
  for (const shape of recordShapes(geometry, counters)) {
    parts.push(bytesOf(tableOf(columns, shape, numbersOf(columns[shape.table], shape))));
  }
  parts.push(bytesOf(tableOf(columns, refusedShape(counters), refusedIds(columns))));
  parts.push(bytesOf(tableOf(columns, emptierShape(counters), emptierIds(columns))));
  return concatBytes(...parts);
}

/**
 * Puts a state into columns that no event was folded into. `version`: schema version of the log. Throws InputError if the
 * bytes are not those of a state after `events` events.
 */
export function decodeState(
  bytes: Uint8Array,
  into: Columns,
  events: number,
  version = SCHEMA_VERSION,
): void {
  const reader = new Reader(bytes);
  const count = version < RULES_SINCE ? HASHED_COUNTER_NAMES.length : reader.word();
  const [least, most] = [HASHED_COUNTER_NAMES.length, COUNTER_NAMES.length];
  if (count < least || count > most) {
    throw broken(`it has ${count} counters; expected ${least} to ${most}`);
  }
  const values = new Float64Array(reader.take(count * 8).slice().buffer);
  // A counter that is newer than the keyframe counts events that its log does not have.
  const entries = COUNTER_NAMES.map((name, index) => [name, values[index] ?? 0]);
  const counters = Object.fromEntries(entries) as Counters;
  expectPossible(counters, events);
  Object.assign(into.counters, counters);
  for (const name of ownersIn(reader, counters.owners)) into.addOwner(name);
  let live: Uint32Array = new Uint32Array();
  for (const shape of recordShapes(into.geometry, counters)) {
    const numbers = readTable(reader, shape, into);
    EXPECTED[shape.table]?.(into, numbers);
    if (shape.table === 'allocations') live = numbers;
  }
  for (const id of live) noteNextExtent(into, id);
  for (const id of readTable(reader, refusedShape(counters), into)) {
    const base = editRecord(into, id);
    const { words } = into.allocations;
    words[base + ALLOCATION.status] = STATUS.failed;
  }
  const isOld = version < RULES_SINCE;
  const emptiers = readTable(reader, isOld ? oldEmptierShape(counters) : emptierShape(counters), into);
  if (isOld) for (const id of emptiers) separateEmptied(into, id);
  expectAllocations(into, emptiers);
  reader.expectEnd();
}

const idShape = (counters: Counters, words: readonly number[]): RecordShape => ({
  table: 'allocations',
  words,
  stride: ALLOCATION_WORDS,
  perLeaf: 1,
  count: counters.lastAllocation + 1,
  isLeftOut: () => false,
});
const refusedShape = (counters: Counters) => idShape(counters, []);
const emptierShape = (counters: Counters) =>
  idShape(counters, [...HASHED_ALLOCATION, ALLOCATION.emptiedSlab, ALLOCATION.emptiedBy]);
const oldEmptierShape = (counters: Counters) => idShape(counters, HASHED_ALLOCATION);

/** Before schema version 3 the emptied slab stood in the place of the units, and its request in that of the first extent. */
function separateEmptied(columns: Columns, id: number): void {
  const base = editRecord(columns, id);
  const { words } = columns.allocations;
  words[base + ALLOCATION.emptiedSlab] = words[base + ALLOCATION.units];
  words[base + ALLOCATION.emptiedBy] = words[base + ALLOCATION.firstExtent];
  words[base + ALLOCATION.units] = 0;
  words[base + ALLOCATION.firstExtent] = 0;
}

/** Each of these numbers things that events made, so a table is never larger than the log. */
const COUNTED = ['requests', 'owners', 'lastAllocation', 'extents', 'slabs', 'liveAllocations'] as const;

function expectPossible(counters: Counters, events: number): void {
  if (counters.events !== events)
    throw broken(`its state is after ${counters.events} events; expected ${events}`);
  for (const name of COUNTER_NAMES) {
    if (!Number.isSafeInteger(counters[name])) throw broken(`its counter ${name} is ${counters[name]}`);
  }
  for (const name of COUNTED) {
    if (counters[name] < 0 || counters[name] > events)
      throw broken(`its counter ${name} is ${counters[name]}`);
  }
}

function ownersIn(reader: Reader, count: number): string[] {
  const text = new TextDecoder().decode(reader.take(reader.word()));
  try {
    const names: unknown = JSON.parse(text);
    if (Array.isArray(names) && names.length === count && names.every((name) => typeof name === 'string')) {
      return names;
    }
  } catch {
    // Told below.
  }
  throw broken('its owners are not a list of names');
}

/** What records say of others must be there, and ranges inside the memory: the tables grow to hold what is written to. */
const EXPECTED: Readonly<Record<string, (columns: Columns, numbers: Uint32Array) => void>> = {
  allocations: expectAllocations,
  extents: expectExtents,
  slabs: expectSlabs,
};

function expectAllocations(columns: Columns, ids: Uint32Array): void {
  const { counters } = columns;
  for (const id of ids) {
    const base = seekRecord(columns, id);
    const { words } = columns.allocations;
    const end = words[base + ALLOCATION.firstExtent] + words[base + ALLOCATION.extents];
    const units = words[base + ALLOCATION.units];
    const status = words[base + ALLOCATION.status];
    const isInside =
      words[base + ALLOCATION.owner] < counters.owners &&
      words[base + ALLOCATION.emptiedSlab] <= counters.slabs &&
      (status === STATUS.freed ||
        (end <= counters.extents &&
          words[base + ALLOCATION.slab] <= counters.slabs &&
          (units & 0xffff) + (units >>> 16) <= MAX_UNITS));
    if (!isInside || status === STATUS.unused || status > STATUS.reclaiming) {
      throw broken(`its allocation ${id} has an invalid status or refers to a missing record`);
    }
  }
}

function expectExtents(columns: Columns, numbers: Uint32Array): void {
  const { extents, geometry } = columns;
  for (const number of numbers) {
    const at = seekExtent(columns, number);
    if (extents.words[at + EXTENT.pfn] + extents.words[at + EXTENT.pages] > geometry.spanPages) {
      throw broken(`its extent ${number} ends beyond the memory`);
    }
  }
}

function expectSlabs({ slabs, geometry, counters }: Columns, numbers: Uint32Array): void {
  for (const number of numbers) {
    slabs.read(number);
    const { words, base } = slabs;
    const isInside =
      words[base + SLAB.pfn] + words[base + SLAB.pages] <= geometry.spanPages &&
      words[base + SLAB.cache] < counters.owners &&
      words[base + SLAB.units] <= MAX_UNITS;
    if (!isInside) throw broken(`its slab ${number} ends beyond the memory or has an invalid cache or size`);
  }
}

function numbersOf(table: DenseWords, { perLeaf, stride, count, isLeftOut }: RecordShape): number[] {
  const numbers: number[] = [];
  const leaves = Math.ceil(count / perLeaf);
  for (let leaf = table.nextInUse(0); leaf < leaves; leaf = table.nextInUse(leaf + 1)) {
    table.read(leaf);
    const first = leaf * perLeaf;
    for (let i = 0; i < perLeaf && first + i < count; i++) {
      if (!isLeftOut(table.words, table.base + i * stride, stride)) numbers.push(first + i);
    }
  }
  return numbers;
}

function refusedIds(columns: Columns): number[] {
  const ids: number[] = [];
  if (columns.counters.failedRequests === 0) return ids;
  for (const id of columns.view().allocations()) {
    const base = seekRecord(columns, id);
    const { words } = columns.allocations;
    if (words[base + ALLOCATION.status] === STATUS.failed) ids.push(id);
  }
  return ids;
}

/** Of each empty slab the freed allocation whose object left it last. */
function emptierIds(columns: Columns): number[] {
  const { counters, slabs } = columns;
  const bySlab = new Map<number, { readonly id: number; readonly request: number }>();
  if (counters.liveSlabs === 0) return [];
  for (const id of columns.view().allocations()) {
    const base = seekRecord(columns, id);
    const { words } = columns.allocations;
    const slab = words[base + ALLOCATION.emptiedSlab];
    if (slab === 0 || words[base + ALLOCATION.status] !== STATUS.freed) continue;
    slabs.read(slab);
    if (slabs.words[slabs.base + SLAB.status] === 0 || slabs.words[slabs.base + SLAB.usedUnits] !== 0)
      continue;
    const request = words[base + ALLOCATION.emptiedBy];
    const other = bySlab.get(slab);
    if (other === undefined || other.request < request) bySlab.set(slab, { id, request });
  }
  return [...bySlab.values()].map(({ id }) => id).sort((a, b) => a - b);
}

function tableOf(columns: Columns, shape: RecordShape, numbers: readonly number[]): Uint32Array {
  const { words, stride, perLeaf } = shape;
  const table = new Uint32Array(1 + numbers.length * (1 + words.length));
  table[0] = numbers.length;
  let at = 1;
  let before = 0;
  for (const number of numbers) {
    table[at++] = number - before;
    before = number;
  }
  // Record by record: each lies together, the words of all of them far apart. No iterators: there may be a million records.
  const from = columns[shape.table];
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i];
    from.read(Math.floor(number / perLeaf));
    const base = from.base + (number % perLeaf) * stride;
    const record = from.words;
    for (let column = 0; column < words.length; column++)
      table[at + column * numbers.length] = record[base + words[column]];
    at++;
  }
  return table;
}

/** Ascending numbers below `end`. */
function numbersIn(reader: Reader, end: number): Uint32Array {
  const steps = reader.words(reader.word());
  let number = 0;
  for (let i = 0; i < steps.length; i++) {
    if (i > 0 && steps[i] === 0) throw broken('a table has a record twice');
    number += steps[i];
    if (number >= end) throw broken(`a table has record ${number}; there are ${end}`);
    steps[i] = number;
  }
  return steps;
}

/** Writes the records of a table, and gives their numbers. */
function readTable(
  reader: Reader,
  { table: name, words, stride, perLeaf, count }: RecordShape,
  into: Columns,
): Uint32Array {
  const table = into[name];
  const numbers = numbersIn(reader, count);
  const values = reader.words(numbers.length * words.length);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i];
    table.write(Math.floor(number / perLeaf));
    const base = table.base + (number % perLeaf) * stride;
    const record = table.words;
    for (let column = 0; column < words.length; column++)
      record[base + words[column]] = values[column * numbers.length + i];
  }
  return numbers;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    // A Buffer is cut in place where a Uint8Array is copied.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw broken('it is too short');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  words(count: number): Uint32Array {
    return new Uint32Array(this.take(count * 4).slice().buffer);
  }

  word(): number {
    return this.words(1)[0];
  }

  expectEnd(): void {
    if (this.#at !== this.#bytes.length) throw broken(`${this.#bytes.length - this.#at} bytes are left over`);
  }
}

const broken = (why: string) => new InputError(`invalid keyframe: ${why}`);
