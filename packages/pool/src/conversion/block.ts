import { InputError } from '@decpool/model';
import { type Conversion, NOTHING_LEAKED } from './conversion.ts';

/**
 * A whole block as soon as it is claimed: an aligned 2 MiB conversion keeps the 2M mapping, and one conversion serves
 * every allocation in the block. In return its free pages are shared too, until the block is returned.
 */
export const blockConversion: Conversion = {
  name: 'block',
  keepsShared: true,
  unitPages: ({ granulePages }) => granulePages,
  claimed: (start, pages, record) => record.decrypt(start, pages),
  freed: () => NOTHING_LEAKED,
};

/** What the pool can claim at a time: a block, or the largest chunk of the page allocator. */
const [BLOCK_MIB, LARGEST_MIB] = [2, 4];
const MIB_PAGES = 256;

/**
 * As blockConversion; `parameters` are the MiB that are claimed and shared at a time, as in `blocks(4)`: two neighbouring blocks with
 * one conversion. Each goes back by itself. Throws InputError for invalid ones.
 */
export function blocks(...parameters: readonly (number | string)[]): Conversion {
  const [mib = BLOCK_MIB] = parameters.map(Number);
  if (parameters.length > 1 || (mib !== BLOCK_MIB && mib !== LARGEST_MIB)) {
    throw new InputError(
      `conversion 'block:${parameters.join(':')}': expected block:MIB, ${BLOCK_MIB} or ${LARGEST_MIB}, as in block:${LARGEST_MIB}`,
    );
  }
  if (mib === BLOCK_MIB) return blockConversion;
  return { ...blockConversion, name: `block:${mib}`, claimPages: mib * MIB_PAGES };
}
