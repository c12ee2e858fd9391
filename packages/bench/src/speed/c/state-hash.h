/* SPDX-License-Identifier: MIT */
/* The state hash of packages/model/src/state/hash.ts: SHA-256 (FIPS 180-4) over a canonical form. */
#ifndef STATE_HASH_H
#define STATE_HASH_H

#include "state.h"

struct sha256 {
	u32 state[8];
	u64 bytes;
	u8 buffer[64];
};

static const u32 SHA256_START[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const u32 SHA256_K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline u32 rotr(u32 x, u32 n)
{
	return x >> n | x << (32 - n);
}

static void sha256_block(u32 *state, const u8 *block)
{
	u32 a = state[0], b = state[1], c = state[2], d = state[3];
	u32 e = state[4], f = state[5], g = state[6], h = state[7];
	u32 w[64];
	u32 i;

	memcpy(w, block, 64);
	for (i = 0; i < 16; i++)
		w[i] = __builtin_bswap32(w[i]);
	for (i = 16; i < 64; i++) {
		u32 s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
		u32 s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;

		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	for (i = 0; i < 64; i++) {
		u32 s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
		u32 t1 = h + s1 + ((e & f) ^ (~e & g)) + SHA256_K[i] + w[i];
		u32 s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
		u32 t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static void sha256_update(struct sha256 *sha, const void *data, size_t size)
{
	const u8 *from = data;

	while (size) {
		size_t used = sha->bytes % 64;
		size_t part = size < 64 - used ? size : 64 - used;

		if (part == 64) {
			sha256_block(sha->state, from);
		} else {
			memcpy(sha->buffer + used, from, part);
			if (used + part == 64)
				sha256_block(sha->state, sha->buffer);
		}
		sha->bytes += part;
		from += part;
		size -= part;
	}
}

static void sha256_finish(struct sha256 *sha, char *hex)
{
	static const u8 padding[64] = { 0x80 };
	u64 bits = __builtin_bswap64(sha->bytes * 8);
	u32 i;

	sha256_update(sha, padding, 1 + (119 - sha->bytes % 64) % 64);
	sha256_update(sha, &bits, sizeof(bits));
	for (i = 0; i < 8; i++)
		sprintf(hex + 8 * i, "%08x", sha->state[i]);
}

static void hash_text(struct sha256 *sha, const char *text)
{
	sha256_update(sha, text, strlen(text));
}

/* The machine and the names, as JSON. */
static void hash_names(struct sha256 *sha, const struct state *state, const char *names)
{
	char text[128];
	const char *name = names;
	u64 i;

	snprintf(text, sizeof(text),
		 "[{\"pageShift\":%u,\"pagesPerBlock\":%u,\"blocksPerRegion\":%u,\"spanPages\":%u},\"snp\",[",
		 PAGE_SHIFT, PAGES_PER_BLOCK, BLOCKS_PER_REGION, state->span_pages);
	hash_text(sha, text);
#define NAME(field, name) "\"" name "\","
	/* All of the counters' names but the comma after the last. */
	sha256_update(sha, COUNTERS(NAME), sizeof(COUNTERS(NAME)) - 2);
#undef NAME
	hash_text(sha, "],[");
	for (i = 0; i < state->counters.owners; i++) {
		hash_text(sha, i ? ",\"" : "\"");
		hash_text(sha, name);
		hash_text(sha, "\"");
		name += strlen(name) + 1;
	}
	hash_text(sha, "]]");
}

static void hash_counters(struct sha256 *sha, const struct counters *counters)
{
	double value;

#define HASH(field, name)						\
	value = counters->field;					\
	sha256_update(sha, &value, sizeof(value));
	COUNTERS(HASH)
#undef HASH
}

/* A record with its number before it. */
static void hash_record(struct sha256 *sha, u32 number, const void *record, size_t words)
{
	sha256_update(sha, &number, sizeof(number));
	sha256_update(sha, record, words * sizeof(u32));
}

/* The same, unless all of the record is zeros. */
static void hash_if_set(struct sha256 *sha, u32 number, const void *record, size_t words)
{
	static const u32 zeros[BLOCKS_PER_REGION + 1];

	if (memcmp(record, zeros, words * sizeof(u32)))
		hash_record(sha, number, record, words);
}

static void hash_mapping(struct sha256 *sha, const struct state *state)
{
	u32 words[BLOCKS_PER_REGION + 1];
	u32 region, i;

	for (region = 0; region < state->regions; region++) {
		for (i = 0; i < BLOCKS_PER_REGION; i++)
			words[i] = state->level[(region << REGION_SHIFT) + i];
		words[i] = state->is_1g[region];
		hash_if_set(sha, region, words, BLOCKS_PER_REGION + 1);
	}
}

/* @names: of the owners, one behind the other. @hex receives 64 digits. */
static void state_hash(const struct state *state, const char *names, char *hex)
{
	struct sha256 sha = { .bytes = 0 };
	u32 last = state->counters.last_allocation;
	u32 i;

	memcpy(sha.state, SHA256_START, sizeof(sha.state));
	hash_names(&sha, state, names);
	hash_counters(&sha, &state->counters);
	hash_text(&sha, "blocks");
	for (i = 0; i < state->blocks; i++)
		hash_if_set(&sha, i, &state->block[i], HASHED_BLOCK_WORDS);
	hash_text(&sha, "mapping");
	hash_mapping(&sha, state);
	/* Finished allocations are history. */
	hash_text(&sha, "allocations");
	for (i = 1; i <= last; i++) {
		const struct allocation *allocation = &state->allocation[i];

		if (allocation->status != FREED && allocation->status != FAILED)
			hash_record(&sha, i, allocation, HASHED_ALLOCATION_WORDS);
	}
	/* In the order of their numbers, because each allocation has one at most. */
	hash_text(&sha, "extents");
	for (i = 1; i <= last; i++) {
		const struct allocation *allocation = &state->allocation[i];

		hash_if_set(&sha, allocation->first_extent, &allocation->extent,
			    sizeof(allocation->extent) / sizeof(u32));
	}
	hash_text(&sha, "slabs");
	sha256_finish(&sha, hex);
}

#endif
