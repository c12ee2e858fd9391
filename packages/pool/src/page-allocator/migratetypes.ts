import type { Migratetype } from '@decpool/model';
import { MIGRATETYPES } from '@decpool/model/internal';

/**
 * A migratetype that no kernel has: pageblocks for shared pages, as MIGRATE_UNMAPPED of 2022 was for pages without a direct map. No
 * memory state holds such pageblocks; the baseline `migratetype` makes them.
 */
const DECRYPTED = 'Decrypted';

/** What a policy can claim pages of. */
export type ClaimType = Migratetype | typeof DECRYPTED;
export const CLAIM_TYPES: readonly ClaimType[] = [...MIGRATETYPES, DECRYPTED];

/** Code of each type: its place in CLAIM_TYPES. */
export const TYPE = Object.fromEntries(CLAIM_TYPES.map((name, code) => [name, code])) as Readonly<
  Record<ClaimType, number>
>;

/** Codes below this are the types that requests ask for, and that borrow of one another: MIGRATE_PCPTYPES, include/linux/mmzone.h. */
export const ORDINARY_TYPES = 3;

/** migratetype_is_mergeable(), include/linux/mmzone.h: free pageblocks of such types may form one chunk. */
export const isMergeable = (type: number): boolean => type < ORDINARY_TYPES;
