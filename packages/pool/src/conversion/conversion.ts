import { type Pfn, type Platform, type StateView, pfn as toPfn } from '@decpool/model';
import type { ConversionResult, Recorder } from '../policy.ts';

/** How much is converted at once, and when. */
export interface Conversion {
  /** As on a command line, with parameters: `granule:64`. */
  readonly name: string;
  /** Whether free pages of the pool are usually shared: then a caller that may not sleep can have them. */
  readonly keepsShared: boolean;
  /** Pages that are converted together: naturally aligned, a power of two, at least the host's granule. */
  unitPages(platform: Platform): number;
  /** Pages that are claimed at a time, a power of two, if no request needs more. Default: a block. */
  readonly claimPages?: number;
  /** A chunk came into the pool. It stays only if the result is `converted`. */
  claimed(start: Pfn, pages: number, record: Recorder): ConversionResult;
  /** Whether all of a block is to be shared now that so many of its pages are used; left out: never. */
  sharesRest?(usedPages: number, blockPages: number): boolean;
  /** An extent was freed and stays in the pool. Returns the runs that leaked. */
  freed(start: Pfn, pages: number, view: StateView, record: Recorder): readonly PageRange[];
}

/** A run of pages. */
export interface PageRange {
  readonly start: Pfn;
  readonly pages: number;
}

export const NOTHING_LEAKED: readonly PageRange[] = Object.freeze([]);

/**
 * Shares the private pages of a range, in whole units and one conversion a run. Returns undefined if all of it is shared now, else
 * the pages that leaked, if any. All pages of the units must be the pool's, and those outside the range in no allocation.
 */
export function shareRange(
  start: Pfn,
  pages: number,
  unitPages: number,
  view: StateView,
  record: Recorder,
): { readonly leaked: PageRange | undefined } | undefined {
  if (!view.platform.confidential) return undefined;
  const end = start + pages;
  for (let at: number = start; at < end; ) {
    const first = view.firstWhereNot('shared', true, toPfn(at), end - at);
    if (first === -1) return undefined;
    const next = view.firstWhereNot('shared', false, first, end - first);
    const from = toPfn(first - (first % unitPages));
    const to = Math.ceil((next === -1 ? end : next) / unitPages) * unitPages;
    const result = record.decrypt(from, to - from);
    if (result === 'leaked') return { leaked: { start: from, pages: to - from } };
    if (result === 'private') return { leaked: undefined };
    at = to;
  }
  return undefined;
}

/** Whether every page of a range is shared already, or need not be. */
export const isShared = (start: Pfn, pages: number, view: StateView): boolean =>
  !view.platform.confidential || view.firstWhereNot('shared', true, start, pages) === -1;
