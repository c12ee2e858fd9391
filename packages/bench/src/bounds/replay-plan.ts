/**
 * The proof of a plan: a pool carries it out under every rule of the model and of the page allocator, and its cost is measured
 * from the events.
 */
import {
  type MemoryState,
  orderFor,
  type Pfn,
  type Platform,
  platformNamed,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import { observeAll } from '@decpool/model/internal';
import { type Policy, type PolicyFactory, Pool, type Recorder, slabCacheFor } from '@decpool/pool';
import type { PageItem } from './items.ts';
import { type MeasuredBlocks, measuredBlocks } from './measured.ts';
import { isWorkers, type Moments, requestAt, timeOf } from './moments.ts';
import type { Piece, Plan } from './plan.ts';
import type { Steps } from './steps.ts';

/** Carries a plan out and measures it, in steps of a request. Throws Error if a request gets no pages or if the figures are not those of the plan. */
export function* replayPlan(
  items: readonly PageItem[],
  plan: Plan,
  moments: Moments,
  memory: MemoryState,
  platform: Platform,
): Steps<MeasuredBlocks> {
  const clock = { request: 0 };
  const pool = new Pool({
    memory,
    platform: platformNamed('snp'),
    policy: offlinePolicy(items, plan, moments, platform, clock),
  });
  const measured = measuredBlocks(pool.header, moments.until);
  pool.batches$.subscribe((batch) => observeAll(batch, [measured]));
  for (const [index, request] of moments.requests.entries()) {
    clock.request = index;
    pool.request(request);
    yield;
  }
  pool.complete();
  const { blocksPeak, blockNs } = measured.result();
  if (blocksPeak !== plan.blocksPeak || blockNs !== plan.blockNs) {
    throw new Error(
      `a defect: the offline plan is for ${plan.blocksPeak} blocks at peak and ${plan.blockNs} block-ns, and comes to ${blocksPeak} and ${blockNs}`,
    );
  }
  return { blocksPeak, blockNs };
}

/** `clock`: the request that is being decided, or the next one; behind the last one, that. */
function offlinePolicy(
  items: readonly PageItem[],
  plan: Plan,
  moments: Moments,
  platform: Platform,
  clock: { readonly request: number },
): PolicyFactory {
  return (view): Policy => {
    /** In order. At one moment blocks are only shared, or only made private. Those behind the last request are never done. */
    const actions = plan.openings
      .flatMap(({ block, from, to }) => [
        { moment: from, isOpening: true, block },
        { moment: to, isOpening: false, block },
      ])
      .sort((a, b) => a.moment - b.moment);
    const blocks = new ClaimedBlocks(items, plan, view);
    let done = 0;
    let nextItem = 0;
    const isReached = (moment: number) => requestAt(moment) <= clock.request;
    const act = (isDue: (moment: number) => boolean, record: Recorder) => {
      for (; done < actions.length && isDue(actions[done].moment); done++) {
        const { isOpening, block } = actions[done];
        if (isOpening) blocks.open(block, record);
        else blocks.close(block, record);
      }
    };
    return {
      name: 'offline',
      cacheFor: (request) => slabCacheFor(request, platform),
      freesWithoutSleeping: () => true,
      workDueAt: () => {
        const moment = actions[done]?.moment;
        const isDue = moment !== undefined && isWorkers(moment) && isReached(moment);
        return isDue ? timeOf(moments, moment) : Number.POSITIVE_INFINITY;
      },
      work: (_view, record) =>
        act(
          (moment) => isWorkers(moment) && isReached(moment) && timeOf(moments, moment) <= record.time,
          record,
        ),
      allocate: ({ pages }, _view, record) => {
        act(isReached, record);
        const item = items[nextItem];
        if (item?.start !== clock.request || item.pages !== pages) {
          throw new Error(`a defect: request ${clock.request} for ${pages} pages is not in the offline plan`);
        }
        for (const run of blocks.runsOf(plan.packing[nextItem], item.align !== 0)) {
          record.allocate(run.start, run.pages);
        }
        nextItem++;
      },
      free: ({ allocation }, _view, record) => {
        for (let left = view.extentCount(allocation); left > 0; left--) {
          record.free(view.extentPfn(allocation), view.extentPages(allocation));
        }
        act(isReached, record);
      },
    };
  };
}

/** Where the virtual blocks of a plan lie, while they are shared. */
class ClaimedBlocks {
  readonly #pagesPerBlock: number;
  /** By virtual block: how many neighbours are claimed in one piece with it, for an item that spans them. */
  readonly #group = new Map<number, number>();
  /** By first block of a group: where it lies, and how many of its blocks are shared. */
  readonly #claimed = new Map<number, { readonly start: number; open: number }>();

  constructor(items: readonly PageItem[], { packing }: Plan, { geometry }: StateView) {
    this.#pagesPerBlock = geometry.pagesPerBlock;
    for (const [index, pieces] of packing.entries()) {
      if (items[index].pages <= this.#pagesPerBlock || items[index].align === 0) continue;
      const [{ block: first }] = pieces;
      for (let block = first; block < first + GROUP; block++) this.#group.set(block, GROUP);
    }
  }

  open(block: number, record: Recorder): void {
    const first = this.#firstOf(block);
    let claimed = this.#claimed.get(first);
    if (claimed === undefined) {
      const start = record.claim(orderFor(this.#groupPages(block)));
      if (start === -1) throw new Error(`a defect: no memory for block ${block} of the offline plan`);
      claimed = { start, open: 0 };
      this.#claimed.set(first, claimed);
    }
    claimed.open++;
    record.decrypt(this.#pfnOf(block), this.#pagesPerBlock);
  }

  close(block: number, record: Recorder): void {
    const first = this.#firstOf(block);
    const claimed = this.#claimedAt(first);
    record.encrypt(this.#pfnOf(block), this.#pagesPerBlock);
    claimed.open--;
    if (claimed.open > 0) return;
    this.#claimed.delete(first);
    record.giveBack(toPfn(claimed.start), this.#groupPages(block));
  }

  /** The page frames of the pieces; one run if they are contiguous. */
  runsOf(pieces: readonly Piece[], isContiguous: boolean): { readonly start: Pfn; readonly pages: number }[] {
    const runs = pieces.map(({ block, first, pages }) => ({
      start: toPfn(this.#pfnOf(block) + first),
      pages,
    }));
    if (!isContiguous) return runs;
    return [{ start: runs[0].start, pages: runs.reduce((sum, { pages }) => sum + pages, 0) }];
  }

  #firstOf(block: number): number {
    return block - (block % (this.#group.get(block) ?? 1));
  }

  #groupPages(block: number): number {
    return (this.#group.get(block) ?? 1) * this.#pagesPerBlock;
  }

  #pfnOf(block: number): Pfn {
    const first = this.#firstOf(block);
    return toPfn(this.#claimedAt(first).start + (block - first) * this.#pagesPerBlock);
  }

  #claimedAt(first: number): { readonly start: number; open: number } {
    const claimed = this.#claimed.get(first);
    if (claimed === undefined) throw new Error(`a defect: block ${first} of the offline plan is not shared`);
    return claimed;
  }
}

/** Blocks of the page allocator's largest chunk. An item that spans blocks lies in such a chunk. */
const GROUP = 2;
