/* SPDX-License-Identifier: MIT */
/* What both programs need: kernel-style types, errors that end the program, and clocks. */
#ifndef COMMON_H
#define COMMON_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC	1000000000ull

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint16_t u16;
typedef uint8_t u8;
typedef int8_t s8;

_Noreturn static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

#define CACHE_LINE	64

/* Zeros, aligned to a cache line. Never freed: what is allocated is used to the end. */
static inline void *zalloc(size_t count, size_t size)
{
	char *memory = calloc(1, count * size + CACHE_LINE);

	if (!memory)
		die("out of memory");
	return memory + CACHE_LINE - (uintptr_t)memory % CACHE_LINE;
}

static inline u32 ilog2(u32 n)
{
	return 31 - __builtin_clz(n);
}

static inline bool is_power_of_two(u32 n)
{
	return n && !(n & (n - 1));
}

static inline u32 min(u32 a, u32 b)
{
	return a < b ? a : b;
}

static inline u32 max(u32 a, u32 b)
{
	return a > b ? a : b;
}

static inline u32 align_up(u32 n, u32 align)
{
	return (n + align - 1) & ~(align - 1);
}

/* Time that passed, and time that the program ran: other programs only add to the first. */
struct stopwatch {
	u64 wall;
	u64 cpu;
};

static inline u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

/* Adds up what lies between clock_start() and clock_stop(), as often as they are called. */
static inline void clock_start(struct stopwatch *watch)
{
	watch->wall -= clock_ns(CLOCK_MONOTONIC);
	watch->cpu -= clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void clock_stop(struct stopwatch *watch)
{
	watch->cpu += clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	watch->wall += clock_ns(CLOCK_MONOTONIC);
}

#define FNV_BASIS	0x811c9dc5u

/* A step of FNV-1a over 32-bit words. */
static inline u32 fnv(u32 hash, u32 word)
{
	return (hash ^ word) * 0x01000193u;
}

#endif
