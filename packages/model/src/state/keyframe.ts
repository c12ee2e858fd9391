/**
 * A whole state as bytes: what a keyframe of a log holds, so that a reader need not fold all that went before. It holds what
 * the state hash is made of, and the ids of refused allocations.
 *
 * All numbers are little-endian. The counters as float64, in the order of COUNTER_NAMES; the owners' names as a JSON array in UTF-8,
 * with its length before it; then each table in the order of the state hash, and last the refused ids as a table of no words. A
 * table is a uint32 with the number of its records, the number of each record less that of the one before, and then the first word
 * of each record, the second of each, and so on: alike things side by side compress well.
 */
import { InputError } from '../errors.ts';
import type { Columns } from './columns.ts';
import { COUNTER_NAMES, type Counters, valuesOf } from './counters.ts';
import { type RecordShape, recordShapes } from './hash.ts';
import { ALLOCATION, STATUS } from './layout.ts';
import { readRecord } from './records.ts';
import type { DenseWords } from './word-table.ts';

/** The state as it is now. */
export function encodeState(columns: Columns): Uint8Array {
  const { counters, owners, geometry } = columns;
  const names = new TextEncoder().encode(JSON.stringify(owners));
  const parts: Uint8Array[] = [bytesOf(valuesOf(counters)), bytesOf(Uint32Array.of(names.length)), names];
  for (const shape of recordShapes(geometry, counters)) {
    const table = columns[shape.table];
    const numbers = numbersOf(table, shape);
    parts.push(bytesOf(tableOf(numbers, shape.words, (number, word) => wordAt(table, shape, number, word))));
  }
  parts.push(bytesOf(tableOf(refusedIds(columns), 0, () => 0)));
  return joined(parts);
}

/**
 * Puts a state into columns that no event was folded into. Throws InputError when the bytes are not those of a state after
 * `events` events; nothing says that these events lead to it.
 */
export function decodeState(bytes: Uint8Array, into: Columns, events: number): void {
  const reader = new Reader(bytes);
  const values = new Float64Array(reader.take(COUNTER_NAMES.length * 8).slice().buffer);
  const counters = Object.fromEntries(COUNTER_NAMES.map((name, index) => [name, values[index]])) as Counters;
  expectPossible(counters, events);
  Object.assign(into.counters, counters);
  for (const name of ownersIn(reader, counters.owners)) into.addOwner(name);
  for (const shape of recordShapes(into.geometry, counters)) {
    const table = into[shape.table];
    table.reserve(Math.ceil(shape.count / shape.perLeaf));
    readTable(reader, shape, (number, word, value) => {
      table.write(Math.floor(number / shape.perLeaf));
      table.words[table.base + (number % shape.perLeaf) * shape.words + word] = value;
    });
  }
  expectReferencesInside(into);
  const allocations = into.allocations;
  for (const id of numbersIn(reader, counters.lastAllocation + 1)) {
    const { base } = readRecord(into, id);
    allocations.words[base + ALLOCATION.status] = STATUS.failed;
  }
  reader.expectEnd();
}

/** Each of these numbers things that events made, so a table is never larger than the log. */
const COUNTED = ['requests', 'owners', 'lastAllocation', 'extents', 'slabs', 'liveAllocations'] as const;

function expectPossible(counters: Counters, events: number): void {
  if (counters.events !== events) throw broken(`it is one after ${counters.events} events, not ${events}`);
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

/** What an allocation refers to by number must be there: the tables grow to hold what is written to. */
function expectReferencesInside(columns: Columns): void {
  const { counters } = columns;
  for (let id = 1; id <= counters.lastAllocation; id++) {
    const { words, base } = readRecord(columns, id);
    if (words[base + ALLOCATION.status] === STATUS.unused) continue;
    const end = words[base + ALLOCATION.firstExtent] + words[base + ALLOCATION.extents];
    const isInside = end <= counters.extents && words[base + ALLOCATION.slab] <= counters.slabs;
    if (!isInside || words[base + ALLOCATION.status] > STATUS.reclaiming) {
      throw broken(`its allocation ${id} refers to what is not there`);
    }
  }
}

function numbersOf(table: DenseWords, { perLeaf, words, count, isLeftOut }: RecordShape): number[] {
  const numbers: number[] = [];
  for (let number = 0; number < count; number++) {
    table.read(Math.floor(number / perLeaf));
    if (!isLeftOut(table.words, table.base + (number % perLeaf) * words, words)) numbers.push(number);
  }
  return numbers;
}

function wordAt(table: DenseWords, { perLeaf, words }: RecordShape, number: number, word: number): number {
  table.read(Math.floor(number / perLeaf));
  return table.words[table.base + (number % perLeaf) * words + word];
}

function refusedIds(columns: Columns): number[] {
  const ids: number[] = [];
  if (columns.counters.failedRequests === 0) return ids;
  for (let id = 1; id <= columns.counters.lastAllocation; id++) {
    const { words, base } = readRecord(columns, id);
    if (words[base + ALLOCATION.status] === STATUS.failed) ids.push(id);
  }
  return ids;
}

function tableOf(
  numbers: readonly number[],
  words: number,
  wordOf: (number: number, word: number) => number,
): Uint32Array {
  const table = new Uint32Array(1 + numbers.length * (1 + words));
  table[0] = numbers.length;
  let at = 1;
  let before = 0;
  for (const number of numbers) {
    table[at++] = number - before;
    before = number;
  }
  for (let word = 0; word < words; word++) for (const number of numbers) table[at++] = wordOf(number, word);
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

function readTable(
  reader: Reader,
  { words, count }: RecordShape,
  write: (number: number, word: number, value: number) => void,
): void {
  const numbers = numbersIn(reader, count);
  for (let word = 0; word < words; word++) {
    const values = reader.words(numbers.length);
    for (let i = 0; i < values.length; i++) write(numbers[i], word, values[i]);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    // A Buffer is cut in place where a Uint8Array is copied.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw broken('it ends too early');
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

const bytesOf = (values: Uint32Array | Float64Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const broken = (why: string) => new InputError(`the keyframe holds no state: ${why}`);
