/* SPDX-License-Identifier: MIT */
/* What the folds of all types share: the row, common checks, and bits of ranges of pages. */
#ifndef STEP_H
#define STEP_H

#include "rows.h"
#include "state.h"

/* A row on its way into the state. */
struct step {
	struct state *state;
	struct allocation *allocation;	/* the row's; its id is checked before it is used */
	enum event_type type;
	u32 code;
	u32 owner;
	u32 request;
	u32 id;
	u32 pfn;
	u32 pages;
	u32 bytes;
};

_Noreturn __attribute__((cold)) static void refuse(const struct step *step, const char *why)
{
	die("event %llu (type %u, request %u, allocation %u, pages %u to %u) cannot have happened: %s",
	    (unsigned long long)step->state->counters.events, step->type, step->request, step->id,
	    step->pfn, step->pfn + step->pages, why);
}

static inline void expect_range(const struct step *step)
{
	if (!step->pages || step->pfn >= step->state->span_pages ||
	    step->pages > step->state->span_pages - step->pfn)
		refuse(step, "its pages are not inside the memory");
}

/* The bits [from, to) of word @word of a bitmap. */
static inline u64 mask_of(u32 word, u32 from, u32 to)
{
	u64 low = from <= word * 64 ? ~0ull : ~0ull << (from % 64);
	u64 high = to >= word * 64 + 64 ? ~0ull : ~(~0ull << (to % 64));

	return low & high;
}

/* Every page of the row has the bit, or none has. Most bitmaps are full or empty, and their count says so. */
static inline void expect_bits(const struct step *step, enum bitmap map, bool set, const char *why)
{
	u32 end = step->pfn + step->pages;
	u32 at, to, word;

	for (at = step->pfn; at < end; at = to) {
		const struct block *block = &step->state->block[at >> BLOCK_SHIFT];
		u32 base = at & ~(PAGES_PER_BLOCK - 1);

		to = min(end, base + PAGES_PER_BLOCK);
		if (block->count[map] == (set ? PAGES_PER_BLOCK : 0))
			continue;
		for (word = (at - base) / 64; word * 64 < to - base; word++) {
			u64 mask = mask_of(word, at - base, to - base);

			if ((block->bits[map][word] & mask) != (set ? mask : 0))
				refuse(step, why);
		}
	}
}

/* For bits that were all the other way before: expect_bits() has seen to that. */
static inline void fill_bits(struct block *block, enum bitmap map, u32 from, u32 to, bool set)
{
	u32 word;

	for (word = from / 64; word * 64 < to; word++) {
		u64 mask = mask_of(word, from, to);

		if (set)
			block->bits[map][word] |= mask;
		else
			block->bits[map][word] &= ~mask;
	}
	block->count[map] += set ? to - from : from - to;
}

static inline void fill(const struct step *step, enum bitmap map, bool set)
{
	u32 end = step->pfn + step->pages;
	u32 at, to;

	for (at = step->pfn; at < end; at = to) {
		u32 base = at & ~(PAGES_PER_BLOCK - 1);

		to = min(end, base + PAGES_PER_BLOCK);
		fill_bits(&step->state->block[at >> BLOCK_SHIFT], map, at - base, to - base, set);
	}
}

static void expect_ram(const struct step *step)
{
	u32 block = step->pfn >> BLOCK_SHIFT;

	for (; block << BLOCK_SHIFT < step->pfn + step->pages; block++)
		if (!level_at(step->state, block << BLOCK_SHIFT))
			refuse(step, "it is in a hole of physical memory");
}

static inline void expect_known_allocation(const struct step *step)
{
	if (!step->id || step->id > step->state->counters.last_allocation)
		refuse(step, "the allocation was never requested");
}

static inline void expect_next_request(const struct step *step)
{
	if (step->request != step->state->counters.requests + 1)
		refuse(step, "requests are numbered without a gap");
}

#endif
