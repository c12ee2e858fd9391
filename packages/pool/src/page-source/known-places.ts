/**
 * The free chunks of a zone whose places are recorded, as /proc/kpageflags shows them. What it does not show is the order of the
 * lists: a seed decides it.
 */
import { type Geometry, InputError } from '@decpool/model';
import type { ZonePositions, ZoneState } from '@decpool/model/internal';
import { StartChunks } from '../page-allocator/exact-start.ts';
import { TYPE } from '../page-allocator/migratetypes.ts';
import type { PlacedChunk, PlacementGuess } from './placement-guess.ts';
import { randomFrom, shuffle } from './random.ts';

/** Throws InputError if the chunks contradict each other or the zone. */
export function placeKnown(
  { name, ram }: ZoneState,
  { chunks, pageblocks }: ZonePositions,
  { pagesPerBlock, spanPages }: Geometry,
  seed: number,
): PlacementGuess {
  const random = randomFrom(seed);
  const span = {
    start: Math.min(...ram.map(([start]) => start)),
    end: Math.max(...ram.map(([start, pages]) => start + pages)),
  };
  const typeOf = new Map<number, number>();
  for (const [first, blocks, type] of pageblocks) {
    if (first % pagesPerBlock !== 0 || first + (blocks - 1) * pagesPerBlock >= span.end) {
      throw new InputError(
        `zone ${name}: ${blocks} pageblocks from page ${first} on are not all in the zone`,
      );
    }
    for (let block = 0; block < blocks; block++) typeOf.set(first / pagesPerBlock + block, TYPE[type]);
  }
  const reader = new StartChunks(spanPages);
  const placed = chunks.flatMap(([order, packed]): PlacedChunk[] => {
    const pfns = reader.read(packed, order, span, `zone ${name}, free chunks of order ${order}`);
    return shuffle(pfns, random).map((pfn) => ({
      pfn,
      order,
      type: typeOf.get(Math.floor(pfn / pagesPerBlock)) ?? TYPE.Movable,
    }));
  });
  return { chunks: placed, pageblocks: typeOf, misplaced: 0, dropped: 0 };
}
