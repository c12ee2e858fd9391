import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, spanOf, x86Geometry } from '@decpool/model';
import { MIGRATETYPES, type ZoneState } from '@decpool/model/internal';
import { PageSource } from '@decpool/pool/internal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMemoryState } from './memory-state.ts';

const BUNDLED = fileURLToPath(new URL('../../../../../examples/traces/memory/', import.meta.url));

const freePages = ({ free }: ZoneState) =>
  MIGRATETYPES.reduce(
    (sum, type) => sum + free[type].reduce((pages, count, order) => pages + count * 2 ** order, 0),
    0,
  );
const ramPages = ({ ram }: ZoneState) => ram.reduce((sum, [, pages]) => sum + pages, 0);

describe('the bundled memory states', () => {
  it.each(['k61-E7cc-before', 'k61-E1w-before'])('%s can be started from', (name) => {
    const { memory, warnings } = readMemoryState(join(BUNDLED, name));
    expect(memory.name).toBe(`${name} (counts)`);
    expect(warnings).toEqual([]);
    expect(memory.zones.map((zone) => zone.name)).toEqual(['DMA', 'DMA32', 'Normal']);
    for (const zone of memory.zones) expect(freePages(zone)).toBeLessThanOrEqual(ramPages(zone));
    expect(() => new PageSource(memory, x86Geometry(spanOf(memory)), 1)).not.toThrow();
  });

  it('k61-E7cc-before has its RAM where iomem says, and its free chunks as pagetypeinfo counts them', () => {
    const { memory } = readMemoryState(join(BUNDLED, 'k61-E7cc-before'));
    const [dma, dma32, normal] = memory.zones;
    expect(dma.ram).toEqual([
      [1, 0x9e],
      [0x100, 0xf00],
    ]);
    expect(dma32.ram).toEqual([[0x1000, 0xbffd7 - 0x1000]]);
    expect(normal.ram).toEqual([[0x100000, 0x40000]]);
    expect(dma32.free.Unmovable).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0]);
    expect(dma32.free.Movable).toEqual([2, 2, 2, 2, 1, 2, 1, 2, 1, 1, 732]);
    expect(normal.pageblocks).toMatchObject({ Unmovable: 138, Movable: 364, Reclaimable: 10, CMA: 0 });
    expect(memory.directMap.slice(0, 2)).toEqual([
      [0, 512, 1],
      [512, 3584, 2],
    ]);
  });

  it('k61-E7cc-before has the low watermarks of zoneinfo, with what is reserved against GFP_KERNEL', () => {
    const { memory } = readMemoryState(join(BUNDLED, 'k61-E7cc-before'));
    const zoneinfo = readFileSync(join(BUNDLED, 'k61-E7cc-before', 'zoneinfo'), 'utf8');
    const low = [...zoneinfo.matchAll(/^ +low +(\d+)$/gm)].map(([, pages]) => Number(pages));
    const reserve = [...zoneinfo.matchAll(/protection: \(\d+, \d+, (\d+)/g)].map(([, pages]) =>
      Number(pages),
    );
    expect(memory.zones.map((zone) => zone.lowWatermark)).toEqual([0, 1, 2].map((i) => low[i] + reserve[i]));
    expect(memory.zones[1].lowWatermark).toBeGreaterThan(10_000);
  });

  it('k61-E1w-before has more order-0 chunks than pagetypeinfo counts: buddyinfo tells how many', () => {
    const folder = join(BUNDLED, 'k61-E1w-before');
    expect(readFileSync(join(folder, 'pagetypeinfo'), 'utf8')).toContain('>100000');
    const { memory } = readMemoryState(folder);
    const buddyinfo = readFileSync(join(folder, 'buddyinfo'), 'utf8').trimEnd().split('\n');
    const totals = buddyinfo.map((line) => line.trim().split(/\s+/).slice(4).map(Number));
    expect(
      memory.zones.map(({ free }) =>
        totals[0].map((_, order) => MIGRATETYPES.reduce((sum, type) => sum + free[type][order], 0)),
      ),
    ).toEqual(totals);
    expect(Math.max(...memory.zones.map(({ free }) => free.Unmovable[0]))).toBeGreaterThan(100_000);
  });
});

describe('a folder of /proc files', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
    cpSync(join(BUNDLED, 'k61-E7cc-before'), folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const edit = (file: string, from: string | RegExp, to: string) => {
    const path = join(folder, file);
    const before = readFileSync(path, 'utf8');
    const after = before.replace(from, to);
    expect(after).not.toBe(before);
    writeFileSync(path, after);
  };
  const remove = (...files: string[]) => {
    for (const file of files) rmSync(join(folder, file));
  };
  const refusal = () => {
    try {
      readMemoryState(folder);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return (error as Error).message.replaceAll(`${folder}/`, '').replaceAll(folder, 'FOLDER');
    }
    return 'no refusal';
  };

  it('is called what its file `name` says', () => {
    writeFileSync(join(folder, 'name'), '6.1 after a day\n');
    expect(readMemoryState(folder).memory.name).toBe('6.1 after a day (counts)');
  });

  it('has the watermarks of zoneinfo, with what each zone keeps from requests that could use higher ones', () => {
    const { zones } = readMemoryState(folder).memory;
    expect(zones.map(({ name, lowWatermark, watermarks }) => [name, lowWatermark, watermarks])).toEqual([
      ['DMA', 80 + 3889, { min: 64, low: 80, high: 96, lowmemReserve: [0, 2936, 3889, 3889, 3889] }],
      ['DMA32', 15885 + 952, { min: 12708, low: 15885, high: 19062, lowmemReserve: [0, 0, 952, 952, 952] }],
      ['Normal', 5152, { min: 4122, low: 5152, high: 6182, lowmemReserve: [0, 0, 0, 0, 0] }],
    ]);
  });

  it('needs no zoneinfo: x86 zones end at 16 MiB and 4 GiB, and have no watermark', () => {
    const whole = readMemoryState(folder).memory;
    remove('zoneinfo');
    const zones = whole.zones.map(({ pageCache: _, watermarks: __, ...zone }) => ({
      ...zone,
      lowWatermark: 0,
    }));
    expect(readMemoryState(folder).memory).toEqual({ ...whole, zones });
  });

  it('has page cache by zone if zoneinfo counts it, else by the part of meminfo for the pages in use', () => {
    const cacheOf = () => readMemoryState(folder).memory.zones.map(({ pageCache }) => pageCache);
    edit('zoneinfo', /^ +nr_zone_(?:in)?active_file.*\n/gm, '');
    expect(cacheOf()).toEqual([undefined, undefined, undefined]);
    // 2,000 pages of page cache.
    writeFileSync(
      join(folder, 'meminfo'),
      'Active(file):    3000 kB\nInactive(file):  5000 kB\nCached:  99 kB\n',
    );
    const { zones } = readMemoryState(folder).memory;
    const inUse = zones.map((zone) => ramPages(zone) - freePages(zone));
    const all = inUse.reduce((sum, pages) => sum + pages, 0);
    expect(cacheOf()).toEqual(inUse.map((pages) => Math.floor((2000 * pages) / all)));
    // There is no more page cache than pages in use.
    writeFileSync(join(folder, 'meminfo'), 'Active(file): 99000000 kB\n');
    expect(cacheOf()).toEqual(inUse);
    edit('zoneinfo', /^( +start_pfn:.*)$/m, ' nr_zone_inactive_file 12\n nr_zone_active_file 30\n$1');
    expect(cacheOf()).toEqual([42, undefined, undefined]);
    edit('zoneinfo', / nr_zone_active_file 30\n/, '');
    expect(cacheOf()).toEqual([12, undefined, undefined]);
  });

  it('needs no iomem: then a zone is RAM throughout', () => {
    remove('iomem');
    const { memory, warnings } = readMemoryState(folder);
    expect(memory.zones.map(({ ram }) => ram)).toEqual([[[1, 4095]], [[4096, 1044480]], [[1048576, 262144]]]);
    expect(warnings).toContainEqual(
      expect.stringMatching(
        /^In zone DMA32, zoneinfo .* 782295 .* its span .* 1044480\. .*1044480 .* RAM\.$/,
      ),
    );
  });

  it('needs one of the two', () => {
    remove('iomem', 'zoneinfo');
    expect(refusal()).toMatch(/^FOLDER: no iomem and no zoneinfo;/);
  });

  it('needs no walk of the direct map, and says so: it is assumed as at boot', () => {
    remove('directmap');
    const { memory, warnings } = readMemoryState(folder);
    expect(memory.directMap.at(-1)).toEqual([0x100000, 0x40000, 2]);
    expect(warnings).toEqual([
      expect.stringMatching(/^The direct map is assumed as at boot: 1G entries where/),
    ]);
  });

  it.each(['buddyinfo', 'pagetypeinfo'])('needs %s', (file) => {
    remove(file);
    expect(refusal()).toMatch(
      new RegExp(`^${file}: cannot be read; a memory state is a folder with copies of /proc/buddyinfo and`),
    );
  });

  it('gives the rest of what buddyinfo counts to the type that is capped', () => {
    edit('pagetypeinfo', /(DMA32, type +Movable +)2/, '$1>100000');
    edit('buddyinfo', /(DMA32 +)2/, '$1123456');
    const { memory, warnings } = readMemoryState(folder);
    expect(memory.zones[1].free.Movable[0]).toBe(123_456);
    // Another warning says that more pages are free than the zone has: see below.
    expect(warnings.filter((text) => text.includes('order 0'))).toEqual([]);
  });

  it.each([
    [3, 1],
    [99_999, 99_997],
  ])('warns when buddyinfo counts too few chunks (%i) for a type that is capped', (total, left) => {
    edit('pagetypeinfo', /(DMA32, type +Unmovable +)0/, '$1>100000');
    edit('buddyinfo', /(DMA32 +)2/, `$1${total}`);
    const { memory, warnings } = readMemoryState(folder);
    expect(memory.zones[1].free.Unmovable[0]).toBe(left);
    expect(warnings[0]).toMatch(
      new RegExp(`^In zone DMA32, order 0, .* 100000 Unmovable .* ${left}\\. .* buddyinfo is used\\.$`),
    );
  });

  it('gives all of the rest to the first of two types that are capped, and warns', () => {
    edit('pagetypeinfo', /(DMA32, type +Unmovable +)0/, '$1>100000');
    edit('pagetypeinfo', /(DMA32, type +Movable +)2/, '$1>100000');
    edit('buddyinfo', /(DMA32 +)2/, '$1300000');
    const { memory, warnings } = readMemoryState(folder);
    expect(memory.zones[1].free).toMatchObject({
      Unmovable: expect.arrayContaining([300_000]),
      Movable: [0, 2, 2, 2, 1, 2, 1, 2, 1, 1, 732],
    });
    expect(warnings[0]).toMatch(/^In zone DMA32, order 0, .* Unmovable and Movable\. Unmovable gets all /);
  });

  it('warns of counts that no placement can satisfy', () => {
    edit('pagetypeinfo', /(DMA32, type +Movable +2.*)732/, '$19000');
    edit('buddyinfo', /(DMA32.*)732/, '$19000');
    edit('pagetypeinfo', /(Normal, type +Unmovable +)\d+/, '$199999');
    edit('buddyinfo', /(Normal +)\d+/, '$199999');
    const { memory, warnings } = readMemoryState(folder);
    expect(warnings.filter((text) => !text.includes('order'))).toEqual([
      expect.stringMatching(/^In zone DMA32, 18002 pageblocks are free, .* only 1527 /),
      expect.stringMatching(/^In zone DMA32, 686 free Movable pages do not fit in 0 Movable pageblocks\./),
      expect.stringMatching(/^In zone Normal, 283968 pages are free, but only 262144 /),
      expect.stringMatching(/^In zone Normal, 100229 free Unmovable pages .* 138 Unmovable pageblocks\./),
    ]);
    const { dropped, misplaced } = new PageSource(memory, x86Geometry(spanOf(memory)), 1);
    expect(dropped).toBeGreaterThan(0);
    expect(misplaced).toBeGreaterThan(0);
  });

  it('warns of more free pages than there is RAM', () => {
    // 262,144 pages of RAM; chunks of 256 pages are no whole pageblocks.
    edit('pagetypeinfo', /(Normal, type +Movable +(?:\d+ +){8})\d+/, '$11100');
    edit('buddyinfo', /(Normal +(?:\d+ +){8})\d+/, '$11100');
    expect(readMemoryState(folder).warnings).toContainEqual(
      expect.stringMatching(
        /^In zone Normal, \d+ pages are free, but only 262144 are RAM\. Some free pages are ignored\.$/,
      ),
    );
  });

  it('warns where iomem and zoneinfo disagree on how much RAM a zone has', () => {
    edit('zoneinfo', /present +782295/, 'present 782000');
    expect(readMemoryState(folder).warnings).toEqual([
      expect.stringMatching(
        /^In zone DMA32, zoneinfo counts 782000 present pages, but iomem has 782295\. .*782295 .* RAM\.$/,
      ),
    ]);
  });

  it('warns if buddyinfo and pagetypeinfo disagree, and uses pagetypeinfo', () => {
    edit('buddyinfo', /(DMA32 +)2/, '$17');
    const { memory, warnings } = readMemoryState(folder);
    expect(memory.zones[1].free.Movable[0]).toBe(2);
    expect(warnings).toEqual([
      expect.stringMatching(/^In zone DMA32, buddyinfo .*\(order 0: 7 and 2\)\. .*pagetypeinfo are used\.$/),
    ]);
  });

  it('may come from a kernel that counts mixed blocks too (page_owner=on)', () => {
    const whole = readMemoryState(folder).memory;
    edit(
      'pagetypeinfo',
      /$/,
      'Number of mixed blocks    Unmovable      Movable  Reclaimable   HighAtomic      Isolate \nNode 0, zone      DMA            9            9            9            9            9 \n',
    );
    expect(readMemoryState(folder).memory).toEqual(whole);
  });

  it.each([
    [
      'buddyinfo',
      / 732 $/m,
      '',
      "buddyinfo:2: expected 'Node N, zone NAME' and 11 counts, got 'Node 0, zone",
    ],
    ['buddyinfo', /.*/s, '', 'buddyinfo: no zones; expected the content of /proc/buddyinfo'],
    [
      'buddyinfo',
      /^Node 0, zone {2,}Normal/m,
      'Node 1, zone Normal',
      'pagetypeinfo: no node 1, zone Normal, which buddyinfo has',
    ],
    ['buddyinfo', 'DMA32', 'HighMem', 'pagetypeinfo: no zone HighMem, which buddyinfo has'],
    ['pagetypeinfo', /.*/s, '', 'pagetypeinfo: no zones; expected the content of /proc/pagetypeinfo'],
    ['pagetypeinfo', ' 732 ', '', 'pagetypeinfo:11: expected 11 counts, got 10'],
    ['pagetypeinfo', ' 732 ', ' 7x2', "pagetypeinfo:11: not a line of /proc/pagetypeinfo: 'Node    0, zone"],
    [
      'pagetypeinfo',
      'Movable ',
      'Mobile  ',
      "pagetypeinfo:6: unknown migratetype 'Mobile'; known: Unmovable",
    ],
    ['pagetypeinfo', ' 1526 ', ' ', 'pagetypeinfo:23: expected 5 counts, got 4'],
    [
      'pagetypeinfo',
      /^Number of blocks[\s\S]*/m,
      '',
      "pagetypeinfo: no 'Number of blocks type' section with the pageblocks of each migratetype; expected all",
    ],
    [
      'pagetypeinfo',
      /^Node 0, zone +Normal .*\n/m,
      '',
      "pagetypeinfo: no 'Number of blocks type' line for zone Normal, which buddyinfo has",
    ],
    ['buddyinfo', /^.*Normal.*\n/m, '', 'buddyinfo: no zone Normal, which pagetypeinfo has'],
    ['buddyinfo', 'Normal', ' DMA32', 'buddyinfo:3: zone DMA32 a second time; expected each zone of a node'],
    ['iomem', /^[0-9a-f]+-[0-9a-f]+/gm, '00000000-00000000', "iomem: no 'System RAM' with an address; read"],
    ['iomem', /^1000.*System RAM$/m, '', 'FOLDER: buddyinfo has zone Normal, but no RAM lies in it'],
    ['zoneinfo', /.*/s, '', 'zoneinfo: no zones; expected the content of /proc/zoneinfo'],
    ['directmap', ',512,3584,2,', ',512,3584,4,', "directmap:3: expected '#map,LABEL,start_pfn,npages,level"],
    [
      'directmap',
      ',512,3584,2,',
      ',511,3584,2,',
      'directmap:3: expected runs of rising pages, got 511 after 511',
    ],
  ])('is refused with file and line: %s, %s as %j', (file, from, to, message) => {
    edit(file, from, to);
    expect(refusal()).toContain(message);
  });
});

describe('a machine with two NUMA nodes', () => {
  const ORDERS = ' 0 0 0 0 0 0 0 0 0 0 ';
  const free = (node: number, zone: string, chunks: number) =>
    `Node    ${node}, zone ${zone}, type    Unmovable ${ORDERS} 0\nNode    ${node}, zone ${zone}, type      Movable ${ORDERS} ${chunks}\n`;
  const section = (node: number, zones: readonly (readonly [string, number])[]) =>
    'Page block order: 9\nPages per block:  512\n\nFree pages count per migrate type at order 0 1\n' +
    zones.map(([zone, chunks]) => free(node, zone, chunks)).join('') +
    '\nNumber of blocks type     Unmovable      Movable \n' +
    zones.map(([zone, chunks]) => `Node ${node}, zone ${zone} 1 ${2 * chunks}\n`).join('') +
    'Number of mixed blocks    Unmovable      Movable \n' +
    zones.map(([zone]) => `Node ${node}, zone ${zone} 7 7\n`).join('');
  const zoneinfo = (node: number, zone: string, start: number, pages: number, low: number) =>
    `Node ${node}, zone ${zone}\n  pages free     1\n        low      ${low}\n        spanned  ${pages}\n` +
    `        present  ${pages}\n        protection: (0, 0, 0, 0, 0)\n  start_pfn:           ${start}\n`;

  let folder = '';
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
    write(
      'buddyinfo',
      `Node 0, zone DMA32 ${ORDERS} 2\nNode 0, zone Normal ${ORDERS} 3\nNode 1, zone Normal ${ORDERS} 4\n`,
    );
    write(
      'pagetypeinfo',
      section(0, [
        ['DMA32', 2],
        ['Normal', 3],
      ]) + section(1, [['Normal', 4]]),
    );
    write(
      'zoneinfo',
      zoneinfo(0, 'DMA32', 4096, 8192, 10) +
        zoneinfo(0, 'Normal', 2 ** 20, 16_384, 20) +
        zoneinfo(1, 'Normal', 2 ** 20 + 16_384, 32_768, 30) +
        'Node 1, zone Movable\n  pages free     0\n        spanned  0\n',
    );
    write('iomem', '01000000-02ffffff : System RAM\n100000000-10bffffff : System RAM\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has the zones of each, with their own RAM, free chunks and watermarks', () => {
    const { memory, warnings } = readMemoryState(folder);
    expect(warnings).toEqual([expect.stringMatching(/^The direct map is assumed/)]);
    expect(
      memory.zones.map(({ node, name, ram, lowWatermark, free, pageblocks }) => ({
        node,
        name,
        ram,
        lowWatermark,
        chunks: free.Movable[10],
        movable: pageblocks.Movable,
      })),
    ).toEqual([
      { node: 0, name: 'DMA32', ram: [[4096, 8192]], lowWatermark: 10, chunks: 2, movable: 4 },
      { node: 0, name: 'Normal', ram: [[2 ** 20, 16_384]], lowWatermark: 20, chunks: 3, movable: 6 },
      { node: 1, name: 'Normal', ram: [[2 ** 20 + 16_384, 32_768]], lowWatermark: 30, chunks: 4, movable: 8 },
    ]);
  });

  it('names the node where its files disagree', () => {
    write(
      'buddyinfo',
      `Node 0, zone DMA32 ${ORDERS} 2\nNode 0, zone Normal ${ORDERS} 3\nNode 1, zone Normal ${ORDERS} 5\n`,
    );
    expect(readMemoryState(folder).warnings.slice(0, -1)).toEqual([
      expect.stringMatching(/^In node 1, zone Normal, buddyinfo .*\(order 10: 5 and 4\)/),
    ]);
  });

  it('needs zoneinfo: only it has the memory of each node', () => {
    rmSync(join(folder, 'zoneinfo'));
    expect(() => readMemoryState(folder)).toThrow(/buddyinfo has node 1, and only zoneinfo /);
  });

  it('is refused when the nodes are interleaved', () => {
    write(
      'zoneinfo',
      zoneinfo(0, 'DMA32', 4096, 8192, 10) +
        zoneinfo(0, 'Normal', 2 ** 20, 49_152, 20) +
        zoneinfo(1, 'Normal', 2 ** 20 + 16_384, 16_384, 30),
    );
    expect(() => readMemoryState(folder)).toThrow(
      /zoneinfo: zone Normal and node 1, zone Normal both span page 1064960; interleaved nodes are not modelled/,
    );
  });
});

it('a folder that is not there is refused', () => {
  expect(() => readMemoryState(join(BUNDLED, 'none'))).toThrow(/none.buddyinfo: cannot be read/);
});
