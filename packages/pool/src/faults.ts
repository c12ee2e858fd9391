/** Conversions that fail, by seeded chance: what a hostile or broken host can do to a guest. */

import type { Faults } from '@decpool/model';
import type { Direction } from '@decpool/model/internal';
import { type Random, randomFrom } from './page-source/random.ts';

/** `failed but converted`: the host converted the pages and reported an error. */
export type FaultOutcome = 'works' | 'failed' | 'failed but converted';

/** Chances are compared with draws of so many steps. */
const STEPS = 2 ** 24;

export class FaultInjector {
  readonly #faults: Faults;
  readonly #random: Random;

  constructor(faults: Faults) {
    this.#faults = faults;
    this.#random = randomFrom(faults.seed);
  }

  /** Times that set_memory_encrypted() is tried on pages in an unknown state before they are leaked. */
  get retries(): number {
    return this.#faults.retries;
  }

  /** What becomes of the next conversion. */
  draw(direction: Direction): FaultOutcome {
    if (!this.#happens(this.#faults[direction])) return 'works';
    return this.#happens(this.#faults.converted) ? 'failed but converted' : 'failed';
  }

  #happens(chance: number): boolean {
    return this.#random.below(STEPS) < chance * STEPS;
  }
}
