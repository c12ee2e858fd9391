/** Every split of the direct map in a log, with the request and the owner that caused it. */
import { blockIndex, type Columns, type EventBatch, type LogHeader, type PoolEvent } from '@decpool/model';
import {
  BootPoolEvents,
  type Cause,
  Causes,
  Owners,
  observeAll,
  type Projection,
  type SplitCounts,
  type SplitLevel,
  SplitsByOwner,
  type SplitsOfOwner,
  splitLevel,
} from '@decpool/model/internal';
import { initialColumns } from '../log/fold.ts';
import type { OpenLog } from '../log/open.ts';

/** `time_ns`, like the other names that an event has in a table of `decpool query`. */
export interface Split {
  /** Number of the event. */
  readonly seq: number;
  /** Simulated. */
  readonly time_ns: number;
  /** The request that caused the split. Of the deferred worker: the last request before it. Before the first request: 0. */
  readonly request: number;
  readonly cause: Cause['by'];
  /** Owner of the request; undefined if no owner's request caused the split. */
  readonly owner: string | undefined;
  /** First page of the entry. */
  readonly pfn: number;
  /** First block of the entry. */
  readonly block: number;
  readonly level: SplitLevel;
}

/** State of a block after the last event: pages in an unknown state count as shared. `restored`: a 2M entry maps it again. */
export type EndState = 'private' | 'shared' | 'mixed' | 'restored';

export interface FoundSplits {
  /** In the order of their events; without those of the boot pool. */
  readonly splits: readonly Split[];
  /** Splits by the boot pool of swiotlb, which are the same under every policy. */
  readonly atBoot: SplitCounts;
  /** What each request that split asked for, by its number. */
  readonly asked: ReadonlyMap<number, PoolEvent>;
  readonly byOwner: readonly SplitsOfOwner[];
  /** Of the entry of a split; undefined of a 32M run. */
  endState(split: Split): EndState | undefined;
}

/** Reads the log once, to its end. Throws InputError if it is damaged. */
export async function splitsOf(log: OpenLog): Promise<FoundSplits> {
  const found = new Splits(log.header);
  const columns = initialColumns(log.header);
  for await (const batch of log.fold(columns)) observeAll(batch, [found]);
  return { ...found.result(), endState: (split) => endStateIn(columns, split) };
}

/** Collects the splits of a log. */
export class Splits implements Projection {
  readonly #splits: Split[] = [];
  readonly #asked = new Map<number, PoolEvent>();
  readonly #pagesPerBlock: number;
  readonly #owners = new Owners();
  readonly #bootPool: BootPoolEvents;
  readonly #causes: Causes;
  readonly #byOwner: SplitsByOwner;

  constructor(header: Pick<LogHeader, 'geometry' | 'swiotlb'>) {
    this.#pagesPerBlock = header.geometry.pagesPerBlock;
    this.#bootPool = new BootPoolEvents(header);
    this.#causes = new Causes(this.#owners, this.#bootPool);
    this.#byOwner = new SplitsByOwner(this.#causes, this.#owners);
  }

  result(): Omit<FoundSplits, 'endState'> {
    const byOwner = this.#byOwner;
    return {
      splits: this.#splits,
      asked: this.#asked,
      byOwner: byOwner.groups(),
      atBoot: byOwner.ofBootPool,
    };
  }

  observe(batch: EventBatch, row: number): void {
    this.#bootPool.observe(batch, row);
    this.#owners.observe(batch, row);
    this.#causes.observe(batch, row);
    this.#byOwner.observe(batch, row);
    const level = splitLevel(batch, row);
    if (level === undefined) return;
    const cause = this.#causes.of(batch, row);
    if (cause.by === 'boot pool') return;
    const owner = cause.by === 'request' ? cause.owner : undefined;
    const request = batch.requestAt(row);
    if (cause.by === 'request') this.#asked.set(request, cause.event);
    this.#splits.push({
      seq: batch.firstSeq + row,
      time_ns: batch.timeAt(row),
      request,
      cause: cause.by,
      owner,
      pfn: batch.pfnAt(row),
      block: Math.floor(batch.pfnAt(row) / this.#pagesPerBlock),
      level,
    });
  }
}

function endStateIn(columns: Columns, { block, level }: Split): EndState | undefined {
  if (level === '32M') return undefined;
  const view = columns.view();
  const { pagesPerBlock, blocksPerRegion } = view.geometry;
  const end = level === '1G' ? Math.min(view.blocks, block + blocksPerRegion) : block + 1;
  if (level === '2M' && view.block(blockIndex(block)).level === 2) return 'restored';
  let shared = 0;
  for (let at = block; at < end; at++) {
    shared += view.pagesOf('shared', blockIndex(at)) + view.pagesOf('unknown', blockIndex(at));
  }
  if (shared === 0) return 'private';
  return shared === (end - block) * pagesPerBlock ? 'shared' : 'mixed';
}
