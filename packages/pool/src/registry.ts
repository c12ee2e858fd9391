/** Every strategy, baseline and short name: the one place where they are listed. */
import { InputError } from '@decpool/model';
import { genpool } from './baselines/genpool.ts';
import { gfpDecrypted } from './baselines/gfp-decrypted.ts';
import { linux612 } from './baselines/linux-6.12.ts';
import { linux73 } from './baselines/linux-7.3.ts';
import { swiotlb } from './baselines/swiotlb.ts';
import { adaptiveConversion } from './conversion/adaptive.ts';
import { blockConversion } from './conversion/block.ts';
import type { Conversion } from './conversion/conversion.ts';
import { granuleConversion } from './conversion/granule.ts';
import { pageConversion } from './conversion/page.ts';
import { bestFit } from './placement/best-fit.ts';
import { buddy } from './placement/buddy.ts';
import { bump } from './placement/bump.ts';
import { firstFit } from './placement/first-fit.ts';
import { fullestFirst } from './placement/fullest-first.ts';
import { genpoolFirstFitOrderAlign } from './placement/genpool-first-fit-order-align.ts';
import { lifetime } from './placement/lifetime.ts';
import { llfree } from './placement/llfree.ts';
import { longestFreeRange } from './placement/longest-free-range.ts';
import { nextFit } from './placement/next-fit.ts';
import type { PlacementFactory } from './placement/placement.ts';
import { sizeClass } from './placement/size-class.ts';
import { worstFit } from './placement/worst-fit.ts';
import type { PolicyFactory } from './policy.ts';
import { poolPolicy } from './pool-policy.ts';
import { demand } from './supply/demand.ts';
import { hysteresis } from './supply/hysteresis.ts';
import { immediate } from './supply/immediate.ts';
import { neverReturn } from './supply/never-return.ts';
import type { SupplyFactory } from './supply/supply.ts';
import { watermark } from './supply/watermark.ts';

type Plain<Made> = { readonly summary: string; readonly made: Made };
type WithParameters<Made> = {
  readonly summary: string;
  readonly parameters: string;
  readonly make: (parameters: readonly string[]) => Made;
};
/** A strategy as it is listed, with one line on it, and on what may stand behind its name. */
export type Strategy<Made> = Plain<Made> | WithParameters<Made>;

export const BASELINES: Readonly<Record<string, Plain<PolicyFactory>>> = {
  'linux-6.12': { summary: 'Linux 6.12: each driver allocates and converts for itself', made: linux612 },
  'linux-7.3': { summary: 'Linux 7.3: as 6.12, vmbus buffers of large chunks', made: linux73 },
  'gfp-decrypted': {
    summary: 'the prototype of 2024: each allocation is converted on its own, nothing is grouped',
    made: gfpDecrypted,
  },
  genpool: {
    summary: 'the atomic DMA pool for everything: doubles, never shrinks, never private again',
    made: genpool,
  },
  swiotlb: {
    summary: 'everything in the bounce buffers that are shared at boot',
    made: swiotlb('fixed'),
  },
  'swiotlb:dynamic': { summary: 'as swiotlb, and they grow when they are full', made: swiotlb('dynamic') },
};

export const PLACEMENTS: Readonly<Record<string, Strategy<PlacementFactory>>> = {
  bump: { summary: 'behind the last; nothing is used again until its block is empty', made: bump },
  'first-fit': { summary: 'the lowest free run that holds it', made: firstFit },
  'best-fit': { summary: 'the smallest free run that holds it', made: bestFit },
  'worst-fit': { summary: 'the largest free run', made: worstFit },
  'next-fit': { summary: 'first fit that goes on where it was', made: nextFit },
  buddy: { summary: 'private buddy allocator over whole blocks (unmapped_alloc, 2023)', made: buddy },
  'genpool-first-fit-order-align': {
    summary: 'lib/genalloc: aligned to its size, newest block first',
    made: genpoolFirstFitOrderAlign,
  },
  'longest-free-range': {
    summary: 'the block with the smallest longest free range, then most allocations (Temeraire)',
    made: longestFreeRange,
  },
  'fullest-first': { summary: 'the block with fewest free pages that holds it', made: fullestFirst },
  llfree: {
    summary: 'trees of 8 blocks, one reserved per CPU, partly used trees first (LLFree)',
    parameters: 'CPUS: 8 unless told',
    make: llfree,
  },
  lifetime: { summary: 'blocks by the lifetime that is learned per owner', made: lifetime },
  'size-class': { summary: 'blocks by the order of the request', made: sizeClass },
};

export const CONVERSIONS: Readonly<Record<string, Strategy<Conversion>>> = {
  page: { summary: 'the pages of each allocation, and back', made: pageConversion },
  granule: {
    summary: 'the granules that an allocation lies in, back when they are idle',
    parameters: 'KIB, a power of two up to 1024: 64 unless told',
    make: granuleConversion,
  },
  block: { summary: 'a whole block when it is claimed, back when it is returned', made: blockConversion },
  adaptive: {
    summary: 'by page until so much of a block is used, then the rest at once',
    parameters: 'PERCENT of the block: 50 unless told',
    make: adaptiveConversion,
  },
};

export const SUPPLIES: Readonly<Record<string, Strategy<SupplyFactory>>> = {
  'never-return': { summary: 'what was claimed stays', made: neverReturn },
  immediate: { summary: 'an empty block goes back at once', made: immediate },
  watermark: {
    summary: 'a reserve for callers that may not sleep, refilled between two watermarks',
    parameters: 'LOW:HIGH in pages: 256:1024 unless told',
    make: watermark,
  },
  hysteresis: {
    summary: 'a block goes back once it has been empty for some time',
    parameters: 'SECONDS: 2 unless told',
    make: hysteresis,
  },
  demand: {
    summary: 'what would be needed if use rose to its recent peak again is kept (skip-subrelease)',
    parameters: 'SECONDS that are looked back: 10 unless told',
    make: demand,
  },
};

/** Well-known allocators, as far as three strategies can be them. */
export const SHORT_NAMES: Readonly<Record<string, { readonly summary: string; readonly policy: string }>> = {
  'bpf-prog-pack': {
    summary: 'packs of 2 MiB for BPF programs (kernel/bpf/core.c)',
    policy: 'first-fit+block+immediate',
  },
  'unmapped-alloc': {
    summary: "Rapoport's private buddy of 2023, without its shrinker",
    policy: 'buddy+block+never-return',
  },
  genalloc: {
    summary: 'lib/genalloc.c, with chunks of a block',
    policy: 'genpool-first-fit-order-align+block+never-return',
  },
  temeraire: {
    summary: "the filler of TCMalloc's Temeraire with skip-subrelease",
    policy: 'longest-free-range+block+demand:10',
  },
};

/** Every combination of strategies with their usual parameters, baselines first. */
export const ALL_POLICIES: readonly string[] = [
  ...Object.keys(BASELINES),
  ...Object.keys(PLACEMENTS).flatMap((placement) =>
    Object.keys(CONVERSIONS).flatMap((conversion) =>
      Object.keys(SUPPLIES).map((supply) => `${placement}+${conversion}+${supply}`),
    ),
  ),
];

/**
 * A policy by its name on a command line: a baseline, a short name, or `PLACEMENT+CONVERSION+SUPPLY`.
 * Throws InputError that lists what there is.
 */
export function policyNamed(name: string): PolicyFactory {
  if (Object.hasOwn(BASELINES, name)) return BASELINES[name].made;
  if (Object.hasOwn(SHORT_NAMES, name)) return policyNamed(SHORT_NAMES[name].policy);
  const parts = name.split('+');
  if (parts.length !== 3) {
    throw new InputError(
      `unknown policy '${name}'; expected a baseline (${list(BASELINES)}), a short name (${list(SHORT_NAMES)}) or PLACEMENT+CONVERSION+SUPPLY, as in first-fit+block+immediate (placements: ${list(PLACEMENTS)}; conversions: ${list(CONVERSIONS)}; supplies: ${list(SUPPLIES)})`,
    );
  }
  return poolPolicy(
    pick(PLACEMENTS, parts[0], 'placement', name),
    pick(CONVERSIONS, parts[1], 'conversion', name),
    pick(SUPPLIES, parts[2], 'supply', name),
  );
}

const list = (known: Readonly<Record<string, unknown>>) => Object.keys(known).join(', ');

/** The strategy that `text` names, made with the parameters behind its name. */
function pick<Made>(
  known: Readonly<Record<string, Strategy<Made>>>,
  text: string,
  kind: string,
  policy: string,
): Made {
  const [name, ...parameters] = text.split(':');
  if (!Object.hasOwn(known, name)) {
    throw new InputError(`unknown ${kind} '${name}' in policy '${policy}'; available: ${list(known)}`);
  }
  const strategy = known[name];
  if ('make' in strategy) return strategy.make(parameters);
  if (parameters.length === 0) return strategy.made;
  throw new InputError(`${kind} '${name}' in policy '${policy}' takes no parameters`);
}
