/** For specs: runs of a real pool, their histories, and the state that the events fold to at each frame. */
import {
  type BlockIndex,
  Columns,
  type Counters,
  type EventBatch,
  type Faults,
  type LogHeader,
  type MemoryState,
  machineOf,
  type PlatformName,
  platformNamed,
  type Request,
  type StateView,
} from '@decpool/model';
import { EventRows } from '@decpool/model/internal';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { inputHistory } from './assemble.ts';
import { DemandRecorder } from './demand.ts';
import { RunRecorder } from './recorder.ts';
import type { InputHistory, RunHistory } from './types.ts';

export interface Told {
  readonly policy: string;
  readonly requests: readonly Request[];
  readonly platform?: PlatformName;
  readonly restore?: boolean;
  readonly faults?: Faults;
  readonly memory?: MemoryState;
  readonly budget?: number;
  readonly mostRows?: number;
  /** 2 MiB of them. */
  readonly hasBounceBuffers?: boolean;
}

export interface Run {
  readonly header: LogHeader;
  readonly batches: readonly EventBatch[];
  readonly counters: Counters;
  readonly history: InputHistory;
  readonly run: RunHistory;
}

/** A policy over these requests, in a guest of 64 MiB by default, recorded while it runs. */
export function recordedRun(told: Told): Run {
  const { policy, requests, platform = 'snp', restore, faults, hasBounceBuffers } = told;
  const memory = told.memory ?? freshBoot(64 * 2 ** 20);
  const pool = new Pool({
    memory,
    platform: { ...platformNamed(platform), ...(restore === undefined ? {} : { restore }) },
    policy: policyNamed(policy),
    batchRows: 7,
    ...(faults === undefined ? {} : { faults }),
    ...(hasBounceBuffers === true ? { swiotlb: { bytes: 2 ** 21, dynamic: false } } : {}),
  });
  const recorder = new RunRecorder(pool.header, requests.length, told.mostRows);
  const demand = new DemandRecorder(pool.header, requests.length);
  const batches: EventBatch[] = [];
  pool.batches$.subscribe((batch) => {
    batches.push(batch);
    recorder.observe(batch);
    demand.observe(batch);
  });
  for (const request of requests) pool.request(request);
  pool.complete();
  const recordings = [{ policy, log: `logs/${policy}.arrow`, recording: recorder.finish() }];
  const history = inputHistory(pool.header, requests.length, demand.finish(), recordings, told.budget);
  const [run] = history.runs;
  return { header: pool.header, batches, counters: pool.counters, history, run };
}

/** Types of events that stand for one request each. */
const REQUESTS = /^(allocation-requested|free-requested|user-.*|background-.*|request-skipped)$/;

/** Shows the state at each frame, and the counters after each event. */
export function foldToFrames(
  { header, batches, history }: Run,
  atFrame: (view: StateView, frame: number) => void,
  atEvent: (view: StateView) => void = () => {},
): void {
  const columns = new Columns(machineOf(header), header.memory.directMap);
  const view = columns.view();
  const ends = history.frames.requests;
  let frame = 0;
  let done = 0;
  for (const batch of batches) {
    for (const event of batch) {
      if (REQUESTS.test(event.type)) {
        while (ends[frame] === done && frame < ends.length - 1) atFrame(view, frame++);
        done++;
      }
      const rows = new EventRows(1);
      rows.appendObject(event);
      columns.fold(rows.seal(event.seq));
      atEvent(view);
    }
  }
  atFrame(view, frame);
}

/** Blocks of a view, as numbers that a view takes. */
export const blocksOf = (view: StateView): BlockIndex[] =>
  Array.from({ length: view.blocks }, (_, block) => block as BlockIndex);
