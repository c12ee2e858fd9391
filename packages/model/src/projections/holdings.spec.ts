import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PoolEvent } from '../events/schema.ts';
import { blockCount, overlapPages } from '../geometry.ts';
import { Columns } from '../state/columns.ts';
import { batchOf, historyOf, SMALL, SMALL_MAP, smallMachine, type Told } from '../testing.ts';
import { allocationId, nanoseconds, pfn } from '../units.ts';
import { type BlockHolder, type Holding, holdings, holdingsOf, type Pin, Pins } from './holdings.ts';
import { Owners } from './owners.ts';

/** The pages that slabs, and allocations without one, have in a block, by owner. */
function pagesIn(block: number, held: readonly Holding[]): Map<string, number> {
  const byOwner = new Map<string, number>();
  const from = block * SMALL.pagesPerBlock;
  for (const { kind, owner, pfn, pages } of held) {
    const inside = overlapPages(pfn, pages, from, from + SMALL.pagesPerBlock);
    if (kind !== 'object' && inside > 0) byOwner.set(owner, (byOwner.get(owner) ?? 0) + inside);
  }
  return byOwner;
}

/** All that holds pages, as one list that every event looks through. */
class PinList {
  pins: Pin[] = [];
  readonly ended: [Pin, number][] = [];
  readonly #owners = new Map<number, number>();
  readonly #slabs: Pin[] = [];

  observe(event: PoolEvent): void {
    const { seq: fromEvent, time: fromNs } = event;
    const add = (pin: Omit<Pin, 'fromEvent' | 'fromNs'>): Pin => {
      this.pins.push({ ...pin, fromEvent, fromNs });
      return this.pins[this.pins.length - 1];
    };
    const remove = (isWanted: (pin: Pin) => boolean): Pin | undefined => {
      const found = this.pins.find(isWanted);
      this.pins = this.pins.filter((pin) => pin !== found);
      return found;
    };
    const end = (isWanted: (pin: Pin) => boolean): void => {
      const pin = remove(isWanted);
      if (pin !== undefined) this.ended.push([pin, event.seq]);
    };
    if (event.type === 'allocation-requested') this.#owners.set(event.allocation, event.owner);
    if (event.type === 'pages-allocated') {
      const { allocation, pfn, pages } = event;
      add({ kind: 'pages', allocation, owner: this.#owners.get(allocation) ?? 0, pfn, pages });
    }
    if (event.type === 'pages-freed') end((pin) => pin.kind === 'pages' && pin.pfn === event.pfn);
    if (event.type === 'slab-created') {
      const { allocation, pfn, pages, cache: owner } = event;
      remove((pin) => pin.kind === 'pages' && pin.pfn === pfn);
      this.#slabs.push(add({ kind: 'slab', allocation, owner, pfn, pages }));
    }
    if (event.type === 'slab-destroyed') end((pin) => pin === this.#slabs[event.slab - 1]);
    if (event.type === 'object-allocated') {
      const { pfn, pages } = this.#slabs[event.slab - 1];
      const { allocation } = event;
      add({ kind: 'object', allocation, owner: this.#owners.get(allocation) ?? 0, pfn, pages });
    }
    if (event.type === 'object-freed')
      end((pin) => pin.kind === 'object' && pin.allocation === event.allocation);
  }

  in(from: number, to: number): Pin[] {
    return this.pins.filter((pin) => pin.pfn < to && pin.pfn + pin.pages > from);
  }

  of(block: number): BlockHolder[] {
    const from = block * SMALL.pagesPerBlock;
    const here = this.pins
      .filter(({ kind }) => kind !== 'object')
      .map((pin) => ({
        ...pin,
        inside: overlapPages(pin.pfn, pin.pages, from, from + SMALL.pagesPerBlock),
      }))
      .filter(({ inside }) => inside > 0);
    const owners = [...new Set(here.map(({ owner }) => owner))];
    const holders = owners.map((owner) => {
      const own = here.filter((pin) => pin.owner === owner);
      const pages = own.reduce((sum, { inside }) => sum + inside, 0);
      return { owner, pages, since: Math.min(...own.map(({ fromNs }) => fromNs)) };
    });
    return holders.sort((a, b) => b.pages - a.pages || a.owner - b.owner);
  }
}

/** Pins in no order. */
const sorted = (pins: readonly Pin[]): Pin[] => pins.toSorted((a, b) => a.fromEvent - b.fromEvent);

const choices = (maxLength: number) =>
  fc.array(fc.nat({ max: 0x3fffffff }), { minLength: 100, maxLength, size: 'max' });

describe('what holds pages', () => {
  it('is the same in the state as in the events that led to it', () => {
    let objects = 0;
    fc.assert(
      fc.property(choices(250), (choices) => {
        const machine = smallMachine('snp');
        const events = historyOf(machine, SMALL_MAP, choices);
        const columns = new Columns(machine, SMALL_MAP);
        const owners = new Owners();
        const pins = new Pins(SMALL.pagesPerBlock, owners);
        const batch = batchOf(events);
        columns.fold(batch);
        // An allocation that frees an empty slab holds its pages for the moment, and pins nothing.
        const emptied = new Set<number>();
        for (let row = 0; row < batch.length; row++) {
          owners.observe(batch, row);
          pins.observe(batch, row);
          const event = events[row];
          if (event.type === 'slab-destroyed') emptied.add(event.allocation);
        }
        const held = [...holdings(columns.view())].filter(
          ({ kind, allocation }) => kind !== 'pages' || !emptied.has(allocation),
        );
        for (let block = 0; block < blockCount(SMALL); block++) {
          const found = pins.of(block).map(({ owner, pages }) => [owners.names[owner], pages] as const);
          expect(new Map(found)).toEqual(pagesIn(block, held));
        }
        const objectsOf = (all: readonly { kind: string; allocation: number }[]) =>
          all.flatMap(({ kind, allocation }) => (kind === 'object' ? [allocation] : [])).sort();
        const found = objectsOf(pins.in(0, SMALL.spanPages));
        expect(found).toEqual(objectsOf(held));
        objects += found.length;
      }),
      { numRuns: randomRuns(30) },
    );
    expect(objects).toBeGreaterThan(0);
  });

  it('is as in a list that every event looks through: by range, by block, and when it ends', () => {
    fc.assert(
      fc.property(choices(250), fc.nat(SMALL.spanPages), (choices, cut) => {
        const list = new PinList();
        const ended: [Pin, number][] = [];
        const owners = new Owners();
        const pins = new Pins(SMALL.pagesPerBlock, owners, (pin, batch, row) =>
          ended.push([pin, batch.firstSeq + row]),
        );
        const events = historyOf(smallMachine('none'), SMALL_MAP, choices);
        const batch = batchOf(events.slice(2), 2);
        for (let row = 0; row < batch.length; row++) {
          owners.observe(batch, row);
          if (pins.sees[batch.typeAt(row)]) pins.observe(batch, row);
          list.observe(events[2 + row]);
          if (row % 50 !== 0 && row !== batch.length - 1) continue;
          for (const [from, to] of [
            [0, cut],
            [cut, SMALL.spanPages],
            [cut, cut + 1],
          ]) {
            expect(sorted(pins.in(from, to))).toEqual(sorted(list.in(from, to)));
          }
          for (let block = 0; block < blockCount(SMALL); block++)
            expect(pins.of(block)).toEqual(list.of(block));
        }
        expect(ended).toEqual(list.ended);
      }),
      { numRuns: randomRuns(20) },
    );
  });

  it('is known of thousands of extents at a time', () => {
    const owners = new Owners();
    const pins = new Pins(512, owners);
    const extents = Array.from(
      { length: 3000 },
      (_, index): Told => ({
        ...{ type: 'pages-allocated', allocation: allocationId(index + 1) },
        ...{ pfn: pfn(2 * index), pages: 1, time: nanoseconds(index) },
      }),
    );
    const batch = batchOf(extents);
    for (let row = 0; row < batch.length; row++) pins.observe(batch, row);
    const found = sorted(pins.in(0, 6000));
    expect(found.map((pin) => [pin.allocation, pin.pfn, pin.fromEvent, pin.fromNs])).toEqual(
      extents.map((_, index) => [index + 1, 2 * index, index, index]),
    );
  });
});

describe('a holding in the state', () => {
  /** Pages 4 to 19 are the pool's and shared; there are the caches 1 and 2 beside the owner 0. */
  const heldAfter = (...events: readonly Told[]) => {
    const columns = new Columns(smallMachine('snp'), SMALL_MAP);
    const shared = { pfn: pfn(4), pages: 16 } as const;
    columns.fold(
      batchOf([
        { type: 'owner-registered', owner: 0, name: 'nvme' },
        { type: 'owner-registered', owner: 1, name: 'kmalloc-3k' },
        { type: 'pages-claimed', ...shared, migratetype: 'Unmovable' },
        { type: 'pages-decrypted', ...shared },
        ...events,
      ]),
    );
    return columns.view();
  };
  const asked = (id: number, pages: number, bytes: number): Told => ({
    ...{ type: 'allocation-requested', allocation: allocationId(id), api: 'vmalloc' },
    ...{ pages, bytes, owner: 0, request: id },
  });
  const got = (id: number, at: number, pages: number): Told => ({
    ...{ type: 'pages-allocated', allocation: allocationId(id) },
    ...{ pfn: pfn(at), pages, request: id },
  });
  const slab = (id: number, at: number, pages: number, unitBytes: number): Told => ({
    ...{ type: 'slab-created', allocation: allocationId(id), pfn: pfn(at) },
    ...{ pages, unitBytes, cache: 1, request: id },
  });
  const object = (id: number, unit: number, bytes: number): Told => ({
    ...{ type: 'object-allocated', allocation: allocationId(id) },
    ...{ slab: 1, unit, bytes, request: id },
  });

  it('is each extent of an allocation; the first stands for the bytes that were asked for', () => {
    const view = heldAfter(asked(1, 3, 9000), got(1, 4, 2), got(1, 9, 1), asked(2, 1, 1));
    const pages = { kind: 'pages', allocation: 1, owner: 'nvme', slab: 0 };
    expect([...holdings(view)]).toEqual([
      { ...pages, pfn: 4, pages: 2, bytes: 8192, askedBytes: 9000 },
      { ...pages, pfn: 9, pages: 1, bytes: 4096, askedBytes: 0 },
    ]);
    expect([...holdingsOf(view, 1)]).toEqual([...holdings(view)]);
    expect([...holdingsOf(view, 2)]).toEqual([]);
  });

  it('is an object in the pages that its units lie in, and its slab', () => {
    const [asked1, got1] = [asked(1, 1, 3000), got(1, 8, 3)];
    const of = (unit: number) => [
      ...holdings(heldAfter(asked1, got1, slab(1, 8, 3, 3072), object(1, unit, 3072))),
    ];
    const whole = { kind: 'slab', allocation: 0, owner: 'kmalloc-3k', slab: 1, pfn: 8, pages: 3 };
    const unit = { kind: 'object', allocation: 1, owner: 'nvme', slab: 1, bytes: 3072, askedBytes: 3000 };
    // Bytes 0 to 3071, 3072 to 6143, and 9216 to 12287 of three pages.
    expect(of(0)).toEqual([
      { ...unit, pfn: 8, pages: 1 },
      { ...whole, bytes: 12288, askedBytes: 0 },
    ]);
    expect(of(1)[0]).toEqual({ ...unit, pfn: 8, pages: 2 });
    expect(of(3)[0]).toEqual({ ...unit, pfn: 10, pages: 1 });
  });

  it('is no more once all is freed', () => {
    const view = heldAfter(
      ...[asked(1, 1, 1), got(1, 4, 1), asked(2, 1, 1), got(2, 5, 1), slab(2, 5, 1, 512), object(2, 0, 512)],
      { type: 'free-requested', allocation: allocationId(1), request: 3 },
      { type: 'pages-freed', allocation: allocationId(1), pfn: pfn(4), pages: 1, request: 3 },
      { type: 'free-requested', allocation: allocationId(2), request: 4 },
      { type: 'object-freed', allocation: allocationId(2), request: 4 },
    );
    expect([...holdings(view)].map(({ kind }) => kind)).toEqual(['slab']);
    const emptied = heldAfter(
      ...[asked(1, 1, 1), got(1, 5, 1), slab(1, 5, 1, 512), object(1, 0, 512)],
      { type: 'free-requested', allocation: allocationId(1), request: 2 },
      { type: 'object-freed', allocation: allocationId(1), request: 2 },
      { type: 'slab-destroyed', allocation: allocationId(1), slab: 1, request: 2 },
    );
    expect([...holdings(emptied)]).toMatchObject([{ kind: 'pages', allocation: 1, pfn: 5, pages: 1 }]);
  });
});
