/**
 * Reads a memory state as Linux shows it: a folder with /proc/buddyinfo and /proc/pagetypeinfo, and where there are
 * any /proc/iomem, /proc/zoneinfo and a walk of the direct map.
 */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  InputError,
  type MappingLevel,
  type MappingRun,
  type MemoryState,
  type PageRun,
} from '@decpool/model';
import { directMapOf } from '@decpool/pool';
import { readFreeLists } from './free-lists.ts';
import { expectNodeZero, procLines } from './proc-file.ts';

export interface RecordedMemory {
  readonly memory: MemoryState;
  /** Where the files disagree with each other; the state is usable all the same. */
  readonly warnings: readonly string[];
}

/**
 * Files of `dir`: `buddyinfo`, `pagetypeinfo`; `iomem`, `zoneinfo` or both for where the RAM is, the latter also for
 * the watermarks; optionally
 * `directmap`, the `#map,LABEL,start_pfn,npages,level,flags` lines of a recording, and `name`. Throws InputError with
 * file and line.
 */
export function readMemoryState(dir: string): RecordedMemory {
  const warnings: string[] = [];
  const freeLists = readFreeLists(join(dir, 'buddyinfo'), join(dir, 'pagetypeinfo'), warnings);
  const ramOf = readRam(dir);
  const zones = freeLists.map((zone) => {
    const { ram, lowWatermark } = ramOf.get(zone.name) ?? { ram: [], lowWatermark: 0 };
    if (ram.length === 0) {
      throw new InputError(`${dir}: buddyinfo has zone '${zone.name}', but no RAM is told to lie in it`);
    }
    return { ...zone, ram, lowWatermark };
  });
  const directMap = readDirectMap(join(dir, 'directmap')) ?? directMapOf(zones.flatMap(({ ram }) => ram));
  return { memory: { name: nameOf(dir), zones, directMap }, warnings };
}

function nameOf(dir: string): string {
  const file = join(dir, 'name');
  return existsSync(file) ? procLines(file)[0].text.trim() : basename(resolve(dir));
}

interface Zone {
  readonly span: PageRun;
  readonly lowWatermark: number;
}

/** Where zones lie on x86 unless zoneinfo tells: arch/x86/include/asm/dma.h. */
const X86_ZONES: ReadonlyMap<string, Zone> = new Map([
  ['DMA', { span: [0, 2 ** 12], lowWatermark: 0 }],
  ['DMA32', { span: [2 ** 12, 2 ** 20 - 2 ** 12], lowWatermark: 0 }],
  ['Normal', { span: [2 ** 20, Number.POSITIVE_INFINITY], lowWatermark: 0 }],
]);

/** Where each zone has RAM, and its watermark. Without iomem, the holes inside a zone are taken for RAM. */
function readRam(dir: string): Map<string, { ram: PageRun[]; lowWatermark: number }> {
  const [iomem, zoneinfo] = ['iomem', 'zoneinfo'].map((name) => join(dir, name));
  if (!existsSync(iomem) && !existsSync(zoneinfo)) {
    throw new InputError(
      `${dir}: neither iomem nor zoneinfo, copies of /proc/iomem (read as root) and /proc/zoneinfo, tells where RAM is`,
    );
  }
  const zones = existsSync(zoneinfo) ? readZones(zoneinfo) : X86_ZONES;
  const ram = existsSync(iomem) ? readSystemRam(iomem) : undefined;
  return new Map(
    [...zones].map(([name, { span, lowWatermark }]) => {
      const inZone = ram?.map((run) => overlap(run, span)).filter(([, pages]) => pages > 0);
      return [name, { ram: inZone ?? [span], lowWatermark }];
    }),
  );
}

function overlap([start, pages]: PageRun, [otherStart, otherPages]: PageRun): PageRun {
  const first = Math.max(start, otherStart);
  return [first, Math.min(start + pages, otherStart + otherPages) - first];
}

/** Position of zone Normal in a `protection` list: the highest zone that a GFP_KERNEL request may use. */
const NORMAL = 2;

/** Each zone that spans any pages: `low`, `spanned`, `protection` and, last, `start_pfn` of /proc/zoneinfo. */
function readZones(file: string): Map<string, Zone> {
  const zones = new Map<string, Zone>();
  let zone = '';
  let fields = new Map<string, number>();
  for (const line of procLines(file)) {
    const header = /^Node (\d+), zone\s+(\w+)/.exec(line.text);
    const field = /^\s+(low|spanned|start_pfn:)\s+(\d+)$/.exec(line.text);
    const protection = /^\s+protection: \(([\d, ]+)\)$/.exec(line.text);
    if (header !== null) {
      expectNodeZero(line, header[1]);
      zone = header[2];
      fields = new Map();
    } else if (protection !== null) {
      fields.set('reserve', Number(protection[1].split(',')[NORMAL] ?? 0));
    } else if (field !== null && !fields.has(field[1])) {
      fields.set(field[1], Number(field[2]));
    }
    const [start, spanned] = [fields.get('start_pfn:'), fields.get('spanned') ?? 0];
    if (start !== undefined && spanned > 0) {
      const lowWatermark = (fields.get('low') ?? 0) + (fields.get('reserve') ?? 0);
      zones.set(zone, { span: [start, spanned], lowWatermark });
    }
  }
  if (zones.size === 0) throw new InputError(`${file}: no zones; expected the content of /proc/zoneinfo`);
  return zones;
}

const PAGE_SIZE = 4096;

/** Whole pages of the top-level `System RAM` ranges of /proc/iomem. */
function readSystemRam(file: string): PageRun[] {
  const runs: PageRun[] = [];
  for (const { text } of procLines(file)) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) : System RAM$/.exec(text);
    if (match === null) continue;
    const first = Math.ceil(Number.parseInt(match[1], 16) / PAGE_SIZE);
    const end = Math.floor((Number.parseInt(match[2], 16) + 1) / PAGE_SIZE);
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
  let end = 0;
  for (const line of procLines(file)) {
    if (line.text.trim() === '' || line.text.includes('start_pfn')) continue;
    const match = /^#map,[^,]*,(\d+),(\d+),([0-3])(?:,|$)/.exec(line.text);
    if (match === null) {
      throw line.refuse(`expected '#map,LABEL,start_pfn,npages,level,flags', got '${line.text}'`);
    }
    const [start, pages] = [Number(match[1]), Number(match[2])];
    if (start < end) throw line.refuse(`expected runs of rising pages, got ${start} after ${end - 1}`);
    end = start + pages;
    runs.push([start, pages, Number(match[3]) as MappingLevel]);
  }
  return runs;
}
