/** Every split of the direct map in a log, with the request and the owner that caused it. */
import {
  allocationId,
  blockIndex,
  type Columns,
  type EventBatch,
  type PoolEvent,
  TYPE,
} from '@decpool/model';
import type { OpenLog } from '../log/open.ts';
import { type Cause, Causes } from './causes.ts';
import { foldWhile } from './fold.ts';

/** What the split entry mapped. 32M and 64K are runs of contiguous entries, on platforms that have them. */
export const SPLIT_LEVELS = ['2M', '1G', '32M', '64K'] as const;
export type SplitLevel = (typeof SPLIT_LEVELS)[number];

/** `time_ns`, like the other names that an event has in a table of `decpool query`. */
export interface Split {
  /** Number of the event. */
  readonly seq: number;
  /** Simulated. */
  readonly time_ns: number;
  /** The request that caused the split. Of the deferred worker: the last request before it. At boot: 0. */
  readonly request: number;
  readonly cause: Cause['by'];
  /** Owner of the request; missing if no owner's request caused the split. */
  readonly owner?: string;
  /** First page of the entry. */
  readonly pfn: number;
  /** First block of the entry. */
  readonly block: number;
  readonly level: SplitLevel;
}

/** State of a block after the last event: pages in an unknown state count as shared. `restored`: a 2M entry maps it again. */
export type EndState = 'private' | 'shared' | 'mixed' | 'restored';

export interface FoundSplits {
  /** In the order of their events. */
  readonly splits: readonly Split[];
  /** What each request that split asked for, by its number. */
  readonly asked: ReadonlyMap<number, PoolEvent>;
  /** Of the entry of a split; undefined of a 32M run. */
  endState(split: Split): EndState | undefined;
}

/** Reads the log once, to its end. Throws InputError where it is damaged. */
export async function splitsOf(log: OpenLog): Promise<FoundSplits> {
  let projection: Splits | undefined;
  const { geometry } = log.header;
  const columns = await foldWhile(log, log.events, (batch, folded) => {
    projection ??= new Splits(geometry.pagesPerBlock, ownersIn(folded));
    projection.observe(batch);
  });
  const { splits, asked } = projection ?? new Splits(geometry.pagesPerBlock, ownersIn(columns));
  return { splits, asked, endState: (split) => endStateIn(columns, split) };
}

/** Names the owner of an allocation, also of one that is freed. */
function ownersIn(columns: Columns): (allocation: number) => string {
  const view = columns.view();
  return (allocation) => columns.owners[view.ownerOf(allocationId(allocation))] ?? '';
}

/** Collects the splits of a log, batch by batch. */
export class Splits {
  readonly splits: Split[] = [];
  readonly asked = new Map<number, PoolEvent>();
  readonly #pagesPerBlock: number;
  readonly #ownerOf: (allocation: number) => string;
  readonly #causes = new Causes();

  /** `ownerOf` names the owner of every allocation in the batches so far. */
  constructor(pagesPerBlock: number, ownerOf: (allocation: number) => string) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#ownerOf = ownerOf;
  }

  observe(batch: EventBatch): void {
    for (let row = 0; row < batch.length; row++) {
      this.#causes.observe(batch, row);
      const type = batch.typeAt(row);
      if (type === TYPE.largePageSplit) this.#add(batch, row, batch.codeAt(row) === 2 ? '2M' : '1G');
      else if (type === TYPE.contiguousSplit) this.#add(batch, row, batch.codeAt(row) === 2 ? '32M' : '64K');
    }
  }

  #add(batch: EventBatch, row: number, level: SplitLevel): void {
    const cause = this.#causes.of(batch, row, this.#ownerOf);
    const owner = cause.by === 'request' ? cause.owner : undefined;
    const request = batch.requestAt(row);
    if (cause.by === 'request') this.asked.set(request, cause.event);
    this.splits.push({
      seq: batch.firstSeq + row,
      time_ns: batch.timeAt(row),
      request,
      cause: cause.by,
      ...(owner === undefined ? {} : { owner }),
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
