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

const DEMAND = 'packages/pool/src/supply/demand.ts';

export const EQUIVALENT: readonly Equivalent[] = [
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
