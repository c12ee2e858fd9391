/** Who holds which pages in a state. */
import { allocationId, type BlockView, type Pfn, pfn, type StateView } from '@decpool/model';

/** Contiguous pages that an allocation, an object or a slab lies in. */
export interface Holding {
  /** `slab`: the pages of a slab, whether there are objects in them or not. */
  readonly kind: 'pages' | 'object' | 'slab';
  /** 0 of a slab. */
  readonly allocation: number;
  /** Of a slab, the name of its cache. */
  readonly owner: string;
  readonly pfn: Pfn;
  readonly pages: number;
  /** Of an object, those of its units; otherwise those of all pages. */
  readonly bytes: number;
  /** Number of the slab; 0 for pages. */
  readonly slab: number;
  /** Bytes that the allocation asked for; of its later extents 0. */
  readonly askedBytes: number;
}

/** Everything that is held, by allocation and then by slab. */
export function* holdings(view: StateView): Generator<Holding> {
  const last = view.counter('lastAllocation');
  for (let id = 1; id <= last; id++) {
    const allocation = allocationId(id);
    if (view.extentCount(allocation) > 0 || view.slabOf(allocation) !== 0) yield* holdingsOf(view, id);
  }
  const slabs = view.counter('slabs');
  for (let slab = 1; slab <= slabs; slab++) {
    const found = view.slab(slab);
    if (found === undefined) continue;
    const { cache: owner, pages } = found;
    const bytes = pages * 2 ** view.geometry.pageShift;
    yield { kind: 'slab', allocation: 0, owner, pfn: found.pfn, pages, bytes, slab, askedBytes: 0 };
  }
}

/** What one allocation holds. */
export function* holdingsOf(view: StateView, id: number): Generator<Holding> {
  const { status, owner, extents, object, bytes } = view.allocation(allocationId(id));
  if (status === 'freed' || status === 'failed' || status === 'unused') return;
  const pageBytes = 2 ** view.geometry.pageShift;
  const common = { allocation: id, owner };
  for (const [index, extent] of extents.entries()) {
    const askedBytes = index === 0 ? bytes : 0;
    yield { kind: 'pages', ...common, ...extent, bytes: extent.pages * pageBytes, slab: 0, askedBytes };
  }
  const slab = object === undefined ? undefined : view.slab(object.slab);
  if (object === undefined || slab === undefined) return;
  const from = object.unit * slab.unitBytes;
  const unitBytes = object.units * slab.unitBytes;
  const first = Math.floor(from / pageBytes);
  const pages = Math.ceil((from + unitBytes) / pageBytes) - first;
  const place = { pfn: pfn(slab.pfn + first), pages, bytes: unitBytes, slab: object.slab };
  yield { kind: 'object', ...common, ...place, askedBytes: extents.length === 0 ? bytes : 0 };
}

/** Pages of blocks by what is true of them. */
export function factPages(blocks: readonly BlockView[]) {
  const sum = (fact: 'claimed' | 'shared' | 'allocated' | 'unknown' | 'leaked') =>
    blocks.reduce((pages, block) => pages + block[fact], 0);
  return {
    claimedPages: sum('claimed'),
    sharedPages: sum('shared'),
    allocatedPages: sum('allocated'),
    unknownPages: sum('unknown'),
    leakedPages: sum('leaked'),
  };
}

export type FactPages = Readonly<ReturnType<typeof factPages>>;

/** Pages of [start, start + pages) that lie in [from, to). */
export const overlap = (start: number, pages: number, from: number, to: number): number =>
  Math.max(0, Math.min(start + pages, to) - Math.max(start, from));
