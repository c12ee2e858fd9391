/** Memory states as bytes in shared memory: large ones are sent to threads and to other machines once, and known by their hash. */
import { createHash } from 'node:crypto';
import type { MemoryState } from '@decpool/model';

export interface PackedState {
  /** SHA-256 of the JSON. */
  readonly hash: string;
  /** JSON in UTF-8. */
  readonly json: SharedArrayBuffer;
}

export function packState(state: MemoryState): PackedState {
  const bytes = Buffer.from(JSON.stringify(state));
  const json = new SharedArrayBuffer(bytes.length);
  bytes.copy(Buffer.from(json));
  return { hash: createHash('sha256').update(bytes).digest('hex'), json };
}

/** Scenarios follow each other, so few states are in use at a time. */
const KEPT = 8;
/** The states used last, at the end the latest. */
const states = new Map<string, MemoryState>();

/** What was packed; a thread parses a state once while it is in use. */
export function unpackState({ hash, json }: PackedState): MemoryState {
  const state: MemoryState = states.get(hash) ?? JSON.parse(Buffer.from(json).toString('utf8'));
  states.delete(hash);
  states.set(hash, state);
  if (states.size > KEPT) {
    const [oldest] = states.keys();
    states.delete(oldest);
  }
  return state;
}
