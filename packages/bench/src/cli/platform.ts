import { type GranulePages, hasLargePages, InputError, type Platform, platformNamed } from '@decpool/model';

/** What a comparison runs on if neither an option nor the workload names a platform. */
export const USUAL_PLATFORM = 'snp';

/** By the host's page size in KiB. */
export const GRANULES_KIB: Readonly<Record<number, GranulePages>> = { 4: 1, 16: 4, 64: 16 };

export interface PlatformOptions {
  readonly platform?: string;
  readonly restore?: boolean;
  /** The host's page size in KiB. */
  readonly granule?: number;
  readonly wordAccess?: boolean;
}

/**
 * A platform with its options; `modelled` is the platform that the workload models. Throws InputError for an unknown platform, for
 * `restore` on a platform where no conversion splits a mapping, and for an unknown granule.
 */
export function platformOf(
  { platform, restore = false, granule = 4, wordAccess = true }: PlatformOptions,
  modelled: string = USUAL_PLATFORM,
): Platform {
  const profile = platformNamed(platform ?? modelled);
  if (restore && !(hasLargePages(profile) && profile.confidential)) {
    throw new InputError(`--restore: on platform '${profile.name}' no conversion splits a large page`);
  }
  const granulePages = GRANULES_KIB[granule];
  return { ...profile, restore, granulePages, ...(wordAccess ? {} : { strayRead: 'impossible' }) };
}
