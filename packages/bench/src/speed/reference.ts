/** The TypeScript run that whole-run.c must repeat: its rows, its state and its metrics, and what the C program reads. */
import { ANY_NODE, type EventBatch, type LogHeader } from '@decpool/model';
import { policyNamed } from '@decpool/pool';
import { zonesOf } from '@decpool/pool/internal';
import { lowerBounds } from '../bounds/lower.ts';
import { poolFor } from '../compare/pool-for.ts';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { ratioMetrics } from '../metrics/metric.ts';
import type { WholeRun } from './c-program.ts';
import { checksumText, FNV_BASIS, fnv } from './core.ts';
import { claimsIn, type Guest } from './guest.ts';
import { PLAIN_POLICY } from './policies.ts';
import { logOf, type RequestLog } from './request-log.ts';
import { SETTING, type SpeedWorkload, speedMemory, timedRun } from './requests.ts';

type Outcome = Pick<WholeRun, 'requests' | 'events' | 'checksum' | 'state' | 'metrics'>;

export interface ReferenceRun extends Outcome {
  readonly header: LogHeader;
  readonly log: RequestLog;
  readonly guest: Guest;
  /** All events, if they are to be kept. */
  readonly batches: readonly EventBatch[];
}

/** Throws Error if whole-run.c does not have what the run does. */
export async function referenceRun(
  workload: SpeedWorkload,
  { memory = speedMemory(), keepsBatches = false } = {},
): Promise<ReferenceRun> {
  const { result } = await timedRun(PLAIN_POLICY, workload, memory);
  const { platform, seed, requests } = SETTING;
  const setting = { memory, platform, seed, workload: { name: workload.name, requests } };
  const pool = poolFor(setting, policyNamed(PLAIN_POLICY));
  const claims: number[] = [];
  const batches: EventBatch[] = [];
  let hash = FNV_BASIS;
  pool.batches$.subscribe((batch) => {
    claims.push(...claimsIn(batch));
    hash = rowsChecksum(batch, hash);
    if (keepsBatches) batches.push(batch);
  });
  const all = workload.requests.slice(0, workload.requests.length);
  for (const request of all) pool.request(request);
  pool.complete();
  if (pool.hash() !== result.stateHash) throw new Error('a defect: the same run came to another state');
  const { geometry } = pool.header;
  const lower = lowerBounds(all, geometry.pagesPerBlock);
  const values = [...result.metrics, ...ratioMetrics(result.bounded, lower)];
  return {
    header: pool.header,
    log: logOf(all, geometry),
    guest: {
      directMap: memory.directMap,
      zones: zonesOf(memory, geometry, { highestZone: 'Normal', node: ANY_NODE }),
      claims,
    },
    batches,
    requests: all.length,
    events: result.events,
    checksum: checksumText(hash),
    state: result.stateHash,
    metrics: Object.fromEntries(
      values.filter(({ id }) => KEY_METRICS.includes(id)).map(({ id, value }) => [id, value]),
    ),
  };
}

/** Over every column of every row, as rows_checksum() of c/rows.h. */
function rowsChecksum(batch: EventBatch, start: number): number {
  let hash = start;
  for (let row = 0; row < batch.length; row++) {
    const time = batch.timeAt(row);
    hash = fnv(hash, batch.typeAt(row) | (batch.codeAt(row) << 8) | (batch.ownerAt(row) << 16));
    hash = fnv(hash, batch.requestAt(row));
    hash = fnv(hash, batch.allocationAt(row));
    hash = fnv(hash, batch.pfnAt(row));
    hash = fnv(hash, batch.pagesAt(row));
    hash = fnv(hash, batch.bytesAt(row));
    hash = fnv(hash, time);
    hash = fnv(hash, time / 2 ** 32);
  }
  return hash;
}

/** Throws Error that names what differs between the run in C and the one in TypeScript. */
export function expectSame(inC: WholeRun, reference: ReferenceRun): void {
  for (const name of ['requests', 'events', 'checksum', 'state'] as const) {
    expectEqual(name, inC[name], reference[name]);
  }
  for (const id of KEY_METRICS) expectEqual(id, inC.metrics[id], reference.metrics[id]);
}

function expectEqual(what: string, inC: unknown, inTypeScript: unknown): void {
  if (inC !== undefined && inC === inTypeScript) return;
  throw new Error(`${what} of the whole run: ${inC} in C, ${inTypeScript} in TypeScript`);
}
