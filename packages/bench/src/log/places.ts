/**
 * Where the segments and keyframes of a log lie, found without reading its events: an Arrow stream says how long each message is, and
 * in NDJSON a checkpoint is the only line that begins as it does.
 */
import {
  type Checkpoint,
  InputError,
  LogOrder,
  type Marks,
  NdjsonDecoder,
  type ReadHeader,
  type Seal,
} from '@decpool/model';
import type { ByteFile, ByteReader } from './byte-file.ts';
import { Chain } from './chain.ts';
import type { LogFormat } from './format.ts';

/** A place behind the header or a checkpoint, where a reader can begin. */
export interface Place {
  /** Of the log's bytes as unpacked. */
  readonly offset: number;
  /** Of NDJSON: lines before it. */
  readonly lines: number;
  /** Events before it. */
  readonly events: number;
  /** Content hash of all before it. */
  readonly chain: string;
}

export interface Places extends ReadHeader {
  /** Where each segment begins. */
  readonly segments: readonly Place[];
  /** Where each keyframe stands. */
  readonly keyframes: readonly Place[];
  /** Behind the last record that is whole. */
  readonly end: Place;
  readonly seal: Seal | undefined;
}

/** Throws InputError when it is no log. What is torn or damaged behind the last whole segment is for the reader to find. */
export function placesIn(file: ByteFile, format: LogFormat): Promise<Places> {
  return format === 'arrow' ? arrowPlaces(file) : ndjsonPlaces(file);
}

/** Takes note of what is found, in order. */
class Finder {
  readonly #read: ReadHeader;
  readonly #segments: Place[] = [];
  readonly #keyframes: Place[] = [];
  #end: Place;
  #seal: Seal | undefined;
  readonly #order: LogOrder;

  constructor(read: ReadHeader, offset: number) {
    this.#read = read;
    this.#order = new LogOrder();
    this.#order.header(read);
    this.#end = { offset, lines: 1, events: 0, chain: new Chain(read.header).value };
  }

  get end(): Place {
    return this.#end;
  }

  segment({ events, chain }: Checkpoint, offset: number): void {
    this.#segments.push(this.#end);
    const lines = this.#end.lines + (events - this.#end.events) + 1;
    this.#end = { offset, lines, events, chain };
  }

  mark(name: 'keyframe' | 'seal', mark: Marks['keyframe' | 'seal'] | undefined, offset: number): void {
    if (name === 'keyframe') this.#keyframes.push(this.#end);
    else this.#seal = mark as Seal;
    this.#end = { ...this.#end, offset, lines: this.#end.lines + 1 };
  }

  found(): Places {
    return {
      ...this.#read,
      segments: this.#segments,
      keyframes: this.#keyframes,
      end: this.#end,
      seal: this.#seal,
    };
  }
}

/** Less than that behind a prefix is read at once: the metadata of a segment. */
const ARROW_CHUNK_BYTES = 2 ** 12;

async function arrowPlaces(file: ByteFile): Promise<Places> {
  const codec = await import('@decpool/model/arrow');
  const reader = file.from(0, ARROW_CHUNK_BYTES);
  try {
    return await arrowPlacesFrom(reader, codec);
  } finally {
    reader.close();
  }
}

async function arrowPlacesFrom(
  reader: ByteReader,
  codec: typeof import('@decpool/model/arrow'),
): Promise<Places> {
  let finder: Finder | undefined;
  let offset = 0;
  for (;;) {
    const prefix = (await reader.take(codec.ARROW_PREFIX_BYTES)).slice();
    if (prefix.length < codec.ARROW_PREFIX_BYTES) break;
    const size = codec.arrowMetadataBytes(prefix);
    if (size === 0) break;
    const metadata = (await reader.take(size)).slice();
    if (metadata.length < size) break;
    const message = codec.checkMessage(metadata, finder === undefined);
    if ((await reader.skip(message.bodyBytes)) < message.bodyBytes) break;
    offset += prefix.length + metadata.length + message.bodyBytes;
    if (finder === undefined) {
      finder = new Finder(codec.decodeArrowHeader(Buffer.concat([prefix, metadata])), offset);
    } else if (message.key === 'checkpoint') {
      const events = finder.end.events + message.rows;
      finder.segment(codec.parseArrowMark('checkpoint', message.value(), events), offset);
    } else if (message.key === 'keyframe') {
      finder.mark('keyframe', undefined, offset);
    } else if (message.key === 'seal') {
      finder.mark('seal', codec.parseArrowMark('seal', message.value(), finder.end.events), offset);
    }
  }
  if (finder === undefined) throw new InputError('ends inside its header; expected an event log');
  return finder.found();
}

const CHECKPOINT_START = '\n{"checkpoint":';
const KEYFRAME_START = '{"keyframe":';

async function ndjsonPlaces(file: ByteFile): Promise<Places> {
  const { read, offset } = await ndjsonHeader(file);
  const finder = new Finder(read, offset);
  // From the newline before: a checkpoint may be the first line.
  const lines = new Lines(file.from(offset - 1));
  try {
    // The seal is left to the reader, which looks at all of it.
    while (await lines.find(CHECKPOINT_START)) {
      if (!(await addCheckpoint(lines, finder, offset - 1))) break;
      if (!(await lines.startsWith(KEYFRAME_START))) continue;
      if ((await lines.line()) === undefined) break;
      finder.mark('keyframe', undefined, offset - 1 + lines.offset);
    }
  } finally {
    lines.close();
  }
  return finder.found();
}

/** Whether the line is a checkpoint that can come here. */
async function addCheckpoint(lines: Lines, finder: Finder, base: number): Promise<boolean> {
  const line = await lines.line();
  const checkpoint = line === undefined ? undefined : checkpointIn(line);
  if (checkpoint === undefined || !(checkpoint.events >= finder.end.events)) return false;
  finder.segment(checkpoint, base + lines.offset);
  return true;
}

/** Only so much of it is believed as the reader finds again. */
function checkpointIn(line: string): Checkpoint | undefined {
  try {
    const { checkpoint } = JSON.parse(line) as { readonly checkpoint?: Partial<Checkpoint> | null };
    const isOne = Number.isSafeInteger(checkpoint?.events) && typeof checkpoint?.chain === 'string';
    return isOne ? (checkpoint as Checkpoint) : undefined;
  } catch {
    return undefined;
  }
}

async function ndjsonHeader(file: ByteFile): Promise<{ read: ReadHeader; offset: number }> {
  const reader = file.from(0, 2 ** 16);
  const decoder = new NdjsonDecoder();
  let offset = 0;
  try {
    for (;;) {
      const bytes = await reader.some();
      if (bytes.length === 0) throw new InputError('ends inside its header; expected an event log');
      const newline = bytes.indexOf(10);
      const line = newline === -1 ? bytes : bytes.subarray(0, newline + 1);
      offset += line.length;
      for (const record of decoder.push(line)) {
        if (record.kind === 'header') return { read: record, offset };
      }
    }
  } finally {
    reader.close();
  }
}

/** Looks for lines, some bytes at a time. */
class Lines {
  readonly #reader: ByteReader;
  #held: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Bytes before what is held. */
  #before = 0;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /** Bytes before the current line. */
  get offset(): number {
    return this.#before + this.#at;
  }

  /** Goes to the line behind the newline that `start` begins with. Returns whether there is one. */
  async find(start: string): Promise<boolean> {
    // The newline that ended the line before may be the one that it begins with.
    let from = Math.max(0, this.#at - 1);
    for (;;) {
      const found = this.#held.indexOf(start, from);
      if (found !== -1) {
        this.#at = found + 1;
        return true;
      }
      this.#at = Math.max(this.#at, this.#held.length - start.length);
      if (!(await this.#more())) return false;
      from = 0;
    }
  }

  async startsWith(start: string): Promise<boolean> {
    while (this.#held.length - this.#at < start.length) if (!(await this.#more())) return false;
    return this.#held.toString('latin1', this.#at, this.#at + start.length) === start;
  }

  /** The current line, and goes to the next; undefined when it has no end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const newline = this.#held.indexOf(10, this.#at);
      if (newline !== -1) {
        const line = this.#held.toString('utf8', this.#at, newline);
        this.#at = newline + 1;
        return line;
      }
      if (!(await this.#more())) return undefined;
    }
  }

  /** Keeps the byte before the current line: a newline, perhaps. */
  async #more(): Promise<boolean> {
    const next = await this.#reader.some();
    if (next.length === 0) return false;
    const kept = Math.max(0, this.#at - 1);
    this.#held = Buffer.concat([this.#held.subarray(kept), next]);
    this.#before += kept;
    this.#at -= kept;
    return true;
  }

  close(): void {
    this.#reader.close();
  }
}
