/** Random histories to try a policy with: all that callers, the host and other users of memory can do. */
import {
  ANY_NODE,
  type Api,
  type Faults,
  GFP,
  GFP_KERNEL,
  type MemoryState,
  type Migratetype,
  PAGE_SIZE,
  PLATFORM_NAMES,
  type PlatformName,
} from '@decpool/model';
import { GRANULES, type GranulePages, MIGRATETYPES, PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import { fragmented, freshBoot } from '@decpool/pool';
import { type Dice, dice, weighted } from '../workloads/random.ts';
import { type Wanted, wholePages } from '../workloads/request-list.ts';

/**
 * What somebody does. `pick` lands on something that is there, so that a history makes sense with actions left out. `wait`:
 * simulated ns since the action before.
 */
export type Action =
  | ({ readonly do: 'allocate'; readonly wait: number } & Required<Omit<Wanted, 'cpu'>>)
  | { readonly do: 'free'; readonly pick: number; readonly gfp: number; readonly wait: number }
  | { readonly do: 'map' | 'unmap' | 'others-give'; readonly pick: number }
  | { readonly do: 'others-take'; readonly order: number; readonly migratetype: Migratetype };

/** Where it happens. */
export interface Setting {
  readonly platform: PlatformName;
  readonly granulePages: GranulePages;
  readonly restore: boolean;
  readonly memory: keyof typeof MEMORIES;
  readonly faults: Faults | undefined;
  /** Simulated ns. */
  readonly workerDelay: number;
  readonly seed: number;
}

export interface History {
  readonly setting: Setting;
  readonly actions: readonly Action[];
  /** How often all of it is done, with everything freed each time. */
  readonly rounds: number;
}

const MIB = 2 ** 20;

export const MEMORIES = {
  'fresh boot': () => freshBoot(64 * MIB),
  'two nodes': () => freshBoot(128 * MIB, 2),
  'partly fragmented': () => fragmented(64 * MIB, 0.5, 1),
  fragmented: () => fragmented(64 * MIB, 1, 2),
  'nearly full': () => freshBoot(64 * MIB),
  'above 4 GiB': () => freshBoot(4.5 * 2 ** 30),
} as const satisfies Readonly<Record<string, () => MemoryState>>;
const MEMORY_NAMES = Object.keys(MEMORIES) as readonly (keyof typeof MEMORIES)[];
/** Memory of 64 MiB after a fresh boot has fifteen blocks free; when it is nearly full one or two are left. */
const BLOCKS_TAKEN = [13, 14] as const;

/** Every platform, each granule and each kind of memory come in turn: no draw can leave one out. */
export function randomHistory(seed: number, run: number): History {
  const random = dice((seed * 1_000_003 + run) >>> 0);
  const { between, pick } = random;
  const memory = MEMORY_NAMES[(run + Math.floor(run / PLATFORM_NAMES.length)) % MEMORY_NAMES.length];
  const isRepeated = run % 4 === 3;
  const setting: Setting = {
    platform: PLATFORM_NAMES[run % PLATFORM_NAMES.length],
    granulePages: run % 2 === 0 ? GRANULES[0] : GRANULES[1 + (Math.floor(run / 2) % 2)],
    restore: between(0, 3) === 0,
    memory,
    faults: !isRepeated && between(0, 2) === 0 ? faultsFrom(random) : undefined,
    workerDelay: pick([0, 1000, 1_000_000]),
    seed: between(0, 99),
  };
  const actions: Action[] = [];
  if (memory === 'nearly full') {
    for (let block = pick(BLOCKS_TAKEN); block > 0; block--) {
      actions.push({ do: 'others-take', order: 9, migratetype: 'Unmovable' });
    }
  } else actions.push({ ...ONE_PAGE, ...wholePages(1, pick(OWNERS)) });
  const length = isRepeated ? 30 : between(20, 199);
  for (let made = 0; made < length; made++) actions.push(randomAction(random));
  return { setting, actions, rounds: isRepeated ? ROUNDS : 1 };
}

/** Enough to tell a pool that grows for ever from one that grows for as long as it learns. */
const ROUNDS = 7;

const OWNERS = ['eth0', 'netvsc 1 recv_buf', 'nvme0 descriptor', '0:3.0 ITT', 'vda'] as const;
const ONE_PAGE = { do: 'allocate', gfp: GFP_KERNEL, node: ANY_NODE, align: 1, wait: 0 } as const;

const faultsFrom = ({ between, pick }: Dice): Faults => ({
  seed: between(0, 99),
  decrypt: pick([0.02, 0.2, 1]),
  encrypt: pick([0, 0.02, 0.2]),
  converted: pick([0, 0.5]),
  retries: between(0, 2),
});

function randomAction(random: Dice): Action {
  const { between, pick } = random;
  const what = between(0, 99);
  const somewhere = between(0, 9999);
  if (what < 52) return allocation(random);
  if (what < 88) return { do: 'free', pick: somewhere, gfp: gfpFrom(random), wait: pick(WAITS) };
  if (what < 94) return { do: pick(['map', 'unmap', 'unmap'] as const), pick: somewhere };
  if (what < 97) return { do: 'others-give', pick: somewhere };
  const order = between(0, 1) === 0 ? between(0, 3) : between(0, 9);
  return { do: 'others-take', order, migratetype: pick(MIGRATETYPES.slice(0, 3)) };
}

const WAITS = [0, 0, 1000, 100_000, 2_000_000] as const;
const CONTEXTS = [GFP_KERNEL, GFP_KERNEL, GFP_KERNEL, GFP.GFP_ATOMIC, GFP.GFP_NOWAIT] as const;
const ZONES = [0, 0, 0, 0, 0, 0, GFP.__GFP_DMA32, GFP.__GFP_DMA] as const;

const gfpFrom = ({ pick }: Dice): number => pick(CONTEXTS) | pick(ZONES);

const ALLOCATIONS = weighted<Api>([
  ['alloc_pages', 2],
  ['alloc_pages_exact', 1],
  ['vmalloc', 2],
  ['kmalloc', 2],
  ['dma_alloc_coherent', 1],
  ['dma_map', 1],
]);

function allocation(random: Dice): Action {
  const { pick } = random;
  const api = pick(ALLOCATIONS);
  return {
    do: 'allocate',
    api,
    ...sizeFor(api, random),
    owner: pick(OWNERS),
    gfp: gfpFrom(random),
    node: pick([ANY_NODE, ANY_NODE, ANY_NODE, ANY_NODE, 0, 1]),
    align: api === 'kmalloc' ? pick([1, 1, 8, 256, 4096]) : 1,
    wait: pick(WAITS),
  };
}

/** Mostly small, as in a kernel, and sometimes as large as a request can be. */
function sizeFor(api: Api, { between, pick }: Dice): { readonly pages: number; readonly bytes: number } {
  const isLarge = between(0, 11) === 0;
  switch (api) {
    case 'alloc_pages':
      return inPages(2 ** between(0, isLarge ? 10 : 3));
    case 'alloc_pages_exact':
      return inPages(between(1, isLarge ? 1200 : 20));
    case 'vmalloc':
      return inPages(between(1, isLarge ? 2000 : 40));
    default: {
      const bytes = between(1, isLarge ? 2 * MIB : pick([600, 20_000]));
      return { pages: pagesFor(bytes, PAGE_SHIFT), bytes };
    }
  }
}

const inPages = (pages: number) => ({ pages, bytes: pages * PAGE_SIZE });
