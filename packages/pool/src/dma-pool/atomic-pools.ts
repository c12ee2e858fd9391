/**
 * The atomic DMA pools of a confidential guest (kernel/dma/pool.c): memory that is shared at boot for callers of the DMA API that may
 * not sleep. There is one for each of the zones DMA, DMA32 and Normal that has memory. They exist under every policy that does not
 * replace them: dma_direct_alloc() turns to them before it allocates or converts anything (kernel/dma/direct.c).
 *
 * A request tries the pool of its zone, then those of lower zones (dma_guess_pool()). If a pool has less free than it began with, the
 * worker doubles it, if it can. Nothing ever leaves a pool. The pools know no NUMA nodes.
 */
import { type AllocationId, GFP, GFP_KERNEL, MAX_PAGE_ORDER, orderFor, type StateView } from '@decpool/model';
import { zoneOf } from '@decpool/model/internal';
import { type EventRecorder, NO_ALLOCATION, type ZoneRange } from '../event-recorder.ts';
import { GenPool } from './gen-pool.ts';

/** dma_atomic_pool_init(): 128 KiB for each GiB of memory, from 128 KiB to the largest chunk, 4 MiB. In pages. */
const PAGES_PER_GIB = 32;
const GIB_PAGES = 2 ** 18;
const MIN_PAGES = 32;
const MAX_PAGES = 1 << MAX_PAGE_ORDER;

/** Pages that a pool begins with; `view` is of a state in which nothing has happened yet. */
export function initialPages(view: StateView): number {
  // All RAM is in the direct map.
  const ram = view.counter('mapped4KPages') + view.counter('mapped2MPages') + view.counter('mapped1GPages');
  return Math.max(MIN_PAGES, Math.min(MAX_PAGES, Math.floor((ram * PAGES_PER_GIB) / GIB_PAGES)));
}

type Zone = ReturnType<typeof zoneOf>;

/** The flags that the pool of each zone is made with, and the pools that a request for the zone tries: dma_guess_pool(). */
const ZONES: Readonly<Record<Zone, { readonly gfp: number; readonly tries: readonly Zone[] }>> = {
  Normal: { gfp: GFP_KERNEL, tries: ['Normal', 'DMA32', 'DMA'] },
  DMA32: { gfp: GFP_KERNEL | GFP.__GFP_DMA32, tries: ['DMA32', 'DMA', 'Normal'] },
  DMA: { gfp: GFP_KERNEL | GFP.__GFP_DMA, tries: ['DMA', 'DMA32', 'Normal'] },
};
/** The order in which pools are made. */
const MADE: readonly Zone[] = ['Normal', 'DMA', 'DMA32'];

/** The flags that the pool of each of these zones is made with, in the order in which they are made: dma_atomic_pool_init(). */
export const flagsOfPools = (zones: readonly string[]): number[] =>
  MADE.filter((zone) => zones.includes(zone)).map((zone) => ZONES[zone].gfp);

export class AtomicPools {
  readonly #events: EventRecorder;
  readonly #zones: readonly string[];
  readonly #rangeOf: (gfp: number) => ZoneRange;
  /** Those that could be made. */
  readonly #pools = new Map<Zone, GenPool>();
  readonly #initialPages: number;
  readonly #leastOrder: number;
  #isMade = false;
  /** schedule_work(&atomic_pool_work). */
  #isScheduled = false;

  /**
   * `zones`: those that have memory. `rangeOf`: what a request with these flags can use, on any node. `pages`: of coherent_pool= on the
   * kernel's command line.
   */
  constructor(
    events: EventRecorder,
    zones: readonly string[],
    rangeOf: (gfp: number) => ZoneRange,
    pages = initialPages(events.view),
  ) {
    this.#events = events;
    this.#zones = zones;
    this.#rangeOf = rangeOf;
    this.#initialPages = pages;
    this.#leastOrder = orderFor(events.view.platform.granulePages);
  }

  get isMade(): boolean {
    return this.#isMade;
  }

  get hasWork(): boolean {
    return this.#isScheduled;
  }

  /** dma_atomic_pool_init(). */
  make(): void {
    this.#isMade = true;
    for (const zone of MADE) {
      if (!this.#zones.includes(zone)) continue;
      const pool = new GenPool(this.#events.view.geometry.pagesPerBlock);
      if (this.#expand(pool, zone, this.#initialPages)) this.#pools.set(zone, pool);
    }
  }

  /** atomic_pool_work_fn(): doubles each pool that has little left. */
  work(): void {
    this.#isScheduled = false;
    for (const [zone, pool] of this.#pools) {
      if (pool.freePagesIn() < this.#initialPages) this.#expand(pool, zone, pool.pagesIn());
    }
  }

  /** dma_alloc_from_pool() for the request that the recorder has begun; refuses it if no pool has room. */
  allocate(pages: number, gfp: number): void {
    const { blocks } = this.#rangeOf(gfp);
    for (const zone of ZONES[zoneOf(gfp)].tries) {
      const pool = this.#pools.get(zone);
      const start = pool?.take(pages, 1 << orderFor(pages), blocks) ?? -1;
      if (pool === undefined || start === -1) continue;
      this.#events.allocate(start, pages);
      if (pool.freePagesIn() < this.#initialPages) this.#isScheduled = true;
      return;
    }
    this.#events.fail(this.#events.mayConvert ? 'out-of-memory' : 'would-sleep');
  }

  /** Whether the pages of an allocation are a pool's. */
  holds(allocation: AllocationId): boolean {
    const { view } = this.#events;
    return this.#pools.size > 0 && view.extentCount(allocation) > 0 && this.#poolOf(allocation) !== undefined;
  }

  /** dma_free_from_pool(): returns false for pages that are no pool's. */
  free(allocation: AllocationId): boolean {
    const pool = this.holds(allocation) ? this.#poolOf(allocation) : undefined;
    if (pool === undefined) return false;
    const { view } = this.#events;
    const start = view.extentPfn(allocation);
    const pages = view.extentPages(allocation);
    this.#events.begin(allocation, GFP_KERNEL);
    this.#events.free(start, pages);
    pool.put(start, pages);
    return true;
  }

  #poolOf(allocation: AllocationId): GenPool | undefined {
    const start = this.#events.view.extentPfn(allocation);
    for (const pool of this.#pools.values()) if (pool.holds(start)) return pool;
    return undefined;
  }

  /** atomic_pool_expand(): the largest chunk up to a size, shared as a whole. Returns whether there is one more. */
  #expand(pool: GenPool, zone: Zone, pages: number): boolean {
    const { gfp } = ZONES[zone];
    this.#events.begin(NO_ALLOCATION, gfp, this.#rangeOf(gfp));
    const most = Math.min(MAX_PAGE_ORDER, Math.max(orderFor(pages), this.#leastOrder));
    for (let order = most; order >= this.#leastOrder; order--) {
      const start = this.#events.claim(order);
      if (start === -1) continue;
      // After a failure the kernel frees the chunk, whatever state it is in. Here it is leaked.
      if (this.#events.setMemory.decrypt(start, 1 << order, 0) !== 'converted') return false;
      pool.add(start, 1 << order);
      this.#events.emit.atomicPoolGrown({ pfn: start, pages: 1 << order });
      return true;
    }
    return false;
  }
}
