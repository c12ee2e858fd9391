import { MIGRATETYPES, type Migratetype } from '@decpool/model';

/** Code of each migratetype: its place in MIGRATETYPES. */
export const TYPE = Object.fromEntries(MIGRATETYPES.map((name, code) => [name, code])) as Readonly<
  Record<Migratetype, number>
>;

/** Codes below this are the types that requests ask for, and that borrow of one another: MIGRATE_PCPTYPES, include/linux/mmzone.h. */
export const ORDINARY_TYPES = 3;

/** migratetype_is_mergeable(), include/linux/mmzone.h: free pageblocks of such types may form one chunk. */
export const isMergeable = (type: number): boolean => type < ORDINARY_TYPES;
