/**
 * The hash chain of a log. Each checkpoint's content hash covers the header, the events of its segment, and the content hash before
 * it. So a reader can begin at any checkpoint, and still finds whether what it reads was altered.
 */
import { createHash } from 'node:crypto';
import type { Checkpoint, EventBatch, Keyframe } from '@decpool/model';
import type { ReadHeader } from '@decpool/model/internal';
import { alteredRow, headerText, locatorOf, segmentBytes } from '@decpool/model/internal';

export class Chain {
  /** SHA-256 of the header's line in an NDJSON log. */
  readonly #head: Uint8Array;
  #value: string;

  /** At the start of a log, or behind the checkpoint whose content hash is `at`. */
  constructor({ header, version }: ReadHeader, at?: string) {
    this.#head = createHash('sha256').update(headerText(header, version)).digest();
    this.#value = at ?? Buffer.from(this.#head).toString('hex');
  }

  /** Content hash of all up to here: 64 hex digits. */
  get value(): string {
    return this.#value;
  }

  /** Adds a segment. Returns the checkpoint behind it. */
  append(batch: EventBatch): Checkpoint {
    this.#add(batch);
    return { events: batch.firstSeq + batch.length, chain: this.#value, locator: locatorOf(batch) };
  }

  /** Adds a segment that was read. Returns what is wrong with it, or undefined. */
  check(batch: EventBatch, checkpoint: Checkpoint): string | undefined {
    this.#add(batch);
    if (checkpoint.chain === this.#value) return undefined;
    // The segments behind it are checked against the log's own hash: one altered segment gives one finding.
    this.#value = checkpoint.chain;
    const last = batch.firstSeq + batch.length - 1;
    const row = alteredRow(batch, checkpoint.locator);
    if (typeof row === 'number') {
      return `event ${batch.firstSeq + row} was altered after the log was written: the content hash of its segment (events ${batch.firstSeq} to ${last}) does not match`;
    }
    return row === 'none'
      ? `the header or the checkpoint after event ${last} was altered after the log was written`
      : `events ${batch.firstSeq} to ${last}: several of them, or the checkpoint after them, were altered after the log was written`;
  }

  /** The hash that a keyframe here must have. */
  keyframeHash({ stateHash, state }: Pick<Keyframe, 'stateHash' | 'state'>): string {
    const hash = createHash('sha256').update(this.#head).update(this.#value, 'ascii');
    return hash.update(stateHash, 'ascii').update(state, 'ascii').digest('hex');
  }

  /** Returns what is wrong with a keyframe that stands here, or undefined. */
  checkKeyframe(keyframe: Keyframe): string | undefined {
    if (keyframe.hash === this.keyframeHash(keyframe)) return undefined;
    return `the keyframe after event ${keyframe.events} was altered after the log was written`;
  }

  #add(batch: EventBatch): void {
    const hash = createHash('sha256').update(this.#head).update(this.#value, 'ascii');
    hash.update(Uint32Array.of(batch.length));
    for (const part of segmentBytes(batch)) hash.update(part);
    this.#value = hash.digest('hex');
  }
}
