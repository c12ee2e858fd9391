/** What all tasks of the machine did to the page allocator during a run: the difference of two copies of /proc/vmstat. */
import { InputError } from '@decpool/model';
import { type ProcFiles, procLines } from '../../traces/memory-state/proc-files.ts';

export interface Traffic {
  /** Pages allocated from the zones of a name: `pgalloc_dma32` for `DMA32` (mm/page_alloc.c). */
  allocatedFrom(zone: string): number;
  readonly allocated: number;
  /** Pages reclaimed from their owners: `pgsteal_kswapd`, `_direct` and `_khugepaged` (mm/vmscan.c). */
  readonly reclaimed: number;
  /** Pages moved elsewhere, mostly by compaction: `pgmigrate_success` (mm/migrate.c). */
  readonly moved: number;
  /** 2M and 1G entries split: `direct_map_level2_splits`, `_level3_` (arch/x86/mm/pat/set_memory.c). */
  readonly splits2M: number;
  readonly splits1G: number;
}

/** Reads `vmstat` and `vmstat-end`. Throws InputError if one is missing or counters run backwards. */
export function readTraffic(files: ProcFiles): Traffic {
  const start = readCounters(files, 'vmstat');
  const end = readCounters(files, 'vmstat-end');
  const path = files.pathOf('vmstat-end');
  const delta = (counter: string) => {
    const change = (end.get(counter) ?? 0) - (start.get(counter) ?? 0);
    if (change >= 0) return change;
    throw new InputError(
      `${path}: ${counter} is lower than in ${files.pathOf('vmstat')}; ` +
        'expected copies of one boot, from before and after the run',
    );
  };
  const sum = (counters: readonly string[]) => counters.reduce((total, counter) => total + delta(counter), 0);
  const zoneCounters = [...end.keys()].filter((counter) => counter.startsWith('pgalloc_'));
  if (zoneCounters.length === 0) {
    throw new InputError(`${path}: no pgalloc_* counters; expected all of /proc/vmstat`);
  }
  return {
    allocatedFrom: (zone) => delta(`pgalloc_${zone.toLowerCase()}`),
    allocated: sum(zoneCounters),
    reclaimed: sum(['pgsteal_kswapd', 'pgsteal_direct', 'pgsteal_khugepaged']),
    moved: delta('pgmigrate_success'),
    splits2M: delta('direct_map_level2_splits'),
    splits1G: delta('direct_map_level3_splits'),
  };
}

function readCounters(files: ProcFiles, name: string): Map<string, number> {
  if (files.textOf(name) === undefined) {
    throw new InputError(
      `${files.pathOf(name)}: no such file; expected a copy of /proc/vmstat, for the other allocations during the run`,
    );
  }
  const counters = new Map<string, number>();
  for (const line of procLines(files, name)) {
    if (line.text === '') continue;
    const match = /^(\w+) (\d+)$/.exec(line.text);
    if (match === null) throw line.refuse(`expected 'COUNTER VALUE', got '${line.text}'`);
    counters.set(match[1], Number(match[2]));
  }
  return counters;
}
