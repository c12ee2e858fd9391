import {
  type MappingRun,
  type MemoryState,
  MIGRATETYPES,
  type Migratetype,
  x86Geometry,
  type ZoneState,
} from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scatterIntervals } from './interval.ts';
import { runModel } from './model.ts';
import type { ScatterRequest } from './run.ts';

const BLOCKS = 16;

function zone(name: string, firstBlock: number, free: Partial<Record<Migratetype, number[]>>): ZoneState {
  const perType = <Value>(value: (type: Migratetype) => Value) =>
    Object.fromEntries(MIGRATETYPES.map((type) => [type, value(type)])) as Record<Migratetype, Value>;
  return {
    name,
    ram: [[firstBlock * 512, BLOCKS * 512]],
    free: perType((type) => Array.from({ length: 11 }, (_, order) => free[type]?.[order] ?? 0)),
    lowWatermark: 0,
    pageblocks: perType((type) => (type === 'Unmovable' || type === 'Movable' ? BLOCKS / 2 : 0)),
  };
}

const normal = (unmovable: number[], movable: number[] = []) =>
  zone('Normal', 0, { Unmovable: unmovable, Movable: movable });

const allocate = (...orders: number[]): ScatterRequest[] =>
  orders.map((order, index) => ({ kind: 'allocate', key: `${index}`, order }));
const pages = (count: number) => allocate(...new Array<number>(count).fill(0));

interface Setting {
  readonly zones?: readonly ZoneState[];
  readonly levels?: readonly MappingRun[];
  readonly reserved?: readonly [number, number][];
  readonly served?: Readonly<Record<string, number>>;
  readonly pagesByOthers?: number;
}

function intervals(requests: readonly ScatterRequest[], setting: Setting) {
  const zones = setting.zones ?? [normal([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])];
  const memory: MemoryState = { name: 'made up', zones, directMap: [] };
  const end = Math.max(...zones.flatMap(({ ram }) => ram.map(([start, count]) => start + count)));
  const served = setting.served ?? { Normal: 100_000 };
  return scatterIntervals({
    memory,
    geometry: x86Geometry(end),
    levels: setting.levels ?? [[0, end, 2]],
    reserved: setting.reserved ?? [],
    requests,
    traffic: { allocatedFrom: (name) => served[name] ?? 0 },
    pagesByOthers: setting.pagesByOthers ?? 0,
  });
}

describe('the clustered end', () => {
  it('fills whole blocks with the pages held at the peak', () => {
    expect(intervals(pages(512), {}).splits2M.low).toBe(1);
    expect(intervals(pages(513), {}).splits2M.low).toBe(2);
    const oneByOne = pages(513).flatMap((request): ScatterRequest[] => [
      request,
      { kind: 'free', key: request.key },
    ]);
    expect(intervals(oneByOne, {}).splits2M.low).toBe(1);
  });

  it('fills the blocks that are mapped by 4K pages already first', () => {
    const levels: MappingRun[] = [
      [0, 512, 1],
      [512, 15 * 512, 2],
    ];
    expect(intervals(pages(512), { levels }).splits2M.low).toBe(0);
    expect(intervals(pages(513), { levels }).splits2M.low).toBe(1);
  });

  it('leaves out the kernel image', () => {
    const levels: MappingRun[] = [
      [0, 512, 1],
      [512, 15 * 512, 2],
    ];
    expect(intervals(pages(412), { levels, reserved: [[400, 300]] }).splits2M.low).toBe(1);
    expect(intervals(pages(400), { levels, reserved: [[400, 300]] }).splits2M.low).toBe(0);
  });

  it('puts no more pages into a zone than it served', () => {
    const zones = [zone('DMA32', 0, { Unmovable: [4] }), zone('Normal', BLOCKS, { Unmovable: [4] })];
    const levels: MappingRun[] = [
      [0, BLOCKS * 512, 1],
      [BLOCKS * 512, BLOCKS * 512, 2],
    ];
    const of = (DMA32: number) =>
      intervals(pages(4), { zones, levels, served: { DMA32, Normal: 100 } }).splits2M.low;
    expect([of(0), of(3), of(4)]).toEqual([1, 1, 0]);
  });
});

describe('the spread end', () => {
  it('has each free chunk in a block of its own, the smallest used first', () => {
    const high = (count: number) => intervals(pages(count), {}).splits2M.high;
    expect([1, 2, 3, 4, 5, 500].map(high)).toEqual([1, 2, 3, 4, 4, 4]);
    // A block is used up when page tables, here four, can have taken what is left of it.
    expect([3 + 508, 3 + 509].map(high)).toEqual([4, 5]);
  });

  it('gives a request another chunk where others can have taken what was left of the last', () => {
    const high = (pagesByOthers: number) => intervals(pages(5), { pagesByOthers }).splits2M.high;
    // Of a block 511 pages are left; four page tables came before, and one comes with the block itself.
    expect([0, 511 - 5, 511 - 4, 100_000].map(high)).toEqual([4, 4, 5, 5]);
    expect(intervals(pages(50), { pagesByOthers: 100_000 }).splits2M.high).toBe(5);
  });

  it('serves a request of some order from a chunk that is large enough', () => {
    const zones = [normal([5, 0, 0, 2])];
    expect(intervals(allocate(2), { zones }).splits2M.high).toBe(1);
    expect(intervals(allocate(3, 3), { zones }).splits2M.high).toBe(2);
    expect(intervals(allocate(4), { zones }).splits2M).toEqual({ low: 1, high: 1 });
  });

  it('does not give back what the run frees', () => {
    const again: ScatterRequest[] = [...pages(1), { kind: 'free', key: '0' }, ...pages(1)];
    expect(intervals(again, {}).splits2M).toEqual({ low: 1, high: 2 });
  });

  it('goes to other migratetypes, the largest chunk first, when the unmovable ones are gone', () => {
    const zones = [normal([1], [9, 0, 1])];
    expect([1, 2, 5, 6, 7].map((count) => intervals(pages(count), { zones }).splits2M.high)).toEqual([
      1, 2, 2, 3, 4,
    ]);
  });

  it('has small chunks in pageblocks of their migratetype only', () => {
    expect(intervals(pages(100), { zones: [normal([100])] }).splits2M.high).toBe(BLOCKS / 2);
    expect(intervals(pages(100), { zones: [normal([100], [100])] }).possible2M).toBe(BLOCKS);
  });

  it('takes no page from a zone that served none', () => {
    const zones = [zone('DMA32', 0, { Unmovable: [4] }), zone('Normal', BLOCKS, { Unmovable: [0, 2] })];
    const of = (DMA32: number) =>
      intervals(pages(3), { zones, served: { DMA32, Normal: 100 } }).splits2M.high;
    expect([of(0), of(1), of(2), of(3)]).toEqual([2, 3, 3, 3]);
  });
});

describe('requests of whole blocks', () => {
  it('split no 2M entry', () => {
    expect(intervals(allocate(9, 10), {})).toEqual({
      splits2M: { low: 0, high: 0 },
      splits1G: { low: 0, high: 0 },
      possible2M: 0,
    });
  });

  it('split a 1G entry where one maps the zone', () => {
    expect(intervals(allocate(9), { levels: [[0, 2 ** 18, 3]] }).splits1G).toEqual({ low: 1, high: 1 });
    const levels: MappingRun[] = [
      [0, 512, 2],
      [512, 2 ** 18, 3],
    ];
    expect(intervals(allocate(9), { levels }).splits1G).toEqual({ low: 0, high: 1 });
  });
});

describe('what no placement exceeds', () => {
  it('is the requests, the blocks mapped by 2M, and what the zones served, whichever is least', () => {
    expect(intervals(pages(7), {}).possible2M).toBe(7);
    expect(intervals(pages(70), {}).possible2M).toBe(BLOCKS);
    expect(intervals(pages(70), { served: { Normal: 5 } }).possible2M).toBe(5);
  });
});

/** Each request, and after some of them a free of one that is still held. */
function withFrees(requests: readonly ScatterRequest[], freed: readonly number[]): ScatterRequest[] {
  const held: string[] = [];
  return requests.flatMap((request, index): ScatterRequest[] => {
    held.push(request.key);
    const choice = freed[index % freed.length];
    if (choice >= held.length) return [request];
    return [request, { kind: 'free', key: held.splice(choice, 1)[0] }];
  });
}

it('the model without other tasks stays inside, wherever the chunks are placed', () => {
  const counts = fc.array(fc.nat(4), { minLength: 10, maxLength: 10 });
  const orders = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 });
  const freed = fc.array(fc.nat(60), { minLength: 1, maxLength: 40 });
  let compared = 0;
  fc.assert(
    fc.property(counts, orders, freed, fc.nat(1000), (free, wanted, choices, seed) => {
      const zones = [normal(free.map((count, order) => (order < 8 ? count : Math.min(count, 2))))];
      const memory: MemoryState = { name: 'made up', zones, directMap: [] };
      const levels: MappingRun[] = [[0, BLOCKS * 512, 2]];
      const requests = withFrees(allocate(...wanted), choices);
      const { splits2M, misplaced, dropped, refused } = runModel(
        { memory, geometry: x86Geometry(BLOCKS * 512), levels, requests },
        { version: '6.1', major: 6, minor: 1 },
        seed,
      );
      // Where the counts contradict each other, or memory runs out, the interval promises nothing.
      if (misplaced + dropped + refused > 0) return;
      compared++;
      const { splits2M: interval, possible2M } = intervals(requests, { zones });
      expect(splits2M).toBeGreaterThanOrEqual(interval.low);
      expect(splits2M).toBeLessThanOrEqual(interval.high);
      expect(interval.high).toBeLessThanOrEqual(possible2M);
    }),
    { numRuns: 500, seed: 7 },
  );
  expect(compared).toBeGreaterThan(100);
});
