/**
 * The proof of a plan: it is carried out by a pool, so that every rule of the model and of the page allocator applies, and
 * what it costs is measured from the events.
 */
import {
  type AllocateRequest,
  type MemoryState,
  observeAll,
  orderFor,
  type Pfn,
  type Platform,
  platformNamed,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import { type Policy, type PolicyFactory, Pool, type Recorder, slabCacheFor } from '@decpool/pool';
import type { PageItem } from './items.ts';
import { type MeasuredBlocks, measuredBlocks } from './measured.ts';
import { isNever, isWorkers, type Moments, requestAt, timeOf } from './moments.ts';
import type { Opening, Piece, Plan } from './plan.ts';

/**
 * Carries a plan out and measures it. Throws Error, for a defect of ours, when a request is refused or when the figures are
 * not those of the plan.
 */
export function replayPlan(
  items: readonly PageItem[],
  plan: Plan,
  moments: Moments,
  memory: MemoryState,
  platform: Platform,
): MeasuredBlocks {
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
    if (request.kind === 'allocate' && pool.view.isRefused(request.allocation)) {
      throw new Error(`a defect: the offline plan refuses request ${index}`);
    }
  }
  clock.request = moments.requests.length;
  pool.complete();
  const { blocksPeak, blockNs } = measured.result();
  if (blocksPeak !== plan.blocksPeak || blockNs !== plan.blockNs) {
    throw new Error(
      `a defect: the offline plan is for ${plan.blocksPeak} blocks at peak and ${plan.blockNs} block-ns, and comes to ${blocksPeak} and ${blockNs}`,
    );
  }
  return { blocksPeak, blockNs };
}

interface Action {
  readonly moment: number;
  readonly isOpening: boolean;
  readonly opening: Opening;
}

/** What is to be done about blocks, in order: at one moment they are only shared, or only made private. */
function actionsOf({ openings }: Plan, moments: Moments): Action[] {
  return openings
    .flatMap((opening) => [
      { moment: opening.from, isOpening: true, opening },
      { moment: opening.to, isOpening: false, opening },
    ])
    .filter(({ moment }) => !isNever(moments, moment))
    .sort((a, b) => a.moment - b.moment);
}

/** `clock` tells which request is next, or being decided. */
function offlinePolicy(
  items: readonly PageItem[],
  plan: Plan,
  moments: Moments,
  platform: Platform,
  clock: { readonly request: number },
): PolicyFactory {
  return (view): Policy => {
    const actions = actionsOf(plan, moments);
    const blocks = new ClaimedBlocks(items, plan, view);
    let done = 0;
    let nextItem = 0;
    const act = (isDue: (moment: number) => boolean, record: Recorder) => {
      for (; done < actions.length && isDue(actions[done].moment); done++) {
        const { isOpening, opening } = actions[done];
        if (isOpening) blocks.open(opening.block, record);
        else blocks.close(opening.block, record);
      }
    };
    const actNow = (record: Recorder) => act((moment) => requestAt(moment) <= clock.request, record);
    return {
      name: 'offline',
      cacheFor: (request) => slabCacheFor(request, platform),
      freesWithoutSleeping: () => true,
      workDueAt: () => {
        const next = actions[done];
        const isNext =
          next !== undefined && isWorkers(next.moment) && requestAt(next.moment) <= clock.request;
        return isNext ? timeOf(moments, next.moment) : Number.POSITIVE_INFINITY;
      },
      work: (_view, record) =>
        act(
          (moment) =>
            isWorkers(moment) && requestAt(moment) <= clock.request && timeOf(moments, moment) <= record.time,
          record,
        ),
      allocate: (request, _view, record) => {
        actNow(record);
        const item = items[nextItem];
        expectItem(item, request, clock.request);
        for (const { start, pages } of blocks.runsOf(plan.packing[nextItem], item.align !== 0)) {
          record.allocate(start, pages);
        }
        nextItem++;
      },
      free: (request, _view, record) => {
        for (let left = view.extentCount(request.allocation); left > 0; left--) {
          record.free(view.extentPfn(request.allocation), view.extentPages(request.allocation));
        }
        actNow(record);
      },
    };
  };
}

function expectItem(item: PageItem | undefined, request: AllocateRequest, index: number): void {
  if (item?.start === index && item.pages === request.pages) return;
  throw new Error(`a defect: request ${index} for ${request.pages} pages is not in the offline plan`);
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
    const claimed = this.#claimed.get(first);
    if (claimed === undefined) throw new Error(`a defect: block ${block} of the offline plan is not shared`);
    record.encrypt(this.#pfnOf(block), this.#pagesPerBlock);
    claimed.open--;
    if (claimed.open > 0) return;
    this.#claimed.delete(first);
    record.giveBack(toPfn(claimed.start), this.#groupPages(block));
  }

  /** The runs of page frames that pieces come to; `isContiguous`: as one. */
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
    const claimed = this.#claimed.get(first);
    if (claimed === undefined) throw new Error(`a defect: block ${block} of the offline plan is not shared`);
    return toPfn(claimed.start + (block - first) * this.#pagesPerBlock);
  }
}

/** Blocks of the largest chunk that the page allocator has: what spans blocks is in such a chunk. */
const GROUP = 2;
