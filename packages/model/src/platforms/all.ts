/** The platforms by name. */
import { freeze } from 'immer';
import type { Geometry } from '../geometry.ts';
import { pageStateEntries } from '../page-state-entries.ts';
import type { Direction, Platform } from '../platform.ts';
import type { Pfn } from '../units.ts';
import { unknownName } from '../unknown-name.ts';
import { cca } from './cca.ts';
import { ccaBbml3 } from './cca-bbml3.ts';
import { hypervVtom } from './hyperv-vtom.ts';
import { none } from './none.ts';
import { pkvm } from './pkvm.ts';
import type { PlatformProfile } from './profile.ts';
import { snp } from './snp.ts';
import { tdx } from './tdx.ts';

/** Frozen, because all pools share them. */
const PROFILES = freeze([snp, tdx, hypervVtom, cca, ccaBbml3, pkvm, none] as const, true);

/** Name of a platform, such as `snp`. */
export type PlatformName = (typeof PROFILES)[number]['platform']['name'];

/** Every platform with the sources of its numbers. */
export const PLATFORM_PROFILES: readonly PlatformProfile[] = PROFILES;

/** The names that platformNamed() knows. */
export const PLATFORM_NAMES: readonly PlatformName[] = PROFILES.map(({ platform }) => platform.name);

/** Throws InputError when there is no such platform. */
export function platformNamed(name: string): Platform {
  const found = PROFILES.find(({ platform }) => platform.name === name);
  if (found === undefined) throw unknownName({ kind: 'platform', given: name, known: PLATFORM_NAMES });
  return found.platform;
}

/**
 * Times that a guest validates or accepts pages that are converted: [start, start + pages), or each page through a vmalloc address. SNP
 * takes back its validation before pages become shared: __set_pages_state(), arch/x86/coco/sev/core.c.
 */
export function pageAccepts(
  platform: Pick<Platform, 'name'>,
  direction: Direction,
  geometry: Geometry,
  start: Pfn,
  pages: number,
  isArea: boolean,
): number {
  if (profileOf(platform)?.acceptsPages.includes(direction) !== true) return 0;
  return isArea ? pages : pageStateEntries(geometry, start, pages);
}

/** Pages that a conversion of `pages` flushes from the CPU caches before it changes them, whether or not it works. */
export function cacheFlushes(platform: Pick<Platform, 'name'>, direction: Direction, pages: number): number {
  return profileOf(platform)?.flushesCache.includes(direction) === true ? pages : 0;
}

/** Whether kernels serve the coherent memory of devices from a restricted DMA pool, which is shared at boot. */
export const hasRestrictedPool = (platform: Pick<Platform, 'name'>): boolean =>
  profileOf(platform)?.coherentMemory === 'restricted pool';

/** Whether a conversion that the host refuses ends the guest: a call can only fail for reasons of the guest, -EBUSY and -ENOMEM. */
export const endsIfHostRefuses = (platform: Pick<Platform, 'name'>): boolean =>
  profileOf(platform)?.endsIfHostRefuses === true;

const profileOf = ({ name }: Pick<Platform, 'name'>): PlatformProfile | undefined =>
  PLATFORM_PROFILES.find(({ platform }) => platform.name === name);

/** How a figure follows on each platform: `snp and tdx 1; hyperv-vtom 3`. Platforms with the same text share it. */
export function formulaByPlatform(figure: keyof PlatformProfile['texts']): string {
  const names = new Map<string, string[]>();
  for (const { platform, texts } of PROFILES) {
    names.set(texts[figure], [...(names.get(texts[figure]) ?? []), platform.name]);
  }
  return [...names].map(([text, of]) => `${of.join(', ')} ${text}`).join('; ');
}
