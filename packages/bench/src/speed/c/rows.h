/* SPDX-License-Identifier: MIT */
/* Events as rows, in the columns of packages/model/src/events/columns.ts. */
#ifndef ROWS_H
#define ROWS_H

#include "common.h"

#define BATCH_ROWS	8192

/* Codes of packages/model/src/events/schema.ts: the events that this program has. */
enum event_type {
	OWNER_REGISTERED	= 0,
	ALLOCATION_REQUESTED	= 1,
	FREE_REQUESTED		= 2,
	PAGES_CLAIMED		= 3,
	LARGE_PAGE_SPLIT	= 5,
	PAGES_DECRYPTED		= 7,
	PAGES_ALLOCATED		= 10,
	PAGES_FREED		= 11,
	ALLOCATION_FAILED	= 12,
	REQUEST_SKIPPED		= 29,
	PAGE_TABLE_ALLOCATED	= 31,
};

/* What a row holds; a type leaves the fields that it does not have 0. */
struct event {
	enum event_type type;
	u8 code;
	u16 owner;
	u32 allocation;
	u32 pfn;
	u32 pages;
	u32 bytes;
};

/* A line between the columns: else a row lies in the same cache set nine times. */
#define COLUMN_ROWS	(BATCH_ROWS + CACHE_LINE)

struct rows {
	u64 time[COLUMN_ROWS];	/* simulated ns */
	u32 request[COLUMN_ROWS];
	u32 allocation[COLUMN_ROWS];
	u32 pfn[COLUMN_ROWS];
	u32 pages[COLUMN_ROWS];
	u32 bytes[COLUMN_ROWS];
	u16 owner[COLUMN_ROWS];
	u8 type[COLUMN_ROWS];
	u8 code[COLUMN_ROWS];
	u32 length;
	struct rows *next;	/* the batch after it, of batches that are kept */
};

/* Over every column of every row. */
static u32 rows_checksum(const struct rows *rows, u32 hash)
{
	u32 i;

	for (i = 0; i < rows->length; i++) {
		hash = fnv(hash, rows->type[i] | rows->code[i] << 8 | (u32)rows->owner[i] << 16);
		hash = fnv(hash, rows->request[i]);
		hash = fnv(hash, rows->allocation[i]);
		hash = fnv(hash, rows->pfn[i]);
		hash = fnv(hash, rows->pages[i]);
		hash = fnv(hash, rows->bytes[i]);
		hash = fnv(hash, (u32)rows->time[i]);
		hash = fnv(hash, rows->time[i] >> 32);
	}
	return hash;
}

#endif
