/**
 * A scatter run: the requests of a recording, the memory and the direct map before them, and what other tasks did meanwhile. A
 * row that converts right after alloc_pages() is a request of its order. Its pfn is left out: it is the kernel's answer.
 */

import type { MappingRun } from '@decpool/model';
import {
  type Geometry,
  InputError,
  MAX_PAGE_ORDER,
  type MemoryState,
  spanOf,
  x86Geometry,
} from '@decpool/model';
import type { PageRun } from '@decpool/model/internal';
import { memoryStateOf } from '../../traces/memory-state/memory-state.ts';
import { iomemRanges } from '../../traces/memory-state/proc-files.ts';
import { type RecordedRow, type Recording, startOf } from '../recording.ts';
import type { RunFiles } from './files.ts';
import { readTraffic, type Traffic } from './traffic.ts';

export type ScatterRequest =
  | { readonly kind: 'allocate'; readonly key: string; readonly order: number }
  | { readonly kind: 'free'; readonly key: string };

/** An `x` or `vb` row that succeeded. */
export interface AllocatingRow extends RecordedRow {
  readonly order: number;
}

export interface ScatterRun {
  readonly requests: readonly ScatterRequest[];
  readonly allocations: readonly AllocatingRow[];
  readonly pages: number;
  /** Whether it takes buffers in chunks, as vmbus_alloc_buffer() (drivers/hv/channel.c, 7.3) does. */
  readonly isOfBuffers: boolean;
  /** Free lists before the first request. */
  readonly memory: MemoryState;
  readonly geometry: Geometry;
  /** Mapping levels before the first request. */
  readonly levels: readonly MappingRun[];
  /** Page frames that the page allocator never has: the kernel image. */
  readonly reserved: readonly PageRun[];
  readonly traffic: Traffic;
  /** Pages that other tasks allocated meanwhile. */
  readonly pagesByOthers: number;
  /** 2M and 1G entries that the kernel split. */
  readonly kernel2M: number;
  readonly kernel1G: number;
  readonly warnings: readonly string[];
}

const ALLOCATING: readonly string[] = ['x', 'vb'];
const FREEING: readonly string[] = ['y', 'vbf'];

const rowsOf = (recording: Recording): RecordedRow[] =>
  recording.entries.filter((entry) => entry.kind === 'row');

/** Whether a recording converts pages, and each conversion belongs to an allocation or a free. */
export function isScatter(recording: Recording): boolean {
  const converting = rowsOf(recording).filter((row) => row.operation.scope !== 'none');
  return (
    converting.length > 0 && converting.every(({ op }) => ALLOCATING.includes(op) || FREEING.includes(op))
  );
}

/** Throws InputError if a file is missing or malformed, or if the files cannot be of one run. */
export function readRun(recording: Recording, { name, proc }: RunFiles): ScatterRun {
  const { requests, allocations } = readRequests(recording);
  const levels = startOf(recording).runs.map(({ pfn, pages, level }): MappingRun => [pfn, pages, level]);
  const { memory, warnings } = memoryStateOf(proc, name, { directMap: levels });
  const traffic = readTraffic(proc);
  const sum = (count: (row: AllocatingRow) => number) =>
    allocations.reduce((total, row) => total + count(row), 0);
  const pages = sum((row) => row.pages);
  const [kernel2M, kernel1G] = [sum((row) => row.delta.splits2M), sum((row) => row.delta.splits1G)];
  if (traffic.allocated < pages) {
    throw new InputError(
      `${proc.pathOf('vmstat-end')}: ${traffic.allocated} pages allocated since the first copy; expected at least ${pages}, ` +
        `as the rows of ${recording.file} allocate; the copies must be of this run`,
    );
  }
  const { splits2M, splits1G } = traffic;
  const otherSplits =
    `/proc/vmstat counts ${splits2M} 2M and ${splits1G} 1G splits, the rows of the run ${kernel2M} and ${kernel1G}. ` +
    'The model is compared with the rows.';
  const mappedEnds = levels.filter(([, , level]) => level > 0).map(([start, count]) => start + count);
  return {
    requests,
    allocations,
    pages,
    isOfBuffers: rowsOf(recording).some(({ op }) => op === 'vb'),
    memory,
    geometry: x86Geometry(Math.max(spanOf(memory), ...mappedEnds)),
    levels,
    reserved: iomemRanges(proc, /^\s+([0-9a-f]+)-([0-9a-f]+) : Kernel (?:code|rodata|data|bss)$/) ?? [],
    traffic,
    pagesByOthers: traffic.allocated - pages,
    kernel2M,
    kernel1G,
    warnings: splits2M === kernel2M && splits1G === kernel1G ? warnings : [...warnings, otherSplits],
  };
}

/**
 * Without rows that failed. Throws InputError for a page count that alloc_pages() does not serve, and for an allocation made
 * or freed twice.
 */
function readRequests(recording: Recording): Pick<ScatterRun, 'requests' | 'allocations'> {
  const live = new Set<string>();
  const requests: ScatterRequest[] = [];
  const allocations: AllocatingRow[] = [];
  for (const row of rowsOf(recording)) {
    const { op, id, pages, rc, line } = row;
    const isAllocation = ALLOCATING.includes(op);
    if (rc !== 0 || !(isAllocation || FREEING.includes(op))) continue;
    const place = `${recording.file}:${line}`;
    if (live.has(id) === isAllocation) {
      const state = isAllocation ? 'already live' : 'not live';
      throw new InputError(
        `${place}: '${op}' of allocation ${id}, which is ${state}; expected one allocation, then one free, per id`,
      );
    }
    if (!isAllocation) {
      live.delete(id);
      requests.push({ kind: 'free', key: id });
      continue;
    }
    const order = Math.log2(pages);
    if (!Number.isInteger(order) || order > MAX_PAGE_ORDER) {
      throw new InputError(`${place}: ${pages} pages; expected a power of two up to ${2 ** MAX_PAGE_ORDER}`);
    }
    live.add(id);
    requests.push({ kind: 'allocate', key: id, order });
    allocations.push({ ...row, order });
  }
  return { requests, allocations };
}
