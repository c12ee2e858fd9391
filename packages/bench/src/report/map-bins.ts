/** How memory is cut into the characters of a map. */
import type { InputHistory } from '../history/types.ts';

export type MapBins = ReturnType<typeof mapBins>;

/** If less of memory than this was touched, the map shows only that part. */
const ZOOM_BELOW = 0.5;

/** At most `width` bins of equally many whole blocks. The first bin begins at a multiple of the bin size. */
export function mapBins(history: InputHistory, width: number) {
  const { first, blocks, isZoomed } = shownRange(history, width);
  const count = Math.min(width, Math.ceil((history.blocks - first) / blocks));
  // 0 in a hole.
  const ramBlocks = Array.from({ length: count }, (_, bin) =>
    ramIn(history, first + bin * blocks, first + (bin + 1) * blocks),
  );
  const blockBytes = history.pagesPerBlock * history.pageBytes;
  // `first`: first block of the first bin; `blocks`: blocks of each; `isZoomed`: whether not all of memory is shown.
  return { first, blocks, count, ramBlocks, isZoomed, blockBytes };
}

function shownRange(history: InputHistory, width: number) {
  const all = { first: 0, blocks: Math.ceil(history.blocks / width), isZoomed: false };
  const [low, high] = touched(history);
  for (let blocks = Math.ceil((high - low) / width); blocks > 0 && blocks < all.blocks; blocks++) {
    // Unused room is shown on both sides of the range.
    const beside = Math.floor((width * blocks - (high - low)) / 2);
    const first = Math.floor(Math.max(0, low - beside) / blocks) * blocks;
    const isZoomed = width * blocks <= ZOOM_BELOW * history.blocks;
    if (first + width * blocks >= high) return isZoomed ? { first, blocks, isZoomed } : all;
  }
  return all;
}

/** The first block in which a policy had pages, and the block after the last. */
function touched({ runs, blocks }: InputHistory): [low: number, high: number] {
  let [low, high] = [blocks, 0];
  for (const run of runs) {
    low = Math.min(low, run.blocks.block.at(0) ?? blocks);
    high = Math.max(high, (run.blocks.block.at(-1) ?? -1) + 1);
  }
  return [low, high];
}

function ramIn({ ram }: InputHistory, from: number, to: number): number {
  return ram.reduce(
    (sum, [first, blocks]) => sum + Math.max(0, Math.min(to, first + blocks) - Math.max(from, first)),
    0,
  );
}
