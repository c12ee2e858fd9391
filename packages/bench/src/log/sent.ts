/** What a thread that reads a log is asked for, and what it sends. An error keeps no class on its way. */
import { type Checkpoint, InputError } from '@decpool/model';
import type { SentBatch } from '@decpool/model/internal';
import type { LogPart, LogStart } from './parts.ts';

export interface ReadTask {
  readonly path: string;
  readonly start: LogStart | undefined;
  readonly skipsKeyframes: boolean;
  /** Whether it goes on behind content hashes that do not match. */
  readonly goesOn: boolean;
  /** What it has sent and the reader has not taken: one number, shared. */
  readonly waiting: Int32Array;
}

/** Messages that may wait. Most hold a segment: 350 kB. */
export const MAX_WAITING = 8;

export type SentPart =
  | Exclude<LogPart, { kind: 'batch' }>
  | {
      readonly kind: 'batch';
      readonly batch: SentBatch;
      readonly checkpoint: Checkpoint;
      readonly isVouched: boolean;
    }
  /** A content hash does not match. */
  | { readonly kind: 'broken'; readonly found: string }
  /** For OnRead. */
  | { readonly kind: 'read'; readonly done: number; readonly all: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'failed'; readonly error: unknown };

export const sentError = (error: unknown): SentPart =>
  error instanceof InputError ? { kind: 'refused', message: error.message } : { kind: 'failed', error };
