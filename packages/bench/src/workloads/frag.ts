import { type AllocationId, nanoseconds } from '@decpool/model';
import { type Dice, dice, wholeNumber } from './random.ts';
import { RequestList } from './request-list.ts';
import { PAGE_SIZE, type Workload, workload } from './workload.ts';

export interface FragOptions {
  readonly seed: number;
  /** Pages filled at first; 90 % of the memory that is free, or the run is another benchmark. */
  readonly pages: number;
  readonly rounds: number;
}

/** 90 % of what is free after a fresh boot of 512 MiB, FRAG_MEMORY. */
export const FRAG_DEFAULTS: FragOptions = { seed: 1, pages: 100_915, rounds: 100 };

/** Memory that the default settings are made for, as `--memory` takes it. */
export const FRAG_MEMORY = '512M';

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
const MOST_PAGES = FRAG_PHASE_NS / INTERVAL_NS;

/** Phases before the first round: filling, and freeing a half. */
export const FRAG_PHASES_BEFORE = 2;

/**
 * The fragmentation benchmark of LLFree (Wrenger et al., USENIX ATC'23, figure on fragmentation): fill memory with single
 * pages, free half of them at random, and then, a hundred times, free 10 % of what is live at random and allocate as much
 * again; in each round all frees come first. Afterwards an allocator that fills what is partly used has whole blocks
 * free again; one that takes what was freed last has not.
 *
 * Memory is filled to 90 %, as the published program does (init_frag() in alloc.c, linux-alloc-bench). So a tenth of
 * memory is never touched, and stays free in whole blocks: 10 of the 55 % that are free after the half was freed, 18 %. That
 * is what an allocator starts from that recovers nothing, and why the score of the kernel's buddy allocator is not 0.
 *
 * Eight cores allocate by turns, each an owner. Which core frees a page is not told: pages are mixed among the
 * cores before half are freed, and a free says nothing of who makes it. Throws InputError for settings out of range.
 */
export function frag(options: Partial<FragOptions> = {}): Workload {
  const { seed, pages, rounds } = { ...FRAG_DEFAULTS, ...options };
  wholeNumber('pages', pages, 2 * CORES, MOST_PAGES);
  wholeNumber('rounds', rounds, 0, 10_000);
  const memory = new Memory(dice(seed));
  memory.allocate(pages);
  memory.nextPhase();
  memory.freeAtRandom(FREED_PERCENT);
  for (let round = 0; round < rounds; round++) {
    memory.nextPhase();
    memory.allocate(memory.freeAtRandom(RENEWED_PERCENT));
  }
  return workload({
    name: 'frag',
    description: `LLFree's fragmentation benchmark: fill ${pages} pages, free half at random, then free and refill a tenth in each of ${rounds} rounds.`,
    requests: memory.requests,
    notes: [
      'Made to fill 90 % of the free memory of a guest. Another memory size changes the free share, and so the score.',
      'Allocations that are left at the end are never freed.',
    ],
  });
}

/** The number of rounds that are over at the end of the phase of a time; 0 when half was freed, negative before. */
export const fragRoundOf = (time: number): number =>
  Math.floor(time / FRAG_PHASE_NS) - FRAG_PHASES_BEFORE + 1;

class Memory {
  readonly #list = new RequestList();
  readonly #dice: Dice;
  readonly #live: AllocationId[] = [];
  #phase = 0;
  #inPhase = 0;
  #allocated = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  get requests() {
    return this.#list.requests;
  }

  nextPhase(): void {
    this.#phase++;
    this.#inPhase = 0;
  }

  allocate(pages: number): void {
    for (let page = 0; page < pages; page++) {
      const owner = `core ${this.#allocated++ % CORES}`;
      this.#live.push(
        this.#list.allocate(this.#time(), { api: 'alloc_pages', pages: 1, bytes: PAGE_SIZE, owner }),
      );
    }
  }

  /** Returns how many were freed. */
  freeAtRandom(percent: number): number {
    const count = Math.floor((this.#live.length * percent) / 100);
    for (let freed = 0; freed < count; freed++) {
      const last = this.#live.length - 1;
      const which = this.#dice.between(0, last);
      this.#list.free(this.#time(), this.#live[which]);
      this.#live[which] = this.#live[last];
      this.#live.length = last;
    }
    return count;
  }

  #time() {
    return nanoseconds(this.#phase * FRAG_PHASE_NS + this.#inPhase++ * INTERVAL_NS);
  }
}
