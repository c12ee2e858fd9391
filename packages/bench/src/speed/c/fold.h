/* SPDX-License-Identifier: MIT */
/*
 * The fold of packages/model/src/state/evolve: each event is first proved to be
 * possible in the state, and then changes it.
 */
#ifndef FOLD_H
#define FOLD_H

#include "step.h"

/* SNP: packages/model/src/platforms/snp.ts. */
#define PAGE_STATE_ENTRIES	64	/* of a call to the host */
#define PAGE_TABLE_PASSES	1
#define FLUSHES			2	/* before and after a conversion */
#define FULL_FLUSH_ABOVE_PAGES	33

#define MAX_TIME		((1ull << 53) - 1)	/* a double's whole numbers */

static inline bool is_empty(const struct allocation *allocation)
{
	return !allocation->slab && allocation->extents == allocation->freed_extents;
}

static inline void end_life(struct counters *counters, const struct allocation *allocation)
{
	counters->live_allocations--;
	counters->live_bytes -= allocation->bytes;
}

static void owner_registered(const struct step *step)
{
	struct counters *counters = &step->state->counters;

	if (step->owner != counters->owners)
		refuse(step, "owners are numbered without a gap");
	counters->owners++;
}

static inline void allocation_requested(const struct step *step)
{
	struct counters *counters = &step->state->counters;
	struct allocation *allocation = step->allocation;

	if (step->owner >= counters->owners)
		refuse(step, "the owner was never registered");
	if (!step->pages || step->bytes > (u64)step->pages << PAGE_SHIFT)
		refuse(step, "the bytes do not fit in the pages");
	expect_next_request(step);
	if (step->id != counters->last_allocation + 1)
		refuse(step, "allocations are numbered without a gap");
	allocation->status = REQUESTED;
	allocation->owner = step->owner;
	allocation->request = step->request;
	allocation->bytes = step->bytes;
	allocation->pages = step->pages;
	allocation->api = step->code;
	allocation->attributes = step->pfn;
	counters->last_allocation = step->id;
	counters->requests++;
}

static inline void free_requested(const struct step *step)
{
	struct allocation *allocation = step->allocation;

	expect_next_request(step);
	expect_known_allocation(step);
	if (allocation->status != LIVE_NOW || is_empty(allocation))
		refuse(step, "the allocation is not live");
	if (allocation->user_mappings)
		refuse(step, "the allocation is mapped into user space");
	allocation->status = FREEING;
	step->state->counters.requests++;
}

/* Only requests about refused allocations are skipped. */
static void request_skipped(const struct step *step)
{
	expect_known_allocation(step);
	if (step->allocation->status != FAILED)
		refuse(step, "the allocation was not refused");
}

static void allocation_failed(const struct step *step)
{
	struct allocation *allocation = step->allocation;

	expect_known_allocation(step);
	if ((allocation->status != REQUESTED && allocation->status != LIVE_NOW) ||
	    !is_empty(allocation))
		refuse(step, "the allocation was not requested, or holds pages or an object");
	if (allocation->status == LIVE_NOW)
		end_life(&step->state->counters, allocation);
	allocation->status = FAILED;
	step->state->counters.failed_requests++;
}

static void pages_claimed(const struct step *step)
{
	expect_range(step);
	expect_ram(step);
	expect_bits(step, CLAIMED, false, "a page is already claimed");
	fill(step, CLAIMED, true);
	step->state->counters.claimed_pages += step->pages;
}

static void page_table_allocated(const struct step *step)
{
	expect_range(step);
	expect_ram(step);
	expect_bits(step, CLAIMED, false, "a page is claimed");
}

static void large_page_split(const struct step *step)
{
	struct state *state = step->state;
	struct counters *counters = &state->counters;
	u32 level = step->code;
	u32 size = pages_of_level(level);

	if (level != 2 && level != 3)
		refuse(step, "its level is neither 2M nor 1G");
	if (step->pfn % size || step->pfn >= state->span_pages)
		refuse(step, "no large page begins there");
	if (level_at(state, step->pfn) != level)
		refuse(step, "the page is mapped at another level");
	if (level == 3) {
		state->is_1g[step->pfn / PAGES_PER_REGION] = 0;
		counters->splits_1g++;
		counters->mapped_1g_pages -= size;
		counters->mapped_2m_pages += size;
	} else {
		state->level[step->pfn >> BLOCK_SHIFT] = 1 | SPLIT_2M;
		counters->splits_2m++;
		counters->mapped_2m_pages -= size;
		counters->mapped_4k_pages += size;
	}
	counters->page_table_pages++;
	counters->full_flushes++;
}

static bool is_exposed(const struct state *state, u32 pfn)
{
	return bit_at(state, SHARED, pfn) || bit_at(state, UNKNOWN, pfn);
}

/* Entries of the direct map, of any size, that the conversion writes. */
static u32 entries_in(const struct step *step)
{
	u32 end = step->pfn + step->pages;
	u32 entries = 0;
	u32 at, to;

	for (at = step->pfn; at < end; at = to) {
		u32 level = level_at(step->state, at);
		u32 size = max(PAGES_PER_BLOCK, pages_of_level(level));

		to = min(end, (at & ~(size - 1)) + size);
		entries += level > 1 ? 1 : to - at;
	}
	return entries;
}

/* Calls to the host: an aligned whole block is one entry of a list, any other page is one. */
static u32 host_calls(u32 start, u32 pages)
{
	u32 first = (start + PAGES_PER_BLOCK - 1) >> BLOCK_SHIFT;
	u32 end = (start + pages) >> BLOCK_SHIFT;
	u32 whole = end > first ? end - first : 0;
	u32 entries = whole + pages - (whole << BLOCK_SHIFT);

	return (entries + PAGE_STATE_ENTRIES - 1) / PAGE_STATE_ENTRIES;
}

/* The pages become shared: counts of shared, touched and mixed blocks, and borders. */
static void share(const struct step *step)
{
	struct state *state = step->state;
	struct counters *counters = &state->counters;
	u32 start = step->pfn;
	u32 end = start + step->pages;
	u32 at, to;

	for (at = start; at < end; at = to) {
		struct block *block = &state->block[at >> BLOCK_SHIFT];
		u32 base = at & ~(PAGES_PER_BLOCK - 1);
		u32 before = block->count[SHARED] + block->count[UNKNOWN];
		u32 after;

		to = min(end, base + PAGES_PER_BLOCK);
		after = before + to - at;
		fill_bits(block, SHARED, at - base, to - base, true);
		counters->shared_pages += to - at;
		counters->shared_blocks += !before;
		counters->mixed_blocks += (after < PAGES_PER_BLOCK) - (before > 0);
		counters->touched_blocks += !block->touched;
		block->touched = 1;
	}
	/* A private page before it makes a border, a shared one after it no longer is one. */
	counters->borders += start && level_at(state, start - 1) && !is_exposed(state, start - 1);
	counters->borders -= end < state->span_pages && is_exposed(state, end);
}

static void pages_decrypted(const struct step *step)
{
	struct counters *counters = &step->state->counters;
	u32 end, level;

	expect_range(step);
	end = step->pfn + step->pages;
	expect_bits(step, CLAIMED, true, "a page is not claimed");
	expect_bits(step, SHARED, false, "a page is shared");
	expect_bits(step, UNKNOWN, false, "a page is in an unknown state");
	expect_bits(step, LEAKED, false, "a page was leaked");
	if (large_page_to_split(step->state, step->pfn, end, &level) != end)
		refuse(step, "a large page was not split before");
	share(step);
	counters->conversions++;
	counters->converted_pages += step->pages;
	counters->mapping_changes += entries_in(step);
	counters->zeroed_pages += step->pages;
	counters->page_table_passes += PAGE_TABLE_PASSES;
	counters->host_calls += host_calls(step->pfn, step->pages);
	*(step->pages > FULL_FLUSH_ABOVE_PAGES ? &counters->full_flushes :
						 &counters->ranged_flushes) += FLUSHES;
}

static inline void pages_allocated(const struct step *step)
{
	struct counters *counters = &step->state->counters;
	struct allocation *allocation = step->allocation;

	expect_range(step);
	expect_known_allocation(step);
	if (allocation->status != REQUESTED)
		refuse(step, "the allocation was not requested, or has its extent");
	if (allocation->api & AREA_MAPPED || allocation->user_mappings || allocation->slab)
		refuse(step, "the allocation is mapped already, or an object in a slab");
	expect_bits(step, CLAIMED, true, "a page is not claimed");
	expect_bits(step, SHARED, true, "a page is private");
	expect_bits(step, ALLOCATED, false, "a page is in an allocation");
	expect_bits(step, UNKNOWN, false, "a page is in an unknown state");
	expect_bits(step, LEAKED, false, "a page was leaked");
	fill(step, ALLOCATED, true);
	allocation->status = LIVE_NOW;
	allocation->first_extent = counters->extents++;
	allocation->extents = 1;
	allocation->extent = (struct extent){ step->pfn, step->pages };
	counters->live_allocations++;
	counters->live_bytes += allocation->bytes;
	counters->live_pages += step->pages;
}

static inline void pages_freed(const struct step *step)
{
	struct counters *counters = &step->state->counters;
	struct allocation *allocation = step->allocation;
	bool is_undo;

	expect_known_allocation(step);
	/* Without a free request only while its own request is being undone. */
	is_undo = allocation->status == LIVE_NOW && allocation->request == step->request;
	if (allocation->freed_extents == allocation->extents ||
	    (allocation->status != FREEING && !is_undo))
		refuse(step, "no request frees the allocation");
	if (allocation->api & AREA_MAPPED || allocation->user_mappings)
		refuse(step, "the allocation is mapped");
	if (allocation->extent.pfn != step->pfn || allocation->extent.pages != step->pages)
		refuse(step, "they are not the next extent of the allocation");
	fill(step, ALLOCATED, false);
	allocation->extent = (struct extent){ 0 };
	allocation->freed_extents++;
	counters->live_pages -= step->pages;
	if (is_undo)
		return;
	allocation->status = FREED;
	end_life(counters, allocation);
}

/* Folds row @i of the batch. */
static void fold(struct state *state, const struct rows *rows, u32 i)
{
	const struct step step = {
		.state = state,
		.allocation = &state->allocation[rows->allocation[i]],
		.type = rows->type[i],
		.code = rows->code[i],
		.owner = rows->owner[i],
		.request = rows->request[i],
		.id = rows->allocation[i],
		.pfn = rows->pfn[i],
		.pages = rows->pages[i],
		.bytes = rows->bytes[i],
	};
	u64 time = rows->time[i];

	if (time < state->counters.time)
		refuse(&step, "time goes back");
	if (time > MAX_TIME)
		refuse(&step, "its time is too large for a log");
	switch (step.type) {
	case OWNER_REGISTERED:
		owner_registered(&step);
		break;
	case ALLOCATION_REQUESTED:
		allocation_requested(&step);
		break;
	case FREE_REQUESTED:
		free_requested(&step);
		break;
	case PAGES_CLAIMED:
		pages_claimed(&step);
		break;
	case LARGE_PAGE_SPLIT:
		large_page_split(&step);
		break;
	case PAGES_DECRYPTED:
		pages_decrypted(&step);
		break;
	case PAGES_ALLOCATED:
		pages_allocated(&step);
		break;
	case PAGES_FREED:
		pages_freed(&step);
		break;
	case ALLOCATION_FAILED:
		allocation_failed(&step);
		break;
	case REQUEST_SKIPPED:
		request_skipped(&step);
		break;
	case PAGE_TABLE_ALLOCATED:
		page_table_allocated(&step);
		break;
	default:
		refuse(&step, "there is no event of this type");
	}
	state->counters.events++;
	state->counters.time = time;
}

#endif
