/** Free lists of the page allocator, as /proc/pagetypeinfo names them (migratetype_names, mm/page_alloc.c). */
export const MIGRATETYPES = ['Unmovable', 'Movable', 'Reclaimable', 'HighAtomic', 'Isolate', 'CMA'] as const;
/** A migratetype of pageblocks (enum migratetype, include/linux/mmzone.h). */
export type Migratetype = (typeof MIGRATETYPES)[number];
