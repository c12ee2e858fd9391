import { GFP } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { peakLivePages } from '../../workloads/workload.ts';
import { kernelEvents } from '../formats/kernel-events.ts';
import { parseSharedExpression } from '../shared-expression.ts';
import { accountedLines, nameOf, readLines } from '../testing.ts';

let micros = 0;
const line = (text: string, task = 'dd-166') =>
  `  ${task}  [000] .....  1.${String(++micros).padStart(6, '0')}: ${text}`;
const alloc = (pfn: number, order: number, more = 'migratetype=0 gfp_flags=GFP_KERNEL', task = 'dd-166') =>
  line(`mm_page_alloc: page=00000000d2be5665 pfn=0x${pfn.toString(16)} order=${order} ${more}`, task);
const free = (pfn: number, order: number) =>
  line(`mm_page_free: page=00000000d2be5665 pfn=0x${pfn.toString(16)} order=${order}`);
const read = (lines: readonly string[], expression?: string) =>
  readLines(
    kernelEvents,
    lines,
    expression === undefined ? {} : { shared: parseSharedExpression(expression) },
  );

const kinds = (requests: ReturnType<typeof read>['requests']) =>
  requests.map((request) => [request.kind, nameOf(request)]);

it('takes every page for background', () => {
  const { requests, sanity } = read([
    alloc(0x100, 0),
    alloc(0x200, 3, 'migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE'),
    free(0x100, 0),
    alloc(0x100, 1, 'migratetype=2 gfp_flags=GFP_NOFS|__GFP_RECLAIMABLE'),
  ]);
  expect(requests).toEqual([
    { kind: 'background-allocate', time: 0, key: 1, order: 0, migratetype: 'Unmovable' },
    { kind: 'background-allocate', time: 1000, key: 2, order: 3, migratetype: 'Movable' },
    { kind: 'background-free', time: 2000, key: 1 },
    { kind: 'background-allocate', time: 3000, key: 3, order: 1, migratetype: 'Reclaimable' },
  ]);
  expect(sanity).toMatchObject({
    requests: 0,
    background: { allocations: 3, frees: 1, liveAtEnd: 2 },
  });
});

it('makes requests of what the expression says is shared, and of the frees of that', () => {
  const lines = [
    alloc(0x100, 0),
    alloc(0x200, 3, 'migratetype=0 gfp_flags=GFP_ATOMIC|GFP_DMA32', 'kworker/u4:1-25'),
    free(0x100, 0),
    free(0x200, 3),
  ];
  const { requests, sanity, notes } = read(lines, 'order>=1');
  expect(requests[1]).toEqual({
    kind: 'allocate',
    time: 1000,
    allocation: 1,
    api: 'alloc_pages',
    pages: 8,
    bytes: 8 * 4096,
    owner: 'kworker/u4:1',
    gfp: GFP.GFP_ATOMIC | GFP.__GFP_DMA32,
  });
  expect(requests.map((request) => request.kind)).toEqual([
    'background-allocate',
    'allocate',
    'background-free',
    'free',
  ]);
  expect(sanity).toMatchObject({ requests: 1, frees: 1, background: { allocations: 1, frees: 1 } });
  expect(notes).toEqual([expect.stringMatching(/^Requests are .* order>=1\. /)]);
});

it.each([
  [3, 'HighAtomic'],
  [4, 'CMA'],
  [5, 'Isolate'],
])('names the migratetype %i %s', (number, migratetype) => {
  const { requests } = read([alloc(0x100, 0, `migratetype=${number} gfp_flags=none`)]);
  expect(requests).toMatchObject([{ migratetype }]);
});

it('notes that flags without names were not looked into', () => {
  const { notes, requests } = read([alloc(0x100, 0, 'migratetype=0 gfp_flags=0xa20')], 'gfp!~GFP_ATOMIC');
  expect(requests).toMatchObject([{ kind: 'allocate', gfp: 0 }]);
  expect(notes).toContainEqual(expect.stringMatching(/^1 page allocations .* gfp_flags as a number/));
});

it.each(['page=0000000000000000 pfn=0x0', 'page=(null) pfn=0', 'page=(nil) pfn=0', 'page=0x0 pfn=0x0'])(
  'counts %s as failed',
  (pageAndPfn) => {
    const { requests, sanity } = read([
      line(`mm_page_alloc: ${pageAndPfn} order=9 migratetype=1 gfp_flags=GFP_KERNEL`),
    ]);
    expect(requests).toEqual([]);
    expect(sanity).toMatchObject({ failedAllocations: 1, background: { allocations: 0 } });
  },
);

it('takes pfn 0 with a page for an allocation: some machines have memory there', () => {
  expect(read([alloc(0, 0)]).sanity).toMatchObject({ failedAllocations: 0, background: { allocations: 1 } });
});

it('does not look at the page where the pfn is not 0: perf makes it up', () => {
  const { sanity } = read([
    line('mm_page_alloc: page=(nil) pfn=0x10 order=0 migratetype=0 gfp_flags=GFP_KERNEL'),
  ]);
  expect(sanity).toMatchObject({ failedAllocations: 0, background: { allocations: 1 } });
});

describe('a free', () => {
  it('without an allocation is counted and not replayed', () => {
    const { requests, sanity } = read([free(0x100, 0), free(0x300, 2)]);
    expect(requests).toEqual([]);
    expect(sanity).toMatchObject({ freesWithoutAlloc: 2, background: { frees: 0 } });
  });

  it('page by page ends a chunk with its last page', () => {
    const lines = [alloc(0x100, 2), free(0x102, 0), free(0x100, 0), free(0x103, 0), free(0x101, 0)];
    const { requests, sanity } = read(lines);
    expect(requests).toMatchObject([
      { kind: 'background-allocate' },
      { kind: 'background-free', time: 4000 },
    ]);
    expect(sanity.ignored).toEqual({
      'mm_page_free of a part (its chunk is freed with the last part)': 3,
    });
    expect(accountedLines(sanity)).toBe(lines.length);
  });

  it('of the pages that others have in a chunk by now is theirs', () => {
    const { requests, sanity } = read([
      alloc(0x100, 1),
      free(0x101, 0),
      alloc(0x101, 0),
      free(0x101, 0),
      free(0x100, 0),
    ]);
    expect(kinds(requests)).toEqual([
      ['background-allocate', 1],
      ['background-allocate', 2],
      ['background-free', 2],
      ['background-free', 1],
    ]);
    expect(sanity.doubleAllocs).toBe(0);
  });
});

describe('an allocation of pages that are still allocated', () => {
  it('ends all chunks that hold them, also one that lies over what is left of another', () => {
    const { requests } = read([alloc(4, 1), free(4, 0), alloc(0, 3), alloc(4, 0)]);
    expect(kinds(requests)).toEqual([
      ['background-allocate', 1],
      ['background-allocate', 2],
      ['background-free', 2],
      ['background-free', 1],
      ['background-allocate', 3],
    ]);
  });

  it.each([
    ['the same', 0x100, 0, 0x100, 0],
    ['a part of them', 0x100, 3, 0x104, 1],
    ['more than them', 0x104, 1, 0x100, 3],
  ])('ends %s first', (_, oldPfn, oldOrder, newPfn, newOrder) => {
    const { requests, sanity } = read([alloc(oldPfn, oldOrder), alloc(newPfn, newOrder)]);
    expect(kinds(requests)).toEqual([
      ['background-allocate', 1],
      ['background-free', 1],
      ['background-allocate', 2],
    ]);
    expect(sanity).toMatchObject({ doubleAllocs: 1, background: { allocations: 2, frees: 1, liveAtEnd: 1 } });
    expect(accountedLines(sanity)).toBe(2);
  });

  it('ends none beside them', () => {
    const beside = [
      alloc(0x100, 2),
      alloc(0x108, 2),
      alloc(0x104, 2),
      free(0x100, 2),
      free(0x108, 2),
      free(0x104, 2),
    ];
    expect(read(beside).sanity).toMatchObject({
      doubleAllocs: 0,
      freesWithoutAlloc: 0,
      background: { frees: 3 },
    });
  });

  it('ends a request for shared memory as well', () => {
    const { requests } = read([alloc(0x100, 1), alloc(0x100, 0)], 'order=1');
    expect(requests.map((request) => request.kind)).toEqual(['allocate', 'free', 'background-allocate']);
  });
});

it('makes well-formed requests of any page events, and accounts for every line', () => {
  const event = fc.record({
    isAlloc: fc.boolean(),
    pfn: fc.nat({ max: 40 }),
    order: fc.nat({ max: 3 }),
    isShared: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const lines = events.map(({ isAlloc, pfn, order, isShared }) => {
        const first = pfn - (pfn % (1 << order));
        const flags = `migratetype=0 gfp_flags=${isShared ? 'GFP_DMA' : 'GFP_KERNEL'}`;
        return isAlloc ? alloc(first, order, flags) : free(first, order);
      });
      const { requests, sanity } = read(lines, 'gfp~GFP_DMA');
      expect(peakLivePages(requests)).toBeGreaterThanOrEqual(0);
      expect(accountedLines(sanity)).toBe(lines.length);
    }),
  );
});

interface PageEvent {
  readonly isAlloc: boolean;
  readonly pfn: number;
  readonly order: number;
}

/** The same requests from a list of all chunks that are live, each looked at for each event. */
function plainly(events: readonly PageEvent[]) {
  const requests: [kind: string, key: number][] = [];
  let live: { readonly key: number; readonly start: number; readonly size: number; left: number }[] = [];
  let [keys, parts, unknown] = [0, 0, 0];
  const end = (ended: typeof live) => {
    for (const { key } of ended) requests.push(['background-free', key]);
    live = live.filter((chunk) => !ended.includes(chunk));
  };
  for (const { isAlloc, pfn, order } of events) {
    const size = 1 << order;
    if (isAlloc) {
      const overlapping = live.filter(({ start, size: its }) => start < pfn + size && pfn < start + its);
      const isMissed = (chunk: (typeof live)[number]) => chunk.left === chunk.size || chunk.start === pfn;
      end(overlapping.filter(isMissed).sort((a, b) => a.start - b.start));
      live.push({ key: ++keys, start: pfn, size, left: size });
      requests.push(['background-allocate', keys]);
      continue;
    }
    const [innermost] = live
      .filter(({ start, size: its }) => start <= pfn && pfn < start + its)
      .sort((a, b) => Number(b.start === pfn) - Number(a.start === pfn) || a.size - b.size);
    if (innermost === undefined) unknown++;
    else {
      innermost.left -= size;
      if (innermost.left > 0) parts++;
      else end([innermost]);
    }
  }
  return { requests, parts, unknown };
}

it('has the requests that a list of live chunks comes to', () => {
  const event = fc
    .record({ isAlloc: fc.boolean(), pfn: fc.nat({ max: 31 }), order: fc.nat({ max: 4 }) })
    .map(({ isAlloc, pfn, order }) => ({ isAlloc, order, pfn: pfn - (pfn % (1 << order)) }));
  fc.assert(
    fc.property(fc.array(event, { maxLength: 25 }), (events) => {
      const { requests, sanity } = read(
        events.map(({ isAlloc, pfn, order }) => (isAlloc ? alloc(pfn, order) : free(pfn, order))),
      );
      const expected = plainly(events);
      expect(kinds(requests)).toEqual(expected.requests);
      expect(sanity.freesWithoutAlloc).toBe(expected.unknown);
      expect(Object.values(sanity.ignored)).toEqual(expected.parts === 0 ? [] : [expected.parts]);
    }),
    { numRuns: 200 },
  );
});

it.each([
  'mm_page_alloc: page=00000000d2be5665 order=0 migratetype=0 gfp_flags=GFP_KERNEL',
  'mm_page_alloc: page=00000000d2be5665 pfn=0x1 order=11 migratetype=0 gfp_flags=GFP_KERNEL',
  'mm_page_alloc: page=00000000d2be5665 pfn=0x1 order=0 migratetype=6 gfp_flags=GFP_KERNEL',
  'mm_page_alloc: page=00000000d2be5665 pfn=0x1 order=0 migratetype=0',
  'mm_page_free: page=00000000d2be5665 pfn=zzz order=0',
  'mm_page_free: page=00000000d2be5665 pfn=0x1',
])('does not understand %s, and says what would be right', (text) => {
  const { requests, sanity } = read([line(text)]);
  expect(requests).toEqual([]);
  expect(sanity.unparsed.first).toMatchObject([
    { line: 1, reason: expect.stringContaining('expected pfn=N') },
  ]);
});
