import type { Migratetype } from '@decpool/model';
import { nanoseconds } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { aged } from './page-source/aged.ts';
import type { Pool } from './pool.ts';
import { eventsOf, lastRefusal, MIB, watched } from './testing.ts';

const owner = 'x';
const POLICY = 'first-fit+block+immediate';

const allocate = (pool: Pool, key: number, order: number, migratetype: Migratetype = 'Movable', at = 0) =>
  pool.request({ kind: 'background-allocate', key, order, migratetype, time: nanoseconds(at) });
const free = (pool: Pool, key: number, at = 0) =>
  pool.request({ kind: 'background-free', key, time: nanoseconds(at) });

describe('somebody else who uses the page allocator', () => {
  it('takes and returns chunks, and each is an event', () => {
    const { pool, events } = watched(POLICY);
    allocate(pool, 7, 4, 'Reclaimable', 3);
    free(pool, 7, 5);
    const [taken] = eventsOf(events, 'background-allocated');
    expect(taken).toMatchObject({ pages: 16, migratetype: 'Reclaimable', time: 3 });
    expect(eventsOf(events, 'background-freed')).toMatchObject([{ pfn: taken.pfn, pages: 16, time: 5 }]);
    expect(pool.counters).toMatchObject({ backgroundPages: 0, claimedPages: 0, requests: 0 });
  });

  it('is none of the policy’s business, but takes memory away from it', () => {
    const { pool, events } = watched(POLICY);
    for (let key = 1; key <= 40; key++) allocate(pool, key, 9);
    expect(pool.counters.backgroundPages).toBe(19 * 512);
    expect(pool.alloc_pages(9, { owner }).ok).toBe(false);
    expect(lastRefusal(events)).toBe('out-of-memory');
    free(pool, 4);
    const given = eventsOf(events, 'background-freed')[0].pfn;
    expect(pool.alloc_pages(9, { owner })).toMatchObject({ ok: true, extents: [{ pfn: given, pages: 512 }] });
  });

  it('is told when there is no such chunk, and so is the free of it: another run may have one', () => {
    const { pool, events } = watched(POLICY);
    for (let key = 1; key <= 40; key++) allocate(pool, key, 10);
    const failures = eventsOf(events, 'background-failed').length;
    const before = events.length;
    allocate(pool, 99, 10);
    free(pool, 99);
    free(pool, 1234);
    expect(events.slice(before)).toMatchObject([
      { type: 'background-failed', chunk: failures + 1, pages: 1024, migratetype: 'Movable' },
      { type: 'request-skipped', allocation: failures + 1, what: 'background-free' },
      { type: 'request-skipped', allocation: 0, what: 'background-free' },
    ]);
  });

  it('ages the free lists: small chunks break up what the pool would have claimed whole', () => {
    const { pool, events } = watched(POLICY);
    for (let key = 0; key < 9000; key++) allocate(pool, key, 0);
    for (let key = 0; key < 9000; key++) if (key % 64 !== 0) free(pool, key);
    for (let i = 0; i < 20; i++) pool.vmalloc(500, { owner });
    const sizes = eventsOf(events, 'pages-claimed').map(({ pages }) => pages);
    expect(Math.max(...sizes)).toBe(512);
    expect(Math.min(...sizes)).toBeLessThan(64);
  });

  it('has pageblocks compacted as the policy has, and each time is an event', () => {
    const pageSource = { kernel: '6.x', perCpuLists: false, compaction: true } as const;
    const { pool, events } = watched(POLICY, { memory: aged(512 * MIB, 3), pageSource });
    for (let key = 0; key < 60; key++) allocate(pool, key, 9);
    expect(eventsOf(events, 'block-compacted').length).toBeGreaterThan(0);
    expect(pool.counters.compactions).toBe(eventsOf(events, 'block-compacted').length);
  });

  it('never holds a page that an allocation holds', () => {
    const { pool, events } = watched('first-fit+page+immediate');
    for (let key = 0; key < 300; key++) {
      allocate(pool, key, key % 5);
      const result = pool.vmalloc(1 + (key % 30), { owner });
      if (key % 3 > 0 && result.ok) pool.free(result.allocation);
      if (key % 4 > 0) free(pool, key - 1);
    }
    const holders = new Map<number, string>();
    for (const event of events) {
      const [to, from] = MOVES[event.type] ?? [];
      if (to === undefined || !('pfn' in event) || !('pages' in event)) continue;
      for (let page: number = event.pfn; page < event.pfn + event.pages; page++) {
        expect(holders.get(page) ?? 'nobody').toBe(from);
        holders.set(page, to);
      }
    }
  });

  const MOVES: Readonly<Record<string, readonly [to: string, from: string]>> = {
    'pages-claimed': ['pool', 'nobody'],
    'pages-returned': ['nobody', 'pool'],
    'background-allocated': ['others', 'nobody'],
    'background-freed': ['nobody', 'others'],
  };

  it.each<[string, (pool: Pool) => void, string]>([
    ['takes the same chunk twice', (pool) => allocate(pool, 1, 0), 'background chunk 1: already allocated'],
    ['asks for an order of 11', (pool) => allocate(pool, 2, 11), 'orders run from 0 to 10'],
    ['asks for an order of -1', (pool) => allocate(pool, 2, -1), 'orders run from 0 to 10'],
    ['asks for an order of 1.5', (pool) => allocate(pool, 2, 1.5), 'orders run from 0 to 10'],
  ])('who %s is refused', (_, mistake, message) => {
    const { pool, events } = watched(POLICY);
    allocate(pool, 1, 0);
    const before = events.length;
    expect(() => mistake(pool)).toThrow(message);
    expect(events).toHaveLength(before);
  });
});
