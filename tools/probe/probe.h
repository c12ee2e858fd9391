/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DECPOOL_PROBE_H
#define DECPOOL_PROBE_H

#include <linux/mmzone.h>
#include <linux/printk.h>
#include <linux/types.h>
#include <linux/version.h>

/* Orders of the buddy allocator, from 0 to this one exclusive; the name changed in 6.4 and in 6.8. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define PROBE_ORDERS	MAX_ORDER
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define PROBE_ORDERS	(MAX_ORDER + 1)
#else
#define PROBE_ORDERS	NR_PAGE_ORDERS
#endif

/* main.c: what a read of /proc/decpool_probe gives. Text beyond its end is cut, and the cut is noted. */
__printf(1, 2) void probe_print(const char *format, ...);
void probe_print_reset(void);
bool probe_print_is_cut(void);

/* main.c: the address of a symbol that modules cannot link to; NULL if the kernel has none of that name. */
void *probe_symbol(const char *name);

/* dump.c: every list of the page allocator of node 0 at one moment. */
int dump_init(void);
void dump_exit(void);
/* Stops all CPUs, copies the lists, and calls started() before any CPU goes on. */
int dump_take(int cpu, void (*started)(void));
void dump_print(void);
bool dump_is_cut(void);

/* sequence.c: requests that are decided before the dump, and what happens meanwhile. */
int sequence_init(void);
void sequence_exit(void);
/* Random orders from 0 to max_order; with a chance of free_percent a held chunk is freed instead. */
int sequence_plan(unsigned int requests, unsigned int max_order, unsigned int free_percent);
int sequence_run(void);
void sequence_release(void);

struct sequence_settings {
	unsigned int seed;
	unsigned int cpu;
	bool convert;		/* decrypt after each allocation, encrypt before each free */
	char state[24], kind[24];
};
extern struct sequence_settings settings;

/* convert.c: conversions, with what the kernel counts about its direct map. */
struct split_counts {
	unsigned long splits_2m, splits_1g, collapses_2m, collapses_1g;
};
/* How the direct map maps a page: 1 by a 4K entry, 2 2M, 3 1G, 0 not at all. */
unsigned int convert_level(const struct page *page);
int convert_init(void);
void convert_exit(void);
void convert_table(void);
int convert_range(const char *op, const char *id, unsigned long pfn, unsigned long pages, bool decrypt);
int convert_take(unsigned int id, unsigned int order);
int convert_give(unsigned int id);
void convert_map(const char *label);

/* confidential.c */
int confidential_switch(void);

#endif
