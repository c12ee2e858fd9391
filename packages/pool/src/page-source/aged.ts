/**
 * A memory state that nobody recorded, but modelled on four that were: a guest that has run for long, its memory full
 * of page cache, its free lists churned.
 *
 * From the recorded states `k61-E1a-before`, `k61-E1d-before`, `k73-E1d-before` and `k73-E1m-before` (zones DMA32 and
 * Normal of each) come: free memory of 1.5 to 5 % (six of the eight zones; the other two had 7 and 13 %); the free
 * chunks of each migratetype and order (those of DMA32 in `k61-E1d-before`, the zone that the requests there were
 * served from); Reclaimable pageblocks of 1 to 4 %; a DMA zone as it was at boot. Free memory is never less than kswapd leaves:
 * the high watermark and the reserve against GFP_KERNEL requests, by the kernel's formulas, which give the recorded ones back for
 * the recorded guest.
 *
 * Assumed: one pageblock in five is Unmovable, the rest Movable page cache. In the recordings 51 to 81 % are Unmovable,
 * which says more of how those guests were filled than of guests with a disk.
 */
import type { MemoryState, Migratetype } from '@decpool/model';
import type { ZoneState } from '@decpool/model/internal';
import { madeUp, managedPages, PAGEBLOCK_PAGES, pageblocksOf, sizeName, zoneState } from './memory-layout.ts';
import { freshBoot, withReservation } from './profiles.ts';
import { type Random, randomFrom } from './random.ts';
import { lowWatermarkOf, watermarksOf } from './watermarks.ts';

/** Free chunks by order. */
const RECORDED: Partial<Record<Migratetype, readonly number[]>> = {
  Unmovable: [0, 101, 65, 83, 73, 50, 48, 55, 37, 1, 0],
  Movable: [1013, 1155, 773, 238, 91, 34, 15, 7, 3, 0, 0],
  Reclaimable: [0, 0, 0, 1, 3, 1, 0, 0, 0, 0, 0],
};

const pagesIn = (lists: readonly (readonly number[])[]): number =>
  lists
    .flatMap((counts) => counts.map((count, order) => count * 2 ** order))
    .reduce((sum, pages) => sum + pages, 0);

/** Ranges that a seed draws from: fractions of a zone's pages and of its pageblocks, and of a recorded count. */
const FREE = [0.015, 0.05] as const;
/** Of the free pages that kswapd leaves, the most. */
const ABOVE_LEAST = 1.25;
const UNMOVABLE = [0.15, 0.25] as const;
const RECLAIMABLE = [0.01, 0.04] as const;
const OF_RECORDED = [0.5, 1.5] as const;

/**
 * An aged guest of `bytes` of memory in so many NUMA nodes, as the top of this file tells; `seed` decides the rest.
 * Throws InputError for a size or a number of nodes that is not modelled.
 */
export function aged(bytes: number, seed: number, nodes = 1): MemoryState {
  const fresh = withReservation(freshBoot(bytes, nodes));
  const random = randomFrom(seed);
  const watermarks = watermarksOf(fresh.zones, fresh.reserved);
  const zones = fresh.zones.map((zone, index) => {
    const marks = watermarks[index];
    const { ram } = zone;
    const blocks = managedPages(ram, fresh.reserved) / PAGEBLOCK_PAGES;
    const state =
      zone.name === 'DMA'
        ? zone
        : agedZone(zone, blocks, lowWatermarkOf(marks) + marks.high - marks.low, random);
    return { ...state, lowWatermark: lowWatermarkOf(marks), watermarks: marks };
  });
  return { ...fresh, name: `${sizeName(bytes)} aged seed ${seed}${madeUp(nodes)}`, zones };
}

/** `blocks`: pageblocks that are not reserved; `least`: free pages that it has at least. */
function agedZone(
  { name, node = 0, ram }: ZoneState,
  blocks: number,
  least: number,
  random: Random,
): ZoneState {
  const [low, high] = FREE.map((fraction) => fraction * blocks * PAGEBLOCK_PAGES);
  const wanted = between([Math.max(low, least), Math.max(high, ABOVE_LEAST * least)], random);
  const drawn = Object.entries(RECORDED).map(
    ([type, counts]) => [type, counts.map((count) => count * between(OF_RECORDED, random))] as const,
  );
  const scale = wanted / pagesIn(drawn.map(([, counts]) => counts));
  const free = Object.fromEntries(
    drawn.map(([type, counts]) => [type, counts.map((count) => rounded(count * scale, random))]),
  ) as Record<Migratetype, number[]>;
  // Of the fewest pageblocks the first is Movable, and the second Unmovable.
  if (blocks < 2) free.Unmovable.fill(0);
  if (blocks < 3) free.Reclaimable.fill(0);
  // What rounding took away.
  free.Movable[0] += Math.max(0, least - pagesIn(Object.values(free)));
  const unmovable = Math.min(blocks - 1, Math.max(1, Math.round(blocks * between(UNMOVABLE, random))));
  const reclaimable = Math.min(
    blocks - 1 - unmovable,
    Math.max(1, Math.round(blocks * between(RECLAIMABLE, random))),
  );
  const movable = pageblocksOf(ram) - unmovable - reclaimable;
  return zoneState({ name, node, ram }, free, {
    Unmovable: unmovable,
    Movable: movable,
    Reclaimable: reclaimable,
  });
}

const PARTS = 1_000_000;

const between = ([low, high]: readonly [number, number], random: Random): number =>
  low + ((high - low) * random.below(PARTS)) / PARTS;

/** Up or down at random, so that small numbers do not all vanish in a small zone. */
const rounded = (value: number, random: Random): number => Math.floor(value + random.below(PARTS) / PARTS);
