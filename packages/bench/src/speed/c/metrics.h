/* SPDX-License-Identifier: MIT */
/*
 * The ten metrics of packages/bench/src/metrics/key-metrics.ts. Those that are
 * peaks or integrals over time are computed from the rows, batch by batch.
 */
#ifndef METRICS_H
#define METRICS_H

#include "request-log.h"
#include "rows.h"
#include "state.h"

typedef unsigned __int128 u128;

struct metrics {
	u16 *shared;		/* pages, by block */
	u32 blocks;		/* with a shared page */
	u32 mixed;		/* with a shared and a private page */
	u32 mixed_peak;
	u32 blocks_peak;	/* up to the last request, as the lower bound has it */
	u64 last_request;	/* simulated ns */
	u64 time;		/* simulated ns */
	u64 shared_pages;
	u64 live_pages;
	u64 standing;		/* shared, idle pages when time last moved on */
	u64 idle_peak;		/* after an instant, pages */
	u128 idle_time;		/* page-ns: 4 GiB over a day are more than a double holds */
};

static void metrics_init(struct metrics *metrics, u32 blocks, u64 last_request)
{
	memset(metrics, 0, sizeof(*metrics));
	metrics->shared = zalloc(blocks, sizeof(*metrics->shared));
	metrics->last_request = last_request;
}

/* Within an instant pages come and go: what is idle counts at its end. */
static inline void end_instant(struct metrics *metrics)
{
	u64 live = metrics->live_pages;
	u64 shared = metrics->shared_pages;

	metrics->standing = shared > live ? shared - live : 0;
	if (metrics->standing > metrics->idle_peak)
		metrics->idle_peak = metrics->standing;
}

static void count_shared(struct metrics *metrics, u32 start, u32 pages)
{
	u32 end = start + pages;
	u32 at, to;

	for (at = start; at < end; at = to) {
		u16 *shared = &metrics->shared[at >> BLOCK_SHIFT];
		u32 before = *shared;

		to = min(end, (at | (PAGES_PER_BLOCK - 1)) + 1);
		*shared += to - at;
		metrics->blocks += !before;
		metrics->mixed += (*shared < PAGES_PER_BLOCK) - (before > 0);
	}
	metrics->shared_pages += pages;
	metrics->mixed_peak = max(metrics->mixed_peak, metrics->mixed);
	if (metrics->time <= metrics->last_request)
		metrics->blocks_peak = max(metrics->blocks_peak, metrics->blocks);
}

static void metrics_observe(struct metrics *metrics, const struct rows *rows)
{
	u32 i;

	for (i = 0; i < rows->length; i++) {
		if (rows->time[i] > metrics->time) {
			end_instant(metrics);
			metrics->idle_time += (u128)metrics->standing *
					      (rows->time[i] - metrics->time);
			metrics->time = rows->time[i];
		}
		switch (rows->type[i]) {
		case PAGES_DECRYPTED:
			count_shared(metrics, rows->pfn[i], rows->pages[i]);
			break;
		case PAGES_ALLOCATED:
			metrics->live_pages += rows->pages[i];
			break;
		case PAGES_FREED:
			metrics->live_pages -= rows->pages[i];
			break;
		}
	}
}

/* Blocks that no policy can do without: packages/bench/src/bounds/lower.ts. */
static u32 fewest_blocks(const struct request_log *log)
{
	u32 *pages_of = zalloc((size_t)log->header.max_id + 1, sizeof(*pages_of));
	u64 live = 0, peak = 0;
	u32 i;

	for (i = 0; i < log->header.requests; i++) {
		const struct request *request = &log->requests[i];

		live += request->pages ? request->pages : -(u64)pages_of[request->id];
		pages_of[request->id] = request->pages;
		if (live > peak)
			peak = live;
	}
	return (peak + PAGES_PER_BLOCK - 1) >> BLOCK_SHIFT;
}

static void print_metrics(struct metrics *metrics, const struct counters *counters, u32 fewest)
{
	u64 unused = counters->claimed_pages - counters->live_pages - counters->slab_pages -
		     counters->leaked_pages;
	double idle_time = (double)metrics->idle_time * (1 << PAGE_SHIFT);

	end_instant(metrics);
#define COUNT(name, value) printf("metric %s %llu\n", name, (unsigned long long)(value))
	COUNT("failures", counters->failed_requests);
	COUNT("splits-2m", counters->splits_2m);
	COUNT("mixed-peak", metrics->mixed_peak);
	COUNT("host-calls", counters->host_calls);
	COUNT("full-flushes", counters->full_flushes);
	COUNT("pages-converted", counters->converted_pages);
	COUNT("shared-idle-peak", metrics->idle_peak << PAGE_SHIFT);
	printf("metric shared-idle-mean %.17g\n",
	       metrics->time ? idle_time / metrics->time : 0.0);
	printf("metric blocks-peak-ratio %.17g\n", (double)metrics->blocks_peak / fewest);
	COUNT("kept-unused", unused << PAGE_SHIFT);
#undef COUNT
}

#endif
