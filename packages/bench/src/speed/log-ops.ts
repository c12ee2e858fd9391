/**
 * Operations on one large log, each in a process of its own so that its peak memory is its own. `log-ops.js OPERATION FOLDER
 * EVENTS` prints one JSON line.
 */
import { createReadStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Columns } from '@decpool/model';
import {
  type AllocationId,
  allocationId,
  blockIndex,
  type EventBatch,
  type LogHeader,
  nanoseconds,
  type PoolEvent,
  platformNamed,
} from '@decpool/model';
import { freshBoot, type PolicyFactory, Pool, policyNamed, randomFrom } from '@decpool/pool';
import { handover } from '@decpool/pool/internal';
import { type DefaultRecord, type Event, getInMemoryEventStore } from '@event-driven-io/emmett';
import { RecordBatchReader } from 'apache-arrow';
import { explainRange } from '../inspect/explain-range.ts';
import { initialColumns } from '../log/fold.ts';
import type { LogFormat } from '../log/format.ts';
import { openLog } from '../log/open.ts';
import { readLog } from '../log/read.ts';
import { openLogWriter } from '../log/write.ts';
import { forkLog } from '../rerun/fork.ts';
import { policyOf } from '../rerun/rerun.ts';
import { verifyLog } from '../rerun/verify.ts';
import { wholePages } from '../workloads/request-list.ts';

/** What an operation came to. */
export interface Timed {
  readonly events: number;
  readonly seconds: number;
  /** Of the process, bytes. */
  readonly peakMemory: number;
  /** Of seeks, ms each. */
  readonly latencies?: readonly number[];
  /** Of a log. */
  readonly bytes?: number;
}

const logIn = (folder: string, format: LogFormat) => join(folder, `log.${format}`);

/** A 4 GiB guest with so many live allocations, of 1 to 16 pages. */
const LIVE = 60_000;
const POLICY = 'first-fit+block+never-return';
const FORK_POLICY = 'best-fit+block+immediate';
/** About: a request and its pages. */
const EVENTS_PER_REQUEST = 2;

type Result = Omit<Timed, 'seconds' | 'peakMemory'> & { readonly seconds?: number };

const OPERATIONS: Readonly<Record<string, (folder: string, events: number) => Promise<Result>>> = {
  generate: (folder, events) => generate(logIn(folder, 'arrow'), events, policyNamed(POLICY)),

  /** What a fork is compared with: a run in which the same policies decide. */
  async 'generate handover'(folder, events) {
    const path = join(folder, 'handover.arrow');
    const half = events / EVENTS_PER_REQUEST / 2;
    const policy = handover(policyNamed(POLICY), policyNamed(FORK_POLICY), () => half);
    const made = await generate(path, events, policy);
    await rm(path);
    return made;
  },

  'write arrow': (folder) => write(folder, 'arrow'),
  'write ndjson': (folder) => write(folder, 'ndjson'),
  'read arrow': (folder) => read(logIn(folder, 'arrow'), false),
  'read ndjson': (folder) => read(logIn(folder, 'ndjson'), false),
  'read+fold arrow': (folder) => read(logIn(folder, 'arrow'), true),
  'read+fold ndjson': (folder) => read(logIn(folder, 'ndjson'), true),

  async fold(folder) {
    const { header, batches, events } = await loaded(folder);
    const columns = initialColumns(header);
    const start = performance.now();
    for (const batch of batches) columns.fold(batch);
    return { events, seconds: secondsSince(start) };
  },

  'seek arrow': (folder) => seeks(logIn(folder, 'arrow')),
  'seek ndjson': (folder) => seeks(logIn(folder, 'ndjson')),

  async verify(folder) {
    const checks = await verifyLog(logIn(folder, 'arrow'), {
      every: 0,
      policy: (header) => policyOf(header),
    });
    const wrong = checks.find(({ verdict }) => verdict === 'wrong');
    if (wrong !== undefined) throw new Error(`a defect: ${wrong.name}: ${wrong.text}`);
    const log = await openLog(logIn(folder, 'arrow'));
    await log.close();
    return { events: log.events };
  },

  async explain(folder) {
    const log = await openLog(logIn(folder, 'arrow'));
    const view = (await log.seek(log.events)).view();
    let block = 0;
    while (view.pagesOf('allocated', blockIndex(block)) === 0) block++;
    const start = performance.now();
    await explainRange(log, { kind: 'block', block }, log.events);
    return { events: log.events, seconds: secondsSince(start) };
  },

  async fork(folder) {
    const log = await openLog(logIn(folder, 'arrow'));
    const path = join(folder, 'fork.arrow');
    const policy = { name: FORK_POLICY, factory: policyNamed(FORK_POLICY) };
    const start = performance.now();
    await forkLog(log, { event: Math.floor(log.events / 2), policy, out: { path, format: 'arrow' } });
    const seconds = secondsSince(start);
    await rm(path);
    return { events: log.events, seconds };
  },

  /** What NDJSON costs anybody: each line through JSON.parse. */
  async 'JSON.parse'(folder) {
    let rest = '';
    let events = 0;
    for await (const chunk of createReadStream(logIn(folder, 'ndjson'), {
      encoding: 'utf8',
      highWaterMark: 2 ** 20,
    })) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if ('seq' in JSON.parse(line)) events++;
    }
    return { events };
  },

  /** What Arrow costs anybody: each column of each batch summed up. */
  async 'Arrow scan'(folder) {
    let events = 0;
    let sum = 0;
    for await (const batch of await RecordBatchReader.from(createReadStream(logIn(folder, 'arrow')))) {
      events += batch.numRows;
      for (const column of batch.data.children.slice(0, 9)) {
        for (const value of column.values as Iterable<number>) sum += value;
      }
    }
    if (!(sum > 0)) throw new Error('a defect: nothing was read');
    return { events };
  },

  'emmett, mutating': (folder) => emmett(folder, mutate),
  'emmett, copying': (folder) => emmett(folder, copy),
};

async function generate(path: string, events: number, policy: PolicyFactory): Promise<Result> {
  const pool = new Pool({
    memory: freshBoot(4 * 2 ** 30),
    platform: platformNamed('snp'),
    policy,
    batchRows: 8192,
  });
  const batches: EventBatch[] = [];
  pool.batches$.subscribe((batch) => batches.push(batch));
  const writer = await openLogWriter(path, 'arrow', pool.header);
  const random = randomFrom(7);
  const live: AllocationId[] = [];
  for (let time = 0, id = 0; pool.view.counter('events') < events; time += 1000) {
    if (live.length < LIVE || random.below(2) === 0) {
      id++;
      const pages = 1 + random.below(16);
      const allocation = allocationId(id);
      const wanted = { ...wholePages(pages, `driver ${id % 50}`), api: 'alloc_pages_exact' } as const;
      pool.request({ kind: 'allocate', time: nanoseconds(time), allocation, ...wanted });
      if (pool.view.isLive(allocation)) live.push(allocation);
    } else {
      const at = random.below(live.length);
      const allocation = live[at];
      live[at] = live[live.length - 1];
      live.pop();
      pool.request({ kind: 'free', time: nanoseconds(time), allocation });
    }
    for (const batch of batches.splice(0)) await writer.write(batch);
  }
  pool.complete();
  for (const batch of batches.splice(0)) await writer.write(batch);
  const seal = await writer.finish(pool.hash());
  return { events: seal.events };
}

async function write(folder: string, format: LogFormat): Promise<Result> {
  const { header, batches, events } = await loaded(folder);
  const path = join(folder, `again.${format}`);
  const start = performance.now();
  const writer = await openLogWriter(path, format, header);
  for (const batch of batches) await writer.write(batch);
  await writer.finish();
  const seconds = secondsSince(start);
  const { size } = await stat(path);
  if (format === 'ndjson') await rename(path, logIn(folder, 'ndjson'));
  else await rm(path);
  return { events, seconds, bytes: size };
}

async function read(path: string, isFolding: boolean): Promise<Result> {
  // The codec is loaded when it is needed for the first time: not what reading costs.
  await (await openLog(path)).close();
  const start = performance.now();
  let events = 0;
  let columns: Columns | undefined;
  for await (const part of readLog(path, { skipsKeyframes: true })) {
    if (part.kind === 'header') columns = initialColumns(part.header);
    if (part.kind !== 'batch') continue;
    events += part.batch.length;
    if (isFolding) columns?.fold(part.batch);
  }
  return { events, seconds: secondsSince(start) };
}

async function seeks(path: string): Promise<Result> {
  const log = await openLog(path);
  const random = randomFrom(11);
  const latencies: number[] = [];
  for (let i = 0; i < 100; i++) {
    const at = random.below(log.events);
    const start = performance.now();
    await log.seek(at);
    latencies.push(performance.now() - start);
  }
  return { events: log.events, latencies: latencies.sort((a, b) => a - b) };
}

/** All events of the log, as batches in memory. */
async function loaded(folder: string): Promise<{ header: LogHeader; batches: EventBatch[]; events: number }> {
  const log = await openLog(logIn(folder, 'arrow'));
  const batches: EventBatch[] = [];
  for await (const batch of log.batches()) batches.push(batch);
  await log.close();
  return { header: log.header, batches, events: log.events };
}

/** A fraction of what the reducer keeps: shared pages a block, and where each live allocation is. No rule is checked. */
interface Records {
  readonly counters: { events: number; livePages: number };
  readonly blocks: Record<number, number>;
  readonly live: Record<number, { readonly pfn: number; readonly pages: number }>;
}

type Envelope = Event<string, PoolEvent & DefaultRecord>;

/** Against the grain of emmett, and as fast as it can be: the state is changed in place. */
function mutate(state: Records, { data }: Envelope): Records {
  state.counters.events++;
  if (data.type === 'pages-allocated') {
    state.blocks[data.pfn >>> 9] = (state.blocks[data.pfn >>> 9] ?? 0) + data.pages;
    state.live[data.allocation] = { pfn: data.pfn, pages: data.pages };
    state.counters.livePages += data.pages;
  } else if (data.type === 'pages-freed') {
    state.blocks[data.pfn >>> 9] -= data.pages;
    delete state.live[data.allocation];
    state.counters.livePages -= data.pages;
  }
  return state;
}

/** As emmett's documentation has it: a new state for every event. Live allocations in one record would take minutes: left out. */
function copy(state: Records, { data }: Envelope): Records {
  const counters = { ...state.counters, events: state.counters.events + 1 };
  if (data.type !== 'pages-allocated' && data.type !== 'pages-freed') return { ...state, counters };
  const pages = data.type === 'pages-allocated' ? data.pages : -data.pages;
  const block = data.pfn >>> 9;
  return {
    ...state,
    counters: { ...counters, livePages: counters.livePages + pages },
    blocks: { ...state.blocks, [block]: (state.blocks[block] ?? 0) + pages },
  };
}

const envelope = (event: PoolEvent): Envelope => ({ type: event.type, data: { ...event } });

/** Its in-memory store holds every event as an object: so many of the log's first as fit. */
const EMMETT_EVENTS = 200_000;

async function emmett(folder: string, evolve: (state: Records, event: Envelope) => Records): Promise<Result> {
  const initialState = (): Records => ({ counters: { events: 0, livePages: 0 }, blocks: {}, live: {} });
  const log = await openLog(logIn(folder, 'arrow'));
  const store = getInMemoryEventStore();
  for await (const batch of log.batches(0, EMMETT_EVENTS)) {
    await store.appendToStream<Envelope>('log', [...batch].map(envelope));
  }
  // Once to warm up; then what is timed is compiled code.
  await store.aggregateStream<Records, Envelope>('log', { evolve, initialState });
  const start = performance.now();
  const { state } = await store.aggregateStream<Records, Envelope>('log', { evolve, initialState });
  const seconds = secondsSince(start);
  if (state.counters.events !== EMMETT_EVENTS) throw new Error('a defect: not all events were seen');
  return { events: EMMETT_EVENTS, seconds };
}

const secondsSince = (start: number) => (performance.now() - start) / 1000;

const [operation, folder, events] = process.argv.slice(2);
const start = performance.now();
const result = await OPERATIONS[operation](folder, Number(events));
const timed: Timed = {
  seconds: secondsSince(start),
  ...result,
  peakMemory: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(`${JSON.stringify(timed)}\n`);
