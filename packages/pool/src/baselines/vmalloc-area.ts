/**
 * vmalloc() as drivers use it that then convert the whole area with one call on its vmalloc address. The pages come first
 * (vm_area_alloc_pages(), mm/vmalloc.c): in the largest order that this version of the kernel tries, and from there
 * downward; without direct reclaim above order 0. However they lie, the call changes them one 4 KiB entry at a time (arch/x86/mm/pat/set_memory.c), so it
 * splits every large page of the direct map that they touch.
 */
import {
  type AllocateRequest,
  type Extent,
  type Platform,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import type { Recorder } from '../policy.ts';

/** Whether the platform converts what a vmalloc address stands for, in pieces as small as the pages of an area. */
export const convertsAreas = (platform: Platform): boolean =>
  !platform.confidential || (platform.vmallocAddress === 'converted' && platform.granulePages === 1);

/** Serves a request with one area, or refuses it and gives back what is not leaked. */
export function allocateArea(
  { pages }: AllocateRequest,
  largestOrder: number,
  view: StateView,
  record: Recorder,
): void {
  const { runs, missing } = claimPages(pages, largestOrder, record);
  const isServed = missing === 0 && record.decryptArea(runs) === 'converted';
  if (isServed) for (const run of runs) record.allocate(run.pfn, run.pages);
  else {
    returnPages(runs, view, record);
    record.fail(missing > 0 ? 'out-of-memory' : 'conversion-failed');
  }
}

/** Makes an area that nobody uses any more private, with one call, and gives its pages back. What is leaked stays. */
export function returnArea(runs: readonly Extent[], view: StateView, record: Recorder): void {
  record.encryptArea(runs);
  returnPages(runs, view, record);
}

/**
 * Claims pages in runs, in the order in which the area maps them, and says how many memory was short of. An order that found no
 * chunk is not tried again.
 */
function claimPages(pages: number, largestOrder: number, record: Recorder) {
  const runs: Extent[] = [];
  let missing = pages;
  for (let maxOrder = largestOrder; missing > 0; ) {
    const order = Math.min(maxOrder, 31 - Math.clz32(missing));
    const start = record.claim(order, 'Unmovable', order === 0 ? undefined : 'nowait');
    if (start === -1) {
      if (order === 0) break;
      maxOrder = order - 1;
      continue;
    }
    const last = runs.at(-1);
    if (last !== undefined && last.pfn + last.pages === start) {
      runs[runs.length - 1] = { pfn: last.pfn, pages: last.pages + (1 << order) };
    } else runs.push({ pfn: start, pages: 1 << order });
    missing -= 1 << order;
  }
  return { runs, missing };
}

/** vfree() frees page by page, whatever the orders were in which they came. */
function returnPages(runs: readonly Extent[], view: StateView, record: Recorder): void {
  for (const { pfn, pages } of runs) {
    if (view.is('leaked', pfn)) continue;
    for (let page: number = pfn; page < pfn + pages; page++) record.giveBack(toPfn(page), 1);
  }
}
