/** The pool's first fit by itself: no events, no conversions, no page source. What the C program does, in TypeScript. */
import { pfn as toPfn } from '@decpool/model';
import { firstFit } from '@decpool/pool';
import { FreeMap } from '@decpool/pool/placement/free-map';
import { type RequestLog, WORDS_PER_REQUEST } from './request-log.ts';
import { cpuSecondsSince } from './requests.ts';

/** The first page of an allocation that found no room. */
export const UNPLACED = 0xffff_ffff;

interface CoreRun {
  /** First page of each allocation id from 1, which stands at 0; it stays when the allocation is freed. */
  readonly placements: Uint32Array;
  /** Blocks claimed; none is ever given back. */
  readonly blocks: number;
  /** What serving the requests took: time that passed, and time of the CPU. */
  readonly ns: number;
  readonly cpuNs: number;
}

/** Serves a log by first fit; when nothing fits, the next block is claimed. */
export function runCore(log: RequestLog): CoreRun {
  const map = new FreeMap(log.geometry);
  const placement = firstFit(map);
  const everywhere = { firstBlock: 0, endBlock: map.blocks };
  const { pagesPerBlock } = log.geometry;
  const { words } = log;
  const placed = new Uint32Array(log.maxId + 1).fill(UNPLACED);
  const pagesOf = new Uint32Array(log.maxId + 1);
  let blocks = 0;

  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let at = 0; at < words.length; at += WORDS_PER_REQUEST) {
    const id = words[at];
    const pages = words[at + 1];
    if (pages === 0) {
      if (placed[id] !== UNPLACED) map.put(toPfn(placed[id]), pagesOf[id]);
      continue;
    }
    const align = words[at + 2];
    let found = placement.place(pages, align, everywhere);
    if (found === -1 && blocks < map.blocks) {
      map.put(toPfn(blocks * pagesPerBlock), pagesPerBlock);
      blocks++;
      found = placement.place(pages, align, everywhere);
    }
    if (found === -1) continue;
    map.take(found, pages);
    placed[id] = found;
    pagesOf[id] = pages;
  }
  const ns = (performance.now() - start) * 1e6;
  return { placements: placed.subarray(1), blocks, ns, cpuNs: cpuSecondsSince(cpu) * 1e9 };
}

export const FNV_BASIS = 0x811c9dc5;

/** A step of FNV-1a over 32-bit words. */
export const fnv = (hash: number, word: number): number => Math.imul(hash ^ word, 0x01000193);

/** Eight hexadecimal digits. */
export const checksumText = (hash: number): string => (hash >>> 0).toString(16).padStart(8, '0');

/** Over each allocation id and its first page. */
export function checksumOf(placements: Uint32Array): string {
  let hash = FNV_BASIS;
  for (let index = 0; index < placements.length; index++) {
    hash = fnv(fnv(hash, index + 1), placements[index]);
  }
  return checksumText(hash);
}
