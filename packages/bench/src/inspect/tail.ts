/** The last events of a log, and those that are written after them. */
import { access } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type EventBatch, InputError } from '@decpool/model';
import { type LogPart, readLog } from '../log/read.ts';
import { countText } from '../text/counts.ts';
import { eventLine, type Names, namesOf } from './event-text.ts';

/** Between two looks at the file, ms. */
const LOOK_MS = 200;

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** The log's own name, or that of a log that is being written. Throws InputError if there is neither. */
export async function nameOfLog(path: string): Promise<string> {
  for (const name of [path, `${path}.partial`]) if (await exists(name)) return name;
  throw new InputError(`${path}: no such log, and no ${path}.partial of a running one`);
}

/**
 * For the end of a log: waits, and resolves to whether there may be more. A log that is gone under all its names is read once more:
 * a run that gives up leaves none.
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

export interface TailOptions {
  /** How many of the events that are there at first are printed. */
  readonly lines: number;
  readonly ended: AbortSignal;
  /** Waits for more at the end of the file; resolves to whether there may be more (default: there is none). */
  readonly waits?: (() => Promise<boolean>) | undefined;
  write(text: string): Promise<void>;
}

/** Prints the last events of a log, and those that come until its seal. Returns how the log ends. */
export async function tailLog(
  path: string,
  { lines, ended, waits = async () => false, write }: TailOptions,
): Promise<string> {
  const owners: string[] = [];
  /** The last events before the end was reached first; undefined afterwards. */
  let held: EventBatch[] | undefined = [];
  let heldEvents = 0;
  let events = 0;
  let names: Names | undefined;

  async function print(batch: EventBatch): Promise<void> {
    if (names === undefined || batch.length === 0 || ended.aborted) return;
    const text = [];
    for (const event of batch) text.push(`${eventLine(event, names)}\n`);
    await write(text.join(''));
  }

  /** Keeps no more batches than it takes to have enough events. */
  function hold(batches: EventBatch[], batch: EventBatch): void {
    batches.push(batch);
    heldEvents += batch.length;
    while (batches.length > 0 && heldEvents - batches[0].length >= lines) {
      heldEvents -= batches[0].length;
      batches.shift();
    }
  }

  async function flush(): Promise<void> {
    const batches = held ?? [];
    held = undefined;
    let skipped = Math.max(0, heldEvents - lines);
    for (const batch of batches) {
      const from = Math.min(skipped, batch.length);
      skipped -= from;
      await print(batch.slice(from, batch.length));
    }
  }

  /** Returns how the log ends, if it does. */
  async function take(part: LogPart): Promise<string | undefined> {
    if (part.kind === 'header') names = namesOf(part.header, owners);
    if (part.kind === 'batch') {
      const { batch } = part;
      events = batch.firstSeq + batch.length;
      for (const [row, name] of batch.names()) owners[batch.ownerAt(row)] = name;
      if (held === undefined) await print(batch);
      else hold(held, batch);
    }
    if (part.kind === 'torn') {
      const torn = part.events === 0 ? '' : `; ${countText(part.events, 'event')} behind them are torn`;
      return `the log is cut off after ${countText(events, 'event')}${torn}`;
    }
    if (part.kind !== 'seal') return undefined;
    const how =
      part.seal.isCutOff === true ? 'what was saved of a run that was cut off' : 'the log is complete';
    return `sealed after ${countText(events, 'event')}: ${how}`;
  }

  const atEnd = async () => {
    await flush();
    return waits();
  };
  for await (const part of readLog(path, { waits: atEnd })) {
    if (ended.aborted) break;
    const end = await take(part);
    if (end === undefined) continue;
    await flush();
    return end;
  }
  await flush();
  return `the log goes no further than ${countText(events, 'event')}, and it has no seal: the run that wrote it was cut off, or is still writing`;
}
