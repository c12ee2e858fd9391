import { describe, expect, it } from 'vitest';
import { EventRows } from '../events/batch.ts';
import { GFP, type Request } from '../requests.ts';
import { batchOf, type Told } from '../testing.ts';
import { allocationId, nanoseconds, pfn } from '../units.ts';
import { type LoggedRequest, RequestsInLog } from './requests.ts';

/** The requests of a log, each batch of it with some events. */
function requestsOf(...batches: readonly (readonly Told[])[]): LoggedRequest[] {
  const reader = new RequestsInLog();
  let seq = 0;
  return batches.flatMap((events) => {
    const found = [...reader.in(batchOf(events, seq))];
    seq += events.length;
    return found;
  });
}

const only = (...events: readonly Told[]): Request[] => requestsOf(events).map(({ request }) => request);

const ID = { allocation: allocationId(7) } as const;
const nvme: Told = { type: 'owner-registered', owner: 0, name: 'nvme' };
const netvsc: Told = { type: 'owner-registered', owner: 1, name: 'netvsc' };
const asked = {
  type: 'allocation-requested',
  ...ID,
  api: 'kmalloc',
  pages: 1,
  bytes: 100,
  owner: 1,
} as const;
const ALLOCATE = {
  ...{ kind: 'allocate', time: nanoseconds(0), ...ID, api: 'kmalloc' },
  ...{ pages: 1, bytes: 100, owner: 'netvsc' },
} as const;

describe('the requests that a log holds', () => {
  it('have the flags, the node, the alignment and the CPU that were asked for, and no others', () => {
    expect(only(nvme, netvsc, { ...asked, time: 9 })).toEqual([{ ...ALLOCATE, time: 9 }]);
    expect(only(nvme, netvsc, { ...asked, gfp: 'GFP_ATOMIC', node: 0, align: 2, cpu: 255 })).toEqual([
      { ...ALLOCATE, gfp: GFP.GFP_ATOMIC, node: 0, align: 2, cpu: 255 },
    ]);
  });

  it('are frees and mappings, too', () => {
    expect(
      only(
        { type: 'free-requested', ...ID, time: 1 },
        { type: 'free-requested', ...ID, gfp: 'GFP_NOWAIT', cpu: 3 },
        { type: 'user-mapped', ...ID, time: 2 },
        { type: 'user-unmapped', ...ID },
      ),
    ).toEqual([
      { kind: 'free', time: 1, ...ID },
      { kind: 'free', time: 0, ...ID, gfp: GFP.GFP_NOWAIT, cpu: 3 },
      { kind: 'map-user', time: 2, ...ID },
      { kind: 'unmap-user', time: 0, ...ID },
    ]);
  });

  it('are also those that were skipped, because what they are about was refused', () => {
    expect(
      only(
        { type: 'request-skipped', allocation: 7, what: 'free', gfp: 'GFP_ATOMIC', cpu: 2 },
        { type: 'request-skipped', allocation: 7, what: 'map-user', time: 4 },
        { type: 'request-skipped', allocation: 7, what: 'unmap-user' },
      ),
    ).toEqual([
      { kind: 'free', time: 0, ...ID, gfp: GFP.GFP_ATOMIC, cpu: 2 },
      { kind: 'map-user', time: 4, ...ID },
      { kind: 'unmap-user', time: 0, ...ID },
    ]);
  });

  it('of others name each chunk by a key of its own, from its request to its free', () => {
    const chunk = { pfn: pfn(64), pages: 8 } as const;
    const took = { type: 'background-allocated', ...chunk, migratetype: 'Movable' } as const;
    const gave = { type: 'background-freed', ...chunk } as const;
    const allocate = { kind: 'background-allocate', time: 0, order: 3, migratetype: 'Movable' } as const;
    expect(
      only(
        { ...took, cpu: 5 },
        { type: 'background-failed', chunk: 1, pages: 4, migratetype: 'Unmovable', cpu: 6, time: 3 },
        { ...gave, cpu: 7, time: 8 },
        { ...took, migratetype: 'CMA' },
        { type: 'request-skipped', allocation: 1, what: 'background-free', cpu: 4 },
        gave,
      ),
    ).toEqual([
      { ...allocate, key: 1, cpu: 5 },
      { ...allocate, key: 2, order: 2, migratetype: 'Unmovable', cpu: 6, time: 3 },
      { kind: 'background-free', key: 1, cpu: 7, time: 8 },
      { ...allocate, key: 3, migratetype: 'CMA' },
      { kind: 'background-free', key: 2, cpu: 4, time: 0 },
      { kind: 'background-free', key: 3, time: 0 },
    ]);
  });

  it('free key 0 for a chunk that was never requested, or that is free already', () => {
    const chunk = { pfn: pfn(64), pages: 8 } as const;
    const gave = { type: 'background-freed', ...chunk } as const;
    const free = { kind: 'background-free', time: 0 } as const;
    const skipped = { type: 'request-skipped', allocation: 0, what: 'background-free' } as const;
    expect(only(skipped, gave)).toEqual([
      { ...free, key: 0 },
      { ...free, key: 0 },
    ]);
    expect(
      only({ type: 'background-allocated', ...chunk, migratetype: 'Movable' }, gave, gave),
    ).toMatchObject([{ key: 1 }, { key: 1 }, { key: 0 }]);
  });

  it('have no flags and no CPU where their events have none, whatever else stands in the columns', () => {
    expect(
      only({ type: 'request-skipped', allocation: 7, what: 'map-user', gfp: 'GFP_ATOMIC', cpu: 2 }),
    ).toEqual([{ kind: 'map-user', time: 0, ...ID }]);
    const rows = new EventRows(1);
    rows.appendObject({ type: 'background-freed', pfn: pfn(0), pages: 1 });
    rows.columns.owner[0] = 5;
    expect([...new RequestsInLog().in(rows.seal(0))].map(({ request }) => request)).toEqual([
      { kind: 'background-free', time: 0, key: 0 },
    ]);
  });

  it('have the owner of their number, also where batches have room for more events', () => {
    const reader = new RequestsInLog();
    const rows = new EventRows(8);
    const found = [nvme, netvsc, asked].flatMap((event) => {
      rows.appendObject(event);
      return [...reader.in(rows.seal(0))];
    });
    expect(found.map(({ request }) => request)).toEqual([ALLOCATE]);
  });

  it('have the number of their event, in whatever batch it is, and their own if they have one', () => {
    const claimed: Told = { type: 'pages-claimed', pfn: pfn(0), pages: 1, migratetype: 'Movable' };
    const found = requestsOf(
      [nvme, claimed, netvsc],
      [claimed, { ...asked, request: 1 }],
      [
        { type: 'request-skipped', allocation: 7, what: 'free', request: 1 },
        { type: 'background-failed', chunk: 1, pages: 4, migratetype: 'Movable', request: 1 },
        { type: 'free-requested', ...ID, request: 2 },
      ],
    );
    expect(found.map(({ seq, number, request }) => [seq, number, request.kind])).toEqual([
      [4, 1, 'allocate'],
      [5, undefined, 'free'],
      [6, undefined, 'background-allocate'],
      [7, 2, 'free'],
    ]);
    expect(found[0].request).toEqual(ALLOCATE);
  });
});
