import { type AllocationId, InputError, MAX_PAGE_ORDER, nanoseconds } from '@decpool/model';
import { defineWorkload, type ParameterTable, type Settings } from './define.ts';
import { RequestList, wholePages } from './request-list.ts';

const PARAMETERS = {
  pages: {
    default: 8192,
    min: 4,
    max: 1 << 20,
    unit: 'pages',
    about: 'live pages after each round; a multiple of 2^(rounds + 1)',
  },
  rounds: {
    default: 9,
    min: 1,
    max: MAX_PAGE_ORDER,
    about: 'rounds; the last allocates chunks of this order',
  },
} satisfies ParameterTable;

const INTERVAL_NS = 1_000;

/** Pages that an allocator of aligned powers of two needs at the end: (1 + rounds / 2) pages. One that packs needs `pages`. */
export const buddyAdversaryPages = ({ pages, rounds }: Settings<typeof PARAMETERS>): number =>
  pages + (rounds * pages) / 2;

/**
 * The worst case of every allocator of aligned powers of two that cannot move anything: Knuth, The Art of Computer
 * Programming, volume 1, 2.5, exercise 41. It fills memory with single pages. Then, for k = 1, 2, ... rounds, it frees all that does
 * not lie at a multiple of 2^k pages and allocates as many pages in chunks of order k. One small chunk stays at the base of every
 * aligned 2^k pages in use, so none of them can hold a new chunk: each round takes another half of `pages`.
 *
 * A list of requests does not know where pages lie. So it is **assumed** that memory is handed out in order of allocation, a
 * chunk of order k behind what was handed out before it. First fit does so within a run of blocks; other placements meet a
 * weaker adversary.
 */
export const buddyAdversary = defineWorkload({
  name: 'buddy-adversary',
  description: "Knuth's worst case for allocators of aligned powers of two. Its cost is known.",
  parameters: PARAMETERS,
  expected: (defaults) =>
    ['first-fit', 'buddy'].map((placement) => ({
      policy: `${placement}+block+never-return`,
      figure: 'blocks',
      expected: buddyAdversaryPages(defaults) / defaults.pages,
      tolerance: 0,
      source: '1 + r / 2 with r = 9 rounds; Knuth, TAOCP 1, 2.5, exercise 41',
    })),
  requests({ pages, rounds }) {
    const unit = 2 ** (rounds + 1);
    if (pages % unit !== 0) {
      throw new InputError(
        `workload buddy-adversary: pages is ${pages}; with ${rounds} rounds it must be a multiple of ${unit}, as ${Math.ceil(pages / unit) * unit} is`,
      );
    }
    const list = new RequestList();
    const time = () => nanoseconds(list.requests.length * INTERVAL_NS);
    /** What is allocated, and the position it is assumed to be at. */
    let live: { readonly allocation: AllocationId; readonly position: number }[] = [];
    /** Behind everything that was ever handed out. */
    let end = 0;
    for (let order = 0; order <= rounds; order++) {
      const size = 1 << order;
      for (const { allocation, position } of live) if (position % size > 0) list.free(time(), allocation);
      live = live.filter(({ position }) => position % size === 0);
      const wanted = wholePages(size, `adversary order ${order}`);
      for (let chunk = order === 0 ? pages : pages >> (order + 1); chunk > 0; chunk--, end += size) {
        live.push({ allocation: list.allocate(time(), wanted), position: end });
      }
    }
    return list.requests;
  },
  text: (settings) => ({
    description: `Knuth's worst case for allocators of aligned powers of two: ${settings.rounds} rounds that keep ${settings.pages} pages allocated.`,
    notes: [
      `Known answer: ${buddyAdversaryPages(settings)} pages, ${1 + settings.rounds / 2} times the live pages, if memory is handed out in order of allocation and aligned. Other placements may need less.`,
      'No random numbers: every seed makes the same requests. Allocations that are left at the end are never freed.',
    ],
  }),
});
