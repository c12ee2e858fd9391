// SPDX-License-Identifier: MIT
/*
 * First fit in C, to see what JavaScript costs: serves a log of requests as the
 * first-fit placement of the pool does, and must put every allocation where
 * that puts it.
 *
 * The data structure: a bit per page, 1 = claimed and free. Free runs never
 * cross a block. Each block keeps its largest free run and the order of its
 * largest naturally aligned free chunk; a tournament tree over each of the two
 * finds the lowest block that may serve a request in O(log blocks). When none
 * does, the next block is claimed; none is ever given back.
 *
 * Usage: first-fit LOG [PLACEMENTS]
 *
 * LOG, in 32-bit words of this machine's byte order:
 *	header:	magic, pages per block, blocks, requests, highest allocation id
 *	request: id, pages, align	allocates; ids are from 1, each named once
 *		 id, 0, 0		frees
 * PLACEMENTS receives the first page of each id from 1, UNPLACED for none.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_MAGIC	0x50464344u	/* "DCFP" */
#define UNPLACED	UINT32_MAX
#define BITS_PER_WORD	64
#define MAX_BLOCK_PAGES	8192u
#define MAX_SPAN_PAGES	(1u << 28)
#define NSEC_PER_SEC	1000000000ull

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint16_t u16;
typedef int8_t s8;

struct log_header {
	u32 magic;
	u32 pages_per_block;	/* a power of two */
	u32 blocks;
	u32 requests;
	u32 max_id;
};

struct request {
	u32 id;
	u32 pages;		/* 0 frees */
	u32 align;		/* pages, a power of two */
};

/* Each inner node holds the largest value below it; node 1 is the root. */
struct max_tree {
	u32 leaves;
	u16 *nodes;
};

struct pool {
	u32 block_shift;	/* log2 of the pages in a block */
	u32 blocks;
	u32 claimed;		/* blocks 0 to claimed - 1 are the pool's */
	u64 *free;
	u16 *largest;		/* by block, in pages */
	s8 *largest_order;	/* by block; -1 when no page is free */
	struct max_tree by_run;
	struct max_tree by_chunk;	/* of largest_order + 1 */
};

/* An allocation by its id; the first page stays when it is freed. */
struct allocation {
	u32 pfn;
	u32 pages;
};

_Noreturn static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("first-fit: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void *zalloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		die("out of memory");
	return memory;
}

static inline u32 ilog2(u32 n)
{
	return 31 - __builtin_clz(n);
}

static inline bool is_power_of_two(u32 n)
{
	return n && !(n & (n - 1));
}

static inline u32 min(u32 a, u32 b)
{
	return a < b ? a : b;
}

static inline u32 max(u32 a, u32 b)
{
	return a > b ? a : b;
}

static inline u32 align_up(u32 n, u32 align)
{
	return (n + align - 1) & ~(align - 1);
}

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

/* The lowest slot from @from on whose value is at least @bound, or -1. */
static int tree_first(const struct max_tree *tree, u32 bound, u32 from)
{
	const u16 *nodes = tree->nodes;
	u32 node = tree->leaves + from;

	if (from >= tree->leaves)
		return -1;
	/* Up and to the right until a subtree holds one... */
	while (nodes[node] < bound) {
		while (node & 1) {
			node /= 2;
			if (node <= 1)
				return -1;
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
static inline u32 next_free(const u64 *map, u32 at, u32 limit)
{
	while (at < limit) {
		u64 word = map[at / BITS_PER_WORD] >> (at % BITS_PER_WORD);

		if (word)
			return min(limit, at + __builtin_ctzll(word));
		at = (at | (BITS_PER_WORD - 1)) + 1;
	}
	return limit;
}

/* The end of the free pages that begin at @at: @at when it is in use. */
static inline u32 run_end(const u64 *map, u32 at, u32 limit)
{
	while (at < limit) {
		u64 word = ~map[at / BITS_PER_WORD] >> (at % BITS_PER_WORD);

		if (word)
			return min(limit, at + __builtin_ctzll(word));
		at = (at | (BITS_PER_WORD - 1)) + 1;
	}
	return limit;
}

/* The start of the free pages that end at @at: @at when none does. */
static inline u32 run_start(const u64 *map, u32 at, u32 limit)
{
	while (at > limit) {
		u32 last = at - 1;
		u64 word = ~map[last / BITS_PER_WORD]
			   << (BITS_PER_WORD - 1 - last % BITS_PER_WORD);

		if (word)
			return max(limit, at - __builtin_clzll(word));
		at = last & ~(BITS_PER_WORD - 1u);
	}
	return limit;
}

static inline void mark(u64 *map, u32 start, u32 end, bool free)
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
			map[word] |= mask;
		else
			map[word] &= ~mask;
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

static void rescan(struct pool *pool, u32 block)
{
	u32 end = (block + 1) << pool->block_shift;
	u32 at = next_free(pool->free, block << pool->block_shift, end);
	u32 largest = 0;
	int order = -1;

	while (at < end) {
		u32 stop = run_end(pool->free, at, end);

		largest = max(largest, stop - at);
		if (stop - at >= 1u << (order + 1)) {
			int fits = aligned_order(at, stop);

			if (fits > order)
				order = fits;
		}
		if (largest == pool->largest[block] && order == pool->largest_order[block])
			return;
		at = next_free(pool->free, stop, end);
	}
	pool->largest[block] = largest;
	pool->largest_order[block] = order;
}

static void block_changed(struct pool *pool, u32 block)
{
	tree_set(&pool->by_run, block, pool->largest[block]);
	tree_set(&pool->by_chunk, block, pool->largest_order[block] + 1);
}

/* Takes free pages of one block into use. */
static void take(struct pool *pool, u32 start, u32 pages)
{
	u32 end = start + pages;
	u32 block = start >> pool->block_shift;
	u32 first = run_start(pool->free, start, block << pool->block_shift);
	u32 last = run_end(pool->free, end, (block + 1) << pool->block_shift);

	mark(pool->free, start, end, false);
	/* Only the loss of what may have been the largest is worth a look. */
	if (last - first == pool->largest[block] ||
	    aligned_order(first, last) == pool->largest_order[block])
		rescan(pool, block);
	block_changed(pool, block);
}

/* Makes pages of one block free. */
static void put(struct pool *pool, u32 start, u32 pages)
{
	u32 end = start + pages;
	u32 block = start >> pool->block_shift;
	u32 first = run_start(pool->free, start, block << pool->block_shift);
	u32 last = run_end(pool->free, end, (block + 1) << pool->block_shift);
	int order = aligned_order(first, last);

	mark(pool->free, start, end, true);
	pool->largest[block] = max(pool->largest[block], last - first);
	if (order > pool->largest_order[block])
		pool->largest_order[block] = order;
	block_changed(pool, block);
}

/* The lowest aligned place in a block with @pages free pages, or UNPLACED. */
static u32 find_in_block(const struct pool *pool, u32 block, u32 pages, u32 align)
{
	u32 end = (block + 1) << pool->block_shift;
	u32 at = next_free(pool->free, block << pool->block_shift, end);

	while (at < end) {
		u32 stop = run_end(pool->free, at, end);
		u32 start = align_up(at, align);

		if (start + pages <= stop)
			return start;
		at = next_free(pool->free, stop, end);
	}
	return UNPLACED;
}

static u32 first_fit(const struct pool *pool, u32 pages, u32 align)
{
	int block;

	/* A whole aligned chunk is there or not... */
	if (pages == align) {
		block = tree_first(&pool->by_chunk, ilog2(pages) + 1, 0);
		return block < 0 ? UNPLACED : find_in_block(pool, block, pages, align);
	}
	/* ...any other may fit a run's length but not its alignment. */
	block = tree_first(&pool->by_run, pages, 0);
	while (block >= 0) {
		u32 found = find_in_block(pool, block, pages, align);

		if (found != UNPLACED)
			return found;
		block = tree_first(&pool->by_run, pages, block + 1);
	}
	return UNPLACED;
}

static u32 allocate(struct pool *pool, u32 pages, u32 align)
{
	u32 pfn = first_fit(pool, pages, align);

	if (pfn == UNPLACED && pool->claimed < pool->blocks) {
		put(pool, pool->claimed++ << pool->block_shift, 1u << pool->block_shift);
		pfn = first_fit(pool, pages, align);
	}
	if (pfn != UNPLACED)
		take(pool, pfn, pages);
	return pfn;
}

static void serve(struct pool *pool, const struct request *requests, u32 count,
		  struct allocation *allocations)
{
	const struct request *request;

	for (request = requests; request < requests + count; request++) {
		struct allocation *allocation = &allocations[request->id];

		if (request->pages) {
			allocation->pages = request->pages;
			allocation->pfn = allocate(pool, request->pages, request->align);
		} else if (allocation->pfn != UNPLACED) {
			put(pool, allocation->pfn, allocation->pages);
		}
	}
}

static void pool_init(struct pool *pool, const struct log_header *header)
{
	size_t span = (size_t)header->blocks * header->pages_per_block;

	pool->block_shift = ilog2(header->pages_per_block);
	pool->blocks = header->blocks;
	pool->claimed = 0;
	pool->free = zalloc((span + BITS_PER_WORD - 1) / BITS_PER_WORD, sizeof(*pool->free));
	pool->largest = zalloc(pool->blocks, sizeof(*pool->largest));
	pool->largest_order = zalloc(pool->blocks, sizeof(*pool->largest_order));
	memset(pool->largest_order, -1, pool->blocks);
	tree_init(&pool->by_run, pool->blocks);
	tree_init(&pool->by_chunk, pool->blocks);
}

static void check_header(const struct log_header *header)
{
	if (header->magic != LOG_MAGIC)
		die("not a request log of this machine's byte order");
	if (!is_power_of_two(header->pages_per_block) ||
	    header->pages_per_block > MAX_BLOCK_PAGES)
		die("blocks of %u pages", header->pages_per_block);
	if (!header->blocks || header->blocks > MAX_SPAN_PAGES / header->pages_per_block)
		die("%u blocks", header->blocks);
}

enum life { FRESH, LIVE, FREED };

/* What serve() relies on; looked at before the clock starts. */
static void check_request(const struct request *request, const struct log_header *header,
			  enum life *lives)
{
	u32 most = header->pages_per_block;

	if (!request->id || request->id > header->max_id)
		die("allocation %u of %u", request->id, header->max_id);
	if (lives[request->id] != (request->pages ? FRESH : LIVE))
		die("allocation %u is named twice, or freed while not live", request->id);
	lives[request->id] = request->pages ? LIVE : FREED;
	if (request->pages > most)
		die("%u pages in blocks of %u", request->pages, most);
	if (request->pages && (!is_power_of_two(request->align) || request->align > most))
		die("an alignment of %u pages", request->align);
}

static struct request *read_log(const char *path, struct log_header *header)
{
	FILE *file = fopen(path, "rb");
	struct request *requests;
	enum life *lives;
	u32 i;

	if (!file)
		die("%s: %s", path, strerror(errno));
	if (fread(header, sizeof(*header), 1, file) != 1)
		die("%s: no header", path);
	check_header(header);
	requests = zalloc((size_t)header->requests + 1, sizeof(*requests));
	if (fread(requests, sizeof(*requests), header->requests, file) != header->requests)
		die("%s: ends early", path);
	fclose(file);
	lives = zalloc((size_t)header->max_id + 1, sizeof(*lives));
	for (i = 0; i < header->requests; i++)
		check_request(&requests[i], header, lives);
	free(lives);
	return requests;
}

static void write_placements(const char *path, const struct allocation *allocations, u32 max_id)
{
	FILE *file = fopen(path, "wb");
	bool failed = !file;
	u32 id;

	for (id = 1; !failed && id <= max_id; id++)
		failed = fwrite(&allocations[id].pfn, sizeof(u32), 1, file) != 1;
	if (failed || fclose(file))
		die("%s: %s", path, strerror(errno));
}

/* FNV-1a over 32-bit words: each id and its first page. */
static u32 checksum(const struct allocation *allocations, u32 max_id)
{
	u32 hash = 0x811c9dc5;
	u32 id;

	for (id = 1; id <= max_id; id++) {
		hash = (hash ^ id) * 0x01000193;
		hash = (hash ^ allocations[id].pfn) * 0x01000193;
	}
	return hash;
}

static u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct allocation *allocations;
	struct log_header header;
	struct request *requests;
	struct pool pool;
	u64 start, ns;
	u32 id;

	if (argc < 2 || argc > 3)
		die("usage: first-fit LOG [PLACEMENTS]");
	requests = read_log(argv[1], &header);
	pool_init(&pool, &header);
	allocations = zalloc((size_t)header.max_id + 1, sizeof(*allocations));
	for (id = 0; id <= header.max_id; id++)
		allocations[id].pfn = UNPLACED;

	start = now_ns();
	serve(&pool, requests, header.requests, allocations);
	ns = now_ns() - start;

	if (argc == 3)
		write_placements(argv[2], allocations, header.max_id);
	printf("requests %u\nns %llu\nrequests/s %.0f\nchecksum %08x\nblocks %u\n",
	       header.requests, (unsigned long long)ns,
	       ns ? (double)header.requests * NSEC_PER_SEC / ns : 0.0,
	       checksum(allocations, header.max_id), pool.claimed);
	return 0;
}
