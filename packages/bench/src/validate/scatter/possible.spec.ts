import { type MappingRun, type MemoryState, type Migratetype, x86Geometry } from '@decpool/model';
import { MIGRATETYPES, type ZoneState } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runModel, runUniform } from './model.ts';
import { possibleSplits } from './possible.ts';
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
}

function possible(requests: readonly ScatterRequest[], setting: Setting) {
  const zones = setting.zones ?? [normal([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])];
  const memory: MemoryState = { name: 'made up', zones, directMap: [] };
  const end = Math.max(...zones.flatMap(({ ram }) => ram.map(([start, count]) => start + count)));
  const served = setting.served ?? { Normal: 100_000 };
  return possibleSplits({
    memory,
    geometry: x86Geometry(end),
    levels: setting.levels ?? [[0, end, 2]],
    reserved: setting.reserved ?? [],
    requests,
    traffic: { allocatedFrom: (name) => served[name] ?? 0 },
  });
}

describe('the fewest splits', () => {
  it('fill whole blocks with the pages held at the peak', () => {
    expect(possible(pages(512), {}).splits2M.low).toBe(1);
    expect(possible(pages(513), {}).splits2M.low).toBe(2);
    const oneByOne = pages(513).flatMap((request): ScatterRequest[] => [
      request,
      { kind: 'free', key: request.key },
    ]);
    expect(possible(oneByOne, {}).splits2M.low).toBe(1);
  });

  it('fill the blocks that are mapped by 4K pages already first', () => {
    const levels: MappingRun[] = [
      [0, 512, 1],
      [512, 15 * 512, 2],
    ];
    expect(possible(pages(512), { levels }).splits2M.low).toBe(0);
    expect(possible(pages(513), { levels }).splits2M.low).toBe(1);
  });

  it('leave out the kernel image', () => {
    const levels: MappingRun[] = [
      [0, 512, 1],
      [512, 15 * 512, 2],
    ];
    expect(possible(pages(412), { levels, reserved: [[400, 300]] }).splits2M.low).toBe(1);
    expect(possible(pages(400), { levels, reserved: [[400, 300]] }).splits2M.low).toBe(0);
  });

  it('put no more pages into a zone than it served', () => {
    const zones = [zone('DMA32', 0, { Unmovable: [4] }), zone('Normal', BLOCKS, { Unmovable: [4] })];
    const levels: MappingRun[] = [
      [0, BLOCKS * 512, 1],
      [BLOCKS * 512, BLOCKS * 512, 2],
    ];
    const of = (DMA32: number) =>
      possible(pages(4), { zones, levels, served: { DMA32, Normal: 100 } }).splits2M.low;
    expect([of(0), of(3), of(4)]).toEqual([1, 1, 0]);
  });
});

describe('requests of whole blocks', () => {
  it('split no 2M entry', () => {
    expect(possible(allocate(9, 10), {})).toEqual({
      splits2M: { low: 0, high: 0 },
      splits1G: { low: 0, high: 0 },
    });
  });

  it('split a 1G entry where one maps the zone', () => {
    expect(possible(allocate(9), { levels: [[0, 2 ** 18, 3]] }).splits1G).toEqual({ low: 1, high: 1 });
    const levels: MappingRun[] = [
      [0, 512, 2],
      [512, 2 ** 18, 3],
    ];
    expect(possible(allocate(9), { levels }).splits1G).toEqual({ low: 0, high: 1 });
  });
});

describe('the most splits', () => {
  it('are the requests, the blocks mapped by 2M, or what the zones served, whichever is least', () => {
    expect(possible(pages(7), {}).splits2M.high).toBe(7);
    expect(possible(pages(70), {}).splits2M.high).toBe(BLOCKS);
    expect(possible(pages(70), { served: { Normal: 5 } }).splits2M.high).toBe(5);
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

it('the model and chance stay inside, wherever the chunks are placed', () => {
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
      const run = { memory, geometry: x86Geometry(BLOCKS * 512), levels, requests };
      const model = runModel(run, { version: '6.1', major: 6, minor: 1 }, seed);
      const uniform = runUniform(run, seed);
      // Where the counts contradict each other, or memory runs out, the range promises nothing.
      if (model.misplaced + model.dropped + model.refused + uniform.refused > 0) return;
      compared++;
      const { low, high } = possible(requests, { zones }).splits2M;
      for (const { splits2M } of [model, uniform]) {
        expect(splits2M).toBeGreaterThanOrEqual(low);
        expect(splits2M).toBeLessThanOrEqual(high);
      }
    }),
    { numRuns: 500, seed: 7 },
  );
  expect(compared).toBeGreaterThan(100);
});
