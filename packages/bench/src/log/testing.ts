/** What the specs of event logs share: small logs in either format, and what is read of one. */

import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import type { Columns, Seal } from '@decpool/model';
import { type EventBatch, type LogHeader, platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { ByteReader } from '../files/byte-reader.ts';
import { initialColumns } from './fold.ts';
import type { LogFormat } from './format.ts';
import { checkedParts, type LogPart } from './parts.ts';
import { readLog } from './read.ts';
import { recordsFrom } from './records.ts';
import { type LogWriter, type LogWriterOptions, openLogWriter } from './write.ts';

export interface Run {
  readonly header: LogHeader;
  readonly batches: readonly EventBatch[];
  readonly events: number;
  readonly stateHash: string;
}

/** A short run, longer by so many allocations of which some are freed: its header and its events in small batches. */
export function shortRun(more = 0, batchRows = 5): Run {
  const pool = new Pool({
    memory: freshBoot(64 * 2 ** 20),
    platform: platformNamed('snp'),
    policy: policyNamed('first-fit+page+immediate'),
    batchRows,
  });
  const batches: EventBatch[] = [];
  pool.batches$.subscribe((batch) => batches.push(batch));
  const ring = pool.alloc_pages(3, { owner: 'ring "0"\n\u{1f980}' });
  for (let i = 0; i < more; i++) {
    const { allocation } = pool.alloc_pages(i % 3, { owner: 'other' });
    if (i % 4 === 0) pool.free(allocation);
  }
  pool.vmalloc(700, { owner: 'receive buffer', at: 5_000_000_000_000, bytes: 700 * 4096 - 1 });
  pool.free(ring.allocation, 2 ** 52);
  pool.complete();
  return { header: pool.header, batches, events: pool.counters.events, stateHash: pool.hash() };
}

/** A writer, whatever a spec that failed has left. */
export function newWriter(...[path, ...rest]: Parameters<typeof openLogWriter>): Promise<LogWriter> {
  rmSync(`${path}.partial`, { force: true });
  return openLogWriter(path, ...rest);
}

export async function writeLog(
  path: string,
  format: LogFormat,
  run: Run,
  options?: LogWriterOptions,
): Promise<Seal> {
  const writer = await newWriter(path, format, run.header, options);
  for (const batch of run.batches) await writer.write(batch);
  return writer.finish(run.stateHash);
}

export async function partsOf(path: string): Promise<LogPart[]> {
  const parts: LogPart[] = [];
  for await (const part of readLog(path)) parts.push(part);
  return parts;
}

/** A reader of bytes in memory. */
export function readerOf(bytes: Uint8Array): ByteReader {
  const chunks = [bytes];
  return new ByteReader({
    next: async () => chunks.pop() ?? new Uint8Array(),
    fetched: bytes.length,
    close: () => {},
  });
}

/** Paths that this process has open, below a folder. Linux only. */
export function openBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd')
    .map((name) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`);
      } catch {
        // That of the listing itself, which is closed by now.
        return '';
      }
    })
    .filter((path) => path.startsWith(folder));
}

/** What a log comes to. */
export interface Outcome {
  /** Events that were folded, and the state hash after them. */
  readonly events: number;
  readonly stateHash: string;
  readonly seal: Seal | undefined;
}

/** Folds the bytes of a log, without a file: damage is done to logs by the thousand. Throws what its readers throw. */
export async function foldBytes(bytes: Uint8Array): Promise<Outcome> {
  let columns: Columns | undefined;
  let seal: Seal | undefined;
  const records = recordsFrom(readerOf(bytes), bytes[0] === 0xff ? 'arrow' : 'ndjson');
  for await (const part of checkedParts(records)) {
    if (part.kind === 'header') columns = initialColumns(part.header);
    else if (part.kind === 'batch') columns?.fold(part.batch);
    else if (part.kind === 'seal') seal = part.seal;
  }
  if (columns === undefined) throw new Error('a log without a header was read');
  return { events: columns.counters.events, stateHash: columns.hash(), seal };
}
