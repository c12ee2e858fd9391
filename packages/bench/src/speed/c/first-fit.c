// SPDX-License-Identifier: MIT
/*
 * First fit in C, to see what JavaScript costs: serves a log of requests as the
 * first-fit placement of the pool does, and must put every allocation where
 * that puts it. When nothing fits, the next block is claimed; none is ever
 * given back.
 *
 * Usage: first-fit LOG [PLACEMENTS]
 *
 * PLACEMENTS receives the first page of each id from 1, UNPLACED for none.
 */
#define _POSIX_C_SOURCE 200809L

#include "common.h"
#include "free-map.h"
#include "request-log.h"

struct pool {
	struct free_map map;
	u32 blocks;
	u32 claimed;		/* blocks 0 to claimed - 1 are the pool's */
};

/* An allocation by its id; the first page stays when it is freed. */
struct allocation {
	u32 pfn;
	u32 pages;
};

static u32 allocate(struct pool *pool, u32 pages, u32 align)
{
	struct free_map *map = &pool->map;
	struct block_range all = { 0, pool->blocks };
	u32 pfn = first_fit(map, pages, align, all);

	if (pfn == UNPLACED && pool->claimed < pool->blocks) {
		put(map, pool->claimed++ << map->block_shift, 1u << map->block_shift);
		pfn = first_fit(map, pages, align, all);
	}
	if (pfn != UNPLACED)
		take(map, pfn, pages);
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
			put(&pool->map, allocation->pfn, allocation->pages);
		}
	}
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

/* Over each id and its first page. */
static u32 checksum(const struct allocation *allocations, u32 max_id)
{
	u32 hash = FNV_BASIS;
	u32 id;

	for (id = 1; id <= max_id; id++)
		hash = fnv(fnv(hash, id), allocations[id].pfn);
	return hash;
}

int main(int argc, char **argv)
{
	struct allocation *allocations;
	struct stopwatch watch = { 0 };
	struct request_log log;
	struct pool pool = { 0 };
	u32 max_id, id;

	if (argc < 2 || argc > 3)
		die("usage: first-fit LOG [PLACEMENTS]");
	log = read_log(argv[1]);
	max_id = log.header.max_id;
	pool.blocks = log.header.blocks;
	free_map_init(&pool.map, pool.blocks, log.header.pages_per_block);
	allocations = zalloc((size_t)max_id + 1, sizeof(*allocations));
	for (id = 0; id <= max_id; id++)
		allocations[id].pfn = UNPLACED;

	clock_start(&watch);
	serve(&pool, log.requests, log.header.requests, allocations);
	clock_stop(&watch);

	if (argc == 3)
		write_placements(argv[2], allocations, max_id);
	print_speed(&watch, log.header.requests);
	printf("checksum %08x\nblocks %u\n", checksum(allocations, max_id), pool.claimed);
	return 0;
}
