/**
 * The free slots of swiotlb's pools. The kernel cuts each pool into areas, one for each CPU, so that CPUs do not wait for one lock;
 * a map searches its CPU's area first, then those after it (swiotlb_find_slots(), kernel/dma/swiotlb.c). In an area the search begins
 * where the last one ended (area->index), so what lives longer is scattered over it.
 */
import type { SlabId } from '@decpool/model';
import { slabId } from '@decpool/model/internal';
import type { PlacedObject } from '../slab/slab-layer.ts';

/** IO_TLB_SEGSIZE, include/linux/swiotlb.h: slots of a segment. No request crosses the end of one. */
export const SEGMENT_SLOTS = 128;

interface Area {
  readonly firstSlot: number;
  readonly endSlot: number;
  free: number;
  /** Where the next search begins. */
  next: number;
  /** A run of so many slots at a multiple of so many was not found since slots of the area were freed. */
  missing: { readonly slots: number; readonly align: number } | undefined;
}

interface SlotPool {
  readonly firstSlab: number;
  readonly isUsed: Uint8Array;
  readonly areas: readonly Area[];
}

export class SlotAreas {
  readonly #mostAreas: number;
  readonly #pools: SlotPool[] = [];
  #all = 0;
  #free = 0;

  /** `mostAreas`: of a pool, a power of two. */
  constructor(mostAreas: number) {
    this.#mostAreas = mostAreas;
  }

  /** Share of all slots that are free, 0 to 1; 1 if there are none. */
  get freeShare(): number {
    return this.#all === 0 ? 1 : this.#free / this.#all;
  }

  /** Adds a pool whose segments are slabs with consecutive numbers. It has as many areas as whole segments divide among. */
  add(firstSlab: number, segments: number): void {
    let count = this.#mostAreas;
    while (count > segments || segments % count !== 0) count /= 2;
    const slots = (segments / count) * SEGMENT_SLOTS;
    const areas = Array.from({ length: count }, (_, area) => ({
      ...{ firstSlot: area * slots, endSlot: (area + 1) * slots },
      ...{ free: slots, next: area * slots, missing: undefined },
    }));
    this.#pools.push({ firstSlab, isUsed: new Uint8Array(segments * SEGMENT_SLOTS), areas });
    this.#all += segments * SEGMENT_SLOTS;
    this.#free += segments * SEGMENT_SLOTS;
  }

  /**
   * Takes a run of free slots at a multiple of `align`, a power of two: the next in the area of the CPU, or of those after it, in the
   * newest pool first (swiotlb_search_area(), add_mem_pool()). Undefined if there is none.
   */
  placeNext(slots: number, align: number, cpu: number): PlacedObject | undefined {
    for (let offset = 0; offset < this.#mostAreas; offset++) {
      for (let newest = this.#pools.length - 1; newest >= 0; newest--) {
        const pool = this.#pools[newest];
        const { areas } = pool;
        if (offset >= areas.length) continue;
        const area = areas[(cpu + offset) % areas.length];
        if (!mayHave(area, slots, align)) continue;
        const from = Math.min(alignUp(area.next, align), area.endSlot);
        let first = findRun(pool.isUsed, slots, align, from, area.endSlot);
        if (first === -1) first = findRun(pool.isUsed, slots, align, area.firstSlot, from);
        if (first === -1) {
          area.missing = { slots, align };
          continue;
        }
        const end = first + slots;
        area.next = end < area.endSlot ? end : area.firstSlot;
        return this.#take(pool, area, first, slots);
      }
    }
    return undefined;
  }

  /** The same at the lowest place of all, so that what is placed so lies together. */
  placeLowest(slots: number, align: number): PlacedObject | undefined {
    for (const pool of this.#pools) {
      for (const area of pool.areas) {
        if (!mayHave(area, slots, align)) continue;
        const first = findRun(pool.isUsed, slots, align, area.firstSlot, area.endSlot);
        if (first !== -1) return this.#take(pool, area, first, slots);
        area.missing = { slots, align };
      }
    }
    return undefined;
  }

  #take({ firstSlab, isUsed }: SlotPool, area: Area, first: number, slots: number): PlacedObject {
    isUsed.fill(1, first, first + slots);
    area.free -= slots;
    this.#free -= slots;
    const unit = first % SEGMENT_SLOTS;
    return { slab: slabId(firstSlab + (first - unit) / SEGMENT_SLOTS), unit };
  }

  /** Whether a slab is a segment of one of the pools. */
  has(slab: SlabId): boolean {
    return this.#poolOf(slab) !== undefined;
  }

  freed(slab: SlabId, unit: number, slots: number): void {
    const pool = this.#poolOf(slab);
    if (pool === undefined) throw new Error(`slab ${slab} is no segment of swiotlb`);
    const first = (slab - pool.firstSlab) * SEGMENT_SLOTS + unit;
    pool.isUsed.fill(0, first, first + slots);
    const areaSlots = pool.isUsed.length / pool.areas.length;
    const area = pool.areas[Math.floor(first / areaSlots)];
    area.free += slots;
    area.missing = undefined;
    this.#free += slots;
  }

  #poolOf(slab: SlabId): SlotPool | undefined {
    return this.#pools.find(
      ({ firstSlab, isUsed }) => slab >= firstSlab && slab < firstSlab + isUsed.length / SEGMENT_SLOTS,
    );
  }
}

/** Whether it is worth a search: the kernel looks at the count of used slots only, and finds no more. */
const mayHave = ({ free, missing }: Area, slots: number, align: number): boolean =>
  free >= slots && !(missing !== undefined && slots >= missing.slots && align >= missing.align);

const alignUp = (slot: number, align: number): number => Math.ceil(slot / align) * align;

/** The first run of free slots that begins in [from, to) at a multiple of `align` and lies in one segment; -1 if there is none. */
function findRun(isUsed: Uint8Array, slots: number, align: number, from: number, to: number): number {
  for (let first = alignUp(from, align); first < to; ) {
    const segmentEnd = first - (first % SEGMENT_SLOTS) + SEGMENT_SLOTS;
    if (first + slots > segmentEnd) {
      first = segmentEnd;
      continue;
    }
    const end = first + slots;
    let used = end;
    while (used > first && isUsed[used - 1] === 0) used--;
    if (used === first) return first;
    const free = isUsed.indexOf(0, used);
    if (free === -1) return -1;
    first = alignUp(free, align);
  }
  return -1;
}
