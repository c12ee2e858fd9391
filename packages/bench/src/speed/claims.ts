/**
 * What a claim of pages costs with per-CPU lists and without: the page source alone, with the chunks that a workload's requests
 * come to. No policy, no events.
 */
import {
  type MemoryState,
  orderFor,
  type PageSourceSettings,
  type Pfn,
  type Request,
  spanOf,
  x86Geometry,
} from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { fragmented, freshBoot } from '@decpool/pool';
import { PageSource } from '@decpool/pool/internal';
import { spreadOf } from '../compare/spread.ts';
import { churn } from '../workloads/churn.ts';
import { mixedDay } from '../workloads/mixed-day.ts';
import { netvsc } from '../workloads/netvsc.ts';
import { cpuSecondsSince } from './requests.ts';
import { speedTable, times } from './table.ts';

const BYTES = 4 * 2 ** 30;
const REPETITIONS = 5;
const KERNELS = ['6.x', '6.12', '7.x'] as const;

/** A claim of 2^order pages, or, with `order` -1, the return of the chunk of an earlier one. */
export interface ChunkStep {
  readonly order: number;
  /** Number of the claim. */
  readonly chunk: number;
}

/** A vmalloc area is single pages, any other allocation one chunk. */
export function chunkSteps(requests: readonly Request[]): ChunkStep[] {
  const steps: ChunkStep[] = [];
  const chunksOf = new Map<number, readonly number[]>();
  let claims = 0;
  for (const request of requests) {
    if (request.kind === 'allocate') {
      const isArea = request.api === 'vmalloc';
      const order = isArea ? 0 : orderFor(request.pages);
      const chunks = Array.from({ length: isArea ? request.pages : 1 }, () => claims++);
      for (const chunk of chunks) steps.push({ order, chunk });
      chunksOf.set(request.allocation, chunks);
    } else if (request.kind === 'free') {
      for (const chunk of chunksOf.get(request.allocation) ?? []) steps.push({ order: -1, chunk });
    }
  }
  return steps;
}

/** A hundred whole blocks, claimed and given back over and over. */
function wholeBlocks(): ChunkStep[] {
  const steps: ChunkStep[] = [];
  for (let claims = 0; claims < 100_000; claims += 100) {
    for (let each = 0; each < 100; each++) steps.push({ order: 9, chunk: claims + each });
    for (let each = 0; each < 100; each++) steps.push({ order: -1, chunk: claims + each });
  }
  return steps;
}

/** CPU time in ns of a step. */
function stepTime(steps: readonly ChunkStep[], memory: MemoryState, settings: PageSourceSettings): number {
  const source = new PageSource(memory, x86Geometry(spanOf(memory)), 1, settings);
  const pfns: (Pfn | -1)[] = [];
  const orders: number[] = [];
  const start = process.cpuUsage();
  for (const { order, chunk } of steps) {
    if (order >= 0) {
      pfns[chunk] = source.claim(order, 'Unmovable');
      orders[chunk] = order;
      continue;
    }
    const pfn = pfns[chunk];
    if (pfn !== -1) source.giveBack(pfn, orders[chunk]);
  }
  return (cpuSecondsSince(start) / steps.length) * 1e9;
}

/** Runs with and without lists take turns; medians. */
export function claimTable(): string {
  const inputs: readonly (readonly [name: string, steps: readonly ChunkStep[]])[] = [
    ['netvsc', chunkSteps(netvsc.generate().requests)],
    ['mixed-day', chunkSteps(mixedDay.generate().requests)],
    ['churn', chunkSteps(churn.generate({ requests: 400_000, livePages: 2 ** 17 }).requests)],
    ['100 chunks of order 9', wholeBlocks()],
  ];
  const memories = { fresh: freshBoot(BYTES), fragmented: fragmented(BYTES, 0.5, 1) };
  const rows: string[][] = [];
  for (const [input, steps] of inputs) {
    for (const [name, memory] of Object.entries(memories)) {
      const ratios = KERNELS.map((kernel) => listRatio(steps, memory, kernel));
      rows.push([`${input}, ${name}`, ...ratios.flat()]);
    }
  }
  return speedTable(
    ['claims and returns', ...KERNELS.flatMap((kernel) => [`${kernel}: ns each`, 'with lists'])],
    rows,
  );
}

function listRatio(
  steps: readonly ChunkStep[],
  memory: MemoryState,
  kernel: PageSourceSettings['kernel'],
): [without: string, ratio: string] {
  const time = (perCpuLists: boolean) =>
    stepTime(steps, memory, { ...PLAIN_PAGE_SOURCE, kernel, perCpuLists });
  // Compiled code is timed.
  time(false);
  time(true);
  const runs = Array.from({ length: REPETITIONS }, () => ({ without: time(false), with: time(true) }));
  const without = spreadOf(runs.map((run) => run.without)).median;
  const ratio = spreadOf(runs.map((run) => run.with / run.without)).median;
  return [without.toFixed(0), times(ratio)];
}
