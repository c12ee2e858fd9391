// SPDX-License-Identifier: GPL-2.0
/*
 * A request sequence right after a dump, and everything else that the page
 * allocator did meanwhile: the lines a, f, xa, xf, xd and xk of a
 * `freelists v1` file.
 *
 * The kernel's own tracepoints write down every allocation and free, ours and
 * those of others, in the order in which they fire.  After each call of ours
 * its record is found again by its page, and marked as ours.
 */
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/set_memory.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>

#include "probe.h"

#define MOST_REQUESTS	16384
#define MOST_RECORDS	(1 << 18)

struct sequence_settings settings = { .seed = 1, .state = "unnamed", .kind = "unnamed" };

struct request {
	bool is_free;
	u8 order;
	u32 id;
};

enum record_kind { OWN_ALLOC, OWN_FREE, OTHER_ALLOC, OTHER_FREE, DRAIN, KSWAPD_WAKE, KSWAPD_SLEEP };

struct record {
	u8 kind, order, type, cpu;
	u32 pfn;		/* 0: the allocation failed */
	u32 id;			/* of ours */
	gfp_t gfp;
	unsigned int splits_2m, splits_1g;
	const struct task_struct *task;
	char name[TASK_COMM_LEN];
};

struct chunk {
	struct page *page;
	u8 order;
	bool is_decrypted;
};

static struct request *requests;
static unsigned int request_count;
static struct chunk *chunks;
static struct record *records;
static atomic_t record_count;
static bool is_recording;

/* ---- what the kernel reports ---- */

static void add_record(enum record_kind kind, struct page *page, unsigned int order, int type, gfp_t gfp)
{
	struct record *record;
	int at;

	if (!READ_ONCE(is_recording))
		return;
	at = atomic_inc_return(&record_count) - 1;
	if (at >= MOST_RECORDS)
		return;
	record = &records[at];
	*record = (struct record){
		.kind = kind, .order = order, .type = type, .cpu = smp_processor_id(),
		.pfn = page ? page_to_pfn(page) : 0, .gfp = gfp, .task = current,
	};
	memcpy(record->name, current->comm, TASK_COMM_LEN);
}

static void on_alloc(void *data, struct page *page, unsigned int order, gfp_t gfp, int type)
{
	add_record(OTHER_ALLOC, page, order, type, gfp);
}

static void on_free(void *data, struct page *page, unsigned int order)
{
	add_record(OTHER_FREE, page, order, 0, 0);
}

/* Our own calls follow from the requests; only what others move is a fact of its own. */
static void on_drain(void *data, struct page *page, unsigned int order, int type)
{
	if (!(current->flags & PF_KTHREAD))
		return;
	add_record(DRAIN, page, order, type, 0);
}

static void on_kswapd_wake(void *data, int nid, int zid, int order)
{
	add_record(KSWAPD_WAKE, NULL, 0, 0, 0);
}

static void on_kswapd_sleep(void *data, int nid)
{
	add_record(KSWAPD_SLEEP, NULL, 0, 0, 0);
}

static struct probe_point {
	const char *name;
	void *function;
	struct tracepoint *point;
} points[] = {
	{ "mm_page_alloc", on_alloc },
	{ "mm_page_free", on_free },
	{ "mm_page_pcpu_drain", on_drain },
	{ "mm_vmscan_kswapd_wake", on_kswapd_wake },
	{ "mm_vmscan_kswapd_sleep", on_kswapd_sleep },
};

static void find_point(struct tracepoint *point, void *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (!strcmp(point->name, points[i].name))
			points[i].point = point;
}

/* The newest record of this task for the page, which is ours from now on. A failed allocation has pfn 0. */
static struct record *own_record(enum record_kind reported, enum record_kind kind, unsigned long pfn, u32 id)
{
	int at = min(atomic_read(&record_count), MOST_RECORDS);

	while (at-- > 0) {
		struct record *record = &records[at];

		if (record->kind != reported || record->task != current || record->pfn != pfn)
			continue;
		record->kind = kind;
		record->id = id;
		return record;
	}
	return NULL;
}

/* ---- the requests ---- */

int sequence_plan(unsigned int count, unsigned int max_order, unsigned int free_percent)
{
	struct rnd_state random;
	u32 *held, held_count = 0, next_id = 0, pick;

	if (!count || count > MOST_REQUESTS || max_order >= PROBE_ORDERS || free_percent > 90)
		return -EINVAL;
	held = vmalloc(array_size(count, sizeof(*held)));
	if (!held)
		return -ENOMEM;
	prandom_seed_state(&random, settings.seed);
	for (request_count = 0; request_count < count; request_count++) {
		struct request *request = &requests[request_count];

		if (held_count && prandom_u32_state(&random) % 100 < free_percent) {
			pick = prandom_u32_state(&random) % held_count;
			*request = (struct request){ .is_free = true, .id = held[pick] };
			held[pick] = held[--held_count];
			continue;
		}
		*request = (struct request){
			.order = prandom_u32_state(&random) % (max_order + 1), .id = next_id,
		};
		held[held_count++] = next_id++;
	}
	vfree(held);
	return 0;
}

/*
 * A chunk of up to one block lies in one entry, and a larger one consists of
 * whole blocks, so the level of its first page tells all splits of the direct
 * map.  The counters of the kernel also have those of other CPUs, and those
 * of the kernel image's own mapping: memory that held __init code has both.
 */
static int convert(struct chunk *chunk, bool decrypt, struct split_counts *change)
{
	unsigned long address = (unsigned long)page_address(chunk->page);
	unsigned int before = convert_level(chunk->page), after;
	int error;

	error = decrypt ? set_memory_decrypted(address, 1 << chunk->order) :
			  set_memory_encrypted(address, 1 << chunk->order);
	after = convert_level(chunk->page);
	change->splits_2m = before >= PG_LEVEL_2M && after == PG_LEVEL_4K;
	change->splits_1g = before == PG_LEVEL_1G && after < PG_LEVEL_1G;
	return error;
}

static void note_splits(struct record *record, const struct split_counts *change)
{
	if (!record)
		return;
	record->splits_2m = change->splits_2m;
	record->splits_1g = change->splits_1g;
}

static void allocate(u32 id, unsigned int order)
{
	struct chunk *chunk = &chunks[id];
	struct split_counts change = {};
	struct record *record;

	*chunk = (struct chunk){ .page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, order), .order = order };
	record = own_record(OTHER_ALLOC, OWN_ALLOC, chunk->page ? page_to_pfn(chunk->page) : 0, id);
	if (chunk->page && settings.convert)
		chunk->is_decrypted = !convert(chunk, true, &change);
	note_splits(record, &change);
}

/* After a failed conversion nobody knows what the page is: it is never freed. */
static void release(u32 id)
{
	struct chunk *chunk = &chunks[id];
	struct split_counts change = {};
	unsigned long pfn;

	if (!chunk->page || (settings.convert && !chunk->is_decrypted))
		return;
	pfn = page_to_pfn(chunk->page);
	if (chunk->is_decrypted && convert(chunk, false, &change))
		return;
	__free_pages(chunk->page, chunk->order);
	chunk->page = NULL;
	chunk->is_decrypted = false;
	note_splits(own_record(OTHER_FREE, OWN_FREE, pfn, id), &change);
}

void sequence_release(void)
{
	u32 id;

	for (id = 0; id < MOST_REQUESTS; id++)
		release(id);
}

/* ---- the run ---- */

static void begin_recording(void)
{
	atomic_set(&record_count, 0);
	WRITE_ONCE(is_recording, true);
}

static void print_record(struct record *record)
{
	strreplace(record->name, ' ', '_');
	switch (record->kind) {
	case OWN_ALLOC:
		probe_print("a %u %u %u", record->id, record->order, record->pfn);
		break;
	case OWN_FREE:
		probe_print("f %u", record->id);
		break;
	case OTHER_ALLOC:
		/* Failed allocations of others took nothing. */
		if (record->pfn)
			probe_print("xa %u %u %u %u %s %pGg\n", record->order, record->pfn, record->type,
				    record->cpu, record->name, &record->gfp);
		return;
	case OTHER_FREE:
		probe_print("xf %u %u %u %s\n", record->order, record->pfn, record->cpu, record->name);
		return;
	case DRAIN:
		probe_print("xd %u %u %u %s\n", record->order, record->pfn, record->cpu, record->name);
		return;
	default:
		probe_print("xk %s\n", record->kind == KSWAPD_WAKE ? "wake" : "sleep");
		return;
	}
	if (settings.convert)
		probe_print(" %u %u", record->splits_2m, record->splits_1g);
	probe_print("\n");
}

static void print_run(void)
{
	int count = atomic_read(&record_count), at;

	probe_print("freelists v1 kernel=%s smp=%u cpu=%u state=%s kind=%s seed=%u convert=%d init_on_alloc=%d\n",
		    init_utsname()->release, num_online_cpus(), settings.cpu, settings.state, settings.kind,
		    settings.seed, settings.convert, want_init_on_alloc(0));
	dump_print();
	for (at = 0; at < min(count, MOST_RECORDS); at++)
		print_record(&records[at]);
	probe_print("end%s\n", count > MOST_RECORDS || dump_is_cut() || probe_print_is_cut() ? " truncated" : "");
}

int sequence_run(void)
{
	unsigned int i;
	int error;

	if (!request_count)
		return -EINVAL;
	sequence_release();
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		error = tracepoint_probe_register(points[i].point, points[i].function, NULL);
		if (error)
			goto unregister;
	}
	set_cpus_allowed_ptr(current, cpumask_of(settings.cpu));
	error = dump_take(settings.cpu, begin_recording);
	for (i = 0; !error && i < request_count; i++) {
		if (requests[i].is_free)
			release(requests[i].id);
		else
			allocate(requests[i].id, requests[i].order);
	}
	WRITE_ONCE(is_recording, false);
	set_cpus_allowed_ptr(current, cpu_online_mask);
	i = ARRAY_SIZE(points);
unregister:
	while (i-- > 0)
		tracepoint_probe_unregister(points[i].point, points[i].function, NULL);
	tracepoint_synchronize_unregister();
	if (error)
		return error;
	probe_print_reset();
	print_run();
	return 0;
}

int sequence_init(void)
{
	int i;

	for_each_kernel_tracepoint(find_point, NULL);
	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (!points[i].point)
			return -ENOENT;
	requests = vzalloc(array_size(MOST_REQUESTS, sizeof(*requests)));
	chunks = vzalloc(array_size(MOST_REQUESTS, sizeof(*chunks)));
	records = vzalloc(array_size(MOST_RECORDS, sizeof(*records)));
	return requests && chunks && records ? 0 : -ENOMEM;
}

void sequence_exit(void)
{
	if (chunks)
		sequence_release();
	vfree(requests);
	vfree(chunks);
	vfree(records);
}
