import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError, x86Geometry } from '@decpool/model';
import { unpackChunks } from '@decpool/model/internal';
import { PageSource } from '@decpool/pool/internal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMemoryState } from './memory-state.ts';

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
