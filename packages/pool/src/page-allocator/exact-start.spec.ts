import { type MemoryState, x86Geometry } from '@decpool/model';
import { type ExactZone, MIGRATETYPES, packChunks } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { kernelOf, reachOf, startExactly } from './exact-start.ts';
import { TYPE } from './migratetypes.ts';

const SPAN = 4096;

const exactZone = (changes: Partial<ExactZone> = {}): ExactZone => ({
  start: 0,
  end: SPAN,
  managed: SPAN,
  freeCounter: 1034,
  min: 8,
  low: 10,
  high: 12,
  boost: 0,
  lowmemReserve: [0, 0, 0, 0, 0],
  reservedHighatomic: 0,
  flags: 0,
  pageblocks: [
    [0, 2, 'Unmovable'],
    [1024, 6, 'Movable'],
  ],
  movable: [[1024, 2, 100]],
  lists: [
    [0, 'Unmovable', packChunks([600, 8, 77])],
    [10, 'Movable', packChunks([2048])],
  ],
  cpus: [{ batch: 4, high: 16, highMin: 16, highMax: 16, freeDiff: -7, lists: [[0, packChunks([5, 3])]] }],
  ...changes,
});

function memory(zone: ExactZone, kernel = '7.3.4+deb13-amd64'): MemoryState {
  const perType = <Value>(value: Value) =>
    Object.fromEntries(MIGRATETYPES.map((type) => [type, value])) as Record<
      (typeof MIGRATETYPES)[number],
      Value
    >;
  const ram = [[0, SPAN]] as const;
  const counts = { free: perType(new Array(11).fill(0)), lowWatermark: 0, pageblocks: perType(0) };
  return {
    name: 'made up',
    zones: [{ name: 'Normal', ram, ...counts }],
    exact: { kernel, zones: [zone] },
    directMap: [],
  };
}

const start = (zone: ExactZone) => startExactly(memory(zone), x86Geometry(SPAN));

describe('a start from every list in its order', () => {
  it('serves the per-CPU list first, then the buddy lists, in their order', () => {
    const allocator = start(exactZone());
    const reach = reachOf(memory(exactZone()), 'kernel');
    const next = () => allocator.claim(0, 0, TYPE.Unmovable, reach);
    expect([next(), next(), next(), next(), next()]).toEqual([5, 3, 600, 8, 77]);
  });

  it('has the types of pageblocks, what can move in them, and the counter as it stood', () => {
    const { buddy, zones, perCpuLists } = start(exactZone());
    expect([0, 1023, 1024, 4095].map((pfn) => buddy.typeOf(pfn))).toEqual([0, 0, 1, 1]);
    expect([...buddy.movableIn.slice(0, 5)]).toEqual([0, 0, 100, 100, 0]);
    expect([zones[0].freeCounter, zones[0].freePages, perCpuLists.pages]).toEqual([1034, 1027, 2]);
  });

  it('refuses a page that is in two lists', () => {
    const lists = [
      [10, 'Movable', '2048'],
      [0, 'Movable', '2050'],
    ] as const;
    expect(() => start(exactZone({ lists }))).toThrow(
      "memory state 'made up', zone Normal, free list of order 0, Movable: page 2050 is in a list a second time",
    );
  });

  it('refuses a chunk that is not aligned, or not in its zone', () => {
    expect(() => start(exactZone({ lists: [[1, 'Movable', '2049']] }))).toThrow(
      'no chunk of order 1 of the zone begins at page 2049',
    );
    expect(() => start(exactZone({ start: 1024, lists: [[0, 'Movable', '100']] }))).toThrow(
      'begins at page 100',
    );
    expect(() => start(exactZone({ lists: [[0, 'Movable', '9999']] }))).toThrow('page 9999 is outside');
  });

  it('refuses pageblocks behind the end of the zone, and more CPUs than lists can have', () => {
    expect(() => start(exactZone({ pageblocks: [[0, 1e12, 'Movable']] }))).toThrow(
      'zone Normal: 1000000000000 pageblocks from page 0 on end behind the zone',
    );
    const [cpu] = exactZone().cpus;
    expect(() => start(exactZone({ cpus: new Array(9999).fill(cpu) }))).toThrow('9999 CPUs: too many lists');
    expect(() => start(exactZone({ cpus: [] }))).toThrow('expected the lists of the same CPUs for each zone');
  });

  it('refuses a memory state that has only counts', () => {
    const { exact: _, ...counts } = memory(exactZone());
    expect(() => startExactly(counts, x86Geometry(SPAN))).toThrow("'made up' has no free lists, only counts");
  });
});

describe('what a kernel noted of a zone', () => {
  const flagged = (flags: number) => {
    const { isBoosted, isReclaiming, isBelowHigh } = start(exactZone({ flags })).zones[0];
    return { isBoosted, isReclaiming, isBelowHigh };
  };

  it('is in its flags: enum zone_flags', () => {
    const none = { isBoosted: false, isReclaiming: false, isBelowHigh: false };
    expect([0, 1, 2, 4, 8].map(flagged)).toEqual([
      none,
      { ...none, isBoosted: true },
      { ...none, isReclaiming: true },
      { ...none, isBelowHigh: true },
      none,
    ]);
    expect(flagged(7)).toEqual({ isBoosted: true, isReclaiming: true, isBelowHigh: true });
  });

  it('is in the flags of its CPUs, too: after a small chunk was freed, the next may empty the lists', () => {
    /** Pages of the list after chunks of order 1 were freed to it. */
    const listed = (flags: number | undefined) => {
      const [{ flags: _, ...cpu }] = exactZone().cpus;
      const cpus = [{ ...cpu, freeCount: 12, lists: [], ...(flags === undefined ? {} : { flags }) }];
      const allocator = start(exactZone({ cpus }));
      return [64, 128].map((pfn) => {
        allocator.free(0, allocator.zones[0], pfn, 1);
        return allocator.perCpuLists.pages;
      });
    };
    // Without a flag the first chunk counts as the first of its kind. With the second flag the lists keep a batch.
    expect([undefined, 0, 1, 2, 3, 4].map(listed)).toEqual([
      [2, 0],
      [2, 0],
      [0, 0],
      [2, 0],
      [2, 0],
      [2, 0],
    ]);
  });

  it('is the order of several lists, of all orders up to the largest and of all its CPUs', () => {
    const cpu = exactZone().cpus[0];
    const zone = exactZone({
      lists: [[10, 'Movable', packChunks([3072, 1024])]],
      cpus: [
        {
          ...cpu,
          freeDiff: 3,
          lists: [
            [0, packChunks([5, 3])],
            [13, packChunks([512])],
          ],
        },
        { ...cpu, freeDiff: -4, lists: [[3, packChunks([16])]] },
      ],
    });
    const allocator = start(zone);
    const { lists } = allocator.buddy;
    const heads = (of: [cpu: number, index: number][]) =>
      of.map(([cpuOf, index]) => lists.first(lists.perCpuList(0, cpuOf, index)));
    expect(
      heads([
        [0, 0],
        [0, 13],
        [1, 3],
        [1, 0],
      ]),
    ).toEqual([5, 512, 16, -1]);
    expect([512, 16].map((pfn) => lists.orderAt(pfn))).toEqual([9, 1]);
    expect([...allocator.zones[0].diffs]).toEqual([3, -4]);
    expect(allocator.perCpuLists.pages).toBe(2 + 512 + 2);
    expect(lists.first(lists.list(0, 10, TYPE.Movable))).toBe(3072);
    expect(allocator.cpus).toBe(2);
  });

  it('must be the same number of zones and CPUs as there are, and lists that there are', () => {
    const state = memory(exactZone());
    const twice = { ...state, exact: { kernel: '7.3', zones: [exactZone(), exactZone()] } };
    expect(() => startExactly(twice, x86Geometry(SPAN))).toThrow(
      "memory state 'made up' has the free lists of 2 zones, not of 1",
    );
    const [zone] = state.zones;
    const cpu = exactZone().cpus[0];
    const uneven = {
      ...twice,
      zones: [zone, zone],
      exact: { kernel: '7.3', zones: [exactZone(), exactZone({ cpus: [cpu, cpu] })] },
    };
    expect(() => startExactly(uneven, x86Geometry(SPAN))).toThrow(
      'expected the lists of the same CPUs for each zone',
    );
    const none = { ...state, zones: [], exact: { kernel: '7.3', zones: [] } };
    expect(() => startExactly(none, x86Geometry(SPAN))).toThrow(
      'expected the lists of the same CPUs for each zone',
    );
    const list = (index: number) =>
      start(exactZone({ lists: [], cpus: [{ ...cpu, lists: [[index, '512']] }] }));
    expect(() => list(13)).not.toThrow();
    expect(() => list(14)).toThrow('zone Normal: list 14 of CPU 0; expected 0 to 13');
  });

  it('lies in the zone, to its last page', () => {
    const lists = (order: number, pfn: number) => start(exactZone({ lists: [[order, 'Movable', `${pfn}`]] }));
    expect(() => lists(0, SPAN - 1)).not.toThrow();
    expect(() => lists(10, SPAN - 1024)).not.toThrow();
    expect(() => lists(11, 2048)).toThrow('free list of order 11, Movable: no chunk of order 11');
    const short = (order: number, pfn: number) =>
      start(exactZone({ end: SPAN - 512, pageblocks: [], lists: [[order, 'Movable', `${pfn}`]] }));
    expect(() => short(9, SPAN - 1024)).not.toThrow();
    expect(() => short(10, SPAN - 1024)).toThrow('no chunk of order 10 of the zone begins at page 3072');
    const [cpu] = exactZone().cpus;
    const low = (pfn: number) =>
      start(exactZone({ start: 1024, lists: [[0, 'Movable', `${pfn}`]], cpus: [{ ...cpu, lists: [] }] }));
    expect(() => low(1024)).not.toThrow();
    expect(() => low(1023)).toThrow('begins at page 1023');
    const blocks = (count: number) =>
      start(exactZone({ end: 1000, lists: [], pageblocks: [[0, count, 'Movable']] }));
    expect(() => blocks(2)).not.toThrow();
    expect(() => blocks(3)).toThrow('3 pageblocks from page 0 on end behind the zone');
  });
});

describe('the zones of a request', () => {
  const named = (...names: string[]): MemoryState => {
    const state = memory(exactZone());
    return { ...state, zones: names.map((name) => ({ ...state.zones[0], name }) as (typeof state.zones)[0]) };
  };

  it('are all of them from the highest down', () => {
    expect(reachOf(named('DMA', 'DMA32', 'Normal'), 'kernel')).toEqual({
      zones: [2, 1, 0],
      localZones: 3,
      highestZone: 2,
      isNofragment: true,
    });
    expect(reachOf(named('Normal'), 'movable').highestZone).toBe(3);
  });

  it('keep pageblocks whole on a first round if Normal comes first: alloc_flags_nofragment()', () => {
    expect(reachOf(named('DMA', 'DMA32'), 'kernel').isNofragment).toBe(false);
    expect(reachOf(named('DMA', 'Normal'), 'kernel').isNofragment).toBe(true);
    expect(reachOf(named('Normal', 'Movable'), 'kernel').isNofragment).toBe(false);
  });
});

describe('the rules of a kernel release', () => {
  it('change with the fallback of 6.10 and of 6.15', () => {
    const releases = ['5.10.0-1', '6.1.0-56-amd64', '6.9.1', '6.10', '6.14.2', '6.15.0', '7.3.4+deb13-amd64'];
    expect(releases.map(kernelOf)).toEqual(['6.1', '6.1', '6.1', '6.12', '6.12', '7.3', '7.3']);
    expect(() => kernelOf('v6.12')).toThrow("kernel 'v6.12'");
    expect(() => kernelOf('linux')).toThrow("kernel 'linux': expected a release like 6.12.95");
  });
});
