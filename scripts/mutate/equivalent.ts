/** Mutants that change nothing that anybody can see, each with the reason. They are not tried, unless by `--equivalent`. */
import type { Mutant } from './mutants.ts';

export interface Equivalent {
  readonly file: string;
  /** The line that it begins in, without indentation. */
  readonly text: string;
  /** As the tool prints it: `from -> to`. */
  readonly change: string;
  readonly why: string;
  /** Lines of that text, each with this mutant. Default: 1. */
  readonly lines?: number;
}

const LOWER = 'packages/bench/src/bounds/lower.ts';

const BOUNDS = 'packages/bench/src/bounds';

const POOL = 'packages/pool/src';

const FREE_MAP = `${POOL}/placement/free-map.ts`;

const RUN_BINS = `${POOL}/placement/run-bins.ts`;

const CHUNK_LISTS = `${POOL}/page-allocator/chunk-lists.ts`;

const GENPOOL = `${POOL}/placement/genpool-first-fit-order-align.ts`;

const BUDDY = `${POOL}/placement/buddy.ts`;

const PROJECTIONS = 'packages/model/src/projections';

const DEMAND = 'packages/pool/src/supply/demand.ts';

const TRACES = 'packages/bench/src/traces';

/** Lines of holdings.ts. */
const HOLDS_SOMETHING = 'view.extentCount(allocation) > 0 || view.slabOf(allocation) !== 0';

const WRITE_LINES = 'packages/model/src/log/write-event-lines.ts';

const ARROW = 'packages/model/src/log/arrow.ts';

const NDJSON = 'packages/model/src/log/ndjson.ts';

const LOG = 'packages/bench/src/log';

const READ_LINES = 'packages/model/src/log/read-event-lines.ts';

const SWEEP = 'packages/bench/src/sweep';

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: `${SWEEP}/nats/coordinator.ts`,
    text: 'if (task.signal?.aborted !== true) await whenThere(nats, () => removeStreams(nats));',
    change: 'task.signal?.aborted !== true -> true',
    why: 'whenThere() does nothing after the signal',
  },
  {
    file: `${SWEEP}/nats/streams.ts`,
    text: '[STREAM_NOT_FOUND, CONSUMER_NOT_FOUND].includes(codeOf(error) ?? 0);',
    change: '0 -> 0 + 1',
    why: 'neither is the number of one of the two errors',
  },
  {
    file: `${SWEEP}/nats/worker.ts`,
    text: "signal.addEventListener('abort', leave, { once: true });",
    change: 'true -> false',
    why: 'a signal aborts once',
  },
  {
    file: `${SWEEP}/nats/objects.ts`,
    text: "timeout.addEventListener('abort', () => reject(timeout.reason), { once: true });",
    change: 'true -> false',
    why: 'a signal aborts once',
  },
  {
    file: `${SWEEP}/nats/connect.ts`,
    text: 'const tls = { ...(caFile && { caFile }), ...(certFile && keyFile && { certFile, keyFile }) };',
    change: 'certFile && keyFile -> certFile || keyFile',
    why: 'both are given, or neither is',
  },
  {
    file: `${SWEEP}/threads.ts`,
    text: "signal?.addEventListener('abort', stop, { once: true });",
    change: 'true -> false',
    why: 'a signal aborts once',
  },
  {
    file: `${SWEEP}/cells-file.ts`,
    text: "const cell = end === -1 ? undefined : jsonIn(bytes.toString('utf8', start, end));",
    change: 'end === -1 -> false',
    why: 'a text up to byte -1 is empty, which is no JSON',
  },
  {
    file: `${SWEEP}/cell-thread.ts`,
    text: 'hasDetails: false,',
    change: 'false -> true',
    why: 'the details are left out of the outcome, only later',
  },
  {
    file: `${SWEEP}/results.ts`,
    text: "if (!('metrics' in run)) return run;",
    change: "!('metrics' in run) -> false",
    why: 'a run without metrics loses none',
  },
  {
    file: `${SWEEP}/results.ts`,
    text: 'const groups = Array.from({ length: cells.length / seeds }, (_, group) =>',
    change: 'cells.length / seeds -> cells.length * seeds',
    why: 'groups behind the last cell are empty, and are left out',
  },
  {
    file: `${SWEEP}/definition.ts`,
    text: 'const workloads = grid.workloadPerSeed ? grid.inputs.length * grid.seeds.length : 0;',
    change: '0 -> 0 + 1',
    why: 'one workload is below the limit, too',
  },
  {
    file: 'packages/model/src/direct-map.ts',
    text: 'this.#levels = new Uint8Array(geometry.spanPages / geometry.pagesPerBlock);',
    change: 'geometry.spanPages / geometry.pagesPerBlock -> geometry.spanPages * geometry.pagesPerBlock',
    why: 'there is room for blocks that there are not',
  },
  {
    file: 'packages/model/src/direct-map.ts',
    text: 'const first = range[0];',
    change: '0 -> 0 + 1',
    why: 'pages are all like the first if they are all like the second',
  },
  {
    file: 'packages/model/src/state/counters.ts',
    text: 'const HASHED_COUNTERS = 47;',
    change: '47 -> 47 + 1',
    why: 'there are 47 counters so far',
  },
  {
    file: 'packages/model/src/state/evolve/allocations.ts',
    text: 'if (freed + 1 < made) noteNextExtent(editor, id);',
    change: 'freed + 1 < made -> true',
    why: 'it writes the same zeros behind the last extent, only slower',
  },
  ...[
    [
      'trace-requests.ts',
      "this.#live.set(typeof key === 'string' ? flatCopy(key) : key, { allocation, time: this.#now });",
      "typeof key === 'string' -> false",
    ],
    ['trace-requests.ts', 'if (known !== undefined) return known;', 'known !== undefined -> false'],
    ['trace-requests.ts', 'this.#owners.set(copy, copy);', 'this.#owners.set(copy, copy) -> undefined'],
    ['import.ts', 'unread = [];', 'unread = [] -> undefined'],
    [
      'formats/dma-trace.ts',
      'if (unloaded.size <= MODULES_NAMED) unloaded.add(flatCopy(module));',
      'unloaded.size <= MODULES_NAMED -> true',
    ],
  ].map(([file, text, change]) => ({
    file: `${TRACES}/${file}`,
    text,
    change,
    why: 'it takes more memory, and nothing else',
  })),
  ...[
    ['request-sequence', 'let requests = 0n;'],
    ['wee-alloc', 'let calls = 0n;'],
  ].map(([name, text]) => ({
    file: `${TRACES}/formats/${name}.ts`,
    text,
    change: '0n -> 0n + 1n',
    why: 'times count from the first request',
  })),
  {
    file: `${TRACES}/trace-requests.ts`,
    text: '} else if (background !== undefined) {',
    change: 'background !== undefined -> true',
    why: 'it is called for memory that is live only',
  },
  {
    file: `${TRACES}/events/page-events.ts`,
    text: 'let orders = 0;',
    change: '0 -> 0 + 1',
    why: 'order 0 is not looked for: a chunk of one page is known by its pfn',
  },
  ...['(orders >> order) & 1 -> (orders >> order) | 1', '((orders >> order) & 1) === 0 -> false'].map(
    (change) => ({
      file: `${TRACES}/events/page-events.ts`,
      text: 'if (((orders >> order) & 1) === 0) continue;',
      change,
      why: 'it looks for chunks of an order that there are none of, only slower',
    }),
  ),
  ...['(orders >> around) & 1 -> (orders >> around) | 1', '((orders >> around) & 1) === 0 -> false'].map(
    (change): Equivalent => ({
      file: `${TRACES}/events/page-events.ts`,
      text: 'if (((orders >> around) & 1) === 0) continue;',
      change,
      why: 'it looks for chunks of an order that there are none of, only slower',
    }),
  ),
  {
    file: `${TRACES}/events/swiotlb-events.ts`,
    text: 'if (address === undefined) return undefined;',
    change: 'address === undefined -> false',
    why: 'no bounce is from the address undefined',
  },
  ...['others.length > 0 -> true', 'others.length > 0 -> others.length >= 0'].map((change) => ({
    file: `${TRACES}/events/swiotlb-events.ts`,
    text: 'if (others.length > 0) mappedLists.set(key, others);',
    change,
    why: 'an empty list of mappings is as none, and takes memory',
  })),
  {
    file: `${LOG}/byte-file.ts`,
    text: 'const start = new Uint8Array(2);',
    change: '2 -> 2 + 1',
    why: 'the third byte is not looked at',
  },
  {
    file: `${LOG}/byte-file.ts`,
    text: 'const reader = await from(0, { chunkBytes: 64 });',
    change: '64 -> 64 + 1',
    why: 'only the first of the bytes is looked at',
  },
  {
    file: `${LOG}/byte-file.ts`,
    text: 'const [first] = await reader.take(1);',
    change: '1 -> 1 + 1',
    why: 'only the first of the bytes is looked at',
  },
  {
    file: `${LOG}/byte-file.ts`,
    text: 'let other = readsAhead ? new Uint8Array(chunkBytes) : buffer;',
    change: 'readsAhead -> true',
    why: 'nothing is written into this buffer if it is not read ahead',
  },
  ...['0 -> 0 + 1', '(await size()) - offset -> (await size()) + offset', '1 -> 1 + 1'].map((change) => ({
    file: `${LOG}/byte-file.ts`,
    text: 'const mostBytes = async (offset: number) => Math.min(CHUNK_BYTES, Math.max(0, (await size()) - offset) + 1);',
    change,
    why: 'larger buffers hold the same',
  })),
  ...['readsAhead -> true', 'readsAhead -> false'].map((change) => ({
    file: `${LOG}/byte-file.ts`,
    text: 'const bytes = chunkBytes ?? (readsAhead ? await mostBytes(offset) : CHUNK_BYTES);',
    change,
    why: 'the same bytes come in larger or smaller pieces',
  })),
  {
    file: `${LOG}/sent.ts`,
    text: 'export const MAX_WAITING = 8;',
    change: '8 -> 8 + 1',
    why: 'one more message may wait, which changes no message',
  },
  ...['2 -> 2 + 1', '12 -> 12 + 1'].map((change) => ({
    file: `${LOG}/places.ts`,
    text: 'const ARROW_CHUNK_BYTES = 2 ** 12;',
    change,
    why: 'it only reads larger pieces of the file, which takes longer',
  })),
  ...['2 -> 2 + 1', '16 -> 16 + 1'].map((change) => ({
    file: `${LOG}/places.ts`,
    text: 'const reader = await file.from(0, { chunkBytes: 2 ** 16 });',
    change,
    why: 'it only reads larger pieces of the file, which takes longer',
  })),
  {
    file: `${LOG}/places.ts`,
    text: "if (record.kind === 'header') return { read: record, offset };",
    change: "record.kind === 'header' -> true",
    why: 'the first record of a log is its header',
  },
  {
    file: `${LOG}/places.ts`,
    text: 'if (!(await this.#readMore())) return false;',
    change: 'false -> true',
    why: 'what is left at the end is too short for a checkpoint, and the search ends there, too',
  },
  {
    file: `${LOG}/places.ts`,
    text: 'while (this.#held.length < start.length) if (!(await this.#readMore())) return false;',
    change: 'this.#held.length < start.length -> this.#held.length <= start.length',
    why: 'a last line that has nothing but this start is incomplete',
  },
  {
    file: `${LOG}/places.ts`,
    text: 'const end = this.#held.indexOf(10, 1);',
    change: '1 -> 1 + 1',
    why: 'the line begins with a brace',
  },
  ...[
    '0 -> 0 + 1',
    'end === undefined -> true',
    'place?.offset ?? 0 -> place?.offset && 0',
    'end.offset - (place?.offset ?? 0) -> end.offset + (place?.offset ?? 0)',
  ].map((change) => ({
    file: `${LOG}/open.ts`,
    text: 'bytes: end === undefined ? 0 : end.offset - (place?.offset ?? 0),',
    change,
    why: 'it decides whether a thread reads the log, which gives the same parts',
    lines: change === '0 -> 0 + 1' ? 2 : 1,
  })),
  ...[
    'place.events >= to -> place.events > to',
    'segments.find((place) => place.events >= to) ?? places.end -> segments.find((place) => place.events >= to) && places.end',
  ].map((change) => ({
    file: `${LOG}/open.ts`,
    text: 'const end = segments.find((place) => place.events >= to) ?? places.end;',
    change,
    why: 'it decides whether a thread reads the log, which gives the same parts',
  })),
  {
    file: `${LOG}/open.ts`,
    text: "else if (part.kind === 'batch') events += part.batch.length;",
    change: "part.kind === 'batch' -> true",
    why: 'no header and no keyframe stands behind the last place',
  },
  {
    file: `${LOG}/open.ts`,
    text: 'const read = { start: { ...end, header, version }, bytes: 0 };',
    change: '0 -> 0 + 1',
    why: 'one byte is too little for a thread',
  },
  {
    file: `${PROJECTIONS}/causes.ts`,
    text: '#row = 0;',
    change: '0 -> 0 + 1',
    why: 'no row is read before a request was seen',
  },
  {
    file: `${PROJECTIONS}/event-sets.ts`,
    text: 'sets[0].map((_, type) => sets.some((set) => set[type]));',
    change: '0 -> 0 + 1',
    why: 'all sets are of one length',
  },
  ...[
    'view.extentCount(allocation) > 0 -> view.extentCount(allocation) >= 0',
    `${HOLDS_SOMETHING} -> true`,
  ].map((change) => ({
    file: `${PROJECTIONS}/holdings.ts`,
    text: `if (${HOLDS_SOMETHING}) yield* holdingsOf(view, id);`,
    change,
    why: 'an allocation that holds nothing has no holdings, only slower',
  })),
  {
    file: `${PROJECTIONS}/holdings.ts`,
    text: 'if (object === undefined || slab === undefined) return;',
    change: 'object === undefined || slab === undefined -> object === undefined && slab === undefined',
    why: 'the slab of an object is there',
  },
  ...[
    ['const WORDS = 5;', '5 -> 5 + 1'],
    ['#from = new Float64Array(2 * 1024);', '2 -> 2 + 1'],
    ['#from = new Float64Array(2 * 1024);', '1024 -> 1024 + 1'],
    ['#next = 1;', '1 -> 1 + 1'],
  ].map(([text, change]) => ({
    file: `${PROJECTIONS}/holdings.ts`,
    text,
    change,
    why: 'pins have more room, or other numbers, which nobody sees',
  })),
  ...[
    ['if (pin !== 0) this.#unused.push(pin);', 'pin !== 0 -> false'],
    ['if (pin !== 0) this.#unused.push(pin);', 'this.#unused.push(pin) -> undefined'],
    ['this.#unused.push(pin);', 'this.#unused.push(pin) -> undefined'],
  ].map(([text, change]) => ({
    file: `${PROJECTIONS}/holdings.ts`,
    text,
    change,
    why: 'numbers of pins are not used again, which takes memory and nothing else',
  })),
  {
    file: `${PROJECTIONS}/holdings.ts`,
    text: 'forEachBlock(from, to - from, this.#pagesPerBlock, (block) => {',
    change: 'to - from -> to + from',
    why: 'pins of more blocks are looked at, and left out as they do not overlap',
  },
  {
    file: `${PROJECTIONS}/holdings.ts`,
    text: 'while (page < pins.length && pins[page] === pin) page++;',
    change: 'page < pins.length -> page <= pins.length',
    why: 'undefined is no pin',
  },
  {
    file: `${PROJECTIONS}/holdings.ts`,
    text: 'const [kind, allocation, owner, pfn, pages] = this.#words.subarray(WORDS * pin, WORDS * (pin + 1));',
    change: '1 -> 1 + 1',
    why: 'what is behind the words of a pin is not read',
  },
  ...['#owners = new Uint16Array(1024);', 'const grown = new Uint16Array(2 * allocation);'].map((text) => ({
    file: `${PROJECTIONS}/owners.ts`,
    text,
    change: text.includes('1024') ? '1024 -> 1024 + 1' : '2 -> 2 + 1',
    why: 'there is more room',
  })),
  {
    file: `${PROJECTIONS}/page-time.ts`,
    text: 'static readonly #UNIT = 2 ** 24;',
    change: '24 -> 24 + 1',
    why: 'the sum is exact for limbs of other sizes, too',
  },
  {
    file: `${PROJECTIONS}/projection.ts`,
    text: 'if (this.#projections.some(({ isDone }) => isDone === true)) {',
    change: 'this.#projections.some(({ isDone }) => isDone === true) -> true',
    why: 'none is left out that is not done, only slower',
  },
  {
    file: `${PROJECTIONS}/shared-blocks.ts`,
    text: 'this.#shared = new Uint16Array(spanPages / pagesPerBlock);',
    change: 'spanPages / pagesPerBlock -> spanPages * pagesPerBlock',
    why: 'there is room for blocks that there are not',
  },
  ...['shared', 'mixed'].map((name) => {
    const now = name === 'shared' ? 'now' : name;
    return {
      file: `${PROJECTIONS}/shared-blocks.ts`,
      text: `if (this.${now} > recent.${name}) recent.${name} = this.${now};`,
      change: `this.${now} > recent.${name} -> this.${now} >= recent.${name}`,
      why: 'the same number is stored again',
    };
  }),
  {
    file: `${PROJECTIONS}/shared-blocks.ts`,
    text: 'if (time <= this.#time) return;',
    change: 'time <= this.#time -> time < this.#time',
    why: 'no time adds nothing',
  },
  {
    file: `${PROJECTIONS}/shared-idle.ts`,
    text: '#bounceStanding = 0;',
    change: '0 -> 0 + 1',
    why: 'it is written before it is read',
  },
  {
    file: `${PROJECTIONS}/shared-idle.ts`,
    text: '#atomicStanding = 0;',
    change: '0 -> 0 + 1',
    why: 'it is written before it is read',
  },
  ...['bounce', 'atomic'].flatMap((name) =>
    [`this.#${name}Standing > 0 -> true`, `this.#${name}Standing > 0 -> this.#${name}Standing >= 0`].map(
      (change) => ({
        file: `${PROJECTIONS}/shared-idle.ts`,
        text: `if (this.#${name}Standing > 0) this.${name}IdleTime.add(this.#${name}Standing, time - this.time);`,
        change,
        why: 'nothing is added for no memory',
      }),
    ),
  ),
  {
    file: `${PROJECTIONS}/splits.ts`,
    text: "const owner = cause.by === 'request' ? cause.owner : undefined;",
    change: "cause.by === 'request' -> true",
    why: 'no other cause has an owner',
  },
  ...['a.owner < b.owner -> a.owner <= b.owner', '1 -> 1 + 1'].map((change) => ({
    file: `${PROJECTIONS}/splits.ts`,
    text: '(a, b) => b.splits2M - a.splits2M || b.leakedPages - a.leakedPages || (a.owner < b.owner ? -1 : 1),',
    change,
    why: 'owners have different names, and a sort looks at the sign only',
  })),
  {
    file: `${BOUNDS}/block-timeline.ts`,
    text: 'this.#leafSpan = Math.ceil((requests + 1) / leaves);',
    change: '(requests + 1) / leaves -> (requests + 1) * leaves',
    why: 'coarser leaves hold the same items, and are only slower',
  },
  ...[
    '.min() -> .max()',
    '1024 -> 1024 + 1',
    '.max() -> .min()',
    '16 -> 16 + 1',
    '.ceil() -> .floor()',
    '2 * itemsPerBlock -> 2 / itemsPerBlock',
  ].map((change) => ({
    file: `${BOUNDS}/by-interval.ts`,
    text: 'Math.min(1024, Math.max(16, 2 ** Math.ceil(Math.log2(2 * itemsPerBlock))));',
    change,
    why: 'it decides only how finely time is divided, and so how long a packing takes',
  })),
  {
    file: `${BOUNDS}/blocks.ts`,
    text: 'if (prefer === lowestFirst) break;',
    change: 'prefer === lowestFirst -> false',
    why: 'the other blocks are looked at, too, and none is better',
  },
  {
    file: `${BOUNDS}/blocks.ts`,
    text: 'export const lowestFirst: Preference = () => 0;',
    change: '0 -> 0 + 1',
    why: 'all blocks have the same key',
  },
  {
    file: `${BOUNDS}/blocks.ts`,
    text: '.filter(([, { freePages, place }]) => freePages > 0 && place === item.place)',
    change: 'freePages > 0 -> freePages >= 0',
    why: 'a full block gives no pieces',
  },
  {
    file: `${BOUNDS}/blocks.ts`,
    text: 'return item.pages <= this.pagesPerBlock ? [this.#inBlock(item, prefer)] : this.#overBlocks(item);',
    change: 'item.pages <= this.pagesPerBlock -> item.pages < this.pagesPerBlock',
    why: 'a whole block is the lowest empty one either way, since empty blocks have equal keys',
  },
  ...['-1 -> 1', 'inside.at(-1) !== index -> true'].map((change) => ({
    file: `${BOUNDS}/plan.ts`,
    text: 'else if (inside.at(-1) !== index) inside.push(index);',
    change,
    why: 'an item that is in a block twice opens it for the same time',
  })),
  ...['at > time -> true', 'at > time -> at >= time'].map((change) => ({
    file: `${BOUNDS}/plan.ts`,
    text: 'if (at > time) {',
    change,
    why: 'moments are in order of time, and no time adds nothing',
  })),
  ...[
    ['this.#cover = new Int32Array(2 * leaves * this.#words);', '2 -> 2 + 1'],
    ['this.#any = new Int32Array(2 * leaves * this.#words);', '2 -> 2 + 1'],
  ].map(([text, change]) => ({
    file: `${BOUNDS}/block-timeline.ts`,
    text,
    change,
    why: 'there is room for nodes that there are not',
  })),
  {
    file: `${BOUNDS}/pack.ts`,
    text: 'const itemsPerBlock = items.length / blocks;',
    change: 'items.length / blocks -> items.length * blocks',
    why: 'it decides only how finely time is divided, and so how long a packing takes',
  },
  ...['0 -> 0 + 1', 'compare(plan, best) < 0 -> compare(plan, best) <= 0'].map((change) => ({
    file: `${BOUNDS}/pack.ts`,
    text: 'return plans.reduce((best, plan) => (compare(plan, best) < 0 ? plan : best));',
    change,
    why: 'plans that compare as equal cost the same, and costs are whole numbers',
  })),
  {
    file: `${BOUNDS}/in-time-order.ts`,
    text: 'const FAR = 2 ** 40;',
    change: '40 -> 40 + 1',
    why: 'any number beyond all indexes of requests gives the same order',
  },
  {
    file: `${BOUNDS}/offline.ts`,
    text: 'byBlockTime === byPeak',
    change: 'byBlockTime === byPeak -> false',
    why: 'the same plan is carried out once more, and comes to the same',
  },
  {
    file: `${BOUNDS}/page-mask.ts`,
    text: 'if (mask[first >>> 5] === -1) {',
    change: 'mask[first >>> 5] === -1 -> false',
    why: 'a full word is passed over page by page, which is only slower',
  },
  {
    file: 'packages/bench/src/metrics/slabs.ts',
    text: '} else if (type === TYPE.slabDestroyed) {',
    change: 'type === TYPE.slabDestroyed -> true',
    why: 'it sees no third type of event',
  },
  {
    file: 'packages/bench/src/metrics/slabs.ts',
    text: 'pagesOf.delete(batch.pfnAt(row));',
    change: 'pagesOf.delete(batch.pfnAt(row)) -> undefined',
    why: 'no number is given to two slabs, so only memory is kept',
  },
  {
    file: DEMAND,
    text: 'for (let slot = 0; slot < EPOCHS; slot++) {',
    change: 'slot < EPOCHS -> slot <= EPOCHS',
    why: 'what is behind the last slot is not recent',
  },
  {
    file: DEMAND,
    text: 'if (pages > this.#most[slot]) this.#most[slot] = pages;',
    change: 'pages > this.#most[slot] -> pages >= this.#most[slot]',
    why: 'the same number is stored again',
  },
  {
    file: DEMAND,
    text: 'if (this.#most[slot] > pages || this.#epochOf[slot] > peakEpoch) peakEpoch = this.#epochOf[slot];',
    change: 'this.#epochOf[slot] > peakEpoch -> this.#epochOf[slot] >= peakEpoch',
    why: 'the same number is stored again',
  },
  ...['request.time > time -> true', 'request.time > time -> request.time >= time'].map((change) => ({
    file: LOWER,
    text: 'if (request.time > time) {',
    change,
    why: 'times never go back, and no time adds nothing',
  })),
  {
    file: LOWER,
    text: '} else return false;',
    change: 'false -> true',
    why: 'the blocks are counted once more, and are the same',
  },
  {
    file: LOWER,
    text: "const isSmall = api === 'kmalloc' || (api === 'dma_alloc_coherent' && bytes < PAGE_SIZE);",
    change: 'bytes < PAGE_SIZE -> bytes <= PAGE_SIZE',
    why: 'a page has as many bytes either way',
  },
  {
    file: `${POOL}/page-source/claimed-pages.ts`,
    text: 'this.#bits = new Int32Array(spanPages / 32);',
    change: 'spanPages / 32 -> spanPages * 32',
    why: 'the end of a longer array is not used',
  },
  {
    file: `${POOL}/page-source/claimed-pages.ts`,
    text: 'this.#isWhole = new Uint8Array(spanPages / pagesPerBlock);',
    change: 'spanPages / pagesPerBlock -> spanPages * pagesPerBlock',
    why: 'the end of a longer array is not used',
  },
  {
    file: `${POOL}/page-source/claimed-pages.ts`,
    text: 'if (order > this.#blockOrder) {',
    change: 'order > this.#blockOrder -> order >= this.#blockOrder',
    why: 'both halves of a pageblock are looked at instead',
    lines: 2,
  },
  ...['order < this.#blockOrder -> true', 'order < this.#blockOrder -> order <= this.#blockOrder'].map(
    (change) => ({
      file: `${POOL}/page-source/claimed-pages.ts`,
      text: 'if (order < this.#blockOrder) {',
      change,
      why: 'the bits of the pages say the same, and are only slower',
    }),
  ),
  {
    file: `${POOL}/page-source/claimed-pages.ts`,
    text: 'if (isWhole && order === this.#blockOrder) return;',
    change: 'isWhole && order === this.#blockOrder -> false',
    why: 'the bits of the pages are set and cleared again',
  },
  {
    file: `${POOL}/page-source/counted-start.ts`,
    text: 'const MIB_PAGES = 256;',
    change: '256 -> 256 + 1',
    why: 'a quarter of it, rounded down, is the same',
  },
  {
    file: `${POOL}/page-source/counted-start.ts`,
    text: 'for (const [block, type] of guess.pageblocks) buddy.setType(block * buddy.pageblockPages, 0, type);',
    change: '0 -> 0 + 1',
    why: 'a chunk of order 1 lies in one pageblock, too',
  },
  {
    file: `${POOL}/page-source/counted-start.ts`,
    text: 'const guesses = new Latest<readonly PlacementGuess[]>(4);',
    change: '4 -> 4 + 1',
    why: 'one more guess is kept, and not made again',
  },
  {
    file: 'packages/model/src/state/ranges.ts',
    text: 'const low = from <= word * 32 ? -1 : -1 << (from & 31);',
    change: 'from <= word * 32 -> from < word * 32',
    why: 'a word is shifted by no bits',
  },
  {
    file: 'packages/model/src/state/ranges.ts',
    text: 'for (let index = 0; index < BITMAPS; index++) {',
    change: 'index < BITMAPS -> index <= BITMAPS',
    why: 'no set has a bitmap behind the last',
  },
  {
    file: 'packages/model/src/state/ranges.ts',
    text: 'if (words[base + counts + index] === (isRequired ? perBlock : 0)) continue;',
    change: 'words[base + counts + index] === (isRequired ? perBlock : 0) -> false',
    why: 'the bits say the same, only slower',
  },
  ...['freed > 0 -> true', 'freed > 0 -> freed >= 0'].flatMap((change) =>
    [
      'if (freed > 0) found = this.#tryClaim(order, type, zonelist);',
      'if (freed > 0) this.#allocator.perCpuLists.drain(this.#allocator.zones);',
    ].map((text) => ({
      file: `${POOL}/page-source/page-source.ts`,
      text,
      change,
      why: 'if nothing was freed there is nothing else than before',
    })),
  ),
  {
    file: `${POOL}/page-source/page-source.ts`,
    text: "const found = outcome === 'success' ? this.#tryClaim(order, type, zonelist) : -1;",
    change: "outcome === 'success' -> true",
    why: 'after other outcomes there is no chunk',
  },
  {
    file: `${POOL}/page-source/zones.ts`,
    text: 'return Array.from({ length: end - first }, (_, at) => first + at).filter(',
    change: 'end - first -> end + first',
    why: 'blocks behind the zone are left out',
  },
  ...[
    '1 -> 1 + 1',
    'reach.node + 1 -> reach.node - 1',
    '(reach.node + 1) * ZONE_NAMES.length + ZONE_NAMES.indexOf(reach.highestZone) -> (reach.node + 1) * ZONE_NAMES.length - ZONE_NAMES.indexOf(reach.highestZone)',
  ].map((change) => ({
    file: `${POOL}/page-source/zones.ts`,
    text: 'const key = (reach.node + 1) * ZONE_NAMES.length + ZONE_NAMES.indexOf(reach.highestZone);',
    change,
    why: 'the keys differ from each other just as well',
  })),
  {
    file: `${POOL}/page-source/zones.ts`,
    text: 'if (zonelist === undefined) {',
    change: 'zonelist === undefined -> true',
    why: 'a list that is known is made again',
  },
  {
    file: `${POOL}/page-source/zones.ts`,
    text: 'this.#zonelists[key] = zonelist;',
    change: 'this.#zonelists[key] = zonelist -> undefined',
    why: 'a list that is known is made again',
  },
  {
    file: `${POOL}/page-source/pageblock.ts`,
    text: 'if (from < to) this.#taken.fill(0, from, to);',
    change: 'from < to -> from <= to',
    why: 'no page is filled',
  },
  {
    file: `${POOL}/page-source/pageblock.ts`,
    text: 'for (let at = 0; at < this.#pages; ) {',
    change: 'at < this.#pages -> at <= this.#pages',
    why: 'no chunk begins behind the last page',
  },
  {
    file: `${POOL}/page-source/pageblock.ts`,
    text: 'const taken = this.#taken[at] === 1 ? at : this.#taken.indexOf(1, at);',
    change: 'this.#taken[at] === 1 -> false',
    why: 'the search finds the same page, and is only slower',
  },
  ...['at ^ size -> at & size', '1 -> 1 + 1', 'this.#heads[at ^ size] !== order + 1 -> true'].map(
    (change) => ({
      file: `${POOL}/page-source/pageblock.ts`,
      text: 'for (; at + size <= end; at += size) if (this.#heads[at ^ size] !== order + 1) open.push(at);',
      change,
      why: 'other draws of the same choice: the buddy is looked at again before a chunk is placed',
    }),
  ),
  {
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'while (type < quota.length && quota[type] <= 0) type++;',
    change: 'type < quota.length -> type <= quota.length',
    why: 'undefined is not less than 0',
  },
  {
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'if (wanted === 0) return;',
    change: 'wanted === 0 -> false',
    why: 'no chunks are placed, only slower',
  },
  {
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'const lost = left === 0 ? 0 : this.#spread(elsewhere, order, left, runs);',
    change: 'left === 0 -> false',
    why: 'no chunks are placed, only slower',
  },
  ...['2 -> 2 + 1', 'round < 2 -> round <= 2', 'left > 0 -> left >= 0'].map((change) => ({
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'for (let round = 0; round < 2 && left > 0; round++) {',
    change,
    why: 'a third round finds no more room than the second, and one for no chunks places none',
  })),
  {
    file: `${POOL}/page-source/placement-guess.ts`,
    text: 'if (left === 0) break;',
    change: 'left === 0 -> false',
    why: 'no chunks are placed, only slower',
  },
  {
    file: FREE_MAP,
    text: 'this.#words = new Int32Array(geometry.spanPages / 32);',
    change: 'geometry.spanPages / 32 -> geometry.spanPages * 32',
    why: 'the end of a longer array is not used',
  },
  ...[
    'endBlock >= this.blocks -> endBlock > this.blocks',
    'firstBlock === 0 && endBlock >= this.blocks -> false',
  ].map((change) => ({
    file: FREE_MAP,
    text: 'if (firstBlock === 0 && endBlock >= this.blocks) return this.#freePages;',
    change,
    why: 'the pages are counted block by block, which is only slower',
  })),
  {
    file: FREE_MAP,
    text: 'if (runEnd - runStart === before || couldServe === this.largestOrder[block]) this.#rescan(block);',
    change: 'runEnd - runStart === before || couldServe === this.largestOrder[block] -> true',
    why: 'the block is scanned for nothing, which is only slower',
  },
  ...[
    ['if (pages === align) {', 'pages === align -> false'],
    ['return isThere ? this.findFrom(first, pages, align) : -1;', 'isThere -> true'],
    ['if (fits.at(block) < pages) return -1;', 'fits.at(block) < pages -> false'],
    ['let most = 0;', '0 -> 0 + 1'],
    ['most = Math.max(most, end - aligned);', 'end - aligned -> end + aligned'],
    ['fits.set(block, most);', 'fits.set(block, most) -> undefined'],
    ['if (known !== undefined) return known;', 'known !== undefined -> false'],
    ['this.#fits[order] = fits;', 'this.#fits[order] = fits -> undefined'],
    ...[
      '1 << order -> 1 >> order',
      'runStart + (1 << order) -> runStart - (1 << order)',
      '((runStart + (1 << order) - 1) >>> order) << order -> ((runStart + (1 << order) - 1) >>> order) >> order',
      'runEnd - (((runStart + (1 << order) - 1) >>> order) << order) -> runEnd + (((runStart + (1 << order) - 1) >>> order) << order)',
    ].map((change) => [
      'const pages = runEnd - (((runStart + (1 << order) - 1) >>> order) << order);',
      change,
    ]),
  ].map(([text, change]) => ({
    file: FREE_MAP,
    text,
    change,
    why: 'less is known of what fits into a block, so that it is searched in vain',
  })),
  ...['this.#fits.length <= order -> false', 'this.#fits.length <= order -> this.#fits.length < order'].map(
    (change) => ({
      file: FREE_MAP,
      text: 'while (this.#fits.length <= order) this.#fits.push(undefined);',
      change,
      why: 'the array has holes, which read as undefined, too',
    }),
  ),
  {
    file: FREE_MAP,
    text: 'for (let order = 0; order < this.#fits.length; order++) {',
    change: 'order < this.#fits.length -> order <= this.#fits.length',
    why: 'there is undefined behind the last',
  },
  {
    file: FREE_MAP,
    text: 'if (pages > fits.at(block)) fits.set(block, pages);',
    change: 'pages > fits.at(block) -> pages >= fits.at(block)',
    why: 'the same number is stored again',
  },
  {
    file: FREE_MAP,
    text: 'if (end - at > largest) largest = end - at;',
    change: 'end - at > largest -> end - at >= largest',
    why: 'the same number is stored again',
  },
  ...[
    'end - at -> end + at',
    '1 << (order + 1) -> 1 >> (order + 1)',
    'end - at >= 1 << (order + 1) -> true',
  ].map((change) => ({
    file: FREE_MAP,
    text: 'if (end - at >= 1 << (order + 1)) order = Math.max(order, alignedOrder(at, end));',
    change,
    why: 'a shorter run is looked at, too, and has no larger chunk',
  })),
  {
    file: FREE_MAP,
    text: 'if (largest === largestBefore && order === orderBefore) break;',
    change: 'largest === largestBefore && order === orderBefore -> false',
    why: 'the scan goes on, and finds nothing larger than before',
  },
  {
    file: FREE_MAP,
    text: 'while (at > limit) {',
    change: 'at > limit -> at >= limit',
    why: 'the pages before the limit are cut off anyway',
  },
  {
    file: FREE_MAP,
    text: 'for (let word = start >>> 5; word * 32 < end; word++) {',
    change: 'word * 32 < end -> word * 32 <= end',
    why: 'no bit of the word behind the last is set',
  },
  {
    file: FREE_MAP,
    text: 'const low = start <= word * 32 ? -1 : -1 << (start & 31);',
    change: 'start <= word * 32 -> start < word * 32',
    why: '-1 << 0 is -1, too',
  },
  ...['31 -> 31 + 1', 'end - start -> end + start'].map((change) => ({
    file: FREE_MAP,
    text: 'let order = 31 - Math.clz32(end - start);',
    change,
    why: 'the search for the order begins higher, and is only slower',
  })),
  ...['0 -> 0 + 1', 'length >= 0 -> length > 0'].map((change) => ({
    file: RUN_BINS,
    text: 'for (let length = blocks.firstBin(pages); length >= 0; length = blocks.firstBin(length + 1)) {',
    change,
    why: 'no run is of less than a page',
  })),
  ...[
    [
      'const found = mayBe ? this.#map.findFrom(block * this.#longest, pages, align, length) : -1;',
      'mayBe -> true',
    ],
    ['blocks.remove(length, block);', 'blocks.remove(length, block) -> undefined'],
    ...[
      'start + align -> start - align',
      '1 -> 1 + 1',
      '-align -> align',
      '(start + align - 1) & -align -> (start + align - 1) | -align',
      '((start + align - 1) & -align) + pages -> ((start + align - 1) & -align) - pages',
    ].map((change) => ['const holds = ((start + align - 1) & -align) + pages <= start + length;', change]),
    ...[
      'holds && !blocks.has(length, block) -> true',
      'holds && !blocks.has(length, block) -> holds || !blocks.has(length, block)',
    ].map((change) => ['if (holds && !blocks.has(length, block)) blocks.add(length, block);', change]),
    ['if (map.largest[block] < pages) continue;', 'map.largest[block] < pages -> false'],
  ].map(([text, change]) => ({
    file: RUN_BINS,
    text,
    change,
    why: 'a block is in a bin in which it is searched in vain, and is only slower',
  })),
  ...[
    [
      'for (const shape of this.#shapes) if (shape.pages === pages && shape.align === align) return shape;',
      'shape.pages === pages && shape.align === align -> false',
    ],
    ['this.#shapes.push(shape);', 'this.#shapes.push(shape) -> undefined'],
  ].map(([text, change]) => ({
    file: RUN_BINS,
    text,
    change,
    why: 'the bins are made anew with each request, which is only slower',
  })),
  {
    file: RUN_BINS,
    text: 'const shape = { pages, align, blocks: new BlockBins(this.#longest + 1, map.blocks) };',
    change: '1 -> 1 + 1',
    why: 'there is a bin more, which stays empty',
  },
  {
    file: RUN_BINS,
    text: 'for (let block = 0; block < map.blocks; block++) {',
    change: 'block < map.blocks -> block <= map.blocks',
    why: 'no page behind the last block is free',
  },
  ...[
    ['const LARGE_PAGES = 1 << 24;', '1 -> 1 + 1'],
    ['const LARGE_PAGES = 1 << 24;', '24 -> 24 + 1'],
    ['const LARGE_PAGES = 1 << 24;', '1 << 24 -> 1 >> 24'],
    ...[
      'spanPages > LARGE_PAGES -> false',
      'spanPages > LARGE_PAGES -> true',
      'spanPages > LARGE_PAGES -> spanPages >= LARGE_PAGES',
      '0 -> 0 + 1',
      'this.#lowBits = spanPages > LARGE_PAGES ? MAX_PAGE_ORDER : 0 -> undefined',
    ].map((change) => ['this.#lowBits = spanPages > LARGE_PAGES ? MAX_PAGE_ORDER : 0;', change]),
  ].map(([text, change]) => ({
    file: CHUNK_LISTS,
    text,
    change,
    why: 'the links lie elsewhere, which takes other memory and nothing else',
  })),
  ...['0xffff -> 65535 + 1', 'lists >= 0xffff -> lists > 0xffff'].map((change) => ({
    file: CHUNK_LISTS,
    text: 'if (lists >= 0xffff)',
    change,
    why: 'the number of lists is a multiple of 7, which neither 65,535 nor 65,536 is',
  })),
  {
    file: CHUNK_LISTS,
    text: 'this.#ordersOf = new Uint16Array(zones * TYPES + 1);',
    change: '1 -> 1 + 1',
    why: 'there is more room',
  },
  {
    file: CHUNK_LISTS,
    text: 'for (let list = 0; list < lists; list++) {',
    change: 'list < lists -> list <= lists',
    why: 'the arrays end before the list behind the last',
  },
  ...['0 -> 0 + 1', 'perCpu < 0 -> perCpu <= 0'].map((change) => ({
    file: CHUNK_LISTS,
    text: 'perCpu < 0 ? Math.floor(list / TYPES) % ORDERS : orderOfIndex(perCpu % PER_CPU_LISTS, pageblockOrder);',
    change,
    why: 'the first list of a CPU is of order 0 either way',
  })),
  {
    file: CHUNK_LISTS,
    text: 'at = each;',
    change: 'at = each -> undefined',
    why: 'the run is followed from its first chunk again, which is only slower',
  },
  {
    file: `${POOL}/page-allocator/rmqueue.ts`,
    text: 'if (!mayClaimBlock(buddy, current, type) && current > order) {',
    change: 'current > order -> current >= order',
    why: 'the search upwards ends where it begins',
  },
  {
    file: `${POOL}/page-allocator/rmqueue-matching.ts`,
    text: 'buddy.setType(pfn, 0, type);',
    change: '0 -> 0 + 1',
    why: 'a chunk of two pages lies in one pageblock, too',
  },
  {
    file: `${POOL}/page-allocator/rmqueue-7-3.ts`,
    text: 'for (let current = order; current <= MAX_PAGE_ORDER; current++) {',
    change: 'current <= MAX_PAGE_ORDER -> current < MAX_PAGE_ORDER',
    why: 'a pageblock that is wholly free has changed sides before',
  },
  ...['0 -> 0 + 1', 'next < 0 -> next <= 0'].map((change) => ({
    file: `${POOL}/placement/block-bins.ts`,
    text: 'return next < 0 ? -1 : next * 32 + lowestBit(this.#bits[base + next]);',
    change,
    why: 'the next word is never the first',
  })),
  ...[
    ['const slots = 2 * map.blocks;', '2 -> 2 + 1'],
    ['if (this.#newest === 0) this.#renumber(map);', '0 -> 0 + 1'],
    ['if (this.#newest === 0) this.#renumber(map);', 'this.#newest === 0 -> true'],
    ['if (this.#newest === 0) this.#renumber(map);', 'this.#newest === 0 -> this.#newest !== 0'],
  ].map(([text, change]) => ({
    file: GENPOOL,
    text,
    change,
    why: 'the slots are numbered anew more or less often, and their order is the same',
  })),
  {
    file: GENPOOL,
    text: 'this.#blockAt = new Int32Array(slots).fill(-1);',
    change: '-1 -> 1',
    why: 'a slot is not read before it was given',
  },
  {
    file: GENPOOL,
    text: 'if (slot === NO_SLOT) return;',
    change: 'slot === NO_SLOT -> false',
    why: 'a block of which pages are taken has come before',
  },
  {
    file: `${POOL}/placement/segregated.ts`,
    text: 'const largest = Array.from({ length: classes + 1 }, () => new MaxTree(map.blocks));',
    change: '1 -> 1 + 1',
    why: 'there is a class more, which no block has',
  },
  {
    file: `${POOL}/placement/segregated.ts`,
    text: 'if (isUsable && map.largest[block] > 0) pages += map.freePagesIn(block, block + 1);',
    change: 'map.largest[block] > 0 -> map.largest[block] >= 0',
    why: 'a block without free pages adds none, only slower',
  },
  ...[
    [
      'const mean = owner === undefined ? undefined : meanOf.get(owner);',
      'owner === undefined -> false',
      'no mean is of no owner',
    ],
    [
      'if (mean === undefined) return LONGEST;',
      'mean === undefined -> false',
      'undefined is less than nothing',
    ],
    ['const LONGEST = CLASS_ENDS.length + 1;', '1 -> 1 + 1', 'there is a class more, which no block has'],
    [
      'born.delete(allocation);',
      'born.delete(allocation) -> undefined',
      'no number is given to two allocations',
    ],
  ].map(([text, change, why]) => ({ file: `${POOL}/placement/lifetime.ts`, text, change, why })),
  {
    file: `${POOL}/placement/size-class.ts`,
    text: '...segregated(map, largest + 1, (pages, asker) => classOf(asker?.pages ?? pages)),',
    change: '1 -> 1 + 1',
    why: 'there is a class more, which no block has',
  },
  ...[
    ['if (start < end) fresh.take(start, Math.min(pages, end - start));', 'start < end -> start <= end'],
    ['forget(block, (block + 1) * pagesPerBlock);', '1 -> 1 + 1'],
  ].map(([text, change]) => ({
    file: `${POOL}/placement/bump.ts`,
    text,
    change,
    why: 'no page is taken more: runs end with their block',
  })),
  ...[
    'block * pagesPerBlock -> block / pagesPerBlock',
    'from > block * pagesPerBlock -> from >= block * pagesPerBlock',
  ].map((change) => ({
    file: `${POOL}/placement/next-fit.ts`,
    text: 'if (block < endBlock && from > block * pagesPerBlock) {',
    change,
    why: 'the block is looked at by itself first, and then it would be the lowest',
  })),
  ...[
    ['this.#counts = new Uint32Array(maxOrder + 1);', '1 -> 1 + 1'],
    ['this.#counts = new Uint32Array(maxOrder + 1);', 'maxOrder + 1 -> maxOrder - 1'],
    ['this.#divideAt(first);', 'this.#divideAt(first) -> undefined'],
    ['this.#divideAt(end);', 'this.#divideAt(end) -> undefined'],
    [
      'if (this.#countIn(first, end, order) === 0) continue;',
      'this.#countIn(first, end, order) === 0 -> false',
    ],
    ['let count = 0;', '0 -> 0 + 1'],
    [
      'count += this.#counts[part * (this.#maxOrder + 1) + order];',
      'count += this.#counts[part * (this.#maxOrder + 1) + order] -> count -= this.#counts[part * (this.#maxOrder + 1) + order]',
    ],
    [
      'if (block === 0 || block === partOf.length || partOf[block - 1] !== partOf[block]) return;',
      'block === 0 -> block !== 0',
    ],
    [
      'if (block === 0 || block === partOf.length || partOf[block - 1] !== partOf[block]) return;',
      '0 -> 0 + 1',
    ],
    [
      'if (block === 0 || block === partOf.length || partOf[block - 1] !== partOf[block]) return;',
      'block === partOf.length -> block !== partOf.length',
    ],
    [
      'if (block === 0 || block === partOf.length || partOf[block - 1] !== partOf[block]) return;',
      'block === 0 || block === partOf.length -> block === 0 && block === partOf.length',
    ],
    [
      'if (block === 0 || block === partOf.length || partOf[block - 1] !== partOf[block]) return;',
      '1 -> 1 + 1',
    ],
    [
      'if (block === 0 || block === partOf.length || partOf[block - 1] !== partOf[block]) return;',
      'partOf[block - 1] !== partOf[block] -> partOf[block - 1] === partOf[block]',
    ],
    [
      'if (block === 0 || block === partOf.length || partOf[block - 1] !== partOf[block]) return;',
      'block === 0 || block === partOf.length || partOf[block - 1] !== partOf[block] -> true',
    ],
    [
      'for (let above = block; above < partOf.length; above++) partOf[above]++;',
      'above < partOf.length -> false',
    ],
    [
      'for (let above = block; above < partOf.length; above++) partOf[above]++;',
      'above < partOf.length -> above <= partOf.length',
    ],
    [
      'for (let above = block; above < partOf.length; above++) partOf[above]++;',
      'partOf[above]++ -> undefined',
    ],
    [
      'this.#counts = new Uint32Array((partOf[partOf.length - 1] + 1) * (this.#maxOrder + 1));',
      'partOf.length - 1 -> partOf.length + 1',
    ],
    [
      'this.#counts = new Uint32Array((partOf[partOf.length - 1] + 1) * (this.#maxOrder + 1));',
      'partOf[partOf.length - 1] + 1 -> partOf[partOf.length - 1] - 1',
    ],
    [
      'this.#counts = new Uint32Array((partOf[partOf.length - 1] + 1) * (this.#maxOrder + 1));',
      'this.#maxOrder + 1 -> this.#maxOrder - 1',
    ],
    [
      'this.#counts = new Uint32Array((partOf[partOf.length - 1] + 1) * (this.#maxOrder + 1));',
      '(partOf[partOf.length - 1] + 1) * (this.#maxOrder + 1) -> (partOf[partOf.length - 1] + 1) / (this.#maxOrder + 1)',
    ],
    [
      'this.#counts = new Uint32Array((partOf[partOf.length - 1] + 1) * (this.#maxOrder + 1));',
      'this.#counts = new Uint32Array((partOf[partOf.length - 1] + 1) * (this.#maxOrder + 1)) -> undefined',
    ],
    [
      'this.#counts[this.#countAt(page, order)]--;',
      'this.#counts[this.#countAt(page, order)]-- -> undefined',
    ],
    [
      'this.#counts[this.#countAt(page, order)]--;',
      'this.#counts[this.#countAt(page, order)]-- -> this.#counts[this.#countAt(page, order)]++',
    ],
  ].map(([text, change]) => ({
    file: BUDDY,
    text,
    change,
    why: 'more chunks are counted than there are, or for more blocks: a list is searched in vain, which is only slower',
  })),
  {
    file: BUDDY,
    text: 'this.#partOf = new Uint32Array(Math.ceil(pages / 2 ** maxOrder));',
    change: '.ceil() -> .floor()',
    why: 'there are whole blocks only',
  },
  ...[
    ['if (head !== NONE) this.#previous[head] = page;', 'head !== NONE -> true'],
    ['if (next !== NONE) this.#previous[next] = previous;', 'next !== NONE -> true'],
  ].map(([text, change]) => ({ file: BUDDY, text, change, why: 'nothing is written before the first page' })),
  ...[
    [
      'fullest-first',
      'if (free[block] > 0) bins.remove(free[block], block);',
      'free[block] > 0',
      'free[block] >= 0',
    ],
    [
      'fullest-first',
      'if (free[block] > 0) bins.add(free[block], block);',
      'free[block] > 0',
      'free[block] >= 0',
    ],
    ['longest-free-range', 'if (before > 0) bins.remove(before, block);', 'before > 0', 'before >= 0'],
    ['longest-free-range', 'if (largest > 0) bins.add(largest, block);', 'largest > 0', 'largest >= 0'],
  ].flatMap(([name, text, from, to]) =>
    ['true', to].map((each) => ({
      file: `${POOL}/placement/${name}.ts`,
      text,
      change: `${from} -> ${each}`,
      why: 'the bin of blocks without a free page is not looked at',
    })),
  ),
  ...[
    [
      'fullest-first',
      'for (let count = bins.firstBin(pages); count >= 0; count = bins.firstBin(count + 1)) {',
      'count >= 0 -> count > 0',
    ],
    [
      'longest-free-range',
      'for (let range = bins.firstBin(pages); range >= 0; range = bins.firstBin(range + 1)) {',
      'range >= 0 -> range > 0',
    ],
  ].flatMap(([name, text, change]) =>
    ['0 -> 0 + 1', change].map((each) => ({
      file: `${POOL}/placement/${name}.ts`,
      text,
      change: each,
      why: 'no request is for less than a page',
    })),
  ),
  ...[
    ['fullest-first', 'const bins = new BlockBins(pagesPerBlock + 1, map.blocks);'],
    ['longest-free-range', 'const bins = new BlockBins(map.geometry.pagesPerBlock + 1, map.blocks);'],
  ].map(([name, text]) => ({
    file: `${POOL}/placement/${name}.ts`,
    text,
    change: '1 -> 1 + 1',
    why: 'there is a bin more, which stays empty',
  })),
  {
    file: `${POOL}/placement/fullest-first.ts`,
    text: 'if (map.largest[block] < pages) continue;',
    change: 'map.largest[block] < pages -> false',
    why: 'the block is searched in vain, which is only slower',
  },
  {
    file: `${POOL}/placement/longest-free-range.ts`,
    text: 'if (largest === before) return;',
    change: 'largest === before -> false',
    why: 'the block leaves its bin and comes into it again',
  },
  ...[
    'units >= this.#tooMany -> units > this.#tooMany',
    'units > this.free || units >= this.#tooMany -> false',
    'units > this.free || units >= this.#tooMany -> units > this.free && units >= this.#tooMany',
  ].map((change) => ({
    file: `${POOL}/unit-map.ts`,
    text: 'if (units > this.free || units >= this.#tooMany) return -1;',
    change,
    why: 'the search in vain is repeated, and only slower',
  })),
  ...[
    'align >= this.#align -> align > this.#align',
    'units >= this.#tooManyAligned -> units > this.#tooManyAligned',
    'align >= this.#align && units >= this.#tooManyAligned -> false',
  ].map((change) => ({
    file: `${POOL}/unit-map.ts`,
    text: 'if (align >= this.#align && units >= this.#tooManyAligned) return -1;',
    change,
    why: 'the search in vain is repeated, and only slower',
  })),
  ...[
    'this.#lowest < used.length -> this.#lowest <= used.length',
    '1 -> 1 + 1',
    'this.#lowest < used.length && used[this.#lowest] === 1 -> false',
  ].map((change) => ({
    file: `${POOL}/unit-map.ts`,
    text: 'while (this.#lowest < used.length && used[this.#lowest] === 1) this.#lowest++;',
    change,
    why: 'the search begins lower, and is only slower',
  })),
  {
    file: `${POOL}/unit-map.ts`,
    text: 'let first = Math.ceil(this.#lowest / align) * align;',
    change: '.ceil() -> .floor()',
    why: 'the search begins lower, at a place where a used unit is',
  },
  ...['1 -> 1 + 1', 'align === 1 -> false', 'this.#tooMany = units -> undefined'].map((change) => ({
    file: `${POOL}/unit-map.ts`,
    text: 'if (align === 1) this.#tooMany = units;',
    change,
    why: 'less is remembered of a search in vain',
  })),
  ...[
    'align <= this.#align -> false',
    'align <= this.#align -> true',
    'align <= this.#align -> align < this.#align',
  ].map((change) => ({
    file: `${POOL}/unit-map.ts`,
    text: 'else if (align <= this.#align) {',
    change,
    why: 'less is remembered of a search in vain',
  })),
  {
    file: `${POOL}/unit-map.ts`,
    text: 'this.#align = align;',
    change: 'this.#align = align -> undefined',
    why: 'less is remembered of a search in vain',
  },
  {
    file: `${POOL}/unit-map.ts`,
    text: 'this.#tooManyAligned = units;',
    change: 'this.#tooManyAligned = units -> undefined',
    why: 'less is remembered of a search in vain',
  },
  {
    file: `${POOL}/reserve.ts`,
    text: 'this.#inUnit = new Uint16Array(geometry.spanPages / unitPages);',
    change: 'geometry.spanPages / unitPages -> geometry.spanPages * unitPages',
    why: 'the end of a longer array is not used',
  },
  {
    file: `${POOL}/reserve.ts`,
    text: 'this.#inUnit[Math.floor(page / this.#unitPages)] += each;',
    change:
      'this.#inUnit[Math.floor(page / this.#unitPages)] += each -> this.#inUnit[Math.floor(page / this.#unitPages)] -= each',
    why: 'the array counts down from 65,536: it is 0 just as often',
  },
  {
    file: `${POOL}/place-finder.ts`,
    text: 'if (this.#map.largest[block] < pages) continue;',
    change: 'this.#map.largest[block] < pages -> false',
    why: 'the block is searched in vain',
    lines: 2,
  },
  {
    file: `${POOL}/conversion/conversion.ts`,
    text: 'for (let at: number = start; at < end; ) {',
    change: 'at < end -> at <= end',
    why: 'no page of an empty range is private',
  },
  {
    file: `${POOL}/conversion/conversion.ts`,
    text: 'at = to;',
    change: 'at = to -> undefined',
    why: 'what was shared is looked at again, and only slower',
  },
  {
    file: `${POOL}/empty-blocks.ts`,
    text: 'if (this.#isStale) this.#findNext();',
    change: 'this.#isStale -> true',
    why: 'what has not changed is looked up again',
  },
  ...['false -> true', 'this.#isStale = false -> undefined'].map((change) => ({
    file: `${POOL}/empty-blocks.ts`,
    text: 'this.#isStale = false;',
    change,
    why: 'what has not changed is looked up again',
  })),
  {
    file: `${POOL}/empty-blocks.ts`,
    text: 'if (!isKnown) this.#reservedIn.push(range);',
    change: '!isKnown -> true',
    why: 'a range that is known is looked at twice',
  },
  {
    file: `${POOL}/empty-blocks.ts`,
    text: 'if (keptPages === 0) return false;',
    change: 'keptPages === 0 -> false',
    why: 'no range has fewer than no free pages without an empty block',
  },
  {
    file: `${POOL}/page-source/compaction.ts`,
    text: 'const target = { block: end - 1 };',
    change: 'end - 1 -> end + 1',
    why: 'behind the zone there is no room',
  },
  {
    file: `${POOL}/page-source/compaction.ts`,
    text: 'for (let block = first; block < target.block; block++) {',
    change: 'block < target.block -> block <= target.block',
    why: 'from the target itself nothing is moved',
  },
  ...['0 -> 0 + 1', 'order < 0 -> order <= 0'].map((change) => ({
    file: `${POOL}/page-source/compaction.ts`,
    text: 'pfn += order < 0 ? 1 : 1 << order;',
    change,
    why: 'a chunk of order 0 has one page',
  })),
  ...['0 -> 0 + 1', 'free < 0 -> free <= 0'].map((change) => ({
    file: `${POOL}/page-source/compaction.ts`,
    text: 'pfn += free < 0 ? 1 : 1 << free;',
    change,
    why: 'a chunk of order 0 has one page',
  })),
  ...[
    '0 -> 0 + 1',
    'this.#buddy.lists.smallestOrder(zone.index, order, type) >= 0 -> this.#buddy.lists.smallestOrder(zone.index, order, type) > 0',
  ].map((change) => ({
    file: `${POOL}/page-source/compaction.ts`,
    text: 'if (this.#buddy.lists.smallestOrder(zone.index, order, type) >= 0) return true;',
    change,
    why: 'single pages are not compacted for',
  })),
  ...['index === highest -> false', 'highest-- -> undefined'].map((change) => ({
    file: `${POOL}/page-allocator/per-cpu-lists.ts`,
    text: 'if (index === highest) highest--;',
    change,
    why: 'lists that are empty are looked at again',
  })),
  ...['index === lowest -> false', 'lowest++ -> undefined', 'lowest++ -> lowest--'].map((change) => ({
    file: `${POOL}/page-allocator/per-cpu-lists.ts`,
    text: 'if (index === lowest) lowest++;',
    change,
    why: 'lists that are empty are looked at again',
  })),
  {
    file: `${POOL}/page-allocator/per-cpu-lists.ts`,
    text: 'const merged = mayMerge ? lists.orderOfLastRun(list, left) : order;',
    change: 'mayMerge -> false',
    why: 'chunks go back one by one, which comes to the same and is slower',
  },
  ...['pages > 0 -> true', 'pages > 0 -> pages >= 0'].map((change) => ({
    file: `${POOL}/page-allocator/per-cpu-lists.ts`,
    text: 'if (pages > 0) this.#returnPages(zone, cpu, perCpu, pages, 0);',
    change,
    why: 'no pages go back',
  })),
  {
    file: `${POOL}/page-allocator/per-cpu-lists.ts`,
    text: 'for (const zone of hadPages ? zones : []) {',
    change: 'hadPages -> true',
    why: 'lists that are empty are emptied',
  },
  {
    file: `${POOL}/page-allocator/per-cpu-lists.ts`,
    text: 'if (lists.first(firstList + index) >= 0) break;',
    change: 'lists.first(firstList + index) >= 0 -> true',
    why: 'of an empty list no chunk goes back',
  },
  {
    file: READ_LINES,
    text: 'if (at < 0) return at;',
    change: 'at < 0 -> false',
    why: 'no byte is before the first, so no text begins there',
  },
  ...['0 -> 0 + 1', 'at < 0 -> at <= 0'].map((change) => ({
    file: READ_LINES,
    text: 'if (at < 0) return -1;',
    change,
    why: 'no text ends at 0',
  })),
  {
    file: READ_LINES,
    text: 'const end = at + 7;',
    change: '7 -> 7 + 1',
    why: 'a number of 17 digits is above all that are allowed',
  },
  {
    file: READ_LINES,
    text: 'for (; at < end; at++) {',
    change: 'at < end -> at <= end',
    why: 'a number of 17 digits is above all that are allowed',
  },
  ...[
    'if (number > 9) return -1;',
    'return taken[slot] <= max ? at : -1;',
    'if (bits === undefined) return -1;',
  ].map((text) => ({
    file: READ_LINES,
    text,
    change: '-1 -> 1',
    why: 'the rest of a line cannot begin at byte 1 of the buffer, where the line itself begins or what is before it',
  })),
  {
    file: READ_LINES,
    text: "const slot = column === 'name' ? SLOT.code : SLOT[column];",
    change: "column === 'name' -> false",
    why: 'types with a name have no fields here',
  },
  {
    file: READ_LINES,
    text: "if (values.every(([value]) => typeof value === 'number')) {",
    change: '.every() -> .some()',
    why: 'the values of a field are all numbers or all texts',
  },
  {
    file: READ_LINES,
    text: 'code: 5,',
    change: '5 -> 5 + 1',
    why: 'a number that is looked at before the next one takes its slot',
  },
  {
    file: READ_LINES,
    text: 'seq: 6,',
    change: '6 -> 6 + 1',
    why: 'a number that is looked at before the next one takes its slot',
  },
  {
    file: READ_LINES,
    text: 'const taken = new Float64Array(10);',
    change: '10 -> 10 + 1',
    why: 'the end of a longer array is not used',
  },
  {
    file: READ_LINES,
    text: 'this.#next = new Int16Array(128 * texts.length);',
    change: '128 -> 128 + 1',
    why: 'the end of a longer array is not used',
  },
  ...['0 -> 0 + 1', 'skip(bytes, at, this.texts[index]) < 0 -> skip(bytes, at, this.texts[index]) <= 0'].map(
    (change) => ({
      file: READ_LINES,
      text: 'return skip(bytes, at, this.texts[index]) < 0 ? -1 : index;',
      change,
      why: 'no text ends at 0',
    }),
  ),
  ...['0 -> 0 + 1', 'value < 0 -> value <= 0'].map((change) => ({
    file: READ_LINES,
    text: 'if (value < 0 && field.isOptional) continue;',
    change,
    why: 'no text ends at 0',
  })),
  {
    file: NDJSON,
    text: 'if (needed > this.#held.length) {',
    change: 'needed > this.#held.length -> needed >= this.#held.length',
    why: 'a buffer that is just long enough is made anew with the same bytes',
  },
  ...['2 -> 2 + 1', 'this.#held.length * 2 -> this.#held.length / 2'].map((change) => ({
    file: NDJSON,
    text: 'const grown = new Uint8Array(Math.max(needed, this.#held.length * 2));',
    change,
    why: 'there is room enough, and more or less for the bytes to come: it is only slower',
  })),
  {
    file: NDJSON,
    text: 'const MAX_KEPT_BYTES = 2 ** 20;',
    change: '20 -> 20 + 1',
    why: 'a buffer is kept for the next line or made anew for it: it is only slower',
  },
  ...[
    'line.length > MAX_KEPT_BYTES -> true',
    'line.length > MAX_KEPT_BYTES -> line.length >= MAX_KEPT_BYTES',
  ].map((change) => ({
    file: NDJSON,
    text: 'if (line.length > MAX_KEPT_BYTES) this.#held = new Uint8Array();',
    change,
    why: 'a buffer is kept for the next line or made anew for it: it is only slower',
  })),
  {
    file: ARROW,
    text: 'if (sort === SORT.plain) continue;',
    change: 'sort === SORT.plain -> false',
    why: 'what is looked at then is right in an event without attributes: it is only slower',
  },
  {
    file: ARROW,
    text: 'const SORT = { unknown: 0, plain: 1, request: 2, named: 3 } as const;',
    change: '3 -> 3 + 1',
    why: 'it is any number that no other sort has',
  },
  ...['2 -> 2 + 1', '16 -> 16 + 1'].map((change) => ({
    file: ARROW,
    text: 'const SORTS = new Uint8Array(2 ** 16);',
    change,
    why: 'the end of a longer array is not used',
  })),
  {
    file: 'packages/model/src/log/arrow-stream.ts',
    text: 'if (next.done === true)',
    change: 'next.done === true -> false',
    why: 'of a stream without a batch the library makes an empty one',
  },
  ...[
    ['allocation', 4111111111],
    ['pfn', 4122222222],
    ['pages', 4133333333],
    ['bytes', 4144444444],
    ['owner', 65432],
  ].map(([hole, mark]) => ({
    file: WRITE_LINES,
    text: `${hole}: ${mark},`,
    change: `${mark} -> ${mark} + 1`,
    why: 'it is any number that no line has without it',
  })),
  {
    file: WRITE_LINES,
    text: 'const columns = allocateColumns(1);',
    change: '1 -> 1 + 1',
    why: 'a second row is not used',
  },
  ...[
    ['const MAX_LINE_BYTES = 1024;', '1024 -> 1024 + 1'],
    ['const USUAL_LINE_BYTES = 144;', '144 -> 144 + 1'],
    [
      'room: Uint8Array = new Uint8Array(batch.length * USUAL_LINE_BYTES + MAX_LINE_BYTES),',
      'batch.length * USUAL_LINE_BYTES -> batch.length / USUAL_LINE_BYTES',
    ],
    [
      'if (out.length - at < MAX_LINE_BYTES + other.length) {',
      'out.length - at < MAX_LINE_BYTES + other.length -> out.length - at <= MAX_LINE_BYTES + other.length',
    ],
    ['const grown = new Uint8Array(out.length * 2 + bytes);', '2 -> 2 + 1'],
  ].map(([text, change]) => ({
    file: WRITE_LINES,
    text,
    change,
    why: 'there is room enough, and more or less for the lines to come: it is only slower',
  })),
  {
    file: WRITE_LINES,
    text: 'for (let i = 0; i < words.length; i++) view.setInt32(at + 4 * i, words[i], true);',
    change: 'i < words.length -> i <= words.length',
    why: 'four zeros more, which the next text overwrites',
  },
  {
    file: WRITE_LINES,
    text: 'if (value <= MAX_WORD) return putWord(out, at, value);',
    change: 'value <= MAX_WORD -> value < MAX_WORD',
    why: 'the other way writes the same digits',
  },
  {
    file: WRITE_LINES,
    text: 'const higher = (rest / 100) >>> 0;',
    change: '(rest / 100) >>> 0 -> (rest / 100) << 0',
    why: 'the hundredth part of a word is below 2^31',
  },
  ...[
    'TENS = Uint8Array.from({ length: 100 }, (_, pair) => ZERO + Math.floor(pair / 10))',
    'ONES = Uint8Array.from({ length: 100 }, (_, pair) => ZERO + (pair % 10))',
  ].map((digits) => ({
    file: WRITE_LINES,
    text: `const ${digits};`,
    change: '100 -> 100 + 1',
    why: 'the end of a longer array is not used',
  })),
];

export const changeText = ({ from, to }: Mutant): string => `${from} -> ${to}`;

const key = (file: string, text: string, change: string): string => JSON.stringify([file, text, change]);
const KEYS = new Set(EQUIVALENT.map(({ file, text, change }) => key(file, text, change)));

export const isEquivalent = (mutant: Mutant): boolean =>
  KEYS.has(key(mutant.file, mutant.text, changeText(mutant)));
