import { nanoseconds, type PoolEvent, x86Geometry } from '@decpool/model';
import { EVENT_TYPES, type EventBody } from '@decpool/model/internal';
import { expect, it } from 'vitest';
import { eventLine, eventText, type Names } from './event-text.ts';

const names: Names = {
  geometry: x86Geometry(4096),
  owner: (number) => ['ring', 'esc\u001b[31m'][number],
  ownerOf: (allocation) => (allocation === 7 ? 'ring' : undefined),
};
const told = (event: object): PoolEvent =>
  ({ seq: 12, time: nanoseconds(1_500_000_001), request: 3, ...event }) as PoolEvent;

const TEXTS: readonly (readonly [EventBody, string])[] = [
  [{ type: 'owner-registered', owner: 1, name: 'a\u009bb' }, 'owner 1 is a\\u009bb'],
  [
    {
      type: 'allocation-requested',
      allocation: 7,
      api: 'kmalloc',
      pages: 1,
      bytes: 256,
      owner: 1,
      gfp: 'GFP_ATOMIC',
      node: 1,
      align: 64,
    },
    '7: kmalloc 1 page, 256 B, for esc\\u001b[31m, GFP_ATOMIC, node 1, aligned to 64 B',
  ],
  [{ type: 'free-requested', allocation: 7, gfp: 'GFP_NOWAIT' }, 'allocation 7 of ring, GFP_NOWAIT'],
  [
    { type: 'pages-claimed', pfn: 512, pages: 1024, migratetype: 'Movable' },
    '1,024 pages at 512 (blocks 1..2) Movable',
  ],
  [{ type: 'pages-returned', pfn: 512, pages: 512 }, '512 pages at 512 (block 1)'],
  [{ type: 'large-page-split', pfn: 512, level: 2 }, '2M at 512 (block 1)'],
  [{ type: 'large-page-split', pfn: 0, level: 3 }, '1G at 0 (blocks 0..7)'],
  [{ type: 'large-page-restored', pfn: 512 }, '2M at 512 (block 1)'],
  [{ type: 'pages-decrypted', pfn: 513, pages: 1 }, '1 page at 513 (block 1)'],
  [{ type: 'pages-encrypted', pfn: 513, pages: 1 }, '1 page at 513 (block 1)'],
  [
    { type: 'conversion-failed', pfn: 1, pages: 2, direction: 'decrypt', converted: true, offset: 4 },
    'decrypt 2 pages at 1 (block 0), though the host did it, page 4 of a vmalloc area',
  ],
  [
    { type: 'pages-allocated', allocation: 7, pfn: 1, pages: 1 },
    '1 page at 1 (block 0) to allocation 7 of ring',
  ],
  [{ type: 'pages-freed', allocation: 8, pfn: 1, pages: 1 }, '1 page at 1 (block 0) from allocation 8'],
  [
    { type: 'allocation-failed', allocation: 8, pages: 2, reason: 'would-sleep' },
    'allocation 8, 2 pages: would-sleep',
  ],
  [{ type: 'pages-leaked', pfn: 1, pages: 1, owner: 5 }, '1 page at 1 (block 0), converted for owner 5'],
  [
    { type: 'slab-created', allocation: 0, pfn: 1, pages: 1, unitBytes: 64, cache: 0 },
    '1 page at 1 (block 0) in units of 64 B, ring, at boot',
  ],
  [{ type: 'slab-destroyed', allocation: 8, slab: 2 }, 'slab 2, its pages to allocation 8'],
  [
    { type: 'object-allocated', allocation: 8, slab: 2, unit: 3, bytes: 64 },
    '64 B of slab 2 from unit 3 to allocation 8',
  ],
  [{ type: 'object-freed', allocation: 8 }, 'allocation 8'],
  [{ type: 'vm-area-mapped', allocation: 8, pages: 2 }, '2 pages of allocation 8'],
  [{ type: 'vm-area-unmapped', allocation: 8, pages: 2 }, '2 pages of allocation 8'],
  [
    { type: 'vm-area-decrypted', pfn: 1, pages: 1, offset: 0 },
    '1 page at 1 (block 0), page 0 of a vmalloc area',
  ],
  [
    { type: 'vm-area-encrypted', pfn: 1, pages: 1, offset: 0 },
    '1 page at 1 (block 0), page 0 of a vmalloc area',
  ],
  [{ type: 'contiguous-split', pfn: 0, level: 2 }, '32M at 0 (block 0)'],
  [{ type: 'user-mapped', allocation: 8 }, 'allocation 8'],
  [{ type: 'user-unmapped', allocation: 8 }, 'allocation 8'],
  [{ type: 'background-allocated', pfn: 1, pages: 1, migratetype: 'CMA' }, '1 page at 1 (block 0) CMA'],
  [{ type: 'background-freed', pfn: 1, pages: 1 }, '1 page at 1 (block 0)'],
  [{ type: 'reserve-refilled', pages: 64 }, '64 pages'],
  [{ type: 'block-compacted', pfn: 512, pages: 64 }, '64 pages moved out of 512 (block 1)'],
  [{ type: 'request-skipped', allocation: 8, what: 'background-free' }, 'background-free of chunk 8'],
  [{ type: 'background-failed', chunk: 8, pages: 2, migratetype: 'Movable' }, 'chunk 8, 2 pages Movable'],
  [{ type: 'page-table-allocated', pfn: 513, pages: 1 }, '1 page at 513 (block 1)'],
  [{ type: 'page-table-freed', pfn: 513, pages: 1 }, '1 page at 513 (block 1)'],
  [{ type: 'pages-reclaimed', pfn: 513, pages: 1 }, '1 page at 513 (block 1)'],
  [{ type: 'request-stalled', pages: 32 }, '32 pages'],
  [{ type: 'atomic-pool-grown', pfn: 512, pages: 32 }, '32 pages at 512 (block 1)'],
  [{ type: 'boot-pools-made', pages: 32 }, '32 pages'],
] as unknown as readonly (readonly [EventBody, string])[];

it.each(TEXTS)('tells %j', (event, expected) => {
  expect(eventText(told(event), names)).toBe(expected);
});

it('tells every type of event', () => {
  expect(new Set(TEXTS.map(([{ type }]) => type))).toEqual(new Set(EVENT_TYPES));
});

it('puts number, seconds, request and type before it, so that lines compare', () => {
  expect(eventLine(told({ type: 'reserve-refilled', pages: 64 }), names)).toBe(
    '      12   1.500000001      #3  reserve-refilled     64 pages',
  );
});
