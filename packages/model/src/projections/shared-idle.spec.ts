import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventBody } from '../events/schema.ts';
import { batchOf, EXAMPLE_EVENTS, type Told } from '../testing.ts';
import { allocationId, pfn } from '../units.ts';
import { AtomicChunks } from './atomic-chunks.ts';
import { SharedIdle } from './shared-idle.ts';

const PAGES = 48;
/** Bytes of half a page: a slot of the bounce buffers. */
const SLOT = 2048;

interface Slab {
  readonly number: number;
  readonly pfn: number;
  readonly pages: number;
  readonly isBounce: boolean;
  readonly isAtBoot: boolean;
}

interface Slots {
  readonly slab: Slab;
  readonly unit: number;
  readonly units: number;
}

/** A guest whose memory is told half page by half page: which the host sees, and who has it. */
class Guest {
  readonly exposed = new Set<number>();
  /** Pages in allocations, with the allocation. */
  readonly allocated = new Map<number, number>();
  readonly slabs: Slab[] = [];
  readonly taken = new Map<number, Slots>();
  /** Pages of the chunks of the atomic pools: whether they are there since boot. */
  readonly atomic = new Map<number, boolean>();
  readonly #tell: (body: EventBody, isAtBoot: boolean) => void;
  #isAtBoot = true;
  #lastId = 0;

  constructor(tell: (body: EventBody, isAtBoot: boolean) => void) {
    this.#tell = tell;
  }

  boot(hasPools: boolean): void {
    if (hasPools) {
      this.bounceSlab(0, 4);
      this.bounceSlab(4, 2);
      this.growAtomic(6, 4);
      this.growAtomic(10, 2);
    }
    this.#isAtBoot = false;
  }

  #happens(body: EventBody): void {
    this.#tell(body, this.#isAtBoot);
  }

  #expose(start: number, pages: number): void {
    for (let page = start; page < start + pages; page++) this.exposed.add(page);
  }

  #isFree(page: number): boolean {
    return (
      this.exposed.has(page) &&
      !this.allocated.has(page) &&
      !this.slabs.some((slab) => slab.isBounce && slab.pfn <= page && page < slab.pfn + slab.pages)
    );
  }

  /** As many pages of a kind as follow each other from a page on, up to `most`. */
  #run(from: number, most: number, isWanted: (page: number) => boolean): number {
    let pages = 0;
    while (pages < most && from + pages < PAGES && isWanted(from + pages)) pages++;
    return pages;
  }

  decrypt(from: number, most: number, fails: boolean): void {
    const pages = this.#run(from, most, (page) => !this.exposed.has(page));
    if (pages === 0) return;
    this.#expose(from, pages);
    const range = { pfn: pfn(from), pages };
    if (fails) this.#happens({ type: 'conversion-failed', ...range, direction: 'decrypt' });
    else this.#happens({ type: 'pages-decrypted', ...range });
  }

  encrypt(from: number, most: number, fails: boolean): void {
    const pages = this.#run(from, most, (page) => this.#isFree(page) && !this.atomic.has(page));
    if (pages === 0) return;
    const range = { pfn: pfn(from), pages };
    if (fails) {
      this.#happens({ type: 'conversion-failed', ...range, direction: 'encrypt' });
      return;
    }
    for (let page = from; page < from + pages; page++) this.exposed.delete(page);
    this.#happens({ type: 'pages-encrypted', ...range });
  }

  bounceSlab(from: number, most: number): void {
    const pages = this.#run(from, most, (page) => !this.exposed.has(page));
    if (pages === 0) return;
    this.#expose(from, pages);
    this.#happens({ type: 'pages-decrypted', pfn: pfn(from), pages });
    this.#makeSlab(0, from, pages);
  }

  #makeSlab(allocation: number, from: number, pages: number): void {
    const isBounce = allocation === 0;
    const number = this.slabs.length + 1;
    this.slabs.push({ number, pfn: from, pages, isBounce, isAtBoot: isBounce && this.#isAtBoot });
    const range = { pfn: pfn(from), pages, unitBytes: SLOT, cache: 0 };
    this.#happens({ type: 'slab-created', allocation: allocationId(allocation), ...range });
  }

  growAtomic(from: number, most: number): void {
    const pages = this.#run(from, most, (page) => !this.exposed.has(page));
    if (pages === 0) return;
    this.decrypt(from, pages, false);
    for (let page = from; page < from + pages; page++) this.atomic.set(page, this.#isAtBoot);
    this.#happens({ type: 'atomic-pool-grown', pfn: pfn(from), pages });
  }

  /** Pages for an allocation; every third makes a slab of them. */
  allocate(from: number, most: number): void {
    // No extent reaches beyond its chunk.
    const isAtomic = this.atomic.get(from);
    const pages = this.#run(from, most, (page) => this.#isFree(page) && this.atomic.get(page) === isAtomic);
    if (pages === 0) return;
    const id = ++this.#lastId;
    for (let page = from; page < from + pages; page++) this.allocated.set(page, id);
    this.#happens({ type: 'pages-allocated', allocation: allocationId(id), pfn: pfn(from), pages });
    if (id % 3 === 0) this.#makeSlab(id, from, pages);
  }

  free(choice: number): void {
    const start = [...this.allocated.keys()][choice % Math.max(1, this.allocated.size)];
    const id = this.allocated.get(start);
    if (start === undefined || id === undefined || id % 3 === 0) return;
    const held = [...this.allocated].filter(([, owner]) => owner === id).map(([page]) => page);
    for (const page of held) this.allocated.delete(page);
    const range = { pfn: pfn(Math.min(...held)), pages: held.length };
    this.#happens({ type: 'pages-freed', allocation: allocationId(id), ...range });
  }

  take(choice: number, units: number): void {
    const slab = this.slabs[choice % Math.max(1, this.slabs.length)];
    if (slab === undefined) return;
    const isUsed = (unit: number) =>
      [...this.taken.values()].some(
        (slots) => slots.slab === slab && slots.unit <= unit && unit < slots.unit + slots.units,
      );
    const all = Array.from({ length: 2 * slab.pages }, (_, unit) => unit);
    const unit = all.find((first) =>
      all.slice(first, first + units).every((at, index) => index < units && !isUsed(at)),
    );
    if (unit === undefined || unit + units > all.length) return;
    const id = ++this.#lastId;
    this.taken.set(id, { slab, unit, units });
    const object = { allocation: allocationId(id), slab: slab.number, unit, bytes: units * SLOT };
    this.#happens({ type: 'object-allocated', ...object });
  }

  giveBack(choice: number): void {
    const id = [...this.taken.keys()][choice % Math.max(1, this.taken.size)];
    if (!this.taken.delete(id)) return;
    this.#happens({ type: 'object-freed', allocation: allocationId(id) });
  }

  get #bounceTaken(): Slots[] {
    return [...this.taken.values()].filter(({ slab }) => slab.isBounce);
  }

  /** Half pages of the bounce buffers, each by twice its page, that are taken. */
  get slotsTaken(): Set<number> {
    return new Set(
      this.#bounceTaken.flatMap(({ slab, unit, units }) =>
        Array.from({ length: units }, (_, index) => 2 * slab.pfn + unit + index),
      ),
    );
  }

  /** Half pages of the boot pool. */
  get bootSlots(): Set<number> {
    const pools = this.slabs.filter(({ isAtBoot }) => isAtBoot);
    return new Set(
      pools.flatMap((slab) => Array.from({ length: 2 * slab.pages }, (_, index) => 2 * slab.pfn + index)),
    );
  }

  /** Half pages that the host sees, that nobody uses, and that are not in the boot pool. */
  get idle(): number {
    const [taken, atBoot] = [this.slotsTaken, this.bootSlots];
    let idle = 0;
    for (const page of this.exposed) {
      for (const half of [2 * page, 2 * page + 1]) {
        if (!this.allocated.has(page) && !taken.has(half) && !atBoot.has(half)) idle++;
      }
    }
    return idle;
  }

  get bootIdle(): number {
    const taken = this.slotsTaken;
    return [...this.bootSlots].filter((half) => !taken.has(half)).length;
  }

  get atomicIdle(): number {
    return [...this.atomic].filter(([page, isAtBoot]) => isAtBoot && !this.allocated.has(page)).length;
  }
}

type Action = readonly [what: number, where: number, size: number, passes: number];
const actions = fc.array(fc.tuple(fc.nat(9), fc.nat(PAGES - 1), fc.integer({ min: 1, max: 5 }), fc.nat(3)), {
  minLength: 20,
  maxLength: 120,
  size: 'max',
});

function act(guest: Guest, [what, where, size]: Action): void {
  if (what <= 1) guest.decrypt(where, size, size === 5);
  else if (what === 2) guest.encrypt(where, size, size === 5);
  else if (what <= 4) guest.allocate(where, size);
  else if (what === 5) guest.free(where);
  else if (what <= 7) guest.take(where, size);
  else if (what === 8) guest.giveBack(where);
  else if (size <= 2) guest.bounceSlab(where, size);
  else guest.growAtomic(where, size - 2);
}

/** Types of events that change what is shared or live. */
const CHANGING = ['pages-decrypted', 'pages-encrypted', 'pages-allocated', 'pages-freed'];

describe('shared idle memory', () => {
  it('is what the host sees and nobody uses, half page by half page: now, at most, and over time', () => {
    fc.assert(
      fc.property(fc.boolean(), actions, fc.integer({ min: 2, max: 9 }), (hasPools, chosen, takenEvery) => {
        const idle = new SharedIdle(12);
        let time = 0;
        let bodies: [EventBody, boolean][] = [];
        const guest = new Guest((body, isAtBoot) => bodies.push([body, isAtBoot]));
        const integral = { idle: 0n, boot: 0n, atomic: 0n };
        let [standing, peak, slots, usedPeak] = [0, 0, 0, 0];
        let recent: number[] = [];
        const endInstant = (ns: number) => {
          standing = guest.idle;
          peak = Math.max(peak, standing);
          recent.push(standing);
          integral.idle += BigInt(standing * ns);
          integral.boot += BigInt(guest.bootIdle * ns);
          integral.atomic += BigInt(2 * guest.atomicIdle * ns);
        };
        const check = () => {
          const allocated = guest.allocated.size;
          const taken = guest.slotsTaken.size;
          usedPeak = Math.max(usedPeak, taken);
          slots = 2 * guest.slabs.reduce((sum, slab) => sum + (slab.isBounce ? slab.pages : 0), 0);
          expect({
            idle: idle.idleBytes,
            live: idle.liveBytes,
            peak: idle.peakBytes,
            bounce: [idle.bounce.bytes, idle.bounce.usedBytes, idle.bounce.usedPeakBytes],
            unusedAtBoot: [idle.bounce.unusedAtBoot, idle.atomic.unusedAtBoot],
            atomic: idle.atomic.pages,
          }).toEqual({
            idle: guest.idle * SLOT,
            live: (2 * allocated + taken) * SLOT,
            peak: Math.max(peak, guest.idle) * SLOT,
            bounce: [slots * SLOT, taken * SLOT, usedPeak * SLOT],
            unusedAtBoot: [guest.bootIdle * SLOT, guest.atomicIdle],
            atomic: guest.atomic.size,
          });
          for (const [id, { slab }] of guest.taken) expect(idle.bounce.has(id)).toBe(slab.isBounce);
        };
        const tellAll = () => {
          for (const [body, isAtBoot] of bodies) {
            idle.observe(batchOf([{ ...body, time, request: isAtBoot ? 0 : 1 } as Told]), 0);
            const ofBounce =
              (body.type === 'object-allocated' && guest.slabs[body.slab - 1].isBounce) ||
              (body.type === 'slab-created' && body.allocation === 0 && isAtBoot) ||
              (body.type === 'atomic-pool-grown' && isAtBoot) ||
              (body.type === 'conversion-failed' && body.direction === 'decrypt');
            if (body.type !== 'object-freed')
              expect(idle.hasChanged, body.type).toBe(ofBounce || CHANGING.includes(body.type));
          }
          bodies = [];
          check();
        };
        guest.boot(hasPools);
        tellAll();
        for (const [index, action] of chosen.entries()) {
          if (action[3] > 0) {
            endInstant(action[3]);
            time += action[3];
          }
          act(guest, action);
          if (bodies.length === 0) idle.moveTo(time);
          tellAll();
          if (index % takenEvery !== 0) continue;
          expect(idle.takePeakBytes()).toBe(Math.max(...(recent.length === 0 ? [standing] : recent)) * SLOT);
          recent = [];
        }
        endInstant(7);
        idle.moveTo(time + 7);
        expect({
          idle: idle.idleTime.pageNs,
          boot: idle.bounceIdleTime.pageNs,
          atomic: idle.atomicIdleTime.pageNs,
        }).toEqual(integral);
      }),
      { numRuns: 8 },
    );
  });

  it('needs the events that can change it, and has not changed before the first', () => {
    const idle = new SharedIdle(12);
    const seen = EXAMPLE_EVENTS.filter((event) => idle.sees[batchOf([event]).typeAt(0)]);
    expect(new Set(seen.map(({ type }) => type))).toEqual(
      new Set([
        ...CHANGING,
        ...['vm-area-decrypted', 'vm-area-encrypted', 'conversion-failed', 'atomic-pool-grown'],
        ...['slab-created', 'object-allocated', 'object-freed'],
      ]),
    );
    expect(idle.hasChanged).toBe(false);
  });

  it('knows the chunks of the atomic pools from the pages before and behind them', () => {
    const chunks = new AtomicChunks();
    const tell = (told: Told) => chunks.observe(batchOf([told]), 0);
    const extent = (type: 'pages-allocated' | 'pages-freed', at: number): Told => ({
      ...{ type, allocation: allocationId(1), pfn: pfn(at), pages: 1 },
    });
    expect(tell({ type: 'atomic-pool-grown', pfn: pfn(8), pages: 4 })).toBe(true);
    expect(tell({ type: 'atomic-pool-grown', pfn: pfn(16), pages: 4, request: 1 })).toBe(false);
    expect([7, 12, 16].map((at) => tell(extent('pages-allocated', at)))).toEqual([false, false, false]);
    expect([8, 11].map((at) => tell(extent('pages-allocated', at)))).toEqual([true, true]);
    expect([chunks.pages, chunks.unusedAtBoot]).toEqual([8, 2]);
    expect([8, 12].map((at) => tell(extent('pages-freed', at)))).toEqual([true, false]);
    expect(chunks.unusedAtBoot).toBe(3);
    expect(tell({ type: 'pages-decrypted', pfn: pfn(8), pages: 1 })).toBe(false);
  });

  const TYPES = { allocation: allocationId(1), pfn: pfn(0), pages: 1 } as const;

  it('is none where nothing is shared: the boot pool of a guest that is not confidential is not idle', () => {
    const idle = new SharedIdle(12);
    const slab = { ...TYPES, allocation: allocationId(0), unitBytes: SLOT, cache: 0 };
    idle.observe(batchOf([{ type: 'slab-created', ...slab }]), 0);
    idle.observe(batchOf([{ type: 'pages-allocated', ...TYPES, pfn: pfn(1), time: 5 }]), 0);
    idle.moveTo(9);
    expect([idle.idleBytes, idle.peakBytes, idle.liveBytes]).toEqual([0, 0, 4096]);
    expect([idle.idleTime.pageNs, idle.bounceIdleTime.pageNs]).toEqual([0n, 0n]);
  });

  it('changes when slots are given back, and not with objects of other slabs', () => {
    const idle = new SharedIdle(12);
    const tell = (told: Told) => {
      idle.observe(batchOf([told]), 0);
      return idle.hasChanged;
    };
    const slab = { ...TYPES, unitBytes: SLOT, cache: 0 };
    tell({ type: 'slab-created', ...slab, allocation: allocationId(0) });
    tell({ type: 'slab-created', ...slab, request: 1 });
    const object = { type: 'object-allocated', unit: 0, bytes: SLOT } as const;
    expect(tell({ ...object, allocation: allocationId(2), slab: 1 })).toBe(true);
    expect(tell({ ...object, allocation: allocationId(3), slab: 2 })).toBe(false);
    expect(tell({ type: 'object-freed', allocation: allocationId(3) })).toBe(false);
    expect(tell({ type: 'object-freed', allocation: allocationId(2) })).toBe(true);
    expect(tell({ type: 'object-freed', allocation: allocationId(2) })).toBe(false);
    expect(tell({ type: 'pages-claimed', pfn: pfn(0), pages: 1, migratetype: 'Movable' })).toBe(false);
  });

  it.each([12, 14, 16])('is counted in halves of pages of 2^%i bytes', (pageShift) => {
    const idle = new SharedIdle(pageShift);
    idle.observe(batchOf([{ type: 'pages-decrypted', pfn: pfn(0), pages: 3 }]), 0);
    expect([idle.halfPageBytes, idle.idleBytes]).toEqual([2 ** pageShift / 2, 3 * 2 ** pageShift]);
  });
});
