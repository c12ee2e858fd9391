/**
 * Rules of the page allocator, left out one at a time: how many pages of recorded sequences are not the kernel's any more. Most rules are
 * left out by changing what was recorded: then the allocator itself has no switch for them.
 */
import type { ExactMemory, ExactZone } from '@decpool/model/internal';
import type { PerCpu, PerCpuStart } from '@decpool/pool/internal';
import type { Freelists } from '../../traces/memory-state/freelists.ts';
import type { FreelistsStep } from '../../traces/memory-state/freelists-steps.ts';
import { Replay, type ReplayRules } from './driver.ts';

interface Ablation {
  readonly rule: string;
  /** Functions of the kernel. */
  readonly source: string;
  /** The recording as it would be without the rule. */
  readonly recorded?: (recording: Freelists) => Freelists;
  readonly rules?: ReplayRules;
}

const withZones =
  (change: (zone: ExactZone) => ExactZone) =>
  (recording: Freelists): Freelists => {
    const { exact } = recording.memory;
    if (exact === undefined) return recording;
    const changed: ExactMemory = { ...exact, zones: exact.zones.map(change) };
    return { ...recording, memory: { ...recording.memory, exact: changed } };
  };

const withSteps =
  (change: (step: FreelistsStep) => FreelistsStep | undefined) =>
  (recording: Freelists): Freelists => ({
    ...recording,
    steps: recording.steps.map(change).filter((step) => step !== undefined),
  });

const OTHERS = ['allocate-other', 'free-other', 'drain', 'bulk', 'refill', 'kswapd'];

/** Lists of a constant size that are filled and emptied by one batch. */
class ConstantPerCpu implements PerCpu {
  count = 0;
  readonly batch: number;
  readonly #high: number;

  constructor({ batch, high }: PerCpuStart) {
    this.batch = batch;
    this.#high = high;
  }

  allocating(): void {}

  chunksToFill(_zone: unknown, order: number): number {
    return Math.max(this.batch >> order, Math.min(this.batch, 2));
  }

  pagesToReturn({ isReclaiming }: { readonly isReclaiming: boolean }): number {
    const high = isReclaiming ? Math.min(this.batch << 2, this.#high) : this.#high;
    return this.count < high ? 0 : this.batch;
  }

  decay(): number {
    return 0;
  }
}

/** All CPUs share the lists of the first: what the others had follows behind. */
function withOneCpu(recording: Freelists): Freelists {
  const merged = withZones(({ cpus, ...zone }) => {
    const [first, ...others] = cpus;
    const lists = [...first.lists];
    for (const other of others) lists.push(...other.lists);
    const freeDiff = cpus.reduce((sum, cpu) => sum + cpu.freeDiff, 0);
    return { ...zone, cpus: [{ ...first, freeDiff, lists }] };
  })(recording);
  const steps = withSteps((step) => {
    if (step.kind === 'cpu') return undefined;
    return 'cpu' in step ? { ...step, cpu: 0 } : step;
  })(merged).steps;
  return { ...merged, header: { ...merged.header, cpus: 1, cpu: 0 }, steps };
}

const ABLATIONS: readonly Ablation[] = [
  {
    rule: "others' requests and frees",
    source: 'every caller of alloc_pages()',
    recorded: withSteps((step) => (OTHERS.includes(step.kind) ? undefined : step)),
  },
  {
    rule: 'a page table for each split, from the same lists',
    source: 'split_large_page()',
    // Runs that convert have no other requests.
    recorded: (recording) =>
      recording.header.isConverting
        ? withSteps((step) => (step.kind === 'allocate-other' ? undefined : step))(recording)
        : recording,
  },
  {
    rule: 'pages in the per-CPU lists at the start',
    source: 'struct per_cpu_pages',
    recorded: withZones((zone) => ({ ...zone, cpus: zone.cpus.map((cpu) => ({ ...cpu, lists: [] })) })),
  },
  {
    rule: 'RECLAIM_ACTIVE: short per-CPU lists while kswapd works',
    source: 'nr_pcp_high()',
    recorded: (recording) =>
      withSteps((step) => {
        if (step.kind === 'kswapd') return undefined;
        return 'task' in step ? { ...step, task: step.task.replace('kswapd', 'a task') } : step;
      })(withZones((zone) => ({ ...zone, flags: zone.flags & ~RECLAIM_ACTIVE }))(recording)),
  },
  {
    rule: 'the min watermark',
    source: '__alloc_pages_slowpath()',
    recorded: withZones((zone) => ({ ...zone, min: 0 })),
  },
  {
    rule: 'the lag of the counter of free pages',
    source: '__mod_zone_page_state()',
    recorded: withZones((zone) => ({
      ...zone,
      freeCounter: zone.cpus.reduce((sum, { freeDiff }) => sum + freeDiff, zone.freeCounter),
      cpus: zone.cpus.map((cpu) => ({ ...cpu, freeDiff: 0 })),
    })),
    rules: { otherRules: { collectsCounts: false } },
  },
  {
    rule: 'per-CPU lists that adapt to the load',
    source: 'nr_pcp_alloc(), nr_pcp_free()',
    rules: { otherRules: { perCpu: (start) => new ConstantPerCpu(start) } },
  },
  {
    rule: 'per-CPU lists of order 9',
    source: 'pcp_allowed_order()',
    rules: { otherRules: { listsPageblocks: false } },
  },
  { rule: 'a set of lists for each CPU', source: 'rmqueue_pcplist()', recorded: withOneCpu },
  {
    rule: 'drains in portions of a batch (7.x)',
    source: 'free_frozen_page_commit()',
    rules: { otherRules: { isInPortions: false } },
  },
  {
    rule: 'idle lists shrink',
    source: 'decay_pcp_high()',
    recorded: withSteps((step) =>
      step.kind === 'drain' && step.task.startsWith('kworker') ? undefined : step,
    ),
  },
  {
    rule: 'pageblocks kept whole on a first round',
    source: 'alloc_flags_nofragment()',
    rules: { isNofragment: false },
  },
  {
    rule: 'pages on LRU lists count as movable',
    source: 'prep_move_freepages_block()',
    recorded: withZones((zone) => ({ ...zone, movable: [] })),
  },
];

/** enum zone_flags, include/linux/mmzone.h. */
const RECLAIM_ACTIVE = 2;

export interface AblationResult {
  readonly rule: string;
  readonly source: string;
  readonly runsLost: number;
  /** Requests of the sequences that get the kernel's page only with the rule. */
  readonly pagesLost: number;
  /** The run that loses most. */
  readonly most: { readonly run: string; readonly lost: number } | undefined;
}

/** Adds up what runs lose. */
export class AblationTable {
  readonly #losses = ABLATIONS.map(() => new Map<string, number>());

  add(run: string, recording: Freelists): void {
    const whole = samePages(recording);
    for (const [index, { recorded, rules }] of ABLATIONS.entries()) {
      const lost = whole - samePages(recorded?.(recording) ?? recording, rules);
      if (lost > 0) this.#losses[index].set(run, lost);
    }
  }

  results(): AblationResult[] {
    return ABLATIONS.map(({ rule, source }, index) => {
      const losses = [...this.#losses[index]].sort(([, a], [, b]) => b - a);
      const [most] = losses;
      return {
        rule,
        source,
        runsLost: losses.length,
        pagesLost: losses.reduce((sum, [, lost]) => sum + lost, 0),
        most: most === undefined ? undefined : { run: most[0], lost: most[1] },
      };
    });
  }
}

/** Requests of the sequence that get the kernel's page. */
function samePages(recording: Freelists, rules?: ReplayRules): number {
  const replay = new Replay(recording, rules);
  replay.run();
  return replay.served.filter(({ step, pfn }) => step.kind === 'allocate' && step.pfn === pfn).length;
}
