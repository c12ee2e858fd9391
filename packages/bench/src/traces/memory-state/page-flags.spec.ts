import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError, type Migratetype, x86Geometry } from '@decpool/model';
import { type PageRun, unpackChunks } from '@decpool/model/internal';
import { freshBoot } from '@decpool/pool';
import { PageSource } from '@decpool/pool/internal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { perType } from './free-lists.ts';
import { readMemoryState } from './memory-state.ts';
import { withPositions } from './page-flags.ts';

const [LRU, SLAB, BUDDY] = [1n << 5n, 1n << 7n, 1n << 10n];
const PAGES = 8 * 512;

/** A zone of eight pageblocks. `ranges`: first page, pages, flags; other pages are in use by the kernel. */
function kpageflags(ranges: readonly (readonly [start: number, pages: number, flags: bigint])[]): Buffer {
  const bytes = Buffer.alloc(PAGES * 8);
  for (const [start, pages, flags] of ranges) {
    for (let pfn = start; pfn < start + pages; pfn++) {
      // The high half has flags too, as KPF_RESERVED.
      bytes.writeBigUInt64LE(flags | (1n << 32n), pfn * 8);
    }
  }
  return bytes;
}

const counts = (text: Readonly<Record<number, number>>) =>
  Array.from({ length: 11 }, (_, order) => text[order] ?? 0).join(' ');

const RANGES = [
  // Pageblock 1 is page cache but for two runs of free pages, 2 is slab with a free page, 3 kernel memory.
  [512, 512, LRU],
  [515, 6, BUDDY],
  [1000, 24, BUDDY],
  [1024, 512, SLAB],
  [1030, 1, BUDDY],
  // 4 and 5 are free as a pair, 6 as a whole.
  [2048, 1024, BUDDY],
  [3072, 512, BUDDY],
] as const;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  mkdirSync(join(folder, 'state'));
  const files: Readonly<Record<string, string | Buffer>> = {
    buddyinfo: `Node 0, zone DMA ${counts({ 0: 3, 1: 1, 2: 1, 3: 1, 4: 1, 9: 1, 10: 1 })}\n`,
    pagetypeinfo:
      'Free pages count per migrate type at order 0\n' +
      `Node 0, zone DMA, type Unmovable ${counts({ 0: 1, 9: 1 })}\n` +
      `Node 0, zone DMA, type Movable ${counts({ 0: 2, 1: 1, 2: 1, 3: 1, 4: 1, 10: 1 })}\n` +
      'Number of blocks type Unmovable Movable Reclaimable\nNode 0, zone DMA 4 3 1\n',
    iomem: '00000000-00ffffff : System RAM\n',
    kpageflags: kpageflags(RANGES),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'state', name), content);
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = () => {
  const { memory, warnings } = readMemoryState(join(folder, 'state'));
  const [zone] = memory.zones;
  return { memory, zone, warnings: warnings.filter((text) => !text.startsWith('The direct map')) };
};

describe('a copy of /proc/kpageflags beside buddyinfo and pagetypeinfo', () => {
  it('says where free chunks are: the largest aligned ones of each run of free pages', () => {
    const { memory, zone } = read();
    expect(memory.name).toBe('state (positions)');
    const chunks = zone.positions?.chunks.map(([order, packed]) => [order, unpackChunks(packed, PAGES)]);
    expect(chunks).toEqual([
      [0, [515, 520, 1030]],
      [2, [516]],
      [3, [1000]],
      [4, [1008]],
      [9, [3072]],
      [10, [2048]],
    ]);
  });

  it('gives pageblocks the migratetypes of pagetypeinfo: those full of pages on LRU lists are Movable', () => {
    const { zone } = read();
    expect(zone.pageblocks).toMatchObject({ Unmovable: 4, Movable: 3, Reclaimable: 1 });
    const typeOf = zone.positions?.pageblocks.flatMap(([first, blocks, type]) =>
      Array.from({ length: blocks }, (_, block) => `${first / 512 + block} ${type}`),
    );
    // Unmovable takes the lowest of those without pages on LRU lists; one of its four is free as a whole.
    expect(typeOf).toEqual([
      '0 Unmovable',
      '1 Movable',
      '2 Unmovable',
      '3 Unmovable',
      '4 Movable',
      '5 Movable',
      '6 Unmovable',
      '7 Reclaimable',
    ]);
    expect(zone.positions?.movable).toEqual([[512, 1, 512 - 30]]);
    expect(zone.free.Unmovable).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    expect(zone.free.Movable).toEqual([2, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1]);
  });

  it('starts a page source that has these pages and no others', () => {
    const { memory } = read();
    const source = new PageSource(memory, x86Geometry(PAGES), 1);
    expect(source.freePages).toBe(31 + 3 * 512);
    expect([...source.freePagesByBlock()]).toEqual([0, 30, 1, 0, 512, 512, 512, 0]);
  });

  it('may be gzipped', () => {
    const { zone } = read();
    rmSync(join(folder, 'state', 'kpageflags'));
    writeFileSync(join(folder, 'state', 'kpageflags.gz'), gzipSync(kpageflags(RANGES)));
    expect(read().zone).toEqual(zone);
  });

  it('is believed where pagetypeinfo has other numbers, with a warning', () => {
    expect(read().warnings).toEqual([
      'In zone DMA, kpageflags has 1567 free pages, pagetypeinfo 1569. Those of kpageflags are used.',
    ]);
  });

  it.each([
    [
      'is cut off inside a word',
      Buffer.alloc(12),
      /kpageflags: 12 bytes; expected a copy of \/proc\/kpageflags, 8 bytes for each/,
    ],
    [
      'ends before the RAM',
      Buffer.alloc(800),
      /kpageflags: ends at page 100; expected the flags of 4096 pages, where RAM ends/,
    ],
    ['is empty', Buffer.alloc(0), /kpageflags: 0 bytes; expected a copy/],
  ])('is refused if it %s', (_, bytes, message) => {
    writeFileSync(join(folder, 'state', 'kpageflags'), bytes);
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
  });
});

it('without it a state has counts alone, and says so in its name', () => {
  rmSync(join(folder, 'state', 'kpageflags'));
  expect(read().memory.name).toBe('state (counts)');
  expect(read().zone.positions).toBeUndefined();
});

describe('the places of a zone', () => {
  const NOPAGE = 1n << 20n;
  type Ranges = readonly (readonly [start: number, pages: number, flags: bigint])[];

  /** Of RAM with these flags; the counts are those of pagetypeinfo, by order and for whole pageblocks. */
  function placesOf({
    ram,
    ranges,
    blocks,
    free = {},
    pages = PAGES,
  }: {
    ram: readonly PageRun[];
    ranges: Ranges;
    blocks: Partial<Record<Migratetype, number>>;
    free?: Partial<Record<Migratetype, Readonly<Record<number, number>>>>;
    pages?: number;
  }) {
    const of = (pfn: number) =>
      Number(ranges.findLast(([start, count]) => pfn >= start && pfn < start + count)?.[2] ?? 0n);
    const zone = {
      ...freshBoot(2 ** 30).zones[0],
      ram,
      pageblocks: perType((type) => blocks[type] ?? 0),
      free: perType((type) => Array.from({ length: 11 }, (_, order) => free[type]?.[order] ?? 0)),
    };
    const warnings: string[] = [];
    const { positions } = withPositions(zone, { path: 'kpageflags', pages, of }, warnings);
    const chunks = positions?.chunks.map(([order, packed]) => [order, unpackChunks(packed, PAGES)]);
    return { chunks, pageblocks: positions?.pageblocks, movable: positions?.movable, warnings };
  }

  it('are chunks of 1,024 pages at most, up to the end of its RAM', () => {
    const ranges: Ranges = [[1024, PAGES, BUDDY]];
    const { chunks } = placesOf({ ram: [[0, PAGES]], ranges, blocks: { Unmovable: 8 }, pages: PAGES + 100 });
    expect(chunks).toEqual([[10, [1024, 2048, 3072]]]);
    // A run that ends inside of a chunk, and one that begins at an odd page.
    const odd = placesOf({ ram: [[0, 515]], ranges: [[509, 100, BUDDY]], blocks: { Unmovable: 2 } });
    expect(odd.chunks).toEqual([
      [0, [509, 514]],
      [1, [510, 512]],
    ]);
  });

  it('have runs of pageblocks of one migratetype, and of as many pages on LRU lists, up to a hole in its RAM', () => {
    const ram: PageRun[] = [
      [0, 1024],
      [2048, 1536],
    ];
    const ranges: Ranges = [
      [2048, 10, LRU],
      [2560, 10, LRU],
    ];
    const { pageblocks, movable } = placesOf({ ram, ranges, blocks: { Unmovable: 3, Movable: 2 } });
    expect(pageblocks).toEqual([
      [0, 2, 'Unmovable'],
      [2048, 2, 'Movable'],
      [3072, 1, 'Unmovable'],
    ]);
    expect(movable).toEqual([[2048, 2, 10]]);
  });

  it('leave out pages that are no RAM: the share of pages on LRU lists is that of the others', () => {
    const ranges: Ranges = [
      [0, 100, LRU],
      [100, 412, NOPAGE],
      [512, 200, LRU],
    ];
    const { pageblocks } = placesOf({ ram: [[0, 1024]], ranges, blocks: { Unmovable: 1, Movable: 1 } });
    expect(pageblocks).toEqual([
      [0, 1, 'Movable'],
      [512, 1, 'Unmovable'],
    ]);
  });

  it('begin with the lowest pageblock where nothing else tells them apart', () => {
    const { pageblocks } = placesOf({
      ram: [[0, 1536]],
      ranges: [],
      blocks: { Unmovable: 1, Reclaimable: 1, Isolate: 1 },
    });
    expect(pageblocks).toEqual([
      [0, 1, 'Unmovable'],
      [512, 1, 'Reclaimable'],
      [1024, 1, 'Isolate'],
    ]);
  });

  it('have as many free pageblocks of a type as pagetypeinfo says', () => {
    const ranges: Ranges = [
      [0, 512, BUDDY],
      [1024, 512, BUDDY],
      [2048, 512, BUDDY],
    ];
    const { pageblocks, warnings } = placesOf({
      ...{ ram: [[0, 2560]], ranges, blocks: { Unmovable: 4, Movable: 1 } },
      free: { Unmovable: { 9: 2 }, Movable: { 9: 1 } },
    });
    expect(pageblocks).toEqual([
      [0, 4, 'Unmovable'],
      [2048, 1, 'Movable'],
    ]);
    expect(warnings).toEqual([]);
  });

  it('need the flags of all RAM', () => {
    const ram: PageRun[] = [
      [0, 1024],
      [2048, 1024],
    ];
    expect(() => placesOf({ ram, ranges: [], blocks: {}, pages: 2000 })).toThrow(
      'ends at page 2000; expected the flags of 3072 pages, where RAM ends',
    );
    expect(() => placesOf({ ram, ranges: [], blocks: {}, pages: 3072 })).not.toThrow();
  });
});
