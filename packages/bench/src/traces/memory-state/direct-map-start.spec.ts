import type { MappingRun } from '@decpool/model';
import { InputError } from '@decpool/model';
import type { PageRun } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { directMapStart } from './direct-map-start.ts';
import type { ProcFiles } from './proc-files.ts';

const GIB = 2 ** 18;
/** RAM of a guest of 4 GiB as QEMU lays it out; its zones touch. */
const GUEST: PageRun[] = [
  [1, 0x9e],
  [0x100, 0xf00],
  [0x1000, 0xbffd7 - 0x1000],
  [4 * GIB, GIB],
];

const startOf = (texts: Readonly<Record<string, string>>, ram: readonly PageRun[] = GUEST) => {
  const files: ProcFiles = {
    place: 'FOLDER',
    pathOf: (name) => `FOLDER/${name}`,
    textOf: (name) => texts[name],
  };
  return directMapStart(files, ram);
};

/** Pages mapped at each level. */
const pagesByLevel = (runs: readonly MappingRun[]) =>
  [1, 2, 3].map((of) => runs.reduce((sum, [, pages, level]) => sum + (level === of ? pages : 0), 0));

const meminfo = (kb4K: number, kb2M: number, kb1G?: number) =>
  `MemTotal: 1 kB\nDirectMap4k:    ${kb4K} kB\nDirectMap2M:    ${kb2M} kB\n${kb1G === undefined ? '' : `DirectMap1G:    ${kb1G} kB\n`}`;

describe('the counts of meminfo', () => {
  it('map the ends of RAM by 4K, and as many blocks as are left of DirectMap4k', () => {
    // Five ranges, each of two blocks and 500 pages more at its end: 2,500 pages, or 10,000 kB, lie at ends of RAM.
    const ram = [1, 2, 3, 4, 5].map((range): PageRun => [4096 * range, 1024 + 500]);
    for (const blocks of [0, 1, 3]) {
      const { runs, note } = startOf({ meminfo: meminfo(10_000 + 2048 * blocks, 2048 * (10 - blocks)) }, ram);
      expect(pagesByLevel(runs)).toEqual([2500 + 512 * blocks, 512 * (10 - blocks), 0]);
      expect(note).toContain(`in the lowest ${blocks} blocks`);
    }
  });
});

it('counts 1G entries of a large guest one by one', () => {
  const ram: PageRun[] = [[4 * GIB, 700 * GIB]];
  const { runs, note } = startOf({ meminfo: meminfo(0, 2 * 2 ** 20, 698 * 2 ** 20) }, ram);
  expect(pagesByLevel(runs)).toEqual([0, 2 * GIB, 698 * GIB]);
  expect(note).toContain('698 GiB mapped by 1G, the highest (DirectMap1G counts 698)');
});

it('of the GiB with the last page 1G entries are placed last', () => {
  const ram: PageRun[] = [[4 * GIB, 3 * GIB]];
  const levels = (gib: number) =>
    startOf({ meminfo: meminfo(0, (3 - gib) * 2 ** 20, gib * 2 ** 20) }, ram).runs;
  expect(levels(1)).toEqual([
    [4 * GIB, GIB, 2],
    [5 * GIB, GIB, 3],
    [6 * GIB, GIB, 2],
  ]);
  expect(levels(2)).toEqual([
    [4 * GIB, 2 * GIB, 3],
    [6 * GIB, GIB, 2],
  ]);
  expect(levels(3)).toEqual([[4 * GIB, 3 * GIB, 3]]);
});

describe('a walk', () => {
  it('may be the #map lines of a recording', () => {
    const directmap =
      '#map,a,start_pfn,npages,level,flags\n#map,a,0,512,1,0x0\n#map,a,512,512,2,0x1\n#map,a,1024,512,2,0x3\n';
    expect(startOf({ directmap, meminfo: meminfo(0, 0) })).toEqual({
      runs: [
        [0, 512, 1],
        [512, 512, 2],
        [1024, 512, 2],
      ],
      note: undefined,
    });
  });

  it('of #map lines must rise, and have levels from 0 to 3', () => {
    const runs = (...lines: readonly string[]) => startOf({ directmap: `${lines.join('\n')}\n\n` }).runs;
    expect(runs('#map,a,0,512,1', '#map,a,512,1,0,0x0', '#map,b,600,1,3')).toEqual([
      [0, 512, 1],
      [512, 1, 0],
      [600, 1, 3],
    ]);
    expect(() => runs('#map,a,0,512,1', '#map,a,511,1,1')).toThrow(
      new InputError('FOLDER/directmap:2: expected runs of rising pages, got 511 after 511'),
    );
    for (const text of ['#map,a,0,512,4', '#map,a,0,512', '# a comment', '#map,a,0,512,12'])
      expect(() => runs('#map,a,0,1,1', text)).toThrow(
        new InputError(
          `FOLDER/directmap:2: expected '#map,LABEL,start_pfn,npages,level,flags', got '${text}'`,
        ),
      );
  });

  it('comes before the counts of meminfo; of two, the one of a recording', () => {
    const [directmap, page_tables] = ['#map,a,7,1,1', 'nonsense'];
    expect(startOf({ directmap, page_tables, meminfo: meminfo(0, 0) })).toEqual({
      runs: [[7, 1, 1]],
      note: undefined,
    });
  });

  /** As /sys/kernel/debug/page_tables/kernel prints it, with a direct map at a random address. */
  const PTDUMP = [
    '---[ User Space ]---',
    '0x0000000000000000-0xffff800000000000    16777088T                               pgd',
    '---[ Low Kernel Mapping ]---',
    '0xffff9a4000000000-0xffff9a4000099000         612K     RW                 GLB NX pte',
    '0xffff9a4000099000-0xffff9a400009a000           4K     ro                 GLB NX pte',
    '0xffff9a400009a000-0xffff9a4000200000        1432K     RW                 GLB NX pte',
    '0xffff9a4000200000-0xffff9a4040000000        1022M     RW         PSE     GLB NX pmd',
    '0xffff9a4040000000-0xffff9a4080000000           1G     RW         PSE     GLB NX pud',
    '0xffff9a4080000000-0xffff9a40bfe00000        1022M     ro         PSE     GLB x  pmd',
    '0xffff9a40bfe00000-0xffff9a40bffd7000        1884K     RW                 GLB NX pte',
    '0xffff9a40bffd7000-0xffff9a40c0000000         164K                               pte',
    '0xffff9a40c0000000-0xffff9a4100000000           1G                               pud',
    '0xffff9a4100000000-0xffff9a4140000000           1G     RW         PSE     GLB NX pud',
    '0xffff9a4140000000-0xffff9a8000000000         251G                               pud',
    '---[ vmalloc() Area ]---',
    '0xffffa00000000000-0xffffa00000001000           4K     RW                 GLB NX pte',
    '',
  ].join('\n');

  it('may be a dump of the page tables, whatever address the direct map is at', () => {
    const expected = {
      runs: [
        [0, 512, 1],
        [512, GIB - 512, 2],
        [GIB, GIB, 3],
        [2 * GIB, 0xbfe00 - 2 * GIB, 2],
        [0xbfe00, 0x1d7, 1],
        [4 * GIB, GIB, 3],
      ],
      note: undefined,
    };
    expect(startOf({ page_tables: PTDUMP })).toEqual(expected);
    expect(startOf({ directmap: PTDUMP })).toEqual(expected);
  });

  it.each([
    [
      'a line that is none',
      PTDUMP.replace('-0xffff9a4040000000', ''),
      /^FOLDER.page_tables:7: expected '0xSTART-0xEND SIZE/,
    ],
    [
      'a large entry that is none',
      PTDUMP.replace('1G     RW         PSE     GLB NX pud', '1G     RW         PSE     GLB NX pgd'),
      /^FOLDER.page_tables:8: a present entry at level pgd; expected pte, pmd or pud/,
    ],
    [
      'no direct map',
      PTDUMP.replace('Low Kernel Mapping', 'Linear Mapping'),
      /^FOLDER.page_tables: no mapped pages in a section '---\[ Low Kernel Mapping \]---'; expected a copy of/,
    ],
  ])('with %s is refused', (_, page_tables, message) => {
    expect(() => startOf({ page_tables })).toThrow(InputError);
    expect(() => startOf({ page_tables })).toThrow(message);
  });
});

describe('the counts of meminfo', () => {
  it('place 1G entries from the highest aligned GiB of RAM down, 4K entries low, and 2M entries elsewhere', () => {
    // 32 GiB, of which 25 are mapped by 2M.
    const ram: PageRun[] = [
      [1, 0x9e],
      [0x100, 3 * GIB - 0x100],
      [4 * GIB, 29 * GIB],
    ];
    const kb4K = 2048 * 340;
    const { runs, note } = startOf({ meminfo: meminfo(kb4K, 25 * 2 ** 20 - kb4K, 7 * 2 ** 20) }, ram);
    expect(runs).toEqual([
      [1, 0x9e, 1],
      [0x100, 340 * 512 - 0x100, 1],
      [340 * 512, 3 * GIB - 340 * 512, 2],
      [4 * GIB, 21 * GIB, 2],
      [25 * GIB, 7 * GIB, 3],
      [32 * GIB, GIB, 2],
    ]);
    expect(note).toBe(
      'The direct map is placed by the counts of meminfo: 7 GiB mapped by 1G, the highest (DirectMap1G counts 7); ' +
        '4K entries at the ends of RAM and in the lowest 339 blocks; 2M entries elsewhere.',
    );
  });

  it('count more 1G entries than there are: 4K and 2M entries leave room for them', () => {
    // Recorded on 6.1; a walk found the one 1G entry at 1 GiB.
    const { runs, note } = startOf({ meminfo: meminfo(34652, 3110912, 3145728) });
    expect(runs.filter(([, , level]) => level === 3)).toEqual([[GIB, GIB, 3]]);
    expect(note).toContain('1 GiB mapped by 1G, the highest (DirectMap1G counts 3)');
    const [pages4K, pages2M] = pagesByLevel(runs);
    expect(Math.abs(4 * pages4K - 34652)).toBeLessThan(2048);
    expect(Math.abs(4 * pages2M - 3110912)).toBeLessThan(2 * 2048);
  });

  it('may lack the level of 1G', () => {
    const { runs } = startOf({ meminfo: meminfo(2048, 4 * 2 ** 20) });
    expect(pagesByLevel(runs)[2]).toBe(0);
  });

  it('leave a whole block and less mapped by 2M or by 4K as they say, and never the first block by 2M', () => {
    const ram: PageRun[] = [[0, 4 * 512 + 1]];
    const levels = (blocks4K: number) => startOf({ meminfo: meminfo(2052 + 2048 * blocks4K, 0) }, ram).runs;
    expect(levels(0)).toEqual([
      [0, 512, 1],
      [512, 3 * 512, 2],
      [4 * 512, 1, 1],
    ]);
    expect(levels(2)).toEqual([
      [0, 3 * 512, 1],
      [3 * 512, 512, 2],
      [4 * 512, 1, 1],
    ]);
    expect(levels(9)).toEqual([[0, 4 * 512 + 1, 1]]);
    // Less than half a block more is none.
    expect(startOf({ meminfo: meminfo(2052 + 1000, 0) }, ram).runs).toEqual(levels(0));
  });

  it('of another architecture are not used', () => {
    expect(startOf({ meminfo: 'DirectMap4k: 1 kB\n' }).note).toMatch(/^The direct map is assumed/);
    expect(startOf({ meminfo: 'DirectMap2M: 1 kB\n' }).note).toMatch(/^The direct map is assumed/);
    expect(startOf({ meminfo: 'MemTotal: 1 kB\n' }).note).toMatch(/^The direct map is assumed/);
  });
});

it('without any file the direct map is assumed as at boot', () => {
  const { runs, note } = startOf({});
  expect(runs.filter(([, , level]) => level === 3)).toEqual([[GIB, GIB, 3]]);
  expect(note).toMatch(/^The direct map is assumed as at boot: .* A copy of \/proc\/meminfo, or a walk/);
});
