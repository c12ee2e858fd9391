/** What everybody on the machine did to the page allocator while a run went on: two copies of /proc/vmstat, compared. */
import { InputError } from '@decpool/model';
import { type ProcFiles, procLines } from '../../traces/memory-state/proc-files.ts';

export interface Traffic {
  /** Pages allocated from the zones of a name, by anybody: `pgalloc_dma32` for `DMA32` (mm/page_alloc.c). */
  allocatedFrom(zone: string): number;
  /** Pages allocated from all zones, by anybody. */
  readonly allocated: number;
  /** Pages taken back from their owners: `pgsteal_kswapd`, `_direct` and `_khugepaged` (mm/vmscan.c). */
  readonly reclaimed: number;
  /** Pages moved elsewhere, by compaction above all: `pgmigrate_success` (mm/migrate.c). */
  readonly moved: number;
  /** 2M and 1G entries split, by anybody: `direct_map_level2_splits`, `_level3_` (arch/x86/mm/pat/set_memory.c). */
  readonly splits2M: number;
  readonly splits1G: number;
}

/** Reads `vmstat` and `vmstat-end`. Throws InputError when one is missing or counters run backwards. */
export function readTraffic(files: ProcFiles): Traffic {
  const start = readCounters(files, 'vmstat');
  const end = readCounters(files, 'vmstat-end');
  const delta = (counter: string) => {
    const change = (end.get(counter) ?? 0) - (start.get(counter) ?? 0);
    if (change < 0) {
      throw new InputError(
        `${files.pathOf('vmstat-end')}: ${counter} is lower than in ${files.pathOf('vmstat')}; ` +
          'expected copies of one boot, from before and after the run',
      );
    }
    return change;
  };
  const zoneCounters = [...end.keys()].filter((counter) => counter.startsWith('pgalloc_'));
  if (zoneCounters.length === 0) {
    throw new InputError(
      `${files.pathOf('vmstat-end')}: no pgalloc_* counters; expected all of /proc/vmstat`,
    );
  }
  return {
    allocatedFrom: (zone) => delta(`pgalloc_${zone.toLowerCase()}`),
    allocated: zoneCounters.reduce((sum, counter) => sum + delta(counter), 0),
    reclaimed: ['kswapd', 'direct', 'khugepaged'].reduce((sum, who) => sum + delta(`pgsteal_${who}`), 0),
    moved: delta('pgmigrate_success'),
    splits2M: delta('direct_map_level2_splits'),
    splits1G: delta('direct_map_level3_splits'),
  };
}

function readCounters(files: ProcFiles, name: string): Map<string, number> {
  const counters = new Map<string, number>();
  if (files.textOf(name) === undefined) {
    throw new InputError(
      `${files.pathOf(name)}: no such file; expected a copy of /proc/vmstat, for the other allocations during the run`,
    );
  }
  for (const line of procLines(files, name)) {
    if (line.text === '') continue;
    const match = /^(\w+) (\d+)$/.exec(line.text);
    if (match === null) throw line.refuse(`expected 'COUNTER VALUE', got '${line.text}'`);
    counters.set(match[1], Number(match[2]));
  }
  return counters;
}

/** Pages in all per-CPU lists, by zoneinfo: its `count:` lines. They are in no free list. 0 without the file. */
export function perCpuPages(files: ProcFiles): number {
  if (files.textOf('zoneinfo') === undefined) return 0;
  return procLines(files, 'zoneinfo').reduce((sum, { text }) => {
    const match = /^\s+count:\s+(\d+)$/.exec(text);
    return sum + (match === null ? 0 : Number(match[1]));
  }, 0);
}
