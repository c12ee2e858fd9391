import { GRANULES, hasLargePages, InputError, type Platform, platformNamed } from '@decpool/model';

/** What a comparison runs on where neither an option nor the workload says. */
export const USUAL_PLATFORM = 'snp';

export interface PlatformOptions {
  readonly platform?: string;
  readonly restore?: boolean;
  readonly granule?: string;
  readonly wordAccess?: boolean;
}

const GRANULE_KIB = ['4', '16', '64'];

/**
 * The profile with its switches; `modelled` is the platform that the workload models. Throws InputError for a profile
 * there is none of, a restore where nothing is ever split, or an unknown granule.
 */
export function platformOf(
  { platform, restore = false, granule = '4', wordAccess = true }: PlatformOptions,
  modelled: string = USUAL_PLATFORM,
): Platform {
  const profile = platformNamed(platform ?? modelled);
  if (restore && !(hasLargePages(profile) && profile.confidential)) {
    throw new InputError(`--restore: on platform '${profile.name}' no conversion splits a large page`);
  }
  const granulePages = GRANULES[GRANULE_KIB.indexOf(granule)];
  if (granulePages === undefined) {
    throw new InputError(
      `--granule '${granule}': expected the host's page size in KiB, ${GRANULE_KIB.join(', ')}`,
    );
  }
  return { ...profile, restore, granulePages, ...(wordAccess ? {} : { strayRead: 'impossible' }) };
}
