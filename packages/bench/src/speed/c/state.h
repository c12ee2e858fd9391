/* SPDX-License-Identifier: MIT */
/*
 * The state of a run, with the facts of packages/model/src/state: what the
 * fold writes and the policy reads. Of the platforms there is SNP, with blocks
 * of 2 MiB in regions of 1 GiB.
 */
#ifndef STATE_H
#define STATE_H

#include "common.h"

#define PAGE_SHIFT		12
#define BLOCK_SHIFT		9
#define PAGES_PER_BLOCK		(1u << BLOCK_SHIFT)
#define REGION_SHIFT		9
#define BLOCKS_PER_REGION	(1u << REGION_SHIFT)
#define PAGES_PER_REGION	(PAGES_PER_BLOCK << REGION_SHIFT)
#define BITMAP_WORDS		(PAGES_PER_BLOCK / 64)

enum bitmap { CLAIMED, SHARED, UNKNOWN, ALLOCATED, LEAKED, BITMAPS };

/* A bitmap of a block is one cache line. The state hash covers all but the padding. */
struct block {
	u64 bits[BITMAPS][BITMAP_WORDS];
	u32 count[BITMAPS];
	u32 touched;		/* 1 once a page has been shared */
	u32 contiguous;		/* runs of contiguous 4K entries: none on SNP */
} __attribute__((aligned(CACHE_LINE)));
#define HASHED_BLOCK_WORDS	(BITMAPS * BITMAP_WORDS * 2 + BITMAPS + 2)

/* Level of a block's direct-map entry: 0 hole, 1 = 4K, 2 = 2M; 1 | SPLIT_2M since a split. */
#define LEVEL_MASK	3
#define SPLIT_2M	8

enum status { UNUSED, REQUESTED, LIVE_NOW, FREEING, FREED, FAILED };

#define AREA_MAPPED	0x100

/* One cache line, with its only extent: the log has no request that may get several. */
struct allocation {
	u32 status;
	u32 owner;
	u32 request;
	u32 bytes;
	u32 pages;		/* asked for */
	u32 first_extent;	/* extents are numbered in the order they are made */
	u32 extents;
	u32 freed_extents;
	u32 api;		/* and AREA_MAPPED */
	u32 attributes;
	u32 user_mappings;
	u32 slab;
	u32 units;
	struct extent {
		u32 pfn;
		u32 pages;
	} extent;		/* zeros once it is freed */
} __attribute__((aligned(CACHE_LINE)));
#define HASHED_ALLOCATION_WORDS	13

/* packages/model/src/state/counters.ts, in its order. */
#define COUNTERS(X)							\
	X(events, "events") X(time, "time") X(requests, "requests")	\
	X(failed_requests, "failedRequests") X(owners, "owners")	\
	X(last_allocation, "lastAllocation") X(extents, "extents")	\
	X(live_allocations, "liveAllocations") X(live_bytes, "liveBytes") \
	X(live_pages, "livePages") X(claimed_pages, "claimedPages")	\
	X(shared_pages, "sharedPages") X(unknown_pages, "unknownPages")	\
	X(leaked_pages, "leakedPages") X(mapped_4k_pages, "mapped4KPages") \
	X(mapped_2m_pages, "mapped2MPages") X(mapped_1g_pages, "mapped1GPages") \
	X(splits_2m, "splits2M") X(splits_1g, "splits1G")		\
	X(restores_2m, "restores2M") X(splits_32m, "splits32M")		\
	X(splits_64k, "splits64K") X(page_table_pages, "pageTablePages") \
	X(conversions, "conversions") X(converted_pages, "convertedPages") \
	X(failed_conversions, "failedConversions") X(host_calls, "hostCalls") \
	X(page_table_passes, "pageTablePasses") X(full_flushes, "fullFlushes") \
	X(ranged_flushes, "rangedFlushes") X(mapping_changes, "mappingChanges") \
	X(zeroed_pages, "zeroedPages") X(shared_blocks, "sharedBlocks")	\
	X(touched_blocks, "touchedBlocks") X(mixed_blocks, "mixedBlocks") \
	X(borders, "borders") X(slabs, "slabs") X(live_slabs, "liveSlabs") \
	X(slab_pages, "slabPages") X(live_objects, "liveObjects")	\
	X(vm_area_pages, "vmAreaPages") X(user_mappings, "userMappings") \
	X(user_map_requests, "userMapRequests")				\
	X(background_pages, "backgroundPages") X(refills, "refills")	\
	X(compactions, "compactions") X(moved_pages, "movedPages")

struct counters {
#define FIELD(field, name) u64 field;
	COUNTERS(FIELD)
#undef FIELD
};

struct state {
	u32 span_pages;
	u32 blocks;
	u32 regions;
	struct block *block;
	u8 *level;		/* by block */
	u8 *is_1g;		/* by region: one entry maps it all, its levels are those after a split */
	struct allocation *allocation;	/* by id */
	struct counters counters;
};

static inline u32 level_at(const struct state *state, u32 pfn)
{
	u32 block = pfn >> BLOCK_SHIFT;

	return state->is_1g[block >> REGION_SHIFT] ? 3 : state->level[block] & LEVEL_MASK;
}

static inline u32 pages_of_level(u32 level)
{
	return level == 3 ? PAGES_PER_REGION : level == 2 ? PAGES_PER_BLOCK : 1;
}

static inline bool bit_at(const struct state *state, enum bitmap map, u32 pfn)
{
	const struct block *block = &state->block[pfn >> BLOCK_SHIFT];
	u32 bit = pfn & (PAGES_PER_BLOCK - 1);

	return block->bits[map][bit / 64] >> (bit % 64) & 1;
}

static inline bool is_live(const struct state *state, u32 id)
{
	return id && id <= state->counters.last_allocation &&
	       state->allocation[id].status == LIVE_NOW;
}

/*
 * The first large page that decrypting [start, end) cannot keep, or @end:
 * splitForChange() of packages/model/src/direct-map.ts.
 */
static u32 large_page_to_split(const struct state *state, u32 start, u32 end, u32 *level)
{
	u32 at = start;

	while (at < end) {
		u32 size, base;

		*level = level_at(state, at);
		/* In a block of 4K entries, or a hole, there is nothing to split. */
		size = *level <= 1 ? PAGES_PER_BLOCK : pages_of_level(*level);
		base = at & ~(size - 1);
		if (*level > 1 && (base != at || base + size > end) && !bit_at(state, SHARED, at))
			return base;
		at = base + size;
	}
	return end;
}

/* A run of the direct map at the start: its level is 0 to 3. */
struct mapping_run {
	u32 start;
	u32 pages;
	u32 level;
};

static void map_run(struct state *state, const struct mapping_run *run)
{
	u32 end = run->start + run->pages;
	u32 block;

	if (run->level > 3 || end < run->start || end > state->span_pages)
		die("a run of the direct map at page %u", run->start);
	if (run->level == 0)
		return;
	*(run->level == 1 ? &state->counters.mapped_4k_pages :
	  run->level == 2 ? &state->counters.mapped_2m_pages :
			    &state->counters.mapped_1g_pages) += run->pages;
	for (block = run->start >> BLOCK_SHIFT; block << BLOCK_SHIFT < end; block++) {
		u8 level = min(run->level, 2);

		/* A block that runs of two levels share has the smaller entries. */
		if (!state->level[block] || level < state->level[block])
			state->level[block] = level;
		if (run->level == 3)
			state->is_1g[block >> REGION_SHIFT] = 1;
	}
}

static void state_init(struct state *state, u32 blocks, u32 max_id,
		       const struct mapping_run *runs, u32 count)
{
	u32 i;

	memset(state, 0, sizeof(*state));
	state->blocks = blocks;
	state->span_pages = blocks << BLOCK_SHIFT;
	state->regions = (blocks + BLOCKS_PER_REGION - 1) >> REGION_SHIFT;
	state->block = zalloc(blocks, sizeof(*state->block));
	state->level = zalloc((size_t)state->regions << REGION_SHIFT, sizeof(*state->level));
	state->is_1g = zalloc(state->regions, sizeof(*state->is_1g));
	state->allocation = zalloc((size_t)max_id + 1, sizeof(*state->allocation));
	for (i = 0; i < count; i++)
		map_run(state, &runs[i]);
}

#endif
