/** The machine of a run, as options and definitions name it. */
import {
  InputError,
  type MemoryState,
  type PageSourceSettings,
  type Platform,
  platformNamed,
} from '@decpool/model';
import { hasLargePages } from '@decpool/model/internal';
import { aged, fragmented, freshBoot, type Kernel } from '@decpool/pool';
import { kernelOf } from '@decpool/pool/internal';
import { DEFAULT_PLATFORM, GRANULES_KIB, KERNELS } from './choices.ts';

interface PlatformOptions {
  readonly platform?: string | undefined;
  readonly restore?: boolean;
  /** The host's page size in KiB. */
  readonly granule: number;
  readonly wordAccess: boolean;
}

/**
 * A platform with its options; `modelled` is the platform that the workload models. Throws InputError for an unknown platform, and for
 * `restore` on a platform where no conversion splits a mapping.
 */
export function platformOf(
  { platform, restore = false, granule, wordAccess }: PlatformOptions,
  modelled = DEFAULT_PLATFORM,
): Platform {
  const profile = platformNamed(platform ?? modelled);
  if (restore && !(hasLargePages(profile) && profile.confidential)) {
    throw new InputError(`--restore: on platform '${profile.name}' no conversion splits a large page`);
  }
  const granulePages = GRANULES_KIB[granule];
  return { ...profile, restore, granulePages, ...(wordAccess ? {} : { strayRead: 'impossible' }) };
}

const SETTING_OF_KERNEL: Readonly<Record<Kernel, PageSourceSettings['kernel']>> = {
  '6.1': '6.x',
  '6.12': '6.12',
  '7.3': '7.x',
};

/** The page allocator of a kernel's release, such as `6.12.95+deb12-amd64`. Throws InputError for no release. */
export const kernelSettingOf = (release: string): PageSourceSettings['kernel'] =>
  SETTING_OF_KERNEL[kernelOf(release)];

/** What is assumed if nothing is said: the newest kernel, with all that it has. */
const NEWEST = '7.x';

interface PageSourceOptions {
  readonly kernel?: string | undefined;
  readonly pcp?: boolean | undefined;
  readonly compaction?: boolean | undefined;
  readonly reclaim?: boolean | undefined;
}

/**
 * How the page source works. An exact memory state has a kernel and per-CPU lists of its own. Throws InputError for a kernel that is
 * not modelled, or another than that of the memory state.
 */
export function pageSourceOf(
  { kernel, pcp = true, compaction = true, reclaim = true }: PageSourceOptions,
  { name, exact }: MemoryState,
): PageSourceSettings {
  const wanted = KERNELS.find((known) => known === (kernel ?? NEWEST));
  if (wanted === undefined) {
    throw new InputError(
      `--kernel '${kernel}': expected ${KERNELS.slice(0, -1).join(', ')} or ${KERNELS.at(-1)}.`,
    );
  }
  const own = exact && SETTING_OF_KERNEL[kernelOf(exact.kernel)];
  if (own !== undefined && kernel !== undefined && kernel !== own) {
    throw new InputError(
      `--kernel ${kernel}: memory state '${name}' is that of a kernel ${exact?.kernel}: ${own}.`,
    );
  }
  return {
    kernel: own ?? wanted,
    perCpuLists: pcp || own !== undefined,
    compaction,
    ...(reclaim ? { reclaim } : {}),
  };
}

/** Memory of a guest, as `--memory` takes it, if the workload needs no other. */
export const DEFAULT_MEMORY = '4G';

const UNITS: Readonly<Record<string, number>> = { M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * `4G` is a fresh boot; with `4G:fragmented=0.6`, 60 % of the pageblocks were filled with single pages and partly freed;
 * with `4G:aged`, the page cache is full and memory was churned. Throws InputError that begins with `place`.
 */
export function parseMemory(text: string, seed: number, nodes = 1, place = ''): MemoryState {
  const match = /^(\d+)([MGT])(?:iB)?(?::(aged)|:fragmented=(0?\.\d+|\d+))?$/.exec(text);
  if (match === null) {
    throw new InputError(`${place}'${text}': expected a size, as in 4G, 4G:aged or 4G:fragmented=0.6.`);
  }
  const bytes = Number(match[1]) * UNITS[match[2]];
  if (match[3] !== undefined) return aged(bytes, seed, nodes);
  return match[4] === undefined ? freshBoot(bytes, nodes) : fragmented(bytes, Number(match[4]), seed, nodes);
}
