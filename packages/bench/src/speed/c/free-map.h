/* SPDX-License-Identifier: MIT */
/*
 * The free pages of a pool, and first fit over them.
 *
 * A bit per page, 1 = claimed and free. Free runs never cross a block. Each
 * block keeps its largest free run and the order of its largest naturally
 * aligned free chunk. Tournament trees find the lowest block that may serve a
 * request in O(log blocks): one over the largest chunks, and for each alignment
 * that a request of another size has had, one over bounds on the pages that fit.
 */
#ifndef FREE_MAP_H
#define FREE_MAP_H

#include "common.h"

#define UNPLACED	UINT32_MAX
#define BITS_PER_WORD	64
#define MAX_ALIGN_ORDER	10

/* Each inner node holds the largest value below it; node 1 is the root. */
struct max_tree {
	u32 leaves;
	u16 *nodes;
};

/* Blocks @first to @end - 1. */
struct block_range {
	u32 first;
	u32 end;
};

struct free_map {
	u32 block_shift;	/* log2 of the pages in a block */
	u64 *free;
	u16 *largest;		/* by block, in pages */
	s8 *largest_order;	/* by block; -1 when no page is free */
	u32 blocks;
	struct max_tree by_chunk;	/* of largest_order + 1 */
	struct max_tree fits[MAX_ALIGN_ORDER + 1];	/* by log2 of an alignment; made when needed */
};

static void tree_init(struct max_tree *tree, u32 slots)
{
	tree->leaves = 2;
	while (tree->leaves < slots)
		tree->leaves *= 2;
	tree->nodes = zalloc(2 * (size_t)tree->leaves, sizeof(*tree->nodes));
}

static void tree_set(struct max_tree *tree, u32 slot, u16 value)
{
	u16 *nodes = tree->nodes;
	u32 node = tree->leaves + slot;

	nodes[node] = value;
	while (node > 1) {
		u16 best;

		node /= 2;
		best = max(nodes[2 * node], nodes[2 * node + 1]);
		if (nodes[node] == best)
			return;
		nodes[node] = best;
	}
}

/* The lowest slot from @from on whose value is at least @bound, or UNPLACED. */
static u32 tree_first(const struct max_tree *tree, u32 bound, u32 from)
{
	const u16 *nodes = tree->nodes;
	u32 node = tree->leaves + from;

	if (from >= tree->leaves)
		return UNPLACED;
	/* Up and to the right until a subtree holds one... */
	while (nodes[node] < bound) {
		while (node & 1) {
			node /= 2;
			if (node <= 1)
				return UNPLACED;
		}
		node++;
	}
	/* ...then down its left-most branch. */
	while (node < tree->leaves) {
		node *= 2;
		if (nodes[node] < bound)
			node++;
	}
	return node - tree->leaves;
}

/* The first free page from @at on, or @limit. */
static inline u32 next_free(const u64 *bits, u32 at, u32 limit)
{
	while (at < limit) {
		u64 word = bits[at / BITS_PER_WORD] >> (at % BITS_PER_WORD);

		if (word)
			return min(limit, at + __builtin_ctzll(word));
		at = (at | (BITS_PER_WORD - 1)) + 1;
	}
	return limit;
}

/* The end of the free pages that begin at @at: @at when it is in use. */
static inline u32 run_end(const u64 *bits, u32 at, u32 limit)
{
	while (at < limit) {
		u64 word = ~bits[at / BITS_PER_WORD] >> (at % BITS_PER_WORD);

		if (word)
			return min(limit, at + __builtin_ctzll(word));
		at = (at | (BITS_PER_WORD - 1)) + 1;
	}
	return limit;
}

/* The start of the free pages that end at @at: @at when none does. */
static inline u32 run_start(const u64 *bits, u32 at, u32 limit)
{
	while (at > limit) {
		u32 last = at - 1;
		u64 word = ~bits[last / BITS_PER_WORD]
			   << (BITS_PER_WORD - 1 - last % BITS_PER_WORD);

		if (word)
			return max(limit, at - __builtin_clzll(word));
		at = last & ~(BITS_PER_WORD - 1u);
	}
	return limit;
}

static inline void mark(u64 *bits, u32 start, u32 end, bool free)
{
	u32 word;

	for (word = start / BITS_PER_WORD; word * BITS_PER_WORD < end; word++) {
		u32 first = word * BITS_PER_WORD;
		u64 mask = ~0ull;

		if (start > first)
			mask <<= start - first;
		if (end < first + BITS_PER_WORD)
			mask &= ~(~0ull << (end - first));
		if (free)
			bits[word] |= mask;
		else
			bits[word] &= ~mask;
	}
}

/* The largest order of an aligned chunk inside [start, end), not empty. */
static inline int aligned_order(u32 start, u32 end)
{
	u32 order = ilog2(end - start);

	/* A run of 2^k pages holds an aligned chunk of half that, wherever. */
	if (align_up(start, 1u << order) + (1u << order) > end)
		order--;
	return order;
}

static void rescan(struct free_map *map, u32 block)
{
	u32 end = (block + 1) << map->block_shift;
	u32 at = next_free(map->free, block << map->block_shift, end);
	u32 largest = 0;
	int order = -1;

	while (at < end) {
		u32 stop = run_end(map->free, at, end);

		largest = max(largest, stop - at);
		if (stop - at >= 1u << (order + 1)) {
			int fits = aligned_order(at, stop);

			if (fits > order)
				order = fits;
		}
		if (largest == map->largest[block] && order == map->largest_order[block])
			return;
		at = next_free(map->free, stop, end);
	}
	map->largest[block] = largest;
	map->largest_order[block] = order;
}

static void block_changed(struct free_map *map, u32 block)
{
	tree_set(&map->by_chunk, block, map->largest_order[block] + 1);
}

/* Takes free pages of one block into use. */
static void take(struct free_map *map, u32 start, u32 pages)
{
	u32 end = start + pages;
	u32 block = start >> map->block_shift;
	u32 first = run_start(map->free, start, block << map->block_shift);
	u32 last = run_end(map->free, end, (block + 1) << map->block_shift);

	mark(map->free, start, end, false);
	/* Only the loss of what may have been the largest is worth a look. */
	if (last - first == map->largest[block] ||
	    aligned_order(first, last) == map->largest_order[block])
		rescan(map, block);
	block_changed(map, block);
}

/* The pages [first, last) of a block are free now. */
static void raise_fits(struct free_map *map, u32 block, u32 first, u32 last)
{
	u32 order;

	for (order = 0; order <= MAX_ALIGN_ORDER; order++) {
		struct max_tree *fits = &map->fits[order];
		u32 start = align_up(first, 1u << order);

		if (fits->nodes && start < last && last - start > fits->nodes[fits->leaves + block])
			tree_set(fits, block, last - start);
	}
}

/* Makes pages of one block free. */
static void put(struct free_map *map, u32 start, u32 pages)
{
	u32 end = start + pages;
	u32 block = start >> map->block_shift;
	u32 first = run_start(map->free, start, block << map->block_shift);
	u32 last = run_end(map->free, end, (block + 1) << map->block_shift);
	int order = aligned_order(first, last);

	mark(map->free, start, end, true);
	map->largest[block] = max(map->largest[block], last - first);
	if (order > map->largest_order[block])
		map->largest_order[block] = order;
	raise_fits(map, block, first, last);
	block_changed(map, block);
}

/*
 * The lowest aligned place in a block with @pages free pages, or UNPLACED. @most
 * is then the most pages that fit.
 */
static u32 find_in_block(const struct free_map *map, u32 block, u32 pages, u32 align, u32 *most)
{
	u32 end = (block + 1) << map->block_shift;
	u32 at = next_free(map->free, block << map->block_shift, end);

	*most = 0;
	while (at < end) {
		u32 stop = run_end(map->free, at, end);
		u32 start = align_up(at, align);

		if (start + pages <= stop)
			return start;
		if (start < stop)
			*most = max(*most, stop - start);
		at = next_free(map->free, stop, end);
	}
	return UNPLACED;
}

static struct max_tree *fits_at(struct free_map *map, u32 align)
{
	struct max_tree *fits = &map->fits[ilog2(align)];
	u32 block;

	if (!fits->nodes) {
		tree_init(fits, map->blocks);
		for (block = 0; block < map->blocks; block++)
			tree_set(fits, block, map->largest[block]);
	}
	return fits;
}

/* The lowest aligned place in the blocks of a range, or UNPLACED. */
static u32 first_fit(struct free_map *map, u32 pages, u32 align, struct block_range range)
{
	struct max_tree *fits;
	u32 block, most;

	/* A whole aligned chunk is there or not... */
	if (pages == align) {
		block = tree_first(&map->by_chunk, ilog2(pages) + 1, range.first);
		return block < range.end ? find_in_block(map, block, pages, align, &most) : UNPLACED;
	}
	/* ...any other may fit a run's length but not its alignment. */
	fits = fits_at(map, align);
	block = tree_first(fits, pages, range.first);
	while (block < range.end) {
		u32 found = find_in_block(map, block, pages, align, &most);

		if (found != UNPLACED)
			return found;
		tree_set(fits, block, most);
		block = tree_first(fits, pages, block + 1);
	}
	return UNPLACED;
}

static void free_map_init(struct free_map *map, u32 blocks, u32 pages_per_block)
{
	size_t span = (size_t)blocks * pages_per_block;

	map->block_shift = ilog2(pages_per_block);
	map->free = zalloc((span + BITS_PER_WORD - 1) / BITS_PER_WORD, sizeof(*map->free));
	map->largest = zalloc(blocks, sizeof(*map->largest));
	map->largest_order = zalloc(blocks, sizeof(*map->largest_order));
	memset(map->largest_order, -1, blocks);
	map->blocks = blocks;
	memset(map->fits, 0, sizeof(map->fits));
	tree_init(&map->by_chunk, blocks);
}

#endif
