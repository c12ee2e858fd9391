import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventBatch, EventRows } from '../events/batch.ts';
import { EVENT_TYPES } from '../events/schema.ts';
import { GRANULES } from '../platform.ts';
import { PLATFORM_NAMES } from '../platforms/all.ts';
import { batchOf, historyOf, SMALL_MAP, smallMachine, someChoices } from '../testing.ts';
import { allocationId, blockIndex, pfn } from '../units.ts';
import { Columns } from './columns.ts';
import { brokenInvariants } from './invariants.ts';
import {
  ALLOCATION,
  AREA_MAPPED,
  BITMAP,
  blockLayout,
  SLAB,
  SLAB_WORDS,
  SPLIT_2M,
  STATUS,
} from './layout.ts';
import { editRecord } from './records.ts';
import { foldBatch, hashOf, initialState, publish, type State, viewOf } from './state.ts';

const histories = (maxLength: number) =>
  fc
    .record({
      platform: fc.constantFrom(...PLATFORM_NAMES),
      restore: fc.boolean(),
      granulePages: fc.constantFrom(...GRANULES),
      choices: fc.array(fc.nat(2 ** 30), { maxLength, size: 'max' }),
    })
    .map(({ platform, restore, granulePages, choices }) => {
      const machine = smallMachine(platform, restore, granulePages);
      return { machine, events: historyOf(machine, SMALL_MAP, choices) };
    });

/** The events in batches whose sizes `sizes` gives in turn. */
function batchesOf(events: ReturnType<typeof historyOf>, sizes: readonly number[]): EventBatch[] {
  const batches: EventBatch[] = [];
  for (let at = 0; at < events.length; ) {
    const size = sizes[batches.length % sizes.length];
    batches.push(batchOf(events.slice(at, at + size), at));
    at += size;
  }
  return batches;
}

/** A history in which all happens that can on its platform; the specs below damage and compare it. */
const CHOICES = someChoices(900);
const machine = smallMachine('snp', true);
const EVENTS = historyOf(machine, SMALL_MAP, CHOICES);

describe('a random history', () => {
  const typesOf = (events: typeof EVENTS) => events.map((event) => event.type);

  it('is rich enough to prove something: every type of event happens in it, and most of them often', () => {
    const contiguous = historyOf(smallMachine('cca-bbml3', true), SMALL_MAP, CHOICES);
    const granules = historyOf(smallMachine('snp', false, 4), SMALL_MAP, CHOICES);
    const counts = new Map(EVENT_TYPES.map((type) => [type, 0]));
    for (const type of [EVENTS, contiguous, granules].flatMap(typesOf))
      counts.set(type, counts.get(type)! + 1);
    for (const [type, count] of counts) {
      expect(count, type).toBeGreaterThanOrEqual(type === 'owner-registered' ? 6 : 12);
    }
    expect(new Set(typesOf(EVENTS))).toEqual(
      new Set(EVENT_TYPES.filter((type) => type !== 'contiguous-split')),
    );
  });

  it('takes about as many events as it has choices, on every platform and for every granule', () => {
    for (const platform of PLATFORM_NAMES) {
      for (const granulePages of GRANULES) {
        const choices = CHOICES.slice(0, 200);
        const events = historyOf(smallMachine(platform, true, granulePages), SMALL_MAP, choices);
        expect(events.length, `${platform}, ${granulePages}`).toBeGreaterThan(choices.length * 0.9);
      }
    }
  });

  it('fails conversions of ranges and, run by run, of vmalloc areas, in both directions', () => {
    const failures = EVENTS.flatMap((event) =>
      event.type === 'conversion-failed' ? [`${event.direction} ${Math.sign(event.offset ?? -1)}`] : [],
    );
    const both = (kind: number) => [`decrypt ${kind}`, `encrypt ${kind}`];
    expect(new Set(failures)).toEqual(new Set([-1, 0, 1].flatMap(both)));
  });

  it('splits contiguous entries of both sizes, and converts memory in whole granules', () => {
    const contiguous = historyOf(smallMachine('cca-bbml3', true), SMALL_MAP, CHOICES);
    const levels = contiguous.flatMap((event) => (event.type === 'contiguous-split' ? [event.level] : []));
    expect(new Set(levels)).toEqual(new Set([1, 2]));
    for (const event of historyOf(smallMachine('snp', false, 16), SMALL_MAP, CHOICES)) {
      if (event.type !== 'pages-decrypted' && event.type !== 'vm-area-encrypted') continue;
      expect([event.pfn % 16, event.pages % 16]).toEqual([0, 0]);
    }
  });

  it('breaks no invariant after any of its events', () => {
    fc.assert(
      fc.property(histories(40), ({ machine, events }) => {
        const columns = new Columns(machine, SMALL_MAP);
        const view = columns.view();
        for (const event of events) {
          columns.fold(batchOf([event]));
          expect(brokenInvariants(view, SMALL_MAP)).toEqual([]);
        }
      }),
      { numRuns: randomRuns(60) },
    );
  });

  it('breaks no invariant, and is in both backends the same, all along a long one', () => {
    const columns = new Columns(machine, SMALL_MAP);
    let state = initialState(machine, SMALL_MAP);
    const size = 30;
    for (let at = 0; at < EVENTS.length; at += size) {
      const batch = batchOf(EVENTS.slice(at, at + size), at);
      columns.fold(batch);
      state = foldBatch(state, batch);
      expect(brokenInvariants(columns.view(), SMALL_MAP)).toEqual([]);
      expect(hashOf(state)).toBe(columns.hash());
    }
  });

  it('comes to the same state in both backends, whatever the sizes of the batches', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(histories(400), sizes, sizes, ({ machine, events }, columnSizes, stateSizes) => {
        const columns = new Columns(machine, SMALL_MAP);
        for (const batch of batchesOf(events, columnSizes)) columns.fold(batch);
        let state = initialState(machine, SMALL_MAP);
        for (const batch of batchesOf(events, stateSizes)) state = foldBatch(state, batch);
        expect(hashOf(state)).toBe(columns.hash());
        expect(state.counters).toEqual(columns.publishCounters());
        expect(state.owners).toEqual(columns.owners);
        expect(hashOf(publish(columns))).toBe(columns.hash());
        expect(brokenInvariants(viewOf(state), SMALL_MAP)).toEqual([]);
      }),
      { numRuns: randomRuns(40) },
    );
  });

  it('goes on from a published state as from the columns it was published from', () => {
    fc.assert(
      fc.property(histories(200), fc.nat(), ({ machine, events }, cut) => {
        const at = cut % (events.length + 1);
        const columns = new Columns(machine, SMALL_MAP);
        columns.fold(batchOf(events.slice(0, at)));
        const published = publish(columns);
        columns.fold(batchOf(events.slice(at), at));
        expect(hashOf(foldBatch(published, batchOf(events.slice(at), at)))).toBe(columns.hash());
      }),
      { numRuns: randomRuns(30) },
    );
  });
});

describe('the state hash', () => {
  it('differs after every event', () => {
    const columns = new Columns(machine, SMALL_MAP);
    const hashes = new Set([columns.hash()]);
    for (const event of EVENTS.slice(0, 200)) {
      columns.fold(batchOf([event]));
      hashes.add(columns.hash());
    }
    expect(hashes.size).toBe(201);
  });

  it('does not depend on the order in which a geometry names its parts', () => {
    const { spanPages, pagesPerBlock, pageShift, blocksPerRegion } = machine.geometry;
    const reordered = { ...machine, geometry: { spanPages, blocksPerRegion, pagesPerBlock, pageShift } };
    expect(new Columns(reordered, SMALL_MAP).hash()).toBe(new Columns(machine, SMALL_MAP).hash());
  });

  it('tells platforms, geometries, owners and direct maps apart', () => {
    const base = new Columns(machine, SMALL_MAP).hash();
    expect(new Columns(smallMachine('tdx'), SMALL_MAP).hash()).not.toBe(base);
    expect(new Columns(machine, SMALL_MAP.slice(1)).hash()).not.toBe(base);
    const named = (name: string) => {
      const columns = new Columns(machine, SMALL_MAP);
      columns.fold(batchOf([{ type: 'owner-registered', owner: 0, name }]));
      return columns.hash();
    };
    expect(named('a')).not.toBe(named('b'));
  });
});

describe('a published state', () => {
  const before = foldBatch(initialState(machine, SMALL_MAP), batchOf(EVENTS.slice(0, 300)));

  it('stays as it was when events are folded into it', () => {
    const hash = hashOf(before);
    const after = foldBatch(before, batchOf(EVENTS.slice(300), 300));
    expect(hashOf(before)).toBe(hash);
    expect(hashOf(after)).not.toBe(hash);
  });

  it('stays as it was when the columns it was published from go on', () => {
    const columns = new Columns(machine, SMALL_MAP);
    columns.fold(batchOf(EVENTS.slice(0, 300)));
    const state = publish(columns);
    const hash = hashOf(state);
    columns.fold(batchOf(EVENTS.slice(300), 300));
    expect(hashOf(state)).toBe(hash);
  });

  it('stays as it was when a batch cannot have happened, also where its first events can', () => {
    const hash = hashOf(before);
    const impossible = [...EVENTS.slice(300, 310), EVENTS[0]];
    expect(() => foldBatch(before, batchOf(impossible, 300))).toThrow('cannot have happened');
    expect(hashOf(before)).toBe(hash);
    expect(hashOf(foldBatch(before, batchOf(EVENTS.slice(300), 300)))).toBe(publishedHash(EVENTS));
  });

  it.each<[string, (state: { -readonly [Key in keyof State]: State[Key] }) => unknown]>([
    ['a counter', (state) => Object.assign(state.counters, { sharedPages: 0 })],
    ['the counters', (state) => Object.assign(state, { counters: {} })],
    ['an owner', (state) => (state.owners as string[]).push('x')],
    ['the geometry', (state) => Object.assign(state.geometry, { spanPages: 1 })],
    ['the platform', (state) => Object.assign(state.platform, { restore: false })],
    ['a part of the platform', (state) => (state.platform.flushBefore as string[]).pop()],
    ['the tables', (state) => Object.assign(state.tables, { blocks: [] })],
    ['a method of the tables', (state) => Object.defineProperty(state.tables, 'x', { value: 1 })],
    ['itself', (state) => delete (state as Partial<typeof state>).tables],
    ['a view of it', (state) => Object.assign(viewOf(state), { geometry: {} })],
  ])('throws a TypeError to whoever changes %s', (_, change) => {
    for (const state of [before, initialState(machine, SMALL_MAP), publish(columnsAfter(EVENTS))]) {
      const hash = hashOf(state);
      expect(() => change(state)).toThrow(TypeError);
      expect(hashOf(state)).toBe(hash);
    }
  });

  it('gives views whose answers can be written into without changing it', () => {
    const hash = hashOf(before);
    const view = viewOf(before);
    (view.owners as string[]).push('x');
    Object.assign(view.block(blockIndex(0)), { claimed: 99 });
    Object.assign(view.allocation(allocationId(1)), { owner: 'x' });
    expect(hashOf(before)).toBe(hash);
    expect(view.owners).toEqual(before.owners);
  });
});

describe('a view', () => {
  it('answers the same of both backends, for every page, block and allocation', () => {
    const columns = columnsAfter(EVENTS).view();
    const state = viewOf(foldBatch(initialState(machine, SMALL_MAP), batchOf(EVENTS)));
    for (let page = 0; page < machine.geometry.spanPages; page++) {
      for (const fact of ['claimed', 'shared', 'unknown', 'allocated', 'leaked'] as const) {
        expect(columns.is(fact, pfn(page))).toBe(state.is(fact, pfn(page)));
      }
      expect(columns.levelAt(pfn(page))).toBe(state.levelAt(pfn(page)));
    }
    for (let block = 0; block < columns.blocks; block++) {
      expect(columns.block(blockIndex(block))).toEqual(state.block(blockIndex(block)));
    }
    for (let id = 1; id <= columns.counter('lastAllocation'); id++) {
      expect(columns.allocation(allocationId(id))).toEqual(state.allocation(allocationId(id)));
      expect(columns.isLive(allocationId(id))).toBe(columns.allocation(allocationId(id)).status === 'live');
    }
  });

  it('answers nothing, and costs nothing, for ids and blocks that are not there', () => {
    for (const view of [columnsAfter(EVENTS).view(), viewOf(initialState(machine, SMALL_MAP))]) {
      expect(view.isLive(allocationId(2 ** 31))).toBe(false);
      expect(view.allocation(allocationId(2 ** 31))).toMatchObject({ status: 'unused', extents: [] });
      expect(view.block(blockIndex(2 ** 21))).toMatchObject({ level: 0, claimed: 0, touched: false });
    }
  });

  it('finds the first page for which a fact does not hold', () => {
    const columns = new Columns(smallMachine('snp'), SMALL_MAP);
    columns.fold(batchOf([{ type: 'pages-claimed', pfn: pfn(30), pages: 40, migratetype: 'Unmovable' }]));
    const view = columns.view();
    expect(view.firstWhereNot('claimed', true, pfn(30), 40)).toBe(-1);
    expect(view.firstWhereNot('claimed', true, pfn(30), 41)).toBe(70);
    expect(view.firstWhereNot('claimed', false, pfn(0), 100)).toBe(30);
    expect(view.pagesOf('claimed', blockIndex(0))).toBe(2);
    expect(view.pagesOf('claimed', blockIndex(1))).toBe(32);
  });
});

/** The words of an allocation's record, to be changed. */
const recordOf = (columns: Columns, id: number): Uint32Array =>
  columns.allocations.words.subarray(editRecord(columns, id));

describe('the invariants', () => {
  const layout = blockLayout(machine.geometry);
  const word = (bitmap: keyof typeof BITMAP, page: number) =>
    Math.floor(page / 32) * layout.leafWords + BITMAP[bitmap] * layout.bitmapWords;
  const simple = () => {
    const columns = new Columns(machine, SMALL_MAP);
    const body = (pages: number) => ({ pfn: pfn(4), pages });
    columns.fold(
      batchOf([
        { type: 'owner-registered', owner: 0, name: 'netvsc' },
        { type: 'pages-claimed', ...body(8), migratetype: 'Unmovable' },
        { type: 'pages-decrypted', ...body(8) },
        {
          type: 'allocation-requested',
          allocation: allocationId(1),
          api: 'vmalloc',
          pages: 2,
          bytes: 1,
          owner: 0,
          request: 1,
        },
        { type: 'pages-allocated', allocation: allocationId(1), ...body(2) },
      ]),
    );
    expect(brokenInvariants(columns.view(), SMALL_MAP)).toEqual([]);
    return columns;
  };

  it.each([
    'claimedPages',
    'sharedPages',
    'unknownPages',
    'leakedPages',
    'sharedBlocks',
    'touchedBlocks',
    'mixedBlocks',
    'borders',
    'liveAllocations',
    'livePages',
    'liveBytes',
    'mapped4KPages',
    'mapped2MPages',
    'mapped1GPages',
    'pageTablePages',
    'owners',
    'requests',
    'failedRequests',
    'liveSlabs',
    'liveObjects',
    'vmAreaPages',
    'userMappings',
  ] as const)('find a wrong counter: %s', (name) => {
    for (const error of [1, -1]) {
      const columns = simple();
      columns.counters.events++;
      columns.counters[name] += error;
      expect(brokenInvariants(columns.view(), SMALL_MAP)).toEqual([
        expect.stringMatching(new RegExp(`counter ${name} is -?\\d+, a recount gives \\d+`)),
      ]);
    }
  });

  it.each(['splits2M', 'restores2M'] as const)('find as many blocks split as %s do not say', (name) => {
    const columns = simple();
    columns.counters.events++;
    columns.counters[name]++;
    expect(brokenInvariants(columns.view())).toContainEqual(
      expect.stringMatching('0 blocks are split, splits less restores are'),
    );
  });

  it('find a block that was split but is mapped by a large page', () => {
    const columns = simple();
    columns.mapping.words[1] |= SPLIT_2M;
    expect(brokenInvariants(columns.view())).toContain('block 1 was split but is mapped at level 2');
  });

  it.each(['splits2M', 'splits1G', 'restores2M'] as const)(
    'find page-table pages that %s do not account for',
    (name) => {
      const columns = simple();
      columns.counters.events++;
      columns.counters[name]++;
      expect(brokenInvariants(columns.view())).toContainEqual(
        expect.stringMatching('counter pageTablePages is 0'),
      );
    },
  );

  it('find more counted than happened, and fewer extents than are held', () => {
    const eager = simple();
    eager.counters.conversions += 2;
    expect(brokenInvariants(eager.view())).toEqual(['5 events cannot make counts of 6']);
    const short = simple();
    short.counters.extents--;
    expect(brokenInvariants(short.view())).toEqual(['0 extents were ever allocated, allocations hold 1']);
  });

  it('find an allocation of more bytes than its pages have, and one that nobody requested or freed', () => {
    const large = simple();
    recordOf(large, 1)[ALLOCATION.bytes] = 2 * 4096 + 1;
    large.counters.liveBytes = 2 * 4096 + 1;
    expect(brokenInvariants(large.view())).toEqual(['allocation 1 has 8193 bytes in 2 pages']);
    const unused = simple();
    recordOf(unused, 1)[ALLOCATION.status] = STATUS.unused;
    expect(brokenInvariants(unused.view())).toContain('counter requests is 1, a recount gives 2');
  });

  it('find an allocation that would not free its first extent', () => {
    for (const word of [ALLOCATION.nextPfn, ALLOCATION.nextPages]) {
      const columns = simple();
      recordOf(columns, 1)[word]++;
      expect(brokenInvariants(columns.view())).toEqual([
        'allocation 1 frees other pages next than its first extent',
      ]);
    }
  });

  it.each(['claimed', 'shared', 'unknown', 'allocated', 'leaked'] as const)(
    'find a page that is %s though its block does not count it',
    (fact) => {
      for (const page of [20, 300]) {
        const columns = simple();
        columns.blocks.words[word(fact, page)] |= 1 << (page % 32);
        expect(brokenInvariants(columns.view())).not.toEqual([]);
      }
    },
  );

  it('find a page that is both shared and unknown, and one allocated though private', () => {
    const both = simple();
    both.blocks.words[word('unknown', 5)] |= 1 << 5;
    expect(brokenInvariants(both.view())).toContain('page 5 is both shared and unknown');
    const secret = simple();
    secret.blocks.words[word('shared', 5)] &= ~(1 << 5);
    expect(brokenInvariants(secret.view())).toContain('page 5 is allocated but private');
  });

  it('find a page leaked though its state is known', () => {
    const columns = simple();
    columns.blocks.words[word('leaked', 10)] |= 1 << 10;
    expect(brokenInvariants(columns.view())).toContain('page 10 is leaked but not unknown');
  });

  it('find a block that is mixed but mapped by a large page', () => {
    const columns = simple();
    columns.mapping.words[0] = 2;
    expect(brokenInvariants(columns.view())).toContain('block 0 is mixed but mapped by a large page');
  });

  it('find a slab whose used units, pages or objects are not what it says', () => {
    const withObject = () => {
      const columns = simple();
      const slab = { allocation: allocationId(0), pfn: pfn(8), pages: 1, unitBytes: 512, cache: 0 } as const;
      const asked = { allocation: allocationId(2), pages: 1, bytes: 9, owner: 0, request: 2 } as const;
      columns.fold(
        batchOf([
          { type: 'slab-created', ...slab },
          { type: 'allocation-requested', ...asked, api: 'kmalloc' },
          { type: 'object-allocated', allocation: allocationId(2), slab: 1, unit: 3, bytes: 512 },
        ]),
      );
      expect(brokenInvariants(columns.view(), SMALL_MAP)).toEqual([]);
      return columns;
    };
    const used = withObject();
    used.slabs.words[SLAB_WORDS + SLAB.usedUnits]++;
    expect(brokenInvariants(used.view())).toContain('slab 1 counts 2 used units, its objects take 1');
    const moved = withObject();
    moved.slabs.words[SLAB_WORDS + SLAB.pfn] = 9;
    expect(brokenInvariants(moved.view())).toContain('slab 1 has a page that is not allocated');
    const gone = withObject();
    gone.slabs.words[SLAB_WORDS + SLAB.status] = 0;
    expect(brokenInvariants(gone.view())).toContain(
      'allocation 2 is an object in slab 1, which is not there',
    );
    const over = withObject();
    recordOf(over, 2)[ALLOCATION.status] = STATUS.failed;
    expect(brokenInvariants(over.view())).toContain('allocation 2 is failed but an object');
  });

  it('find an allocation that is over but mapped', () => {
    const area = simple();
    recordOf(area, 1)[ALLOCATION.api] |= AREA_MAPPED;
    recordOf(area, 1)[ALLOCATION.status] = STATUS.freed;
    expect(brokenInvariants(area.view())).toContain('allocation 1 is freed but mapped in a vmalloc area');
    const user = simple();
    recordOf(user, 1)[ALLOCATION.userMappings] = 1;
    recordOf(user, 1)[ALLOCATION.status] = STATUS.freeing;
    expect(brokenInvariants(user.view())).toContain('allocation 1 is freeing but mapped into user space');
  });

  it.each(['shared', 'unknown'] as const)(
    'find a page that is %s in an entry whose others are not',
    (fact) => {
      const columns = new Columns(smallMachine('cca-bbml3'), SMALL_MAP);
      columns.fold(batchOf([{ type: 'pages-claimed', pfn: pfn(128), pages: 64, migratetype: 'Unmovable' }]));
      expect(brokenInvariants(columns.view())).toEqual([]);
      columns.blocks.words[word(fact, 130)] |= 1 << (130 % 32);
      expect(brokenInvariants(columns.view())).toContain(
        'page 130 differs from page 128, which the same entry maps',
      );
    },
  );

  it('find a page in two allocations', () => {
    const columns = simple();
    columns.fold(
      batchOf([
        {
          type: 'allocation-requested',
          allocation: allocationId(2),
          api: 'vmalloc',
          pages: 1,
          bytes: 1,
          owner: 0,
          request: 2,
        },
        { type: 'pages-allocated', allocation: allocationId(2), pfn: pfn(6), pages: 1 },
      ]),
    );
    columns.extents.words[2] = 5;
    expect(brokenInvariants(columns.view())).toContain('page 5 is in allocations 1 and 2');
  });
});

it('rows beyond a batch that was taken back are no part of it', () => {
  const rows = new EventRows(4);
  for (const event of EVENTS.slice(0, 3)) rows.appendObject(event);
  rows.length = 2;
  expect([...rows.seal(0)]).toEqual(EVENTS.slice(0, 2));
});

function columnsAfter(events: typeof EVENTS): Columns {
  const columns = new Columns(machine, SMALL_MAP);
  columns.fold(batchOf(events));
  return columns;
}

function publishedHash(events: typeof EVENTS): string {
  return columnsAfter(events).hash();
}
