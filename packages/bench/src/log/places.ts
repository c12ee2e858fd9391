/**
 * Where the segments and keyframes of a log lie, found without reading its events. An Arrow stream gives the length of each message.
 * In NDJSON, a checkpoint is the only line that begins as it does.
 */
import { type Checkpoint, InputError } from '@decpool/model';
import { isJson, KEYFRAME_LINE_START, NdjsonDecoder, type ReadHeader } from '@decpool/model/internal';
import { arrowCodec, arrowMessages, at } from '../files/arrow-messages.ts';
import type { ByteReader } from '../files/byte-reader.ts';
import { atPath, type ByteFile } from './byte-file.ts';
import { Chain } from './chain.ts';

/** A place behind the header or a checkpoint, where a reader can begin. */
export interface Place {
  /** Unpacked bytes before it. */
  readonly offset: number;
  /** NDJSON lines before it. */
  readonly lines: number;
  readonly events: number;
  /** Content hash of everything before it. */
  readonly chain: string;
}

export interface Places extends ReadHeader {
  /** Where each segment begins. */
  readonly segments: readonly Place[];
  /** Where each keyframe stands. */
  readonly keyframes: readonly Place[];
  /** Behind the last complete segment and its keyframe. The seal, or damage, comes next. */
  readonly end: Place;
}

/** Throws InputError that names the file if it is no log. Damage behind the last complete segment is left to the reader. */
export async function placesIn(file: ByteFile): Promise<Places> {
  try {
    return file.format === 'arrow' ? await arrowPlaces(file) : await ndjsonPlaces(file);
  } catch (error) {
    throw atPath(file.path, error);
  }
}

/** The places found so far; each addition moves the end. */
class Finder implements Places {
  readonly header: ReadHeader['header'];
  readonly version: number;
  readonly segments: Place[] = [];
  readonly keyframes: Place[] = [];
  end: Place;

  constructor(read: ReadHeader, offset: number) {
    this.header = read.header;
    this.version = read.version;
    this.end = { offset, lines: 1, events: 0, chain: new Chain(read).value };
  }

  segment({ events, chain }: Pick<Checkpoint, 'events' | 'chain'>, offset: number): void {
    this.segments.push(this.end);
    this.end = { offset, lines: this.end.lines + (events - this.end.events) + 1, events, chain };
  }

  keyframe(offset: number): void {
    this.keyframes.push(this.end);
    this.end = { ...this.end, offset, lines: this.end.lines + 1 };
  }
}

/** Bodies are skipped, so only prefixes and metadata are read. */
const ARROW_CHUNK_BYTES = 2 ** 12;

async function arrowPlaces(file: ByteFile): Promise<Places> {
  const codec = await arrowCodec();
  const reader = await file.from(0, { chunkBytes: ARROW_CHUNK_BYTES });
  let found: Finder | undefined;
  let offset = 0;
  const place = () => (found === undefined ? 'in its header' : `after ${found.end.events} events`);
  try {
    for await (const message of arrowMessages(reader, codec, place, true, true)) {
      if (message.kind === 'torn' || message.key === 'seal') break;
      offset += message.bytes;
      if (found === undefined) {
        const read = at(place, () => codec.decodeArrowHeader(Buffer.concat(message.parts)));
        found = new Finder(read, offset);
      } else if (message.key === 'checkpoint') {
        const events = found.end.events + message.rows;
        const checkpoint = at(place, () => codec.parseArrowMark('checkpoint', message.value(), events));
        found.segment(checkpoint, offset);
      } else if (message.key === 'keyframe') {
        found.keyframe(offset);
      }
    }
  } finally {
    reader.close();
  }
  if (found === undefined) throw new InputError('ends inside its header; expected an event log');
  return found;
}

const CHECKPOINT_START = '\n{"checkpoint":';
const KEYFRAME_START = `\n${KEYFRAME_LINE_START}`;

async function ndjsonPlaces(file: ByteFile): Promise<Places> {
  const { read, offset } = await ndjsonHeader(file);
  const found = new Finder(read, offset);
  // From the newline before: a checkpoint may be the first line.
  const lines = new Lines(await file.from(offset - 1), offset - 1);
  try {
    while (await lines.find(CHECKPOINT_START)) {
      const checkpoint = checkpointIn(await lines.line());
      if (checkpoint === undefined || checkpoint.events < found.end.events) break;
      found.segment(checkpoint, lines.offset);
      if (!(await lines.isAt(KEYFRAME_START))) continue;
      if ((await lines.line()) === undefined) break;
      found.keyframe(lines.offset);
    }
  } finally {
    lines.close();
  }
  return found;
}

/** The reader checks the checkpoint again, so here only its types are checked. */
function checkpointIn(line: Buffer | undefined): Pick<Checkpoint, 'events' | 'chain'> | undefined {
  try {
    const { checkpoint } = JSON.parse(String(line)) as { readonly checkpoint?: Partial<Checkpoint> | null };
    const { events = -1, chain } = checkpoint ?? {};
    return Number.isSafeInteger(events) && typeof chain === 'string' ? { events, chain } : undefined;
  } catch {
    return undefined;
  }
}

async function ndjsonHeader(file: ByteFile): Promise<{ read: ReadHeader; offset: number }> {
  const reader = await file.from(0, { chunkBytes: 2 ** 16 });
  const decoder = new NdjsonDecoder();
  let offset = 0;
  try {
    for (;;) {
      const bytes = await reader.some();
      const newline = bytes.indexOf(10);
      const line = newline === -1 ? bytes : bytes.subarray(0, newline + 1);
      offset += line.length;
      for (const record of bytes.length === 0 ? decoder.finish() : decoder.push(line)) {
        if (record.kind === 'header') return { read: record, offset };
      }
      if (bytes.length === 0) throw new InputError('ends inside its header; expected an event log');
    }
  } finally {
    reader.close();
  }
}

/** Finds lines by how they begin. What is held begins with the byte before the current line. */
class Lines {
  readonly #reader: ByteReader;
  #held: Buffer = Buffer.alloc(0);
  #heldOffset: number;

  constructor(reader: ByteReader, offset: number) {
    this.#reader = reader;
    this.#heldOffset = offset;
  }

  /** Bytes before the current line. */
  get offset(): number {
    return this.#heldOffset + 1;
  }

  /** Goes to the next line that begins so, if there is one. */
  async find(start: string): Promise<boolean> {
    for (;;) {
      const found = this.#held.indexOf(start);
      this.#drop(found === -1 ? Math.max(0, this.#held.length - start.length) : found);
      if (found !== -1) return true;
      if (!(await this.#readMore())) return false;
    }
  }

  /** Whether the current line begins so. */
  async isAt(start: string): Promise<boolean> {
    while (this.#held.length < start.length) if (!(await this.#readMore())) return false;
    return this.#held.toString('latin1', 0, start.length) === start;
  }

  /** Returns the current line and goes to the next; undefined if it is incomplete. */
  async line(): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#held.indexOf(10, 1);
      if (end !== -1) {
        const line = this.#held.subarray(1, end);
        this.#drop(end);
        return line;
      }
      if (!(await this.#readMore())) return this.#lastLine();
    }
  }

  /** The last line of the file may lack its newline. The reader takes it if it is complete. */
  #lastLine(): Buffer | undefined {
    const line = this.#held.subarray(1);
    this.#drop(line.length);
    return isJson(line) ? line : undefined;
  }

  #drop(bytes: number): void {
    this.#held = this.#held.subarray(bytes);
    this.#heldOffset += bytes;
  }

  async #readMore(): Promise<boolean> {
    const next = await this.#reader.some();
    this.#held = Buffer.concat([this.#held, next]);
    return next.length > 0;
  }

  close(): void {
    this.#reader.close();
  }
}
