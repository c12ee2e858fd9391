/* SPDX-License-Identifier: MIT */
/*
 * What a run starts from, in this machine's byte order: the header, the runs of
 * the direct map, the zones, the claims, and the owners' names, each with a 0
 * behind it.
 *
 * The page allocator is not written again in C. The chunks that it gave in the
 * TypeScript run, in order, are input.
 */
#ifndef GUEST_H
#define GUEST_H

#include "free-map.h"
#include "state.h"

#define GUEST_MAGIC	0x55474344u	/* "DCGU" */

struct guest_header {
	u32 magic;
	u32 runs;
	u32 zones;
	u32 claims;
	u32 name_bytes;
};

/* A chunk that the page allocator gave, or a page for a page table. */
struct claim {
	u32 request;	/* that got it; for no request after the last */
	u32 type;	/* of the event: PAGES_CLAIMED or PAGE_TABLE_ALLOCATED */
	u32 pfn;
	u32 pages;
};

struct guest {
	struct guest_header header;
	struct mapping_run *runs;
	struct block_range *zones;	/* in the order in which a request tries them */
	struct claim *claims;
	char *names;
};

static struct guest read_guest(const char *path)
{
	FILE *file = open_file(path);
	struct guest guest;
	u32 claims;

	read_records(file, path, &guest.header, sizeof(guest.header), 1);
	if (guest.header.magic != GUEST_MAGIC)
		die("not a guest of this machine's byte order");
	claims = guest.header.claims;
	guest.runs = zalloc(guest.header.runs, sizeof(*guest.runs));
	guest.zones = zalloc(guest.header.zones, sizeof(*guest.zones));
	guest.claims = zalloc((size_t)claims + 1, sizeof(*guest.claims));
	guest.names = zalloc((size_t)guest.header.name_bytes + 1, 1);
	read_records(file, path, guest.runs, sizeof(*guest.runs), guest.header.runs);
	read_records(file, path, guest.zones, sizeof(*guest.zones), guest.header.zones);
	read_records(file, path, guest.claims, sizeof(*guest.claims), claims);
	read_records(file, path, guest.names, 1, guest.header.name_bytes);
	fclose(file);
	return guest;
}

#endif
