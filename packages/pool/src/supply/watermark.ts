import { InputError } from '@decpool/model';
import { AT_ONCE, KEEP, type SupplyFactory } from './supply.ts';

/** Default pages of the reserve: 1 MiB and 4 MiB, between the atomic DMA pool's least and most on a small guest. */
const LOW_PAGES = 256;
const HIGH_PAGES = 1024;
/** 4 GiB: more than a reserve is good for. */
const MAX_PAGES = 2 ** 20;

/**
 * A reserve of shared pages for callers that may not sleep, between two watermarks as a zone's free pages are (mm/page_alloc.c):
 * below the low one a deferred worker claims and converts up to the high one. An empty block goes back when what is left
 * still reaches the high one. `parameters` are LOW and HIGH in pages. Throws InputError for invalid ones.
 */
export function watermark(parameters: readonly string[]): SupplyFactory {
  const [low = LOW_PAGES, high = Math.max(HIGH_PAGES, 4 * Number(low))] = parameters.map(Number);
  const areWhole = Number.isInteger(low) && Number.isInteger(high);
  if (parameters.length > 2 || !areWhole || low < 1 || high < low || high > MAX_PAGES) {
    throw new InputError(
      `supply 'watermark:${parameters.join(':')}': expected watermark:LOW:HIGH in pages, 1 <= LOW <= HIGH <= ${MAX_PAGES}, as in watermark:${LOW_PAGES}:${HIGH_PAGES}`,
    );
  }
  return () => ({
    name: `watermark:${low}:${high}`,
    reservePages: { low, high },
    returnsAt: ({ freePages, blockPages }) => (freePages - blockPages >= high ? AT_ONCE : KEEP),
  });
}
