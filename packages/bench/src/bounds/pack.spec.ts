import { nanoseconds, orderFor, type Request } from '@decpool/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { exactPlans } from './exact.ts';
import { ANYWHERE, type PageItem } from './items.ts';
import { type Moments, momentsOf } from './moments.ts';
import { type Packing, planOf } from './plan.ts';
import { bestPlans, heuristicPackings } from './testing-at-once.ts';

/** Small blocks, so that everything can be tried. */
const P = 4;
/** Every packing there is. */
const ALL = Number.POSITIVE_INFINITY;

interface Case {
  readonly items: readonly PageItem[];
  readonly moments: Moments;
}

/** Requests that each start or end one item, at times that do not go back. */
const cases = (pages: fc.Arbitrary<number>, mostItems: number, place = fc.constant(ANYWHERE)) =>
  fc
    .array(fc.record({ pages, place, gap: fc.nat(9), isScattered: fc.boolean(), life: fc.nat(99) }), {
      minLength: 1,
      maxLength: mostItems,
    })
    .map((drawn): Case => {
      // Starts take the places 0, 2, 4, ...; an end goes before the start that comes after its life.
      const order = drawn
        .flatMap(({ life }, index) => [
          { key: 2 * index, index, isEnd: false },
          { key: 2 * (index + (life % (drawn.length + 1))) + 1, index, isEnd: true },
        ])
        .sort((a, b) => a.key - b.key || a.index - b.index);
      const at = (index: number, isEnd: boolean) =>
        order.findIndex((step) => step.index === index && step.isEnd === isEnd);
      let time = 0;
      const requests = order.map(({ index }) => {
        time += drawn[index].gap;
        return { kind: 'free', time: nanoseconds(time), allocation: index + 1 } as Request;
      });
      const items = drawn.map(({ pages: count, place: where, isScattered }, index) => ({
        pages: count,
        align: isScattered && count > P ? 0 : 2 ** orderFor(count),
        start: at(index, false),
        end: at(index, true),
        lifeNs: requests[at(index, true)].time - requests[at(index, false)].time,
        mayConvertAtStart: true,
        mayConvertAtEnd: true,
        place: where,
      }));
      return { items, moments: momentsOf(requests, items, time) };
    });

const inBlocks = cases(fc.constantFrom(1, 2, 3, 4), 4);
const anySize = cases(fc.integer({ min: 1, max: 2 * P }), 30, fc.constantFrom(ANYWHERE, '1/Normal'));

/** Blocks at peak and block-ns of what each item's blocks are, found by looking at every request. */
function costOf({ items, moments }: Case, blocksOf: (item: number) => readonly number[]) {
  const { requests } = moments;
  let peak = 0;
  let blockNs = 0;
  for (let request = 0; request < requests.length; request++) {
    const used = new Set(
      items.flatMap(({ start, end }, item) => (start <= request && request < end ? blocksOf(item) : [])),
    );
    peak = Math.max(peak, used.size);
    if (request + 1 < requests.length)
      blockNs += used.size * (requests[request + 1].time - requests[request].time);
  }
  return { peak, blockNs };
}

function leastOf(drawn: Case) {
  const { items, moments } = drawn;
  const pages = (request: number) =>
    items.reduce(
      (sum, { start, end, pages: count }) => sum + (start <= request && request < end ? count : 0),
      0,
    );
  let peak = 0;
  let blockNs = 0;
  for (let request = 0; request < moments.requests.length; request++) {
    const blocks = Math.ceil(pages(request) / P);
    peak = Math.max(peak, blocks);
    if (request + 1 < moments.requests.length)
      blockNs += blocks * (moments.requests[request + 1].time - moments.requests[request].time);
  }
  return { peak, blockNs };
}

/** The best there is, of every way to give each item an aligned place in as many blocks as there are items. */
function bruteForce(drawn: Case) {
  const { items } = drawn;
  const places: { block: number; first: number }[] = [];
  const best = { peak: Number.POSITIVE_INFINITY, blockNs: Number.POSITIVE_INFINITY };
  const collides = (item: number, block: number, first: number) =>
    places.some((other, index) => {
      const [a, b] = [items[item], items[index]];
      return (
        other.block === block &&
        a.start < b.end &&
        b.start < a.end &&
        first < other.first + b.pages &&
        other.first < first + a.pages
      );
    });
  const put = (item: number) => {
    if (item === items.length) {
      const { peak, blockNs } = costOf(drawn, (index) => [places[index].block]);
      best.peak = Math.min(best.peak, peak);
      best.blockNs = Math.min(best.blockNs, blockNs);
      return;
    }
    const { pages, align } = items[item];
    for (let block = 0; block < items.length; block++) {
      for (let first = 0; first + pages <= P; first += align) {
        if (collides(item, block, first)) continue;
        places[item] = { block, first };
        put(item + 1);
        places.length = item;
      }
    }
  };
  put(0);
  return best;
}

function expectValid({ items }: Case, packing: Packing) {
  const users = new Map<number, number[]>();
  const placeOf = new Map<number, string>();
  for (const [item, pieces] of packing.entries()) {
    const { pages, align, place } = items[item];
    expect(pieces.reduce((sum, piece) => sum + piece.pages, 0)).toBe(pages);
    const addresses = pieces.flatMap(({ block, first, pages: count }) => {
      expect(placeOf.get(block) ?? place).toBe(place);
      placeOf.set(block, place);
      expect(first + count).toBeLessThanOrEqual(P);
      return Array.from({ length: count }, (_, index) => block * P + first + index);
    });
    expect(new Set(addresses).size).toBe(pages);
    if (align > 0) {
      expect(addresses[0] % align).toBe(0);
      expect(addresses.at(-1)! - addresses[0]).toBe(pages - 1);
    }
    for (const address of addresses) users.set(address, [...(users.get(address) ?? []), item]);
  }
  for (const sharers of users.values()) {
    for (const a of sharers) {
      for (const b of sharers) {
        if (a !== b) expect(items[a].end <= items[b].start || items[b].end <= items[a].start).toBe(true);
      }
    }
  }
}

it('every packing keeps items apart that live at one time, aligned and in one piece where they must be', () => {
  fc.assert(
    fc.property(anySize, (drawn) => {
      const packings = heuristicPackings(drawn.items, P, drawn.moments.requests.length, ALL);
      expect(packings.length).toBeGreaterThan(3);
      for (const packing of packings) {
        expectValid(drawn, packing);
        const { blocksPeak, blockNs } = planOf(drawn.items, packing, drawn.moments);
        const { peak, blockNs: counted } = costOf(drawn, (item) => packing[item].map(({ block }) => block));
        expect([blocksPeak, Number(blockNs)]).toEqual([peak, counted]);
        const least = leastOf(drawn);
        expect(blocksPeak).toBeGreaterThanOrEqual(least.peak);
        expect(Number(blockNs)).toBeGreaterThanOrEqual(least.blockNs);
      }
    }),
  );
});

it('a few items get the best there is, as trying everything finds it; the heuristics are never better', () => {
  fc.assert(
    fc.property(inBlocks, (drawn) => {
      const { items, moments } = drawn;
      for (const { packing } of exactPlans(items, P, moments) ?? []) expectValid(drawn, packing);
      const best = bruteForce(drawn);
      const { byPeak, byBlockTime } = bestPlans(items, P, moments, ALL);
      expect([byPeak.blocksPeak, Number(byBlockTime.blockNs)]).toEqual([best.peak, best.blockNs]);
      for (const packing of heuristicPackings(items, P, moments.requests.length, ALL)) {
        const plan = planOf(items, packing, moments);
        expect(plan.blocksPeak).toBeGreaterThanOrEqual(best.peak);
        expect(Number(plan.blockNs)).toBeGreaterThanOrEqual(best.blockNs);
      }
      const least = leastOf(drawn);
      expect(best.peak).toBeGreaterThanOrEqual(least.peak);
      expect(best.blockNs).toBeGreaterThanOrEqual(least.blockNs);
    }),
    { numRuns: 60 },
  );
});

it('single pages come to the lower bound at peak', () => {
  fc.assert(
    fc.property(cases(fc.constant(1), 40), (drawn) => {
      const { byPeak } = bestPlans(drawn.items, P, drawn.moments, ALL);
      expect(byPeak.blocksPeak).toBe(leastOf(drawn).peak);
    }),
  );
});
