/**
 * NDJSON: the log for people. Each line is a JSON object: the header, then of each segment its events and its checkpoint, now
 * and then a keyframe, and the seal.
 */
import { InputError } from '../errors.ts';
import { EventBatch, EventRows } from '../events/batch.ts';
import { type LogHeader, parseHeader } from './header.ts';
import { parseJson } from './line-text.ts';
import { appendEventLine } from './read-event-lines.ts';
import { LogOrder, type LogRecord } from './record.ts';
import { MAX_SEGMENT_EVENTS, type MarkName, type Marks, parseMark } from './seal.ts';

export { encodeEventLines } from './write-event-lines.ts';

/** The first line of an NDJSON log. */
export const encodeHeaderLine = (header: LogHeader): string => `${JSON.stringify(header)}\n`;

/** A line of an NDJSON log that is no event: a checkpoint, a keyframe or the seal. */
export const encodeMarkLine = <Name extends MarkName>(name: Name, mark: Marks[Name]): string =>
  `${JSON.stringify({ [name]: mark })}\n`;

const NEWLINE = 10;
/** Limits far above what a log has. */
const MAX_LINE_BYTES = 2 ** 26;
const MAX_KEYFRAME_BYTES = 2 ** 28;
/** A larger buffer is released after its line. */
const MAX_KEPT_BYTES = 2 ** 20;
/** Events that there is room for at first; in a log of schema version 1 those of a batch. */
const SEGMENT_ROWS = 8192;
/** What the line of a keyframe begins with. Who finds and who passes over keyframes must agree on it. */
export const KEYFRAME_LINE_START = '{"keyframe":';
const KEYFRAME_START = new TextEncoder().encode(KEYFRAME_LINE_START);
/** What the line of an event begins with. */
const EVENT_START = new TextEncoder().encode('{"seq"');

/** Where in a log a decoder begins. */
export interface NdjsonStart {
  /** Schema version of the log. */
  readonly version: number;
  readonly events: number;
  /** Lines before it. */
  readonly lines: number;
}

/** Decodes a log, some bytes at a time, from its first line or from behind a checkpoint. Throws InputError that names the line. */
export class NdjsonDecoder {
  readonly #order: LogOrder;
  readonly #skipsKeyframes: boolean;
  #rows = new EventRows(SEGMENT_ROWS);
  /** The beginning of a line whose end has not come yet: its first #open bytes, with room for more. */
  #held: Uint8Array = new Uint8Array();
  #open = 0;
  #line: number;
  /** In schema version 1 the trailer ends the last segment, and comes after it. */
  #trailer: unknown;

  /** `skipsKeyframes`: they are passed over unread, as they hold nothing that the events do not. */
  constructor(start?: NdjsonStart, skipsKeyframes = false) {
    this.#skipsKeyframes = skipsKeyframes;
    this.#order = new LogOrder(start);
    this.#line = start?.lines ?? 0;
  }

  /** Events of the segment that has begun; no checkpoint covers them yet. */
  get openEvents(): number {
    return this.#rows.length;
  }

  /** Bytes of a line that has no end yet. */
  get openBytes(): number {
    return this.#open;
  }

  /** Events up to the last checkpoint. */
  get events(): number {
    return this.#order.events;
  }

  /** Takes the next bytes, and gives what they complete. The caller may reuse the buffer. */
  *push(bytes: Uint8Array): Generator<LogRecord> {
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
      const record = this.#open === 0 ? this.#readLine(bytes, from, end) : this.#readHeld(bytes, end + 1);
      if (record !== undefined) yield record;
      if (this.#trailer !== undefined) yield* this.#heldTrailer();
      from = end + 1;
    }
    this.#hold(bytes.subarray(from));
  }

  #hold(bytes: Uint8Array): void {
    const needed = this.#open + bytes.length;
    if (needed > this.#held.length) {
      const grown = new Uint8Array(Math.max(needed, this.#held.length * 2));
      grown.set(this.#held.subarray(0, this.#open));
      this.#held = grown;
    }
    this.#held.set(bytes, this.#open);
    this.#open = needed;
    const max = startsWith(this.#held, 0, KEYFRAME_START) ? MAX_KEYFRAME_BYTES : MAX_LINE_BYTES;
    if (needed > max) {
      throw new InputError(`line ${this.#line + 1}: longer than ${max} bytes, the maximum in an event log`);
    }
  }

  /** Reads the held line, which ends with the first bytes of `bytes`, its newline included. */
  #readHeld(bytes: Uint8Array, end: number): LogRecord | undefined {
    this.#hold(bytes.subarray(0, end));
    const [line, length] = [this.#held, this.#open - 1];
    this.#open = 0;
    if (line.length > MAX_KEPT_BYTES) this.#held = new Uint8Array();
    return this.#readLine(line, 0, length);
  }

  /** The end of the bytes: a last line may lack its newline. openEvents and openBytes tell what is left incomplete. */
  *finish(): Generator<LogRecord> {
    const line = this.#held.subarray(0, this.#open);
    if (isJson(line)) {
      this.#open = 0;
      const record = this.#readLine(line, 0, line.length);
      if (record !== undefined) yield record;
      if (this.#trailer !== undefined) yield* this.#heldTrailer();
    }
    if (!this.#order.hasCheckpoints && this.#rows.length > 0) yield this.#segment(undefined);
  }

  #readLine(bytes: Uint8Array, from: number, end: number): LogRecord | undefined {
    this.#line++;
    if (end === from || (end === from + 1 && bytes[from] === 13)) return undefined;
    try {
      return startsWith(bytes, from, EVENT_START) && this.#order.hasHeader
        ? this.#readEvent(bytes, from, end)
        : this.#readOther(bytes, from, end);
    } catch (error) {
      if (error instanceof InputError) throw new InputError(`line ${this.#line}: ${error.message}`);
      // Deeply nested JSON can be read, but not written into a message.
      if (error instanceof RangeError)
        throw new InputError(`line ${this.#line}: JSON nested too deeply; expected an event log`);
      throw error;
    }
  }

  #readEvent(bytes: Uint8Array, from: number, end: number): LogRecord | undefined {
    this.#order.expectOpen();
    if (this.#rows.length === MAX_SEGMENT_EVENTS) {
      throw new InputError(`no checkpoint after ${MAX_SEGMENT_EVENTS} events, the maximum in a segment`);
    }
    if (this.#rows.isFull) this.#rows.grow();
    appendEventLine(this.#rows, bytes, from, end, this.#order.events + this.#rows.length);
    // Version 1 has no checkpoints to wait for.
    return !this.#order.hasCheckpoints && this.#rows.isFull ? this.#segment(undefined) : undefined;
  }

  #readOther(bytes: Uint8Array, from: number, end: number): LogRecord | undefined {
    if (this.#skipsKeyframes && startsWith(bytes, from, KEYFRAME_START)) {
      this.#order.expectOpen();
      return undefined;
    }
    const text = new TextDecoder().decode(bytes.subarray(from, end));
    const value = parseJson(text);
    if (!this.#order.hasHeader) return this.#order.header(parseHeader(value));
    const name = MARKS.find((mark) => isMark(value, mark));
    if (name === undefined) return this.#readEvent(bytes, from, end);
    const mark = (value as Readonly<Record<string, unknown>>)[name];
    if (name === 'checkpoint') {
      const events = this.#order.events + this.#rows.length;
      return this.#segment(parseMark('checkpoint', mark, events));
    }
    if (name === 'trailer' && this.#rows.length > 0 && !this.#order.hasCheckpoints) {
      this.#trailer = mark;
      return this.#segment(undefined);
    }
    if (this.#rows.length > 0)
      throw new InputError(`${name} before the checkpoint of its segment; expected the checkpoint first`);
    return this.#order.mark(name, mark);
  }

  *#heldTrailer(): Generator<LogRecord> {
    const trailer = this.#trailer;
    this.#trailer = undefined;
    yield this.#order.mark('trailer', trailer);
  }

  #segment(checkpoint: Marks['checkpoint'] | undefined): LogRecord {
    const { columns, length } = this.#rows;
    const batch = new EventBatch(columns, length, this.#order.events);
    this.#rows = new EventRows(SEGMENT_ROWS);
    return this.#order.segment(batch, checkpoint);
  }
}

const MARKS: readonly MarkName[] = ['checkpoint', 'keyframe', 'seal', 'trailer'];

const isMark = (value: unknown, name: MarkName): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).length === 1 &&
  Object.hasOwn(value, name);

function startsWith(bytes: Uint8Array, from: number, start: Uint8Array): boolean {
  for (let i = 0; i < start.length; i++) if (bytes[from + i] !== start[i]) return false;
  return true;
}

/** Whether a line is complete: one that was cut off is no JSON. */
export function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return true;
  } catch {
    return false;
  }
}
