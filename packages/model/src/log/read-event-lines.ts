/** Reads event lines: compares the bytes between numbers, and takes digits from between them. */
import { InputError } from '../errors.ts';
import type { EventRows } from '../events/batch.ts';
import { type Field, MAX_WORD } from '../events/fields.ts';
import { EVENT_TYPES, fieldsOf } from '../events/schema.ts';
import { type Hole, parseJson, REQUEST, SEQ, type Text, TIME, textOf, ZERO } from './line-text.ts';

/** Keeps a byte order mark, which JSON does not allow. */
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });
const TYPE = textOf(',"type":');
const CLOSING_BRACE = 125;
const CARRIAGE_RETURN = 13;

/**
 * Appends the event of the line bytes[from, to), which has no newline but may end with a carriage return. Throws
 * InputError when it is not event number `seq`; then nothing is appended. The caller checks isFull.
 */
export function appendEventLine(
  rows: EventRows,
  bytes: Uint8Array,
  from: number,
  to: number,
  seq: number,
): void {
  const end = bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to;
  if (!appendPlainLine(rows, bytes, from, end, seq)) appendAnyLine(rows, bytes, from, end, seq);
}

function appendAnyLine(rows: EventRows, bytes: Uint8Array, from: number, end: number, seq: number): void {
  const value = parseJson(DECODER.decode(bytes.subarray(from, end)));
  const given = (value as { seq?: unknown } | null)?.seq;
  if (given !== seq)
    throw new InputError(`'seq' is ${JSON.stringify(given)}; expected ${seq}, the next event`);
  rows.appendObject(value);
}

/** The fast way; false for a line that it cannot read. It may read beyond `end`: the last check refuses such a line. */
function appendPlainLine(
  rows: EventRows,
  bytes: Uint8Array,
  from: number,
  end: number,
  seq: number,
): boolean {
  let at = skip(bytes, from, SEQ);
  at = skip(bytes, takeWhole(bytes, at, SLOT.seq, Number.MAX_SAFE_INTEGER), TIME);
  if (taken[SLOT.seq] !== seq) return false;
  at = skip(bytes, takeWhole(bytes, at, SLOT.time, Number.MAX_SAFE_INTEGER), REQUEST);
  at = skip(bytes, takeWhole(bytes, at, SLOT.request, MAX_WORD), TYPE);
  const type = TYPES.pick(bytes, at);
  // Undefined for a text that is no type, too.
  const fields = LINE_FIELDS[type];
  if (fields === undefined) return false;
  at = takeFields(bytes, at + TYPES.texts[type].bytes.length, fields);
  if (at !== end - 1 || bytes[at] !== CLOSING_BRACE) return false;
  appendTaken(rows, type);
  return true;
}

/** Index in `taken` of each part of a line. */
const SLOT = {
  allocation: 0,
  pfn: 1,
  pages: 2,
  bytes: 3,
  owner: 4,
  code: 5,
  seq: 6,
  time: 7,
  request: 8,
  /** A number that stands for something else. */
  coded: 9,
} as const satisfies Readonly<Record<Hole, number>> & Readonly<Record<string, number>>;

/** The numbers of a line, which become a row once all of the line is read. */
const taken = new Float64Array(10);

function appendTaken(rows: EventRows, type: number): void {
  const row = rows.append(
    type,
    taken[SLOT.time],
    taken[SLOT.request],
    taken[SLOT.allocation],
    taken[SLOT.pfn],
    taken[SLOT.pages],
    taken[SLOT.code],
  );
  rows.columns.bytes[row] = taken[SLOT.bytes];
  rows.columns.owner[row] = taken[SLOT.owner];
}

/** Where the text that begins at `at` ends; -1 if there is another text, or `at` is -1: behind one that is not there is none. */
function skip(bytes: Uint8Array, at: number, text: Text): number {
  if (at < 0) return at;
  const expected = text.bytes;
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return -1;
  return at + expected.length;
}

/**
 * Takes the whole number at `at` into a slot, and gives its end; -1 if there is none, or one above `max`. Of a number that
 * begins with 0 only the 0 is taken: no text that may follow begins with a digit.
 */
function takeWhole(bytes: Uint8Array, at: number, slot: number, max: number): number {
  if (at < 0) return -1;
  let number = (bytes[at] - ZERO) >>> 0;
  if (number > 9) return -1;
  const begin = at++;
  if (number !== 0) {
    // Nine digits always fit a 32-bit integer.
    for (; at < begin + 9; at++) {
      const digit = (bytes[at] - ZERO) >>> 0;
      if (digit > 9) break;
      number = (number * 10 + digit) | 0;
    }
  }
  taken[slot] = number;
  if (at === begin + 9) at = takeMoreDigits(bytes, at, slot);
  return taken[slot] <= max ? at : -1;
}

/** Up to seven digits more: 16 hold every exact number, and an inexact one comes out above `max`. */
function takeMoreDigits(bytes: Uint8Array, at: number, slot: number): number {
  const end = at + 7;
  let number = 0;
  let scale = 1;
  for (; at < end; at++) {
    const digit = (bytes[at] - ZERO) >>> 0;
    if (digit > 9) break;
    number = number * 10 + digit;
    scale *= 10;
  }
  taken[slot] = taken[slot] * scale + number;
  return at;
}

/** One of several texts, told apart by few of their bytes. None is the beginning of another. */
class Choice {
  readonly texts: readonly Text[];
  /** Of each node: at which byte of the text to look. */
  readonly #offsets: number[] = [];
  /** Of each node, by the low 7 bits of that byte: the node to go on at; or -1 - index of the only text left; or 0. */
  readonly #next: Int16Array;

  constructor(texts: readonly string[]) {
    this.texts = texts.map(textOf);
    // At least two ways lead on from a node, so there are fewer nodes than texts; a single text has a node too.
    this.#next = new Int16Array(128 * texts.length);
    this.#addNode([...texts.keys()]);
  }

  #addNode(indices: readonly number[]): number {
    const node = this.#offsets.length;
    const offset = this.#mostTelling(indices);
    this.#offsets.push(offset);
    const byteOf = (index: number) => this.texts[index].bytes[offset];
    for (const byte of new Set(indices.map(byteOf))) {
      const left = indices.filter((index) => byteOf(index) === byte);
      this.#next[node * 128 + byte] = left.length === 1 ? -1 - left[0] : this.#addNode(left);
    }
    return node;
  }

  /** The offset with the most different bytes. The shortest text ends behind it: it differs from all others before. */
  #mostTelling(indices: readonly number[]): number {
    const shortest = Math.min(...indices.map((index) => this.texts[index].bytes.length));
    const telling = Array.from(
      { length: shortest },
      (_, offset) => new Set(indices.map((index) => this.texts[index].bytes[offset])).size,
    );
    return telling.indexOf(Math.max(...telling));
  }

  /** Index of the text at `at`; -1 if it is none of them. */
  pick(bytes: Uint8Array, at: number): number {
    let node = 0;
    do node = this.#next[node * 128 + (bytes[at + this.#offsets[node]] & 127)];
    while (node > 0);
    if (node === 0) return -1;
    const index = -1 - node;
    return skip(bytes, at, this.texts[index]) < 0 ? -1 : index;
  }
}

const TYPES = new Choice(EVENT_TYPES.map((type) => JSON.stringify(type)));

/** How a field is read: a number as it is, or a number or a text that stands for bits of the slot. */
interface LineField {
  /** Its name, and what is around it. */
  readonly key: Text;
  readonly isOptional: boolean;
  readonly slot: number;
  readonly max: number;
  /** Bits of the code that say that the field is there. */
  readonly flag: number;
  readonly choice: Choice | undefined;
  /** By the number, or by the index of the text: the bits. Undefined for a number as it is. */
  readonly bits: ReadonlyMap<number, number> | undefined;
}

/** Takes all fields of a type, up to the closing brace; -1 for a line that the fast way cannot read. */
function takeFields(bytes: Uint8Array, at: number, fields: readonly LineField[]): number {
  for (let slot = 0; slot <= SLOT.code; slot++) taken[slot] = 0;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const value = skip(bytes, at, field.key);
    if (value < 0 && field.isOptional) continue;
    at =
      field.bits === undefined ? takeNumber(bytes, value, field) : takeBits(bytes, value, field, field.bits);
  }
  return at;
}

function takeNumber(bytes: Uint8Array, at: number, { slot, max, flag }: LineField): number {
  taken[SLOT.code] += flag;
  return takeWhole(bytes, at, slot, max);
}

function takeBits(
  bytes: Uint8Array,
  at: number,
  { slot, choice, max }: LineField,
  bitsOf: ReadonlyMap<number, number>,
): number {
  let value: number;
  if (choice === undefined) {
    at = takeWhole(bytes, at, SLOT.coded, max);
    value = taken[SLOT.coded];
  } else {
    value = choice.pick(bytes, at);
    if (value >= 0) at += choice.texts[value].bytes.length;
  }
  const bits = bitsOf.get(value);
  if (bits === undefined) return -1;
  taken[slot] += bits;
  return at;
}

function lineField(name: string, field: Field): LineField {
  const { isOptional, column, max, flag } = field;
  const slot = column === 'name' ? SLOT.code : SLOT[column];
  const plain: LineField = {
    key: textOf(`,${JSON.stringify(name)}:`),
    isOptional,
    slot,
    max,
    flag,
    choice: undefined,
    bits: undefined,
  };
  if (field.bits === undefined) return plain;
  const values = [...field.bits];
  if (values.every(([value]) => typeof value === 'number')) {
    return { ...plain, bits: new Map(values) as ReadonlyMap<number, number> };
  }
  const choice = new Choice(values.map(([value]) => JSON.stringify(value)));
  return { ...plain, choice, bits: new Map(values.map(([, bits], index) => [index, bits])) };
}

/** By type, in the order in which they are written; undefined if a name is among them. */
const LINE_FIELDS: readonly (readonly LineField[] | undefined)[] = EVENT_TYPES.map((type) => {
  const fields = Object.entries(fieldsOf(type));
  const hasName = fields.some(([, { kind }]) => kind === 'name');
  return hasName ? undefined : fields.map(([name, field]) => lineField(name, field));
});
