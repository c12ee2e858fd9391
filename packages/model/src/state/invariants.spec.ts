import { describe, expect, it } from 'vitest';
import { batchOf, SMALL, SMALL_MAP, smallMachine, type Told } from '../testing.ts';
import { allocationId, pfn } from '../units.ts';
import { Columns } from './columns.ts';
import type { Counters } from './counters.ts';
import { brokenInvariants } from './invariants.ts';
import { ALLOCATION, AREA_MAPPED, BITMAP, blockLayout, SLAB, STATUS } from './layout.ts';
import { type BitmapName, fillBits } from './ranges.ts';
import { editRecord, writeExtent } from './records.ts';

/*
 * Each spec damages one thing of a sound state, corrects all counts that follow from it, and names every rule that is broken then.
 */

const asked = (id: number, pages: number, more: Partial<Told> = {}): Told =>
  ({
    type: 'allocation-requested',
    allocation: allocationId(id),
    api: 'vmalloc',
    pages,
    bytes: 1,
    owner: 0,
    request: id,
    ...more,
  }) as Told;
const allocated = (id: number, at: number, pages: number): Told => ({
  type: 'pages-allocated',
  allocation: allocationId(id),
  pfn: pfn(at),
  pages,
});

/** Pages 4 to 15 are claimed and shared; allocation 1 has 4 and 5, allocation 2 has 8 to 11. */
const EVENTS: readonly Told[] = [
  { type: 'owner-registered', owner: 0, name: 'nic' },
  { type: 'pages-claimed', pfn: pfn(4), pages: 12, migratetype: 'Unmovable' },
  { type: 'pages-decrypted', pfn: pfn(4), pages: 12 },
  asked(1, 2),
  allocated(1, 4, 2),
  asked(2, 4),
  allocated(2, 8, 4),
];
/** Two objects of two units each in slab 1, on page 14. */
const OBJECTS: readonly Told[] = [
  {
    type: 'slab-created',
    allocation: allocationId(0),
    pfn: pfn(14),
    pages: 1,
    unitBytes: 512,
    cache: 0,
  },
  asked(3, 1, { api: 'kmalloc' } as Partial<Told>),
  { type: 'object-allocated', allocation: allocationId(3), slab: 1, unit: 1, bytes: 1024 },
  asked(4, 1, { api: 'kmalloc' } as Partial<Told>),
  { type: 'object-allocated', allocation: allocationId(4), slab: 1, unit: 3, bytes: 1024 },
];

function sound(events = EVENTS, machine = smallMachine('snp', true)): Columns {
  const columns = new Columns(machine, SMALL_MAP);
  columns.fold(batchOf(events));
  expect(brokenInvariants(columns.view(), SMALL_MAP)).toEqual([]);
  return columns;
}

/** Sets or clears a bit of a page, and counts it in its block. */
function put(columns: Columns, fact: BitmapName, page: number, set = true): void {
  const block = Math.floor(page / SMALL.pagesPerBlock);
  const at = page % SMALL.pagesPerBlock;
  columns.blocks.write(block);
  fillBits(columns.blocks, blockLayout(SMALL), BITMAP[fact], at, at + 1, set);
}

function count(columns: Columns, more: Partial<Counters>): void {
  for (const [name, difference] of Object.entries(more))
    columns.counters[name as keyof Counters] += difference;
}

function setWord(columns: Columns, id: number, field: keyof typeof ALLOCATION, value: number): void {
  const base = editRecord(columns, id);
  columns.allocations.words[base + ALLOCATION[field]] = value;
}

const brokenAfter = (damage: (columns: Columns) => void, columns = sound()): string[] => {
  damage(columns);
  return brokenInvariants(columns.view(), SMALL_MAP);
};

describe('a page', () => {
  it.each([
    ['shared', { sharedPages: 1, borders: 1 }],
    ['unknown', { unknownPages: 1, borders: 1 }],
  ] as const)('that is %s is claimed', (fact, more) => {
    expect(
      brokenAfter((columns) => {
        put(columns, fact, 20);
        count(columns, more);
      }),
    ).toEqual(['page 20 is in use but not claimed']);
  });

  it('that is leaked is claimed, and in an unknown state', () => {
    expect(
      brokenAfter((columns) => {
        put(columns, 'leaked', 20);
        count(columns, { leakedPages: 1 });
      }),
    ).toEqual(['page 20 is in use but not claimed', 'page 20 is leaked but not unknown']);
  });

  it('that is allocated is claimed, and shared if memory is confidential', () => {
    const damage = (columns: Columns) => put(columns, 'allocated', 20);
    const sum = '7 pages are allocated, allocations hold 6 and slabs 0';
    expect(brokenAfter(damage)).toEqual([
      'page 20 is in use but not claimed',
      'page 20 is allocated but private',
      sum,
    ]);
    const events = EVENTS.filter(({ type }) => type !== 'pages-decrypted');
    expect(brokenAfter(damage, sound(events, smallMachine('none')))).toEqual([
      'page 20 is in use but not claimed',
      sum,
    ]);
  });

  it('that is allocated is neither in an unknown state nor leaked', () => {
    const unknown = (columns: Columns) => {
      put(columns, 'shared', 5, false);
      put(columns, 'unknown', 5);
      count(columns, { sharedPages: -1, unknownPages: 1 });
    };
    const rule = 'page 5 is allocated though unknown or leaked';
    expect(brokenAfter(unknown)).toEqual([rule, 'page 5 is allocated but private']);
    expect(
      brokenAfter((columns) => {
        put(columns, 'leaked', 5);
        count(columns, { leakedPages: 1 });
      }),
    ).toEqual(['page 5 is leaked but not unknown', rule]);
  });

  it('is not both shared and unknown', () => {
    expect(
      brokenAfter((columns) => {
        put(columns, 'unknown', 13);
        count(columns, { unknownPages: 1 });
      }),
    ).toEqual(['page 13 is both shared and unknown']);
  });
});

describe('a block', () => {
  it.each(Object.keys(BITMAP) as BitmapName[])('counts its %s pages', (fact) => {
    const counted = { claimed: 12, shared: 12, unknown: 0, allocated: 6, leaked: 0 }[fact];
    const broken = brokenAfter((columns) => {
      columns.blocks.write(0);
      columns.blocks.words[columns.blocks.base + blockLayout(SMALL).counts + BITMAP[fact]]++;
    });
    expect(broken).toContain(`block 0 counts ${counted + 1} ${fact} pages, a recount gives ${counted}`);
    expect(broken.length).toBe(fact === 'allocated' ? 2 : 1);
  });

  it.each(Object.keys(BITMAP) as BitmapName[])('that counts no page has none that is %s', (fact) => {
    expect(
      brokenAfter((columns) => {
        columns.blocks.write(9);
        columns.blocks.words[columns.blocks.base + BITMAP[fact]] = 1 << 7;
      }),
    ).toEqual([`block 9 counts no ${fact} page but has one`]);
  });

  it('in which some pages are shared is not mapped by one 2M entry', () => {
    const mixed = (page: number, fact: BitmapName) =>
      brokenAfter((columns) => {
        put(columns, 'claimed', page);
        put(columns, fact, page);
        count(columns, { claimedPages: 1, borders: 1, sharedBlocks: 1, mixedBlocks: 1 });
        count(columns, fact === 'shared' ? { sharedPages: 1 } : { unknownPages: 1 });
      });
    expect(mixed(70, 'shared')).toEqual(['block 2 is mixed but mapped by a large page']);
    expect(mixed(70, 'unknown')).toEqual(['block 2 is mixed but mapped by a large page']);
    // A 1G entry: none of its other pages is like that.
    expect(mixed(140, 'shared')).toEqual(['page 128 is not shared inside a 1G page that is']);
    expect(mixed(140, 'unknown')).toEqual(['page 128 is not shared inside a 1G page that is']);
  });

  it('all of whose pages are shared may be mapped by one 2M entry, but not be part of a 1G entry whose others are not', () => {
    const whole = (block: number, facts: readonly BitmapName[]) =>
      brokenAfter((columns) => {
        for (let page = block * 32; page < (block + 1) * 32; page++)
          for (const fact of facts) put(columns, fact, page);
        count(columns, { claimedPages: 32, borders: 1, sharedBlocks: 1 });
        count(columns, facts.includes('shared') ? { sharedPages: 32 } : { unknownPages: 32 });
      });
    expect(whole(2, ['claimed', 'shared'])).toEqual([]);
    for (const fact of ['shared', 'unknown'] as const) {
      const region = brokenAfter((columns) => {
        for (let page = 128; page < 256; page++)
          for (const each of ['claimed', fact] as const) put(columns, each, page);
        count(columns, { claimedPages: 128, borders: 1, sharedBlocks: 4, [`${fact}Pages`]: 128 });
      });
      expect(region).toEqual([]);
    }
    expect(whole(5, ['claimed', 'shared'])).toEqual(['page 128 is not shared inside a 1G page that is']);
    expect(whole(4, ['claimed', 'unknown'])).toEqual(['page 160 is not unknown inside a 1G page that is']);
  });
});

describe('an allocation', () => {
  it('that is over is mapped nowhere, holds no pages and is no object', () => {
    for (const status of ['requested', 'freed', 'failed'] as const) {
      const broken = brokenAfter((columns) => {
        setWord(columns, 1, 'status', STATUS[status]);
        setWord(columns, 1, 'userMappings', 2);
        setWord(columns, 1, 'api', AREA_MAPPED);
        count(columns, { liveAllocations: -1, liveBytes: -1, userMappings: 2, vmAreaPages: 2 });
        if (status === 'freed') count(columns, { requests: 1, events: 1 });
        if (status === 'failed') count(columns, { failedRequests: 1, events: 1 });
      });
      expect(broken).toEqual([
        `allocation 1 is ${status} but mapped into user space`,
        `allocation 1 is ${status} but mapped in a vmalloc area`,
        `allocation 1 is ${status} but holds pages`,
      ]);
    }
  });

  it('that is being freed may be mapped in a vmalloc area and holds its pages, but is not mapped into user space', () => {
    const damage = (columns: Columns) => {
      setWord(columns, 1, 'status', STATUS.freeing);
      setWord(columns, 1, 'api', AREA_MAPPED);
      count(columns, { requests: 1, vmAreaPages: 2, events: 1 });
    };
    expect(brokenAfter(damage)).toEqual([]);
    expect(
      brokenAfter((columns) => {
        damage(columns);
        setWord(columns, 1, 'userMappings', 1);
        count(columns, { userMappings: 1 });
      }),
    ).toEqual(['allocation 1 is freeing but mapped into user space']);
  });

  it('that gives its slab back holds pages, and is neither live nor freed', () => {
    expect(
      brokenAfter((columns) => {
        setWord(columns, 1, 'status', STATUS.reclaiming);
        count(columns, { requests: 1, events: 1, liveAllocations: -1, liveBytes: -1 });
      }),
    ).toEqual([]);
  });

  it('has no more bytes than its pages', () => {
    const withBytes = (bytes: number) =>
      brokenAfter((columns) => {
        setWord(columns, 1, 'bytes', bytes);
        count(columns, { liveBytes: bytes - 1 });
      });
    expect(withBytes(8192)).toEqual([]);
    expect(withBytes(8193)).toEqual(['allocation 1 has 8193 bytes in 2 pages']);
  });

  it('holds pages that are allocated', () => {
    expect(
      brokenAfter((columns) => {
        put(columns, 'allocated', 10, false);
      }),
    ).toEqual([
      'page 10 of allocation 2 is not allocated',
      '5 pages are allocated, allocations hold 6 and slabs 0',
    ]);
  });

  it('shares no page with another, also if one lies inside of the other', () => {
    const twice = (at: number, pages: number) =>
      brokenAfter((columns) => {
        writeExtent(columns, 0, at, pages);
        setWord(columns, 1, 'nextPfn', at);
        setWord(columns, 1, 'nextPages', pages);
      }).filter((rule) => rule.startsWith('page'));
    expect(twice(9, 2)).toEqual(['page 9 is in allocations 2 and 1']);
    expect(twice(8, 4)).toEqual(['page 8 is in allocations 1 and 2']);
    expect(twice(11, 2)).toContain('page 11 is in allocations 2 and 1');
    expect(twice(4, 5)).toContain('page 8 is in allocations 1 and 2');
    expect(twice(6, 2)).toEqual(['page 6 of allocation 1 is not allocated']);
  });

  it('shares none with a third that lies behind one inside of it', () => {
    const third = [...EVENTS, asked(3, 1), allocated(3, 12, 1)];
    const columns = sound(third);
    // Allocation 2 has pages 4 to 12 now: 1 lies inside of it, and 3 behind that.
    writeExtent(columns, 1, 4, 9);
    setWord(columns, 2, 'nextPfn', 4);
    setWord(columns, 2, 'nextPages', 9);
    const rules = brokenInvariants(columns.view()).filter((rule) => rule.includes('is in allocations'));
    expect(rules).toEqual(['page 4 is in allocations 1 and 2', 'page 12 is in allocations 2 and 3']);
  });

  it('of user space was mapped by a request of its own', () => {
    expect(
      brokenAfter((columns) => {
        count(columns, { userMapRequests: 1, events: 1 });
      }),
    ).toEqual(['counter requests is 2, a recount gives 3']);
  });
});

describe('a slab', () => {
  const damaged = (damage: (columns: Columns) => void) => brokenAfter(damage, sound([...EVENTS, ...OBJECTS]));

  it('has no unit in two allocations', () => {
    expect(damaged((columns) => setWord(columns, 4, 'units', 2 | (2 << 16)))).toEqual([
      'unit 2 of slab 1 is in allocations 3 and 4',
    ]);
    expect(damaged((columns) => setWord(columns, 4, 'units', 5 | (2 << 16)))).toEqual([]);
  });

  it('counts the units of its objects', () => {
    expect(damaged((columns) => setWord(columns, 4, 'units', 3 | (3 << 16)))).toEqual([
      'slab 1 counts 4 used units, its objects take 5',
    ]);
  });

  it('that is not there has no object', () => {
    expect(damaged((columns) => setWord(columns, 4, 'slab', 2))).toEqual([
      'allocation 4 is an object in slab 2, which is not there',
      'slab 1 counts 4 used units, its objects take 2',
    ]);
  });

  it('lies on pages that are allocated', () => {
    expect(
      damaged((columns) => {
        columns.slabs.write(1);
        columns.slabs.words[columns.slabs.base + SLAB.pages] = 2;
        count(columns, { slabPages: 1 });
      }),
    ).toEqual([
      '7 pages are allocated, allocations hold 6 and slabs 2',
      'slab 1 has a page that is not allocated',
    ]);
  });

  it('without objects counts none', () => {
    expect(
      damaged((columns) => {
        for (const id of [3, 4]) {
          setWord(columns, id, 'status', STATUS.freed);
          setWord(columns, id, 'slab', 0);
        }
        count(columns, { liveAllocations: -2, liveBytes: -2, liveObjects: -2, requests: 2, events: 2 });
      }),
    ).toEqual(['slab 1 counts 4 used units, its objects take 0']);
  });
});

it('there are at least as many events as all that is counted one by one', () => {
  const names = [
    'refills',
    'compactions',
    'conversions',
    'failedConversions',
    'splits32M',
    'splits64K',
    'extents',
    'splits1G',
  ] as const;
  for (const name of names) {
    const columns = sound();
    const least =
      columns.counters.requests +
      columns.counters.owners +
      columns.counters.extents +
      columns.counters.conversions +
      columns.counters.splits2M;
    columns.counters.events = least;
    expect(brokenInvariants(columns.view(), SMALL_MAP)).toEqual([]);
    columns.counters[name]++;
    expect(brokenInvariants(columns.view(), SMALL_MAP)).toContain(
      `${least} events cannot make counts of ${least + 1}`,
    );
  }
});

it('pages mapped at 4K are what 2M and 1G entries leave of RAM: holes are no RAM', () => {
  const map = [...SMALL_MAP, [320, 64, 0] as const];
  const columns = sound();
  expect(brokenInvariants(columns.view(), map)).toEqual([]);
  expect(brokenInvariants(columns.view(), SMALL_MAP.slice(1))).toEqual([
    'counter mapped4KPages is 32, a recount gives 0',
  ]);
});
