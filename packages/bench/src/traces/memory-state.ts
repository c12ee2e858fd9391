/**
 * Reads a memory state as Linux shows it: a folder with /proc/buddyinfo and /proc/pagetypeinfo, and where there are
 * any /proc/iomem, /proc/zoneinfo and a walk of the direct map.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  InputError,
  MAX_PAGE_ORDER,
  type MappingLevel,
  type MappingRun,
  type MemoryState,
  MIGRATETYPES,
  type Migratetype,
  type PageRun,
} from '@decpool/model';
import { directMapOf } from '@decpool/pool';

export interface RecordedMemory {
  readonly memory: MemoryState;
  /** Where the files disagree with each other; the state is usable all the same. */
  readonly warnings: readonly string[];
}

/** Where zones lie on x86: arch/x86/include/asm/dma.h. Used where there is no zoneinfo. */
const X86_ZONES: Readonly<Record<string, readonly [first: number, end: number]>> = {
  DMA: [0, 2 ** 12],
  DMA32: [2 ** 12, 2 ** 20],
  Normal: [2 ** 20, Number.POSITIVE_INFINITY],
};

const PAGE_SHIFT = 12;

/**
 * Files of `dir`: `buddyinfo`, `pagetypeinfo`; `iomem` or `zoneinfo` for where the RAM is; optionally `directmap`, the
 * `#map,LABEL,start_pfn,npages,level,flags` lines of a recording, and `name`. Throws InputError with file and line.
 */
export function readMemoryState(dir: string): RecordedMemory {
  const buddyinfo = readBuddyinfo(join(dir, 'buddyinfo'));
  const pagetypeinfo = readPagetypeinfo(join(dir, 'pagetypeinfo'));
  const ram = readRam(dir);
  const warnings: string[] = [];
  const zones = [...buddyinfo].map(([name, totals]) => {
    const types = pagetypeinfo.get(name);
    if (types === undefined) {
      throw new InputError(`${join(dir, 'pagetypeinfo')}: no zone '${name}', which buddyinfo has`);
    }
    const zoneRam = ram.get(name);
    if (zoneRam === undefined)
      throw new InputError(`${dir}: neither iomem nor zoneinfo says where zone '${name}' lies`);
    return {
      name,
      ram: zoneRam,
      free: uncap(name, types.free, totals, warnings),
      pageblocks: types.pageblocks,
    };
  });
  const allRam = zones.flatMap((zone) => zone.ram);
  return {
    memory: {
      name: nameOf(dir),
      zones,
      directMap: readDirectMap(join(dir, 'directmap')) ?? directMapOf(allRam),
    },
    warnings,
  };
}

function nameOf(dir: string): string {
  const file = join(dir, 'name');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : basename(resolve(dir));
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    throw new InputError(
      `${file}: cannot be read; a memory state is a folder with copies of /proc/buddyinfo and /proc/pagetypeinfo`,
    );
  }
}

/** Free chunks by order, of each zone. */
function readBuddyinfo(file: string): Map<string, number[]> {
  const zones = new Map<string, number[]>();
  for (const [index, line] of linesOf(file).entries()) {
    if (line.trim() === '') continue;
    const match = /^Node (\d+), zone\s+(\w+)\s+([\d\s]+)$/.exec(line);
    const counts = match?.[3].trim().split(/\s+/).map(Number);
    if (match === null || counts?.length !== MAX_PAGE_ORDER + 1) {
      throw new InputError(
        `${file}:${index + 1}: expected 'Node 0, zone NAME' and ${MAX_PAGE_ORDER + 1} counts, got '${line.trim()}'`,
      );
    }
    expectNodeZero(file, index + 1, match[1]);
    zones.set(match[2], counts);
  }
  if (zones.size === 0) throw new InputError(`${file}: no zones; expected the content of /proc/buddyinfo`);
  return zones;
}

function expectNodeZero(file: string, line: number, node: string): void {
  if (node !== '0')
    throw new InputError(`${file}:${line}: node ${node}; only machines with one node are modelled`);
}

interface TypeCounts {
  readonly free: Record<Migratetype, number[]>;
  readonly pageblocks: Record<Migratetype, number>;
}

/** A count that pagetypeinfo cuts off at 100000 (pagetypeinfo_showfree_print, mm/vmstat.c), while reading. */
const CAPPED = -1;

function readPagetypeinfo(file: string): Map<string, TypeCounts> {
  const zones = new Map<string, TypeCounts>();
  const zoneOf = (name: string) => {
    const found = zones.get(name) ?? {
      free: perType(() => new Array<number>(MAX_PAGE_ORDER + 1).fill(0)),
      pageblocks: perType(() => 0),
    };
    zones.set(name, found);
    return found;
  };
  let blockTypes: string[] | undefined;
  for (const [index, line] of linesOf(file).entries()) {
    const free = /^Node\s+(\d+), zone\s+(\w+), type\s+(\w+)\s+([>\d\s]+)$/.exec(line);
    const header = /^Number of blocks type\s+(.+)$/.exec(line);
    const blocks = /^Node (\d+), zone\s+(\w+)\s+([\d\s]+)$/.exec(line);
    if (free !== null) {
      expectNodeZero(file, index + 1, free[1]);
      const counts = free[4].trim().split(/\s+/);
      if (counts.length !== MAX_PAGE_ORDER + 1) {
        throw new InputError(
          `${file}:${index + 1}: expected ${MAX_PAGE_ORDER + 1} counts, got ${counts.length}`,
        );
      }
      const target = zoneOf(free[2]).free[migratetype(file, index + 1, free[3])];
      for (const [order, count] of counts.entries())
        target[order] = count.startsWith('>') ? CAPPED : Number(count);
    } else if (header !== null) {
      blockTypes = header[1].trim().split(/\s+/);
    } else if (blocks !== null && blockTypes !== undefined) {
      const counts = blocks[3].trim().split(/\s+/).map(Number);
      for (const [column, type] of blockTypes.entries()) {
        zoneOf(blocks[2]).pageblocks[migratetype(file, index + 1, type)] = counts[column] ?? 0;
      }
    } else if (line.startsWith('Node') && !/^Node\s+\d+, zone/.test(line)) {
      throw new InputError(`${file}:${index + 1}: not a line of /proc/pagetypeinfo: '${line.trim()}'`);
    }
  }
  if (zones.size === 0) throw new InputError(`${file}: no zones; expected the content of /proc/pagetypeinfo`);
  return zones;
}

const perType = <Value>(value: () => Value) =>
  Object.fromEntries(MIGRATETYPES.map((type) => [type, value()])) as Record<Migratetype, Value>;

function migratetype(file: string, line: number, name: string): Migratetype {
  const found = MIGRATETYPES.find((type) => type === name);
  if (found === undefined) {
    throw new InputError(`${file}:${line}: unknown migratetype '${name}'; known: ${MIGRATETYPES.join(', ')}`);
  }
  return found;
}

/** Fills in counts that pagetypeinfo caps: buddyinfo less the other types. The two files are read moments apart. */
function uncap(
  zone: string,
  free: Readonly<Record<Migratetype, readonly number[]>>,
  totals: readonly number[],
  warnings: string[],
): Record<Migratetype, number[]> {
  const result = perType(() => new Array<number>(MAX_PAGE_ORDER + 1).fill(0));
  for (const [order, total] of totals.entries()) {
    const counts = MIGRATETYPES.map((type) => free[type][order]);
    const known = counts.reduce((sum, count) => sum + Math.max(0, count), 0);
    if (counts.filter((count) => count === CAPPED).length > 1) {
      warnings.push(
        `zone ${zone}, order ${order}: two migratetypes are capped; the first gets all of the rest`,
      );
    }
    let rest = Math.max(0, total - known);
    for (const [index, type] of MIGRATETYPES.entries()) {
      if (counts[index] !== CAPPED) {
        result[type][order] = counts[index];
      } else {
        result[type][order] = rest;
        rest = 0;
      }
    }
    const isCapped = counts.includes(CAPPED);
    if (!isCapped && known !== total) {
      warnings.push(
        `zone ${zone}, order ${order}: buddyinfo counts ${total} free chunks, pagetypeinfo ${known}; the latter is used`,
      );
    }
  }
  return result;
}

/** Where each zone has RAM. */
function readRam(dir: string): Map<string, PageRun[]> {
  const bounds = existsSync(join(dir, 'zoneinfo')) ? readZoneBounds(join(dir, 'zoneinfo')) : X86_ZONES;
  const iomem = existsSync(join(dir, 'iomem')) ? readSystemRam(join(dir, 'iomem')) : undefined;
  const ram = new Map<string, PageRun[]>();
  for (const [zone, [first, end]] of Object.entries(bounds)) {
    if (iomem === undefined) {
      if (Number.isFinite(end) && bounds !== X86_ZONES) ram.set(zone, [[first, end - first]]);
      continue;
    }
    const runs = iomem
      .map(([start, pages]): PageRun => {
        const from = Math.max(start, first);
        return [from, Math.min(start + pages, end) - from];
      })
      .filter(([, pages]) => pages > 0);
    if (runs.length > 0) ram.set(zone, runs);
  }
  return ram;
}

/** First page and end of each zone that spans any: `spanned` and `start_pfn` of /proc/zoneinfo. */
function readZoneBounds(file: string): Record<string, readonly [number, number]> {
  const bounds: Record<string, readonly [number, number]> = {};
  let zone: string | undefined;
  let spanned = 0;
  for (const [index, line] of linesOf(file).entries()) {
    const header = /^Node (\d+), zone\s+(\w+)/.exec(line);
    const field = /^\s+(spanned|start_pfn:)\s+(\d+)/.exec(line);
    if (header !== null) {
      expectNodeZero(file, index + 1, header[1]);
      zone = header[2];
    } else if (field?.[1] === 'spanned') {
      spanned = Number(field[2]);
    } else if (field !== null && zone !== undefined && spanned > 0) {
      bounds[zone] = [Number(field[2]), Number(field[2]) + spanned];
    }
  }
  return bounds;
}

/** Whole pages of the top-level `System RAM` ranges of /proc/iomem. */
function readSystemRam(file: string): PageRun[] {
  const runs: PageRun[] = [];
  for (const line of linesOf(file)) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) : System RAM$/.exec(line);
    if (match === null) continue;
    const first = Math.ceil(Number.parseInt(match[1], 16) / 2 ** PAGE_SHIFT);
    const end = Math.floor((Number.parseInt(match[2], 16) + 1) / 2 ** PAGE_SHIFT);
    if (end > first) runs.push([first, end - first]);
  }
  if (runs.length === 0) {
    throw new InputError(
      `${file}: no 'System RAM' with an address; read /proc/iomem as root, or it shows zeros`,
    );
  }
  return runs;
}

function readDirectMap(file: string): MappingRun[] | undefined {
  if (!existsSync(file)) return undefined;
  const runs: MappingRun[] = [];
  for (const [index, line] of linesOf(file).entries()) {
    if (line.trim() === '' || /start_pfn/.test(line)) continue;
    const match = /^#map,[^,]*,(\d+),(\d+),([0-3])(?:,|$)/.exec(line);
    if (match === null) {
      throw new InputError(
        `${file}:${index + 1}: expected '#map,LABEL,start_pfn,npages,level,flags', got '${line}'`,
      );
    }
    runs.push([Number(match[1]), Number(match[2]), Number(match[3]) as MappingLevel]);
  }
  return runs;
}
