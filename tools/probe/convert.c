// SPDX-License-Identifier: GPL-2.0
/*
 * Conversions one at a time, each as a line of CSV with what the kernel counts
 * about its direct map before and after: the recordings that
 * `decpool validate` replays.
 */
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/set_memory.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>
#include <asm/pgtable.h>

#include "probe.h"

#define MOST_CHUNKS	4096

struct held_chunk {
	struct page *page;
	unsigned int order;
};

static struct held_chunk *held;
static unsigned long *events;
static unsigned long *mapped_pages;	/* direct_pages_count[], by level */
static unsigned long *last_pfn;		/* max_pfn */
static unsigned long row;

static void split_counts_read(struct split_counts *counts)
{
	all_vm_events(events);
	*counts = (struct split_counts){
		.splits_2m = events[DIRECT_MAP_LEVEL2_SPLIT],
		.splits_1g = events[DIRECT_MAP_LEVEL3_SPLIT],
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
		.collapses_2m = events[DIRECT_MAP_LEVEL2_COLLAPSE],
		.collapses_1g = events[DIRECT_MAP_LEVEL3_COLLAPSE],
#endif
	};
}

/* How the direct map maps a page: 1 a 4K entry, 2 2M, 3 1G, 0 not at all. */
static unsigned int level_of(unsigned long pfn, unsigned long *flags)
{
	unsigned int level;
	pte_t *entry = lookup_address((unsigned long)pfn_to_kaddr(pfn), &level);

	if (!entry || pte_none(*entry))
		return 0;
	/* The CPU sets these two as it goes. */
	*flags = pte_flags(*entry) & ~(_PAGE_ACCESSED | _PAGE_DIRTY);
	return level;
}

unsigned int convert_level(const struct page *page)
{
	unsigned long flags;

	return level_of(page_to_pfn(page), &flags);
}

void convert_table(void)
{
	probe_print_reset();
	row = 0;
	probe_print("seq,op,id,method,pfn,npages,rc,level_before,level_after,"
		    "l2_split_delta,l3_split_delta,l2_collapse_delta,l3_collapse_delta,"
		    "l2_splits,l3_splits,l2_collapses,l3_collapses,dm4k_kB,dm2M_kB,dm1G_kB,ns\n");
}

int convert_range(const char *op, const char *id, unsigned long pfn, unsigned long pages, bool decrypt)
{
	unsigned long address = (unsigned long)pfn_to_kaddr(pfn), flags;
	struct split_counts a, b;
	unsigned int level_before;
	u64 ns;
	int rc;

	if (!pages || pfn >= *last_pfn || pages > *last_pfn - pfn)
		return -EINVAL;
	level_before = level_of(pfn, &flags);
	split_counts_read(&a);
	ns = ktime_get_ns();
	rc = decrypt ? set_memory_decrypted(address, pages) : set_memory_encrypted(address, pages);
	ns = ktime_get_ns() - ns;
	split_counts_read(&b);
	probe_print("%lu,%s,%s,dec,%lu,%lu,%d,%u,%u,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%llu\n",
		    row++, op, id, pfn, pages, rc, level_before, level_of(pfn, &flags),
		    b.splits_2m - a.splits_2m, b.splits_1g - a.splits_1g,
		    b.collapses_2m - a.collapses_2m, b.collapses_1g - a.collapses_1g,
		    b.splits_2m, b.splits_1g, b.collapses_2m, b.collapses_1g,
		    mapped_pages[PG_LEVEL_4K] << 2, mapped_pages[PG_LEVEL_2M] << 11,
		    mapped_pages[PG_LEVEL_1G] << 20, ns);
	return rc;
}

int convert_take(unsigned int id, unsigned int order)
{
	char name[12];

	if (id >= MOST_CHUNKS || held[id].page || order >= PROBE_ORDERS)
		return -EINVAL;
	held[id] = (struct held_chunk){ alloc_pages(GFP_KERNEL | __GFP_NOWARN, order), order };
	if (!held[id].page)
		return -ENOMEM;
	snprintf(name, sizeof(name), "%u", id);
	return convert_range("x", name, page_to_pfn(held[id].page), 1UL << order, true);
}

int convert_give(unsigned int id)
{
	char name[12];
	int error;

	if (id >= MOST_CHUNKS || !held[id].page)
		return -EINVAL;
	snprintf(name, sizeof(name), "%u", id);
	error = convert_range("y", name, page_to_pfn(held[id].page), 1UL << held[id].order, false);
	/* A page that could not be encrypted is never freed. */
	if (!error)
		__free_pages(held[id].page, held[id].order);
	held[id].page = NULL;
	return error;
}

/* The direct map as runs of one level and the same flags. Flags of 4K runs are 0: they differ within a block. */
void convert_map(const char *label)
{
	unsigned long pfn = 0, start = 0, run_flags = 0;
	unsigned int run_level = 0;
	bool is_first = true;

	probe_print("#map,%s,start_pfn,npages,level,flags\n", label);
	while (pfn < *last_pfn) {
		unsigned long flags = 0;
		unsigned int level = level_of(pfn, &flags);
		unsigned long step = level == PG_LEVEL_1G ? PTRS_PER_PTE * PTRS_PER_PMD : PTRS_PER_PTE;

		if (level == PG_LEVEL_4K)
			flags = 0;
		if (!is_first && (level != run_level || flags != run_flags)) {
			probe_print("#map,%s,%lu,%lu,%u,0x%lx\n", label, start, pfn - start, run_level, run_flags);
			start = pfn;
		}
		run_level = level;
		run_flags = flags;
		is_first = false;
		pfn += step - (pfn & (step - 1));
		cond_resched();
	}
	probe_print("#map,%s,%lu,%lu,%u,0x%lx\n", label, start, pfn - start, run_level, run_flags);
}

int convert_init(void)
{
	mapped_pages = probe_symbol("direct_pages_count");
	last_pfn = probe_symbol("max_pfn");
	if (!mapped_pages || !last_pfn)
		return -ENOENT;
	held = vzalloc(array_size(MOST_CHUNKS, sizeof(*held)));
	events = vzalloc(array_size(NR_VM_EVENT_ITEMS, sizeof(*events)));
	return held && events ? 0 : -ENOMEM;
}

void convert_exit(void)
{
	unsigned int id;

	for (id = 0; held && id < MOST_CHUNKS; id++)
		if (held[id].page)
			convert_give(id);
	vfree(held);
	vfree(events);
}
