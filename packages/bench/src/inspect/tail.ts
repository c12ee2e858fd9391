/** The end of a log, and what is written behind it. */
import { access } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type EventBatch, InputError } from '@decpool/model';
import { type LogPart, readLog } from '../log/read.ts';
import { countText } from '../text/counts.ts';
import { eventLine, type Names } from './event-text.ts';

/** Between two looks at the file, ms. */
const LOOK_MS = 200;

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Name under which a log is to be found: its own, or that of one that is being written. Throws InputError. */
export async function nameOfLog(path: string): Promise<string> {
  for (const name of [path, `${path}.partial`]) if (await exists(name)) return name;
  throw new InputError(`${path}: no such log, and no ${path}.partial of a running one`);
}

/**
 * What to ask at the end of a log: waits, and resolves to whether there may be more. There may not once the log is gone under all its
 * names, as a run leaves none that gives up, and was looked at once more; nor once it was ended.
 */
export function watch(names: readonly string[], ended: AbortSignal): () => Promise<boolean> {
  let wasGone = false;
  return async () => {
    if (wasGone) return false;
    try {
      await delay(LOOK_MS, undefined, { signal: ended });
    } catch {
      return false;
    }
    const found = await Promise.all(names.map(exists));
    // The folder of a run gets another name when it is done: what was written just before is still to be read.
    wasGone = !found.includes(true);
    return true;
  };
}

export class Tail {
  readonly #most: number;
  readonly #write: (text: string) => Promise<void>;
  readonly #ended: AbortSignal;
  readonly #owners: string[] = [];
  /** The last events there were before the end was reached; undefined afterwards. */
  #held: EventBatch[] | undefined = [];
  #heldEvents = 0;
  /** Events read. */
  #events = 0;
  #names: Names | undefined;

  /** Prints the last `most` events of those that are there at first. */
  constructor(most: number, write: (text: string) => Promise<void>, ended: AbortSignal) {
    this.#most = most;
    this.#write = write;
    this.#ended = ended;
  }

  /** Reads to the end; where `waits` is told, until the seal or until it resolves to false. Returns how the log ends. */
  async run(path: string, waits?: () => Promise<boolean>): Promise<string> {
    const atEnd = async () => {
      await this.#flush();
      return waits === undefined ? false : waits();
    };
    for await (const part of readLog(path, { waits: atEnd })) {
      if (this.#ended.aborted) break;
      const end = await this.#take(part);
      if (end === undefined) continue;
      await this.#flush();
      return end;
    }
    await this.#flush();
    return `the log goes no further than ${countText(this.#events, 'event')}, and it has no seal: the run that wrote it was cut off, or is still writing`;
  }

  /** Returns how the log ends, where it does. */
  async #take(part: LogPart): Promise<string | undefined> {
    if (part.kind === 'header') {
      this.#names = { geometry: part.header.geometry, owner: (owner) => this.#owners[owner] };
    }
    if (part.kind === 'batch') await this.#batch(part.batch);
    if (part.kind === 'torn') {
      const torn = part.events === 0 ? '' : `; ${countText(part.events, 'event')} behind them are torn`;
      return `the log is cut off after ${countText(this.#events, 'event')}${torn}`;
    }
    if (part.kind !== 'seal') return undefined;
    return part.seal.isCutOff === true
      ? `sealed after ${countText(this.#events, 'event')}: what was saved of a run that was cut off`
      : `sealed after ${countText(this.#events, 'event')}: the log is complete`;
  }

  async #batch(batch: EventBatch): Promise<void> {
    this.#events = batch.firstSeq + batch.length;
    for (const [row, name] of batch.names()) this.#owners[batch.ownerAt(row)] = name;
    if (this.#held === undefined) await this.#print(batch);
    else this.#hold(this.#held, batch);
  }

  /** Keeps no more batches than it takes to have enough events. */
  #hold(held: EventBatch[], batch: EventBatch): void {
    held.push(batch);
    this.#heldEvents += batch.length;
    while (held.length > 0 && this.#heldEvents - held[0].length >= this.#most) {
      this.#heldEvents -= held[0].length;
      held.shift();
    }
  }

  async #flush(): Promise<void> {
    const held = this.#held ?? [];
    this.#held = undefined;
    let skipped = Math.max(0, this.#heldEvents - this.#most);
    for (const batch of held) {
      const from = Math.min(skipped, batch.length);
      skipped -= from;
      await this.#print(batch.slice(from, batch.length));
    }
  }

  async #print(batch: EventBatch): Promise<void> {
    const names = this.#names;
    if (names === undefined || batch.length === 0 || this.#ended.aborted) return;
    const lines = Array.from({ length: batch.length }, (_, row) => eventLine(batch.at(row), names));
    await this.#write(`${lines.join('\n')}\n`);
  }
}
