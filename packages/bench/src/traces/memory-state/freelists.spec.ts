import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError, platformNamed, x86Geometry } from '@decpool/model';
import { logHeader, parseHeader, unpackChunks } from '@decpool/model/internal';
import { startExactly } from '@decpool/pool/internal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFreelists } from './freelists.ts';
import { readMemoryState } from './memory-state.ts';
import { freelistsText, SMALL_DUMP } from './testing.ts';

const parsed = (steps: readonly string[] = []) => parseFreelists(freelistsText(steps), 'dump');

describe('a dump', () => {
  it('becomes a memory state with every list in its order', () => {
    const { memory, header } = parsed();
    const [zone] = memory.exact?.zones ?? [];
    expect(header).toMatchObject({ cpus: 2, cpu: 0, isConverting: false });
    expect(memory.name).toBe('7.3.4+deb13-amd64 made-mix-1');
    expect(memory.exact?.kernel).toBe('7.3.4+deb13-amd64');
    expect(zone).toMatchObject({
      ...{ start: 1024, end: 4096, managed: 2500, freeCounter: 1030, min: 8, low: 10, high: 12, boost: 2 },
      ...{ lowmemReserve: [0, 0, 3, 3, 3], reservedHighatomic: 0, flags: 4, movable: [[2048, 2, 100]] },
      pageblocks: [
        [1024, 2, 'Unmovable'],
        [2048, 3, 'Movable'],
      ],
    });
    expect(zone.lists.map(([order, type, chunks]) => [order, type, unpackChunks(chunks, 4096)])).toEqual([
      [0, 'Unmovable', [1027, 1025, 1030]],
      [1, 'Unmovable', [1028]],
      [10, 'Movable', [2048]],
    ]);
    expect(zone.cpus).toEqual([
      {
        ...{
          batch: 4,
          high: 16,
          highMin: 16,
          highMax: 16,
          allocFactor: 0,
          freeCount: 0,
          flags: 2,
          freeDiff: -1,
        },
        lists: [
          [0, '1024'],
          [3, '1032'],
        ],
      },
      {
        batch: 4,
        high: 16,
        highMin: 16,
        highMax: 16,
        allocFactor: 0,
        freeCount: 0,
        flags: 0,
        freeDiff: 0,
        lists: [],
      },
    ]);
  });

  it('has the counts that /proc would show of the same moment', () => {
    const [zone] = parsed().memory.zones;
    expect(zone.name).toBe('Normal');
    expect([zone.free.Unmovable[0], zone.free.Unmovable[1], zone.free.Movable[10]]).toEqual([3, 1, 1]);
    expect(zone.pageblocks).toMatchObject({ Unmovable: 2, Movable: 3, Isolate: 0 });
    // Low, boost and the reserve against GFP_KERNEL.
    expect(zone.lowWatermark).toBe(10 + 2 + 3);
  });

  it('has RAM where pageblocks have memory; if few pages are missing, RAM ends earlier', () => {
    expect(parsed().memory.zones[0].ram).toEqual([[1024, 2550]]);
    const all = parseFreelists(freelistsText([], ['Z', SMALL_DUMP[1].replace('present=2550 ', '')]), 'dump');
    expect(all.memory.zones[0].ram).toEqual([[1024, 2560]]);
  });

  it('goes into a log and comes out of it the same', () => {
    const { memory } = parsed();
    const header = logHeader({
      ...{ geometry: x86Geometry(4096), platform: platformNamed('snp'), memory, policy: 'pool', seed: 1 },
      workload: { name: 'none', requests: '' },
    });
    expect(parseHeader(JSON.parse(JSON.stringify(header))).header.memory).toEqual(memory);
  });

  it('maps migratetypes by name: the numbers of CMA and Isolate are not those of decpool', () => {
    const text = freelistsText([], ['L 2 1 0', 'L 2 1 4 1028']);
    expect(parseFreelists(text, 'dump').memory.zones[0].free.CMA[1]).toBe(1);
    expect(startExactly(parseFreelists(text, 'dump').memory, x86Geometry(4096)).zones[0].freePages).toBe(
      1029,
    );
  });

  it('has no 1G mapping in the region of the last page', () => {
    const zone = SMALL_DUMP[1].replace('end=4096', 'end=786432').replace('present=2550', 'present=785408');
    const text = freelistsText([], ['Z', zone]).replace('B 2 3584 1 -1', 'B 2 3584 1529 1');
    expect(parseFreelists(text, 'dump').memory.directMap).toEqual([
      [1024, 261120, 2],
      [262144, 262144, 3],
      [524288, 262144, 2],
    ]);
  });
});

describe('a request sequence', () => {
  it('becomes typed steps with their lines', () => {
    const first = SMALL_DUMP.length + 1;
    const steps = [
      'xa 0 1031 1 1 ls GFP_HIGHUSER_MOVABLE|__GFP_COMP',
      'xf 2 1040 0 migration/0',
      'a 7 0 1024',
      'a 8 3 1048 1 0',
      'f 8 0 0',
      'a 9 10 0',
      'f 9',
      'c 1',
      'xd 0 1025 1 kworker/1:2 x',
      'xn 4 0 dd',
      'xr 0 1027 2 0 init',
      'xk wake',
      'xk sleep',
      'V nr_free_pages 5 6',
    ];
    const wanted = [
      {
        kind: 'allocate-other',
        order: 0,
        pfn: 1031,
        type: 'Movable',
        cpu: 1,
        task: 'ls',
        gfpFlags: 'GFP_HIGHUSER_MOVABLE|__GFP_COMP',
      },
      { kind: 'free-other', order: 2, pfn: 1040, cpu: 0, task: 'migration/0' },
      { kind: 'allocate', id: 7, order: 0, pfn: 1024 },
      { kind: 'allocate', id: 8, order: 3, pfn: 1048, splits: { splits2M: 1, splits1G: 0 } },
      { kind: 'free', id: 8, splits: { splits2M: 0, splits1G: 0 } },
      { kind: 'allocate', id: 9, order: 10, pfn: 0 },
      { kind: 'free', id: 9 },
      { kind: 'cpu', cpu: 1 },
      { kind: 'drain', order: 0, pfn: 1025, cpu: 1, task: 'kworker/1:2 x' },
      { kind: 'bulk', pages: 4, cpu: 0, task: 'dd' },
      { kind: 'refill', order: 0, pfn: 1027, type: 'Reclaimable', cpu: 0, task: 'init' },
      { kind: 'kswapd', isAwake: true },
      { kind: 'kswapd', isAwake: false },
      { kind: 'counter', name: 'nr_free_pages', before: 5, after: 6 },
    ];
    expect(parsed(steps).steps).toEqual(wanted.map((step, index) => ({ line: first + index, ...step })));
  });
});

describe('a malformed file is refused with file and line', () => {
  const refusal = (text: string) => {
    try {
      parseFreelists(text, 'dump');
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return (error as Error).message;
    }
    return 'no refusal';
  };

  it.each([
    ['freelists', 'freelists v2 kernel=6.1', "dump:1: 'freelists v2'; expected 'freelists v1' and key=value"],
    ['freelists', 'freelists v1 smp=2 cpu=0', "dump:1: no kernel=; expected kernel= in a 'freelists' line"],
    ['freelists', 'freelists v1 kernel=6.1 smp=two cpu=0', 'dump:1: smp=two; expected a whole number'],
    ['freelists', 'freelists v1 kernel=6.1 smp=0 cpu=0', 'dump:1: smp=0; expected 1 to 1024 CPUs'],
    ['freelists', 'freelists v1 kernel=6.1 smp=2 cpu=2', 'dump:1: cpu=2; expected 0 to 1'],
    ['Z', 'Z 2', "dump:2: 2 fields; expected 'Z zone key=value...'"],
    ['Z', 'Z 2 name=Normal start=1024', "dump:2: no end=; expected end= in a 'Z' line"],
    [
      'Z',
      SMALL_DUMP[1].replace('end=4096', 'end=1024'),
      'dump:2: start=1024 end=1024; expected pages from start to before end, up to 1 TiB',
    ],
    [
      'Z',
      SMALL_DUMP[1].replace('0,0,3', '0,x,3'),
      'dump:2: lowmem_reserve=0,x,3,3,3; expected whole numbers with commas between them',
    ],
    [
      'Z',
      SMALL_DUMP[1].replace('free=1030', 'free=1031'),
      "dump:2: 1029 pages in 'L' lines; expected 1030: free= and free_diff= of all CPUs",
    ],
    ['Z', SMALL_DUMP[1].replace('free=1030', 'free=-3'), 'dump:2: free=-3; expected 0 or more'],
    ['Q 2 0', 'Q 2 2 count=3', "dump:3: cpu is '2'; expected 0 to 1 in 'Q zone cpu key=value...'"],
    ['Q 2 0', 'Q 1 0 count=3', "dump:3: zone 1 has no 'Z' line before; expected a known zone"],
    ['Q 2 0', 'Q 2 1 count=3', 'dump:3: the lists of CPU 1; expected CPU 0 next'],
    [
      'Q 2 0',
      SMALL_DUMP[2].replace('count=3', 'count=4'),
      "dump:2: 3 pages in 'P' lines of CPU 0; expected count=4, as its 'Q' line",
    ],
    ['Q 2 1', 'M 2 0', 'dump:2: the zone has the lists of 1 CPUs; expected 2, as smp='],
    ['B 2 1024', 'B 2 1024 2 6', "dump:5: type is '6'; expected 0 to 5 in 'B zone first_pfn count type'"],
    [
      'B 2 1024',
      'B 2 1025 2 0',
      'dump:5: 2 pageblocks from page 1025; expected whole pageblocks of 512 pages in the zone',
    ],
    [
      'B 2 1024',
      'B 2 1024 7 0',
      'dump:5: 7 pageblocks from page 1024; expected whole pageblocks of 512 pages in the zone',
    ],
    [
      'Z',
      SMALL_DUMP[1].replace('end=4096', 'end=268435457'),
      'dump:2: start=1024 end=268435457; expected pages from start to before end, up to 1 TiB',
    ],
    [
      'B 2 1024',
      'B 2 1024 9 0',
      'dump:5: 9 pageblocks from page 1024; expected whole pageblocks of 512 pages in the zone',
    ],
    ['M', 'M 2 1 2 3 4 5 6 7', 'dump:8: 7 pageblocks; expected at most 6, as the zone spans'],
    ['M', 'M 2 1 -2', "dump:8: pages is '-2'; expected a whole number in 'M zone pages...'"],
    [
      'L 2 0',
      'L 2 0 0 1027 10x5',
      "dump:9: pfn is '10x5'; expected a whole number in 'L zone order type pfn...'",
    ],
    ['L 2 0', 'L 2 11 0 1027', "dump:9: order is '11'; expected 0 to 10 in 'L zone order type pfn...'"],
    [
      'L 2 0',
      'L 2 0 0 4096',
      'dump:9: pfn 4096; expected the first page of a chunk of order 0 in pages 1024 to 4095',
    ],
    [
      'L 2 0',
      'L 2 1 0 1030',
      'dump:10: the list of order 1, Unmovable, a second time; expected each list once',
    ],
    ['P 2 0 0', 'P 2 0 14 1024', "dump:12: index is '14'; expected 0 to 13 in 'P zone cpu index pfn...'"],
    [
      'P 2 0 3',
      'P 2 0 3 1033',
      'dump:13: pfn 1033; expected the first page of a chunk of order 1 in pages 1024 to 4095',
    ],
  ])('%s: %s', (begins, text, message) => {
    expect(refusal(freelistsText([], [begins, text]))).toBe(message);
  });

  it.each([
    ['a 1 0', "3 fields; expected 'a id order pfn [l2 l3]'"],
    ['a 1 0 1024 1', "5 fields; expected 'a id order pfn [l2 l3]'"],
    ['a 1 3 1025', 'pfn 1025; expected the first page of a chunk of order 3 in a zone'],
    ['a 1 0 5', 'pfn 5; expected the first page of a chunk of order 0 in a zone'],
    ['f 1', 'chunk 1 is not allocated; expected an allocation before'],
    ['c 2', "cpu is '2'; expected 0 to 1 in 'c cpu'"],
    ['xa 0 1024 0 0 ls', "6 fields; expected 'xa order pfn type cpu task gfp_flags...'"],
    [
      'xa 0 1024 9 0 ls GFP_KERNEL',
      "type is '9'; expected 0 to 5 in 'xa order pfn type cpu task gfp_flags...'",
    ],
    ['xf 0 1024 0', "4 fields; expected 'xf order pfn cpu task...'"],
    ['xd 11 1024 0 dd', "order is '11'; expected 0 to 10 in 'xd order pfn cpu task...'"],
    ['xn x 0 dd', "n is 'x'; expected a whole number in 'xn n cpu task...'"],
    ['xr 0 1024 0 7 dd', "cpu is '7'; expected 0 to 1 in 'xr order pfn type cpu task...'"],
    ['xk up', "'up'; expected 'xk wake' or 'xk sleep'"],
    ['V nr_free_pages 1', "3 fields; expected 'V name before after'"],
    ['', "''; expected Z, Q, B, M, L, P, a, f, c, xa, xf, xd, xn, xr, xk, V or end"],
  ])("step '%s'", (step, message) => {
    expect(refusal(freelistsText([step]))).toBe(`dump:${SMALL_DUMP.length + 1}: ${message}`);
  });

  it('a chunk that is not whole in a zone: up to its first and its last page all are', () => {
    const isTaken = (order: number, pfn: number) => {
      const message = refusal(freelistsText([`a 1 ${order} ${pfn}`]));
      const wanted = `the first page of a chunk of order ${order} in a zone`;
      if (message !== 'no refusal') expect(message).toBe(`dump:14: pfn ${pfn}; expected ${wanted}`);
      return message === 'no refusal';
    };
    for (const order of [0, 1, 4, 10]) {
      const pages = 2 ** order;
      // A pfn of 0 says that the kernel had none.
      const isWhole = (pfn: number) => pfn % pages === 0 && pfn >= 1024 && pfn + pages <= 4096;
      for (const pfn of [512, 1023, 1024, 1025, 1024 + pages, 4096 - pages, 4095, 4096])
        expect(isTaken(order, pfn), `order ${order} at ${pfn}`).toBe(isWhole(pfn));
    }
  });

  it('a zone that ends behind the first TiB: up to there all are', () => {
    const text = (end: number) => freelistsText([], ['Z', SMALL_DUMP[1].replace('end=4096', `end=${end}`)]);
    expect(refusal(text(2 ** 28))).toBe('no refusal');
    expect(refusal(text(2 ** 28 + 1))).toContain('up to 1 TiB');
    expect(refusal(text(1023))).toContain('expected pages from start to before end');
  });

  it('a chunk that is allocated twice', () => {
    expect(refusal(freelistsText(['a 1 0 1024', 'a 1 0 1025']))).toBe(
      'dump:15: chunk 1 is allocated a second time; expected a free before',
    );
  });

  it('a dump that goes on after the first request', () => {
    expect(refusal(freelistsText(['a 1 0 1024', 'L 2 2 0 1040']))).toBe(
      "dump:15: 'L' after the first request; expected the dump before the sequence",
    );
  });

  it('a file that is cut off', () => {
    expect(refusal(freelistsText().replace('end\n', ''))).toBe(
      "dump:14: the file is cut off; expected 'end' as its last line",
    );
  });

  it('a file of another kind', () => {
    expect(refusal('Node 0, zone DMA 1 2 3\n')).toBe(
      "dump:1: 'Node 0, zone'; expected 'freelists v1' and key=value",
    );
  });
});

describe('as a memory state', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ['the file itself', 'dump.txt', (path: string) => join(path, 'dump.txt'), false],
    ['a gzipped file', 'dump.gz', (path: string) => join(path, 'dump.gz'), true],
    ['a folder with freelists.gz', 'freelists.gz', (path: string) => path, true],
    ['a folder with freelists', 'freelists', (path: string) => path, false],
  ])('%s is read', (_, file, given, isGzip) => {
    writeFileSync(join(folder, file), isGzip ? gzipSync(freelistsText()) : freelistsText());
    const { memory } = parsed();
    expect(readMemoryState(given(folder)).memory).toEqual({ ...memory, name: `${memory.name} (exact)` });
  });

  it('a folder may name it, and may have a walk of the direct map', () => {
    writeFileSync(join(folder, 'freelists'), freelistsText());
    writeFileSync(join(folder, 'name'), 'after a day\n');
    writeFileSync(join(folder, 'directmap'), '#map,before,1024,3072,1,0x0\n');
    const { memory, warnings } = readMemoryState(folder);
    expect([memory.name, memory.directMap]).toEqual(['after a day (exact)', [[1024, 3072, 1]]]);
    expect(warnings).toEqual([]);
  });

  it('has the name of its kernel, and of how it was made as far as it says that', () => {
    const nameOf = (header: string) => {
      writeFileSync(join(folder, 'freelists'), freelistsText([], ['freelists', header]));
      return readMemoryState(folder).memory.name;
    };
    expect(nameOf('freelists v1 kernel=6.1 smp=2 cpu=0')).toBe('6.1 (exact)');
    expect(nameOf('freelists v1 kernel=6.1 smp=2 cpu=0 kind=mix convert=0')).toBe('6.1 mix (exact)');
    expect(nameOf('freelists v1 kernel=6.1 smp=2 cpu=0 state=made seed=3 convert=1')).toBe(
      '6.1 convert-made-3 (exact)',
    );
  });

  it('a folder with neither names what is expected', () => {
    mkdirSync(join(folder, 'empty'));
    expect(() => readMemoryState(join(folder, 'empty'))).toThrow(
      /buddyinfo: cannot be read; a memory state is a folder/,
    );
  });
});
