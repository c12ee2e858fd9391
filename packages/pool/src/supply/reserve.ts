import { InputError } from '@decpool/model';
import type { SupplyFactory } from './supply.ts';

/** Default pages of the reserve: 256 KiB, and a block of 2 MiB. */
const LOW_PAGES = 64;
const HIGH_PAGES = 512;
/** 4 GiB: more than a reserve is good for. */
const MAX_PAGES = 2 ** 20;

/**
 * Beside any return: a reserve of shared pages for callers that may not sleep, between two watermarks as a zone's free pages are
 * (mm/page_alloc.c). Below LOW the deferred worker claims and converts up to HIGH. An empty block goes back only if HIGH
 * pages are left without it. `parameters` are LOW and HIGH in pages, as in `reserve(64, 512)(immediate)`. Throws InputError for invalid
 * ones.
 */
export function reserve(
  ...parameters: readonly (number | string)[]
): (supply: SupplyFactory) => SupplyFactory {
  const [low = LOW_PAGES, high = Math.max(HIGH_PAGES, 4 * Number(low))] = parameters.map(Number);
  const areWhole = Number.isInteger(low) && Number.isInteger(high);
  if (parameters.length > 2 || !areWhole || low < 1 || high < low || high > MAX_PAGES) {
    throw new InputError(
      `reserve '${['reserve', ...parameters].join(':')}': expected reserve:LOW:HIGH in pages, 1 <= LOW <= HIGH <= ${MAX_PAGES}, as in reserve:${LOW_PAGES}:${HIGH_PAGES}`,
    );
  }
  return (supply) => () => {
    const beside = supply();
    return { ...beside, name: `reserve:${low}:${high}+${beside.name}`, reservePages: { low, high } };
  };
}
