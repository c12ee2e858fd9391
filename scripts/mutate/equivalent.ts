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

const POOL = 'packages/pool/src';

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
  {
    file: `${POOL}/page-source/claimed-pages.ts`,
    text: 'this.#bits = new Int32Array(spanPages / 32);',
    change: 'spanPages / 32 -> spanPages * 32',
    why: 'the end of a longer array is not used',
  },
  {
    file: `${POOL}/page-source/claimed-pages.ts`,
    text: 'this.#isWhole = new Uint8Array(spanPages / pagesPerBlock);',
    change: 'spanPages / pagesPerBlock -> spanPages * pagesPerBlock',
    why: 'the end of a longer array is not used',
  },
  {
    file: `${POOL}/page-source/claimed-pages.ts`,
    text: 'if (order > this.#blockOrder) {',
    change: 'order > this.#blockOrder -> order >= this.#blockOrder',
    why: 'both halves of a pageblock are looked at instead',
  },
  ...['order < this.#blockOrder -> true', 'order < this.#blockOrder -> order <= this.#blockOrder'].map(
    (change) => ({
      file: `${POOL}/page-source/claimed-pages.ts`,
      text: 'if (order < this.#blockOrder) {',
      change,
      why: 'the bits of the pages say the same, and are only slower',
    }),
  ),
  {
    file: `${POOL}/page-source/claimed-pages.ts`,
    text: 'if (isWhole && order === this.#blockOrder) return;',
    change: 'isWhole && order === this.#blockOrder -> false',
    why: 'the bits of the pages are set and cleared again',
  },
  {
    file: `${POOL}/page-source/pageblock.ts`,
    text: 'if (from < to) this.#taken.fill(0, from, to);',
    change: 'from < to -> from <= to',
    why: 'no page is filled',
  },
  {
    file: `${POOL}/page-source/pageblock.ts`,
    text: 'for (let at = 0; at < this.#pages; ) {',
    change: 'at < this.#pages -> at <= this.#pages',
    why: 'no chunk begins behind the last page',
  },
  {
    file: `${POOL}/page-source/pageblock.ts`,
    text: 'const taken = this.#taken[at] === 1 ? at : this.#taken.indexOf(1, at);',
    change: 'this.#taken[at] === 1 -> false',
    why: 'the search finds the same page, and is only slower',
  },
  ...['at ^ size -> at & size', '1 -> 1 + 1', 'this.#heads[at ^ size] !== order + 1 -> true'].map(
    (change) => ({
      file: `${POOL}/page-source/pageblock.ts`,
      text: 'for (; at + size <= end; at += size) if (this.#heads[at ^ size] !== order + 1) open.push(at);',
      change,
      why: 'other draws of the same choice: the buddy is looked at again before a chunk is placed',
    }),
  ),
  {
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'while (type < quota.length && quota[type] <= 0) type++;',
    change: 'type < quota.length -> type <= quota.length',
    why: 'undefined is not less than 0',
  },
  {
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'if (wanted === 0) return;',
    change: 'wanted === 0 -> false',
    why: 'no chunks are placed, only slower',
  },
  {
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'const lost = left === 0 ? 0 : this.#spread(elsewhere, order, left, runs);',
    change: 'left === 0 -> false',
    why: 'no chunks are placed, only slower',
  },
  ...['2 -> 2 + 1', 'round < 2 -> round <= 2', 'left > 0 -> left >= 0'].map((change) => ({
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'for (let round = 0; round < 2 && left > 0; round++) {',
    change,
    why: 'a third round finds no more room than the second, and one for no chunks places none',
  })),
  {
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'if (left === 0) break;',
    change: 'left === 0 -> false',
    why: 'no chunks are placed, only slower',
  },
];

export const changeText = ({ from, to }: Mutant): string => `${from} -> ${to}`;

const key = (file: string, text: string, change: string): string => JSON.stringify([file, text, change]);
const KEYS = new Set(EQUIVALENT.map(({ file, text, change }) => key(file, text, change)));

export const isEquivalent = (mutant: Mutant): boolean =>
  KEYS.has(key(mutant.file, mutant.text, changeText(mutant)));
