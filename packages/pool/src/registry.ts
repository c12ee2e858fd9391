/** Every strategy, baseline and short name: the one place where they are listed. */
import { InputError } from '@decpool/model';
import { unknownName } from '@decpool/model/internal';
import { genpool } from './baselines/genpool.ts';
import { gfpDecrypted } from './baselines/gfp-decrypted.ts';
import { linux612 } from './baselines/linux-6.12.ts';
import {
  linux73,
  linux73CoherentPool,
  linux73KeptBuffers,
  linux73SlotsFirst,
  linux73WholeBlocks,
} from './baselines/linux-7.3.ts';
import { migratetype } from './baselines/migratetype.ts';
import { swiotlb } from './baselines/swiotlb.ts';
import { adaptiveConversion } from './conversion/adaptive.ts';
import { blocks } from './conversion/block.ts';
import type { Conversion } from './conversion/conversion.ts';
import { granuleConversion } from './conversion/granule.ts';
import { pageConversion } from './conversion/page.ts';
import { decpool } from './decpool.ts';
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
import { USUAL } from './policy-names.ts';
import { poolPolicy } from './pool-parts.ts';
import { demand } from './supply/demand.ts';
import { hysteresis } from './supply/hysteresis.ts';
import { immediate } from './supply/immediate.ts';
import { neverReturn } from './supply/never-return.ts';
import { reserve } from './supply/reserve.ts';
import { shrinker } from './supply/shrinker.ts';
import type { SupplyFactory } from './supply/supply.ts';
import { swiotlbFirst } from './supply/swiotlb-first.ts';

type Plain<Made> = { readonly summary: string; readonly made: Made };
type WithParameters<Made> = {
  readonly summary: string;
  readonly parameters: string;
  readonly make: (...parameters: readonly string[]) => Made;
};
/** A strategy as it is listed: its summary in one line, and its parameters if it has any. */
export type Strategy<Made> = Plain<Made> | WithParameters<Made>;

/** What kernels do today, by name. */
export const BASELINES: Readonly<Record<string, Plain<PolicyFactory>>> = {
  'linux-7.3': { summary: 'Linux 7.3: as linux-6.12, but vmbus buffers use large chunks', made: linux73 },
  'linux-7.3:coherent-pool': {
    summary: 'as linux-7.3, started with coherent_pool=32M: larger atomic DMA pools',
    made: linux73CoherentPool,
  },
  'linux-7.3:slots-first': {
    summary: "as linux-7.3; up to 256 KiB are slots of swiotlb's boot pool",
    made: linux73SlotsFirst,
  },
  'linux-7.3:kept-buffers': {
    summary: 'as linux-7.3, if netvsc kept the buffers of a NIC for its next use',
    made: linux73KeptBuffers,
  },
  'linux-7.3:whole-blocks': {
    summary: 'as slots-first and kept-buffers; above 256 KiB all take whole blocks, without a pool',
    made: linux73WholeBlocks,
  },
  'linux-6.12': { summary: 'Linux 6.12: each driver allocates and converts its own buffers', made: linux612 },
  'gfp-decrypted': {
    summary: 'the __GFP_DECRYPTED prototype of 2024: converts each allocation on its own',
    made: gfpDecrypted,
  },
  migratetype: {
    summary: 'as gfp-decrypted, grouped in pageblocks of a migratetype of their own',
    made: migratetype,
  },
  genpool: {
    summary: 'the atomic DMA pool for all requests; doubles, never shrinks, stays shared',
    made: genpool,
  },
  swiotlb: {
    summary: 'serves every request from the bounce buffers that are shared at boot',
    made: swiotlb('fixed'),
  },
  'swiotlb:dynamic': {
    summary: 'as swiotlb; the bounce buffers grow when they are full',
    made: swiotlb('dynamic'),
  },
};

/** What we recommend to build, written out in one file. */
export const RECOMMENDED: Readonly<Record<string, Plain<PolicyFactory>>> = {
  decpool: {
    summary: 'the pool to build: slots of swiotlb first, else whole blocks, packed, returned after 1 s',
    made: decpool,
  },
};

/** Where in the pool's blocks requests go, by name. */
export const PLACEMENTS: Readonly<Record<string, Strategy<PlacementFactory>>> = {
  bump: { summary: 'append only; a block is reused once it is empty', made: bump },
  'first-fit': { summary: 'the lowest free run that is large enough', made: firstFit },
  'best-fit': { summary: 'the smallest free run that is large enough', made: bestFit },
  'worst-fit': { summary: 'the largest free run', made: worstFit },
  'next-fit': { summary: 'first fit that continues after the last allocation', made: nextFit },
  buddy: { summary: 'private buddy allocator over whole blocks (unmapped_alloc, 2023)', made: buddy },
  'genpool-first-fit-order-align': {
    summary: 'lib/genalloc: aligned to its size, newest block first',
    made: genpoolFirstFitOrderAlign,
  },
  'longest-free-range': {
    summary: 'the fitting block whose longest free range is shortest, then most allocations (Temeraire)',
    made: longestFreeRange,
  },
  'fullest-first': {
    summary: 'the fitting block with the fewest free pages',
    made: fullestFirst,
  },
  llfree: {
    summary: 'trees of 8 blocks, one reserved per CPU, partly used trees first (LLFree)',
    parameters: 'CPUS (default: 8)',
    make: llfree,
  },
  lifetime: { summary: 'blocks grouped by lifetime, learned per owner', made: lifetime },
  'size-class': { summary: 'blocks grouped by the order of the request', made: sizeClass },
};

/** How much is converted at once, by name. */
export const CONVERSIONS: Readonly<Record<string, Strategy<Conversion>>> = {
  page: { summary: 'converts the pages of each allocation, and back when it is freed', made: pageConversion },
  granule: {
    summary: 'converts the granules of an allocation, and back when they are idle',
    parameters: 'KIB, a power of two up to 1024 (default: 64)',
    make: granuleConversion,
  },
  block: {
    summary: 'converts a block when it is claimed, and back when it is returned',
    parameters: 'MIB to claim at a time, 2 or 4 (default: 2)',
    make: blocks,
  },
  adaptive: {
    summary: 'converts by page until PERCENT of a block is used, then the rest at once',
    parameters: 'PERCENT of the block (default: 50)',
    make: adaptiveConversion,
  },
};

/** When blocks go back to the page allocator, by name. */
export const RETURNS: Readonly<Record<string, Strategy<SupplyFactory>>> = {
  'never-return': { summary: 'a claimed block stays claimed', made: neverReturn },
  immediate: { summary: 'an empty block is returned at once', made: immediate },
  hysteresis: {
    summary: 'a block is returned once it has been empty for SECONDS',
    parameters: 'SECONDS (default: 2)',
    make: hysteresis,
  },
  demand: {
    summary: 'keeps enough free blocks for the recent peak (skip-subrelease)',
    parameters: 'SECONDS to look back (default: 10)',
    make: demand,
  },
};

type BesideReturn = (supply: SupplyFactory) => SupplyFactory;

/** What can stand before a return. */
export const RESERVES: Readonly<Record<string, Strategy<BesideReturn>>> = {
  reserve: {
    summary: 'pages kept shared for atomic requests, refilled between two watermarks',
    parameters: 'LOW:HIGH in pages (default: 64:512)',
    make: reserve,
  },
};

/** What can stand after a return. */
export const SHRINKERS: Readonly<Record<string, Strategy<BesideReturn>>> = {
  shrinker: { summary: 'empty blocks are returned at once if memory is low', made: shrinker },
};

/** What can stand last. */
export const FIRST_TRIES: Readonly<Record<string, Strategy<BesideReturn>>> = {
  swiotlb: {
    summary: 'requests of at most 256 KiB try the boot pool of swiotlb before the pool',
    made: swiotlbFirst,
  },
};

/** Well-known allocators, approximated by three strategies. */
export const SHORT_NAMES: Readonly<Record<string, { readonly summary: string; readonly policy: string }>> = {
  'bpf-prog-pack': {
    summary: 'packs of 2 MiB for BPF programs (kernel/bpf/core.c)',
    policy: 'first-fit+block+immediate',
  },
  'unmapped-alloc': {
    summary: 'unmapped_alloc() of 2023: a private buddy over blocks, with a shrinker',
    policy: 'buddy+block+never-return+shrinker',
  },
  'migratetype-pageblock': {
    summary: 'as migratetype, but a pageblock is converted as a whole',
    policy: 'buddy+block+immediate',
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

/** Every combination of placement, conversion and return with their default parameters, baselines first. */
export const ALL_POLICIES: readonly string[] = [
  ...Object.keys(BASELINES),
  ...Object.keys(RECOMMENDED),
  ...Object.keys(PLACEMENTS).flatMap((placement) =>
    Object.keys(CONVERSIONS).flatMap((conversion) =>
      Object.keys(RETURNS).map((returned) => `${placement}+${conversion}+${returned}`),
    ),
  ),
];

/**
 * A policy by its name: a baseline, `decpool`, a short name, or `PLACEMENT[+CONVERSION][+reserve:LOW:HIGH][+RETURN][+shrinker][+swiotlb]`. Default
 * conversion: `block`; default return: `hysteresis`. Throws InputError for a name that does not exist.
 */
export function policyNamed(name: string): PolicyFactory {
  if (Object.hasOwn(BASELINES, name)) return BASELINES[name].made;
  if (Object.hasOwn(RECOMMENDED, name)) return RECOMMENDED[name].made;
  if (Object.hasOwn(SHORT_NAMES, name)) return policyNamed(SHORT_NAMES[name].policy);
  const [first, ...others] = name.split('+');
  if (!Object.hasOwn(PLACEMENTS, kindName(first))) throw unknownPolicy(name, first);
  const [conversion, reserved, returned, shrinks, tried] = partsOf(name, others);
  let supply = made(RETURNS, returned ?? USUAL.return, 'return', name);
  if (reserved !== undefined) supply = made(RESERVES, reserved, 'reserve', name)(supply);
  if (shrinks !== undefined) supply = made(SHRINKERS, shrinks, 'shrinker', name)(supply);
  if (tried !== undefined) supply = made(FIRST_TRIES, tried, 'first try', name)(supply);
  return poolPolicy(
    made(PLACEMENTS, first, 'placement', name),
    made(CONVERSIONS, conversion ?? USUAL.conversion, 'conversion', name),
    supply,
  );
}

/** A strategy's name without its parameters. */
const kindName = (part: string): string => part.split(':', 1)[0];

/** The parts after the placement, in the order in which they are written. */
const PARTS = [CONVERSIONS, RESERVES, RETURNS, SHRINKERS, FIRST_TRIES] as const;

/** The part of each kind, undefined where it is left out. */
function partsOf(policy: string, parts: readonly string[]): readonly (string | undefined)[] {
  const known = PARTS.flatMap((kind) => Object.keys(kind));
  for (const part of parts) {
    if (kindName(part) === 'watermark') throw noWatermark(policy, part);
    if (known.includes(kindName(part))) continue;
    const error = { given: kindName(part), known, listedBy: LISTED_BY, place: `policy '${policy}'` };
    throw unknownName({ kind: 'part', ...error });
  }
  const left = [...parts];
  const found = PARTS.map((kind) =>
    left.length > 0 && Object.hasOwn(kind, kindName(left[0])) ? left.shift() : undefined,
  );
  if (left.length === 0) return found;
  throw new InputError(
    `policy '${policy}': expected ${GRAMMAR} with one of each in this order, as in first-fit+block+reserve:64:512+hysteresis:2+shrinker+swiotlb.`,
  );
}

/** How the name of a pool is written. */
export const GRAMMAR = 'PLACEMENT[+CONVERSION][+reserve:LOW:HIGH][+RETURN][+shrinker][+swiotlb]';

/** The supply of earlier versions that is a reserve and an immediate return. */
const noWatermark = (policy: string, part: string): InputError =>
  new InputError(
    `policy '${policy}': '${part}' is written '${part.replace('watermark', 'reserve')}+immediate' now.`,
  );

const LISTED_BY = 'decpool policies';

function unknownPolicy(name: string, first: string): InputError {
  const known = Object.keys(PLACEMENTS);
  if (name.includes('+')) {
    const error = { given: kindName(first), known, listedBy: LISTED_BY, place: `policy '${name}'` };
    return unknownName({ kind: 'placement', ...error });
  }
  const all = [...Object.keys(RECOMMENDED), ...Object.keys(BASELINES), ...Object.keys(SHORT_NAMES), ...known];
  return unknownName({ kind: 'policy', given: name, known: all, listedBy: LISTED_BY });
}

/** The strategy that `text` names, made with the parameters after its name. */
function made<Made>(
  known: Readonly<Record<string, Strategy<Made>>>,
  text: string,
  kind: string,
  policy: string,
): Made {
  const [name, ...parameters] = text.split(':');
  const strategy = known[name];
  if ('make' in strategy) return strategy.make(...parameters);
  if (parameters.length === 0) return strategy.made;
  throw new InputError(`policy '${policy}': ${kind} '${name}' takes no parameters.`);
}
