/** Mutants that change nothing that anybody can see, each with the reason. They are not tried, unless by `--equivalent`. */
import type { Mutant } from './mutants.ts';

export interface Equivalent {
  readonly file: string;
  /** The line that it begins in, without indentation. */
  readonly text: string;
  /** As the tool prints it: `from -> to`. */
  readonly change: string;
  readonly why: string;
}

const LOWER = 'packages/bench/src/bounds/lower.ts';

const BOUNDS = 'packages/bench/src/bounds';

const DEMAND = 'packages/pool/src/supply/demand.ts';

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: `${BOUNDS}/block-timeline.ts`,
    text: 'this.#leafSpan = Math.max(1, Math.ceil((requests + 1) / leaves));',
    change: '(requests + 1) / leaves -> (requests + 1) * leaves',
    why: 'coarser leaves hold the same items, and are only slower',
  },
  {
    file: `${BOUNDS}/in-time-order.ts`,
    text: 'const FAR = 2 ** 40;',
    change: '40 -> 40 + 1',
    why: 'any number beyond all indexes of requests gives the same order',
  },
  {
    file: `${BOUNDS}/offline.ts`,
    text: 'byBlockTime === byPeak',
    change: 'byBlockTime === byPeak -> false',
    why: 'the same plan is carried out once more, and comes to the same',
  },
  {
    file: DEMAND,
    text: 'for (let slot = 0; slot < EPOCHS; slot++) {',
    change: 'slot < EPOCHS -> slot <= EPOCHS',
    why: 'what is behind the last slot is not recent',
  },
  {
    file: DEMAND,
    text: 'if (pages > this.#most[slot]) this.#most[slot] = pages;',
    change: 'pages > this.#most[slot] -> pages >= this.#most[slot]',
    why: 'the same number is stored again',
  },
  {
    file: DEMAND,
    text: 'if (this.#most[slot] > pages || this.#epochOf[slot] > peakEpoch) peakEpoch = this.#epochOf[slot];',
    change: 'this.#epochOf[slot] > peakEpoch -> this.#epochOf[slot] >= peakEpoch',
    why: 'the same number is stored again',
  },
  ...['request.time > time -> true', 'request.time > time -> request.time >= time'].map((change) => ({
    file: LOWER,
    text: 'if (request.time > time) {',
    change,
    why: 'times never go back, and no time adds nothing',
  })),
  {
    file: LOWER,
    text: '} else return false;',
    change: 'false -> true',
    why: 'the blocks are counted once more, and are the same',
  },
  {
    file: LOWER,
    text: "const isSmall = api === 'kmalloc' || (api === 'dma_alloc_coherent' && bytes < PAGE_SIZE);",
    change: 'bytes < PAGE_SIZE -> bytes <= PAGE_SIZE',
    why: 'a page has as many bytes either way',
  },
];

export const changeText = ({ from, to }: Mutant): string => `${from} -> ${to}`;

const key = (file: string, text: string, change: string): string => JSON.stringify([file, text, change]);
const KEYS = new Set(EQUIVALENT.map(({ file, text, change }) => key(file, text, change)));

export const isEquivalent = (mutant: Mutant): boolean =>
  KEYS.has(key(mutant.file, mutant.text, changeText(mutant)));
