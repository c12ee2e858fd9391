/**
 * Replays a recorded sequence on the model's page allocator, started from the dump before it. The model is told which requests were made,
 * and what others freed and drained; never which pages the kernel gave.
 */
import {
  type Geometry,
  MAX_PAGE_ORDER,
  type Migratetype,
  spanOf,
  pfn as toPfn,
  x86Geometry,
} from '@decpool/model';
import { type ChangeResult, DirectMap, MIGRATETYPES } from '@decpool/model/internal';
import type { Kernel } from '@decpool/pool';
import {
  type KernelRules,
  kernelOf,
  type PageAllocator,
  reachOf,
  startExactly,
  type Zonelist,
} from '@decpool/pool/internal';
import type { Freelists } from '../../traces/memory-state/freelists.ts';
import type { FreelistsStep } from '../../traces/memory-state/freelists-steps.ts';
import { alignedChunks, freedTogether, reclaimChanges, requestOfRefill } from './facts.ts';

type Allocation = Extract<FreelistsStep, { kind: 'allocate' | 'allocate-other' }>;

/** A request, and what the model made of it. */
export interface Served {
  readonly step: Allocation;
  readonly cpu: number;
  /** 0: the model has no chunk. */
  readonly pfn: number;
}

/** A conversion, and the splits that it made in the model's direct map. */
export interface Conversion {
  readonly step: Extract<FreelistsStep, { kind: 'allocate' | 'free' }>;
  /** First page in the model. */
  readonly pfn: number;
  readonly splits: ChangeResult;
}

/** set_memory_decrypted(): one attribute, whichever. */
const SHARED = 1;
const codeOf = (type: Migratetype): number => MIGRATETYPES.indexOf(type);

/** Rules of the allocator that do not hold, to see what they do. */
export interface ReplayRules {
  readonly otherRules?: Partial<KernelRules>;
  /** false: requests never ask for ALLOC_NOFRAGMENT. */
  readonly isNofragment?: boolean;
}

export class Replay {
  readonly allocator: PageAllocator;
  readonly directMap: DirectMap;
  /** Requests in the order in which they were served. */
  readonly served: Served[] = [];
  readonly conversions: Conversion[] = [];
  readonly #isConverting: boolean;
  readonly #kernel: Kernel;
  readonly #steps: readonly FreelistsStep[];
  readonly #zonelists: { readonly kernel: Zonelist; readonly movable: Zonelist };
  /** Chunks of the sequence by id, as the model has them. */
  readonly #held = new Map<number, { readonly pfn: number; readonly order: number }>();
  /** Requests that were served before their line. */
  readonly #early = new Set<number>();
  #cpu: number;

  constructor({ memory, header, steps }: Freelists, { otherRules, isNofragment = true }: ReplayRules = {}) {
    const geometry: Geometry = x86Geometry(spanOf(memory));
    this.#isConverting = header.isConverting;
    this.#kernel = kernelOf(header.kernel);
    this.#steps = steps;
    this.allocator = startExactly(memory, geometry, otherRules);
    this.directMap = new DirectMap(geometry, memory.directMap);
    const zonelist = (highest: 'kernel' | 'movable') => {
      const usual = reachOf(memory, highest);
      return { ...usual, isNofragment: usual.isNofragment && isNofragment };
    };
    this.#zonelists = { kernel: zonelist('kernel'), movable: zonelist('movable') };
    this.#cpu = header.cpu;
  }

  /** Up to before the request of `stop`, or to the end. */
  run(stop?: Allocation): void {
    const reclaims = reclaimChanges(this.#steps);
    for (let at = 0; at < this.#steps.length; at++) {
      const isReclaiming = reclaims.get(at);
      if (isReclaiming !== undefined)
        for (const zone of this.allocator.zones) zone.isReclaiming = isReclaiming;
      const step = this.#steps[at];
      switch (step.kind) {
        case 'cpu':
          this.#cpu = step.cpu;
          break;
        case 'allocate':
        case 'allocate-other':
          if (this.#early.has(at)) break;
          if (step === stop) return;
          this.#serve(step);
          break;
        case 'free':
          this.#free(step);
          break;
        case 'free-other':
          at += this.#freeOther(at, step) - 1;
          break;
        case 'bulk':
          this.allocator.claimInBulk(step.cpu, step.pages, codeOf('Unmovable'), this.#zonelists.kernel);
          break;
        case 'drain':
          this.#drain(step);
          break;
        case 'refill': {
          const request = this.#needsRefill(step)
            ? requestOfRefill(this.#steps, at, this.#cpu, (index) => this.#early.has(index))
            : undefined;
          if (request === undefined) break;
          this.#early.add(request);
          if (this.#steps[request] === stop) return;
          this.#serve(this.#steps[request] as Allocation);
          break;
        }
      }
    }
  }

  #zoneOf(pfn: number) {
    const zone = this.allocator.zones.find(({ start, end }) => pfn >= start && pfn < end);
    if (zone === undefined) throw new RangeError(`page ${pfn} is in no zone`);
    return zone;
  }

  #serve(step: Allocation): void {
    const isOwn = step.kind === 'allocate';
    const cpu = isOwn ? this.#cpu : step.cpu;
    const type = isOwn ? 'Unmovable' : step.type;
    const zonelist = type === 'Movable' ? this.#zonelists.movable : this.#zonelists.kernel;
    const pfn = Math.max(0, this.allocator.claim(cpu, step.order, codeOf(type), zonelist));
    this.served.push({ step, cpu, pfn });
    if (!isOwn || pfn === 0) return;
    this.#held.set(step.id, { pfn, order: step.order });
    this.#convert(step, pfn, step.order, true);
  }

  #free(step: Extract<FreelistsStep, { kind: 'free' }>): void {
    const chunk = this.#held.get(step.id);
    if (chunk === undefined) return;
    this.#held.delete(step.id);
    this.#convert(step, chunk.pfn, chunk.order, false);
    this.#giveBack(this.#cpu, chunk.pfn, chunk.order);
  }

  /** Once the model differs, pages that are freed can be free in the model: they stay where they are. */
  #giveBack(cpu: number, pfn: number, order: number): void {
    for (let page = pfn; page < pfn + (1 << order); page++) if (this.#isFree(page)) return;
    this.allocator.free(cpu, this.#zoneOf(pfn), pfn, order);
  }

  #isFree(pfn: number): boolean {
    return this.allocator.buddy.lists.covers(pfn, 0);
  }

  #convert(step: Conversion['step'], pfn: number, order: number, set: boolean): void {
    if (!this.#isConverting) return;
    const splits = this.directMap.change(toPfn(pfn), 1 << order, { mask: SHARED, set });
    this.conversions.push({ step, pfn, splits });
  }

  /** Returns how many steps this was. */
  #freeOther(at: number, { pfn, order, cpu, task }: Extract<FreelistsStep, { kind: 'free-other' }>): number {
    if (this.#kernel !== '7.3' || order > 0 || !task.startsWith('kworker')) {
      this.#giveBack(cpu, pfn, order);
      return 1;
    }
    const pages = freedTogether(this.#steps, at, (page) => this.#isFree(page)).length;
    for (const [first, of] of alignedChunks(pfn, pages, MAX_PAGE_ORDER)) this.#giveBack(cpu, first, of);
    return Math.max(1, pages);
  }

  /**
   * What a task drains follows from its own frees, but for two: a kworker empties the lists of an idle CPU every second
   * (vmstat_update()), and kcompactd those that may hold pages of a block (drain_local_pages()). When they do is a fact.
   */
  #drain({ pfn, order, cpu, task }: Extract<FreelistsStep, { kind: 'drain' }>): void {
    const { buddy, perCpuLists } = this.allocator;
    const isThere = () => buddy.lists.perCpuListOf(pfn) >= 0;
    if (!/^(kworker|kcompactd)/.test(task) || !isThere()) return;
    if (task.startsWith('kworker')) this.allocator.vmstatUpdate(cpu);
    if (!isThere()) return;
    buddy.cpu = cpu;
    perCpuLists.returnChunk(this.#zoneOf(pfn), cpu, pfn, order);
  }

  /** Whether the model, too, has to fill the CPU's list now. */
  #needsRefill({ pfn, order, cpu, type }: Extract<FreelistsStep, { kind: 'refill' }>): boolean {
    return this.allocator.perCpuLists.isEmpty(this.#zoneOf(pfn), cpu, order, codeOf(type));
  }
}
