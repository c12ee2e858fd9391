/** What a log is read as, whichever way it is stored; and the order in which its parts may come. */
import { InputError } from '../errors.ts';
import type { EventBatch } from '../events/batch.ts';
import type { LogHeader, ReadHeader } from './header.ts';
import { type Checkpoint, type Keyframe, type MarkName, parseMark, type Seal, type Trailer } from './seal.ts';
import { CHECKPOINTS_SINCE } from './upcast.ts';

/** What a log consists of. */
export type LogRecord =
  | { readonly kind: 'header'; readonly header: LogHeader; readonly version: number }
  /** Events and what vouches for them; nothing does in a log of schema version 1. */
  | { readonly kind: 'segment'; readonly batch: EventBatch; readonly checkpoint: Checkpoint | undefined }
  | { readonly kind: 'keyframe'; readonly keyframe: Keyframe }
  | { readonly kind: 'seal'; readonly seal: Seal }
  | { readonly kind: 'trailer'; readonly trailer: Trailer };

/** Keeps count of what has come of a log, and refuses what cannot come next. */
export class LogOrder {
  #version: number | undefined;
  #isSealed = false;
  #events: number;

  constructor(start?: { readonly version: number; readonly events: number }) {
    this.#version = start?.version;
    this.#events = start?.events ?? 0;
  }

  /** Events in the segments so far. */
  get events(): number {
    return this.#events;
  }

  get hasHeader(): boolean {
    return this.#version !== undefined;
  }

  get hasCheckpoints(): boolean {
    return (this.#version ?? CHECKPOINTS_SINCE) >= CHECKPOINTS_SINCE;
  }

  /** Throws InputError if the log is complete. */
  expectOpen(): void {
    if (this.#isSealed)
      throw new InputError(
        `data after the ${this.hasCheckpoints ? 'seal' : 'trailer'}; expected the end of the log`,
      );
  }

  /** Takes the header. */
  header({ header, version }: ReadHeader): LogRecord {
    this.#version = version;
    return { kind: 'header', header, version };
  }

  /**
   * Takes a segment. Throws InputError if the log is complete, or if the segment lacks its checkpoint or must not have
   * one.
   */
  segment(batch: EventBatch, checkpoint: Checkpoint | undefined): LogRecord {
    this.expectOpen();
    if (this.hasCheckpoints && checkpoint === undefined)
      throw new InputError(`a segment without a checkpoint; schema version ${this.#version} needs one`);
    if (!this.hasCheckpoints && checkpoint !== undefined) {
      throw new InputError(`unexpected checkpoint: schema version ${this.#version} has none`);
    }
    this.#events += batch.length;
    return { kind: 'segment', batch, checkpoint };
  }

  /** A record that is no event; a checkpoint comes with its segment. */
  mark(name: Exclude<MarkName, 'checkpoint'>, value: unknown): LogRecord {
    this.expectOpen();
    if ((name === 'trailer') === this.hasCheckpoints) {
      throw new InputError(`unexpected ${name}: schema version ${this.#version} has none`);
    }
    if (name === 'keyframe') return { kind: name, keyframe: parseMark(name, value, this.#events) };
    this.#isSealed = true;
    if (name === 'seal') return { kind: name, seal: parseMark(name, value, this.#events) };
    return { kind: name, trailer: parseMark(name, value, this.#events) };
  }
}
