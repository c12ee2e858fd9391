/** Plays a history with a policy, and looks for what no policy may do. */
import {
  type AllocateRequest,
  type AllocationId,
  ANY_NODE,
  allocationId,
  brokenInvariants,
  type EventBatch,
  GFP_KERNEL,
  type MemoryState,
  nanoseconds,
  type PoolEvent,
  platformNamed,
  type Request,
} from '@decpool/model';
import { conversionMaySleep, maySleep, zoneOf } from '@decpool/model/internal';
import { type PolicyFactory, Pool } from '@decpool/pool';
import { initialColumns } from '../log/fold.ts';
import { type Action, type History, MEMORIES } from './histories.ts';
import { inContext, pagesOf, textOf } from './request-text.ts';
import { expectNoGrowth, Found, type Violation, violationOf } from './rules.ts';
import { EndlessPolicy, inTime } from './time-limit.ts';

interface Played {
  readonly violation: Violation | undefined;
  /** The requests until then, a line each. */
  readonly requests: readonly string[];
  readonly stateHash: string;
  /** What is left when everything was freed, in pages: held by the policy, and shared of that. */
  readonly claimedPages: number;
  readonly sharedPages: number;
}

/** Plays it twice, with policies that know nothing of each other: once to see what happens, once to see it again. */
export function play(factory: PolicyFactory, history: History): Played {
  const first = playOnce(factory, history);
  if (first.violation !== undefined) return first;
  const second = playOnce(factory, history);
  if (second.violation === undefined && second.stateHash === first.stateHash) return first;
  const message =
    second.violation === undefined
      ? `two runs end in the states ${first.stateHash.slice(0, 16)} and ${second.stateHash.slice(0, 16)}`
      : `a second run fails: ${second.violation.message}`;
  return { ...first, violation: { rule: 'deterministic', message } };
}

function playOnce(factory: PolicyFactory, history: History): Played {
  const requests: string[] = [];
  const nothing = { requests, stateHash: '', claimedPages: 0, sharedPages: 0 };
  try {
    const player = new Player(factory, history, requests);
    inTime(() => player.playAll());
    const { claimedPages, sharedPages } = player.pool.counters;
    return { ...nothing, violation: undefined, stateHash: player.pool.hash(), claimedPages, sharedPages };
  } catch (error) {
    // Each further try would take as long.
    if (error instanceof EndlessPolicy) throw error;
    return { ...nothing, violation: violationOf(error) };
  }
}

interface Held {
  readonly id: AllocationId;
  mappings: number;
}

type Untimed<Each> = Each extends Request ? Omit<Each, 'time'> : never;

/** Simulated ns in which all that was put off is done. */
const LONG = 10_000_000_000;
const SWIOTLB = { bytes: 2 * 2 ** 20, dynamic: false };

class Player {
  readonly pool: Pool;
  readonly #history: History;
  readonly #memory: MemoryState;
  readonly #requests: string[];
  readonly #batches: EventBatch[] = [];
  readonly #found: Found[] = [];
  #live: Held[] = [];
  #chunks: number[] = [];
  #lastKey = 0;
  #time = 0;
  /** Of the request being decided; undefined while there is none. */
  #gfp: number | undefined;

  constructor(factory: PolicyFactory, history: History, requests: string[]) {
    const { platform, granulePages, restore, memory, faults, workerDelay, seed } = history.setting;
    this.#history = history;
    this.#requests = requests;
    this.#memory = MEMORIES[memory]();
    this.pool = new Pool({
      memory: this.#memory,
      platform: { ...platformNamed(platform), granulePages, restore },
      policy: factory,
      swiotlb: SWIOTLB,
      workerDelay,
      seed,
      ...(faults === undefined ? {} : { faults }),
    });
    this.pool.batches$.subscribe((batch) => this.#batches.push(batch));
    this.pool.events$.subscribe((event) => this.#hear(event));
  }

  playAll(): void {
    const { actions, rounds } = this.#history;
    const claimed: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      for (const action of actions) this.#act(action);
      this.#drain();
      claimed.push(this.pool.counters.claimedPages);
    }
    this.pool.complete();
    this.#expectNothingNew();
    this.#expectDrained();
    expectNoGrowth(claimed);
    this.#expectSound();
  }

  #act(action: Action): void {
    if ('wait' in action) this.#time += action.wait;
    switch (action.do) {
      case 'allocate':
        this.#allocate(action);
        break;
      case 'free':
        this.#onOne(
          action.pick,
          ({ mappings }) => mappings === 0,
          (held) => this.#free(held, action.gfp),
        );
        break;
      case 'map':
        this.#onOne(
          action.pick,
          ({ id }) => this.pool.view.isWholePages(id) && this.pool.view.allocation(id).api !== 'dma_map',
          (held) => {
            this.#request(`map ${held.id} into user space`, { kind: 'map-user', allocation: held.id });
            held.mappings++;
          },
        );
        break;
      case 'unmap':
        this.#onOne(
          action.pick,
          ({ mappings }) => mappings > 0,
          (held) => this.#unmap(held),
        );
        break;
      case 'others-take': {
        const { order, migratetype } = action;
        const key = ++this.#lastKey;
        const text = `others take 2^${order} ${migratetype} pages`;
        this.#request(text, { kind: 'background-allocate', key, order, migratetype });
        this.#chunks.push(key);
        break;
      }
      case 'others-give': {
        if (this.#chunks.length === 0) break;
        const [key] = this.#chunks.splice(action.pick % this.#chunks.length, 1);
        this.#giveBack(key);
        break;
      }
    }
  }

  /** Acts on one of the live allocations that fit, if any does. */
  #onOne(pick: number, fits: (held: Held) => boolean, act: (held: Held) => void): void {
    const fitting = this.#live.filter(fits);
    if (fitting.length > 0) act(fitting[pick % fitting.length]);
  }

  #allocate({ do: _, wait: __, ...wanted }: Extract<Action, { do: 'allocate' }>): void {
    const id = allocationId(this.pool.view.counter('lastAllocation') + 1);
    const request = { kind: 'allocate', allocation: id, time: nanoseconds(this.#time), ...wanted } as const;
    const { liveAllocations, backgroundPages, leakedPages } = this.pool.counters;
    const isAllFree = liveAllocations + backgroundPages + leakedPages === 0;
    this.#request(textOf(request), request);
    if (this.pool.view.isLive(id)) {
      this.#live.push({ id, mappings: 0 });
      this.#expectPlace(request);
    } else if (isAllFree) this.#expectJustified(request);
  }

  /** Exactly, where the recorder knows only the span of blocks that a zone and node make. */
  #expectPlace({ allocation, gfp = GFP_KERNEL, node = ANY_NODE }: AllocateRequest): void {
    const highest = ZONES.indexOf(zoneOf(gfp));
    const { extents } = this.pool.view.allocation(allocation);
    for (const { pfn, pages } of extents) {
      const isAllowed = this.#memory.zones.some(
        (zone) =>
          ZONES.indexOf(zone.name) <= highest &&
          (node === ANY_NODE || node === (zone.node ?? 0)) &&
          zone.ram.some(([first, count]) => pfn < first + count && pfn + pages > first),
      );
      if (!isAllowed) {
        const where = `zone ${zoneOf(gfp)} and below${node === ANY_NODE ? '' : ` of node ${node}`}`;
        throw new Found('reach', `pages ${pfn} to ${pfn + pages} are given out, which are not in ${where}`);
      }
    }
  }

  /** On memory that nobody uses, a caller that may sleep gets a page, unless the host fails. */
  #expectJustified({ pages, gfp = GFP_KERNEL, node = ANY_NODE, api }: AllocateRequest): void {
    const { faults } = this.#history.setting;
    const isPlain = pages === 1 && gfp === GFP_KERNEL && node === ANY_NODE && api !== 'dma_map';
    if (!isPlain || faults !== undefined) return;
    throw new Found('refusals', 'a caller that may sleep was refused one page while all memory is free');
  }

  #free(held: Held, gfp: number): void {
    this.#live = this.#live.filter((other) => other !== held);
    const { owner, api, pages } = this.pool.view.allocation(held.id);
    const text = `free ${held.id} (${api} of ${pagesOf(pages)} for '${owner}')${inContext(gfp)}`;
    this.#request(text, { kind: 'free', allocation: held.id, gfp });
  }

  #unmap(held: Held): void {
    this.#request(`unmap ${held.id} from user space`, { kind: 'unmap-user', allocation: held.id });
    held.mappings--;
  }

  #giveBack(key: number): void {
    this.#request('others give a chunk back', { kind: 'background-free', key });
  }

  /** Frees all there is, and waits until that is done. */
  #drain(): void {
    for (const held of this.#live) while (held.mappings > 0) this.#unmap(held);
    for (const held of this.#live) this.#free(held, GFP_KERNEL);
    for (const key of this.#chunks) this.#giveBack(key);
    this.#chunks = [];
    this.#time += LONG;
    this.pool.request(Object.freeze({ kind: 'background-free', key: 0, time: nanoseconds(this.#time) }));
    this.#expectNothingNew();
  }

  #request(text: string, request: Untimed<Request>): void {
    this.#requests.push(`at ${this.#time} ns: ${text}`);
    this.#gfp = undefined;
    this.pool.request(Object.freeze({ ...request, time: nanoseconds(this.#time) } as Request));
    this.#gfp = undefined;
    this.#expectNothingNew();
  }

  #expectNothingNew(): void {
    const [first] = this.#found;
    if (first !== undefined) throw first;
  }

  /** An exception here would be lost to the policy, which might catch it. */
  #hear(event: PoolEvent): void {
    switch (event.type) {
      case 'allocation-requested':
        this.#gfp = this.pool.view.allocation(event.allocation).gfp;
        break;
      case 'allocation-failed':
        this.#hearRefusal(event);
        break;
      case 'pages-decrypted':
      case 'vm-area-decrypted':
      case 'pages-encrypted':
      case 'vm-area-encrypted':
        if (this.#gfp !== undefined && !this.#mayConvertFor(this.#gfp)) {
          this.#found.push(new Found('may-sleep', `event ${event.seq} converts`));
        }
        if (!this.pool.view.platform.confidential) {
          this.#found.push(new Found('plain-vm', `event ${event.seq} converts`));
        }
        break;
    }
  }

  #hearRefusal({ reason, allocation, seq }: Extract<PoolEvent, { type: 'allocation-failed' }>): void {
    const { api, gfp, pages } = this.pool.view.allocation(allocation);
    const holds = {
      'out-of-memory': true,
      'too-large': pages > 1,
      'would-sleep': !this.#mayConvertFor(gfp),
      'conversion-failed': this.#history.setting.faults !== undefined,
      unsupported: api === 'vmalloc',
      'swiotlb-full': true,
    };
    if (holds[reason]) return;
    const why = `event ${seq} refuses ${api} of ${pagesOf(pages)} as ${reason}, which it cannot be`;
    this.#found.push(new Found('refusals', why));
  }

  #mayConvertFor(gfp: number): boolean {
    return maySleep(gfp) || !conversionMaySleep(this.pool.view.platform);
  }

  #expectDrained(): void {
    const { counters } = this.pool;
    const { liveAllocations, livePages, liveBytes, userMappings } = counters;
    if (liveAllocations + livePages + liveBytes + userMappings > 0) {
      const left = `${liveAllocations} allocations with ${pagesOf(livePages)} are live`;
      throw new Found('drained', `all was freed, but ${left}`);
    }
    if (counters.sharedPages > 0 && !this.pool.view.platform.confidential) {
      throw new Found('plain-vm', `${pagesOf(counters.sharedPages)} are shared`);
    }
  }

  #expectSound(): void {
    const [broken] = brokenInvariants(this.pool.view, this.#memory.directMap);
    if (broken !== undefined) throw new Found('invariants', broken);
    const columns = initialColumns(this.pool.header);
    for (const batch of this.#batches) columns.fold(batch);
    if (columns.hash() !== this.pool.hash()) {
      throw new Found('replay', 'the replay of its events ends in another state');
    }
  }
}

const ZONES = ['DMA', 'DMA32', 'Normal'];
