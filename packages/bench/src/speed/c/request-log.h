/* SPDX-License-Identifier: MIT */
/*
 * A log of requests for contiguous pages, at most a block each. In this
 * machine's byte order: the header, then the requests.
 */
#ifndef REQUEST_LOG_H
#define REQUEST_LOG_H

#include "common.h"

#define LOG_MAGIC	0x50464344u	/* "DCFP" */
#define MAX_BLOCK_PAGES	8192u
#define MAX_SPAN_PAGES	(1u << 28)

struct log_header {
	u32 magic;
	u32 pages_per_block;	/* a power of two */
	u32 blocks;
	u32 requests;
	u32 max_id;
};

/* Half a cache line. First fit alone reads the first three words. */
struct request {
	u32 id;			/* of the allocation, from 1; each is named once */
	u32 pages;		/* 0 frees */
	u32 align;		/* pages, a power of two; 0 in a free */
	u32 bytes;		/* that the caller can use */
	u32 attributes;		/* gfp flags and node, as an event has them */
	u16 owner;		/* numbered in the order in which they first ask */
	u16 api;		/* as an event has it */
	u64 time;		/* simulated ns */
};

struct request_log {
	struct log_header header;
	struct request *requests;
};

static inline FILE *open_file(const char *path)
{
	FILE *file = fopen(path, "rb");

	if (!file)
		die("%s: %s", path, strerror(errno));
	return file;
}

static inline void read_records(FILE *file, const char *path, void *records, size_t size,
				size_t count)
{
	if (fread(records, size, count, file) != count)
		die("%s: ends early", path);
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

enum life { FRESH, LIVE, GONE };

/* What first fit relies on; looked at before the clock starts. */
static void check_request(const struct request *request, const struct log_header *header,
			  u8 *lives)
{
	u32 most = header->pages_per_block;

	if (!request->id || request->id > header->max_id)
		die("allocation %u of %u", request->id, header->max_id);
	if (lives[request->id] != (request->pages ? FRESH : LIVE))
		die("allocation %u is named twice, or freed while not live", request->id);
	lives[request->id] = request->pages ? LIVE : GONE;
	if (request->pages > most)
		die("%u pages in blocks of %u", request->pages, most);
	if (request->pages && (!is_power_of_two(request->align) || request->align > most))
		die("an alignment of %u pages", request->align);
}

static struct request_log read_log(const char *path)
{
	FILE *file = open_file(path);
	struct request_log log;
	u8 *lives;
	u32 i;

	read_records(file, path, &log.header, sizeof(log.header), 1);
	check_header(&log.header);
	log.requests = zalloc(log.header.requests, sizeof(*log.requests));
	read_records(file, path, log.requests, sizeof(*log.requests), log.header.requests);
	fclose(file);
	lives = zalloc((size_t)log.header.max_id + 1, sizeof(*lives));
	for (i = 0; i < log.header.requests; i++)
		check_request(&log.requests[i], &log.header, lives);
	return log;
}

static inline void print_speed(const struct stopwatch *watch, u32 requests)
{
	printf("requests %u\nns %llu\ncpu-ns %llu\n", requests, (unsigned long long)watch->wall,
	       (unsigned long long)watch->cpu);
}

#endif
