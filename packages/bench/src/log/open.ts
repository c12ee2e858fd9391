/** A log that is open for reading at any event. */
import { inflateRawSync } from 'node:zlib';
import {
  type Columns,
  type EventBatch,
  InputError,
  type Keyframe,
  type LogHeader,
  type Seal,
} from '@decpool/model';
import { decodeState } from '@decpool/model/internal';
import type { Torn } from '../files/arrow-messages.ts';
import { messageOf } from '../files/error-text.ts';
import { atPath, type ByteFile, openFile } from './byte-file.ts';
import { foldBatches, initialColumns } from './fold.ts';
import type { LogFormat } from './format.ts';
import { type Place, type Places, placesIn } from './places.ts';
import { type OnRead, partsIn, type ReadOptions } from './read.ts';

/**
 * A log file that can be read from any event on, after only the keyframe before it. The content hash of each segment is checked. A
 * log of schema version 1 has neither: it is read from its start.
 */
export interface OpenLog {
  readonly path: string;
  readonly format: LogFormat;
  /** If it is, a reader unpacks it from the start, wherever it begins. */
  readonly isGzip: boolean;
  readonly header: LogHeader;
  /** Schema version that the log was written in. */
  readonly version: number;
  /** Events in complete segments. */
  readonly events: number;
  /** Bytes on disk. */
  readonly bytes: number;
  /** Undefined if the log was cut off. */
  readonly seal: Seal | undefined;
  /** The incomplete segment at the end of a log that was cut off. */
  readonly torn: Torn | undefined;
  /** Segments, each with its checkpoint; 0 for a log of schema version 1. */
  readonly segments: number;
  /** Events before each keyframe, ascending. */
  readonly keyframes: readonly number[];
  /** Events [from, to) in batches of at most a segment (default: all). Throws InputError if the log was altered or is damaged. */
  batches(from?: number, to?: number): AsyncGenerator<EventBatch>;
  /**
   * Folds the next events up to `to` (default: to the end) into a state, and yields each batch once it was folded. Throws as
   * batches() does, and if an event cannot have happened.
   */
  fold(columns: Columns, to?: number): AsyncGenerator<EventBatch>;
  /** The state after that many events. Throws as fold() does. */
  seek(events: number): Promise<Columns>;
  /** Events before the last keyframe at or before `events`; 0 if there is none. */
  keyframeBefore(events: number): number;
  /** Closes the file. Nothing can be read afterwards. */
  close(): Promise<void>;
}

/** `onRead`: called with events, for each pass of batches(). Throws InputError that names the file if it is no log or damaged. */
export async function openLog(path: string, onRead: OnRead = () => {}): Promise<OpenLog> {
  const file = await openFile(path);
  try {
    const places = await placesIn(file);
    return logOf(file, places, await restOf(file, places), await file.size(), onRead);
  } catch (error) {
    await file.close();
    throw error;
  }
}

type Rest = Pick<OpenLog, 'events' | 'seal' | 'torn'>;

function logOf(file: ByteFile, places: Places, rest: Rest, bytes: number, onRead: OnRead): OpenLog {
  const { path, format, isGzip } = file;
  const { header, version, segments, keyframes } = places;
  const parts = (place: Place | undefined, options: ReadOptions = {}, end?: Place) =>
    partsIn(file, options, {
      start: place === undefined ? undefined : { ...place, header, version },
      bytes: end === undefined ? 0 : end.offset - (place?.offset ?? 0),
    });

  function expectWithin(events: number): void {
    if (Number.isInteger(events) && events >= 0 && events <= rest.events) return;
    throw new InputError(`${path}: event ${events}: expected a whole number from 0 to ${rest.events}`);
  }

  async function* batches(from = 0, to = rest.events): AsyncGenerator<EventBatch> {
    expectWithin(from);
    expectWithin(to);
    if (from >= to) return;
    // The last segment that is read ends where the next begins.
    const end = segments.find((place) => place.events >= to) ?? places.end;
    for await (const part of parts(lastUpTo(segments, from), { skipsKeyframes: true }, end)) {
      if (part.kind !== 'batch') continue;
      const { batch } = part;
      const start = Math.max(0, from - batch.firstSeq);
      const end = Math.min(batch.length, to - batch.firstSeq);
      if (start < end) yield batch.slice(start, end);
      onRead(batch.firstSeq + end - from, to - from);
      if (batch.firstSeq + batch.length >= to) return;
    }
  }

  async function keyframeAt(place: Place): Promise<Keyframe> {
    for await (const part of parts(place)) {
      if (part.kind === 'keyframe') return part.keyframe;
      break;
    }
    throw new InputError(
      `${path}: keyframe after event ${place.events}: missing; the file changed while it was read`,
    );
  }

  const fold = (columns: Columns, to?: number) =>
    foldBatches(path, columns, batches(columns.counters.events, to));

  async function seek(events: number): Promise<Columns> {
    const columns = initialColumns(header);
    const place = lastUpTo(keyframes, events);
    if (place !== undefined) {
      const { state } = await keyframeAt(place);
      try {
        decodeState(inflated(state), columns, place.events, version);
      } catch (error) {
        throw atPath(path, error);
      }
    }
    for await (const _ of fold(columns, events));
    return columns;
  }

  return {
    ...{ path, format, isGzip, header, version, bytes },
    ...rest,
    segments: segments.length,
    keyframes: keyframes.map(({ events }) => events),
    batches,
    fold,
    seek,
    keyframeBefore: (events) => lastUpTo(keyframes, events)?.events ?? 0,
    close: () => file.close(),
  };
}

/** What stands behind the last place that was found: the seal, a torn segment, or all events of a log of version 1. */
async function restOf(file: ByteFile, { header, version, end }: Places): Promise<Rest> {
  let { events } = end;
  let torn: Torn | undefined;
  let seal: Seal | undefined;
  const read = { start: { ...end, header, version }, bytes: 0 };
  for await (const part of partsIn(file, {}, read)) {
    if (part.kind === 'torn') torn = part;
    else if (part.kind === 'seal') seal = part.seal;
    else if (part.kind === 'batch') events += part.batch.length;
  }
  return { events, seal, torn };
}

/** The last place at or before `events`. */
const lastUpTo = (places: readonly Place[], events: number): Place | undefined =>
  places.findLast((place) => place.events <= events);

/** How much larger a state may be than its keyframe, and how large at most. */
const MAX_EXPANSION = 64;
const FREE_EXPANSION_BYTES = 2 ** 26;
const MAX_STATE_BYTES = 2 ** 30;

/** The state that a keyframe holds. Throws InputError if it cannot be unpacked, or is made to fill the memory. */
export function inflated(state: string): Uint8Array {
  const packed = Buffer.from(state, 'base64');
  const maxOutputLength = Math.min(MAX_STATE_BYTES, FREE_EXPANSION_BYTES + MAX_EXPANSION * packed.length);
  try {
    return inflateRawSync(packed, { maxOutputLength });
  } catch (error) {
    throw new InputError(`invalid keyframe: its state cannot be unpacked: ${messageOf(error)}`);
  }
}
