/** Writes event lines: copies the bytes of templates, and puts digits between them. */
import { columnsOf, type EventBatch } from '../events/batch.ts';
import { allocateColumns } from '../events/columns.ts';
import { attributeFields, MAX_WORD } from '../events/fields.ts';
import { eventAt, KNOWN_CODES } from '../events/objects.ts';
import { EVENT_TYPES, fieldsOf } from '../events/schema.ts';
import { areAttributes } from '../requests.ts';
import { HOLES, type Hole, REQUEST, SEQ, type Text, TIME, textOf, ZERO } from './line-text.ts';

const ENCODER = new TextEncoder();
const LINE_END = textOf('}\n');

/** What the lines of one type and code have in common. `texts[i]` comes before `holes[i]`, the last before the end. */
interface Template {
  readonly texts: readonly Text[];
  /** Indices of HOLES. */
  readonly holes: readonly number[];
  /** Whether the pfn column holds attributes: they are written behind the last text. */
  readonly hasAttributes: boolean;
}

/** Numbers that mark the holes in the line that a template is made from; nothing else in it looks like them. */
const MARKS: Readonly<Record<Hole, number>> = {
  allocation: 4111111111,
  pfn: 4122222222,
  pages: 4133333333,
  bytes: 4144444444,
  owner: 65432,
};
const MARK = new RegExp(`(${Object.values(MARKS).join('|')})`);
const HEAD = '{"seq":0,"time":0,"request":0';

/** Made from a line that JSON.stringify() wrote, so the order of keys has one source. */
function templateOf(type: number, code: number): Template | undefined {
  const kinds = Object.values(fieldsOf(EVENT_TYPES[type])).map(({ kind }) => kind);
  if (kinds.includes('name')) return undefined;
  const hasAttributes = kinds.includes('attribute');
  const columns = allocateColumns(1);
  for (const hole of HOLES) columns[hole][0] = hole === 'pfn' && hasAttributes ? 0 : MARKS[hole];
  columns.type[0] = type;
  columns.code[0] = code;
  const pieces = JSON.stringify(eventAt(columns, 0, 0))
    .slice(HEAD.length, -1)
    .split(MARK);
  const marks = pieces.filter((_, index) => index % 2 === 1).map(Number);
  return {
    texts: pieces.filter((_, index) => index % 2 === 0).map(textOf),
    holes: marks.map((mark) => HOLES.findIndex((hole) => MARKS[hole] === mark)),
    hasAttributes,
  };
}

/** By type and code. Rows with higher codes than any event of their type go the general way. */
const TEMPLATES: readonly (readonly (Template | undefined)[])[] = KNOWN_CODES.map((codes, type) =>
  codes.map((_, code) => templateOf(type, code)),
);

/** More than any line from a template has: five numbers of 10 digits and two of 16, attributes, and the texts. */
const MAX_LINE_BYTES = 1024;
/** Somewhat more than most lines need. */
const USUAL_LINE_BYTES = 144;
const NOTHING = new Uint8Array();

/**
 * The lines of a batch in UTF-8: JSON.stringify() of each event, and a newline. Fresh memory is expensive: a caller can lend a
 * buffer as `room`, and gets a part of it back if it is long enough.
 */
export function encodeEventLines(
  batch: EventBatch,
  room: Uint8Array = new Uint8Array(batch.length * USUAL_LINE_BYTES + MAX_LINE_BYTES),
): Uint8Array {
  const columns = columnsOf(batch);
  const { type, code, time, request, pfn } = columns;
  const numbers = HOLES.map((hole) => columns[hole]);
  let out = room;
  let view = viewOf(out);
  let at = 0;
  for (let row = 0; row < batch.length; row++) {
    const isPlain = Number.isSafeInteger(time[row]) && time[row] >= 0;
    const template = isPlain ? TEMPLATES[type[row]]?.[code[row]] : undefined;
    const other = template === undefined ? ENCODER.encode(`${JSON.stringify(batch.at(row))}\n`) : NOTHING;
    if (out.length - at < MAX_LINE_BYTES + other.length) {
      out = withRoom(out, MAX_LINE_BYTES + other.length);
      view = viewOf(out);
    }
    if (template === undefined) {
      out.set(other, at);
      at += other.length;
      continue;
    }
    at = putWhole(out, putText(view, at, SEQ), batch.firstSeq + row);
    at = putWhole(out, putText(view, at, TIME), time[row]);
    at = putWord(out, putText(view, at, REQUEST), request[row]);
    const { texts, holes } = template;
    for (let i = 0; i < holes.length; i++) {
      at = putWord(out, putText(view, at, texts[i]), numbers[holes[i]][row]);
    }
    at = putText(view, at, texts[holes.length]);
    if (template.hasAttributes && pfn[row] !== 0) at = putText(view, at, attributesText(pfn[row]));
    at = putText(view, at, LINE_END);
  }
  return out.subarray(0, at);
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function withRoom(out: Uint8Array, bytes: number): Uint8Array {
  const grown = new Uint8Array(out.length * 2 + bytes);
  grown.set(out);
  return grown;
}

/** Four bytes at a time: up to three zeros after the text, which the next text overwrites. */
function putText(view: DataView, at: number, { bytes, words }: Text): number {
  for (let i = 0; i < words.length; i++) view.setInt32(at + 4 * i, words[i], true);
  return at + bytes.length;
}

/** The digits of a whole number up to 2^53 - 1. */
function putWhole(out: Uint8Array, at: number, value: number): number {
  if (value <= MAX_WORD) return putWord(out, at, value);
  const high = Math.floor(value / 1e8);
  const low = value - high * 1e8;
  at = putWord(out, at, high);
  const left = Math.floor(low / 1e4);
  const right = low - left * 1e4;
  putPair(out, at, (left / 100) | 0);
  putPair(out, at + 2, left % 100);
  putPair(out, at + 4, (right / 100) | 0);
  putPair(out, at + 6, right % 100);
  return at + 8;
}

/** The digits of a 32-bit word, from the last to the first. */
function putWord(out: Uint8Array, at: number, word: number): number {
  const end = at + digitsOf(word);
  let rest = word >>> 0;
  let before = end;
  while (rest >= 100) {
    const higher = (rest / 100) >>> 0;
    before -= 2;
    putPair(out, before, rest - higher * 100);
    rest = higher;
  }
  if (rest >= 10) putPair(out, at, rest);
  else out[at] = ZERO + rest;
  return end;
}

function digitsOf(word: number): number {
  if (word < 1e5) return word < 100 ? (word < 10 ? 1 : 2) : word < 1000 ? 3 : word < 1e4 ? 4 : 5;
  return word < 1e7 ? (word < 1e6 ? 6 : 7) : word < 1e8 ? 8 : word < 1e9 ? 9 : 10;
}

/** Of 0 to 99, both digits. */
const TENS = Uint8Array.from({ length: 100 }, (_, pair) => ZERO + Math.floor(pair / 10));
const ONES = Uint8Array.from({ length: 100 }, (_, pair) => ZERO + (pair % 10));

function putPair(out: Uint8Array, at: number, pair: number): void {
  out[at] = TENS[pair];
  out[at + 1] = ONES[pair];
}

const attributesTexts = new Map<number, Text>();

/** The fields that a word of attributes stands for, each behind a comma: one at least, if the word is not 0. */
function attributesText(word: number): Text {
  const known = attributesTexts.get(word);
  if (known !== undefined) return known;
  const text = textOf(`,${JSON.stringify(attributeFields(word)).slice(1, -1)}`);
  // Valid attributes are few; a damaged row may have any others.
  if (areAttributes(word)) attributesTexts.set(word, text);
  return text;
}
