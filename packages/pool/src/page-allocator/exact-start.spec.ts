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

describe('the rules of a kernel release', () => {
  it('change with the fallback of 6.10 and of 6.15', () => {
    const releases = ['5.10.0-1', '6.1.0-56-amd64', '6.9.1', '6.10', '6.14.2', '6.15.0', '7.3.4+deb13-amd64'];
    expect(releases.map(kernelOf)).toEqual(['6.1', '6.1', '6.1', '6.12', '6.12', '7.3', '7.3']);
    expect(() => kernelOf('linux')).toThrow("kernel 'linux': expected a release like 6.12.95");
  });
});
