/**
 * gfp_flags as trace events print them: names joined by `|` (include/trace/events/mmflags.h), `none`, or a
 * number when the tool that printed them did not know the names.
 */
import { GFP, GFP_KERNEL } from '@decpool/model';

export interface TraceGfp {
  /** As printed, in the kernel's present spelling: `GFP_DMA32` and `__GFP_DMA32` are one flag. */
  readonly names: ReadonlySet<string>;
  /** Flags of GFP: those of the names that are modelled. GFP_KERNEL when there is none, or no name at all. */
  readonly flags: number;
}

/** Names that stand for a flag of GFP, alone or as a part of what they mean (include/linux/gfp_types.h). */
const FLAGS: Readonly<Record<string, number>> = {
  GFP_ATOMIC: GFP.GFP_ATOMIC,
  GFP_NOWAIT: GFP.GFP_NOWAIT,
  __GFP_DMA: GFP.__GFP_DMA,
  __GFP_DMA32: GFP.__GFP_DMA32,
  __GFP_RECLAIMABLE: GFP.__GFP_RECLAIMABLE,
  __GFP_ACCOUNT: GFP.__GFP_ACCOUNT,
  GFP_KERNEL_ACCOUNT: GFP.__GFP_ACCOUNT,
};

/** One spelling per flag: the kernel prints the zone flags with and without underscores. */
export const gfpSpelling = (name: string): string =>
  name === 'GFP_DMA' || name === 'GFP_DMA32' ? `__${name}` : name;

/** A trace repeats a few dozen combinations; a file that does not is not worth remembering. */
const REMEMBERED = 4096;
const known = new Map<string, TraceGfp>();

export function parseGfp(text: string): TraceGfp {
  const before = known.get(text);
  if (before !== undefined) return before;
  const names = new Set(text.split('|').map(gfpSpelling));
  let flags = GFP_KERNEL;
  for (const name of names) flags |= Object.hasOwn(FLAGS, name) ? FLAGS[name] : 0;
  const gfp = { names, flags };
  if (known.size < REMEMBERED) known.set(text, gfp);
  return gfp;
}

const NUMBER = /^(?:0x)?[0-9a-f]+$/;

/** Whether the flags are a number: its bits differ from kernel to kernel, so nothing is read into it. */
export const isUnnamed = (text: string): boolean => NUMBER.test(text);
