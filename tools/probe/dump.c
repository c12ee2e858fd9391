// SPDX-License-Identifier: GPL-2.0
/*
 * The lists of the page allocator, as the lines Z, Q, B, M, L and P of a
 * `freelists v1` file.
 *
 * While all CPUs are stopped, nothing is formatted: numbers go into one array
 * as records, in the order of the lines.  A record is a head (struct head)
 * and its numbers.  dump_print() walks the array afterwards.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/percpu.h>
#include <linux/stop_machine.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

#include "probe.h"

#define WORDS	(2UL << 20)

struct head {
	char line;		/* 'Z', 'Q', 'B', 'M', 'L' or 'P' */
	u8 zone;
	u8 first, second;	/* L: order, type.  P: CPU, list.  Q: CPU */
	u32 words;
};

static_assert(sizeof(struct head) == sizeof(u64));

static u64 *words;
static size_t used;
static size_t open_head;
static bool is_cut;
static void (*on_started)(void);

/* Both read the type of a pageblock; which of the two a kernel has depends on its version. */
static unsigned long (*block_flags)(const struct page *page, unsigned long pfn, unsigned long mask);
static int (*block_type)(const struct page *page, unsigned long pfn);

static void push(u64 word)
{
	if (used < WORDS)
		words[used++] = word;
	else
		is_cut = true;
}

static void open_record(struct head head)
{
	open_head = used;
	push(*(u64 *)&head);
}

static void close_record(void)
{
	struct head *head = (struct head *)&words[open_head];

	if (!is_cut)
		head->words = used - open_head - 1;
}

static int type_of_block(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	if (!page)
		return -1;
	return block_type ? block_type(page, pfn) : (int)block_flags(page, pfn, 7);
}

/* Pages in use that are on an LRU list: the kernel takes them for movable when a block may change its type. */
static unsigned int lru_pages(struct zone *zone, unsigned long block)
{
	unsigned long pfn = max(block, zone->zone_start_pfn);
	unsigned long end = min(block + pageblock_nr_pages, zone_end_pfn(zone));
	unsigned int count = 0;

	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);

		if (PageBuddy(page)) {
			pfn += 1UL << page_private(page);
			continue;
		}
		count += PageLRU(page) ? 1 : 0;
		pfn++;
	}
	return count;
}

static const char *const zone_keys[] = {
	"start", "end", "free", "min", "low", "high", "boost", "managed", "present", "spanned", "flags",
	"drift_mark", "reserved_highatomic", "free_highatomic",
};

static void copy_zone_counters(struct zone *zone, int index)
{
	unsigned long free_highatomic = 0;
	int i;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	free_highatomic = zone->nr_free_highatomic;
#endif
	open_record((struct head){ .line = 'Z', .zone = index });
	push(zone->zone_start_pfn);
	push(zone_end_pfn(zone));
	push(atomic_long_read(&zone->vm_stat[NR_FREE_PAGES]));
	push(zone->_watermark[WMARK_MIN]);
	push(zone->_watermark[WMARK_LOW]);
	push(zone->_watermark[WMARK_HIGH]);
	push(zone->watermark_boost);
	push(zone_managed_pages(zone));
	push(zone->present_pages);
	push(zone->spanned_pages);
	push(zone->flags);
	push(zone->percpu_drift_mark);
	push(zone->nr_reserved_highatomic);
	push(free_highatomic);
	for (i = 0; i < MAX_NR_ZONES; i++)
		push(zone->lowmem_reserve[i]);
	close_record();
}

static const char *const cpu_keys[] = {
	"count", "high", "batch",
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	"high_min", "high_max", "alloc_factor", "free_count", "flags",
#else
	"free_factor",
#endif
	"expire", "free_diff",
};

static void copy_cpu_counters(struct zone *zone, int index, int cpu)
{
	struct per_cpu_pages *pages = per_cpu_ptr(zone->per_cpu_pageset, cpu);

	open_record((struct head){ .line = 'Q', .zone = index, .first = cpu });
	push(pages->count);
	push(pages->high);
	push(pages->batch);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	push(pages->high_min);
	push(pages->high_max);
	push(pages->alloc_factor);
	push(pages->free_count);
	push(pages->flags);
#else
	push(pages->free_factor);
#endif
	push(pages->expire);
	push(per_cpu_ptr(zone->per_cpu_zonestats, cpu)->vm_stat_diff[NR_FREE_PAGES]);
	close_record();
}

/* Runs of blocks with one type: first pfn, number of blocks, type. */
static void copy_blocks(struct zone *zone, int index)
{
	unsigned long first = zone->zone_start_pfn & ~(pageblock_nr_pages - 1);
	unsigned long block, run = first;

	open_record((struct head){ .line = 'B', .zone = index });
	for (block = first; block < zone_end_pfn(zone); block += pageblock_nr_pages) {
		unsigned long next = block + pageblock_nr_pages;

		if (next < zone_end_pfn(zone) && type_of_block(next) == type_of_block(run))
			continue;
		push(run);
		push((next - run) / pageblock_nr_pages);
		push(type_of_block(run));
		run = next;
	}
	close_record();

	open_record((struct head){ .line = 'M', .zone = index });
	for (block = first; block < zone_end_pfn(zone); block += pageblock_nr_pages)
		push(type_of_block(block) < 0 ? 0 : lru_pages(zone, block));
	close_record();
}

static void copy_zone(struct zone *zone, int index)
{
	struct page *page;
	int order, type, cpu, list;

	copy_zone_counters(zone, index);
	for_each_online_cpu(cpu)
		copy_cpu_counters(zone, index, cpu);
	copy_blocks(zone, index);
	for (order = 0; order < PROBE_ORDERS; order++) {
		for (type = 0; type < MIGRATE_TYPES; type++) {
			open_record((struct head){ .line = 'L', .zone = index, .first = order, .second = type });
			list_for_each_entry(page, &zone->free_area[order].free_list[type], buddy_list)
				push(page_to_pfn(page));
			close_record();
		}
	}
	for_each_online_cpu(cpu) {
		struct per_cpu_pages *pages = per_cpu_ptr(zone->per_cpu_pageset, cpu);

		for (list = 0; list < NR_PCP_LISTS; list++) {
			open_record((struct head){ .line = 'P', .zone = index, .first = cpu, .second = list });
			list_for_each_entry(page, &pages->lists[list], pcp_list)
				push(page_to_pfn(page));
			close_record();
		}
	}
}

static int copy_all(void *unused)
{
	struct zone *zones = NODE_DATA(0)->node_zones;
	int index;

	used = 0;
	is_cut = false;
	for (index = 0; index < MAX_NR_ZONES; index++)
		if (populated_zone(&zones[index]))
			copy_zone(&zones[index], index);
	on_started();
	return 0;
}

int dump_take(int cpu, void (*started)(void))
{
	on_started = started;
	return stop_machine(copy_all, NULL, cpumask_of(cpu));
}

bool dump_is_cut(void)
{
	return is_cut;
}

static void print_keys(const char *const *keys, int count, const u64 *values)
{
	int i;

	for (i = 0; i < count; i++)
		probe_print(" %s=%lld", keys[i], values[i]);
}

static void print_record(const struct head *head, const u64 *values)
{
	u32 i;

	switch (head->line) {
	case 'Z':
		probe_print("Z %d name=%s", head->zone, NODE_DATA(0)->node_zones[head->zone].name);
		print_keys(zone_keys, ARRAY_SIZE(zone_keys), values);
		probe_print(" lowmem_reserve=");
		for (i = ARRAY_SIZE(zone_keys); i < head->words; i++)
			probe_print("%s%llu", i > ARRAY_SIZE(zone_keys) ? "," : "", values[i]);
		probe_print("\n");
		break;
	case 'Q':
		probe_print("Q %d %d", head->zone, head->first);
		print_keys(cpu_keys, ARRAY_SIZE(cpu_keys), values);
		probe_print("\n");
		break;
	case 'B':
		for (i = 0; i < head->words; i += 3)
			probe_print("B %d %llu %llu %lld\n", head->zone, values[i], values[i + 1], values[i + 2]);
		break;
	default:
		/* An empty list has no line. */
		if (!head->words)
			break;
		if (head->line == 'M')
			probe_print("M %d", head->zone);
		else
			probe_print("%c %d %d %d", head->line, head->zone, head->first, head->second);
		for (i = 0; i < head->words; i++)
			probe_print(" %llu", values[i]);
		probe_print("\n");
	}
}

void dump_print(void)
{
	size_t at = 0;

	while (at < used) {
		const struct head *head = (const struct head *)&words[at];

		print_record(head, &words[at + 1]);
		at += 1 + head->words;
	}
}

int dump_init(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	block_type = probe_symbol("get_pfnblock_migratetype");
#else
	block_flags = probe_symbol("get_pfnblock_flags_mask");
#endif
	if (!block_type && !block_flags)
		return -ENOENT;
	words = vzalloc(WORDS * sizeof(*words));
	return words ? 0 : -ENOMEM;
}

void dump_exit(void)
{
	vfree(words);
}
