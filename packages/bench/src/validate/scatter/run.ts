/** A recorded run, read: what was asked for, of what memory, on what direct map, and what else went on. */
import {
  type Geometry,
  InputError,
  type MappingRun,
  type MemoryState,
  type PageRun,
  spanOf,
  x86Geometry,
} from '@decpool/model';
import { memoryStateOf } from '../../traces/memory-state/memory-state.ts';
import { type ProcFiles, procLines } from '../../traces/memory-state/proc-files.ts';
import type { Recording } from '../recording.ts';
import type { RunFiles } from './files.ts';
import { allocatingRows, requestsOf, type ScatterRequest } from './requests.ts';
import { readTraffic, type Traffic } from './traffic.ts';

export interface ScatterRun {
  readonly requests: readonly ScatterRequest[];
  /** Free lists before the first request. */
  readonly memory: MemoryState;
  readonly geometry: Geometry;
  /** Mapping levels before the first request. */
  readonly levels: readonly MappingRun[];
  /** Page frames that the page allocator never has: the kernel image. */
  readonly reserved: readonly PageRun[];
  readonly traffic: Traffic;
  /** Allocations asked for, and their pages. */
  readonly allocations: number;
  readonly pages: number;
  /** Pages that others allocated meanwhile. */
  readonly pagesByOthers: number;
  /** What the kernel split, 2M and 1G entries. */
  readonly kernel2M: number;
  readonly kernel1G: number;
  readonly warnings: readonly string[];
}

/** Throws InputError when a file is missing or malformed, or when the files cannot be of one run. */
export function readRun(recording: Recording, { name, proc }: RunFiles): ScatterRun {
  const requests = requestsOf(recording);
  const { memory, warnings } = memoryStateOf(proc, name);
  const levels = levelsBefore(recording);
  const traffic = readTraffic(proc);
  const rows = allocatingRows(recording);
  const sum = (pick: (row: (typeof rows)[number]) => number) =>
    rows.reduce((total, row) => total + pick(row), 0);
  const pages = sum((row) => row.pages);
  if (traffic.allocated < pages) {
    throw new InputError(
      `${proc.pathOf('vmstat-end')}: ${traffic.allocated} pages allocated since the first copy; expected at least ${pages}, ` +
        `as the rows of ${recording.file} allocate; the copies must be of this run`,
    );
  }
  const [kernel2M, kernel1G] = [sum((row) => row.delta.splits2M), sum((row) => row.delta.splits1G)];
  return {
    requests,
    memory,
    geometry: x86Geometry(Math.max(spanOf(memory), mappedSpan(levels))),
    levels,
    reserved: kernelImage(proc),
    traffic,
    allocations: rows.length,
    pages,
    pagesByOthers: traffic.allocated - pages,
    kernel2M,
    kernel1G,
    warnings: [...warnings, ...splitsElsewhere(traffic, kernel2M, kernel1G)],
  };
}

function splitsElsewhere({ splits2M, splits1G }: Traffic, kernel2M: number, kernel1G: number): string[] {
  if (splits2M === kernel2M && splits1G === kernel1G) return [];
  return [
    `/proc/vmstat counts ${splits2M} 2M and ${splits1G} 1G splits, the rows ${kernel2M} and ${kernel1G}; the latter are compared`,
  ];
}

/** Mapping levels at the first `#map`. */
function levelsBefore({ file, entries }: Recording): MappingRun[] {
  const start = entries.find((entry) => entry.kind === 'map');
  if (start === undefined || start.runs.length === 0) {
    throw new InputError(
      `${file}: no #map before the run; expected a walk of the direct map before all rows`,
    );
  }
  return start.runs.map(({ pfn, pages, level }) => [pfn, pages, level]);
}

const mappedSpan = (levels: readonly MappingRun[]) =>
  Math.max(0, ...levels.filter(([, , level]) => level > 0).map(([start, pages]) => start + pages));

/** Page frames of the kernel image, whole ones, by the `Kernel ...` lines of iomem; none where it has none. */
function kernelImage(proc: ProcFiles): PageRun[] {
  if (proc.textOf('iomem') === undefined) return [];
  return procLines(proc, 'iomem').flatMap(({ text }): PageRun[] => {
    const match = /^\s+([0-9a-f]+)-([0-9a-f]+) : Kernel (?:code|rodata|data|bss)$/.exec(text);
    if (match === null) return [];
    const [first, end] = [match[1], match[2]].map((address) => Number.parseInt(address, 16));
    const start = Math.ceil(first / 4096);
    return [[start, Math.max(0, Math.floor((end + 1) / 4096) - start)]];
  });
}
