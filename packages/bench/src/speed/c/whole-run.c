// SPDX-License-Identifier: MIT
/*
 * A whole run of the policy first-fit+block+never-return on SNP in C, to see
 * what JavaScript costs: decides each request, appends the events as rows, folds
 * each row into the state with all checks, and computes the ten metrics of a
 * comparison. It must come to the rows, the state and the metrics of the
 * TypeScript run.
 *
 * Usage: whole-run LOG GUEST [fold]
 *
 * With `fold` the rows of the run are kept, and folded again into a fresh state:
 * the time is that of the fold alone.
 */
#define _POSIX_C_SOURCE 200809L

#include "common.h"
#include "fold.h"
#include "free-map.h"
#include "request-log.h"
#include "guest.h"
#include "metrics.h"
#include "state-hash.h"

/* Codes of packages/model/src: APIS, MIGRATETYPES, FAILURE_REASONS, SKIPPED. */
#define ALLOC_PAGES		0
#define UNMOVABLE		0
#define OUT_OF_MEMORY		0
#define FREE_OF_REFUSED		0

/* __GFP_RECLAIMABLE and __GFP_ACCOUNT. The other flags forbid to sleep, or name a zone. */
#define SERVED_FLAGS		0x30u

struct run {
	struct state state;
	struct free_map map;
	struct metrics metrics;
	const struct block_range *zones;
	u32 zone_count;
	const struct claim *claim;	/* the next that the page allocator gives */
	struct rows *rows;		/* the batch that is being filled */
	struct rows *kept;		/* the first batch of those that are kept */
	bool is_keeping;
	u64 time;			/* of the request, simulated ns */
	u32 request;			/* its number, from 1 */
	u32 checksum;			/* over all rows */
	struct stopwatch watch;
};

/* A batch goes to the metrics, and is used again. The checksum is for the reader: off the clock. */
static void flush(struct run *run)
{
	struct rows *rows = run->rows;

	metrics_observe(&run->metrics, rows);
	clock_stop(&run->watch);
	run->checksum = rows_checksum(rows, run->checksum);
	if (run->is_keeping)
		run->rows = rows->next = zalloc(1, sizeof(*rows));
	else
		rows->length = 0;
	clock_start(&run->watch);
}

/* Appends a row and folds it. */
static inline void emit(struct run *run, const struct event event)
{
	struct rows *rows = run->rows;
	u32 i;

	if (rows->length == BATCH_ROWS) {
		flush(run);
		rows = run->rows;
	}
	i = rows->length++;
	rows->time[i] = run->time;
	rows->request[i] = run->request;
	rows->type[i] = event.type;
	rows->code[i] = event.code;
	rows->owner[i] = event.owner;
	rows->allocation[i] = event.allocation;
	rows->pfn[i] = event.pfn;
	rows->pages[i] = event.pages;
	rows->bytes[i] = event.bytes;
	fold(&run->state, rows, i);
}

/* The chunk that the page allocator has for this request, if any. */
static const struct claim *next_claim(struct run *run, enum event_type type)
{
	if (run->claim->request != run->request || run->claim->type != type)
		return NULL;
	return run->claim++;
}

/* set_memory_decrypted(): the large pages that it cannot keep are split first. */
static void decrypt(struct run *run, u32 start, u32 pages)
{
	u32 end = start + pages;
	u32 base, level;

	while ((base = large_page_to_split(&run->state, start, end, &level)) != end) {
		const struct claim *table = next_claim(run, PAGE_TABLE_ALLOCATED);

		if (table)
			emit(run, (struct event){ .type = PAGE_TABLE_ALLOCATED, .pfn = table->pfn,
						  .pages = table->pages });
		emit(run, (struct event){ .type = LARGE_PAGE_SPLIT, .pfn = base, .code = level });
	}
	emit(run, (struct event){ .type = PAGES_DECRYPTED, .pfn = start, .pages = pages });
}

/* A block, or the largest chunk that is left, comes into the pool and is shared as a whole. */
static bool grow(struct run *run)
{
	const struct claim *claim = next_claim(run, PAGES_CLAIMED);
	u32 pfn, end, part;

	if (!claim)
		return false;
	emit(run, (struct event){ .type = PAGES_CLAIMED, .code = UNMOVABLE, .pfn = claim->pfn,
				  .pages = claim->pages });
	decrypt(run, claim->pfn, claim->pages);
	end = claim->pfn + claim->pages;
	for (pfn = claim->pfn; pfn < end; pfn += part) {
		part = min(end - pfn, PAGES_PER_BLOCK - pfn % PAGES_PER_BLOCK);
		put(&run->map, pfn, part);
	}
	return true;
}

/* In the first zone that has a place. */
static u32 place(struct run *run, u32 pages, u32 align)
{
	u32 pfn = UNPLACED;
	u32 i;

	for (i = 0; i < run->zone_count && pfn == UNPLACED; i++)
		pfn = first_fit(&run->map, pages, align, run->zones[i]);
	return pfn;
}

/* What the fold does not look at. */
static inline void check_allocate(const struct run *run, const struct request *request)
{
	if (request->id != run->state.counters.last_allocation + 1)
		die("request %u: allocation %u is not the next", run->request + 1, request->id);
	if (request->pages > run->state.span_pages || !request->bytes)
		die("request %u: %u bytes in %u pages", run->request + 1, request->bytes,
		    request->pages);
	if (request->api == ALLOC_PAGES && !is_power_of_two(request->pages))
		die("request %u: alloc_pages of %u pages", run->request + 1, request->pages);
	if (request->attributes & ~SERVED_FLAGS)
		die("request %u: attributes %x", run->request + 1, request->attributes);
}

static inline void serve_allocate(struct run *run, const struct request *request)
{
	u32 id = request->id;
	u32 pages = request->pages;
	u32 pfn;

	check_allocate(run, request);
	run->request++;
	if (request->owner == run->state.counters.owners)
		emit(run, (struct event){ .type = OWNER_REGISTERED, .owner = request->owner });
	emit(run, (struct event){ .type = ALLOCATION_REQUESTED, .code = request->api,
				  .owner = request->owner, .allocation = id,
				  .pfn = request->attributes, .pages = pages,
				  .bytes = request->bytes });
	pfn = place(run, pages, request->align);
	if (pfn == UNPLACED && grow(run))
		pfn = place(run, pages, request->align);
	if (pfn == UNPLACED) {
		emit(run, (struct event){ .type = ALLOCATION_FAILED, .code = OUT_OF_MEMORY,
					  .allocation = id, .pages = pages });
		return;
	}
	if (pfn & (request->align - 1))
		die("allocation %u is not aligned: page %u", id, pfn);
	emit(run, (struct event){ .type = PAGES_ALLOCATED, .allocation = id, .pfn = pfn,
				  .pages = pages });
	take(&run->map, pfn, pages);
}

static inline void serve_free(struct run *run, const struct request *request)
{
	u32 id = request->id;
	struct extent extent;

	if (!is_live(&run->state, id)) {
		/* A free of what was refused: nothing to do, as for kfree(NULL). */
		emit(run, (struct event){ .type = REQUEST_SKIPPED, .code = FREE_OF_REFUSED,
					  .allocation = id, .pfn = request->attributes });
		return;
	}
	run->request++;
	emit(run, (struct event){ .type = FREE_REQUESTED, .allocation = id,
				  .pfn = request->attributes });
	extent = run->state.allocation[id].extent;
	emit(run, (struct event){ .type = PAGES_FREED, .allocation = id, .pfn = extent.pfn,
				  .pages = extent.pages });
	put(&run->map, extent.pfn, extent.pages);
}

static void serve(struct run *run, const struct request_log *log)
{
	const struct request *request;

	for (request = log->requests; request < log->requests + log->header.requests; request++) {
		if (request->time < run->time)
			die("request %u: time goes back", run->request + 1);
		run->time = request->time;
		if (request->pages)
			serve_allocate(run, request);
		else
			serve_free(run, request);
	}
	flush(run);
}

/* Folds the batches again, into a state of its own, which must come to the same. */
static void fold_again(struct run *run, struct state *fresh)
{
	const struct rows *rows;
	u32 i;

	memset(&run->watch, 0, sizeof(run->watch));
	clock_start(&run->watch);
	for (rows = run->kept; rows; rows = rows->next)
		for (i = 0; i < rows->length; i++)
			fold(fresh, rows, i);
	clock_stop(&run->watch);
}

int main(int argc, char **argv)
{
	const struct state *state;
	struct run run = { .checksum = FNV_BASIS };
	struct request_log log;
	struct guest guest;
	struct state fresh;
	u32 requests, blocks, fewest;
	char hash[65];

	if (argc < 3 || argc > 4 || (argc == 4 && strcmp(argv[3], "fold")))
		die("usage: whole-run LOG GUEST [fold]");
	log = read_log(argv[1]);
	guest = read_guest(argv[2]);
	blocks = log.header.blocks;
	requests = log.header.requests;
	if (log.header.pages_per_block != PAGES_PER_BLOCK || !requests)
		die("%u requests, blocks of %u pages", requests, log.header.pages_per_block);
	state_init(&run.state, blocks, log.header.max_id, guest.runs, guest.header.runs);
	state_init(&fresh, blocks, log.header.max_id, guest.runs, guest.header.runs);
	free_map_init(&run.map, blocks, PAGES_PER_BLOCK);
	metrics_init(&run.metrics, blocks, log.requests[requests - 1].time);
	fewest = fewest_blocks(&log);
	run.zones = guest.zones;
	run.zone_count = guest.header.zones;
	run.claim = guest.claims;
	run.rows = run.kept = zalloc(1, sizeof(*run.rows));
	run.is_keeping = argc == 4;

	clock_start(&run.watch);
	serve(&run, &log);
	state = &run.state;
	if (!run.is_keeping)
		state_hash(state, guest.names, hash);
	clock_stop(&run.watch);
	if (run.is_keeping) {
		fold_again(&run, &fresh);
		state = &fresh;
		state_hash(state, guest.names, hash);
	}

	print_speed(&run.watch, requests);
	printf("events %llu\nchecksum %08x\nstate %s\n",
	       (unsigned long long)state->counters.events, run.checksum, hash);
	print_metrics(&run.metrics, &state->counters, fewest);
	return 0;
}
