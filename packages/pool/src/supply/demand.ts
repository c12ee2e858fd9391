import { secondsOf, secondsParameter } from './seconds.ts';
import { AT_ONCE, type SupplyFactory } from './supply.ts';

/** Default: how far back demand is looked at. */
const SECONDS = 10;
/** Steps in which the window moves on. */
const EPOCHS = 16;

/**
 * Keeps enough free pages for use to rise again to its peak of the last `SECONDS`, and gives back the rest, as TCMalloc's
 * skip-subrelease does. Demand that comes in waves finds its memory still shared; a single peak is forgotten. `parameters`
 * are the seconds, as in `demand(10)`. Throws InputError for invalid ones.
 */
export function demand(...parameters: readonly (number | string)[]): SupplyFactory {
  const ns = secondsParameter('demand', parameters, SECONDS);
  return () => {
    const peaks = new RecentPeak(Math.max(1, Math.floor(ns / EPOCHS)));
    return {
      name: `demand:${secondsOf(ns)}`,
      used: (time, pages) => peaks.note(time, pages),
      returnsAt({ now, freePages, blockPages }) {
        const { pages, until, usedPages } = peaks.at(now);
        return freePages - blockPages >= pages - usedPages ? AT_ONCE : until;
      },
    };
  };
}

/** The most pages that were used at one time in the last EPOCHS epochs. */
class RecentPeak {
  readonly #epochNs: number;
  /** Most pages used in each epoch, by its number modulo EPOCHS, and which epoch that was. */
  readonly #most = new Float64Array(EPOCHS);
  readonly #epochOf = new Float64Array(EPOCHS).fill(-1);
  #usedPages = 0;

  constructor(epochNs: number) {
    this.#epochNs = epochNs;
  }

  note(time: number, pages: number): void {
    const epoch = Math.floor(time / this.#epochNs);
    const slot = epoch % EPOCHS;
    if (this.#epochOf[slot] !== epoch) {
      this.#epochOf[slot] = epoch;
      this.#most[slot] = this.#usedPages;
    }
    this.#usedPages = pages;
    if (pages > this.#most[slot]) this.#most[slot] = pages;
  }

  /** The peak of the window that ends now, what is used now, and the simulated ns at which the peak will have left it. */
  at(now: number): { readonly pages: number; readonly usedPages: number; readonly until: number } {
    const epoch = Math.floor(now / this.#epochNs);
    let pages = this.#usedPages;
    let peakEpoch = epoch;
    for (let slot = 0; slot < EPOCHS; slot++) {
      const isRecent = this.#epochOf[slot] > epoch - EPOCHS;
      if (!isRecent || this.#most[slot] < pages) continue;
      if (this.#most[slot] > pages || this.#epochOf[slot] > peakEpoch) peakEpoch = this.#epochOf[slot];
      pages = this.#most[slot];
    }
    return { pages, usedPages: this.#usedPages, until: (peakEpoch + EPOCHS) * this.#epochNs };
  }
}
