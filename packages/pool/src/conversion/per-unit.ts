import { type Pfn, type Platform, type StateView, pfn as toPfn } from '@decpool/model';
import type { Recorder } from '../policy.ts';
import { type Conversion, NOTHING_LEAKED, type PageRange } from './conversion.ts';

/**
 * Conversion of the units that an allocation lies in when it is made, and back when the last allocation in them is freed.
 * A unit is `pages` pages, or a granule of the host where that is larger.
 */
export function perUnit(name: string, pages: number): Conversion {
  const unitPages = ({ granulePages }: Platform) => Math.max(pages, granulePages);
  return {
    name,
    keepsShared: false,
    unitPages,
    claimed: () => 'converted',
    freed: (start, count, view, record) => encryptIdle(start, count, unitPages(view.platform), view, record),
  };
}

/** Makes the idle units private that the freed range lies in. */
export function encryptIdle(
  start: Pfn,
  pages: number,
  unitPages: number,
  view: StateView,
  record: Recorder,
): readonly PageRange[] {
  if (unitPages === 1) return encryptRun(start, pages, record, NOTHING_LEAKED);
  const end = Math.ceil((start + pages) / unitPages) * unitPages;
  let leaked = NOTHING_LEAKED;
  let from = start - (start % unitPages);
  for (let at = from; at <= end; at += unitPages) {
    const isIdle = at < end && view.firstWhereNot('allocated', false, toPfn(at), unitPages) === -1;
    if (isIdle) continue;
    if (at > from) leaked = encryptRun(toPfn(from), at - from, record, leaked);
    from = at + unitPages;
  }
  return leaked;
}

function encryptRun(
  start: Pfn,
  pages: number,
  record: Recorder,
  leaked: readonly PageRange[],
): readonly PageRange[] {
  return record.encrypt(start, pages) === 'leaked' ? [...leaked, { start, pages }] : leaked;
}
