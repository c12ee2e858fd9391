/**
 * The recorded conversions one by one: what the kernel's counters say that each of them split, and what the split rule of the model
 * says, at the pages where the kernel made them. The model's policies place pages by themselves; here only the rule is the model's.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Geometry, type MemoryState, pfn, spanOf, x86Geometry } from '@decpool/model';
import { DirectMap } from '@decpool/model/internal';
import { fieldOf, wholeNumber } from '../events/event-fields.ts';
import { parseTraceEvent } from '../events/event-line.ts';
import { kernelAddress } from '../events/kernel-address.ts';
import type { TraceEvent } from '../events/trace-event.ts';
import { bytesOf, linesIn } from '../lines.ts';
import type { Recording } from './recording.ts';

export interface Splits {
  readonly splits2M: number;
  readonly splits1G: number;
}

export interface RecordedConversions {
  readonly calls: number;
  /** Calls that returned an error. */
  readonly failed: number;
  /** By the counts at the call and at its return; undefined if they were not recorded. */
  readonly kernel: Splits | undefined;
  /** Undefined if nobody recorded where the direct map begins, so that no page is known. */
  readonly rule: (Splits & { readonly elsewhere: number }) | undefined;
}

const CALLS: Readonly<Record<string, { readonly mask: number; readonly set: boolean }>> = {
  setdec: { mask: 1, set: true },
  setenc: { mask: 1, set: false },
};
const RETURNS: ReadonlySet<string> = new Set(['setdecret', 'setencret']);

/** Pages that a 2M entry maps. */
const BLOCK_PAGES = 512;
const MOST_ENTRIES = 2 ** 40;

/** Throws InputError with the file. */
export async function recordedConversions(
  { folder, directMapBase }: Recording,
  memory: MemoryState,
): Promise<RecordedConversions> {
  const path = join(folder, 'conversions.gz');
  const geometry = x86Geometry(spanOf(memory));
  const rule = directMapBase === undefined ? undefined : ruleAt(directMapBase, geometry, memory);
  const kernel = kernelSplits();
  let [calls, failed] = [0, 0];
  for await (const lines of existsSync(path) ? linesIn(bytesOf(path), path) : []) {
    for (const line of lines) {
      const event = parseTraceEvent(line);
      if (event === undefined) continue;
      if (Object.hasOwn(CALLS, event.event)) {
        calls++;
        kernel.called(event);
        rule?.convert(event);
      } else if (RETURNS.has(event.event)) {
        if (!/\bret=0(x0+)?\b/.test(event.fields)) failed++;
        kernel.returned(event);
      }
    }
  }
  return { calls, failed, kernel: kernel.sum(), rule: rule?.sum };
}

interface Counts {
  readonly by4K: number;
  readonly by1G: number;
}

/** Entries of the direct map. */
function countsOf({ fields }: TraceEvent): Counts | undefined {
  const [by4K, by1G] = ['map4k', 'map1g'].map((name) => wholeNumber(fieldOf(fields, name), MOST_ENTRIES));
  return by4K === undefined || by1G === undefined ? undefined : { by4K, by1G };
}

/**
 * What the kernel's counts rose by during calls. The counts are of the whole kernel, so calls that run at once on several CPUs see the
 * same split: it counts once.
 */
function kernelSplits() {
  const splits = { splits2M: 0, splits1G: 0 };
  /** Tasks whose call has not returned. */
  const open = new Set<string>();
  let last: Counts | undefined;
  let returns = 0;
  /** Between two events nothing but calls and other code changes the counts. */
  function advance(counts: Counts | undefined): void {
    if (open.size > 0 && last !== undefined && counts !== undefined) {
      splits.splits2M += Math.round((counts.by4K - last.by4K) / BLOCK_PAGES);
      splits.splits1G += last.by1G - counts.by1G;
    }
    last = counts;
  }
  return {
    called(event: TraceEvent): void {
      advance(countsOf(event));
      open.add(event.task);
    },
    returned(event: TraceEvent): void {
      const counts = countsOf(event);
      advance(counts);
      if (open.delete(event.task) && counts !== undefined) returns++;
    },
    /** Undefined if no count was recorded. */
    sum: (): Splits | undefined => (returns > 0 ? splits : undefined),
  };
}

/** A direct map that begins as `memory` says. */
function ruleAt(base: bigint, geometry: Geometry, memory: MemoryState) {
  const map = new DirectMap(geometry, memory.directMap);
  const sum = { splits2M: 0, splits1G: 0, elsewhere: 0 };
  return {
    sum,
    convert({ event, fields }: TraceEvent): void {
      const address = kernelAddress(fieldOf(fields, 'addr'));
      const pages = wholeNumber(fieldOf(fields, 'npages'), geometry.spanPages);
      if (address === undefined || pages === undefined || pages === 0) return;
      const first = Number((address - base) >> 12n);
      if (first < 0 || first + pages > geometry.spanPages) {
        sum.elsewhere++;
        return;
      }
      const { splits2M, splits1G } = map.change(pfn(first), pages, CALLS[event]);
      sum.splits2M += splits2M;
      sum.splits1G += splits1G;
    },
  };
}
