import { describe, expect, it } from 'vitest';
import { SMALL_MAP, smallMachine } from '../testing.ts';
import { Columns } from './columns.ts';
import { ALLOCATION, AREA_MAPPED, EXTENT } from './layout.ts';
import {
  dropExtent,
  editRecord,
  endLife,
  isMapped,
  noteNextExtent,
  seekExtent,
  seekRecord,
  writeExtent,
} from './records.ts';
import type { WordTable } from './word-table.ts';

/** A state of no events in which so many extents were made; `released` are the leaves of extents that were given up. */
function withExtents(count: number) {
  const columns = new Columns(smallMachine('snp'), SMALL_MAP);
  columns.counters.extents = count;
  const released: number[] = [];
  const release = columns.extents.release.bind(columns.extents);
  columns.extents.release = (leaf) => {
    released.push(leaf);
    release(leaf);
  };
  for (let number = 0; number < count; number++) writeExtent(columns, number, 100 + number, number + 1);
  const extentAt = (number: number) => {
    const at = seekExtent(columns, number);
    const { words }: Pick<WordTable, 'words'> = columns.extents;
    return [words[at + EXTENT.pfn], words[at + EXTENT.pages]];
  };
  return { columns, released, extentAt };
}

describe('extents', () => {
  it('lie one behind the other, each in its place', () => {
    const { extentAt } = withExtents(11);
    for (let number = 0; number < 11; number++) expect(extentAt(number)).toEqual([100 + number, number + 1]);
    expect([extentAt(11), extentAt(400)]).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('that are given up are no more, and four of them side by side release their leaf with the last', () => {
    const { columns, released, extentAt } = withExtents(12);
    for (const number of [5, 7, 4]) dropExtent(columns, number);
    expect([released, extentAt(5), extentAt(6)]).toEqual([[], [0, 0], [106, 7]]);
    dropExtent(columns, 6);
    expect(released).toEqual([1]);
    for (const number of [0, 1, 2, 3, 8, 9, 10, 11]) dropExtent(columns, number);
    // An event may yet make extent 12, but none from 8 to 11.
    expect(released).toEqual([1, 0, 2]);
  });

  it('release no leaf in which an extent may yet be made', () => {
    const { columns, released } = withExtents(11);
    for (const number of [8, 9, 10]) dropExtent(columns, number);
    expect(released).toEqual([]);
  });
});

describe('the record of an allocation', () => {
  const allocation = (freed: number) => {
    const { columns } = withExtents(9);
    const base = editRecord(columns, 3);
    const { words } = columns.allocations;
    words[base + ALLOCATION.firstExtent] = 4;
    words[base + ALLOCATION.extents] = 3;
    words[base + ALLOCATION.freedExtents] = freed;
    words[base + ALLOCATION.bytes] = 5000;
    return columns;
  };

  it('has the extent that is freed next; none if all are', () => {
    const next = (freed: number) => {
      const columns = allocation(freed);
      noteNextExtent(columns, 3);
      const base = seekRecord(columns, 3);
      const { words } = columns.allocations;
      return [words[base + ALLOCATION.nextPfn], words[base + ALLOCATION.nextPages]];
    };
    expect([0, 1, 2, 3].map(next)).toEqual([
      [104, 5],
      [105, 6],
      [106, 7],
      [0, 0],
    ]);
  });

  it('says that it is mapped if an area maps it, or user space does', () => {
    const mapped = (api: number, userMappings: number) => {
      const columns = allocation(0);
      const base = editRecord(columns, 3);
      columns.allocations.words[base + ALLOCATION.api] = api;
      columns.allocations.words[base + ALLOCATION.userMappings] = userMappings;
      return isMapped(columns.allocations.words, base);
    };
    expect([mapped(5, 0), mapped(5 | AREA_MAPPED, 0), mapped(5, 1), mapped(AREA_MAPPED, 2)]).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it('is counted as live until its life ends', () => {
    const columns = allocation(0);
    Object.assign(columns.counters, { liveAllocations: 4, liveBytes: 7000, livePages: 9 });
    endLife(columns, 3);
    expect(columns.counters).toMatchObject({ liveAllocations: 3, liveBytes: 2000, livePages: 9 });
  });
});
