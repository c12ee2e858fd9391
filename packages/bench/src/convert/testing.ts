/** Logs for the specs of this folder. */
import { type EventBatch, type LogHeader, platformNamed, type Seal } from '@decpool/model';
import { EventRows } from '@decpool/model/internal';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import type { LogFormat } from '../log/format.ts';
import { openLogWriter } from '../log/write.ts';

/** A short run: its header, its events in small batches, and its state hash. */
export function shortRun(): { header: LogHeader; batches: EventBatch[]; stateHash: string } {
  const pool = new Pool({
    memory: freshBoot(64 * 2 ** 20),
    platform: platformNamed('snp'),
    policy: policyNamed('first-fit+page+immediate'),
    batchRows: 5,
  });
  const batches: EventBatch[] = [];
  pool.batches$.subscribe((batch) => batches.push(batch));
  const ring = pool.alloc_pages(3, { owner: "ring '; DROP TABLE owners; --\n\u001b[31m\u{1f980}" });
  pool.vmalloc(700, { owner: 'receive buffer', at: 5_000_000_000_000, bytes: 700 * 4096 - 1 });
  pool.free(ring.allocation, 2 ** 52);
  pool.complete();
  return { header: pool.header, batches, stateHash: pool.hash() };
}

/** Writes the log of the short run; keyframes stand wherever they may. */
export async function writeShortLog(
  path: string,
  format: LogFormat,
  options: { readonly isCutOff?: boolean; readonly isSealed?: boolean } = {},
): Promise<Seal | undefined> {
  const { header, batches, stateHash } = shortRun();
  const { isCutOff, isSealed = true } = options;
  const writer = await openLogWriter(path, format, header, isCutOff === undefined ? {} : { isCutOff });
  for (const batch of batches) await writer.write(batch);
  if (isSealed) return writer.finish(stateHash);
  await writer.close();
  return undefined;
}

/** Events as a batch. */
export function batchOf(events: readonly object[], firstSeq = 0): EventBatch {
  const rows = new EventRows(Math.max(1, events.length));
  for (const event of events) rows.appendObject(event);
  return rows.seal(firstSeq);
}
