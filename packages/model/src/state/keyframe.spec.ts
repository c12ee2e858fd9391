import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { PLATFORM_NAMES } from '../platforms/all.ts';
import { batchOf, historyOf, SMALL, SMALL_MAP, smallMachine, someChoices } from '../testing.ts';
import { allocationId } from '../units.ts';
import { Columns } from './columns.ts';
import { COUNTER_NAMES, type CounterName } from './counters.ts';
import { brokenInvariants } from './invariants.ts';
import { decodeState, encodeState } from './keyframe.ts';
import { ALLOCATION, EXTENT, EXTENT_WORDS, EXTENTS_PER_LEAF, EXTENTS_SHIFT, SLAB, STATUS } from './layout.ts';
import { writeExtent } from './records.ts';

const machine = smallMachine('snp', true);
const EVENTS = historyOf(machine, SMALL_MAP, someChoices(900));

const fresh = (of = machine) => new Columns(of, SMALL_MAP);

function folded(events: typeof EVENTS, of = machine): Columns {
  const columns = fresh(of);
  columns.fold(batchOf(events));
  return columns;
}

function decoded(bytes: Uint8Array, events: number, of = machine): Columns {
  const columns = fresh(of);
  decodeState(bytes, columns, events);
  return columns;
}

const histories = fc
  .record({
    platform: fc.constantFrom(...PLATFORM_NAMES),
    restore: fc.boolean(),
    choices: fc.array(fc.nat(2 ** 30), { maxLength: 200, size: 'max' }),
    cut: fc.nat(),
  })
  .map(({ platform, restore, choices, cut }) => {
    const of = smallMachine(platform, restore);
    const events = historyOf(of, SMALL_MAP, choices);
    return { of, events, cut: cut % (events.length + 1) };
  });

describe('a keyframe', () => {
  it('gives the state it was made of, and what comes behind leads to the same end from there', () => {
    fc.assert(
      fc.property(histories, ({ of, events, cut }) => {
        const before = folded(events.slice(0, cut), of);
        const after = decoded(encodeState(before), cut, of);
        expect(after.hash()).toBe(before.hash());
        expect(after.publishCounters()).toEqual(before.publishCounters());
        const rest = batchOf(events.slice(cut), cut);
        before.fold(rest);
        after.fold(rest);
        expect(after.hash()).toBe(before.hash());
        expect(brokenInvariants(after.view(), SMALL_MAP)).toEqual([]);
      }),
      { numRuns: randomRuns(60) },
    );
  });

  it('can stand behind every event of a history', () => {
    const events = EVENTS.slice(0, 300);
    const columns = fresh();
    const hashes = events.map((event) => {
      columns.fold(batchOf([event]));
      return columns.hash();
    });
    const before = fresh();
    for (let at = 0; at + 3 < events.length; at++) {
      before.fold(batchOf([events[at]]));
      const after = decoded(encodeState(before), at + 1);
      expect(after.hash()).toBe(hashes[at]);
      after.fold(batchOf(events.slice(at + 1, at + 4)));
      expect(after.hash()).toBe(hashes[at + 3]);
    }
    const types = new Set(events.map((event) => event.type));
    expect(types.size).toBeGreaterThan(20);
  });

  it('is the same bytes for the same state, also when the state comes from a keyframe', () => {
    const bytes = encodeState(folded(EVENTS));
    expect(encodeState(folded(EVENTS))).toEqual(bytes);
    expect(encodeState(decoded(bytes, EVENTS.length))).toEqual(bytes);
  });

  it('is read from a Buffer that is part of a larger one', () => {
    const columns = folded(EVENTS);
    const within = Buffer.concat([Buffer.from('abc'), encodeState(columns), Buffer.from('xyz')]);
    expect(decoded(within.subarray(3, -3), EVENTS.length).hash()).toBe(columns.hash());
  });

  it('tells of every allocation what has become of it', () => {
    const before = folded(EVENTS).view();
    const after = decoded(encodeState(folded(EVENTS)), EVENTS.length).view();
    const statuses = new Set<string>();
    for (let id = 1; id <= before.counter('lastAllocation') + 1; id++) {
      const { status } = before.allocation(allocationId(id));
      statuses.add(status);
      expect(after.allocation(allocationId(id)).status).toBe(status);
      expect(after.isRefused(allocationId(id))).toBe(before.isRefused(allocationId(id)));
    }
    expect([...statuses].sort()).toEqual(['failed', 'freed', 'live', 'unused']);
  });
});

describe('an object that left its slab empty', () => {
  const asked = { type: 'allocation-requested', api: 'kmalloc', pages: 1, bytes: 500, owner: 0 } as const;
  const [first, second] = [allocationId(1), allocationId(2)];
  const page = { pfn: 0 as never, pages: 1 };
  const freed = [
    { type: 'owner-registered', owner: 0, name: 'nic' },
    { type: 'pages-claimed', ...page, migratetype: 'Unmovable' },
    { type: 'pages-decrypted', ...page },
    { ...asked, allocation: first, request: 1 },
    { type: 'pages-allocated', allocation: first, ...page, request: 1 },
    { type: 'slab-created', allocation: first, ...page, unitBytes: 512, cache: 0, request: 1 },
    { type: 'object-allocated', allocation: first, slab: 1, unit: 0, bytes: 512, request: 1 },
    { type: 'free-requested', allocation: first, request: 2 },
    { type: 'object-freed', allocation: first, request: 2 },
    { ...asked, allocation: second, request: 3 },
    { type: 'object-allocated', allocation: second, slab: 1, unit: 0, bytes: 512, request: 3 },
    { type: 'free-requested', allocation: second, request: 4 },
    { type: 'object-freed', allocation: second, request: 4 },
  ] as const;
  const givenBack = [
    { type: 'slab-destroyed', allocation: second, slab: 1, request: 4 },
    { type: 'pages-freed', allocation: second, ...page, request: 4 },
  ] as const;

  /** The state after `freed`, written by a program whose logs had schema version 2. */
  const OF_VERSION_2 =
    'Y2AAAS0HBhQggMb/YA9lOKDxcQCYPC51DlBzUqB0ggN2dYQALntw2u+AXR4Xjcs8Qv4nDNgZGBiilfIyk5ViGaFCjFDMgEZjEwMBZjQ1IMyEBzOgsZHNYsBiFoo8EwMDB6V+RrMH5A4WJL98YYSIsyCpY8aiDwA=';

  it('can give the pages back later, with a keyframe between', () => {
    const columns = fresh();
    columns.fold(batchOf(freed));
    const after = decoded(encodeState(columns), freed.length);
    for (const event of givenBack) {
      columns.fold(batchOf([event]));
      after.fold(batchOf([event]));
      expect(after.hash()).toBe(columns.hash());
      expect(brokenInvariants(after.view(), SMALL_MAP)).toEqual([]);
    }
  });

  it('is found in a keyframe of schema version 2, which had its slab in other words', () => {
    const columns = fresh();
    columns.fold(batchOf(freed));
    const after = fresh();
    decodeState(inflateRawSync(Buffer.from(OF_VERSION_2, 'base64')), after, freed.length, 2);
    expect(encodeState(after)).toEqual(encodeState(columns));
    after.fold(batchOf(givenBack));
    columns.fold(batchOf(givenBack));
    expect(after.hash()).toBe(columns.hash());
  });

  it('is in the keyframe alone, however many did so before it, and only until the slab is gone', () => {
    const columns = fresh();
    columns.fold(batchOf(freed));
    const waiting = encodeState(columns).length;
    const view = decoded(encodeState(columns), freed.length).view();
    expect([first, second].map((id) => view.allocation(id).bytes)).toEqual([0, 500]);
    columns.fold(batchOf(givenBack));
    expect(encodeState(columns).length).toBeLessThan(waiting);
  });
});

it('has of each slab that is empty the allocation that left it last, and of no other slab', () => {
  let request = 0;
  const slab = (page: number) =>
    ({
      type: 'slab-created',
      allocation: allocationId(0),
      pfn: page as never,
      pages: 1,
      unitBytes: 512,
      cache: 0,
    }) as const;
  const taken = (id: number, slabNumber: number) => {
    const own = { allocation: allocationId(id), request: ++request } as const;
    return [
      { type: 'allocation-requested', ...own, api: 'kmalloc', pages: 1, bytes: 500, owner: 0 },
      { type: 'object-allocated', ...own, slab: slabNumber, unit: 0, bytes: 512 },
    ] as const;
  };
  const left = (id: number) => {
    const own = { allocation: allocationId(id), request: ++request } as const;
    return [
      { type: 'free-requested', ...own },
      { type: 'object-freed', ...own },
    ] as const;
  };
  const columns = fresh();
  columns.fold(
    batchOf([
      { type: 'owner-registered', owner: 0, name: 'nic' },
      { type: 'pages-claimed', pfn: 0 as never, pages: 4, migratetype: 'Unmovable' },
      { type: 'pages-decrypted', pfn: 0 as never, pages: 4 },
      ...[0, 1, 2].map(slab),
      // Slab 1 is left by 1 and then by 3, slab 2 by 2. Slab 3 is left by 4, and used again.
      ...taken(1, 1),
      ...left(1),
      ...taken(2, 2),
      ...left(2),
      ...taken(3, 1),
      ...left(3),
      ...taken(4, 3),
      ...left(4),
      ...taken(5, 3),
    ]),
  );
  const bytes = encodeState(columns);
  const after = decoded(bytes, columns.counters.events);
  const known = [1, 2, 3, 4, 5].map((id) => after.view().allocation(allocationId(id)).bytes);
  expect(known).toEqual([0, 500, 500, 0, 500]);
  expect(encodeState(after)).toEqual(bytes);
  for (const [id, slabNumber, page] of [
    [3, 1, 0],
    [2, 2, 1],
  ]) {
    const own = { allocation: allocationId(id), request: columns.counters.requests } as const;
    for (const each of [columns, after]) {
      each.fold(
        batchOf([
          { type: 'slab-destroyed', ...own, slab: slabNumber },
          { type: 'pages-freed', ...own, pfn: page as never, pages: 1 },
        ]),
      );
    }
    expect(after.hash()).toBe(columns.hash());
  }
});

describe('a keyframe that was made by hand', () => {
  const BYTES = encodeState(folded(EVENTS));
  const NAMES_AT = 4 + COUNTER_NAMES.length * 8;
  const TABLES_AT = NAMES_AT + 4 + new DataView(BYTES.buffer).getUint32(NAMES_AT, true);

  /** An InputError, or a state that the events behind it fold into or not; and not for ever. */
  function expectHarmless(bytes: Uint8Array): void {
    const columns = fresh();
    try {
      decodeState(bytes, columns, EVENTS.length);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return;
    }
    expect(columns.hash()).toMatch(/^[0-9a-f]{64}$/);
    const { lastAllocation } = columns.counters;
    for (const event of EVENTS.slice(-20)) {
      try {
        columns.fold(batchOf([{ ...event, time: columns.counters.time }]));
        for (let id = 1; id <= lastAllocation; id += 7) columns.view().allocation(allocationId(id));
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }
  }

  const withWord = (at: number, value: number): Uint8Array => {
    const copy = BYTES.slice();
    new DataView(copy.buffer).setUint32(at, value, true);
    return copy;
  };
  const withCounter = (name: CounterName, value: number): Uint8Array => {
    const copy = BYTES.slice();
    new DataView(copy.buffer).setFloat64(4 + COUNTER_NAMES.indexOf(name) * 8, value, true);
    return copy;
  };

  it.each<[CounterName, number]>([
    ['lastAllocation', 4e9],
    ['lastAllocation', -1],
    ['extents', 2 ** 32],
    ['slabs', 1e300],
    ['owners', 65536],
    ['requests', Number.NaN],
    ['time', 0.5],
    ['livePages', Number.POSITIVE_INFINITY],
    ['events', EVENTS.length + 1],
  ])('is refused with %s %d', (name, value) => {
    expect(() => decoded(withCounter(name, value), EVENTS.length)).toThrow(InputError);
    expect(() => decoded(withCounter(name, value), EVENTS.length)).toThrow('invalid keyframe: its');
  });

  it('takes no memory for what it only says was there', () => {
    const bytes = encodeState(fresh());
    const events = 2 ** 32 - 1;
    const view = new DataView(bytes.buffer);
    for (const name of ['events', 'lastAllocation', 'extents', 'slabs'] as const) {
      view.setFloat64(4 + COUNTER_NAMES.indexOf(name) * 8, events, true);
    }
    const columns = decoded(bytes, events);
    expect(columns.counters.lastAllocation).toBe(events);
    const leaves = [columns.allocations, columns.extents, columns.slabs].map((table) => table.leaves);
    expect(leaves).toEqual([0, 0, 0]);
  });

  it.each([
    ['a table of more records than there are bytes', TABLES_AT, 2 ** 32 - 1, 'it is too short'],
    ['a record that is beyond its table', TABLES_AT + 4, 12, 'a table has record 12; there are 12'],
    ['a record twice', TABLES_AT + 8, 0, 'a table has a record twice'],
    ['names that do not end', NAMES_AT, 2 ** 32 - 1, 'it is too short'],
    ['names that are none', NAMES_AT + 4, 0, 'its owners are not a list of names'],
    ['too few counters', 0, 46, `it has 46 counters; expected 47 to ${COUNTER_NAMES.length}`],
    ['more counters', 0, 1000, `it has 1000 counters; expected 47 to ${COUNTER_NAMES.length}`],
  ])('is refused with %s', (_, at, value, message) => {
    expect(() => decoded(withWord(at, value), EVENTS.length)).toThrow(InputError);
    expect(() => decoded(withWord(at, value), EVENTS.length)).toThrow(message);
  });

  it('is refused when an extent, a slab or an object goes beyond what is there', () => {
    const forged = (change: (columns: Columns) => void) => {
      const columns = folded(EVENTS);
      change(columns);
      return () => decoded(encodeState(columns), EVENTS.length);
    };
    const live = liveRecord(folded(EVENTS));
    expect(
      forged(({ extents, counters }) => {
        const last = counters.extents - 1;
        extents.write(last >>> EXTENTS_SHIFT);
        const at = extents.base + (last & (EXTENTS_PER_LEAF - 1)) * EXTENT_WORDS;
        extents.words[at + EXTENT.pfn] = SMALL.spanPages;
        extents.words[at + EXTENT.pages] = 1;
      }),
    ).toThrow(/its extent \d+ ends beyond the memory/);
    expect(
      forged(({ slabs, counters }) => {
        slabs.write(counters.slabs);
        slabs.words[slabs.base] = 1;
        slabs.words[slabs.base + 2] = 2 ** 32 - 1;
      }),
    ).toThrow(/its slab \d+ ends beyond the memory/);
    for (const [word, value] of [
      [ALLOCATION.status, 77],
      [ALLOCATION.owner, 60_000],
      [ALLOCATION.firstExtent, 2 ** 32 - 1],
      [ALLOCATION.extents, 2 ** 31],
      [ALLOCATION.slab, 2 ** 31],
      [ALLOCATION.units, 2 ** 32 - 1],
    ]) {
      expect(
        forged(({ allocations }) => {
          allocations.write(live);
          allocations.words[allocations.base + word] = value;
        }),
        `word ${word}`,
      ).toThrow(`its allocation ${live} has an invalid status or refers to a missing record`);
    }
  });

  it('may refer to the last extent, slab, owner and unit that there can be, and to none behind', () => {
    const { counters } = folded(EVENTS);
    const live = liveRecord(folded(EVENTS));
    const decodedWith = (change: (columns: Columns) => void) => {
      const columns = folded(EVENTS);
      change(columns);
      const bytes = encodeState(columns);
      return () => decoded(bytes, EVENTS.length);
    };
    const own = folded(EVENTS);
    own.allocations.read(live);
    const held = own.allocations.words[own.allocations.base + ALLOCATION.extents];
    const ends: readonly (readonly [word: number, last: number, behind: number])[] = [
      [ALLOCATION.status, STATUS.reclaiming, STATUS.reclaiming + 1],
      [ALLOCATION.owner, counters.owners - 1, counters.owners],
      [ALLOCATION.firstExtent, counters.extents - held, counters.extents - held + 1],
      [ALLOCATION.slab, counters.slabs, counters.slabs + 1],
      [ALLOCATION.units, 511 + (1 << 16), 512 + (1 << 16)],
      [ALLOCATION.units, 512 << 16, (512 << 16) + 1],
    ];
    for (const [word, last, behind] of ends) {
      const withWord = (value: number) =>
        decodedWith(({ allocations }) => {
          allocations.write(live);
          allocations.words[allocations.base + word] = value;
        });
      expect(withWord(last), `word ${word}`).not.toThrow();
      expect(withWord(behind), `word ${word}`).toThrow('has an invalid status or refers to a missing record');
    }
    const slabEnds: readonly (readonly [word: number, last: number, behind: number])[] = [
      [SLAB.pfn, SMALL.spanPages - 1, SMALL.spanPages],
      [SLAB.cache, counters.owners - 1, counters.owners],
      [SLAB.units, 512, 513],
    ];
    for (const [word, last, behind] of slabEnds) {
      const withWord = (value: number) =>
        decodedWith(({ slabs }) => {
          slabs.write(1);
          for (const each of [SLAB.status, SLAB.pages]) slabs.words[slabs.base + each] = 1;
          slabs.words[slabs.base + word] = value;
        });
      expect(withWord(last), `word ${word}`).not.toThrow();
      expect(withWord(behind), `word ${word}`).toThrow(
        'ends beyond the memory or has an invalid cache or size',
      );
    }
    const withExtent = (pages: number) =>
      decodedWith((columns) => writeExtent(columns, counters.extents - 1, SMALL.spanPages - 3, pages));
    expect(withExtent(3)).not.toThrow();
    expect(withExtent(4)).toThrow('ends beyond the memory');
  });

  it.each(['requests', 'owners', 'lastAllocation', 'extents', 'slabs', 'liveAllocations'] as const)(
    'counts no more %s than events, and not less than none',
    (name) => {
      const withValue = (value: number) => () => decoded(withCounter(name, value), EVENTS.length);
      const message = `its counter ${name} is `;
      expect(withValue(EVENTS.length + 1)).toThrow(`${message}${EVENTS.length + 1}`);
      expect(withValue(-1)).toThrow(`${message}-1`);
      if (name === 'requests' || name === 'liveAllocations')
        for (const value of [0, EVENTS.length]) expect(withValue(value)).not.toThrow();
    },
  );

  it('holds the counters, the owners and the number of the records in little-endian words', () => {
    const columns = fresh();
    columns.fold(batchOf([{ type: 'owner-registered', owner: 0, name: 'nic' }]));
    const bytes = encodeState(columns);
    const view = new DataView(bytes.buffer);
    expect(view.getUint32(0, true)).toBe(COUNTER_NAMES.length);
    const at = (name: CounterName) => view.getFloat64(4 + COUNTER_NAMES.indexOf(name) * 8, true);
    expect([at('events'), at('owners'), at('mapped1GPages')]).toEqual([1, 1, 128]);
    const names = 4 + COUNTER_NAMES.length * 8;
    expect(view.getUint32(names, true)).toBe(7);
    expect(new TextDecoder().decode(bytes.subarray(names + 4, names + 11))).toBe('["nic"]');
    const words = new Uint32Array(bytes.slice(names + 11).buffer);
    // No block was written to. Three regions: their numbers as steps, then word by word their four levels, and whether one entry maps all.
    expect([...words]).toEqual([
      ...[0],
      ...[3, 0, 1, 1],
      ...[1, 2, 2],
      ...[2, 2, 2],
      ...[2, 2, 0],
      ...[2, 2, 0],
      ...[0, 1, 0],
      // No allocations, extents, slabs, refused ids, nor allocations that left a slab empty.
      ...[0, 0, 0, 0, 0],
    ]);
  });

  it('is refused when it was cut off anywhere, and when something follows', () => {
    for (let length = 0; length < BYTES.length; length += 1 + (length % 7)) {
      expect(() => decoded(BYTES.slice(0, length), EVENTS.length)).toThrow(InputError);
    }
    const longer = new Uint8Array(BYTES.length + 3);
    longer.set(BYTES);
    expect(() => decoded(longer, EVENTS.length)).toThrow('3 bytes are left over');
  });

  it('is refused or a state, whatever is in it', () => {
    const anywhere = fc.nat(BYTES.length - 1);
    fc.assert(
      fc.property(anywhere, fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const copy = BYTES.slice();
        copy[at] ^= flip;
        expectHarmless(copy);
      }),
      { numRuns: randomRuns(500) },
    );
    const words = fc.integer({ min: 0, max: Math.floor((BYTES.length - TABLES_AT) / 4) - 1 });
    const values = fc.oneof(fc.nat(600), fc.constantFrom(2 ** 31, 2 ** 32 - 1), fc.nat(2 ** 32 - 1));
    fc.assert(
      fc.property(fc.array(fc.tuple(words, values), { minLength: 1, maxLength: 3 }), (changes) => {
        const copy = BYTES.slice();
        const view = new DataView(copy.buffer);
        for (const [word, value] of changes) view.setUint32(TABLES_AT + word * 4, value, true);
        expectHarmless(copy);
      }),
      { numRuns: randomRuns(1000) },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => expectHarmless(bytes)),
      { numRuns: randomRuns(200) },
    );
  });
});

function liveRecord(columns: Columns): number {
  const view = columns.view();
  for (let id = view.counter('lastAllocation'); id > 0; id--) if (view.isLive(allocationId(id))) return id;
  throw new Error('nothing is live at the end of this history');
}
