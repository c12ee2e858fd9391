/** A log that is open for reading at any event. */
import { inflateRawSync } from 'node:zlib';
import {
  Columns,
  decodeState,
  type EventBatch,
  frameOf,
  InputError,
  type Keyframe,
  type LogHeader,
  type Seal,
} from '@decpool/model';
import { atPath, ByteFile } from './byte-file.ts';
import { Chain, expectIntact } from './chain.ts';
import type { LogFormat } from './format.ts';
import type { OnRead } from './on-read.ts';
import { type Place, placesIn } from './places.ts';
import { formatIn, recordsFrom, type StoredRecord, type Torn } from './records.ts';

/** States may be so much larger than their keyframes, and so much in any case. */
const MOST_EXPANSION = 64;
const FREE_EXPANSION_BYTES = 2 ** 26;
const MOST_STATE_BYTES = 2 ** 30;

/**
 * A log file that can be read from any event on: nothing before it needs to be read but the keyframe behind which it lies, and of each
 * segment that is read the content hash is checked. A log of schema version 1 has neither, so it is read from its start.
 */
export class OpenLog {
  readonly path: string;
  readonly format: LogFormat;
  readonly header: LogHeader;
  /** Schema version that the log was written in. */
  readonly version: number;
  /** Events in whole segments. */
  readonly events: number;
  /** Bytes on disk. */
  readonly bytes: number;
  /** Missing when the log was cut off. */
  readonly seal: Seal | undefined;
  /** What of a segment is left where the log was cut off. */
  readonly torn: Torn | undefined;
  readonly #file: ByteFile;
  readonly #segments: readonly Place[];
  readonly #keyframes: readonly Place[];
  readonly #onRead: OnRead;

  private constructor(file: ByteFile, parts: Omit<OpenLogParts, 'file'>, onRead: OnRead) {
    this.#onRead = onRead;
    this.path = file.path;
    this.#file = file;
    this.format = parts.format;
    this.header = parts.header;
    this.version = parts.version;
    this.events = parts.events;
    this.bytes = parts.bytes;
    this.seal = parts.seal;
    this.torn = parts.torn;
    this.#segments = parts.segments;
    this.#keyframes = parts.keyframes;
  }

  /**
   * `onRead`: told in events, of each pass of batches(). Throws InputError that names the file when it is not a log, or damaged behind
   * its last whole segment.
   */
  static async open(path: string, onRead: OnRead = () => {}): Promise<OpenLog> {
    const file = await ByteFile.open(path);
    try {
      const format = await formatIn(file);
      const found = await placesIn(file, format);
      const parts = { ...found, format, bytes: await file.size() };
      return new OpenLog(file, { ...parts, ...(await restOf(file, parts)) }, onRead);
    } catch (error) {
      await file.close();
      throw atPath(path, error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Segments, each with its checkpoint; a log of schema version 1 has none. */
  get segments(): number {
    return this.#segments.length;
  }

  /** Whether it is packed: then a reader unpacks it from the start, wherever it begins. */
  get isGzip(): boolean {
    return this.#file.isGzip;
  }

  /** Events where each keyframe is, ascending. */
  get keyframes(): readonly number[] {
    return this.#keyframes.map(({ events }) => events);
  }

  /** Events [from, to), in batches of at most a segment. Throws InputError where the log was altered, or is damaged. */
  async *batches(from = 0, to = this.events): AsyncGenerator<EventBatch> {
    this.#expectWithin(from);
    this.#expectWithin(to);
    if (from >= to) return;
    const reader = this.#recordsFrom(lastUpTo(this.#segments, from), true);
    try {
      for await (const batch of reader.batches()) {
        const start = Math.max(0, from - batch.firstSeq);
        const end = Math.min(batch.length, to - batch.firstSeq);
        if (start < end) yield batch.slice(start, end);
        this.#onRead(batch.firstSeq + end - from, to - from);
        if (batch.firstSeq + batch.length >= to) return;
      }
    } catch (error) {
      throw atPath(this.path, error);
    } finally {
      reader.close();
    }
  }

  /** The state after so many events. Throws InputError where the log was altered, or its events cannot have happened. */
  async seek(events: number): Promise<Columns> {
    this.#expectWithin(events);
    const columns = new Columns(frameOf(this.header), this.header.memory.directMap);
    const keyframe = lastUpTo(this.#keyframes, events);
    if (keyframe !== undefined) await this.#loadState(keyframe, columns);
    await this.foldInto(columns, events);
    return columns;
  }

  /** Folds the events up to `events` into a state that some of them were folded into. */
  async foldInto(columns: Columns, events: number): Promise<void> {
    for await (const batch of this.batches(columns.counters.events, events)) {
      try {
        columns.fold(batch);
      } catch (error) {
        throw atPath(this.path, error);
      }
    }
  }

  /** Events of the last keyframe at or before `events`; 0 where there is none. */
  keyframeBefore(events: number): number {
    return lastUpTo(this.#keyframes, events)?.events ?? 0;
  }

  /** The keyframe that stands after so many events. */
  async keyframeAt(events: number): Promise<Keyframe> {
    const place = lastUpTo(this.#keyframes, events);
    if (place === undefined || place.events !== events) {
      throw new InputError(`${this.path}: there is no keyframe after event ${events}`);
    }
    return this.#readKeyframe(place);
  }

  async #loadState(place: Place, into: Columns): Promise<void> {
    const { state } = await this.#readKeyframe(place);
    try {
      decodeState(inflated(state), into, place.events);
    } catch (error) {
      throw atPath(this.path, error);
    }
  }

  async #readKeyframe(place: Place): Promise<Keyframe> {
    const reader = this.#recordsFrom(place);
    try {
      const { value: record } = await reader.records.next();
      if (record === undefined || record.kind !== 'keyframe')
        throw new InputError(
          `keyframe after event ${place.events}: missing; the file changed while it was read`,
        );
      expectIntact(reader.chain.checkKeyframe(record.keyframe));
      return record.keyframe;
    } catch (error) {
      throw atPath(this.path, error);
    } finally {
      reader.close();
    }
  }

  #recordsFrom(place: Place | undefined, skipsKeyframes = false): SegmentReader {
    const { format, header, version } = this;
    return new SegmentReader({ file: this.#file, format, header, version }, place, skipsKeyframes);
  }

  #expectWithin(events: number): void {
    if (Number.isInteger(events) && events >= 0 && events <= this.events) return;
    throw new InputError(`${this.path}: event ${events}: expected a whole number from 0 to ${this.events}`);
  }
}

interface OpenLogParts {
  readonly file: ByteFile;
  readonly format: LogFormat;
  readonly header: LogHeader;
  readonly version: number;
  readonly segments: readonly Place[];
  readonly keyframes: readonly Place[];
  readonly end: Place;
  readonly bytes: number;
  readonly events: number;
  readonly seal: Seal | undefined;
  readonly torn: Torn | undefined;
}

/** What stands behind the last place that was found: the end, something torn, or a whole log of version 1. */
async function restOf(
  file: ByteFile,
  { format, header, version, end, seal }: Omit<OpenLogParts, 'file' | 'events' | 'torn'>,
): Promise<Partial<OpenLogParts> & Pick<OpenLogParts, 'events' | 'seal' | 'torn'>> {
  if (seal !== undefined) {
    return { events: end.events, seal: intactSeal(seal, end.chain), torn: undefined };
  }
  const reader = new SegmentReader({ file, format, header, version }, end, true);
  let events = end.events;
  let torn: Torn | undefined;
  let trailer: Seal | undefined;
  try {
    for await (const record of reader.records) {
      if (record.kind === 'torn') torn = record;
      else if (record.kind === 'trailer') trailer = { ...record.trailer, chain: reader.chain.value };
      else if (record.kind === 'seal') trailer = intactSeal(record.seal, reader.chain.value);
      else if (record.kind === 'segment') {
        expectIntact(reader.chain.check(record.batch, record.checkpoint));
        events += record.batch.length;
      }
    }
  } finally {
    reader.close();
  }
  return { events, seal: trailer, torn };
}

function intactSeal(seal: Seal, chain: string): Seal {
  expectIntact(seal.chain === chain ? undefined : 'the seal was altered after the log was written');
  return seal;
}

/** Reads the records from a place on, or from the start of the log. */
class SegmentReader {
  readonly records: AsyncGenerator<StoredRecord>;
  readonly chain: Chain;
  readonly #close: () => void;

  constructor(
    { file, format, header, version }: Pick<OpenLogParts, 'file' | 'format' | 'header' | 'version'>,
    place: Place | undefined,
    skipsKeyframes: boolean,
  ) {
    const bytes = file.from(place?.offset ?? 0);
    const start = place === undefined ? undefined : { ...place, version };
    this.records = recordsFrom(bytes, format, { start, skipsKeyframes });
    this.chain = new Chain(header, place?.chain);
    this.#close = () => bytes.close();
  }

  async *batches(): AsyncGenerator<EventBatch> {
    for await (const record of this.records) {
      if (record.kind !== 'segment') continue;
      expectIntact(this.chain.check(record.batch, record.checkpoint));
      yield record.batch;
    }
  }

  close(): void {
    this.#close();
  }
}

/** The last place that is not behind `events`. */
function lastUpTo(places: readonly Place[], events: number): Place | undefined {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[middle].events <= events) low = middle + 1;
    else high = middle;
  }
  return places[low - 1];
}

/** The state that a keyframe holds. Throws InputError when it is none, or one that was made to fill the memory. */
export function inflated(state: string): Uint8Array {
  const packed = Buffer.from(state, 'base64');
  const maxOutputLength = Math.min(MOST_STATE_BYTES, FREE_EXPANSION_BYTES + MOST_EXPANSION * packed.length);
  try {
    return inflateRawSync(packed, { maxOutputLength });
  } catch (error) {
    throw new InputError(
      `invalid keyframe: its state cannot be unpacked: ${error instanceof Error ? error.message : error}`,
    );
  }
}
