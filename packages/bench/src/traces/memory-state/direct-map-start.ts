/** Mapping levels of the direct map before the first request: from the best of the files that say anything of it. */

import type { MappingLevel, MappingRun } from '@decpool/model';
import { InputError } from '@decpool/model';
import type { PageRun } from '@decpool/model/internal';
import { directMapOf } from '@decpool/pool/internal';
import { type ProcFiles, type ProcLine, procLines } from './proc-files.ts';

export interface DirectMapStart {
  readonly runs: readonly MappingRun[];
  /** How much of it is a guess; undefined if it was recorded. */
  readonly note: string | undefined;
}

/** Names of files with a walk of the page tables. */
const WALKS = ['directmap', 'page_tables'] as const;
const REGION_PAGES = 512 * 512;
const BLOCK_PAGES = 512;
const BLOCK_KB = 2048;
const REGION_KB = 512 * BLOCK_KB;

/**
 * In this order, from:
 * 1. `directmap` or `page_tables`: `#map` lines of a recording, or /sys/kernel/debug/page_tables/kernel.
 * 2. `meminfo`: how much is mapped at each level.
 * 3. Nothing: then as a kernel with 1G pages maps this RAM at boot.
 *
 * Throws InputError with file and line.
 */
export function directMapStart(files: ProcFiles, ram: readonly PageRun[]): DirectMapStart {
  const walked = walkedDirectMap(files);
  if (walked !== undefined) return { runs: walked, note: undefined };
  const counts = readCounts(files);
  if (counts !== undefined) return fromCounts(counts, ram);
  return {
    runs: directMapAtBoot(ram),
    note: 'The direct map is assumed as at boot: 1G entries where RAM fills an aligned GiB, 2M entries elsewhere. A copy of /proc/meminfo, or a walk of the page tables, tells more.',
  };
}

/** By a walk of the page tables; undefined if none was recorded. Throws InputError with file and line. */
export function walkedDirectMap(files: ProcFiles): readonly MappingRun[] | undefined {
  const walk = WALKS.find((name) => files.textOf(name) !== undefined);
  if (walk === undefined) return undefined;
  const lines = procLines(files, walk);
  const isPtdump = lines.some(({ text }) => text.startsWith('---['));
  return isPtdump ? ptdumpRuns(files.pathOf(walk), lines) : mapLineRuns(lines);
}

/**
 * As booted, but the region of the last page has no 1G entry any more: in the recorded guests of 4 GiB set_memory_*() calls split it
 * during boot. DirectMap1G tells: phys_pud_init() counts that region for each of three steps of memory_map_top_down(), the split takes
 * one away, and with the region from 1 to 2 GiB 3 GiB are left (arch/x86/mm/init_64.c and init.c).
 */
export function directMapAtBoot(ram: readonly PageRun[]): MappingRun[] {
  const runs = directMapOf(ram);
  const last = runs.at(-1);
  return last?.[2] === 3 ? [...runs.slice(0, -1), [last[0], last[1], 2]] : runs;
}

/** `#map,LABEL,start_pfn,npages,level,flags`. */
function mapLineRuns(lines: readonly ProcLine[]): MappingRun[] {
  const runs: MappingRun[] = [];
  for (const line of lines) {
    if (line.text.trim() === '' || line.text.includes('start_pfn')) continue;
    const match = /^#map,[^,]*,(\d+),(\d+),([0-3])(?:,|$)/.exec(line.text);
    if (match === null) {
      throw line.refuse(`expected '#map,LABEL,start_pfn,npages,level,flags', got '${line.text}'`);
    }
    runs.push(after(runs, line, Number(match[1]), Number(match[2]), Number(match[3]) as MappingLevel));
  }
  return runs;
}

/** Sections of a dump; the direct map is this one: address_markers[], arch/x86/mm/dump_pagetables.c. */
const SECTION = /^---\[ (.+) \]---/;
const DIRECT_MAP_SECTION = 'Low Kernel Mapping';
const ENTRY_LEVELS = { pte: 1, pmd: 2, pud: 3 } as const;

/**
 * Lines of note_page(), arch/x86/mm/dump_pagetables.c: `0xffff888040000000-0xffff8880c0000000  2G  RW  PSE  GLB NX pud`. A line without
 * `RW` or `ro` is a hole. The section begins at page frame 0.
 */
function ptdumpRuns(path: string, lines: readonly ProcLine[]): MappingRun[] {
  const runs: MappingRun[] = [];
  let section: string | undefined;
  let base: bigint | undefined;
  for (const line of lines) {
    const heading = SECTION.exec(line.text);
    if (heading !== null) section = heading[1];
    if (heading !== null || section !== DIRECT_MAP_SECTION || line.text.trim() === '') continue;
    const match = /^0x([0-9a-f]+)-0x([0-9a-f]+)\s+\d+[KMGTPE]\s+(.*?)\s*(pte|pmd|pud|p4d|pgd)\s*$/.exec(
      line.text,
    );
    if (match === null) throw line.refuse(`expected '0xSTART-0xEND SIZE FLAGS LEVEL', got '${line.text}'`);
    const [start, end] = [BigInt(`0x${match[1]}`), BigInt(`0x${match[2]}`)];
    base ??= start;
    const [pfn, pages] = [Number((start - base) >> 12n), Number((end - start) >> 12n)];
    const level = Object.entries(ENTRY_LEVELS).find(([name]) => name === match[4])?.[1];
    if (!/^(RW|ro)\b|\s(RW|ro)\b/.test(match[3])) continue;
    if (level === undefined)
      throw line.refuse(`a present entry at level ${match[4]}; expected pte, pmd or pud`);
    append(runs, after(runs, line, pfn, pages, level));
  }
  if (runs.length > 0) return runs;
  throw new InputError(
    `${path}: no mapped pages in a section '---[ ${DIRECT_MAP_SECTION} ]---'; expected a copy of /sys/kernel/debug/page_tables/kernel of x86-64`,
  );
}

/** A run that lies behind the others. */
function after(
  runs: readonly MappingRun[],
  line: ProcLine,
  start: number,
  pages: number,
  level: MappingLevel,
): MappingRun {
  const last = runs.at(-1);
  const end = last === undefined ? 0 : last[0] + last[1];
  if (start < end) throw line.refuse(`expected runs of rising pages, got ${start} after ${end - 1}`);
  return [start, pages, level];
}

/** Neighbours of one level are one run, even if they differ in their attributes. */
function append(runs: MappingRun[], run: MappingRun): void {
  const last = runs.at(-1);
  if (last !== undefined && last[0] + last[1] === run[0] && last[2] === run[2]) {
    runs[runs.length - 1] = [last[0], last[1] + run[1], last[2]];
  } else runs.push(run);
}

/** DirectMap4k, DirectMap2M and DirectMap1G, in kB. */
interface LevelCounts {
  readonly kb4K: number;
  readonly kb2M: number;
  readonly kb1G: number;
}

function readCounts(files: ProcFiles): LevelCounts | undefined {
  const text = files.textOf('meminfo');
  const [kb4K, kb2M, kb1G] = ['4k', '2M', '1G'].map((level) => {
    const match = new RegExp(`^DirectMap${level}:\\s+(\\d+) kB$`, 'm').exec(text ?? '');
    return match === null ? undefined : Number(match[1]);
  });
  if (kb4K === undefined || kb2M === undefined) return undefined;
  return { kb4K, kb2M, kb1G: kb1G ?? 0 };
}

/**
 * 1G entries lie in the highest aligned GiB that RAM fills, and below; the region of the last page is taken last (see
 * directMapAtBoot). There are as many as counted, but no more than the 4K and 2M entries leave room for: the counter has a 1G entry
 * once for each step of boot that mapped a part of it. 4K entries lie at the ends of RAM, where no 2M entry fits, and then in the lowest
 * blocks. All else is mapped by 2M.
 */
function fromCounts({ kb4K, kb2M, kb1G }: LevelCounts, ram: readonly PageRun[]): DirectMapStart {
  const whole = joined(ram);
  const regions = regionsIn(whole);
  const room = Math.max(0, Math.round((4 * pagesOf(whole) - kb4K - kb2M) / REGION_KB));
  const counted = Math.round(kb1G / REGION_KB);
  const mapped1G = new Set(regions.slice(0, Math.min(counted, room)));
  const pieces = whole.flatMap(blocksIn);
  const atEnds = pagesOf(pieces.filter((piece) => !isWholeBlock(piece)));
  let blocks4K = Math.max(0, Math.round((kb4K - 4 * atEnds) / BLOCK_KB));
  const note =
    `The direct map is placed by the counts of meminfo: ${mapped1G.size} GiB mapped by 1G, the highest (DirectMap1G counts ${counted}); ` +
    `4K entries at the ends of RAM and in the lowest ${blocks4K} blocks; 2M entries elsewhere.`;
  const levelOf = (piece: PageRun): MappingLevel => {
    if (!isWholeBlock(piece)) return 1;
    if (mapped1G.has(piece[0] - (piece[0] % REGION_PAGES))) return 3;
    return blocks4K-- > 0 ? 1 : 2;
  };
  const runs: MappingRun[] = [];
  for (const piece of pieces) append(runs, [...piece, levelOf(piece)]);
  return { runs, note };
}

const pagesOf = (runs: readonly PageRun[]) => runs.reduce((sum, [, pages]) => sum + pages, 0);

/** Runs that touch, as those of neighbouring zones, as one. */
function joined(ram: readonly PageRun[]): PageRun[] {
  const runs: PageRun[] = [];
  for (const [start, pages] of ram) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === start) runs[runs.length - 1] = [last[0], last[1] + pages];
    else runs.push([start, pages]);
  }
  return runs;
}

/** First pages of the aligned GiB that RAM fills, in the order in which 1G entries are placed. The first GiB begins with 4K entries. */
function regionsIn(ram: readonly PageRun[]): number[] {
  const regions = ram.flatMap(([start, pages]) => {
    const first = Math.max(1, Math.ceil(start / REGION_PAGES));
    const end = Math.floor((start + pages) / REGION_PAGES);
    return Array.from({ length: Math.max(0, end - first) }, (_, index) => (first + index) * REGION_PAGES);
  });
  const [lastStart, lastPages] = ram[ram.length - 1];
  const isLast = (region: number) => region + REGION_PAGES >= lastStart + lastPages;
  return [...regions.filter((region) => !isLast(region)).reverse(), ...regions.filter(isLast)];
}

/** The run cut at the borders of blocks. */
function blocksIn([start, pages]: PageRun): PageRun[] {
  const pieces: PageRun[] = [];
  for (let at = start; at < start + pages; ) {
    const end = Math.min(start + pages, at - (at % BLOCK_PAGES) + BLOCK_PAGES);
    pieces.push([at, end - at]);
    at = end;
  }
  return pieces;
}

/** The first 2 MiB are mapped by 4K whatever RAM is there (init_memory_mapping(), arch/x86/mm/init.c). */
const isWholeBlock = ([start, pages]: PageRun) => pages === BLOCK_PAGES && start > 0;
