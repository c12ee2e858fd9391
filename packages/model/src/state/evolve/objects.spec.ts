import { describe, expect, it } from 'vitest';
import { x86Geometry } from '../../geometry.ts';
import { type PlatformName, platformNamed } from '../../platforms/all.ts';
import { Given, type Told } from '../../testing.ts';
import { allocationId, pfn } from '../../units.ts';

const id = (allocation: number) => ({ allocation: allocationId(allocation) });
const range = (at: number, pages: number) => ({ pfn: pfn(at), pages });

const claimed = (at: number, pages: number): Told => ({
  type: 'pages-claimed',
  ...range(at, pages),
  migratetype: 'Unmovable',
});
const decrypted = (at: number, pages: number): Told => ({ type: 'pages-decrypted', ...range(at, pages) });
const requested = (allocation: number, bytes: number, request: number): Told => ({
  type: 'allocation-requested',
  ...id(allocation),
  api: 'kmalloc',
  pages: Math.ceil(bytes / 4096),
  bytes,
  owner: 0,
  request,
});
const allocated = (allocation: number, at: number, pages: number): Told => ({
  type: 'pages-allocated',
  ...id(allocation),
  ...range(at, pages),
});
const freeRequested = (allocation: number, request: number): Told => ({
  type: 'free-requested',
  ...id(allocation),
  request,
});
const freed = (allocation: number, at: number, pages: number, request = 0): Told => ({
  type: 'pages-freed',
  ...id(allocation),
  ...range(at, pages),
  request,
});
const failed = (allocation: number): Told => ({
  type: 'allocation-failed',
  ...id(allocation),
  pages: 1,
  reason: 'out-of-memory',
});
const slabCreated = (allocation: number, at: number, pages: number, unitBytes: number): Told => ({
  type: 'slab-created',
  ...id(allocation),
  ...range(at, pages),
  unitBytes,
  cache: 1,
});
const slabDestroyed = (allocation: number, slab: number): Told => ({
  type: 'slab-destroyed',
  ...id(allocation),
  slab,
});
const object = (allocation: number, slab: number, unit: number, bytes: number): Told => ({
  type: 'object-allocated',
  ...id(allocation),
  slab,
  unit,
  bytes,
});
const objectFreed = (allocation: number): Told => ({ type: 'object-freed', ...id(allocation) });
const areaMapped = (allocation: number, pages: number): Told => ({
  type: 'vm-area-mapped',
  ...id(allocation),
  pages,
});
const areaUnmapped = (allocation: number, pages: number): Told => ({
  type: 'vm-area-unmapped',
  ...id(allocation),
  pages,
});
const userMapped = (allocation: number, request: number): Told => ({
  type: 'user-mapped',
  ...id(allocation),
  request,
});
const userUnmapped = (allocation: number, request: number): Told => ({
  type: 'user-unmapped',
  ...id(allocation),
  request,
});

const START: readonly Told[] = [
  { type: 'owner-registered', owner: 0, name: 'nvme' },
  { type: 'owner-registered', owner: 1, name: 'kmalloc-decrypted-512' },
];

/** 4 MiB mapped by 4K entries; pages 100 to 115 are claimed and shared. */
const given = (...events: Told[]) => givenOn('snp', decrypted(100, 16), ...events);
const givenOn = (platform: PlatformName, ...events: Told[]) =>
  new Given(
    { geometry: x86Geometry(1024), platform: platformNamed(platform) },
    [[0, 1024, 1]],
    [...START, claimed(100, 20), ...events],
  );

/** Allocation 1 has just got a page for the slab that it needs. */
const withPage = (...events: Told[]) => given(requested(1, 400, 1), allocated(1, 100, 1), ...events);
/** Allocation 1 is an object in unit 0 of slab 1: eight units of 512 bytes at page 100. */
const withObject = (...events: Told[]) =>
  withPage(slabCreated(1, 100, 1, 512), object(1, 1, 0, 512), ...events);

describe('a slab created', () => {
  it('takes the pages over from the allocation that got them', () => {
    const memory = withPage();
    expect(memory.when(slabCreated(1, 100, 1, 512))).toEqual({
      slabs: 1,
      liveSlabs: 1,
      slabPages: 1,
      livePages: -1,
    });
    expect(memory.view.slab(1)).toEqual({
      pfn: 100,
      pages: 1,
      cache: 'kmalloc-decrypted-512',
      unitBytes: 512,
      units: 8,
      usedUnits: 0,
    });
    expect(memory.view.allocation(allocationId(1))).toMatchObject({ status: 'live', extents: [] });
    expect(memory.view.is('allocated', pfn(100))).toBe(true);
  });

  it('of several pages has as many whole units as fit', () => {
    const memory = given(requested(1, 3000, 1), allocated(1, 104, 2), slabCreated(1, 104, 2, 3000));
    expect(memory.view.slab(1)?.units).toBe(2);
  });

  it('may take pages of a pool made at boot, which no allocation ever had', () => {
    const memory = given();
    expect(memory.when(slabCreated(0, 100, 16, 2048))).toEqual({ slabs: 1, liveSlabs: 1, slabPages: 16 });
    expect(memory.view.is('allocated', pfn(115))).toBe(true);
    memory.refuses(slabCreated(0, 115, 1, 2048), 'page 115 is in an allocation');
  });

  it('at boot needs shared pages, outside a confidential VM only claimed ones', () => {
    given().refuses(slabCreated(0, 115, 2, 2048), 'page 116 is private');
    given().refuses(slabCreated(0, 99, 1, 2048), 'page 99 is not claimed');
    given().refuses(slabCreated(0, 1023, 2, 2048), 'are not inside 0..1024');
    expect(givenOn('none').when(slabCreated(0, 116, 1, 2048))).toMatchObject({ slabPages: 1 });
  });

  it('is refused with no unit, and with more than 512', () => {
    withPage().refuses(slabCreated(1, 100, 1, 0), '1 pages make 0 units of 0 bytes, not 1 to 512');
    withPage().refuses(slabCreated(1, 100, 1, 4097), '1 pages make 0 units of 4097 bytes');
    withPage().refuses(slabCreated(1, 100, 1, 7), '1 pages make 585 units of 7 bytes');
    withPage().when(slabCreated(1, 100, 1, 8));
  });

  it('is refused for a cache or an allocation that nobody named', () => {
    withPage().refuses({ ...slabCreated(1, 100, 1, 512), cache: 2 } as Told, 'cache 2 was never registered');
    withPage().refuses(slabCreated(2, 100, 1, 512), 'allocation 2 was never requested');
  });

  it('is refused for pages that are not all, and only, what the allocation holds', () => {
    const why = 'allocation 1 does not hold just the 1 pages at 100';
    given(requested(1, 400, 1)).refuses(slabCreated(1, 100, 1, 512), why);
    withPage().refuses(slabCreated(1, 101, 1, 512), 'does not hold just the 1 pages at 101');
    withPage().refuses(slabCreated(1, 100, 2, 512), 'does not hold just the 2 pages at 100');
    withPage(allocated(1, 101, 1)).refuses(slabCreated(1, 100, 1, 512), why);
    withPage(freeRequested(1, 2)).refuses(slabCreated(1, 100, 1, 512), why);
    withObject().refuses(slabCreated(1, 100, 1, 512), why);
  });

  it('is refused while the pages are mapped', () => {
    const why = 'allocation 1 is mapped, so its pages cannot become a slab';
    withPage(areaMapped(1, 1)).refuses(slabCreated(1, 100, 1, 512), why);
    withPage(userMapped(1, 2)).refuses(slabCreated(1, 100, 1, 512), why);
  });
});

describe('an object allocated', () => {
  it('makes its allocation live and takes units of the slab', () => {
    const memory = withObject(requested(2, 700, 2));
    expect(memory.when(object(2, 1, 6, 1024))).toEqual({
      liveObjects: 1,
      liveAllocations: 1,
      liveBytes: 700,
    });
    expect(memory.view.slab(1)?.usedUnits).toBe(3);
    expect(memory.view.allocation(allocationId(2))).toMatchObject({
      status: 'live',
      extents: [],
      object: { slab: 1, unit: 6, units: 2 },
    });
    expect(memory.view.slabOf(allocationId(2))).toBe(1);
  });

  it('of the allocation that brought the slab finds it live already', () => {
    const memory = withPage(slabCreated(1, 100, 1, 512));
    expect(memory.when(object(1, 1, 0, 512))).toEqual({ liveObjects: 1 });
  });

  it('is refused where a unit is in use, and outside of the slab', () => {
    const memory = withObject(requested(2, 700, 2));
    memory.refuses(object(2, 1, 0, 1024), 'unit 0 of slab 1 is in use');
    memory.refuses(object(2, 1, 7, 1024), '1024 bytes from unit 7 on are not whole units of slab 1');
    memory.refuses(object(2, 1, 8, 512), '512 bytes from unit 8 on are not whole units');
    memory.refuses(object(2, 1, 1, 700), '700 bytes from unit 1 on are not whole units');
    memory.refuses(object(2, 1, 1, 0), '0 bytes from unit 1 on are not whole units');
  });

  it('is refused when it is smaller than what was asked for', () => {
    withObject(requested(2, 700, 2)).refuses(object(2, 1, 1, 512), '700 bytes do not fit an object of 512');
  });

  it('is refused for a slab that is not there', () => {
    const memory = withObject(requested(2, 400, 2));
    memory.refuses(object(2, 0, 1, 512), 'slab 0 was never created');
    memory.refuses(object(2, 2, 1, 512), 'slab 2 was never created');
    const gone = withObject(freeRequested(1, 2), objectFreed(1), slabDestroyed(1, 1), requested(2, 400, 3));
    gone.refuses(object(2, 1, 0, 512), 'slab 1 was destroyed');
  });

  it('is refused for an allocation that nobody requested, that holds something, or that is over', () => {
    const why = 'was not requested, or holds something already';
    withObject().refuses(object(2, 1, 1, 512), 'allocation 2 was never requested');
    withObject().refuses(object(1, 1, 1, 512), why);
    withObject(requested(2, 400, 2), allocated(2, 101, 1)).refuses(object(2, 1, 1, 512), why);
    withObject(requested(2, 400, 2), failed(2)).refuses(object(2, 1, 1, 512), why);
  });

  it('gets no pages beside its units, and does not fail while it has them', () => {
    withObject().refuses(allocated(1, 101, 1), 'allocation 1 is mapped already, or an object in a slab');
    withObject().refuses(failed(1), 'or holds pages or an object');
  });
});

describe('an object freed', () => {
  it('gives its units back, and its allocation is over', () => {
    const memory = withObject(freeRequested(1, 2));
    expect(memory.when(objectFreed(1))).toEqual({
      liveObjects: -1,
      liveAllocations: -1,
      liveBytes: -400,
    });
    expect(memory.view.slab(1)?.usedUnits).toBe(0);
    expect(memory.view.allocation(allocationId(1))).not.toHaveProperty('object');
    expect(memory.view.allocation(allocationId(1)).status).toBe('freed');
    memory.when(requested(2, 4096, 3), object(2, 1, 0, 4096));
  });

  it('is refused when nobody asked, for pages, and a second time', () => {
    const why = 'no request frees allocation 1, or it is no object';
    withObject().refuses(objectFreed(1), why);
    withPage(freeRequested(1, 2)).refuses(objectFreed(1), why);
    withObject(freeRequested(1, 2), objectFreed(1)).refuses(objectFreed(1), why);
    withObject().refuses(objectFreed(2), 'allocation 2 was never requested');
  });

  it('has no pages that could be freed', () => {
    withObject(freeRequested(1, 2)).refuses(freed(1, 100, 1), 'no request frees allocation 1');
  });
});

describe('a slab destroyed', () => {
  const empty = () => withObject(freeRequested(1, 2), objectFreed(1));

  it('passes its pages to the allocation that left it last, which frees them', () => {
    const memory = empty();
    expect(memory.when(slabDestroyed(1, 1))).toEqual({
      extents: 1,
      liveSlabs: -1,
      slabPages: -1,
      livePages: 1,
    });
    expect(memory.view.slab(1)).toBeUndefined();
    expect(memory.view.allocation(allocationId(1))).toMatchObject({
      status: 'reclaiming',
      extents: [{ pfn: 100, pages: 1 }],
    });
    expect(memory.when(freed(1, 100, 1))).toEqual({ livePages: -1 });
    expect(memory.view.allocation(allocationId(1)).status).toBe('freed');
    expect(memory.view.is('allocated', pfn(100))).toBe(false);
  });

  it('is refused while an object is in it, and a second time', () => {
    withObject().refuses(slabDestroyed(1, 1), 'slab 1 still holds objects');
    const memory = empty();
    memory.when(slabDestroyed(1, 1));
    memory.refuses(slabDestroyed(1, 1), 'slab 1 was destroyed');
    memory.refuses(slabDestroyed(1, 2), 'slab 2 was never created');
  });

  it('is refused for an allocation that is not freed, or that nobody requested', () => {
    const memory = empty();
    memory.when(requested(2, 400, 3));
    memory.refuses(slabDestroyed(2, 1), 'allocation 2 is not freed');
    memory.refuses(slabDestroyed(3, 1), 'allocation 3 was never requested');
    withPage(slabCreated(1, 100, 1, 512)).refuses(slabDestroyed(1, 1), 'allocation 1 is not freed');
  });
});

describe('a slab whose first object failed', () => {
  it('stays, empty, and the request has failed', () => {
    const memory = withPage(slabCreated(1, 100, 1, 512));
    expect(memory.when(failed(1))).toEqual({ failedRequests: 1, liveAllocations: -1, liveBytes: -400 });
    expect(memory.view.slab(1)?.usedUnits).toBe(0);
  });
});

describe('a vmalloc area', () => {
  const live = (...events: Told[]) =>
    given(requested(1, 3 * 4096, 1), allocated(1, 104, 2), allocated(1, 100, 1), ...events);

  it('maps all pages of an allocation', () => {
    const memory = live();
    expect(memory.when(areaMapped(1, 3))).toEqual({ vmAreaPages: 3 });
    expect(memory.view.isMapped(allocationId(1))).toBe(true);
    expect(memory.view.allocation(allocationId(1))).toMatchObject({ api: 'kmalloc', isMapped: true });
  });

  it('is unmapped before the pages are freed', () => {
    const memory = live(areaMapped(1, 3), freeRequested(1, 2));
    memory.refuses(freed(1, 104, 2), 'allocation 1 is still mapped in a vmalloc area');
    expect(memory.when(areaUnmapped(1, 3))).toEqual({ vmAreaPages: -3 });
    memory.when(freed(1, 104, 2), freed(1, 100, 1));
    expect(memory.view.allocation(allocationId(1)).isMapped).toBe(false);
  });

  it('is mapped once, of a live allocation, with as many pages as it holds', () => {
    const why = 'allocation 1 is not live, or mapped already';
    live(areaMapped(1, 3)).refuses(areaMapped(1, 3), why);
    live(freeRequested(1, 2)).refuses(areaMapped(1, 3), why);
    given(requested(1, 4096, 1)).refuses(areaMapped(1, 1), why);
    live().refuses(areaMapped(1, 2), 'allocation 1 holds 3 pages, not 2');
    live().refuses(areaMapped(2, 1), 'allocation 2 was never requested');
    withObject().refuses(areaMapped(1, 0), 'allocation 1 holds no pages');
  });

  it('is unmapped once, and only of an allocation that is being freed', () => {
    const why = 'allocation 1 is not mapped, or not being freed';
    live(areaMapped(1, 3)).refuses(areaUnmapped(1, 3), why);
    live(freeRequested(1, 2)).refuses(areaUnmapped(1, 3), why);
    live(areaMapped(1, 3), freeRequested(1, 2)).refuses(areaUnmapped(1, 1), 'holds 3 pages, not 1');
    live().refuses(areaUnmapped(2, 1), 'allocation 2 was never requested');
  });

  it('gets no page more once it is mapped', () => {
    live(areaMapped(1, 3)).refuses(allocated(1, 101, 1), 'allocation 1 is mapped already');
  });
});

describe('a mapping into user space', () => {
  const live = (...events: Told[]) => given(requested(1, 4096, 1), allocated(1, 100, 1), ...events);

  it('is a request of its own, and each is counted', () => {
    const memory = live();
    const one = { userMappings: 1, userMapRequests: 1, requests: 1 };
    expect(memory.when(userMapped(1, 2))).toEqual(one);
    expect(memory.when(userMapped(1, 3))).toEqual(one);
    expect(memory.view.userMappings(allocationId(1))).toBe(2);
    expect(memory.when(userUnmapped(1, 4))).toEqual({ ...one, userMappings: -1 });
    expect(memory.view.allocation(allocationId(1)).userMappings).toBe(1);
  });

  it('must end before the allocation is freed or its pages become anything else', () => {
    const memory = live(userMapped(1, 2));
    memory.refuses(freeRequested(1, 3), 'allocation 1 is mapped into user space');
    memory.refuses(freed(1, 100, 1, 1), 'allocation 1 is mapped into user space');
    memory.refuses(allocated(1, 101, 1), 'allocation 1 is mapped already');
    memory.refuses({ type: 'pages-encrypted', ...range(100, 1) }, 'page 100 is in an allocation');
    memory.when(userUnmapped(1, 3), freeRequested(1, 4), freed(1, 100, 1));
  });

  it('is refused for what is not live, and for what holds no pages', () => {
    live(freeRequested(1, 2)).refuses(userMapped(1, 3), 'allocation 1 is not live');
    live().refuses(userMapped(2, 2), 'allocation 2 was never requested');
    live(freed(1, 100, 1, 1)).refuses(userMapped(1, 2), 'allocation 1 holds no pages');
    live().refuses(userUnmapped(1, 2), 'allocation 1 is not mapped into user space');
    live().refuses(userMapped(1, 3), 'request 3 comes where 2 is next');
  });

  it('is refused for an object that shares its page, but not for one that fills its pages', () => {
    withObject().refuses(userMapped(1, 2), 'allocation 1 is an object that shares its page with others');
    const half = withPage(slabCreated(1, 100, 1, 2048), object(1, 1, 1, 2048));
    half.refuses(userMapped(1, 2), 'shares its page');
    const whole = withPage(slabCreated(1, 100, 1, 2048), object(1, 1, 0, 4096));
    expect(whole.when(userMapped(1, 2))).toMatchObject({ userMappings: 1 });
    whole.refuses(freeRequested(1, 3), 'allocation 1 is mapped into user space');
  });
});
