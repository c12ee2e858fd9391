/**
 * Where free chunks lie, from a copy of /proc/kpageflags (fs/proc/page.c): a 64-bit little-endian word for each page frame. Since Linux
 * 4.6 every page of a free chunk has KPF_BUDDY, not the first alone. What the flags do not say: the migratetype of a pageblock, the
 * order of the lists, and which pages are in per-CPU lists.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, MAX_PAGE_ORDER, type Migratetype } from '@decpool/model';
import {
  MIGRATETYPES,
  type PageRun,
  packChunks,
  type ZonePositions,
  type ZoneState,
} from '@decpool/model/internal';
import { readBytes } from '../../files/read-text.ts';
import { perType } from './free-lists.ts';
import { zoneLabel } from './proc-files.ts';

/** include/uapi/linux/kernel-page-flags.h; all are in the low half of a word. */
const KPF = { LRU: 1 << 5, BUDDY: 1 << 10, NOPAGE: 1 << 20 } as const;
const WORD_BYTES = 8;
const PAGEBLOCK_ORDER = 9;
const PAGEBLOCK_PAGES = 1 << PAGEBLOCK_ORDER;

export interface PageFlags {
  readonly path: string;
  readonly pages: number;
  /** The low 32 bits. */
  of(pfn: number): number;
}

/** `kpageflags` or `kpageflags.gz` of a folder; undefined if there is none. Throws InputError. */
export function pageFlagsIn(folder: string): PageFlags | undefined {
  const path = ['kpageflags', 'kpageflags.gz']
    .map((name) => join(folder, name))
    .find((file) => existsSync(file));
  if (path === undefined) return undefined;
  const bytes = readBytes(path, 'a copy of /proc/kpageflags');
  if (bytes.length % WORD_BYTES !== 0 || bytes.length === 0) {
    throw new InputError(
      `${path}: ${bytes.length} bytes; expected a copy of /proc/kpageflags, ${WORD_BYTES} bytes for each page frame`,
    );
  }
  return { path, pages: bytes.length / WORD_BYTES, of: (pfn) => bytes.readUInt32LE(pfn * WORD_BYTES) };
}

/** What is in a pageblock, in pages. */
interface Pageblock {
  readonly first: number;
  /** Free chunks that begin in it. */
  readonly chunks: Chunk[];
  free: number;
  /** On LRU lists: page cache and anonymous memory, which can move. */
  lru: number;
  used: number;
}

/**
 * A zone with the places of its free chunks. Its counts by migratetype are a guess: pageblocks get the numbers of pagetypeinfo, and those
 * in use with the largest share of pages on LRU lists are Movable. Adds a sentence to `warnings` if buddyinfo has other numbers.
 * Throws InputError if the flags end before the RAM.
 */
export function withPositions(zone: ZoneState, flags: PageFlags, warnings: string[]): ZoneState {
  const end = Math.max(...zone.ram.map(([start, pages]) => start + pages));
  if (flags.pages < end) {
    throw new InputError(
      `${flags.path}: ends at page ${flags.pages}; expected the flags of ${end} pages, where RAM ends`,
    );
  }
  const chunks = zone.ram.flatMap((run) => freeChunks(run, flags));
  const blocks = pageblocksOf(zone.ram, flags, chunks);
  const typeOf = typesOf(zone, chunks, blocks);
  const typeAt = ({ pfn }: Chunk) => typeOf.get(pfn - (pfn % PAGEBLOCK_PAGES)) ?? 'Movable';
  warnings.push(...differences(zone, chunks));
  const countsOf = (type: Migratetype) =>
    zone.free[type].map(
      (_, order) => chunks.filter((chunk) => chunk.order === order && typeAt(chunk) === type).length,
    );
  const free = perType(countsOf);
  const types = [...typeOf.values()];
  const pageblocks = perType((type) => types.filter((each) => each === type).length);
  const orders = Array.from({ length: MAX_PAGE_ORDER + 1 }, (_, order) => order);
  const positions: ZonePositions = {
    chunks: orders.flatMap((order) => {
      const pfns = chunks.filter((chunk) => chunk.order === order).map(({ pfn }) => pfn);
      return pfns.length === 0 ? [] : [[order, packChunks(pfns)] as const];
    }),
    pageblocks: runsOf(blocks, ({ first }) => typeOf.get(first) ?? 'Movable'),
    movable: runsOf(blocks, ({ lru }) => lru).filter(([, , pages]) => pages > 0),
  };
  return { ...zone, free, pageblocks, positions };
}

interface Chunk {
  readonly pfn: number;
  readonly order: number;
}

/** Free buddies merge: a free page is in the largest aligned chunk of the run of free pages around it. */
function freeChunks([start, pages]: PageRun, flags: PageFlags): Chunk[] {
  const end = start + pages;
  const isFree = (pfn: number) => pfn < end && (flags.of(pfn) & KPF.BUDDY) !== 0;
  const chunks: Chunk[] = [];
  for (let pfn = start; pfn < end; pfn++) {
    if (!isFree(pfn)) continue;
    let runEnd = pfn;
    while (isFree(runEnd)) runEnd++;
    while (pfn < runEnd) {
      let order = 0;
      while (order < MAX_PAGE_ORDER && pfn % (2 << order) === 0 && pfn + (2 << order) <= runEnd) order++;
      chunks.push({ pfn, order });
      pfn += 1 << order;
    }
  }
  return chunks;
}

function pageblocksOf(
  ram: readonly PageRun[],
  flags: PageFlags,
  chunks: readonly Chunk[],
): readonly Pageblock[] {
  const blocks = new Map<number, Pageblock>();
  for (const [start, pages] of ram) {
    for (let pfn = start; pfn < start + pages; pfn++) {
      const first = pfn - (pfn % PAGEBLOCK_PAGES);
      let block = blocks.get(first);
      if (block === undefined) {
        block = { first, chunks: [], free: 0, lru: 0, used: 0 };
        blocks.set(first, block);
      }
      const bits = flags.of(pfn);
      if (bits & KPF.NOPAGE) continue;
      if (bits & KPF.BUDDY) block.free++;
      else block.used++;
      if (bits & KPF.LRU) block.lru++;
    }
  }
  for (const chunk of chunks) blocks.get(chunk.pfn - (chunk.pfn % PAGEBLOCK_PAGES))?.chunks.push(chunk);
  return [...blocks.values()];
}

/**
 * The migratetype of each pageblock, by its first page. pagetypeinfo says how many of a type there are and how many chunks are free in
 * them. Pageblocks with most free pages come first: each gets the type whose free chunks are still wanted and that its pages on LRU
 * lists speak for. Those without free chunks get what is left, Movable the largest shares of pages on LRU lists.
 */
function typesOf(
  zone: ZoneState,
  chunks: readonly Chunk[],
  blocks: readonly Pageblock[],
): ReadonlyMap<number, Migratetype> {
  const left = { ...zone.pageblocks };
  const wanted = perType((type) => [...zone.free[type]]);
  const typeOf = new Map<number, Migratetype>();
  const give = (first: number, type: Migratetype) => {
    typeOf.set(first, type);
    left[type]--;
  };
  // Free as a whole: so many chunks of each list, the lowest first, Movable last.
  for (let order = MAX_PAGE_ORDER; order >= PAGEBLOCK_ORDER; order--) {
    for (const { pfn } of chunks.filter((chunk) => chunk.order === order)) {
      const type = NOT_MOVABLE.find((each) => wanted[each][order] > 0) ?? 'Movable';
      wanted[type][order]--;
      for (let first = pfn; first < pfn + (1 << order); first += PAGEBLOCK_PAGES) give(first, type);
    }
  }
  const inUse = blocks.filter(({ first }) => !typeOf.has(first));
  for (const block of inUse
    .filter(({ free }) => free > 0)
    .sort((a, b) => b.free - a.free || a.first - b.first)) {
    const type = bestType(block, wanted, left);
    for (const { order } of block.chunks) wanted[type][order]--;
    give(block.first, type);
  }
  const rest = inUse
    .filter(({ free }) => free === 0)
    .sort((a, b) => lruShare(a) - lruShare(b) || a.first - b.first);
  for (const { first } of rest) give(first, NOT_MOVABLE.find((type) => left[type] > 0) ?? 'Movable');
  return typeOf;
}

const NOT_MOVABLE = ['Unmovable', 'Reclaimable', 'HighAtomic', 'CMA', 'Isolate'] as const;

const lruShare = ({ lru, used }: Pageblock) => lru / Math.max(1, used);

function bestType(
  block: Pageblock,
  wanted: Readonly<Record<Migratetype, readonly number[]>>,
  left: Readonly<Record<Migratetype, number>>,
): Migratetype {
  const score = (type: Migratetype): number => {
    const still = [...wanted[type]];
    const fitting = block.chunks.filter(({ order }) => still[order]-- > 0);
    const fit = fitting.reduce((sum, { order }) => sum + (1 << order), 0) / block.free;
    return fit + (type === 'Movable' ? lruShare(block) : 1 - lruShare(block));
  };
  const open = MIGRATETYPES.filter((type) => left[type] > 0);
  return open.sort((a, b) => score(b) - score(a))[0] ?? 'Movable';
}

/** Free pages by order, where kpageflags and buddyinfo differ: they are read at slightly different times. */
function differences({ node = 0, name, free }: ZoneState, chunks: readonly Chunk[]): string[] {
  const here = chunks.reduce((sum, { order }) => sum + (1 << order), 0);
  const counted = MIGRATETYPES.reduce(
    (sum, type) => sum + free[type].reduce((pages, count, order) => pages + count * (1 << order), 0),
    0,
  );
  if (here === counted) return [];
  return [
    `In ${zoneLabel(node, name)}, kpageflags has ${here} free pages, pagetypeinfo ${counted}. Those of kpageflags are used.`,
  ];
}

/** Neighbouring pageblocks of one value as runs [first page, blocks, value]. */
function runsOf<Value>(
  blocks: readonly Pageblock[],
  value: (block: Pageblock) => Value,
): [first: number, blocks: number, value: Value][] {
  const runs: [number, number, Value][] = [];
  for (const block of blocks) {
    const own = value(block);
    const last = runs.at(-1);
    if (last !== undefined && last[2] === own && block.first === last[0] + last[1] * PAGEBLOCK_PAGES)
      last[1]++;
    else runs.push([block.first, 1, own]);
  }
  return runs;
}
