/** Who holds which pages in a state. */
import { allocationId, type Pfn, pfn, type StateView } from '@decpool/model';

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
  /** Of an object, those of its units; else of all pages. */
  readonly bytes: number;
  /** Number of the slab; 0 for pages. */
  readonly slab: number;
  /** Bytes asked for: of an allocation, told with its first pages only. */
  readonly askedBytes: number;
}

/** Everything that is held, by allocation and then by slab. One at a time: there may be a million. */
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
  const { status, owner, extents, object, bytes: asked } = view.allocation(allocationId(id));
  if (status === 'freed' || status === 'failed' || status === 'unused') return;
  const pageBytes = 2 ** view.geometry.pageShift;
  let askedBytes = asked;
  for (const extent of extents) {
    yield {
      kind: 'pages',
      allocation: id,
      owner,
      ...extent,
      bytes: extent.pages * pageBytes,
      slab: 0,
      askedBytes,
    };
    askedBytes = 0;
  }
  const slab = object === undefined ? undefined : view.slab(object.slab);
  if (object === undefined || slab === undefined) return;
  const from = object.unit * slab.unitBytes;
  const bytes = object.units * slab.unitBytes;
  const first = Math.floor(from / pageBytes);
  const pages = Math.ceil((from + bytes) / pageBytes) - first;
  yield {
    kind: 'object',
    allocation: id,
    owner,
    pfn: pfn(slab.pfn + first),
    pages,
    bytes,
    slab: object.slab,
    askedBytes,
  };
}

/** Pages of [start, start + pages) that lie in [from, to). */
export const overlap = (start: number, pages: number, from: number, to: number): number =>
  Math.max(0, Math.min(start + pages, to) - Math.max(start, from));
