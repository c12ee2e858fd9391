/**
 * Every policy against a reference that knows next to nothing: who holds each page, and what a caller was promised. Random
 * callers do all that callers can do, right and wrong; the reference hears of it only through the events.
 */
import {
  type AllocationId,
  ANY_NODE,
  allocationId,
  brokenInvariants,
  Columns,
  type EventBatch,
  type FailureReason,
  type Faults,
  GFP,
  GFP_KERNEL,
  hashOf,
  InputError,
  InvariantError,
  type MemoryState,
  machineOf,
  type Nanoseconds,
  PLATFORM_NAMES,
  type Platform,
  type PoolEvent,
  platformNamed,
} from '@decpool/model';
import {
  conversionMaySleep,
  GRANULES,
  gfpNamed,
  MIGRATETYPES,
  maySleep,
  pagesFor,
  zoneOf,
} from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aged } from './page-source/aged.ts';
import { fragmented, freshBoot } from './page-source/profiles.ts';
import { Pool, type RequestOptions } from './pool.ts';
import { policyNamed, RETURNS } from './registry.ts';
import { VARIED_POLICIES } from './testing.ts';

const MIB = 2 ** 20;
const PAGE = 4096;

/** Each return with and without a reserve, with and without a shrinker; its time is short enough to pass within a history. */
const SUPPLIES = ['immediate', 'hysteresis:0.0001', 'demand:0.01', 'never-return'].flatMap((returned) =>
  ['', 'reserve:64:512+'].flatMap((before) =>
    ['', '+shrinker'].map((after) => `${before}${returned}${after}`),
  ),
);
const POLICIES = [
  ...VARIED_POLICIES,
  'first-fit+block+reserve:600:600+immediate',
  'first-fit+page+reserve:300:1500+immediate',
  ...SUPPLIES.map((supply) => `longest-free-range+block+${supply}`),
  ...SUPPLIES.filter((supply) => supply.startsWith('reserve')).map((supply) => `first-fit+page+${supply}`),
];
const STEPS_A_RUN = 2000;
const RUNS_A_POLICY = Math.ceil(220 / POLICIES.length);
/** A recount of all pages is slow. */
const STEPS_BETWEEN_RECOUNTS = 250;

/** Who holds a page: an allocation by its id, a slab by minus its number less these, or one of these. */
const NOBODY = 0;
const POOL = -1;
const OTHERS = -2;
const slabHolder = (slab: number) => -2 - slab;

type Share = 0 | 1 | 2 | 3;
const PRIVATE: Share = 0;
const SHARED: Share = 1;
const UNKNOWN: Share = 2;
/** Unknown for good. */
const LEAKED: Share = 3;

/** What a caller knows of an allocation. */
interface Held {
  readonly id: AllocationId;
  readonly bytes: number;
  readonly owner: string;
  /** Mappings into user space. */
  mappings: number;
}

class Reference {
  readonly live: Held[] = [];
  readonly refused = new Set<AllocationId>();
  readonly chunks: number[] = [];
  readonly batches: EventBatch[] = [];
  readonly memory: MemoryState;
  time = 0;
  steps = 0;
  #requests = 0;
  #lastKey = 0;
  readonly #platform: Platform;
  readonly #hasFaults: boolean;
  readonly #holder: Int32Array;
  readonly #share: Uint8Array;
  /** Pages that each allocation holds. */
  readonly #pagesOf = new Map<number, number>();
  readonly #slabs = new Map<number, readonly [start: number, pages: number]>();
  /** Freed where nothing could be converted: no longer the caller's, not yet the pool's. */
  readonly #leaving = new Map<number, Held>();
  readonly #atomicChunks: { readonly pfn: number; readonly pages: number }[] = [];
  #leakedPages = 0;
  #mayConvert = true;
  readonly #problems: string[] = [];

  constructor(pool: Pool, memory: MemoryState) {
    this.memory = memory;
    this.#platform = pool.view.platform;
    this.#hasFaults = pool.header.faults !== undefined;
    this.#holder = new Int32Array(pool.view.geometry.spanPages);
    this.#share = new Uint8Array(pool.view.geometry.spanPages);
    pool.events$.subscribe((event) => this.#hear(event));
    pool.batches$.subscribe((batch) => this.batches.push(batch));
  }

  nextKey(): number {
    return ++this.#lastKey;
  }

  /** What was promised of an allocation that the pool says it made. */
  allocated(pool: Pool, held: Held, pages: number, gfp: number, node: number): void {
    this.live.push(held);
    const { extents, object, ...told } = pool.view.allocation(held.id);
    if (told.owner !== held.owner || told.bytes !== held.bytes)
      this.#problem(`${held.id} is somebody else's`);
    const slab = object === undefined ? undefined : pool.view.slab(object.slab);
    const runs = slab === undefined ? extents : [slab];
    const size = object === undefined ? 0 : object.units * (slab?.unitBytes ?? 0);
    const got = extents.reduce((sum, extent) => sum + extent.pages, 0);
    if (object === undefined ? got < pages : size < held.bytes) this.#problem(`${held.id} got too little`);
    // Bounce buffers lie where they are, whoever uses them.
    if (slab?.cache === 'swiotlb') return;
    for (const run of runs) {
      // The atomic DMA pools know no nodes.
      const isPools = this.#atomicChunks.some(
        ({ pfn, pages: size }) => run.pfn >= pfn && run.pfn < pfn + size,
      );
      if (!this.#isAllowed(run, gfp, isPools ? ANY_NODE : node)) this.#problem(`${held.id} lies elsewhere`);
    }
  }

  #isAllowed(run: { readonly pfn: number; readonly pages: number }, gfp: number, node: number): boolean {
    const zones = ['DMA', 'DMA32', 'Normal'];
    const highest = zones.indexOf(zoneOf(gfp));
    const end = run.pfn + run.pages;
    return this.memory.zones.some(
      (zone) =>
        zones.indexOf(zone.name) <= highest &&
        (node === ANY_NODE || node === (zone.node ?? 0)) &&
        zone.ram.some(([first, pages]) => run.pfn < first + pages && end > first),
    );
  }

  freed(held: Held): void {
    this.live.splice(this.live.indexOf(held), 1);
    if ((this.#pagesOf.get(held.id) ?? 0) > 0) this.#leaving.set(held.id, held);
  }

  #problem(text: string): void {
    this.#problems.push(text);
  }

  #hear(event: PoolEvent): void {
    switch (event.type) {
      case 'allocation-requested':
      case 'free-requested':
        this.#requests++;
        this.#mayConvert =
          event.gfp === undefined || maySleep(gfpNamed(event.gfp)) || !conversionMaySleep(this.#platform);
        break;
      case 'user-mapped':
      case 'user-unmapped':
        this.#requests++;
        break;
      case 'atomic-pool-grown':
        this.#atomicChunks.push(event);
        break;
      case 'allocation-failed':
        if (!this.#mayBeRefused(event.reason)) this.#problem(`event ${event.seq} has no ground`);
        break;
      case 'pages-claimed':
        this.#move(event, NOBODY, POOL);
        break;
      case 'pages-returned':
        this.#expectShare(event, [PRIVATE]);
        this.#move(event, POOL, NOBODY);
        break;
      case 'background-allocated':
        this.#move(event, NOBODY, OTHERS);
        break;
      case 'background-freed':
        this.#move(event, OTHERS, NOBODY);
        break;
      case 'pages-decrypted':
      case 'vm-area-decrypted':
        this.#convert(event, [PRIVATE], SHARED);
        break;
      case 'pages-encrypted':
      case 'vm-area-encrypted':
        this.#convert(event, [SHARED, UNKNOWN], PRIVATE);
        break;
      case 'conversion-failed':
        this.#convert(event, event.direction === 'decrypt' ? [PRIVATE] : [SHARED, UNKNOWN], UNKNOWN);
        break;
      case 'pages-leaked':
        this.#convert(event, [UNKNOWN], LEAKED);
        this.#leakedPages += event.pages;
        break;
      case 'pages-allocated':
        this.#expectShare(event, this.#platform.confidential ? [SHARED] : [PRIVATE]);
        this.#move(event, POOL, event.allocation);
        this.#pagesOf.set(event.allocation, (this.#pagesOf.get(event.allocation) ?? 0) + event.pages);
        break;
      case 'pages-freed':
        this.#move(event, event.allocation, POOL);
        this.#lose(event.allocation, event.pages);
        break;
      case 'slab-created':
        this.#move(event, event.allocation === 0 ? POOL : event.allocation, slabHolder(this.#slabs.size + 1));
        this.#slabs.set(this.#slabs.size + 1, [event.pfn, event.pages]);
        if (event.allocation !== 0) this.#lose(event.allocation, event.pages);
        break;
      case 'slab-destroyed': {
        const [pfn, pages] = this.#slabs.get(event.slab) ?? [0, 0];
        this.#move({ pfn, pages, seq: event.seq }, slabHolder(event.slab), event.allocation);
        this.#pagesOf.set(event.allocation, pages);
        break;
      }
    }
  }

  #mayBeRefused(reason: FailureReason): boolean {
    if (reason === 'would-sleep') return !this.#mayConvert;
    return reason !== 'conversion-failed' || this.#hasFaults;
  }

  #lose(allocation: number, pages: number): void {
    const left = (this.#pagesOf.get(allocation) ?? 0) - pages;
    this.#pagesOf.set(allocation, left);
    if (left === 0) this.#leaving.delete(allocation);
  }

  #move({ pfn, pages, seq }: { pfn: number; pages: number; seq: number }, from: number, to: number): void {
    for (let page = pfn; page < pfn + pages; page++) {
      if (this.#holder[page] !== from) {
        this.#problem(`event ${seq}: page ${page} is held by ${this.#holder[page]}, not ${from}`);
      }
    }
    this.#holder.fill(to, pfn, pfn + pages);
  }

  /** Nothing but what the pool holds and nobody uses is ever converted: so nothing that is mapped into user space. */
  #convert(event: { pfn: number; pages: number; seq: number }, from: readonly Share[], to: Share): void {
    if (!this.#mayConvert || !this.#platform.confidential) this.#problem(`event ${event.seq} converts`);
    this.#expectShare(event, from);
    this.#move(event, POOL, POOL);
    this.#share.fill(to, event.pfn, event.pfn + event.pages);
  }

  #expectShare({ pfn, pages, seq }: { pfn: number; pages: number; seq: number }, allowed: readonly Share[]) {
    for (let page = pfn; page < pfn + pages; page++) {
      if (allowed.includes(this.#share[page] as Share)) continue;
      this.#problem(`event ${seq}: page ${page} is in share state ${this.#share[page]}`);
    }
  }

  /** What the pool counts must be what the reference counts. */
  expectAgreement({ view }: Pool): void {
    this.#mayConvert = true;
    const going = [...this.#leaving.values()];
    const bytes = (held: readonly Held[]) => held.reduce((sum, { bytes }) => sum + bytes, 0);
    const expected = {
      requests: this.#requests,
      failedRequests: this.refused.size,
      liveAllocations: this.live.length + going.length,
      liveBytes: bytes(this.live) + bytes(going),
      leakedPages: this.#leakedPages,
      userMappings: this.live.reduce((sum, { mappings }) => sum + mappings, 0),
    };
    for (const [name, value] of Object.entries(expected)) {
      const counted = view.counter(name as keyof typeof expected);
      if (counted !== value) this.#problem(`${name} is ${counted}, not ${value}`);
    }
    if (this.#problems.length > 0) throw new Error(this.#problems.slice(0, 5).join('; '));
  }
}

/** What callers do. `pick` lands on something that is there; `wait` is simulated ns. */
type Action =
  | {
      readonly do:
        | 'alloc_pages'
        | 'alloc_pages_exact'
        | 'vmalloc'
        | 'kmalloc'
        | 'dma_alloc_coherent'
        | 'dma_map';
      /** An order, a number of pages, or bytes. */
      readonly size: number;
      readonly owner: string;
      readonly gfp: number;
      readonly node: number;
      readonly align: number;
      readonly wait: number;
    }
  | { readonly do: 'free'; readonly pick: number; readonly gfp: number; readonly wait: number }
  | { readonly do: 'map' | 'unmap' | 'background-free' | 'blunder'; readonly pick: number }
  | { readonly do: 'background-allocate'; readonly order: number; readonly type: 0 | 1 | 2 }
  | { readonly do: 'look' };

let steps = 0;

class Step implements fc.Command<Reference, Pool> {
  readonly action: Action;

  constructor(action: Action) {
    this.action = action;
  }

  check(): boolean {
    return true;
  }

  run(reference: Reference, pool: Pool): void {
    steps++;
    perform(this.action, reference, pool);
    reference.expectAgreement(pool);
    if (++reference.steps % STEPS_BETWEEN_RECOUNTS === 0) expectSound(reference, pool);
  }

  toString(): string {
    return JSON.stringify(this.action);
  }
}

function expectSound({ memory }: Reference, pool: Pool): void {
  const broken = brokenInvariants(pool.view, memory.directMap);
  if (broken.length > 0) throw new Error(broken.slice(0, 5).join('; '));
}

function perform(action: Action, reference: Reference, pool: Pool): void {
  const { live } = reference;
  const time = reference.time as Nanoseconds;
  switch (action.do) {
    case 'free': {
      reference.time += action.wait;
      const held = live[action.pick % live.length];
      if (held === undefined) break;
      if (held.mappings > 0) expectRefusal(pool, () => pool.free(held.id, reference.time));
      else {
        pool.free(held.id, reference.time, action.gfp);
        reference.freed(held);
      }
      break;
    }
    case 'map': {
      const held = live[action.pick % live.length];
      if (held === undefined) break;
      if (sharesPage(pool, held.id)) expectRefusal(pool, () => pool.remap_pfn_range(held.id));
      else {
        pool.remap_pfn_range(held.id);
        held.mappings++;
      }
      break;
    }
    case 'unmap': {
      const mapped = live.filter(({ mappings }) => mappings > 0);
      const held = mapped[action.pick % mapped.length];
      if (held === undefined) break;
      pool.remove_user_mapping(held.id);
      held.mappings--;
      break;
    }
    case 'background-allocate': {
      const key = reference.nextKey();
      const { order } = action;
      pool.request({ kind: action.do, time, key, order, migratetype: MIGRATETYPES[action.type] });
      reference.chunks.push(key);
      break;
    }
    case 'background-free': {
      const [key] = reference.chunks.splice(action.pick % reference.chunks.length, 1);
      if (key !== undefined) pool.request({ kind: action.do, time, key });
      break;
    }
    case 'blunder':
      blunder(action.pick, reference, pool);
      break;
    case 'look':
      if (hashOf(pool.state) !== pool.hash()) throw new Error('the published state is another one');
      break;
    default: {
      reference.time += action.wait;
      const { owner, gfp, node } = action;
      const align = action.do === 'kmalloc' ? action.align : 1;
      const options = { owner, gfp, node, align, at: reference.time };
      const { ok, allocation } = pool[action.do](action.size, options);
      if (!ok) reference.refused.add(allocation);
      else {
        const { pages, bytes } = asked(action.do, action.size);
        reference.allocated(pool, { id: allocation, bytes, owner, mappings: 0 }, pages, gfp, node);
      }
    }
  }
}

/** Whether a caller has less than whole pages, or what is not its own memory: then it cannot map them into user space. */
function sharesPage({ view }: Pool, id: AllocationId): boolean {
  const { object, api } = view.allocation(id);
  // A bounce buffer may be in a transient pool, in no slab.
  if (api === 'dma_map') return true;
  if (object === undefined) return false;
  const { unitBytes = 0 } = view.slab(object.slab) ?? {};
  return (object.unit * unitBytes) % PAGE !== 0 || (object.units * unitBytes) % PAGE !== 0;
}

function asked(api: string, size: number): { readonly pages: number; readonly bytes: number } {
  if (api === 'alloc_pages') return { pages: 2 ** size, bytes: 2 ** size * PAGE };
  if (api === 'alloc_pages_exact' || api === 'vmalloc') return { pages: size, bytes: size * PAGE };
  return { pages: pagesFor(size, 12), bytes: size };
}

/** Things no caller may do: refused as the caller's mistake, and nothing happens. */
function blunder(pick: number, { live, refused }: Reference, pool: Pool): void {
  const options: RequestOptions = { owner: 'blunderer' };
  const dead = allocationId(1 + (pick % (pool.view.counter('lastAllocation') + 1)));
  const unmapped = live.find(({ mappings }) => mappings === 0)?.id ?? allocationId(0);
  const blunders = [
    () => pool.free(live.some(({ id }) => id === dead) ? allocationId(0) : dead),
    () => pool.free([...refused][0] ?? allocationId(0)),
    () => pool.remap_pfn_range(allocationId(2 ** 31)),
    () => pool.remove_user_mapping(unmapped),
    () => pool.alloc_pages(11, options),
    () => pool.kmalloc(0, options),
    () => pool.vmalloc(1, { ...options, at: pool.view.counter('time') - 1 }),
    () => pool.vmalloc(1, { ...options, node: 63 }),
    () => pool.vmalloc(1, { ...options, gfp: 1024 }),
    () => pool.kmalloc(100, { ...options, align: 3 }),
  ];
  expectRefusal(pool, blunders[pick % blunders.length]);
}

function expectRefusal(pool: Pool, mistake: () => unknown): void {
  const events = pool.view.counter('events');
  let caught: unknown;
  try {
    mistake();
  } catch (error) {
    caught = error;
  }
  if (!(caught instanceof InputError) || caught instanceof InvariantError) {
    throw new Error(`${mistake} was not refused as a mistake: ${caught}`);
  }
  if (pool.view.counter('events') !== events) throw new Error('a mistake made something happen');
}

const gfps = fc.oneof(
  { weight: 6, arbitrary: fc.constant(GFP_KERNEL) },
  { weight: 3, arbitrary: fc.constantFrom(GFP.GFP_ATOMIC, GFP.GFP_NOWAIT) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      GFP.__GFP_DMA,
      GFP.__GFP_DMA32,
      GFP.GFP_ATOMIC | GFP.__GFP_DMA,
      GFP.__GFP_RECLAIMABLE | GFP.__GFP_ACCOUNT,
    ),
  },
);
const waits = fc.constantFrom(0, 0, 1000, 100_000, 2_000_000);
const OWNERS = ['eth0', 'netvsc 1 recv_buf', 'netvsc 1 send_buf', 'nvme0 descriptor', '0:3.0 ITT', 'vda'];

const request = (names: readonly Extract<Action, { size: number }>['do'][], size: fc.Arbitrary<number>) =>
  fc.record({
    do: fc.constantFrom(...names),
    size,
    owner: fc.constantFrom(...OWNERS),
    gfp: gfps,
    node: fc.constantFrom(ANY_NODE, ANY_NODE, ANY_NODE, ANY_NODE, 0, 1, 5),
    align: fc.constantFrom(1, 1, 1, 8, 256, 4096),
    wait: waits,
  });

const bytes = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 20_000 }));
const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: request(['alloc_pages'], fc.oneof(fc.nat(3), fc.nat(10))) },
  {
    weight: 2,
    arbitrary: request(
      ['alloc_pages_exact'],
      fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(700, 1025)),
    ),
  },
  {
    weight: 2,
    arbitrary: request(
      ['vmalloc'],
      fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(600, 1500, 9000)),
    ),
  },
  { weight: 5, arbitrary: request(['kmalloc', 'dma_alloc_coherent', 'dma_map'], bytes) },
  {
    weight: 1,
    arbitrary: request(['kmalloc', 'dma_alloc_coherent', 'dma_map'], fc.integer({ min: 1, max: 5 * MIB })),
  },
  {
    weight: 11,
    arbitrary: fc.record({ do: fc.constant('free' as const), pick: fc.nat(9999), gfp: gfps, wait: waits }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('map' as const, 'unmap' as const, 'unmap' as const),
      pick: fc.nat(9999),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('background-allocate' as const),
      order: fc.oneof(fc.nat(3), fc.nat(10)),
      type: fc.constantFrom(0 as const, 1 as const, 2 as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('background-free' as const, 'blunder' as const),
      pick: fc.nat(9999),
    }),
  },
);
/** Rare, because a look is slow, and all after it are kept. */
const rarely = fc.oneof(
  { weight: 400, arbitrary: actions },
  { weight: 1, arbitrary: fc.constant<Action>({ do: 'look' }) },
);

const MEMORIES: Readonly<Record<string, () => MemoryState>> = {
  fresh: () => freshBoot(64 * MIB),
  larger: () => freshBoot(96 * MIB),
  'two nodes': () => freshBoot(128 * MIB, 2),
  'partly fragmented': () => fragmented(64 * MIB, 0.3, 1),
  fragmented: () => fragmented(64 * MIB, 1, 2),
  aged: () => aged(512 * MIB, 3),
};

const faults: fc.Arbitrary<Faults> = fc.record({
  seed: fc.nat(99),
  decrypt: fc.constantFrom(0, 0.01, 0.2, 1),
  encrypt: fc.constantFrom(0, 0.01, 0.2),
  converted: fc.constantFrom(0, 0.5, 1),
  retries: fc.nat(2),
});

/** Short enough to read when a run fails. */
const settings = fc.record({
  memory: fc.constantFrom(...Object.keys(MEMORIES)),
  platform: fc.constantFrom(...PLATFORM_NAMES),
  granulePages: fc.constantFrom(GRANULES[0], ...GRANULES),
  restore: fc.boolean(),
  seed: fc.nat(99),
  faults: fc.option(faults, { nil: undefined }),
  swiotlb: fc.record({ bytes: fc.constantFrom(2 * MIB, 6 * MIB), dynamic: fc.boolean() }),
  atomicPools: fc.boolean(),
  workerDelay: fc.constantFrom(0, 1000, 1_000_000),
  pageSource: fc.record({
    kernel: fc.constantFrom('6.x' as const, '7.x' as const),
    perCpuLists: fc.boolean(),
    compaction: fc.boolean(),
  }),
});

function poolOf({ memory, platform, granulePages, restore, faults, ...rest }: Settings, policy: string) {
  const state = MEMORIES[memory]();
  const pool = new Pool({
    ...rest,
    memory: state,
    platform: { ...platformNamed(platform), granulePages, restore },
    policy: policyNamed(policy),
    ...(faults === undefined ? {} : { faults }),
    batchRows: 512,
  });
  return { pool, reference: new Reference(pool, state) };
}

type Settings = typeof settings extends fc.Arbitrary<infer Value> ? Value : never;

/** What is left to the worker is done, and the log leads where the pool is. */
function expectSoundEnd(reference: Reference, pool: Pool): void {
  pool.complete();
  reference.expectAgreement(pool);
  expectSound(reference, pool);
  expect(hashOf(pool.state)).toBe(pool.hash());
  const columns = new Columns(machineOf(pool.header), reference.memory.directMap);
  for (const batch of reference.batches) columns.fold(batch);
  expect(columns.hash()).toBe(pool.hash());
}

it('every return of the registry is among the policies', () => {
  for (const returned of Object.keys(RETURNS)) {
    expect(SUPPLIES.filter((supply) => supply.includes(returned))).toHaveLength(4);
  }
});

describe('whatever callers, hosts and other users of memory do', () => {
  const tried = new Set<string>();

  it.each(POLICIES)('%s keeps every promise', (policy) => {
    fc.assert(
      fc.property(
        settings,
        fc.commands([rarely.map((action) => new Step(action))], { maxCommands: STEPS_A_RUN, size: 'max' }),
        (options, commands) => {
          const { pool, reference } = poolOf(options, policy);
          fc.modelRun(() => ({ model: reference, real: pool }), commands);
          expectSoundEnd(reference, pool);
        },
      ),
      // A failure is shrunk for as long, and told as far as that went.
      { numRuns: randomRuns(RUNS_A_POLICY), interruptAfterTimeLimit: 50_000 },
    );
    tried.add(policy);
  });

  it('over 50,000 steps and more, in the long tests 200,000', ({ skip }) => {
    skip(tried.size < POLICIES.length, 'not all policies were run');
    expect(steps).toBeGreaterThanOrEqual(randomRuns(200_000));
  });
});
