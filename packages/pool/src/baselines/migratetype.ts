import type { PolicyFactory } from '../policy.ts';
import { eachOnItsOwn } from './gfp-decrypted.ts';

/**
 * Grouping inside the page allocator: `__GFP_DECRYPTED` with a migratetype of its own, as MIGRATE_UNMAPPED of 2022 and the freetypes
 * of https://lkml.iu.edu/hypermail/linux/kernel/2602.3/03398.html group pages without a direct map. A shared request takes pages from
 * pageblocks of that type. Without one it takes over a pageblock of another type by the rules of fallback (page-allocator/rmqueue.ts),
 * and others take its free pages back by the same rules. Each allocation is converted on its own, as by `gfp-decrypted`.
 * If whole pageblocks were converted instead, their free pages could serve nobody else: that is the pool `buddy+block+immediate`.
 */
export const migratetype: PolicyFactory = (view) => eachOnItsOwn('migratetype', 'Decrypted', view);
