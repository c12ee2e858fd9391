import { type AllocationId, nanoseconds } from '@decpool/model';
import { defineWorkload, SEED } from './define.ts';
import type { KnownAnswer } from './known-answer.ts';
import { dice } from './random.ts';
import { RequestList, wholePages } from './request-list.ts';

/** Cores that allocate by turns; an owner each. */
const CORES = 8;
/** Of the pages filled at first, those that are freed. */
const FREED_PERCENT = 50;
/** Of the live pages, those that each round frees and allocates again. */
const RENEWED_PERCENT = 10;
/** Simulated ns between two phases: filling, freeing, and each round. */
export const FRAG_PHASE_NS = 1_000_000_000;
/** Between two requests of a phase. */
const INTERVAL_NS = 1_000;

/** Phases before the first round: filling, and freeing a half. */
const PHASES_BEFORE = 2;

const SOURCE = "Wrenger et al., USENIX ATC'23, after 100 rounds";

/** The kernel's buddy allocator, and a pool's private one, keep their first score. */
const buddyAnswer = (policy: string): KnownAnswer => ({
  policy,
  figure: 'llfree-score',
  expected: 15.1,
  tolerance: 4,
  source: `Linux buddy: ${SOURCE}`,
});

/**
 * The fragmentation benchmark of LLFree (Wrenger et al., USENIX ATC'23, figure on fragmentation). It fills memory with single
 * pages and frees half of them at random. Then, a hundred times, it frees 10 % of the live pages at random and allocates as
 * many. An allocator that fills partly used blocks has whole blocks free again; one that reuses the pages freed last has not.
 *
 * Memory is filled to 90 %, as the published program does (init_frag() in alloc.c, linux-alloc-bench). The last tenth is
 * never touched: 10 of the 55 % that are free after half was freed, 18 %. So the score of the kernel's buddy allocator is not 0.
 *
 * Eight cores allocate by turns, each an owner. A free does not say which core makes it.
 */
export const frag = defineWorkload({
  name: 'frag',
  description:
    "LLFree's benchmark: fill memory, free half at random, then free and refill a tenth 100 times.",
  memory: '512M',
  parameters: {
    seed: SEED,
    pages: {
      default: 100_915,
      min: 2 * CORES,
      max: FRAG_PHASE_NS / INTERVAL_NS,
      unit: 'pages',
      about: 'pages filled at first; the default is 90 % of what is free after a fresh boot of 512 MiB',
    },
    rounds: { default: 100, min: 0, max: 10_000, about: 'rounds of freeing and refilling' },
  },
  expected: () => [
    buddyAnswer('gfp-decrypted'),
    buddyAnswer('buddy+block+never-return'),
    {
      policy: 'llfree:8+block+never-return',
      figure: 'llfree-score',
      expected: 94.3,
      tolerance: 5,
      source: `LLFree: ${SOURCE}`,
    },
  ],
  requests({ seed, pages, rounds }) {
    const { between } = dice(seed);
    const list = new RequestList();
    const live: AllocationId[] = [];
    let allocated = 0;
    let phase = 0;
    let inPhase = 0;
    const nextPhase = () => {
      phase++;
      inPhase = 0;
    };
    const time = () => nanoseconds(phase * FRAG_PHASE_NS + inPhase++ * INTERVAL_NS);
    const allocate = (count: number) => {
      for (let page = 0; page < count; page++) {
        live.push(list.allocate(time(), wholePages(1, `core ${allocated++ % CORES}`)));
      }
    };
    /** Returns how many were freed. */
    const freeAtRandom = (percent: number): number => {
      const count = Math.floor((live.length * percent) / 100);
      for (let freed = 0; freed < count; freed++) {
        const last = live.length - 1;
        const which = between(0, last);
        list.free(time(), live[which]);
        live[which] = live[last];
        live.length = last;
      }
      return count;
    };
    allocate(pages);
    nextPhase();
    freeAtRandom(FREED_PERCENT);
    for (let round = 0; round < rounds; round++) {
      nextPhase();
      allocate(freeAtRandom(RENEWED_PERCENT));
    }
    return list.requests;
  },
  text: ({ pages, rounds }) => ({
    description: `LLFree's fragmentation benchmark: fill ${pages} pages, free half at random, then free and refill a tenth in each of ${rounds} rounds.`,
    notes: [
      'Made to fill 90 % of the free memory of a guest. Another memory size changes the free share, and so the score.',
      'Allocations that are left at the end are never freed.',
    ],
  }),
});

/** The number of rounds that are over at the end of the phase of a time; 0 when half was freed, negative before. */
export const fragRoundOf = (time: number): number => Math.floor(time / FRAG_PHASE_NS) - PHASES_BEFORE + 1;
