import { type Pfn, type StateView, pfn as toPfn } from '@decpool/model';
import type { Recorder } from '../policy.ts';
import { type Conversion, NOTHING_LEAKED, type PageRange } from './conversion.ts';

/**
 * Exactly the pages of an allocation, when it is made, and back when it is freed; where the host's page is larger, the
 * granules they lie in, back when the last allocation in them is freed. Nothing else idle is ever shared; in return each
 * allocation pays two conversions, and the first in a block splits it.
 */
export const pageConversion: Conversion = {
  name: 'page',
  keepsShared: false,
  claimed: () => 'converted',

  freed(start: Pfn, pages: number, view: StateView, record: Recorder): readonly PageRange[] {
    const { granulePages } = view.platform;
    if (granulePages === 1) return encryptRun(start, pages, record, NOTHING_LEAKED);
    const end = Math.ceil((start + pages) / granulePages) * granulePages;
    let leaked = NOTHING_LEAKED;
    let from = start - (start % granulePages);
    for (let at = from; at <= end; at += granulePages) {
      const isIdle = at < end && view.firstWhereNot('allocated', false, toPfn(at), granulePages) === -1;
      if (isIdle) continue;
      if (at > from) leaked = encryptRun(toPfn(from), at - from, record, leaked);
      from = at + granulePages;
    }
    return leaked;
  },
};

function encryptRun(
  start: Pfn,
  pages: number,
  record: Recorder,
  leaked: readonly PageRange[],
): readonly PageRange[] {
  return record.encrypt(start, pages) === 'leaked' ? [...leaked, { start, pages }] : leaked;
}
