/** What the specs of runs again share: logs of small runs, and logs that were forged. */
import { writeFileSync } from 'node:fs';
import {
  EventBatch,
  type MemoryState,
  type PoolEvent,
  platformNamed,
  type Request,
  type Seal,
} from '@decpool/model';
import { ARROW_END, encodeArrowHeader, encodeArrowMark, encodeArrowSegment } from '@decpool/model/arrow';
import {
  type ColumnName,
  type EventColumns,
  encodeEventLines,
  encodeHeaderLine,
  encodeMarkLine,
} from '@decpool/model/internal';
import { freshBoot, type PolicyFactory, policyNamed } from '@decpool/pool';
import { type RunSettings, runPolicy } from '../compare/run.ts';
import { Chain } from '../log/chain.ts';
import type { LogFormat } from '../log/format.ts';
import { openLog } from '../log/open.ts';
import { readLog } from '../log/read.ts';
import { requestsHash } from '../workloads/requests-hash.ts';
import { workload } from '../workloads/workload.ts';

export interface Scenario extends RunSettings {
  readonly requests: readonly Request[];
  readonly policy: string;
  readonly memory?: MemoryState;
  /** The policy itself, where it is none of the registry. */
  readonly factory?: PolicyFactory;
}

/** Runs a policy over requests, and writes that as a log. */
export async function writeRun(path: string, format: LogFormat, scenario: Scenario): Promise<void> {
  const { requests, policy, factory, memory, ...settings } = scenario;
  const made = workload({ name: 'small', description: '', requests, notes: [] });
  await runPolicy({
    hasBootPools: false,
    ...settings,
    workload: made,
    memory: memory ?? freshBoot(256 * 2 ** 20),
    platform: platformNamed('snp'),
    policy: factory ?? policyNamed(policy),
    seed: 1,
    requests: requestsHash(made),
    log: { path, format },
  });
}

export async function eventsOf(path: string): Promise<PoolEvent[]> {
  const events: PoolEvent[] = [];
  const log = await openLog(path);
  for await (const batch of log.batches()) events.push(...batch);
  await log.close();
  return events;
}

/** One number of one event. */
export interface Perturbation {
  readonly seq: number;
  readonly column: ColumnName;
  readonly change: (value: number) => number;
}

/** The batch with another number, where the event is in it. */
function perturbed(batch: EventBatch, { seq, column, change }: Perturbation): EventBatch {
  const row = seq - batch.firstSeq;
  if (row < 0 || row >= batch.length) return batch;
  const columns: EventColumns = {
    type: batch.column('type'),
    code: batch.column('code'),
    owner: batch.column('owner'),
    request: batch.column('request'),
    allocation: batch.column('allocation'),
    pfn: batch.column('pfn'),
    pages: batch.column('pages'),
    bytes: batch.column('bytes'),
    time: batch.column('time'),
    names: batch.names(),
  };
  columns[column][row] = change(columns[column][row]);
  return new EventBatch(columns, batch.length, batch.firstSeq);
}

/**
 * Writes a log anew with one number changed. Its checkpoints are those that were made for the events as they were, or, when it
 * is sealed again, such as belong to the forged events: then its hashes agree.
 */
export async function forge(
  path: string,
  out: string,
  format: LogFormat,
  perturbation: Perturbation,
  isSealedAgain: boolean,
): Promise<void> {
  const parts: Uint8Array[] = [];
  let chain: Chain | undefined;
  const mark = (seal: Seal) =>
    format === 'arrow' ? encodeArrowMark('seal', seal) : Buffer.from(encodeMarkLine('seal', seal));
  for await (const part of readLog(path)) {
    if (part.kind === 'header') {
      chain = new Chain(part);
      parts.push(
        format === 'arrow' ? encodeArrowHeader(part.header) : Buffer.from(encodeHeaderLine(part.header)),
      );
    } else if (part.kind === 'batch') {
      const batch = perturbed(part.batch, perturbation);
      const checkpoint = isSealedAgain && chain !== undefined ? chain.append(batch) : part.checkpoint;
      if (format === 'arrow') parts.push(encodeArrowSegment(batch, checkpoint));
      else parts.push(encodeEventLines(batch), Buffer.from(encodeMarkLine('checkpoint', checkpoint)));
    } else if (part.kind === 'seal') {
      parts.push(
        mark(isSealedAgain && chain !== undefined ? { ...part.seal, chain: chain.value } : part.seal),
      );
      if (format === 'arrow') parts.push(ARROW_END);
    }
  }
  writeFileSync(out, Buffer.concat(parts));
}

/** A policy under another name, as one of the user's own. */
export const called =
  (name: string, factory: PolicyFactory): PolicyFactory =>
  (view) => {
    const policy = factory(view);
    return {
      name,
      allocate: (...args) => policy.allocate(...args),
      free: (...args) => policy.free(...args),
    };
  };
