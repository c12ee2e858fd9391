/** gfp_flags as trace events print them: names joined by `|` (include/trace/events/mmflags.h), `none`, or a number. */
import { GFP, GFP_KERNEL } from '@decpool/model';
import { flatCopy } from '../../text/flat-copy.ts';

export interface TraceGfp {
  /** As printed, in the kernel's present spelling: `GFP_DMA32` and `__GFP_DMA32` are one flag. */
  readonly names: ReadonlySet<string>;
  /** The modelled flags among the names. GFP_KERNEL if there are none. */
  readonly flags: number;
}

/** Names that are a modelled flag or contain one (include/linux/gfp_types.h). */
const FLAGS: ReadonlyMap<string, number> = new Map([
  ['GFP_ATOMIC', GFP.GFP_ATOMIC],
  ['GFP_NOWAIT', GFP.GFP_NOWAIT],
  ['__GFP_DMA', GFP.__GFP_DMA],
  ['__GFP_DMA32', GFP.__GFP_DMA32],
  ['__GFP_RECLAIMABLE', GFP.__GFP_RECLAIMABLE],
  ['__GFP_ACCOUNT', GFP.__GFP_ACCOUNT],
  ['__GFP_NORETRY', GFP.__GFP_NORETRY],
  ['GFP_KERNEL_ACCOUNT', GFP.__GFP_ACCOUNT],
]);

/** One spelling per flag: the kernel prints the zone flags with and without underscores. */
export const gfpSpelling = (name: string): string =>
  name === 'GFP_DMA' || name === 'GFP_DMA32' ? `__${name}` : name;

/** Results by text. A trace repeats a few dozen combinations; the limit is for hostile files. */
const parsed = new Map<string, TraceGfp>();
const MAX_PARSED = 4096;

export function parseGfp(text: string): TraceGfp {
  const before = parsed.get(text);
  if (before !== undefined) return before;
  // The results outlive the line that the text is of.
  const copy = flatCopy(text);
  const names = new Set(copy.split('|').map(gfpSpelling));
  let flags = GFP_KERNEL;
  for (const name of names) flags |= FLAGS.get(name) ?? 0;
  const gfp = { names, flags };
  if (parsed.size < MAX_PARSED) parsed.set(copy, gfp);
  return gfp;
}

/** Whether the flags are a number. The meaning of its bits depends on the kernel, so none is used. */
export const isUnnamed = (text: string): boolean => /^(?:0x)?[0-9a-f]+$/.test(text);
