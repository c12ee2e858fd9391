import { type BlockIndex, blockIndex, InputError, type StateView } from '@decpool/model';
import { type Conversion, NOTHING_LEAKED } from './conversion.ts';
import { encryptIdle } from './per-unit.ts';

/** Default: half of the block. */
const PERCENT = 50;

/**
 * Page by page until a block is used to `PERCENT`, then the rest of it in one conversion; it stays shared until it is given
 * back. A nearly empty block exposes only its used pages, and a full one stops paying for each allocation. Its 2M mapping
 * was split by the first page, and stays so. `parameters` are the percent, as in `adaptiveConversion(50)`. Throws InputError for invalid ones.
 */
export function adaptiveConversion(...parameters: readonly (number | string)[]): Conversion {
  const [percent = PERCENT] = parameters.map(Number);
  if (parameters.length > 1 || !Number.isInteger(percent) || percent < 1 || percent > 100) {
    throw new InputError(
      `conversion 'adaptive:${parameters.join(':')}': expected adaptive:PERCENT of a block, 1 to 100, as in adaptive:${PERCENT}`,
    );
  }
  return {
    name: `adaptive:${percent}`,
    keepsShared: false,
    unitPages: ({ granulePages }) => granulePages,
    claimed: () => 'converted',
    sharesRest: (usedPages, blockPages) => 100 * usedPages >= percent * blockPages,

    freed(start, pages, view, record) {
      const block = blockIndex(Math.floor(start / view.geometry.pagesPerBlock));
      if (isWhollyShared(block, view)) return NOTHING_LEAKED;
      return encryptIdle(start, pages, view.platform.granulePages, view, record);
    },
  };
}

const isWhollyShared = (block: BlockIndex, view: StateView): boolean =>
  view.pagesOf('shared', block) === view.pagesOf('claimed', block);
